// SPDX-License-Identifier: Apache-2.0
#include "proxy/simulator/picture.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <optional>

namespace loadline::simulator {
namespace {

constexpr double kWidth = 960;
constexpr double kLeft = 84;
constexpr double kRight = 28;
constexpr double kTop = 96;
constexpr double kPanelHeight = 120;
constexpr double kGap = 48;
constexpr std::size_t kPointsMax = 480;  // More are not to be seen.
constexpr std::size_t kPoliciesMax = 6;
// Told apart by those who see colours differently, too (Okabe and Ito), on light and on dark.
constexpr std::array<std::string_view, kPoliciesMax> kColours = {"#0072b2", "#d55e00", "#009e73",
                                                                 "#cc79a7", "#b8860b", "#56b4e9"};

constexpr std::string_view kStyle =
    "<style>.bg{fill:#fff}.ink{fill:#1f2933}.muted{fill:#5b6875}.grid{stroke:#d5dbe1}"
    ".offered{stroke:#8a96a3}@media(prefers-color-scheme:dark){.bg{fill:#12171c}"
    ".ink{fill:#e6ebf0}.muted{fill:#9aa8b5}.grid{stroke:#2c353e}}</style>\n";

using Value = std::optional<double>;

struct Line {
  std::string colour = {};
  bool is_dashed = false;
  std::vector<Value> values = {};
};

struct Panel {
  std::string title = {};
  std::vector<Line> lines = {};
};

// Some moments taken together, so that the eye has something to follow.
template <typename Get>
std::vector<Value> values_of(const Record& record, std::size_t moments, const Get& get) {
  const std::size_t stride = std::max<std::size_t>(1, (moments + kPointsMax - 1) / kPointsMax);
  std::vector<Value> values;
  for (std::size_t begin = 0; begin < moments; begin += stride) {
    Moment sum;
    const std::size_t end = std::min({begin + stride, moments, record.moments.size()});
    for (std::size_t i = begin; i < end; ++i) {
      const Moment& m = record.moments[i];
      sum.offered += m.offered;
      sum.attempts += m.attempts;
      sum.shed += m.shed;
      sum.good += m.good;
      sum.latency_s += m.latency_s;
      sum.limit += m.limit;
      sum.active += m.active;
      sum.waiting += m.waiting;
    }
    const double count = end > begin ? static_cast<double>(end - begin) : 1;
    values.push_back(get(sum, count));
  }
  return values;
}

std::string text(double x, double y, std::string_view anchor, std::string_view style,
                 std::string_view what) {
  std::string safe;
  for (const char c : what) {
    if (c == '<') {
      safe += "&lt;";
    } else if (c == '&') {
      safe += "&amp;";
    } else {
      safe += c;
    }
  }
  return fmt::format(R"(<text x="{:.1f}" y="{:.1f}" text-anchor="{}" {}>{}</text>)"
                     "\n",
                     x, y, anchor, style, safe);
}

// A pleasant number of at least `value`.
double rounded_up(double value) {
  if (!(value > 0)) return 1;
  const double unit = std::pow(10, std::floor(std::log10(value)));
  for (const double step : {1.0, 1.5, 2.0, 3.0, 5.0, 10.0}) {
    if (step * unit >= value) return step * unit;
  }
  return 10 * unit;
}

// Of all but the highest hundredth, which would press the rest to the floor.
double top_of(const Panel& panel) {
  std::vector<double> all;
  for (const Line& line : panel.lines) {
    for (const Value& value : line.values) {
      if (value) all.push_back(*value);
    }
  }
  if (all.empty()) return 1;
  const auto at = static_cast<std::ptrdiff_t>(0.99 * static_cast<double>(all.size() - 1));
  std::nth_element(all.begin(), all.begin() + at, all.end());
  return rounded_up(1.05 * all[static_cast<std::size_t>(at)]);
}

std::string polyline(const Line& line, double top, double bottom, double top_value) {
  const double width = kWidth - kLeft - kRight;
  const auto count = static_cast<double>(std::max<std::size_t>(line.values.size(), 1));
  std::string out;
  std::string points;
  const auto flush = [&] {
    if (!points.empty()) {
      out += fmt::format(R"(<polyline points="{}" fill="none" stroke="{}" stroke-width="1.5"{}/>)"
                         "\n",
                         points, line.colour, line.is_dashed ? R"( stroke-dasharray="4 3")" : "");
    }
    points.clear();
  };
  for (std::size_t i = 0; i < line.values.size(); ++i) {
    if (!line.values[i]) {
      flush();
      continue;
    }
    const double x = kLeft + width * (static_cast<double>(i) + 0.5) / count;
    const double share = std::min(*line.values[i] / top_value, 1.0);
    points += fmt::format("{}{:.1f},{:.1f}", points.empty() ? "" : " ", x,
                          bottom - (bottom - top) * share);
  }
  flush();
  return out;
}

std::string draw(const Panel& panel, double top) {
  const double bottom = top + kPanelHeight;
  const double top_value = top_of(panel);
  std::string out = text(kLeft, top - 10, "start",
                         R"(class="ink" font-size="14" font-weight="bold")", panel.title);
  for (const double share : {0.0, 0.5, 1.0}) {
    const double y = bottom - kPanelHeight * share;
    out += fmt::format(R"(<line x1="{}" y1="{:.1f}" x2="{}" y2="{:.1f}" class="grid"/>)"
                       "\n",
                       kLeft, y, kWidth - kRight, y);
    out += text(kLeft - 8, y + 4, "end", R"(class="muted" font-size="12")",
                fmt::format("{:g}", top_value * share));
  }
  for (const Line& line : panel.lines) out += polyline(line, top, bottom, top_value);
  return out;
}

void add(Panel& panel, std::string_view colour, bool is_dashed, std::vector<Value> values) {
  panel.lines.push_back({std::string(colour), is_dashed, std::move(values)});
}

std::vector<Panel> panels_of(const std::vector<const ReportRow*>& rows, std::size_t moments) {
  constexpr double kPerS = 10;  // Moments.
  std::vector<Panel> panels(5);
  panels[0].title = "Requests per second: offered (grey), answered in time";
  panels[1].title = "Limit (dashed) and active";
  panels[2].title = "Waiting";
  panels[3].title = "Share of attempts refused";
  panels[4].title = "Mean latency of those answered in time, ms";
  add(panels[0], "#8a96a3", false,
      values_of(rows.front()->result.runs.front().record, moments,
                [](const Moment& m, double n) { return kPerS * m.offered / n; }));
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const Record& record = rows[i]->result.runs.front().record;
    const auto line = [&](std::size_t panel, bool is_dashed, auto get) {
      add(panels[panel], kColours[i], is_dashed, values_of(record, moments, get));
    };
    line(0, false, [](const Moment& m, double n) { return kPerS * m.good / n; });
    line(1, true, [](const Moment& m, double n) {
      return std::isfinite(m.limit) ? Value(m.limit / n) : std::nullopt;
    });
    line(1, false, [](const Moment& m, double n) { return m.active / n; });
    line(2, false, [](const Moment& m, double n) { return m.waiting / n; });
    line(3, false, [](const Moment& m, double) {
      return m.attempts > 0 ? Value(std::min(1.0, static_cast<double>(m.shed) / m.attempts))
                            : std::nullopt;
    });
    line(4, false, [](const Moment& m, double) {
      return m.good > 0 ? Value(1000 * m.latency_s / m.good) : std::nullopt;
    });
  }
  return panels;
}

}  // namespace

std::string to_picture(const std::vector<ReportRow>& rows) {
  if (rows.empty() || rows.front().result.runs.empty()) return {};
  const Scenario& scenario = rows.front().cell.scenario;
  std::vector<const ReportRow*> shown;
  for (const ReportRow& row : rows) {
    if (row.cell.scenario == scenario && shown.size() < kPoliciesMax) shown.push_back(&row);
  }
  const auto moments = static_cast<std::size_t>(scenario.length / kMomentLength);
  const std::vector<Panel> panels = panels_of(shown, moments);
  const double bottom = kTop + static_cast<double>(panels.size()) * (kPanelHeight + kGap) - kGap;
  const double height = bottom + 52;
  const std::string title = fmt::format("{}, {} database, {} service times, seed {}", scenario.name,
                                        database_name(scenario), service_name(scenario),
                                        rows.front().result.runs.front().seed);
  std::string out = fmt::format(
      R"(<svg xmlns="http://www.w3.org/2000/svg" width="{0}" height="{1}" viewBox="0 0 {0} {1}" )"
      R"(font-family="Helvetica, Arial, sans-serif" role="img">)"
      "\n",
      kWidth, height);
  out += kStyle;
  out += fmt::format(R"(<rect width="{}" height="{}" class="bg"/>)"
                     "\n",
                     kWidth, height);
  out += text(kLeft, 30, "start", R"(class="ink" font-size="18" font-weight="bold")", title);
  double x = kLeft;
  for (std::size_t i = 0; i < shown.size(); ++i) {
    const std::string& name = shown[i]->result.policy.name;
    out += fmt::format(R"(<rect x="{:.1f}" y="46" width="14" height="14" fill="{}"/>)"
                       "\n",
                       x, kColours[i]);
    out += text(x + 20, 58, "start", R"(class="ink" font-size="13")", name);
    x += 48 + 7.5 * static_cast<double>(name.size());
  }
  for (std::size_t i = 0; i < panels.size(); ++i) {
    out += draw(panels[i], kTop + static_cast<double>(i) * (kPanelHeight + kGap));
  }
  const double seconds = std::chrono::duration<double>(scenario.length).count();
  for (int i = 0; i <= 10; ++i) {
    out += text(kLeft + (kWidth - kLeft - kRight) * i / 10, bottom + 20, "middle",
                R"(class="muted" font-size="12")", fmt::format("{:g}", seconds * i / 10));
  }
  out += text((kLeft + kWidth - kRight) / 2, bottom + 40, "middle",
              R"(class="muted" font-size="12")", "seconds");
  return out + "</svg>\n";
}

}  // namespace loadline::simulator
