// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>

#include "proxy/loadgen/random.h"
#include "shedder/clock.h"

namespace loadline::loadgen {

// How long a client waits before it tries again: "full jitter", a uniform draw between nothing and
// a bound that doubles with every failure. It spreads a crowd better than equal or partly drawn
// waits.
struct Backoff {
  Duration first = std::chrono::milliseconds(50);  // The bound after the first failure.
  Duration max = std::chrono::seconds(2);          // The bound stops doubling here.

  // `failures` of this operation so far, at least 1. If the server said when to come back, the draw
  // comes on top, so that those who were told the same don't come together.
  [[nodiscard]] Duration delay(std::uint32_t failures, std::optional<Duration> retry_after,
                               Random& random) const noexcept;
};

}  // namespace loadline::loadgen
