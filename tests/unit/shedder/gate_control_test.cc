// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/shedder/gate_fixture.h"

namespace loadline {
namespace {

using std::chrono::milliseconds;
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
  t.gate.reconfigure({}, kStart);
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

TEST(GateControl, TheAutomaticLimitStartsLowAndSaysWhyItIsWhatItIs) {
  GateFixture t(GateOptions{});
  EXPECT_EQ(t.gate.snapshot().limit.limit, 20.0);
  EXPECT_EQ(t.gate.snapshot().limit.reason, "starting");
  t.gate.tick(kStart);
  EXPECT_EQ(t.gate.snapshot().limit.elasticity, 0.0);
}

}  // namespace
}  // namespace loadline
