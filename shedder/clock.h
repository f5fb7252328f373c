// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>

namespace loadline {

using Duration = std::chrono::nanoseconds;

// Tag type: has no now(), so code that is given times cannot read a clock by accident. Its origin
// is that of the host's monotonic clock; proxy/net converts.
struct MonotonicClock {
  using duration = Duration;
  using rep = duration::rep;
  using period = duration::period;
  using time_point = std::chrono::time_point<MonotonicClock>;
};

using TimePoint = MonotonicClock::time_point;

// Time since `then`; nothing if `now`, read on another thread, is a little behind.
[[nodiscard]] constexpr Duration elapsed_since(TimePoint then, TimePoint now) noexcept {
  return now > then ? now - then : Duration::zero();
}

}  // namespace loadline
