// SPDX-License-Identifier: Apache-2.0
#include "shedder/correlation_limit.h"

#include <algorithm>
#include <cmath>

namespace loadline {
namespace {

constexpr double kQueueAlpha = 3;  // Both in units of log10 L.
constexpr double kQueueBeta = 6;
constexpr double kFullMin = 0.9;  // Of the slots: the mean of a full gate is a little less.
constexpr double kThroughputFollows = 0.3;
constexpr double kLatencyFollows = 0.5;
constexpr double kThroughputFlat = 0.2;
constexpr double kVariationMin = 0.01;
constexpr std::uint32_t kWarmUp = 10;            // Windows.
constexpr double kRecentFactor = 2.0 / (5 + 1);  // Of averages over 5 and 10 windows.
constexpr double kBaselineFactor = 2.0 / (10 + 1);

struct Moments {
  double mean_left = 0;
  double mean_right = 0;
  double covariance = 0;
};

template <typename History>
Moments moments(const History& left, const History& right, std::size_t count) noexcept {
  Moments moments;
  const auto number = static_cast<double>(count);
  for (std::size_t i = 0; i < count; ++i) {
    moments.mean_left += left[i] / number;
    moments.mean_right += right[i] / number;
  }
  for (std::size_t i = 0; i < count; ++i) {
    moments.covariance += (left[i] - moments.mean_left) * (right[i] - moments.mean_right) / number;
  }
  return moments;
}

}  // namespace

void CorrelationLimit::Average::learn(double sample, double factor) noexcept {
  if (learned < kWarmUp) {
    ++learned;
    value += (sample - value) / learned;
  } else {
    value += factor * (sample - value);
  }
}

CorrelationLimit::CorrelationLimit(const LimitBounds& bounds, std::uint32_t initial) noexcept
    : bounds_(bounds), limit_(static_cast<double>(initial)) {}

LimitStep CorrelationLimit::on_tick(const LoadTotals& totals, Duration service,
                                    TimePoint now) noexcept {
  if (const auto window = window_.on_tick(totals, service, now)) on_window(*window);
  return windowed_step(limit_, window_.due(now));
}

void CorrelationLimit::set_bounds(const LimitBounds& bounds) noexcept {
  bounds_ = bounds;
  limit_ = bounded_limit(limit_, bounds_);
}

LimitSnapshot CorrelationLimit::snapshot() const noexcept {
  return {.limit = limit_, .elasticity = 0, .reason = reason_, .updates = updates_};
}

std::size_t CorrelationLimit::remembered() const noexcept {
  return static_cast<std::size_t>(std::min<std::uint64_t>(windows_, kHistory));
}

void CorrelationLimit::remember(const WindowSummary& window) noexcept {
  const std::size_t index = windows_ % kHistory;
  latency_[index] = window.latency;
  ++windows_;
  recent_.learn(median_latency(), kRecentFactor);
  baseline_.learn(recent_.value, kBaselineFactor);
  active_[index] = window.active;
  throughput_[index] = window.throughput;
  latency_recent_[index] = recent_.value;
}

double CorrelationLimit::median_latency() const noexcept {
  std::array<double, kMedianOf> last = {};
  const std::size_t count = std::min(remembered(), kMedianOf);
  for (std::size_t i = 0; i < count; ++i) last[i] = latency_[(windows_ - 1 - i) % kHistory];
  std::sort(last.begin(), last.begin() + static_cast<std::ptrdiff_t>(count));
  return last[count / 2];
}

double CorrelationLimit::variation(const History& history) const noexcept {
  const Moments itself = moments(history, history, remembered());
  return itself.mean_left > 0 ? std::sqrt(itself.covariance) / itself.mean_left : 0;
}

double CorrelationLimit::correlation(const History& left, const History& right) const noexcept {
  const Moments both = moments(left, right, remembered());
  const double scale = variation(left) * both.mean_left * variation(right) * both.mean_right;
  if (variation(left) < kVariationMin || variation(right) < kVariationMin) return 0;
  return std::clamp(both.covariance / scale, -1.0, 1.0);
}

std::string_view CorrelationLimit::guard() const noexcept {
  if (windows_ < kWarmUp) return {};
  const double throughput_follows = correlation(active_, throughput_);
  const double latency_follows = correlation(active_, latency_recent_);
  if (throughput_follows < 0) return "throughput_falls";
  if (latency_follows <= kLatencyFollows) return {};
  if (throughput_follows < kThroughputFollows) return "latency_rises";
  if (variation(throughput_) < kThroughputFlat) return "throughput_flat";
  return {};
}

void CorrelationLimit::step(double slots, std::string_view reason) noexcept {
  limit_ = bounded_limit(limit_ + slots, bounds_);
  reason_ = reason;
  ++updates_;
}

void CorrelationLimit::on_window(const WindowSummary& window) noexcept {
  if (window.latency <= 0 || window.active <= 0) {
    reason_ = "unmeasured";
    return;
  }
  remember(window);
  if (!is_limit_used(window, limit_)) {
    reason_ = "app_limited";
    return;
  }
  const double scale = std::max(1.0, std::log10(limit_));
  const double queue = limit_ * (1 - baseline_.value / recent_.value);
  if (queue > kQueueBeta * scale) return step(-scale, "falling");
  const bool is_full = window.active >= kFullMin * std::floor(limit_);
  if (const std::string_view reason = guard(); is_full && !reason.empty()) {
    return step(-scale, reason);
  }
  if (queue < kQueueAlpha * scale) return step(scale, "rising");
  reason_ = "found";
}

}  // namespace loadline
