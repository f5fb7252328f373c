// SPDX-License-Identifier: Apache-2.0
#include "shedder/gradient2_limit.h"

#include <algorithm>

namespace loadline {
namespace {

constexpr double kTolerance = 1.5;
constexpr double kGradientMin = 0.5;
constexpr double kQueueAllowed = 4;  // Slots.
constexpr double kSmoothing = 0.2;
constexpr std::uint32_t kWarmUp = 10;            // Windows.
constexpr double kLongFactor = 2.0 / (600 + 1);  // Of an average over 600 windows.
constexpr double kLongOverShortMax = 2;
constexpr double kLongRecovery = 0.95;

}  // namespace

Gradient2Limit::Gradient2Limit(const LimitBounds& bounds, std::uint32_t initial) noexcept
    : bounds_(bounds), limit_(static_cast<double>(initial)) {}

LimitStep Gradient2Limit::on_tick(const LoadTotals& totals, Duration service,
                                  TimePoint now) noexcept {
  if (const auto window = window_.on_tick(totals, service, now)) on_window(*window);
  return windowed_step(limit_, window_.due(now));
}

void Gradient2Limit::set_bounds(const LimitBounds& bounds) noexcept {
  bounds_ = bounds;
  limit_ = bounded_limit(limit_, bounds_);
}

LimitSnapshot Gradient2Limit::snapshot() const noexcept {
  return {.limit = limit_, .elasticity = 0, .reason = reason_, .updates = updates_};
}

void Gradient2Limit::learn(double latency) noexcept {
  if (latencies_learned_ < kWarmUp) {
    ++latencies_learned_;
    latency_long_ += (latency - latency_long_) / latencies_learned_;
  } else {
    latency_long_ += kLongFactor * (latency - latency_long_);
  }
}

void Gradient2Limit::on_window(const WindowSummary& window) noexcept {
  if (window.latency <= 0) {
    reason_ = "unmeasured";
    return;
  }
  learn(window.latency);
  const double ratio = latency_long_ / window.latency;
  if (ratio > kLongOverShortMax) latency_long_ *= kLongRecovery;
  if (!is_limit_used(window, limit_)) {
    reason_ = "app_limited";
    return;
  }
  const double gradient = std::clamp(kTolerance * ratio, kGradientMin, 1.0);
  const double target = gradient * limit_ + kQueueAllowed;
  const double before = limit_;
  limit_ = bounded_limit(limit_ + kSmoothing * (target - limit_), bounds_);
  reason_ = limit_ >= before ? "rising" : "falling";
  ++updates_;
}

}  // namespace loadline
