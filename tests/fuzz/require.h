// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdlib>

namespace loadline::fuzz {

// Not assert(): fuzzers also run in builds without it.
inline void require(bool invariant) {
  if (!invariant) std::abort();
}

}  // namespace loadline::fuzz
