// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "shedder/clock.h"
#include "shedder/priority.h"

namespace loadline {

inline constexpr std::size_t kSignalsMax = 32;  // Of one gate.

// What becomes of a signal whose reading is older than its ttl, its time to live.
enum class SignalStale : std::uint8_t {
  ignore,  // It sheds less and less, to nothing within some 20 s: not knowing is no overload.
  hold,    // It sheds what it shed for `hold_for` more, then half as much every 10 s.
  shed,    // It sheds `stale_ratio`. Also one that was never read, a ttl after it began.
};

// How the value answers to shedding: see signal_control.h.
enum class SignalPlant : std::uint8_t {
  proportional,
  // Requires 0 < setpoint < hard, in seconds of lag, and a poll every second or sooner. Let `hard`
  // be at least 3 x the setpoint, and 4 s: at 2 x ordinary transients reach it and, where the
  // replica applies a third of the writes, it becomes a relay.
  integrating,
};

// The defaults are the documentation.
struct SignalOptions {
  std::string name = {};  // Of its own: whoever reads the outside world knows it by this.
  // In the signal's own unit. Shedding begins at the setpoint; at `hard` everything concerned is
  // shed. `hard` is below the setpoint for what is bad when it falls, such as free disk.
  double setpoint = 0;
  double hard = 1;
  bool negative_allowed = false;

  // What the signal concerns.
  bool reads = true;
  bool writes = true;
  bool ddl = true;
  Tier tier_best = Tier::t1;  // t0 is exempt unless the operator says otherwise.
  Tier tier_worst = Tier::t5;

  SignalPlant plant = SignalPlant::proportional;
  Duration ttl = std::chrono::seconds(5);  // How long a reading counts.
  SignalStale stale = SignalStale::hold;
  Duration hold_for = std::chrono::seconds(10);
  double stale_ratio = 0.5;  // 0 to 1.
  bool dry_run = false;      // Computed and shown, but sheds nothing.

  bool operator==(const SignalOptions&) const = default;
};

}  // namespace loadline
