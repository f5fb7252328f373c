// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "proxy/simulator/scenario.h"

namespace loadline::simulator {

// Requests by step of kOracleStep, by group: class * kTierCount + tier.
using ArrivalCounts = std::vector<std::vector<std::uint32_t>>;

// What nobody can do better than, for the arrivals of one run.
struct OracleBounds {
  double offered = 0;          // Requests.
  double offered_utility = 0;  // Their worth (kTierUtility).
  double good = 0;             // Requests answered in time, when it's all that counts.
  double utility = 0;          // Worth of those answered in time, when that is all that counts.
  // Requests answered in time by the step they came in, in the first case.
  std::vector<double> good_by_arrival = {};

  [[nodiscard]] double success() const { return offered > 0 ? good / offered : 1; }
};

// A fluid bound with perfect knowledge: who comes when, the mean work of each class, what the
// machine will be able to do. The database serves at its knee all the time, nothing waits for
// anything but the processors, and a request is served in time if the last of its attempts could
// be: its patience is attempts * deadline + 0.15 s (three attempts' back-off). What ends after the
// scenario's length counts neither here nor in a run. Classes of different
// patience all get the largest one, and the replica's lag is no obstacle: both only raise the
// bound.
//
// Requests for a lock share, besides the processors, what the lock can serve: one at a time per
// row, each for its work at the speed of a job among n, so that more jobs mean more throughput and
// slower locks. The bound takes the n from 1 to the knee that is best for the whole run, and for
// each n the least Lagrangian bound over the price of a lock's time: with a price on it, the
// requests are a polymatroid without locks (fluid_bound.h).
//
// It knows means, not single jobs: with very unequal jobs a clairvoyant that serves only short ones
// could do better.
[[nodiscard]] OracleBounds oracle_bounds(const Scenario& scenario, const ArrivalCounts& arrivals);

// The arrivals to be expected, for bounds without a run. Rounded to whole requests over time.
[[nodiscard]] ArrivalCounts expected_arrivals(const Scenario& scenario);

}  // namespace loadline::simulator
