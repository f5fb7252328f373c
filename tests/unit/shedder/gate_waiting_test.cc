// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <set>
#include <vector>

#include "tests/unit/shedder/gate_fixture.h"

namespace loadline {
namespace {

using std::chrono::microseconds;
using std::chrono::milliseconds;
using std::chrono::seconds;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using State = Operation::State;
using Kind = Verdict::Kind;

TEST(GateWaiting, ServesTheBestTierFirstAndTenantsInTurnWithinIt) {
  GateFixture t(fixed_limit(1));
  Operation* active = &t.offered(kT3, kStart);
  Operation& t5 = t.offered(kT5, kStart);
  Operation& first_of_one = t.offered({.priority = Priority(Tier::t3, 90), .tenant = 1}, kStart);
  Operation& second_of_one = t.offered({.priority = Priority(Tier::t3, 90), .tenant = 1}, kStart);
  Operation& only_of_two = t.offered({.priority = Priority(Tier::t3, 2), .tenant = 2}, kStart);
  Operation& t0 = t.offered(kT0, kStart);
  for (int i = 0; i < 5; ++i) {
    t.gate.complete(*active, Outcome::ok, kStart + milliseconds(1));
    active = t.sink.decided.back();
  }
  EXPECT_THAT(t.sink.decided, ElementsAre(&t0, &first_of_one, &only_of_two, &second_of_one, &t5));
}

TEST(GateWaiting, ATenantThatSendsTwentyTimesAsMuchWaitsForItself) {
  GateFixture t(fixed_limit(1));
  Operation* active = &t.offered(kT3, kStart);
  TimePoint now = kStart;
  std::array<int, 3> served = {};
  for (int i = 0; i < 200; ++i) {
    for (int j = 0; i % 10 == 0 && j < 20; ++j) t.offered({.tenant = 1}, now);
    if (i % 2 == 0) t.offered({.tenant = 2}, now);
    now += microseconds(100);
    t.gate.complete(*active, Outcome::ok, now);
    active = t.sink.decided.back();
    ++served[active->profile().tenant];
  }
  EXPECT_NEAR(served[2], 99, 3) << "all that it asked for";
}

TEST(GateWaiting, ServesTheOldestFirstWhileCalm) {
  GateFixture t(fixed_limit(1));
  Operation& active = t.offered(kT3, kStart);
  Operation& older = t.offered(kT3, kStart);
  t.offered(kT3, kStart + milliseconds(10));
  t.gate.complete(active, Outcome::ok, kStart + milliseconds(49));
  EXPECT_THAT(t.sink.decided, ElementsAre(&older));
}

TEST(GateWaiting, ServesTheNewestFirstOnceTheQueueHasStoodForAWhile) {
  GateFixture t(fixed_limit(1));
  Operation& active = t.offered(kT3, kStart);
  t.offered(kT3, kStart);
  Operation& newer = t.offered(kT3, kStart + milliseconds(10));
  t.gate.complete(active, Outcome::ok, kStart + milliseconds(50));
  EXPECT_THAT(t.sink.decided, ElementsAre(&newer));
}

TEST(GateWaiting, IsCalmAgainOnceTheQueueWasEmpty) {
  GateFixture t(fixed_limit(1));
  Operation& active = t.offered(kT3, kStart);
  Operation& waiter = t.offered(kT3, kStart);
  t.gate.complete(active, Outcome::ok, kStart + milliseconds(60));  // The queue is empty now.
  Operation& older = t.offered(kT3, kStart + milliseconds(61));
  t.offered(kT3, kStart + milliseconds(62));
  t.gate.complete(waiter, Outcome::ok, kStart + milliseconds(63));
  EXPECT_THAT(t.sink.decided, ElementsAre(&waiter, &older));
}

TEST(GateWaiting, ShedsAtTheWaitBudgetAtTheLatestAndNotAllAtOnce) {
  GateFixture t(fixed_limit(1));
  t.offered(kT3, kStart);
  for (int i = 0; i < 50; ++i) t.offered(kT3, kStart);
  std::set<Duration> waits;
  for (TimePoint now = kStart; now <= kStart + milliseconds(101); now += milliseconds(1)) {
    t.gate.tick(now);
  }
  ASSERT_EQ(t.sink.decided.size(), 50U);
  for (const Operation* operation : t.sink.decided) {
    const Verdict& verdict = operation->verdict();
    EXPECT_EQ(verdict.kind, Kind::shed);
    EXPECT_EQ(verdict.reason, ShedReason::queue_timeout);
    EXPECT_EQ(operation->state(), State::idle);
    EXPECT_GE(verdict.waited, milliseconds(80));
    EXPECT_LE(verdict.waited, milliseconds(101));
    waits.insert(verdict.waited);
  }
  EXPECT_GT(waits.size(), 10U) << "synchronised expiry makes synchronised retries";
  EXPECT_EQ(t.gate.snapshot().waiting, 0U);
  EXPECT_EQ(t.gate.snapshot().tiers[3].shed[static_cast<std::size_t>(ShedReason::queue_timeout)],
            50U);
}

TEST(GateWaiting, TickSaysWhenTheNextWaiterExpires) {
  GateFixture t(fixed_limit(1));
  t.offered(kT3, kStart);
  EXPECT_EQ(t.gate.tick(kStart), kStart + milliseconds(250)) << "nobody waits";
  Operation& waiting = t.offered({.deadline = milliseconds(20)}, kStart);
  const TimePoint due = t.gate.tick(kStart);
  EXPECT_GE(due, kStart + milliseconds(20));
  EXPECT_LE(due, kStart + milliseconds(21));
  t.gate.tick(due - milliseconds(1));
  EXPECT_EQ(waiting.state(), State::waiting);
  t.gate.tick(due);
  EXPECT_EQ(waiting.verdict().reason, ShedReason::deadline);
}

TEST(GateWaiting, AsksForAWakeUpWhenAWaiterExpiresBeforeTheNextTick) {
  GateFixture t(fixed_limit(1));
  t.gate.tick(kStart);
  t.offered(kT3, kStart);
  EXPECT_FALSE(t.gate.take_wake_request()) << "nobody waits";
  t.offered(kT3, kStart);
  EXPECT_TRUE(t.gate.take_wake_request());
  EXPECT_FALSE(t.gate.take_wake_request()) << "it was taken";
  t.gate.tick(kStart + milliseconds(1));
  t.offered(kT3, kStart + milliseconds(2));
  EXPECT_TRUE(t.gate.take_wake_request()) << "within 20 ms the controllers look at a queue";
  t.offered(kT3, kStart + milliseconds(3));
  EXPECT_FALSE(t.gate.take_wake_request()) << "that is soon enough";
  t.offered({.deadline = milliseconds(5)}, kStart + milliseconds(3));
  EXPECT_TRUE(t.gate.take_wake_request()) << "it expires before all others";
}

TEST(GateWaiting, NeverDispatchesOneWhoseTimeIsUpHoweverLateTheTick) {
  GateFixture t(fixed_limit(1));
  Operation& active = t.offered(kT3, kStart);
  Operation& hasty = t.offered({.priority = kT1, .deadline = milliseconds(30)}, kStart);
  Operation& patient = t.offered(kT3, kStart);
  t.gate.complete(active, Outcome::ok, kStart + milliseconds(40));
  EXPECT_THAT(t.sink.decided, ElementsAre(&hasty, &patient));
  EXPECT_EQ(hasty.verdict().reason, ShedReason::deadline);
  EXPECT_EQ(patient.verdict().kind, Kind::admit);
}

TEST(GateWaiting, ShedsAtOnceWhatCannotBeServedInTime) {
  GateFixture t(fixed_limit(1));
  TimePoint now = kStart;
  for (int i = 0; i < 20; ++i) {  // It learns that an operation takes 50 ms.
    Operation& operation = t.offered(kT3, now);
    now += milliseconds(50);
    t.gate.complete(operation, Outcome::ok, now);
    t.gate.tick(now);
  }
  t.offered(kT3, now);
  EXPECT_EQ(t.offered({.deadline = milliseconds(40)}, now).verdict().reason, ShedReason::deadline);
  Operation& possible = t.offered({.deadline = milliseconds(90)}, now);
  EXPECT_EQ(possible.verdict().kind, Kind::wait);
  // After 40 ms of waiting it would be too late.
  for (const TimePoint end = now + milliseconds(42); now < end; now += milliseconds(1)) {
    t.gate.tick(now);
  }
  EXPECT_EQ(possible.verdict().reason, ShedReason::deadline);
}

TEST(GateWaiting, AFreeSlotIsTakenEvenByOneThatMayBeTooLate) {
  GateFixture t(fixed_limit(1));
  TimePoint now = kStart;
  for (int i = 0; i < 20; ++i) {
    Operation& operation = t.offered(kT3, now);
    now += milliseconds(500);
    t.gate.complete(operation, Outcome::ok, now);
    t.gate.tick(now);
  }
  // Or an estimate that is too high could shed everything, and would never be corrected.
  EXPECT_EQ(t.offered({.deadline = milliseconds(1)}, now).verdict().kind, Kind::admit);
}

TEST(GateWaiting, AFullQueueRefusesANewcomerThatIsWorseThanAllThatWait) {
  GateOptions options = fixed_limit(1);
  options.waiting_max = 2;
  GateFixture t(options);
  t.offered(kT3, kStart);
  t.offered(kT3, kStart);
  t.offered(kT3, kStart);
  EXPECT_EQ(t.offered(kT5, kStart).verdict().reason, ShedReason::queue_full);
  EXPECT_THAT(t.sink.decided, IsEmpty());
  EXPECT_EQ(t.gate.snapshot().waiting, 2U);
}

TEST(GateWaiting, AFullQueuePushesOutTheOldestForANewcomerOfItsOwnTier) {
  GateOptions options = fixed_limit(1);
  options.waiting_max = 2;
  GateFixture t(options);
  t.offered(kT3, kStart);
  Operation& oldest = t.offered(kT3, kStart);
  t.offered(kT3, kStart);
  EXPECT_EQ(t.offered(kT3, kStart).verdict().kind, Kind::wait);
  EXPECT_THAT(t.sink.decided, ElementsAre(&oldest));
  EXPECT_EQ(oldest.verdict().reason, ShedReason::pushed_out);
  EXPECT_EQ(t.gate.snapshot().waiting, 2U);
}

TEST(GateWaiting, AFullQueuePushesOutTheTenantThatHasMostInIt) {
  GateOptions options = fixed_limit(1);
  options.waiting_max = 5;
  GateFixture t(options);
  t.offered(kT3, kStart);
  t.offered({.tenant = 2}, kStart);
  Operation& oldest_of_many = t.offered({.tenant = 1}, kStart);
  for (int i = 0; i < 3; ++i) t.offered({.tenant = 1}, kStart);
  t.offered({.tenant = 3}, kStart);
  EXPECT_THAT(t.sink.decided, ElementsAre(&oldest_of_many));
}

TEST(GateWaiting, AFullQueuePushesOutTheOldestOfTheWorstForABetterOne) {
  GateOptions options = fixed_limit(1);
  options.waiting_max = 3;
  GateFixture t(options);
  t.offered(kT3, kStart);
  t.offered(kT3, kStart);
  Operation& older_t5 = t.offered(kT5, kStart);
  t.offered(kT5, kStart + milliseconds(1));
  const Operation& newcomer = t.offered(kT1, kStart + milliseconds(2));
  EXPECT_EQ(newcomer.verdict().kind, Kind::wait);
  EXPECT_THAT(t.sink.decided, ElementsAre(&older_t5));
  EXPECT_EQ(older_t5.verdict().reason, ShedReason::pushed_out);
  EXPECT_EQ(t.gate.snapshot().waiting, 3U);
}

TEST(GateWaiting, TheBoundIsAtLeast256AndGrowsWithTheCapacity) {
  GateFixture unknown(fixed_limit(1));
  for (int i = 0; i < 1025; ++i) unknown.offered(kT3, kStart);
  EXPECT_THAT(unknown.sink.decided, IsEmpty()) << "nothing is known of the database yet";
  unknown.offered(kT3, kStart);
  EXPECT_EQ(unknown.sink.decided.size(), 1U);
  EXPECT_EQ(unknown.gate.snapshot().waiting, 1024U);

  const auto waiting_at_most = [](int per_second) {
    GateFixture t(fixed_limit(1));
    TimePoint now = kStart;
    for (int i = 0; i < 10 * per_second; ++i) {
      Operation& operation = t.offered(kT3, now);
      now += Duration(seconds(1)) / per_second;
      t.gate.complete(operation, Outcome::ok, now);
      t.gate.tick(now);
    }
    for (int i = 0; i < 600; ++i) t.offered(kT3, now);
    return t.gate.snapshot().waiting;
  };
  EXPECT_NEAR(waiting_at_most(2000), 300, 10) << "one and a half wait budgets";
  EXPECT_EQ(waiting_at_most(100), 256U);
}

TEST(GateWaiting, TheBoundIsOfWhatCouldBeAnsweredNotOfWhatWasAskedFor) {
  GateFixture t(fixed_limit(1));
  TimePoint now = kStart;
  for (int i = 0; i < 300; ++i) {  // 30 a second, of 500 us each: 2,000 a second would fit.
    Operation& operation = t.offered(kT3, now);
    t.gate.complete(operation, Outcome::ok, now + microseconds(500));
    now += milliseconds(33);
    t.gate.tick(now);
  }
  for (int i = 0; i < 600; ++i) t.offered(kT3, now);
  EXPECT_NEAR(t.gate.snapshot().waiting, 300, 10);
}

TEST(GateWaiting, TheWorstTierGetsItsFloor) {
  GateOptions options = fixed_limit(1);
  options.starvation_floor_percent = 3;
  GateFixture t(options);
  Operation* active = &t.offered(kT1, kStart);
  TimePoint now = kStart;
  int worst_served = 0;
  t.offered(kT5, now);
  for (int i = 0; i < 1000; ++i) {
    t.offered(kT1, now);
    now += microseconds(10);
    t.gate.complete(*active, Outcome::ok, now);
    active = t.sink.decided.back();
    if (active->profile().priority.tier() != Tier::t5) continue;
    ++worst_served;
    t.offered(kT5, now);
  }
  EXPECT_EQ(worst_served, 30);
}

TEST(GateWaiting, WhileAllCanBeServedInTimeTheWorstTierGetsAFifth) {
  GateFixture t(fixed_limit(1));
  TimePoint now = kStart;
  for (int i = 0; i < 1000; ++i) {  // 1,000 a second, so 50 can be served in half a wait budget.
    Operation& operation = t.offered(kT3, now);
    now += milliseconds(1);
    t.gate.complete(operation, Outcome::ok, now);
    t.gate.tick(now);
  }
  Operation* active = &t.offered(kT1, now);
  for (int i = 0; i < 20; ++i) t.offered(kT5, now);
  int worst_served = 0;
  for (int i = 0; i < 50; ++i) {
    t.offered(kT1, now);
    now += milliseconds(1);
    t.gate.complete(*active, Outcome::ok, now);
    active = t.sink.decided.back();
    if (active->profile().priority.tier() == Tier::t5) ++worst_served;
  }
  EXPECT_EQ(worst_served, 10);
}

TEST(GateWaiting, WithoutAFloorTheWorstTierGetsNothing) {
  GateOptions options = fixed_limit(1);
  options.starvation_floor_percent = 0;
  GateFixture t(options);
  Operation* active = &t.offered(kT1, kStart);
  Operation& starved = t.offered(kT5, kStart);
  for (int i = 0; i < 200; ++i) {
    t.offered(kT1, kStart);
    t.gate.complete(*active, Outcome::ok, kStart);
    active = t.sink.decided.back();
  }
  EXPECT_EQ(starved.state(), State::waiting);
}

TEST(GateWaiting, RetryAfterIsJitteredAndGrowsWithTheShareShed) {
  GateOptions options = fixed_limit(1);
  options.rejector = Enforcement::on;
  options.waiting_max = 1;
  options.wait_max = seconds(1000);
  GateFixture t(options);
  t.offered(kT3, kStart);
  t.offered({.deadline = seconds(1000)}, kStart);
  std::set<Duration> calm;
  for (int i = 0; i < 100; ++i) calm.insert(t.offered(kT5, kStart).verdict().retry_after);
  EXPECT_GT(calm.size(), 90U);
  EXPECT_GE(*calm.begin(), milliseconds(50));
  EXPECT_LE(*calm.rbegin(), milliseconds(150));

  TimePoint now = kStart;
  Operation& alive = t.operation();
  for (int i = 0; i < 3000; ++i) {  // Everything is shed for three seconds.
    now += milliseconds(1);
    if (i % 100 == 0) {  // The database answers: it isn't stalled.
      t.gate.admit_unconditionally(alive, {}, now);
      t.gate.complete(alive, Outcome::ok, now);
    }
    t.gate.tick(now);
    t.offered(kT5, now);
    t.offered(kT5, now);
  }
  std::set<Duration> shedding;
  for (int i = 0; i < 100; ++i) shedding.insert(t.offered(kT5, now).verdict().retry_after);
  EXPECT_GE(*shedding.begin(), milliseconds(240));
  EXPECT_LE(*shedding.rbegin(), milliseconds(750));
}

TEST(GateWaiting, AVerdictThatOfferReturnsIsNotHeardAsWell) {
  GateOptions options = fixed_limit(1);
  options.wait_max = Duration::zero();
  GateFixture t(options);
  t.offered(kT3, kStart);
  // It begins to wait, and its time is up when the slots are looked at.
  EXPECT_EQ(t.offered(kT3, kStart).verdict().reason, ShedReason::queue_timeout);
  EXPECT_THAT(t.sink.decided, IsEmpty());
  EXPECT_EQ(t.gate.snapshot().waiting, 0U);
}

}  // namespace
}  // namespace loadline
