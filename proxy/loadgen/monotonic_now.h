// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>

#include "shedder/clock.h"

namespace loadline::loadgen {

[[nodiscard]] inline TimePoint monotonic_now() noexcept {
  return TimePoint(std::chrono::steady_clock::now().time_since_epoch());
}

}  // namespace loadline::loadgen
