// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <optional>
#include <vector>

#include "proxy/simulator/oracle.h"
#include "proxy/simulator/record.h"
#include "proxy/simulator/scenario.h"

namespace loadline::simulator {

// How a replica fared.
struct ReplicaMetrics {
  double lag_max_s = 0;
  double lag_late_s = 0;       // The most of the last quarter.
  double write_deviation = 0;  // Of the writes admitted in 5 s, over the last half; of their mean.
};

// What a run was worth. Ratios are against the oracle for the same arrivals.
struct Metrics {
  double offered_per_s = 0;  // Requests.
  double goodput_per_s = 0;  // Requests answered within an attempt's deadline.
  double goodput_ratio = 0;
  double utility_ratio = 0;
  double oracle_success = 0;  // Share of the offered that the oracle serves.
  std::array<std::optional<double>, kTierCount> tier_success = {};  // None if it offers nothing.
  // Over tenants, of good / min(offered, fair share): 1 is fair. Needs two tenants.
  std::optional<double> jain = {};
  double accept_deviation = 0;  // Of admissions in 100 ms, relative to their mean.
  // From the disturbance's end to the first 3 s with 90% of what the oracle serves. None if there
  // was no disturbance; negative if it never came.
  std::optional<double> recovery_s = {};
  double wasted_work = 0;  // Share of the database's work.
  std::optional<double> false_sheds =
      {};  // Share of attempts refused though there was room for all.
  double waiting_mean = 0;
  double waiting_p99 = 0;
  double waiting_max = 0;
  double at_processors = 0;
  double limit_mean = 0;  // Over the second half. 0: there is none.
  std::optional<ReplicaMetrics> replica = {};
};

[[nodiscard]] Metrics metrics_of(const Scenario& scenario, const Record& record,
                                 const OracleBounds& oracle);

// What each of several gets if all have a right to the same and `total` is there: nobody more than
// they want, and what one leaves is shared by the others.
[[nodiscard]] double fair_share(std::vector<double> demands, double total);

}  // namespace loadline::simulator
