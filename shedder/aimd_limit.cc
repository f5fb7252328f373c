// SPDX-License-Identifier: Apache-2.0
#include "shedder/aimd_limit.h"

namespace loadline {
namespace {

constexpr double kDecrease = 0.9;
constexpr double kIncreaseSlots = 1;
constexpr double kLatencyMax = 5;  // Seconds.

}  // namespace

AimdLimit::AimdLimit(const LimitBounds& bounds, std::uint32_t initial) noexcept
    : bounds_(bounds), limit_(static_cast<double>(initial)) {}

LimitStep AimdLimit::on_tick(const LoadTotals& totals, Duration service, TimePoint now) noexcept {
  if (const auto window = window_.on_tick(totals, service, now)) on_window(*window);
  return windowed_step(limit_, window_.due(now));
}

void AimdLimit::set_bounds(const LimitBounds& bounds) noexcept {
  bounds_ = bounds;
  limit_ = bounded_limit(limit_, bounds_);
}

LimitSnapshot AimdLimit::snapshot() const noexcept {
  return {.limit = limit_, .elasticity = 0, .reason = reason_, .updates = updates_};
}

void AimdLimit::on_window(const WindowSummary& window) noexcept {
  if (window.overloaded > 0 || window.latency > kLatencyMax) {
    limit_ = bounded_limit(limit_ * kDecrease, bounds_);
    reason_ = "overloaded";
  } else if (is_limit_used(window, limit_)) {
    limit_ = bounded_limit(limit_ + kIncreaseSlots, bounds_);
    reason_ = "rising";
  } else {
    reason_ = "app_limited";
    return;
  }
  ++updates_;
}

}  // namespace loadline
