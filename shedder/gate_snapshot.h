// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "shedder/clock.h"
#include "shedder/demand.h"
#include "shedder/priority.h"
#include "shedder/scorecard.h"
#include "shedder/signals_board.h"
#include "shedder/verdict.h"

namespace loadline {

// Latency histogram bounds, in seconds, upper ends; the last bucket is open. Powers of about 2.
inline constexpr std::array<double, 16> kLatencyBucketBounds = {
    0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05,
    0.1,     0.25,   0.5,   1.0,    2.5,   5.0,  10.0,  30.0};

struct LatencySnapshot {
  std::array<std::uint64_t, kLatencyBucketBounds.size() + 1> buckets = {};  // Not cumulative.
  double sum_seconds = 0;
};

// Totals since start, by tier.
struct TierSnapshot {
  std::uint64_t offered = 0;
  std::uint64_t admitted = 0;
  std::uint64_t completed = 0;  // Admitted and answered by the database, whatever the answer.
  std::uint64_t failed = 0;     // Of those: outcome overload, or lost.
  std::uint64_t abandoned = 0;  // The client left or cancelled, while waiting or later.
  std::array<std::uint64_t, kShedReasonCount> shed = {};
  std::array<std::uint64_t, kShedReasonCount> would_shed = {};  // Admitted, in a dry run.
  LatencySnapshot wait;     // Time in the queue, of the admitted.
  LatencySnapshot service;  // Time at the database, of the completed.
};

// Why the limit is what it is: the inputs and the output of the limiter's last update.
struct LimitSnapshot {
  double limit = 0;
  double elasticity = 0;    // d ln R / d ln n, smoothed, as measured. 0: not measured yet.
  std::string_view reason;  // Static text: fixed, app_limited, rising, falling, slow_start, …
  std::uint64_t updates = 0;
};

struct GateSnapshot {
  std::uint32_t active = 0;
  std::uint32_t held = 0;
  std::uint32_t waiting = 0;
  std::uint64_t ridden = 0;     // Operations that shared a slot of their client's pipeline.
  bool under_pressure = false;  // The wait queue is served newest first.
  bool draining = false;
  bool is_stalled = false;  // The database answers nothing; nothing is learned.
  // Of what is offered of each demand, the share that is refused at once, by priority.
  std::array<double, kDemandCount> rejection_ratio = {};
  // Of what is offered of each demand and tier now, the share that gets past the rejector.
  std::array<std::array<double, kTierCount>, kDemandCount> passing = {};
  std::vector<ScorecardSnapshot> scorecards;
  bool dry_run = false;
  std::uint32_t capped_fingerprints = 0;  // Kinds of statement with a cap of their own now.
  LimitSnapshot limit;
  SignalsSnapshot signals;  // As of the last tick that looked at them.
  std::array<TierSnapshot, kTierCount> tiers;
};

}  // namespace loadline
