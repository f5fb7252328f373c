// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "proxy/simulator/report.h"

namespace loadline::simulator {
namespace {

template <typename Get>
std::vector<double> each(const CellResult& result, const Get& get) {
  std::vector<double> values;
  for (const RunResult& run : result.runs) values.push_back(get(run));
  return values;
}

template <typename Get>
double middle(const CellResult& result, const Get& get) {
  return median(each(result, get));
}

template <typename Get>
double least(const CellResult& result, const Get& get) {
  const std::vector<double> values = each(result, get);
  return values.empty() ? 0 : *std::min_element(values.begin(), values.end());
}

// The median of those that have a value; a dash if none has.
template <typename Get>
std::string optional(const CellResult& result, const Get& get, int digits) {
  std::vector<double> values;
  for (const RunResult& run : result.runs) {
    if (const std::optional<double> value = get(run)) values.push_back(*value);
  }
  return values.empty() ? "-" : fmt::format("{:.{}f}", median(values), digits);
}

// A run that never recovered is worse than any number.
std::string recovery(const CellResult& result) {
  std::vector<double> values;
  for (const RunResult& run : result.runs) {
    if (run.metrics.recovery_s) values.push_back(*run.metrics.recovery_s);
  }
  if (values.empty()) return "-";
  const bool is_never = std::any_of(values.begin(), values.end(), [](double v) { return v < 0; });
  return is_never ? "never"
                  : fmt::format("{:.1f}", *std::max_element(values.begin(), values.end()));
}

std::string milliseconds(double value) {
  return fmt::format("{:.{}f}", value, value < 10 ? 2 : value < 100 ? 1 : 0);
}

std::string line_of(const ReportRow& row) {
  const CellResult& r = row.result;
  const auto tier = [&](std::size_t index) {
    return optional(
        r, [=](const RunResult& run) { return run.metrics.tier_success[index]; }, 3);
  };
  const auto latency = [&](double fraction) {
    return milliseconds(middle(r, [=](const RunResult& run) {
      return std::chrono::duration<double, std::milli>(run.record.latency.quantile(fraction))
          .count();
    }));
  };
  return fmt::format(
      "{:<20} {:<5} {:<16} {:<24} {:>6.3f} | {:>6.3f} {:>6.3f} {:>6.3f} {:>6.3f} | {:>5} {:>5} "
      "{:>5} {:>5} | {:>6} {:>6} | {:>5} {:>6} {:>6.3f} {:>6} {:>6.0f} {:>5.0f} {:>5.0f}\n",
      row.cell.scenario.name, database_name(row.cell.scenario), service_name(row.cell.scenario),
      r.policy.name, middle(r, [](const RunResult& run) { return run.metrics.oracle_success; }),
      middle(r, [](const RunResult& run) { return run.metrics.goodput_ratio; }),
      least(r, [](const RunResult& run) { return run.metrics.goodput_ratio; }),
      middle(r, [](const RunResult& run) { return run.metrics.utility_ratio; }),
      least(r, [](const RunResult& run) { return run.metrics.utility_ratio; }), tier(0), tier(1),
      tier(2), tier(3), latency(0.5), latency(0.99),
      optional(
          r, [](const RunResult& run) { return run.metrics.jain; }, 2),
      recovery(r), middle(r, [](const RunResult& run) { return run.metrics.wasted_work; }),
      optional(
          r, [](const RunResult& run) { return run.metrics.false_sheds; }, 3),
      middle(r, [](const RunResult& run) { return run.metrics.waiting_p99; }),
      middle(r, [](const RunResult& run) { return run.metrics.limit_mean; }),
      middle(r, [](const RunResult& run) { return run.metrics.at_processors; }));
}

}  // namespace

std::string to_table(const std::vector<ReportRow>& rows) {
  std::string out = fmt::format(
      "{:<20} {:<5} {:<16} {:<24} {:>6} | {:^13} {:^13} | {:^23} | {:^13} | {:>5} {:>6} {:>6} "
      "{:>6} {:>6} {:>5} {:>5}\n"
      "{:<20} {:<5} {:<16} {:<24} {:>6} | {:>6} {:>6} {:>6} {:>6} | {:>5} {:>5} {:>5} {:>5} | "
      "{:>6} {:>6} | {:>5} {:>6} {:>6} {:>6} {:>6} {:>5} {:>5}\n",
      "", "", "", "", "oracle", "goodput", "utility", "success", "good, ms", "", "recov", "wasted",
      "false", "wait", "", "at", "scenario", "db", "service", "policy", "succ.", "median", "worst",
      "median", "worst", "t0", "t1", "t2", "t3", "p50", "p99", "Jain", "s", "work", "sheds", "p99",
      "limit", "CPU");
  for (const ReportRow& row : rows) out += line_of(row);
  return out;
}

std::string database_name(const Scenario& scenario) {
  return scenario.database.kind == SpeedLaw::Kind::usl ? "usl" : "cores";
}

std::string service_name(const Scenario& scenario) {
  if (scenario.traffic) return "recorded";
  std::string name = to_text(scenario.classes.front().service);
  for (const LoadClass& load_class : scenario.classes) {
    if (load_class.service != scenario.classes.front().service) name = "mixed";
  }
  return name;
}

double median(std::vector<double> values) {
  if (values.empty()) return 0;
  std::sort(values.begin(), values.end());
  const std::size_t half = values.size() / 2;
  return values.size() % 2 == 1 ? values[half] : (values[half - 1] + values[half]) / 2;
}

}  // namespace loadline::simulator
