// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <string_view>

#include "shedder/clock.h"
#include "shedder/gate_options.h"
#include "shedder/gate_snapshot.h"
#include "shedder/operation.h"
#include "shedder/verdict.h"

namespace loadline {

// The admission engine of one upstream: at most `limit` operations execute at once, the rest wait
// briefly in order of priority, and what has waited too long is shed.
//
// Thread-safe: workers offer and complete concurrently, one control thread ticks. An offer that
// finds a free slot and nobody waiting, and a completion that finds nobody waiting, take no lock
// and allocate nothing. Reads no clock and draws randomness only from the seed it is given; `now`
// comes from one monotonic clock but may differ a little between threads.
class Gate {
 public:
  // Requires options that config has validated. `worker_count` bounds Operation's worker_index.
  Gate(const GateOptions& options, std::uint32_t worker_count, std::uint64_t seed);
  ~Gate();
  Gate(const Gate&) = delete;
  Gate& operator=(const Gate&) = delete;

  // Requires an idle operation. admit: it is active now. wait: its sink will hear. shed: it is idle
  // again. In the last two cases the database must not see the operation.
  [[nodiscard]] Verdict offer(Operation& operation, const OperationProfile& profile,
                              TimePoint now) noexcept;

  // Work that must not be shed or held back: takes the idle operation in as active, beyond the
  // limit if need be. For a statement whose transaction the gate didn't see begin.
  void admit_unconditionally(Operation& operation, const OperationProfile& profile,
                             TimePoint now) noexcept;

  // For a client that sends its next operation while one of its own is still active (a pipeline):
  // true if the gate is calm (nobody waits, active <= limit) and the next one may go to the
  // database on the slot that is already held. It counts as admitted. False: ask with offer() when
  // the active one has completed.
  [[nodiscard]] bool ride(Operation& operation, const OperationProfile& profile,
                          TimePoint now) noexcept;
  // One of the operations that share an active operation's slot has been answered; others follow.
  void complete_ridden(Operation& operation, Outcome outcome, TimePoint now) noexcept;

  // active -> held: the database waits for the client. Frees the slot for others.
  void hold(Operation& operation, TimePoint now) noexcept;
  // held -> active: the next statement goes to the database now, whatever the limit: its
  // transaction has locks that others wait for.
  void resume(Operation& operation, TimePoint now) noexcept;

  // active or held -> idle. The freed slot goes to the best waiter.
  void complete(Operation& operation, Outcome outcome, TimePoint now) noexcept;

  // The client of a waiting operation left or cancelled. True: the operation is idle and its sink
  // will not be called. False: it had been decided already (verdict() says how) and the sink has
  // been called: the owner takes it from its list, and completes it if it had been admitted.
  [[nodiscard]] bool abandon(Operation& operation, TimePoint now) noexcept;

  // A reading from outside arrived. False if it is refused: no signal has that name, or the value
  // is not a finite number, or negative where that cannot be.
  bool signal(std::string_view name, double value, TimePoint now) noexcept;

  // Expires waiters, runs the limiter and the signals. Call at the returned time or sooner; calling
  // late only makes refusals late. At most one thread at a time.
  TimePoint tick(TimePoint now) noexcept;
  // True once after an operation has begun to wait in an empty queue: the next tick is due earlier
  // than the last one said. Lets the ticking thread sleep long while nobody waits.
  [[nodiscard]] bool take_wake_request() noexcept;

  // Takes new options at once; what is in flight or waits stays.
  void reconfigure(const GateOptions& options, TimePoint now) noexcept;
  // From now on, new operations and those waiting are shed with reason draining.
  void drain(TimePoint now) noexcept;

  // A consistent enough picture for metrics and people: each number is exact, two numbers may be a
  // few operations apart.
  [[nodiscard]] GateSnapshot snapshot() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace loadline
