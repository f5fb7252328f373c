// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <array>
#include <cmath>

#include "proxy/simulator/baselines/pool.h"

namespace loadline::simulator {

// DAGOR (Zhou et al., "Overload control for scaling WeChat microservices", 2018) before a pool of
// 100. Every second or 2000 requests: if they waited for more than 20 ms on average, the admitted
// levels of priority shrink so that 5% fewer would have been admitted, else they grow by 1%.
class Dagor final : public Pool {
 public:
  Dagor() : Pool({.limit = 100, .wait_max = std::chrono::seconds(120)}) {
    set_period(std::chrono::milliseconds(10));
  }

 private:
  [[nodiscard]] bool refuses(const OperationProfile& profile, TimePoint /*now*/) override {
    const std::size_t level = profile.priority.level();
    ++offered_[level];
    ++count_;
    return level > admitted_until_;
  }

  void on_answer(const Answer& answer, TimePoint /*now*/) override {
    waited_s_ += std::chrono::duration<double>(answer.waited).count();
    ++answers_;
  }

  void on_period(TimePoint now) override {
    if (window_at_ == TimePoint()) window_at_ = now;
    if (now - window_at_ < std::chrono::seconds(1) && count_ < 2000) return;
    // Nobody served while many wait is overload as well.
    const bool is_overloaded = answers_ > 0 ? waited_s_ / answers_ > 0.020 : waiting() > 0;
    double wanted = 0;
    for (std::size_t i = 0; i <= admitted_until_; ++i) wanted += offered_[i];
    wanted += is_overloaded ? -0.05 * wanted : 0.01 * count_;
    std::size_t until = 0;
    for (double sum = offered_[0]; until + 1 < kPriorityCount && sum < wanted;) {
      sum += offered_[++until];
    }
    // Levels that nobody used are no step.
    if (!is_overloaded) until = std::max(until, std::min(admitted_until_ + 1, kPriorityCount - 1));
    if (is_overloaded && until == admitted_until_ && until > 0) --until;
    admitted_until_ = until;
    offered_.fill(0);
    count_ = answers_ = waited_s_ = 0;
    window_at_ = now;
  }

  std::array<double, kPriorityCount> offered_ = {};
  std::size_t admitted_until_ = kPriorityCount - 1;
  double count_ = 0;
  double answers_ = 0;
  double waited_s_ = 0;
  TimePoint window_at_ = {};
};

}  // namespace loadline::simulator
