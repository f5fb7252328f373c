// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <vector>

#include "shedder/clock.h"
#include "shedder/scorecard.h"
#include "shedder/signal_options.h"

namespace loadline {

// How the in-flight limit is found.
enum class LimitMode : std::uint8_t {
  fixed,  // limit_initial, for ever.
  // Between limit_min and limit_max: by the knee of throughput, or by a law that others use.
  automatic,
  aimd,
  vegas,
  gradient2,
  correlation,
};

// Whether a part of the gate does what it decides.
enum class Enforcement : std::uint8_t {
  off,
  on,
  dry_run,  // Decides and counts, and lets everything pass.
};

// The defaults are the documentation. Sources of the constants: docs/admission.md.
struct GateOptions {
  LimitMode limit_mode = LimitMode::automatic;
  // Low rather than high: a limit that is too low costs a little throughput for a moment, one that
  // is too high lets the database collapse while the limiter learns.
  std::uint32_t limit_initial = 20;
  std::uint32_t limit_min = 4;
  std::uint32_t limit_max = 1000;

  // How long a client is assumed to wait for its answer when it doesn't say.
  Duration deadline = std::chrono::seconds(1);
  // Wait budget: the longest an operation waits for a slot when the queue was recently empty.
  Duration wait_max = std::chrono::milliseconds(500);
  // Non-empty for this long, and too long for all in it to be served within half the wait budget,
  // is pressure: newest first from then on.
  Duration pressure_after = std::chrono::milliseconds(50);
  // Refuse at once, by priority, what would only wait in vain.
  Enforcement rejector = Enforcement::on;
  // What a tenant asks for beyond this share of what the database carries counts as one tier less
  // important (t0 excepted) while others want it too; twice an equal share if that is more. 1: off.
  double tenant_share = 0.5;
  // At most kScorecardsMax.
  std::vector<ScorecardOptions> scorecards = {};
  // Every verdict is computed and counted, none is enforced: all is admitted at once. An automatic
  // limit is then found by the correlation law, since others need the limit to do something.
  bool dry_run = false;
  // The most operations that may wait at once. 0: 1.5 x capacity x wait_max, at least 256.
  std::uint32_t waiting_max = 0;
  // Share of free slots, in percent, that goes to the worst waiting tier, so that none starves.
  std::uint32_t starvation_floor_percent = 3;
  // Readings from outside that it acts on. At most kSignalsMax, each with a name of its own.
  std::vector<SignalOptions> signals = {};

  bool operator==(const GateOptions&) const = default;
};

}  // namespace loadline
