// SPDX-License-Identifier: Apache-2.0
#include "shedder/vegas_limit.h"

#include <algorithm>
#include <cmath>

namespace loadline {
namespace {

constexpr double kQueueGood = 1;  // All in units of log10 L.
constexpr double kQueueAlpha = 3;
constexpr double kQueueBeta = 6;
constexpr double kJump = 6;
constexpr double kBestLasts = 22.5;  // Windows, per slot of the limit.

}  // namespace

VegasLimit::VegasLimit(const LimitBounds& bounds, std::uint32_t initial) noexcept
    : bounds_(bounds), limit_(static_cast<double>(initial)) {}

LimitStep VegasLimit::on_tick(const LoadTotals& totals, Duration service, TimePoint now) noexcept {
  if (const auto window = window_.on_tick(totals, service, now)) on_window(*window);
  return windowed_step(limit_, window_.due(now));
}

void VegasLimit::set_bounds(const LimitBounds& bounds) noexcept {
  bounds_ = bounds;
  limit_ = bounded_limit(limit_, bounds_);
}

LimitSnapshot VegasLimit::snapshot() const noexcept {
  return {.limit = limit_, .elasticity = 0, .reason = reason_, .updates = updates_};
}

void VegasLimit::step(double slots, std::string_view reason) noexcept {
  limit_ = bounded_limit(limit_ + slots, bounds_);
  reason_ = reason;
  ++updates_;
}

void VegasLimit::on_window(const WindowSummary& window) noexcept {
  const double scale = std::max(1.0, std::log10(limit_));
  if (window.overloaded > 0) return step(-scale, "overloaded");
  if (window.latency <= 0) {
    reason_ = "unmeasured";
    return;
  }
  ++windows_since_best_;
  const bool outdated = static_cast<double>(windows_since_best_) >= kBestLasts * limit_;
  if (outdated) windows_since_best_ = 0;
  if (outdated || latency_best_ <= 0 || window.latency < latency_best_) {
    latency_best_ = window.latency;
    reason_ = "new_baseline";
    return;
  }
  if (!is_limit_used(window, limit_)) {
    reason_ = "app_limited";
    return;
  }
  const double queue = limit_ * (1 - latency_best_ / window.latency);
  if (queue <= kQueueGood * scale) return step(kJump * scale, "rising");
  if (queue < kQueueAlpha * scale) return step(scale, "rising");
  if (queue > kQueueBeta * scale) return step(-scale, "falling");
  reason_ = "found";
}

}  // namespace loadline
