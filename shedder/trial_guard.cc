// SPDX-License-Identifier: Apache-2.0
#include "shedder/trial_guard.h"

#include <algorithm>
#include <cmath>

namespace loadline {
namespace {

constexpr Duration kEpochLength = std::chrono::seconds(4);
constexpr Duration kRemembered = std::chrono::seconds(60);
// Fewer answers differ by chance as much as limits do.
constexpr std::uint64_t kGoodMin = 400;

constexpr double kClearlyDifferent = 0.2;  // In ln.
constexpr double kWorthATrial = 1.06;
constexpr double kWorthKeeping = 1.04;
constexpr double kBoundFade = 1.02;  // Per epoch.

double seconds_of(Duration duration) noexcept {
  return std::chrono::duration<double>(duration).count();
}

}  // namespace

TrialGuard::Advice TrialGuard::on_tick(double limit, std::uint64_t good, bool saturated,
                                       TimePoint now) noexcept {
  if (!saturated) {
    running_ = false;
    if (!is_trying_) return Advice::none;
    is_trying_ = false;  // There is nothing to compare with any more.
    limit_ = before_trial_.limit;
    return Advice::go_back;
  }
  if (!running_) {
    running_ = true;
    begin_epoch(good, now);
    return Advice::none;
  }
  log_limit_seconds_ += std::log(limit) * seconds_of(elapsed_since(last_tick_, now));
  last_tick_ = now;
  const Duration lasted = elapsed_since(since_, now);
  if (lasted < kEpochLength || good - good_at_start_ < kGoodMin) return Advice::none;

  const Epoch epoch = {.limit = std::exp(log_limit_seconds_ / seconds_of(lasted)),
                       .rate = static_cast<double>(good - good_at_start_) / seconds_of(lasted),
                       .ended = now};
  begin_epoch(good, now);
  if (floor_ > 0) floor_ /= kBoundFade;
  if (ceiling_ > 0) ceiling_ *= kBoundFade;
  return is_trying_ ? on_trial(epoch) : on_epoch(epoch, limit);
}

void TrialGuard::begin_epoch(std::uint64_t good, TimePoint now) noexcept {
  since_ = now;
  last_tick_ = now;
  good_at_start_ = good;
  log_limit_seconds_ = 0;
}

TrialGuard::Advice TrialGuard::on_epoch(const Epoch& epoch, double limit) noexcept {
  const Epoch* best = nullptr;
  for (const Epoch& other : epochs_) {
    if (other.rate <= kWorthATrial * epoch.rate) continue;
    if (elapsed_since(other.ended, epoch.ended) > kRemembered) continue;
    if (std::abs(std::log(other.limit / limit)) <= kClearlyDifferent) continue;
    if (best == nullptr || other.rate > best->rate) best = &other;
  }
  epochs_[next_epoch_] = epoch;
  next_epoch_ = (next_epoch_ + 1) % kEpochCount;
  if (best == nullptr) return Advice::none;
  is_trying_ = true;
  before_trial_ = epoch;
  before_trial_.limit = limit;
  limit_ = best->limit;
  return Advice::try_other;
}

TrialGuard::Advice TrialGuard::on_trial(const Epoch& epoch) noexcept {
  is_trying_ = false;
  epochs_ = {};
  if (epoch.rate <= kWorthKeeping * before_trial_.rate) {
    limit_ = before_trial_.limit;
    return Advice::go_back;
  }
  const double between = std::sqrt(before_trial_.limit * limit_);
  if (limit_ < before_trial_.limit) {
    ceiling_ = between;
    if (floor_ > ceiling_) floor_ = 0;
  } else {
    floor_ = between;
    if (ceiling_ > 0 && ceiling_ < floor_) ceiling_ = 0;
  }
  epochs_[0] = epoch;
  next_epoch_ = 1;
  return Advice::keep;
}

double TrialGuard::bounded(double limit) const noexcept {
  if (floor_ > 0) limit = std::max(limit, floor_);
  if (ceiling_ > 0) limit = std::min(limit, ceiling_);
  return limit;
}

void TrialGuard::forget() noexcept {
  epochs_ = {};
  running_ = false;
  is_trying_ = false;
  floor_ = 0;
  ceiling_ = 0;
}

}  // namespace loadline
