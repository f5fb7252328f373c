// SPDX-License-Identifier: Apache-2.0
#pragma once

// Inside of Gate; for shedder/gate*.cc only.

#include <array>
#include <atomic>
#include <cstdint>
#include <limits>
#include <memory>
#include <mutex>
#include <variant>
#include <vector>

#include "shedder/aimd_limit.h"
#include "shedder/correlation_limit.h"
#include "shedder/counting_table.h"
#include "shedder/expiry_wheel.h"
#include "shedder/fingerprint_book.h"
#include "shedder/fixed_limit.h"
#include "shedder/gate.h"
#include "shedder/gradient2_limit.h"
#include "shedder/knee_limit.h"
#include "shedder/load_estimate.h"
#include "shedder/observation.h"
#include "shedder/pressure_detector.h"
#include "shedder/priority_cut.h"
#include "shedder/rejector.h"
#include "shedder/rng.h"
#include "shedder/slot_counter.h"
#include "shedder/stall_detector.h"
#include "shedder/vegas_limit.h"
#include "shedder/wait_queue.h"

namespace loadline {

struct Gate::State {
  // Statements that are told apart at a time; the ninth of a set shares a slot with its like.
  static constexpr std::size_t kFingerprintSlots = 1024;

  [[nodiscard]] static std::size_t tier_index(const Operation& operation) noexcept {
    return static_cast<std::size_t>(operation.profile_.priority.tier());
  }
  [[nodiscard]] static std::size_t demand_index(const Operation& operation) noexcept {
    return operation.demand_;
  }

  State(const GateOptions& options, std::uint32_t worker_count, std::uint64_t seed);

  using Lock = std::lock_guard<std::mutex>;
  using Limiter =
      std::variant<FixedLimit, KneeLimit, AimdLimit, VegasLimit, Gradient2Limit, CorrelationLimit>;

  // gate.cc: on the path of an operation.
  [[nodiscard]] ObservationShard& shard_of(const Operation& operation) noexcept {
    return *shards[operation.worker_index_];
  }
  // Counts it as offered and under its caps. False: a cap is full.
  [[nodiscard]] bool begin(Operation& operation, const OperationProfile& profile,
                           TimePoint now) noexcept;
  [[nodiscard]] static Demand demand_of(const Operation& operation, bool fits_caps) noexcept;
  // False: refused by its priority, without a lock.
  [[nodiscard]] bool passes_threshold(Operation& operation, TimePoint now) noexcept;
  // True: a slot was free and nobody waited.
  [[nodiscard]] bool start_at_once(Operation& operation, TimePoint now) noexcept;
  // Counts it under its fingerprint and its lane. False: one of them is full.
  [[nodiscard]] bool enter_caps(Operation& operation) noexcept;
  // True: see CountingTable::leave.
  [[nodiscard]] bool leave_caps(const Operation& operation) noexcept;
  void activate(Operation& operation, SlotCounter::Counts counts, TimePoint now) const noexcept;
  // An active operation ends or is held, after `service`.
  void release(Operation& operation, Duration service, TimePoint now) noexcept;
  [[nodiscard]] Duration service_until(const Operation& operation, TimePoint now) const noexcept;
  void record_answer(Operation& operation, Outcome outcome, TimePoint now) noexcept;

  // gate_waiting.cc: all under the lock, except as said.
  void wait_or_shed(Operation& operation, TimePoint now) noexcept;
  void begin_waiting(Operation& operation, TimePoint now) noexcept;
  void dispatch(TimePoint now) noexcept;
  // One that waits for its turn, beyond the limit, to see whether a stalled database answers.
  void dispatch_probe(TimePoint now) noexcept;
  void start(Operation& operation, SlotCounter::Counts counts, TimePoint now) noexcept;
  void expire(TimePoint now) noexcept;
  // False: it has waited for long enough even so.
  [[nodiscard]] bool stays_until_deadline(Operation& operation, TimePoint now) noexcept;
  [[nodiscard]] Duration wait_max_in_stall() const noexcept;
  void flush(ShedReason reason, TimePoint now) noexcept;
  // Takes a waiting operation out.
  void unlink(Operation& operation) noexcept;
  // The slot counter's view of the queue follows the queue.
  void publish_waiting() noexcept;
  void shed_waiting(Operation& operation, ShedReason reason, TimePoint now) noexcept;
  void shed(Operation& operation, ShedReason reason, TimePoint now) noexcept;
  // By anybody, with what is the caller's own.
  void set_shed(Operation& operation, ShedReason reason, Rng& draws, TimePoint now) const noexcept;
  [[nodiscard]] ShedReason expiry_reason(const Operation& operation) const noexcept;
  [[nodiscard]] bool is_room_for(const Operation& operation, TimePoint now) noexcept;
  [[nodiscard]] Duration expected_service(const Operation& operation) const noexcept;
  [[nodiscard]] std::uint32_t waiting_max() const noexcept;
  [[nodiscard]] bool is_pressed(TimePoint now) const noexcept;
  // Too long for all in it to be served in good time.
  [[nodiscard]] bool is_queue_long() const noexcept;
  // Of the slots that come free, for the worst tier that waits.
  [[nodiscard]] std::uint32_t starvation_floor_percent() const noexcept;
  // Operations that all slots together could answer in a second. 0: not known yet.
  [[nodiscard]] double capacity() const noexcept;
  [[nodiscard]] bool is_heavy_lane_full() const noexcept;

  // gate_control.cc: all under the lock.
  [[nodiscard]] static Limiter make_limiter(const GateOptions& options, std::uint32_t initial);
  [[nodiscard]] LoadTotals totals() const noexcept;
  // When the law wants to look again.
  [[nodiscard]] TimePoint run_limiter(const LoadTotals& totals, TimePoint now) noexcept;
  void run_stall_detector(const LoadTotals& totals, TimePoint now) noexcept;
  void run_fingerprints(TimePoint now) noexcept;
  void open_thresholds() noexcept;
  [[nodiscard]] TimePoint run_rejector(TimePoint now) noexcept;

  // Every operation writes the first line; the second changes once a tick.
  alignas(64) SlotCounter counter;
  alignas(64) std::atomic<std::uint32_t> slots;  // The limit in whole slots: see LimitStep.
  std::atomic<std::uint32_t> limit_phase = 0;    // LimitPhase.
  std::atomic<bool> draining = false;
  std::array<std::atomic<std::uint32_t>, kDemandCount> thresholds;  // PriorityThreshold.
  std::atomic<float> shed_ratio = 0;  // For retry_after: the share that is being refused.
  std::atomic<std::uint32_t> heavy_max = std::numeric_limits<std::uint32_t>::max();

  alignas(64) std::atomic<std::uint32_t> heavy_active = 0;
  CountingTable fingerprint_counts;
  FingerprintBook fingerprints;

  std::uint32_t worker_count;
  std::vector<std::unique_ptr<ObservationShard>> shards;

  // Verdicts on those that waited. Written under the lock, by any thread.
  ObservationShard decided;

  alignas(64) mutable std::mutex mutex;
  // The rest is guarded by the mutex.
  GateOptions options;
  WaitQueue queue;
  std::uint32_t published_waiting = 0;
  const Operation* newcomer = nullptr;  // In offer(): hears its verdict as the return value.
  std::array<std::uint32_t, kDemandCount> waiting_by_demand = {};
  bool was_full = false;  // The queue's bound has been met since the rejector last looked.
  ExpiryWheel wheel;
  PressureDetector pressure;
  bool under_pressure = false;          // As the last tick saw it: a snapshot knows no time.
  std::uint32_t worst_tier_credit = 0;  // Percent of a pop that the worst waiting tier is owed.
  TimePoint light_waited_at = {};       // When a light operation last had to wait.
  Rng rng;
  LoadEstimate estimate;
  StallDetector stall;
  TimePoint probed_at = {};
  TimePoint stalled_until = {};  // When the database was last seen to stand still.
  Limiter limiter;
  TimePoint fingerprints_due = {};
  TimePoint fingerprints_since = {};
  std::vector<FingerprintBook::Totals> fingerprint_totals;  // Room for run_fingerprints.
  std::vector<std::uint32_t> fingerprint_active;
  Rejector rejector;
  TimePoint rejector_due = {};
  std::array<PriorityCut, kDemandCount> cuts;
  std::array<PriorityCut::Counts, kDemandCount> levels_mark = {};
  TimePoint tick_due = TimePoint::max();  // What the last tick returned, or sooner if asked since.

  std::atomic<bool> wake_requested = false;
};

}  // namespace loadline
