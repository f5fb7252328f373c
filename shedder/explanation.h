// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>

#include "shedder/gate_snapshot.h"

namespace loadline {

// What keeps operations out at the moment, the first of these that applies.
enum class Binding : std::uint8_t {
  nothing,
  draining,    // Loadline is stopping.
  stalled,     // The database answers nothing.
  signal,      // Refused because of a reading from outside.
  rejector,    // Refused by priority.
  limit,       // Operations wait for a slot.
  scorecards,  // Slots are free; what waits, waits for a cap.
};

struct Explanation {
  Binding binding = Binding::nothing;
  // For people, one sentence: what binds, what would be admitted now, and the numbers behind it.
  std::string sentence;
};

// A pure function of the snapshot. Allocates.
[[nodiscard]] Explanation explain(const GateSnapshot& gate);

}  // namespace loadline
