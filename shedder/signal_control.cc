// SPDX-License-Identifier: Apache-2.0
#include "shedder/signal_control.h"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace loadline {
namespace {

constexpr double kRiseSeconds = 1;
constexpr double kReleaseSeconds = 4;
constexpr double kReleasedBelow = 0.001;

constexpr double kTargetShare = 0.75;  // Of the setpoint.
constexpr double kLoopDelaySeconds = 1.5;
constexpr double kLearnedFromShare = 0.5;  // Of the target.
constexpr double kLearnSeconds = 5;
constexpr double kSlopeSeconds = 3;
constexpr double kSlopeMax = 0.95;  // Nothing is being applied: no telling how much too much.
// A lag that grows faster was misread. Nothing is infinite then, and it is forgotten in half a
// minute.
constexpr double kMeasuredSlopeMax = 1000;
constexpr double kReadingsApart = 0.1;  // Seconds. Closer ones say nothing of a slope.
constexpr std::uint32_t kCaughtUpPolls = 2;
constexpr double kLeakSeconds = 15;
constexpr double kEffortsPerTarget = 16;

double seconds_in(Duration elapsed) noexcept {
  return std::chrono::duration<double>(elapsed).count();
}

double effort_of(double ratio) noexcept { return -std::log(1 - ratio); }
// What decays exponentially would never arrive at nothing.
double released(double ratio) noexcept { return ratio < kReleasedBelow ? 0 : ratio; }
double ratio_of(double effort) noexcept { return 1 - std::exp(-effort); }

}  // namespace

void ProportionalControl::update(Duration elapsed) noexcept {
  const double share = (value_ - levels_.setpoint) / (levels_.hard - levels_.setpoint);
  const double target = std::clamp(share, 0.0, kSignalRatioMax);
  const double seconds = target > ratio_ ? kRiseSeconds : kReleaseSeconds;
  ratio_ += (target - ratio_) * -std::expm1(-seconds_in(elapsed) / seconds);
  if (target <= 0) ratio_ = released(ratio_);
}

void ProportionalControl::decay(double factor) noexcept { ratio_ = released(ratio_ * factor); }

IntegratingControl::IntegratingControl(const SignalLevels& levels) noexcept
    : target_(kTargetShare * levels.setpoint),
      gain_(1 / (std::numbers::e * (kLoopDelaySeconds + target_))),
      effort_every_s_(std::max(1.0, target_ / kEffortsPerTarget)) {}

void IntegratingControl::on_reading(double value) noexcept {
  const bool caught_up = value <= kLearnedFromShare * target_ && value <= value_;
  caught_up_ = caught_up ? caught_up_ + 1 : 0;
  const double elapsed = since_reading_s_;
  if (has_reading_ && elapsed < kReadingsApart) return;
  if (has_reading_) {
    const double slope =
        std::clamp((value - value_) / elapsed, -kMeasuredSlopeMax, kMeasuredSlopeMax);
    slope_ += (slope - slope_) * -std::expm1(-elapsed / kSlopeSeconds);
  }
  value_ = value;
  has_reading_ = true;
  since_reading_s_ = 0;
  if (value >= target_) armed_ = true;
  if (value > kLearnedFromShare * target_) learn(elapsed);
}

void IntegratingControl::learn(double seconds_since_reading) noexcept {
  const double excess = slope_ > 0 ? -std::log(1 - std::min(slope_, kSlopeMax)) : slope_;
  const double estimate = std::max(0.0, effort_then() + excess);
  base_ += (estimate - base_) * -std::expm1(-seconds_since_reading / kLearnSeconds);
}

double IntegratingControl::effort_then() const noexcept {
  if (efforts_count_ == 0) return 0;
  const double ago = (value_ + kLoopDelaySeconds) / effort_every_s_;
  const std::size_t kept = std::min(efforts_count_, kEffortsKept);
  const auto back = static_cast<std::size_t>(std::min(ago, static_cast<double>(kept - 1)));
  return static_cast<double>(efforts_[(efforts_count_ - 1 - back) % kEffortsKept]);
}

void IntegratingControl::update(Duration elapsed) noexcept {
  const double effort_max = effort_of(kSignalRatioMax);
  const double seconds = seconds_in(elapsed);
  since_reading_s_ += seconds;
  if (caught_up_ >= kCaughtUpPolls) base_ *= std::exp(-seconds / kLeakSeconds);
  base_ = std::min(base_, effort_max);
  const double wanted = gain_ * (value_ - target_) + base_;
  if (caught_up_ >= kCaughtUpPolls && wanted <= 0) armed_ = false;
  effort_ = armed_ ? std::clamp(wanted, 0.0, effort_max) : 0;

  effort_due_s_ -= seconds;
  if (effort_due_s_ > 0) return;
  effort_due_s_ = effort_every_s_;
  efforts_[efforts_count_++ % kEffortsKept] = static_cast<float>(effort_);
}

// Without readings there is no slope either, and what is to be forgotten must not be remembered.
void IntegratingControl::decay(double factor) noexcept {
  effort_ = effort_of(released(ratio() * factor));
  base_ = std::min(base_, effort_);
  const auto effort = static_cast<float>(effort_);
  for (float& remembered : efforts_) remembered = std::min(remembered, effort);
  slope_ = 0;
  has_reading_ = false;
  since_reading_s_ = 0;
}

double IntegratingControl::ratio() const noexcept { return ratio_of(effort_); }

}  // namespace loadline
