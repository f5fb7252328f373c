// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "shedder/clock.h"
#include "shedder/gate_snapshot.h"
#include "shedder/limit_law.h"
#include "shedder/operation.h"
#include "shedder/priority.h"
#include "shedder/rejector.h"
#include "shedder/rng.h"
#include "shedder/signal_options.h"
#include "shedder/verdict.h"

namespace loadline {

// A total that one thread adds to and any thread may read. A plain add for the writer: no locked
// instruction, since nobody else writes.
template <typename Value>
class SingleWriter {
 public:
  void add(Value amount) noexcept {
    value_.store(value_.load(std::memory_order_relaxed) + amount, std::memory_order_relaxed);
  }
  [[nodiscard]] Value read() const noexcept { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<Value> value_ = 0;
};

using Counter = SingleWriter<std::uint64_t>;

// Latencies by the bounds of gate_snapshot.h.
class LatencyHistogram {
 public:
  void record(Duration latency) noexcept;
  void add_to(LatencySnapshot& snapshot) const noexcept;

 private:
  std::array<Counter, kLatencyBucketBounds.size() + 1> buckets_;
  SingleWriter<std::int64_t> sum_nanoseconds_;
};

// The usual ln(latency) of each kind of operation, so that a change of the mix isn't taken for a
// change of speed: the limiter looks at the distance from it. A centre holds still during a cycle
// of the limiter and moves to the cycle's own mean after it; one that followed at once would follow
// the very effect that is being measured.
//
// Fingerprints share 1024 slots by hash and those that collide share a centre: bounded, no
// eviction, and wrong only in that the two aren't told apart. Used by one thread.
class LatencyCentres {
 public:
  // The distance of `log_latency` from its kind's centre, at most kDistanceMax either way. A kind
  // without a centre yet is measured from zero, in full.
  [[nodiscard]] double centred(std::uint64_t fingerprint, std::uint32_t cycle,
                               double log_latency) noexcept;

 private:
  static constexpr std::size_t kSlotCount = 1024;
  static constexpr std::uint32_t kSamplesMin = 20;          // For a mean to be one.
  static constexpr std::uint32_t kSamplesKept = 1U << 16U;  // In a cycle that lasts for hours.
  static constexpr double kDistanceMax = 2.5;

  struct Slot {
    double centre = 0;
    double sum = 0;
    std::uint32_t count = 0;
    std::uint32_t cycle = 0;
    bool known = false;
  };
  std::array<Slot, kSlotCount> slots_ = {};
};

struct TierCounters {
  Counter offered;
  Counter admitted_at_once;
  Counter admitted_from_queue;
  Counter completed;
  Counter failed;
  Counter abandoned_waiting;
  Counter abandoned_active;
  std::array<Counter, kShedReasonCount> shed;
  std::array<Counter, kShedReasonCount> would_shed;
  LatencyHistogram wait;  // Of those admitted from the queue.
  LatencyHistogram service;

  void add_to(TierSnapshot& snapshot) const noexcept;
};

// What the rejector looks at, of reads or of writes.
struct DemandCounters {
  Counter offered;
  Counter entered;  // Admitted, or let into the queue.
  Counter started;  // Admitted.
  std::array<SingleWriter<std::uint32_t>, kPlaceCount> offered_by_place;

  void add_to(Rejector::Flow& flow) const noexcept;
};

// What signals look at and do. Nothing is counted while there are none.
struct SignalCounters {
  // By class, before any of it is refused.
  std::array<std::array<SingleWriter<std::uint32_t>, kPriorityCount>, kOperationClassCount>
      offered_by_level;
  std::array<Counter, kSignalsMax> shed;  // By the signal that bound.
};

// What the operations of one fingerprint took.
struct FingerprintCounters {
  Counter count;
  SingleWriter<double> log_seconds;
};

// What one worker saw. Written by that worker's thread alone; the control thread and readers of
// metrics take differences of the totals. On cache lines of its own.
struct alignas(64) ObservationShard {
  ObservationShard(std::size_t fingerprint_slots, std::size_t tenant_slots, std::uint64_t seed);

  std::array<TierCounters, kTierCount> tiers;
  std::array<DemandCounters, kDemandCount> demands;
  std::vector<FingerprintCounters> fingerprints;  // By CountingTable's slots.
  std::vector<SingleWriter<double>> tenants;      // By TenantShares' slots: what they asked for.
  SingleWriter<double> entered_work;              // Of that, what the rejector let through.
  Rng rng;
  Counter ridden;
  SingleWriter<std::int64_t> held;

  // What the limiter learns from: see LoadTotals.
  Counter answered;
  SingleWriter<std::int64_t> service_nanoseconds;
  Counter overloaded;
  Counter samples;
  SingleWriter<double> sample_log_latency;
  Counter sample_active;
  LatencyCentres centres;
  SignalCounters signals;  // Last: most gates never touch it.

  void add_to(LoadTotals& totals) const noexcept;
};

}  // namespace loadline
