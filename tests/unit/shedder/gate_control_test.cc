// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <vector>

#include "tests/unit/shedder/gate_fixture.h"

namespace loadline {
namespace {

using std::chrono::milliseconds;
using ::testing::Each;
using ::testing::ElementsAre;
using State = Operation::State;
using Kind = Verdict::Kind;

TEST(GateControl, AHigherLimitLetsWaitersInAtOnce) {
  GateFixture t(fixed_limit(1));
  t.offered(kT3, kStart);
  Operation& second = t.offered(kT3, kStart);
  Operation& third = t.offered(kT3, kStart);
  t.gate.reconfigure(fixed_limit(2), kStart + milliseconds(1));
  EXPECT_THAT(t.sink.decided, ElementsAre(&second));
  EXPECT_EQ(third.state(), State::waiting);
  EXPECT_EQ(t.gate.snapshot().limit.limit, 2.0);
}

TEST(GateControl, ALowerLimitTakesNothingFromThoseActive) {
  GateFixture t(fixed_limit(3));
  Operation& first = t.offered(kT3, kStart);
  Operation& second = t.offered(kT3, kStart);
  t.gate.reconfigure(fixed_limit(1), kStart);
  EXPECT_EQ(t.gate.snapshot().active, 2U);
  Operation& third = t.offered(kT3, kStart);
  t.gate.complete(first, Outcome::ok, kStart);
  EXPECT_EQ(third.state(), State::waiting);
  t.gate.complete(second, Outcome::ok, kStart);
  EXPECT_EQ(third.state(), State::active);
}

TEST(GateControl, AutomaticGoesOnFromWhereTheFixedLimitWas) {
  GateFixture t(fixed_limit(7));
  t.gate.reconfigure({.limit_min = 4, .limit_max = 1000}, kStart);
  EXPECT_EQ(t.gate.snapshot().limit.limit, 7.0);
  GateOptions narrow;
  narrow.limit_min = 10;
  t.gate.reconfigure(narrow, kStart);
  EXPECT_EQ(t.gate.snapshot().limit.limit, 10.0) << "the new bounds hold at once";
}

TEST(GateControl, DrainingShedsThoseWaitingAndAllThatCome) {
  GateFixture t(fixed_limit(1));
  Operation& active = t.offered(kT3, kStart);
  Operation& waiting = t.offered(kT3, kStart);
  t.gate.drain(kStart);
  EXPECT_THAT(t.sink.decided, ElementsAre(&waiting));
  EXPECT_EQ(waiting.verdict().reason, ShedReason::draining);
  EXPECT_EQ(t.offered(kT0, kStart).verdict().reason, ShedReason::draining);
  EXPECT_FALSE(t.gate.ride(active, {}, kStart));

  t.gate.hold(active, kStart);  // An open transaction goes on to its end.
  t.gate.resume(active, kStart);
  t.gate.complete(active, Outcome::ok, kStart);
  EXPECT_EQ(t.offered(kT0, kStart).verdict().reason, ShedReason::draining)
      << "even into a free slot";
  EXPECT_TRUE(t.gate.snapshot().draining);
  EXPECT_EQ(t.gate.snapshot().active, 0U);
}

TEST(GateControl, EveryOperationIsAccountedFor) {
  GateOptions options = fixed_limit(2);
  options.waiting_max = 3;
  GateFixture t(options);
  for (int i = 0; i < 8; ++i) t.offered(i % 2 == 0 ? kT1 : kT5, kStart);
  t.gate.tick(kStart + milliseconds(200));
  t.offered(kT1, kStart + milliseconds(200));

  const GateSnapshot snapshot = t.gate.snapshot();
  std::uint64_t offered = 0;
  std::uint64_t decided = 0;
  for (const TierSnapshot& tier : snapshot.tiers) {
    offered += tier.offered;
    decided += tier.admitted;
    for (const std::uint64_t shed : tier.shed) decided += shed;
  }
  EXPECT_EQ(offered, 9U);
  EXPECT_EQ(decided + snapshot.waiting, 9U);
  EXPECT_EQ(snapshot.waiting, 1U);
}

TEST(GateControl, SaysThatItIsUnderPressure) {
  GateFixture t(fixed_limit(1));
  t.offered(kT3, kStart);
  t.offered(kT3, kStart);
  t.gate.tick(kStart + milliseconds(49));
  EXPECT_FALSE(t.gate.snapshot().under_pressure);
  t.gate.tick(kStart + milliseconds(50));
  EXPECT_TRUE(t.gate.snapshot().under_pressure);
}

TEST(GateControl, LooksEvery20MillisecondsWhileSomebodyWaitsIfItMayRefuse) {
  GateOptions options = fixed_limit(1);
  options.rejector = Enforcement::on;
  options.wait_max = std::chrono::seconds(10);
  GateFixture t(options);
  t.offered(kT3, kStart);
  EXPECT_EQ(t.gate.tick(kStart), kStart + milliseconds(250)) << "nobody waits";
  Operation& waiting = t.offered(kT3, kStart + milliseconds(20));
  TimePoint now = kStart + milliseconds(20);
  for (int i = 0; i < 10; ++i) {
    const TimePoint due = t.gate.tick(now);
    EXPECT_GT(due, now);
    EXPECT_LE(due, now + milliseconds(20));
    now = due;
  }
  EXPECT_TRUE(t.gate.abandon(waiting, now));
  EXPECT_GT(t.gate.tick(now), now + milliseconds(20));

  options.rejector = Enforcement::off;
  GateFixture without(options);
  without.offered(kT3, kStart);
  without.offered(kT3, kStart);
  EXPECT_EQ(without.gate.tick(kStart), kStart + milliseconds(250));
}

TEST(GateControl, SaysThatTheDatabaseIsStalledAndLetsOneProbeASecondThrough) {
  GateOptions options = fixed_limit(1);
  options.limit_mode = LimitMode::automatic;
  options.limit_min = options.limit_max = 1;
  GateFixture t(options);
  Operation& stuck = t.offered(kT3, kStart);
  t.gate.tick(kStart);
  t.gate.tick(kStart + milliseconds(5000));
  EXPECT_FALSE(t.gate.snapshot().is_stalled);
  Operation& probe = t.offered(kT3, kStart + milliseconds(5000));
  Operation& other = t.offered(kT3, kStart + milliseconds(5000));
  const TimePoint now = kStart + milliseconds(5010);
  EXPECT_LE(t.gate.tick(now), now + milliseconds(10)) << "it looks often";
  EXPECT_TRUE(t.gate.snapshot().is_stalled);
  EXPECT_EQ(t.gate.snapshot().active, 2U);
  EXPECT_EQ(t.sink.decided.size(), 1U);
  t.gate.tick(now + milliseconds(50));
  EXPECT_EQ(t.gate.snapshot().active, 2U) << "one a second";

  Operation* const first = t.sink.decided.front();
  EXPECT_EQ(first->state(), State::active);
  EXPECT_EQ((first == &probe ? other : probe).state(), State::waiting);
  t.gate.complete(*first, Outcome::ok, now + milliseconds(60));
  t.gate.tick(now + milliseconds(61));
  EXPECT_FALSE(t.gate.snapshot().is_stalled);
  t.gate.complete(stuck, Outcome::ok, now + milliseconds(62));
  EXPECT_EQ((first == &probe ? other : probe).state(), State::active);
}

TEST(GateControl, NoProbeGoesBeyondALimitThatTheOperatorHasSet) {
  GateFixture t(fixed_limit(1));
  t.offered(kT3, kStart);
  t.gate.tick(kStart);
  t.offered(kT3, kStart + milliseconds(5950));
  t.gate.tick(kStart + milliseconds(6000));
  EXPECT_TRUE(t.gate.snapshot().is_stalled);
  EXPECT_EQ(t.gate.snapshot().active, 1U);
}

TEST(GateControl, WhileTheDatabaseStandsStillItIsWaitedForUntilTheDeadline) {
  GateFixture t(fixed_limit(1));  // Waits for 100 ms, with a deadline of 1 s.
  t.offered(kT3, kStart);
  t.gate.tick(kStart);
  t.gate.tick(kStart + milliseconds(6000));
  ASSERT_TRUE(t.gate.snapshot().is_stalled);
  const Operation& waiting = t.offered(kT3, kStart + milliseconds(6000));
  const Operation& hasty =
      t.offered({.priority = kT3, .deadline = milliseconds(300)}, kStart + milliseconds(6000));
  TimePoint now = kStart + milliseconds(6000);
  const auto run_until = [&](Duration end) {
    while (now < kStart + end) now = std::min(t.gate.tick(now), kStart + end);
    t.gate.tick(now);
  };
  run_until(milliseconds(6290));
  EXPECT_EQ(hasty.state(), State::waiting);
  run_until(milliseconds(6310));
  EXPECT_EQ(hasty.state(), State::idle);
  EXPECT_EQ(hasty.verdict().reason, ShedReason::deadline);
  run_until(milliseconds(6990));
  EXPECT_EQ(waiting.state(), State::waiting);
  run_until(milliseconds(7010));
  EXPECT_EQ(waiting.state(), State::idle);
}

TEST(GateControl, WhatCameTogetherInAStallIsNoOverload) {
  GateOptions options = fixed_limit(1);
  options.rejector = Enforcement::on;
  GateFixture t(options);
  TimePoint now = kStart;
  const auto serve = [&](int count) {  // 100 a second, and as many come.
    for (int i = 0; i < count; ++i) {
      Operation& operation = t.offered(kT3, now);
      now += milliseconds(10);
      t.gate.tick(now);
      if (operation.state() == State::active) t.gate.complete(operation, Outcome::ok, now);
    }
  };
  serve(600);  // How long answers usually take is known.
  Operation& stuck = t.offered(kT0, now);
  for (int i = 0; i < 300; ++i) {
    now += milliseconds(10);
    t.offered(kT3, now);
    t.gate.tick(now);
  }
  ASSERT_TRUE(t.gate.snapshot().is_stalled);
  ASSERT_GT(t.gate.snapshot().waiting, 50U);
  t.gate.complete(stuck, Outcome::ok, now);
  serve(30);
  EXPECT_THAT(t.gate.snapshot().rejection_ratio, Each(0.0));
}

TEST(GateControl, LearnsNothingFromAStall) {
  GateOptions options;
  options.limit_mode = LimitMode::automatic;
  options.limit_initial = 20;
  GateFixture t(options);
  for (int i = 0; i < 20; ++i) t.offered(kT3, kStart);
  TimePoint now = kStart;
  while (now < kStart + milliseconds(5300)) now = t.gate.tick(now);
  ASSERT_TRUE(t.gate.snapshot().is_stalled);
  const double limit = t.gate.snapshot().limit.limit;
  const std::uint64_t updates = t.gate.snapshot().limit.updates;
  while (now < kStart + std::chrono::seconds(30)) now = t.gate.tick(now);
  EXPECT_EQ(t.gate.snapshot().limit.limit, limit);
  EXPECT_EQ(t.gate.snapshot().limit.updates, updates);
  EXPECT_THAT(t.gate.snapshot().rejection_ratio, Each(0.0));
}

TEST(GateControl, ARejectorThatIsTurnedOffRefusesNothingMore) {
  GateOptions options = fixed_limit(1);
  options.rejector = Enforcement::on;
  options.waiting_max = 10;
  options.wait_max = std::chrono::seconds(10);
  GateFixture t(options);
  TimePoint now = kStart;
  while (t.gate.snapshot().rejection_ratio[0] < 0.5 && now < kStart + std::chrono::seconds(5)) {
    for (int i = 0; i < 50; ++i) t.offered(kT3, now);
    now += milliseconds(20);
    t.gate.tick(now);
  }
  ASSERT_GE(t.gate.snapshot().rejection_ratio[0], 0.5);
  options.rejector = Enforcement::off;
  t.gate.reconfigure(options, now);
  EXPECT_THAT(t.gate.snapshot().rejection_ratio, Each(0.0));
  for (int i = 0; i < 200; ++i) {
    EXPECT_NE(t.offered(kT5, now).verdict().reason, ShedReason::overload);
  }
}

TEST(GateControl, WhatARejectorThatIsTurnedOffHasRefusedStretchesNoRetryForEver) {
  GateOptions options = fixed_limit(1);
  options.rejector = Enforcement::on;
  options.waiting_max = 10;
  options.wait_max = std::chrono::seconds(10);
  GateFixture t(options);
  TimePoint now = kStart;
  std::vector<Operation*> operations;
  const auto complete_all = [&] {
    for (Operation* operation : operations) {
      if (operation->state() == Operation::State::active) {
        t.gate.complete(*operation, Outcome::ok, now);
      }
    }
  };
  while (t.gate.snapshot().rejection_ratio[0] < 0.5 && now < kStart + std::chrono::seconds(5)) {
    for (int i = 0; i < 50; ++i) operations.push_back(&t.offered(kT3, now));
    now += milliseconds(20);
    t.gate.tick(now);
  }
  ASSERT_GE(t.gate.snapshot().rejection_ratio[0], 0.5);
  options.rejector = Enforcement::off;
  t.gate.reconfigure(options, now);
  for (int i = 0; i < 200; ++i) {  // Then nothing happens for a while.
    now += milliseconds(100);
    t.gate.tick(now);
    complete_all();
  }
  ASSERT_EQ(t.gate.snapshot().active, 0U);
  t.gate.drain(now);
  EXPECT_LE(t.offered(kT3, now).verdict().retry_after, milliseconds(150));
}

TEST(GateControl, TheAutomaticLimitStartsLowAndSaysWhyItIsWhatItIs) {
  GateOptions options;
  options.limit_initial = 20;
  GateFixture t(options);
  EXPECT_EQ(t.gate.snapshot().limit.limit, 20.0);
  EXPECT_EQ(t.gate.snapshot().limit.reason, "starting");
  t.gate.tick(kStart);
  EXPECT_EQ(t.gate.snapshot().limit.elasticity, 0.0);
}

}  // namespace
}  // namespace loadline
