// SPDX-License-Identifier: Apache-2.0
// Real threads on one gate. What must hold whatever the interleaving: never more active through
// offer() than the limit, every waiter hears exactly one verdict, nothing is left behind.
// Most telling under ThreadSanitizer.
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <deque>
#include <mutex>
#include <thread>
#include <vector>

#include "shedder/gate.h"
#include "shedder/rng.h"
#include "tests/unit/shedder/gate_fixture.h"

namespace loadline {
namespace {

constexpr std::uint64_t kParties = 3;

// Of two scorecards.
OperationProfile with_parties(OperationProfile profile, std::uint64_t party) {
  profile.scorecard_count = 2;
  profile.scorecards[0] = {.party = party, .card = 0};
  profile.scorecards[1] = {.party = party % 2, .card = 1, .weight = 1};
  return profile;
}

// As a worker of the proxy has one: a list that others push to.
class WorkerSink final : public VerdictSink {
 public:
  void on_verdict(Operation& operation) noexcept override {
    const std::lock_guard<std::mutex> lock(mutex_);
    operation.next_decided = head_;
    head_ = &operation;
  }
  Operation* take() {
    const std::lock_guard<std::mutex> lock(mutex_);
    Operation* const head = head_;
    head_ = nullptr;
    return head;
  }

 private:
  std::mutex mutex_;
  Operation* head_ = nullptr;
};

struct Shared {
  explicit Shared(const GateOptions& options, std::uint32_t workers, std::uint32_t most)
      : gate(options, workers, 1), limit(most) {}

  // A time that moves on with the work done, so that waiters expire too.
  TimePoint now() {
    return kStart + std::chrono::microseconds(clock.fetch_add(1, std::memory_order_relaxed));
  }
  void entered() {
    if (active.fetch_add(1) + 1 > static_cast<int>(limit)) overshot = true;
  }
  void left() { active.fetch_sub(1); }

  Gate gate;
  std::uint32_t limit;
  // Operations count under scorecards, and some are transactions that are held now and then: those
  // come back beyond the limit.
  bool has_parties = false;
  std::atomic<std::int64_t> clock = 0;
  std::atomic<int> active = 0;
  std::atomic<bool> overshot = false;
  std::atomic<bool> stop = false;
};

class Worker {
 public:
  Worker(Shared& shared, std::uint32_t index) : shared_(shared), index_(index), rng_(index + 100) {
    for (std::size_t i = 0; i < kOperations; ++i) {
      operations_.emplace_back(index, sink_);
      waits_.push_back(false);
    }
  }

  void run(int rounds) {
    for (int i = 0; i < rounds; ++i) {
      hear();
      step(static_cast<std::size_t>(rng_.next() % kOperations));
    }
    // Then to the end: nobody may be forgotten.
    const auto give_up = std::chrono::steady_clock::now() + std::chrono::seconds(30);
    while (!finish_all() && std::chrono::steady_clock::now() < give_up) std::this_thread::yield();
  }

  std::uint64_t waited = 0;
  std::uint64_t heard = 0;
  std::uint64_t abandoned = 0;
  bool wrong = false;
  bool finished = false;

 private:
  static constexpr std::size_t kOperations = 12;

  std::size_t index_of(const Operation& operation) const {
    for (std::size_t i = 0; i < kOperations; ++i) {
      if (&operations_[i] == &operation) return i;
    }
    return kOperations;
  }

  void hear() {
    for (Operation* next = sink_.take(); next != nullptr;) {
      Operation& operation = *next;
      next = operation.next_decided;
      const std::size_t i = index_of(operation);
      ++heard;
      if (!waits_[i])
        wrong = true;  // A second verdict, or one after an abandon() that was in time.
      waits_[i] = false;
      if (operation.state() == Operation::State::active) shared_.entered();
    }
  }

  void step(std::size_t i) {
    Operation& operation = operations_[i];
    const TimePoint now = shared_.now();
    if (waits_[i]) {
      if (rng_.next() % 16 != 0) return;
      if (shared_.gate.abandon(operation, now)) {
        waits_[i] = false;
        ++abandoned;
      }
      return;
    }
    if (operation.state() == Operation::State::active) {
      shared_.left();  // Before the slot is free for others.
      if (shared_.has_parties && rng_.next() % 4 == 0) {
        shared_.gate.hold(operation, now);
      } else {
        shared_.gate.complete(operation, Outcome::ok, now);
      }
      return;
    }
    if (operation.state() == Operation::State::held) {
      if (rng_.next() % 2 == 0) {
        shared_.gate.resume(operation, now);
        shared_.entered();
      } else {
        shared_.gate.complete(operation, Outcome::ok, now);
      }
      return;
    }
    const auto cohort = static_cast<std::uint32_t>(rng_.next() % kCohortCount);
    const auto tier = static_cast<Tier>(rng_.next() % kTierCount);
    OperationProfile profile = {.priority = Priority(tier, cohort),
                                .tenant = rng_.next() % 4,
                                .fingerprint = rng_.next() % 8};
    if (shared_.has_parties) profile = with_parties(profile, rng_.next() % kParties);
    const Verdict verdict = shared_.gate.offer(operation, profile, now);
    if (verdict.kind == Verdict::Kind::admit) shared_.entered();
    if (verdict.kind == Verdict::Kind::wait) {
      waits_[i] = true;
      ++waited;
    }
  }

  bool finish_all() {
    hear();
    finished = true;
    for (std::size_t i = 0; i < kOperations; ++i) {
      if (waits_[i]) {
        finished = false;
      } else if (operations_[i].state() != Operation::State::idle) {
        finished = shared_.has_parties ? false : finished;  // It may be held next.
        step(i);
      }
    }
    return finished;
  }

  Shared& shared_;
  std::uint32_t index_;
  Rng rng_;
  WorkerSink sink_;
  std::deque<Operation> operations_;
  std::vector<bool> waits_;
};

enum class Control : std::uint8_t { none, ticks, changes };

// What a reload may change under the workers' feet.
GateOptions changed(GateOptions options, std::uint64_t turn) {
  options.dry_run = turn % 4 == 1;
  options.rejector = turn % 5 == 2 ? Enforcement::dry_run : options.rejector;
  if (turn % 3 == 2) options.scorecards.clear();
  if (turn % 7 == 3) options.scorecards[0].active_max->value = 1;
  if (turn % 2 == 1) options.signals.clear();
  return options;
}

void control_until_stopped(Shared& shared, const GateOptions& options, Control control) {
  for (std::uint64_t i = 0; control != Control::none && !shared.stop; ++i) {
    shared.gate.tick(shared.now());
    (void)shared.gate.take_wake_request();
    (void)shared.gate.snapshot();
    if (control == Control::changes) {
      shared.gate.signal("lag", static_cast<double>(i % 8), shared.now());
      if (i % 16 == 0) shared.gate.reconfigure(changed(options, i / 16), shared.now());
    }
    std::this_thread::yield();
  }
}

void check_that_nothing_is_left(Shared& shared) {
  const GateSnapshot snapshot = shared.gate.snapshot();
  EXPECT_EQ(snapshot.active, 0U);
  EXPECT_EQ(snapshot.held, 0U);
  EXPECT_EQ(snapshot.waiting, 0U);
  std::uint64_t offered = 0;
  std::uint64_t ended = 0;
  for (const TierSnapshot& tier : snapshot.tiers) {
    offered += tier.offered;
    ended += tier.admitted + tier.abandoned;
    for (const std::uint64_t shed : tier.shed) ended += shed;
    EXPECT_EQ(tier.admitted, tier.completed);
  }
  EXPECT_EQ(offered, ended);
}

void run_and_check(const GateOptions& options, std::uint32_t limit, Control control) {
  constexpr std::uint32_t kWorkers = 4;
  constexpr int kRounds = 20'000;
  Shared shared(options, kWorkers, limit);
  shared.has_parties = control == Control::changes;
  std::deque<Worker> workers;
  for (std::uint32_t i = 0; i < kWorkers; ++i) workers.emplace_back(shared, i);

  std::vector<std::thread> threads;
  threads.reserve(kWorkers);
  for (Worker& worker : workers) threads.emplace_back([&worker] { worker.run(kRounds); });
  std::thread controller([&] { control_until_stopped(shared, options, control); });
  for (std::thread& thread : threads) thread.join();
  shared.stop = true;
  controller.join();

  std::uint64_t waited = 0;
  for (const Worker& worker : workers) {
    EXPECT_TRUE(worker.finished) << "somebody waits for ever";
    EXPECT_FALSE(worker.wrong) << "a verdict too many";
    EXPECT_EQ(worker.waited, worker.heard + worker.abandoned);
    waited += worker.waited;
  }
  EXPECT_GT(waited, 0U) << "the test must have had waiters";
  if (!shared.has_parties) {
    EXPECT_FALSE(shared.overshot);
  }
  check_that_nothing_is_left(shared);
  if (!shared.has_parties) return;
  // Nor under a scorecard, or its party's only place would be taken.
  GateOptions strict = fixed_limit(limit);
  strict.scorecards = options.scorecards;
  for (ScorecardOptions& card : strict.scorecards) {
    card.active_max = ScorecardCap{ScorecardCap::Unit::operations, 1};
  }
  shared.gate.reconfigure(strict, shared.now());
  WorkerSink sink;
  Operation operation(0, sink);
  for (std::uint64_t party = 0; party < kParties; ++party) {
    const Verdict verdict = shared.gate.offer(operation, with_parties({}, party), shared.now());
    ASSERT_EQ(verdict.kind, Verdict::Kind::admit);
    shared.gate.complete(operation, Outcome::ok, shared.now());
  }
}

TEST(GateThreads, NeverOvershootsAndForgetsNobody) {
  run_and_check(fixed_limit(3), 3, Control::ticks);
}

TEST(GateThreads, HoldsWhileTheRejectorIsAtWork) {
  GateOptions options = fixed_limit(3);
  options.rejector = Enforcement::on;
  options.waiting_max = 8;  // Full often: the rejector is armed.
  run_and_check(options, 3, Control::ticks);
}

TEST(GateThreads, LosesNoWakeUpEvenIfNobodyTicks) {
  // Without ticks only the freed slots themselves can wake the waiters.
  run_and_check(fixed_limit(2), 2, Control::none);
}

TEST(GateThreads, HoldsWhileTheLimitMoves) {
  GateOptions options;
  options.limit_max = 8;
  options.limit_initial = 6;
  run_and_check(options, 8, Control::ticks);
}

TEST(GateThreads, HoldsWhileScorecardsSignalsAndDryRunsComeAndGo) {
  GateOptions options = fixed_limit(6);
  options.rejector = Enforcement::on;
  options.waiting_max = 12;
  options.scorecards = {
      {.name = "absolute", .active_max = ScorecardCap{ScorecardCap::Unit::operations, 2}},
      {.name = "fair",
       .pressure_active_max = ScorecardCap{ScorecardCap::Unit::fair_share, 1},
       .weights = {1, 3}}};
  options.signals = {{.name = "lag", .setpoint = 2, .hard = 7, .tier_best = Tier::t3}};
  run_and_check(options, 6, Control::changes);
}

}  // namespace
}  // namespace loadline
