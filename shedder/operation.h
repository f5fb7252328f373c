// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "shedder/clock.h"
#include "shedder/priority.h"
#include "shedder/verdict.h"

namespace loadline {

class Operation;

enum class OperationClass : std::uint8_t { read, write, ddl };
inline constexpr std::size_t kOperationClassCount = 3;

inline constexpr std::size_t kScorecardsMax = 8;        // Of a gate.
inline constexpr std::size_t kScorecardKeysMax = 4;     // That one operation counts under.
inline constexpr std::size_t kScorecardWeightsMax = 4;  // Classes of weight of a scorecard.

// Under which scorecard an operation counts, and as whose.
struct ScorecardKey {
  std::uint64_t party = 0;  // Hash of the name that the scorecard counts by.
  std::uint8_t card = 0;    // Index in the gate's scorecards.
  std::uint8_t weight = 0;  // Index in that scorecard's weights.
};

// What the classifier knows of an operation when it is offered.
struct OperationProfile {
  Priority priority = {};
  OperationClass operation_class = OperationClass::read;
  std::uint64_t tenant = 0;       // Hash of the tenant's name; 0 if it has none.
  std::uint64_t fingerprint = 0;  // Hash of the statement's shape; 0 if unknown.
  // How long the client will wait for the answer, from the offer on. Zero: the gate's default.
  Duration deadline = Duration::zero();
  std::uint8_t scorecard_count = 0;
  bool dry_run = false;  // Its verdict is computed and counted; it is admitted whatever that is.
  std::array<ScorecardKey, kScorecardKeysMax> scorecards = {};  // The first `scorecard_count`.
};

// How an admitted operation ended.
enum class Outcome : std::uint8_t {
  ok,
  error,      // The database answered with an error of the statement's own (a constraint, a typo).
  overload,   // The database answered that it lacks something (SQLSTATE class 53, timeouts).
  abandoned,  // The client left, or cancelled, before the end.
  lost,       // The backend went away.
};

// Where verdicts on waiting operations arrive. Called by whichever thread freed the slot or ran the
// tick, under the gate's lock: it may only take note (push on a list, wake a loop), never call the
// gate. A verdict on an operation arrives at most once, and never after abandon() has returned
// true.
class VerdictSink {
 public:
  virtual void on_verdict(Operation& operation) noexcept = 0;

 protected:
  ~VerdictSink() = default;
};

// One operation's place in the gate. A session owns one and uses it again and again; it must stay
// where it is while waiting, active or held. Read by its owner; changed by the gate only.
class Operation {
 public:
  enum class State : std::uint8_t {
    idle,     // Unknown to the gate. offer() leaves it.
    waiting,  // In the wait queue. A verdict through the sink, or abandon(), leaves it.
    active,   // Admitted and executing: holds a slot. hold() and complete() leave it.
    held,     // Admitted, but the database waits for the client (an open transaction between two
              // statements, a client that doesn't read its rows): holds no slot. resume() and
              // complete() leave it.
  };

  // `worker_index` names the observation shard that this operation's samples go to; two threads
  // must not use the same one. `sink` must outlive the operation.
  Operation(std::uint32_t worker_index, VerdictSink& sink) noexcept
      : sink_(&sink), worker_index_(worker_index) {}
  Operation(const Operation&) = delete;
  Operation& operator=(const Operation&) = delete;

  // While waiting, another thread may be changing these: ask only about a decided operation.
  [[nodiscard]] State state() const noexcept { return state_; }
  [[nodiscard]] const Verdict& verdict() const noexcept { return verdict_; }
  [[nodiscard]] const OperationProfile& profile() const noexcept { return profile_; }
  [[nodiscard]] TimePoint offered_at() const noexcept { return offered_at_; }
  // While active or held: how long it has had a slot, or its share of one that it rides on.
  [[nodiscard]] Duration served_until(TimePoint now) const noexcept {
    return state_ == State::active ? served_ + elapsed_since(active_since_, now) : served_;
  }

  // For the sink: its list of decided operations, and whose this one is. The gate touches neither.
  Operation* next_decided = nullptr;
  void* owner = nullptr;

 private:
  friend class ExpiryWheel;
  friend class Gate;
  friend class OperationTestPeer;  // Of the wait queue's test.
  friend class WaitQueue;

  VerdictSink* sink_;
  std::uint32_t worker_index_;
  State state_ = State::idle;
  OperationProfile profile_ = {};
  Verdict verdict_ = {};

  TimePoint offered_at_ = {};
  TimePoint deadline_at_ = {};
  TimePoint expires_at_ = {};           // waiting: when it has waited long enough, jitter included.
  TimePoint active_since_ = {};         // active: start of the present stretch of service.
  Duration served_ = Duration::zero();  // Service time of the stretches before this one.
  std::uint32_t limit_phase_ = 0;       // The limiter's measuring phase it was dispatched in.

  // What the gate counts it under, besides its slot. Nothing of it is known of fingerprint 0.
  std::uint32_t fingerprint_slot_ = 0;
  std::array<std::uint32_t, kScorecardKeysMax> scorecard_slots_ = {};
  static constexpr std::uint8_t kNoScorecard = 0xff;
  std::uint8_t over_scorecard_ = kNoScorecard;  // Of its scorecards, one that didn't grant.
  bool is_heavy_ = false;
  bool is_rehearsal_ = false;  // In the gate's dry run.
  std::uint8_t demand_ = 0;    // Demand.
  Place place_ = 0;
  double charged_ = 0;  // active, after waiting: slot time its flow was charged with, in units.

  std::uint64_t flow_key_ = 0;           // waiting: who shares its turn.
  std::uint64_t flow_tag_ = 0;           // The same, as the flow itself saw it.
  std::uint16_t flow_ = 0;               // The flow.
  Operation* queue_previous_ = nullptr;  // waiting: neighbours in the flow.
  Operation* queue_next_ = nullptr;
  Operation* wheel_prev_ = nullptr;  // waiting: neighbours that expire about when it does.
  Operation* wheel_next_ = nullptr;
  std::uint16_t wheel_slot_ = 0;
  bool expires_by_deadline_ = false;  // waiting: expires_at_ comes from the deadline.
};

}  // namespace loadline
