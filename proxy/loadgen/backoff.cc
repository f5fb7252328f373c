// SPDX-License-Identifier: Apache-2.0
#include "proxy/loadgen/backoff.h"

#include <algorithm>
#include <cassert>

namespace loadline::loadgen {

Duration Backoff::delay(std::uint32_t failures, std::optional<Duration> retry_after,
                        Random& random) const noexcept {
  assert(failures > 0);
  Duration bound = std::min(first, max);
  for (std::uint32_t i = 1; i < failures && bound < max; ++i) {
    bound = bound > max / 2 ? max : bound * 2;
  }
  const Duration drawn(
      static_cast<Duration::rep>(static_cast<double>(bound.count()) * random.unit()));
  return retry_after.value_or(Duration::zero()) + drawn;
}

}  // namespace loadline::loadgen
