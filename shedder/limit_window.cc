// SPDX-License-Identifier: Apache-2.0
#include "shedder/limit_window.h"

#include <algorithm>
#include <cmath>

namespace loadline {
namespace {

constexpr Duration kLengthMin = std::chrono::seconds(1);
constexpr Duration kLengthMax = std::chrono::seconds(10);
constexpr Duration kGiveUpAfter = std::chrono::seconds(30);
constexpr Duration kPoll = std::chrono::milliseconds(100);
constexpr std::uint64_t kEndedMin = 10;
constexpr double kUsedMin = 0.5;
constexpr LimitPhase kPhase = LimitPhase(1, 2);

bool has_gone_backwards(const LoadTotals& then, const LoadTotals& totals) noexcept {
  return totals.answered < then.answered || totals.overloaded < then.overloaded ||
         totals.samples < then.samples || totals.active < then.active ||
         totals.service < then.service;
}

}  // namespace

std::optional<WindowSummary> LimitWindow::on_tick(const LoadTotals& totals, Duration service,
                                                  TimePoint now) noexcept {
  length_ = std::clamp(service, kLengthMin / 2, kLengthMax / 2) * 2;
  if (!is_open_ || has_gone_backwards(mark_, totals)) {
    open(totals, now);
    return std::nullopt;
  }
  since_ = std::min(since_, now);  // Or a clock that fell back would have to catch up first.
  const Duration lasted = now - since_;
  if (lasted < length_) return std::nullopt;

  WindowSummary window = {.answered = totals.answered - mark_.answered,
                          .overloaded = totals.overloaded - mark_.overloaded};
  if (window.answered + window.overloaded < kEndedMin) {
    if (lasted >= kGiveUpAfter) open(totals, now);
    return std::nullopt;
  }
  const auto answered = static_cast<double>(window.answered);
  window.throughput = answered / std::chrono::duration<double>(lasted).count();
  if (window.answered > 0) {
    window.latency =
        std::chrono::duration<double>(totals.service - mark_.service).count() / answered;
  }
  if (totals.samples > mark_.samples) {
    window.active = static_cast<double>(totals.active - mark_.active) /
                    static_cast<double>(totals.samples - mark_.samples);
  }
  open(totals, now);
  return window;
}

TimePoint LimitWindow::due(TimePoint now) const noexcept {
  return std::max(since_ + length_, now + kPoll);
}

void LimitWindow::open(const LoadTotals& totals, TimePoint now) noexcept {
  is_open_ = true;
  since_ = now;
  mark_ = totals;
}

bool is_limit_used(const WindowSummary& window, double limit) noexcept {
  return window.active >= kUsedMin * limit;
}

double bounded_limit(double limit, const LimitBounds& bounds) noexcept {
  const auto min = static_cast<double>(bounds.min);
  if (std::isnan(limit)) return min;
  return std::clamp(limit, min, static_cast<double>(bounds.max));
}

LimitStep windowed_step(double limit, TimePoint due) noexcept {
  return {.slots = static_cast<std::uint32_t>(std::lround(limit)), .phase = kPhase, .due = due};
}

}  // namespace loadline
