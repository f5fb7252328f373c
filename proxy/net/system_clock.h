// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <time.h>

#include "shedder/clock.h"

namespace loadline::net {

// The one place that reads the monotonic clock. About 30 ns: read once per event, pass on.
[[nodiscard]] inline TimePoint monotonic_now() noexcept {
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);
  return TimePoint(std::chrono::seconds(now.tv_sec) + std::chrono::nanoseconds(now.tv_nsec));
}

}  // namespace loadline::net
