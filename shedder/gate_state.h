// SPDX-License-Identifier: Apache-2.0
#pragma once

// Inside of Gate; for shedder/gate*.cc only.

#include <array>
#include <atomic>
#include <cstdint>
#include <limits>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
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
#include "shedder/scorecards.h"
#include "shedder/signal_cut.h"
#include "shedder/signals_board.h"
#include "shedder/slot_counter.h"
#include "shedder/stall_detector.h"
#include "shedder/tenant_shares.h"
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
  // What it is expected to take of the slots, in units of the usual operation's.
  [[nodiscard]] double cost_of(const Operation& operation) const noexcept;
  [[nodiscard]] static Demand demand_of(const Operation& operation, bool fits_caps) noexcept;
  // False: refused by its priority, without a lock.
  [[nodiscard]] bool passes_threshold(Operation& operation, TimePoint now) noexcept;
  // True: a slot was free and nobody waited.
  [[nodiscard]] bool start_at_once(Operation& operation, TimePoint now) noexcept;
  [[nodiscard]] bool is_within_threshold(const Operation& operation) noexcept;
  // Sheds one that hasn't waited. Takes the lock only if somebody is parked behind it.
  void refuse(Operation& operation, ShedReason reason, TimePoint now) noexcept;
  void count_would_shed(const Operation& operation, ShedReason reason) noexcept;
  void activate(Operation& operation, SlotCounter::Counts counts, TimePoint now) const noexcept;
  // An active operation ends or is held, after `service`.
  void release(Operation& operation, Duration service, TimePoint now) noexcept;
  [[nodiscard]] Duration service_until(const Operation& operation, TimePoint now) const noexcept;
  void record_answer(Operation& operation, Outcome outcome, TimePoint now) noexcept;

  // gate_caps.cc: these are lock-free.
  // Counts it under all of its caps. False: one of them is full.
  [[nodiscard]] bool enter_caps(Operation& operation) noexcept;
  // True: see CountingTable::leave. Then unpark_caps() must follow.
  [[nodiscard]] bool leave_caps(const Operation& operation) noexcept;
  // One of its parties is over its cap, and enough wait for that already.
  [[nodiscard]] bool is_beyond_scorecards(const Operation& operation) noexcept;
  // These are under the lock.
  void unpark_caps(const Operation& operation) noexcept;
  // Active, as far as caps go, to waiting.
  void suspend_caps(const Operation& operation) noexcept;
  // Waiting to active. If a cap is full, nothing has changed: where to park it.
  [[nodiscard]] std::optional<std::uint32_t> start_caps(const Operation& operation,
                                                        bool regardless) noexcept;
  void withdraw_caps(const Operation& operation) noexcept;
  // For which cap it waits, if for one.
  [[nodiscard]] ShedReason cap_in_the_way(Operation& operation) noexcept;
  [[nodiscard]] std::uint32_t parking_of(CountingTable::Slot party) const noexcept;

  // gate_rehearsal.cc: lock-free but for the last four.
  // `reason` is what has been found so far.
  [[nodiscard]] Verdict rehearse(Operation& operation, ShedReason reason, TimePoint now) noexcept;
  [[nodiscard]] ShedReason rehearsed_reason(const Operation& operation) noexcept;
  // How many would wait.
  [[nodiscard]] std::uint32_t rehearsed_waiting() const noexcept;
  void end_rehearsal(Operation& operation) noexcept;
  void begin_rehearsals() noexcept;
  void run_rehearsals(TimePoint now) noexcept;
  void describe_rehearsal(Rejector::Input& input, TimePoint now) const noexcept;
  void admit_all_waiting(TimePoint now) noexcept;
  // gate_signals.cc, without the lock, if there are signals. Which one refuses it, before anything
  // else of the gate has seen it.
  [[nodiscard]] std::optional<std::size_t> refusing_signal(
      const Operation& operation, const OperationProfile& profile) noexcept;
  void refuse_by_signal(Operation& operation, const OperationProfile& profile, std::size_t signal,
                        TimePoint now) noexcept;
  // For one that wants to share a slot, after all else. False: it must ask, a signal may refuse it.
  [[nodiscard]] bool may_ride_past_signals(const OperationProfile& profile,
                                           ObservationShard& shard) const noexcept;
  // gate_signals.cc, under the lock.
  void reconfigure_signals(const std::vector<SignalOptions>& signal_options, TimePoint now);
  [[nodiscard]] TimePoint run_signals(TimePoint now) noexcept;
  void set_signal_thresholds(OperationClass operation_class) noexcept;
  [[nodiscard]] std::uint64_t shed_by_signal(std::size_t index) const noexcept;
  [[nodiscard]] SignalsSnapshot signals_snapshot() const;

  // gate_waiting.cc: all under the lock, except as said.
  void wait_or_shed(Operation& operation, TimePoint now) noexcept;
  void begin_waiting(Operation& operation, TimePoint now) noexcept;
  void dispatch(TimePoint now) noexcept;
  // One that waits for its turn, beyond the limit, to see whether a stalled database answers.
  void dispatch_probe(TimePoint now) noexcept;
  // Beyond the limit and its caps.
  void start_regardless(Operation& operation, TimePoint now) noexcept;
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
  void set_shed(Operation& operation, ShedReason reason, Rng& draws, TimePoint now) noexcept;
  [[nodiscard]] ShedReason expiry_reason(Operation& operation) noexcept;
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
  void run_tenants(TimePoint now) noexcept;
  void run_scorecards(TimePoint now) noexcept;
  void take_options(const GateOptions& gate_options) noexcept;
  void open_thresholds() noexcept;
  [[nodiscard]] TimePoint run_rejector(TimePoint now) noexcept;

  // Every operation writes the first line; the second changes once a tick.
  alignas(64) SlotCounter counter;
  alignas(64) std::atomic<std::uint32_t> slots;  // The limit in whole slots: see LimitStep.
  std::atomic<std::uint32_t> limit_phase = 0;    // LimitPhase.
  std::atomic<bool> draining = false;
  std::array<std::atomic<std::uint32_t>, kDemandCount> thresholds;  // PriorityThreshold.
  std::atomic<bool> has_signals = false;
  std::atomic<float> shed_ratio = 0;  // For retry_after: the share that is being refused.
  std::atomic<std::uint32_t> heavy_max = std::numeric_limits<std::uint32_t>::max();
  // SignalThreshold, and the names of the signals that it speaks of.
  std::array<std::array<std::atomic<std::uint32_t>, kTierCount>, kOperationClassCount>
      signal_thresholds = {};
  std::array<std::atomic<const std::string*>, kSignalsMax> signal_names = {};

  alignas(64) std::atomic<std::uint32_t> heavy_active = 0;
  CountingTable fingerprint_counts;
  FingerprintBook fingerprints;
  TenantShares tenants;
  Scorecards scorecards;
  std::array<std::atomic<const std::string*>, kScorecardsMax> scorecard_names = {};

  // Dry run, and what the path of an operation then needs of what the lock guards otherwise.
  std::atomic<bool> dry_run = false;
  std::atomic<bool> rejector_rehearses = false;
  std::atomic<std::uint32_t> rehearsed_queue = 0;  // How many would wait.
  std::atomic<float> throughput = 0;               // Answers per second.
  std::atomic<Duration> rehearsed_wait_max = Duration::zero();
  std::atomic<Duration> default_deadline = Duration::zero();

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
  TimePoint tenants_due = {};
  TenantShares::Totals tenant_totals;
  TimePoint scorecards_due = {};
  TimePoint nobody_ready_at = {};
  std::array<Rejector::Flow, kDemandCount> rehearsal_mark = {};
  std::array<double, kDemandCount> rehearsed_inside = {};
  TimePoint rehearsed_queue_since = {};
  Rejector rejector;
  TimePoint rejector_due = {};
  std::array<PriorityCut, kDemandCount> cuts;
  std::array<PriorityCut::Counts, kDemandCount> places_mark = {};
  SignalsBoard signals;
  TimePoint signals_due = {};
  TimePoint signals_seen_at = {};
  std::array<PriorityCut, kOperationClassCount> signal_cuts;
  std::array<PriorityCut::Counts, kOperationClassCount> signal_levels_mark = {};
  std::array<std::uint64_t, kSignalsMax> signal_shed_mark = {};  // Of others, which had the index.
  std::set<std::string, std::less<>> names_used;  // Verdicts refer to them, so they stay.
  TimePoint tick_due = TimePoint::max();  // What the last tick returned, or sooner if asked since.

  std::atomic<bool> wake_requested = false;
};

}  // namespace loadline
