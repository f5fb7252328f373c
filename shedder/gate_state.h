// SPDX-License-Identifier: Apache-2.0
#pragma once

// Inside of Gate; for shedder/gate*.cc only.

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <variant>

#include "shedder/expiry_wheel.h"
#include "shedder/fixed_limit.h"
#include "shedder/gate.h"
#include "shedder/knee_limit.h"
#include "shedder/load_estimate.h"
#include "shedder/observation.h"
#include "shedder/pressure_detector.h"
#include "shedder/rng.h"
#include "shedder/wait_queue.h"

namespace loadline {

// How many are active and how many wait, in one word: whoever gives a slot back sees in the same
// instruction whether anybody waits for it, and whoever begins to wait sees whether one is free. So
// no wake-up can fall between the two, and the limit is never overshot.
//
// `active` is changed by everybody, `waiting` under the gate's lock only.
class SlotCounter {
 public:
  struct Counts {
    std::uint32_t active = 0;
    std::uint32_t waiting = 0;
  };

  [[nodiscard]] Counts read() const noexcept {
    return unpack(word_.load(std::memory_order_acquire));
  }

  // Takes a slot if fewer than `slots` are taken and nobody waits. `counts`: as they are
  // afterwards, or as they were if it fails.
  [[nodiscard]] bool take_if_calm(std::uint32_t slots, Counts& counts) noexcept {
    std::uint64_t word = word_.load(std::memory_order_relaxed);
    do {
      counts = unpack(word);
      if (counts.waiting != 0 || counts.active >= slots) return false;
    } while (!word_.compare_exchange_weak(word, word + kOneActive, std::memory_order_acq_rel,
                                          std::memory_order_relaxed));
    ++counts.active;
    return true;
  }
  // Begins to wait, unless a slot is free and nobody waits. Under the lock.
  [[nodiscard]] bool wait_unless_calm(std::uint32_t slots, Counts& counts) noexcept {
    std::uint64_t word = word_.load(std::memory_order_relaxed);
    do {
      counts = unpack(word);
      if (counts.waiting == 0 && counts.active < slots) return false;
    } while (!word_.compare_exchange_weak(word, word + kOneWaiting, std::memory_order_acq_rel,
                                          std::memory_order_relaxed));
    ++counts.waiting;
    return true;
  }
  // One of those waiting takes a slot if fewer than `slots` are taken. Under the lock.
  [[nodiscard]] bool waiting_to_active(std::uint32_t slots, Counts& counts) noexcept {
    std::uint64_t word = word_.load(std::memory_order_relaxed);
    do {
      counts = unpack(word);
      if (counts.active >= slots) return false;
    } while (!word_.compare_exchange_weak(word, word + kOneActive - kOneWaiting,
                                          std::memory_order_acq_rel, std::memory_order_relaxed));
    ++counts.active;
    --counts.waiting;
    return true;
  }
  // Under the lock.
  void stop_waiting() noexcept { word_.fetch_sub(kOneWaiting, std::memory_order_acq_rel); }
  Counts take_regardless() noexcept {
    Counts counts = unpack(word_.fetch_add(kOneActive, std::memory_order_acq_rel));
    ++counts.active;
    return counts;
  }
  // The counts before.
  Counts give_back() noexcept {
    return unpack(word_.fetch_sub(kOneActive, std::memory_order_acq_rel));
  }

 private:
  static constexpr unsigned kWaitingShift = 32;
  static constexpr std::uint64_t kOneActive = 1;
  static constexpr std::uint64_t kOneWaiting = std::uint64_t{1} << kWaitingShift;

  static constexpr Counts unpack(std::uint64_t word) noexcept {
    return {.active = static_cast<std::uint32_t>(word),
            .waiting = static_cast<std::uint32_t>(word >> kWaitingShift)};
  }

  std::atomic<std::uint64_t> word_ = 0;
};

struct Gate::State {
  [[nodiscard]] static std::size_t tier_index(const Operation& operation) noexcept {
    return static_cast<std::size_t>(operation.profile_.priority.tier());
  }
  [[nodiscard]] static ShedReason expiry_reason(const Operation& operation) noexcept {
    return operation.expires_by_deadline_ ? ShedReason::deadline : ShedReason::queue_timeout;
  }

  State(const GateOptions& options, std::uint32_t worker_count, std::uint64_t seed);

  using Lock = std::lock_guard<std::mutex>;
  using Limiter = std::variant<FixedLimit, KneeLimit>;

  // gate.cc: on the path of an operation.
  [[nodiscard]] ObservationShard& shard_of(const Operation& operation) noexcept {
    return shards[operation.worker_index_];
  }
  void activate(Operation& operation, SlotCounter::Counts counts, TimePoint now) const noexcept;
  void release_slot(TimePoint now) noexcept;
  void record_answer(Operation& operation, Outcome outcome, TimePoint now) noexcept;

  // gate_waiting.cc: all under the lock.
  void wait_or_shed(Operation& operation, TimePoint now) noexcept;
  void begin_waiting(Operation& operation, TimePoint now) noexcept;
  void dispatch(TimePoint now) noexcept;
  void expire(TimePoint now) noexcept;
  void flush(ShedReason reason, TimePoint now) noexcept;
  // Takes it out of the queue; the counter is the caller's.
  void unlink(Operation& operation) noexcept;
  void shed_waiting(Operation& operation, ShedReason reason, TimePoint now) noexcept;
  void shed(Operation& operation, ShedReason reason, TimePoint now) noexcept;
  [[nodiscard]] bool is_room_for(const Operation& newcomer, TimePoint now) noexcept;
  [[nodiscard]] std::uint32_t waiting_max() const noexcept;
  [[nodiscard]] bool is_pressed(TimePoint now) const noexcept;

  // gate_control.cc: all under the lock.
  [[nodiscard]] static Limiter make_limiter(const GateOptions& options, std::uint32_t initial);
  [[nodiscard]] LoadTotals totals() const noexcept;
  // When the law wants to look again.
  [[nodiscard]] TimePoint run_limiter(TimePoint now) noexcept;

  // Every operation writes the first line; the second changes once a tick.
  alignas(64) SlotCounter counter;
  alignas(64) std::atomic<std::uint32_t> slots;  // The limit in whole slots: see LimitStep.
  std::atomic<std::uint32_t> limit_phase = 0;    // LimitPhase.
  std::atomic<bool> draining = false;

  std::uint32_t worker_count;
  std::unique_ptr<ObservationShard[]> shards;

  ObservationShard
      decided;  // Verdicts on those that waited. Written under the lock, by any thread.

  alignas(64) mutable std::mutex mutex;
  // The rest is guarded by the mutex.
  GateOptions options;
  WaitQueue queue;
  ExpiryWheel wheel;
  PressureDetector pressure;
  bool under_pressure = false;          // As the last tick saw it: a snapshot knows no time.
  std::uint32_t worst_tier_credit = 0;  // Percent of a pop that the worst waiting tier is owed.
  Rng rng;
  LoadEstimate estimate;
  Limiter limiter;
  TimePoint tick_due = TimePoint::max();  // What the last tick returned, or sooner if asked since.

  std::atomic<bool> wake_requested = false;
};

}  // namespace loadline
