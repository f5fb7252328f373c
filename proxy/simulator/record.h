// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "proxy/loadgen/histogram.h"
#include "shedder/clock.h"
#include "shedder/priority.h"
#include "shedder/verdict.h"

namespace loadline::simulator {

// Steps of the oracle, and of the series people look at.
inline constexpr Duration kOracleStep = std::chrono::milliseconds(50);
inline constexpr Duration kMomentLength = std::chrono::milliseconds(100);

// A tenth of a second of a run.
struct Moment {
  std::uint32_t offered = 0;   // Requests that arrived.
  std::uint32_t attempts = 0;  // Theirs and earlier ones'.
  std::uint32_t admitted = 0;
  std::uint32_t shed = 0;
  std::uint32_t good = 0;    // Requests answered in time.
  double latency_s = 0;      // Sum of theirs.
  double limit = 0;          // At the end, as the rest.
  std::uint32_t active = 0;  // Admitted, and the database works on it.
  std::uint32_t waiting = 0;
  double lag_s = 0;                   // The replica's.
  std::uint32_t writes_admitted = 0;  // Of those admitted.
};

// Requests of one tier of one class, or of one tenant.
struct GroupCount {
  std::uint64_t offered = 0;
  std::uint64_t good = 0;
};

// So that structs that have one are initialised with {}.
class LatencyHistogram : public loadgen::Histogram {
 public:
  LatencyHistogram() noexcept : Histogram(8) {}
};

// Verdicts of one reason.
struct RefusalCount {
  std::uint64_t at_offer = 0;
  std::uint64_t late = 0;
  LatencyHistogram waited;  // From the offer to the refusal, both kinds.
};

// How often how many were waiting, looked at every 10 ms.
class Gauge {
 public:
  void record(std::uint32_t value);
  [[nodiscard]] double mean() const;
  [[nodiscard]] std::uint32_t quantile(double fraction) const;
  [[nodiscard]] std::uint32_t max() const;

 private:
  std::vector<std::uint64_t> counts_;
  std::uint64_t count_ = 0;
};

// What happened in a run, as counted.
struct Record {
  // By class * kTierCount + tier.
  std::vector<GroupCount> groups = {};
  std::vector<std::vector<std::uint32_t>> arrivals = {};  // By oracle step.
  std::vector<GroupCount> tenants = {};
  std::vector<std::uint64_t> shed_by_group = {};  // Attempts. As `groups`.
  std::vector<Moment> moments = {};
  // By the second in which the request arrived, whenever it was answered.
  std::vector<std::array<GroupCount, kTierCount>> tiers_by_second = {};

  LatencyHistogram latency;  // Of attempts that were good.
  std::array<LatencyHistogram, kTierCount> tier_latency;
  LatencyHistogram refused;
  std::array<RefusalCount, kShedReasonCount> refusals = {};
  Gauge waiting = {};

  std::uint64_t attempts = 0;
  std::uint64_t admitted = 0;
  std::uint64_t shed = 0;
  std::uint64_t failed = 0;      // Admitted, and refused or lost or stale at the database.
  double work_s = 0;             // At full speed, of statements that ended.
  double wasted_work_s = 0;      // Of those, for clients that had left or that it was of no use to.
  double at_processors = 0;      // Mean number of jobs there over the scenario's length.
  std::uint64_t events = 0;      // Of the simulator itself.
  std::uint64_t unfinished = 0;  // At the end of the run: a defect if any.
};

}  // namespace loadline::simulator
