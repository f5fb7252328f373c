// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstdint>

#include "shedder/clock.h"

namespace loadline::simulator {

// The window that Netflix's laws see (WindowedLimit): a second and at least ten answers of at least
// 100 us; their mean latency and the most that were active.
class Window {
 public:
  struct Summary {
    double latency_s = 0;
    double active_max = 0;
  };

  // True if the window closes with this answer; `summary` is of it then.
  bool add(Duration latency, double active, TimePoint now, Summary& summary) {
    if (latency < kLatencyMin) return false;
    // The first ten answers of all are the shortest ones: not the window to begin with.
    if (closes_at_ == TimePoint()) closes_at_ = now + kLength;
    sum_s_ += std::chrono::duration<double>(latency).count();
    active_max_ = std::max(active_max_, active);
    ++count_;
    if (now < closes_at_ || count_ < kCountMin) return false;
    summary = {sum_s_ / count_, active_max_};
    sum_s_ = active_max_ = 0;
    count_ = 0;
    closes_at_ = now + kLength;
    return true;
  }

 private:
  static constexpr Duration kLength = std::chrono::seconds(1);
  static constexpr Duration kLatencyMin = std::chrono::microseconds(100);
  static constexpr std::uint32_t kCountMin = 10;

  double sum_s_ = 0;
  double active_max_ = 0;
  std::uint32_t count_ = 0;
  TimePoint closes_at_ = {};
};

}  // namespace loadline::simulator
