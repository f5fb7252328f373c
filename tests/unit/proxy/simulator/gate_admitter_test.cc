// SPDX-License-Identifier: Apache-2.0
#include "proxy/simulator/gate_admitter.h"

#include <gtest/gtest.h>

namespace loadline::simulator {
namespace {

using namespace std::chrono_literals;

constexpr TimePoint kStart = TimePoint(1h);
constexpr OperationProfile kProfile = {.priority = Priority(Tier::t1, 0)};

GateOptions one_slot() { return {.limit_mode = LimitMode::fixed, .limit_initial = 1}; }

TEST(GateAdmitter, TellsLateVerdictsByIndex) {
  GateAdmitter admitter(one_slot(), 100, 1);
  EXPECT_EQ(admitter.offer(0, kProfile, kStart).kind, Verdict::Kind::admit);
  EXPECT_EQ(admitter.offer(5, kProfile, kStart).kind, Verdict::Kind::wait);
  EXPECT_TRUE(admitter.late().empty());
  admitter.complete(0, Outcome::ok, kStart + 5ms);
  ASSERT_EQ(admitter.late().size(), 1U);
  EXPECT_EQ(admitter.late().front().operation, 5U);
  EXPECT_EQ(admitter.late().front().verdict.kind, Verdict::Kind::admit);
  EXPECT_EQ(admitter.late().front().verdict.waited, 5ms);
  admitter.complete(5, Outcome::ok, kStart + 10ms);
  EXPECT_EQ(admitter.gate().snapshot().active, 0U);
}

TEST(GateAdmitter, AnIndexIsUsedAgain) {
  GateAdmitter admitter(one_slot(), 100, 1);
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(admitter.offer(0, kProfile, kStart + i * 10ms).kind, Verdict::Kind::admit);
    EXPECT_EQ(admitter.offer(1, kProfile, kStart + i * 10ms).kind, Verdict::Kind::wait);
    EXPECT_TRUE(admitter.abandon(1, kStart + i * 10ms));
    admitter.complete(0, Outcome::ok, kStart + i * 10ms + 5ms);
  }
  EXPECT_TRUE(admitter.late().empty());
}

TEST(GateAdmitter, AHeldOperationLeavesItsSlotToOthers) {
  GateAdmitter admitter(one_slot(), 100, 1);
  EXPECT_EQ(admitter.offer(0, kProfile, kStart).kind, Verdict::Kind::admit);
  EXPECT_EQ(admitter.offer(1, kProfile, kStart).kind, Verdict::Kind::wait);
  admitter.hold(0, kStart + 1ms);
  EXPECT_EQ(admitter.late().size(), 1U);
  admitter.resume(0, kStart + 2ms);
  EXPECT_EQ(admitter.gate().snapshot().active, 2U) << "whatever the limit";
  admitter.complete(0, Outcome::ok, kStart + 3ms);
  admitter.complete(1, Outcome::ok, kStart + 3ms);
}

TEST(GateAdmitter, HandsReadingsToTheSignalOfTheirName) {
  GateOptions options = one_slot();
  options.signals = {{.name = "replica_lag", .setpoint = 5, .hard = 30}};
  GateAdmitter admitter(options, 100, 1);
  admitter.on_signal("replica_lag", 30, kStart);
  admitter.on_signal("another", 30, kStart);
  (void)admitter.tick(kStart);
  const Verdict verdict = admitter.offer(0, kProfile, kStart);
  EXPECT_EQ(verdict.reason, ShedReason::signal);
  EXPECT_EQ(verdict.by, "replica_lag");
}

TEST(GateAdmitter, NoLimitIsBeyondTheConnections) {
  EXPECT_EQ(GateAdmitter({.limit_initial = 20}, 7, 1).limit(), 7);
  EXPECT_EQ(GateAdmitter({.limit_mode = LimitMode::fixed, .limit_initial = 20}, 7, 1).limit(), 7);
  EXPECT_EQ(GateAdmitter({.limit_initial = 20, .limit_min = 30}, 100, 1).limit(), 30);
}

}  // namespace
}  // namespace loadline::simulator
