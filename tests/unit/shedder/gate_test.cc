// SPDX-License-Identifier: Apache-2.0
#include "shedder/gate.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/shedder/gate_fixture.h"

namespace loadline {
namespace {

using std::chrono::milliseconds;
using ::testing::IsEmpty;
using State = Operation::State;
using Kind = Verdict::Kind;

TEST(Gate, AdmitsUpToTheLimitAndMakesTheNextOneWait) {
  GateFixture t(fixed_limit(2));
  EXPECT_EQ(t.offered(kT3, kStart).verdict().kind, Kind::admit);
  const Operation& second = t.offered(kT3, kStart);
  EXPECT_EQ(second.state(), State::active);
  EXPECT_EQ(second.verdict().active, 2U);
  EXPECT_EQ(second.verdict().limit, 2.0);

  const Operation& third = t.offered(kT3, kStart);
  EXPECT_EQ(third.verdict().kind, Kind::wait);
  EXPECT_EQ(third.state(), State::waiting);
  EXPECT_EQ(t.gate.snapshot().active, 2U);
  EXPECT_EQ(t.gate.snapshot().waiting, 1U);
}

TEST(Gate, GivesAFreedSlotToTheOneThatWaits) {
  GateFixture t(fixed_limit(1));
  Operation& first = t.offered(kT3, kStart);
  Operation& second = t.offered(kT3, kStart);
  t.gate.complete(first, Outcome::ok, kStart + milliseconds(7));
  EXPECT_EQ(first.state(), State::idle);
  ASSERT_THAT(t.sink.decided, ::testing::ElementsAre(&second));
  EXPECT_EQ(second.state(), State::active);
  EXPECT_EQ(second.verdict().kind, Kind::admit);
  EXPECT_EQ(second.verdict().waited, milliseconds(7));
  t.gate.complete(second, Outcome::ok, kStart + milliseconds(9));
  EXPECT_EQ(t.gate.snapshot().active, 0U);
}

TEST(Gate, AHeldOperationHoldsNoSlotAndResumesBeyondTheLimit) {
  GateFixture t(fixed_limit(1));
  Operation& transaction = t.offered(kT3, kStart);
  t.gate.hold(transaction, kStart);
  EXPECT_EQ(t.gate.snapshot().held, 1U);
  Operation& other = t.offered(kT3, kStart);
  EXPECT_EQ(other.state(), State::active);

  t.gate.resume(transaction, kStart);
  EXPECT_EQ(t.gate.snapshot().active, 2U);
  EXPECT_EQ(t.gate.snapshot().held, 0U);
  Operation& waiting = t.offered(kT3, kStart);
  t.gate.complete(other, Outcome::ok, kStart);
  EXPECT_EQ(waiting.state(), State::waiting) << "still as many active as the limit allows";
  t.gate.complete(transaction, Outcome::ok, kStart);
  EXPECT_EQ(waiting.state(), State::active);
}

TEST(Gate, HoldingLetsTheNextOneIn) {
  GateFixture t(fixed_limit(1));
  Operation& transaction = t.offered(kT3, kStart);
  Operation& waiting = t.offered(kT3, kStart);
  t.gate.hold(transaction, kStart + milliseconds(1));
  EXPECT_EQ(waiting.state(), State::active);
  t.gate.complete(transaction, Outcome::abandoned, kStart + milliseconds(2));
  EXPECT_EQ(t.gate.snapshot().held, 0U);
  EXPECT_EQ(t.gate.snapshot().active, 1U);
}

TEST(Gate, CountsTheServiceOfATransactionWithoutTheTimeItWasHeld) {
  GateFixture t(fixed_limit(1));
  Operation& transaction = t.offered(kT3, kStart);
  t.gate.hold(transaction, kStart + milliseconds(3));
  t.gate.resume(transaction, kStart + milliseconds(500));
  t.gate.complete(transaction, Outcome::ok, kStart + milliseconds(505));
  EXPECT_NEAR(t.gate.snapshot().tiers[3].service.sum_seconds, 0.008, 1e-9);
}

TEST(Gate, AdmitsUnconditionallyBeyondTheLimit) {
  GateFixture t(fixed_limit(1));
  t.offered(kT3, kStart);
  Operation& second = t.operation();
  t.gate.admit_unconditionally(second, {}, kStart);
  EXPECT_EQ(second.state(), State::active);
  EXPECT_EQ(t.gate.snapshot().active, 2U);
  EXPECT_EQ(t.offered(kT3, kStart).state(), State::waiting);
}

TEST(Gate, APipelineRidesOnItsSlotOnlyWhileTheGateIsCalm) {
  GateFixture t(fixed_limit(1));
  Operation& operation = t.offered(kT3, kStart);
  EXPECT_TRUE(t.gate.ride(operation, {}, kStart));
  t.gate.complete_ridden(operation, Outcome::ok, kStart + milliseconds(2));
  EXPECT_EQ(operation.state(), State::active);
  EXPECT_FALSE(t.gate.ride(operation, {.priority = kT5}, kStart)) << "another tier";

  Operation& waiting = t.offered(kT3, kStart + milliseconds(2));
  EXPECT_FALSE(t.gate.ride(operation, {}, kStart + milliseconds(2)));
  t.gate.complete(operation, Outcome::ok, kStart + milliseconds(5));
  t.gate.complete(waiting, Outcome::ok, kStart + milliseconds(6));

  const GateSnapshot snapshot = t.gate.snapshot();
  EXPECT_EQ(snapshot.ridden, 1U);
  EXPECT_EQ(snapshot.tiers[3].admitted, 3U);
  EXPECT_EQ(snapshot.tiers[3].completed, 3U);
  EXPECT_NEAR(snapshot.tiers[3].service.sum_seconds, 0.006, 1e-9) << "2 ms, 3 ms and 1 ms";
  EXPECT_EQ(snapshot.active, 0U);
}

TEST(Gate, AbandoningAWaiterTakesItOutAndItsSinkHearsNothing) {
  GateFixture t(fixed_limit(1));
  Operation& first = t.offered(kT3, kStart);
  Operation& waiting = t.offered(kT3, kStart);
  EXPECT_TRUE(t.gate.abandon(waiting, kStart));
  EXPECT_EQ(waiting.state(), State::idle);
  t.gate.complete(first, Outcome::ok, kStart);
  EXPECT_THAT(t.sink.decided, IsEmpty());
  EXPECT_EQ(t.gate.snapshot().active, 0U);
  EXPECT_EQ(t.gate.snapshot().tiers[3].abandoned, 1U);
}

TEST(Gate, AbandoningOneThatHasBeenDecidedIsTooLate) {
  GateFixture t(fixed_limit(1));
  Operation& first = t.offered(kT3, kStart);
  Operation& second = t.offered(kT3, kStart);
  t.gate.complete(first, Outcome::ok, kStart);
  EXPECT_FALSE(t.gate.abandon(second, kStart));
  EXPECT_EQ(second.verdict().kind, Kind::admit);
  EXPECT_EQ(second.state(), State::active);
  t.gate.complete(second, Outcome::abandoned, kStart);
  EXPECT_EQ(t.gate.snapshot().tiers[3].abandoned, 1U);
}

TEST(Gate, CountsOutcomesByTier) {
  GateFixture t(fixed_limit(10));
  for (const Outcome outcome :
       {Outcome::ok, Outcome::error, Outcome::overload, Outcome::lost, Outcome::abandoned}) {
    t.gate.complete(t.offered(kT1, kStart), outcome, kStart + milliseconds(1));
  }
  const TierSnapshot tier = t.gate.snapshot().tiers[1];
  EXPECT_EQ(tier.offered, 5U);
  EXPECT_EQ(tier.admitted, 5U);
  EXPECT_EQ(tier.completed, 4U);
  EXPECT_EQ(tier.failed, 2U);
  EXPECT_EQ(tier.abandoned, 1U);
  EXPECT_EQ(tier.wait.buckets[0], 5U) << "admitted at once: they waited for nothing";
  EXPECT_EQ(t.gate.snapshot().tiers[3].offered, 0U);
}

TEST(Gate, ForgivesAClockThatIsALittleBehind) {
  GateFixture t(fixed_limit(1));
  Operation& first = t.offered(kT3, kStart);
  Operation& second = t.offered(kT3, kStart);
  t.gate.complete(first, Outcome::ok, kStart - milliseconds(1));
  EXPECT_EQ(second.verdict().waited, Duration::zero());
  t.gate.hold(second, kStart - milliseconds(2));
  t.gate.resume(second, kStart - milliseconds(3));
  t.gate.complete(second, Outcome::ok, kStart - milliseconds(4));
  EXPECT_EQ(t.gate.snapshot().tiers[3].service.sum_seconds, 0);
}

TEST(Gate, AnOperationCanBeUsedAgainAndAgain) {
  GateFixture t(fixed_limit(1));
  Operation& operation = t.operation();
  for (int i = 0; i < 3; ++i) {
    const TimePoint now = kStart + i * milliseconds(10);
    EXPECT_EQ(t.gate.offer(operation, {}, now).kind, Kind::admit);
    t.gate.complete(operation, Outcome::ok, now + milliseconds(1));
  }
  EXPECT_NEAR(t.gate.snapshot().tiers[3].service.sum_seconds, 0.003, 1e-9);
}

}  // namespace
}  // namespace loadline
