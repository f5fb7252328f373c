// SPDX-License-Identifier: Apache-2.0
// A gate that heeds readings from outside.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <utility>
#include <vector>

#include "tests/unit/shedder/gate_fixture.h"

namespace loadline {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using Kind = Verdict::Kind;

SignalOptions lag() {
  return {.name = "lag", .setpoint = 10, .hard = 20, .reads = false, .ttl = seconds(60)};
}
SignalOptions sessions() {
  return {.name = "sessions", .setpoint = 100, .hard = 200, .ttl = seconds(60)};
}

GateOptions with_signals(std::vector<SignalOptions> signals) {
  GateOptions options = fixed_limit(10'000);
  options.signals = std::move(signals);
  return options;
}

// Ticks a gate every 50 ms, and offers operations that end at once.
class Signals : public GateFixture {
 public:
  explicit Signals(std::vector<SignalOptions> signals)
      : GateFixture(with_signals(std::move(signals))) {}

  void run(Duration length) {
    for (const TimePoint end = now + length; now < end; now += milliseconds(50)) {
      (void)gate.tick(now);
    }
  }
  Verdict offer(Tier tier, OperationClass operation_class, std::uint32_t cohort = 0) {
    Operation& one = operation_;
    const Verdict verdict = gate.offer(
        one, {.priority = Priority(tier, cohort), .operation_class = operation_class}, now);
    if (verdict.kind == Kind::admit) gate.complete(one, Outcome::ok, now);
    return verdict;
  }
  // The share that is refused of 128 of the tier, one of each cohort.
  double refused(Tier tier, OperationClass operation_class) {
    int count = 0;
    for (std::uint32_t cohort = 0; cohort < kCohortCount; ++cohort) {
      count += offer(tier, operation_class, cohort).kind == Kind::shed;
    }
    return static_cast<double>(count) / kCohortCount;
  }
  // So that the gate knows who is there: as many of each.
  void offer_all_tiers() {
    for (std::size_t tier = 0; tier < kTierCount; ++tier) {
      for (const auto operation_class :
           {OperationClass::read, OperationClass::write, OperationClass::ddl}) {
        (void)refused(static_cast<Tier>(tier), operation_class);
      }
    }
    run(milliseconds(200));
  }

  TimePoint now = kStart;

 private:
  Operation operation_{0, sink};
};

TEST(GateSignals, AtHardAllThatIsConcernedIsShedAndNothingElse) {
  Signals t({lag()});
  EXPECT_TRUE(t.gate.signal("lag", 20, t.now));
  t.run(milliseconds(50));
  for (const Tier tier : {Tier::t1, Tier::t3, Tier::t5}) {
    EXPECT_EQ(t.refused(tier, OperationClass::write), 1) << "though it was never seen before";
    EXPECT_EQ(t.refused(tier, OperationClass::ddl), 1);
    EXPECT_EQ(t.refused(tier, OperationClass::read), 0);
  }
  EXPECT_EQ(t.refused(Tier::t0, OperationClass::write), 0);
}

TEST(GateSignals, T0IsShedIfTheOperatorSaysSo) {
  SignalOptions all = lag();
  all.tier_best = Tier::t0;
  Signals t({all});
  EXPECT_TRUE(t.gate.signal("lag", 25, t.now));
  t.run(milliseconds(50));
  EXPECT_EQ(t.refused(Tier::t0, OperationClass::write), 1);
}

TEST(GateSignals, TheVerdictNamesTheOneThatBinds) {
  Signals t({lag(), sessions()});
  EXPECT_TRUE(t.gate.signal("lag", 20, t.now));
  EXPECT_TRUE(t.gate.signal("sessions", 200, t.now));
  t.run(milliseconds(50));
  const Verdict read = t.offer(Tier::t3, OperationClass::read);
  EXPECT_EQ(read.kind, Kind::shed);
  EXPECT_EQ(read.reason, ShedReason::signal);
  EXPECT_EQ(read.by, "sessions");
  EXPECT_EQ(t.offer(Tier::t3, OperationClass::write).by, "lag") << "the first of equals";
  EXPECT_GE(read.retry_after, milliseconds(500)) << "it won't be over in 100 ms";
}

TEST(GateSignals, TheWorstAreShedFirst) {
  Signals t({lag()});
  t.offer_all_tiers();
  EXPECT_TRUE(t.gate.signal("lag", 15, t.now));  // Half of t1 to t5.
  t.run(seconds(10));
  EXPECT_EQ(t.refused(Tier::t5, OperationClass::write), 1);
  EXPECT_EQ(t.refused(Tier::t4, OperationClass::write), 1);
  EXPECT_NEAR(t.refused(Tier::t3, OperationClass::write), 0.5, 0.03);
  EXPECT_EQ(t.refused(Tier::t2, OperationClass::write), 0);
  EXPECT_EQ(t.refused(Tier::t1, OperationClass::write), 0);
}

TEST(GateSignals, TheMaximumCountsNotTheSum) {
  Signals t({lag(), sessions()});
  t.offer_all_tiers();
  EXPECT_TRUE(t.gate.signal("lag", 14, t.now));        // 40%
  EXPECT_TRUE(t.gate.signal("sessions", 140, t.now));  // 40%
  t.run(seconds(10));
  EXPECT_EQ(t.refused(Tier::t4, OperationClass::write), 1);
  EXPECT_NEAR(t.refused(Tier::t3, OperationClass::write), 0, 0.02);
}

TEST(GateSignals, WhatIsNoReadingIsRefused) {
  Signals t({lag()});
  EXPECT_FALSE(t.gate.signal("leg", 20, t.now)) << "no such signal";
  for (const double value : {std::numeric_limits<double>::quiet_NaN(), HUGE_VAL, -1.0}) {
    EXPECT_FALSE(t.gate.signal("lag", value, t.now)) << value;
  }
  t.run(seconds(1));
  EXPECT_EQ(t.refused(Tier::t5, OperationClass::write), 0);
  EXPECT_EQ(t.gate.snapshot().signals.signals[0].refused, 3U);
}

TEST(GateSignals, ADryRunShedsNothing) {
  SignalOptions dry = lag();
  dry.dry_run = true;
  Signals t({dry});
  EXPECT_TRUE(t.gate.signal("lag", 20, t.now));
  t.run(milliseconds(50));
  EXPECT_EQ(t.refused(Tier::t5, OperationClass::write), 0);
  const SignalsSnapshot signals = t.gate.snapshot().signals;
  EXPECT_EQ(signals.signals[0].ratio, 1);
  EXPECT_EQ(signals.binding_dry_run[1].signal, 0U);
}

TEST(GateSignals, WhatGoesOnIsNeverConcerned) {
  Signals t({sessions()});
  Operation& active = t.operation();
  const OperationProfile write = {.priority = kT3, .operation_class = OperationClass::write};
  EXPECT_EQ(t.gate.offer(active, write, t.now).kind, Kind::admit);
  EXPECT_TRUE(t.gate.signal("sessions", 200, t.now));
  t.run(milliseconds(50));
  t.gate.hold(active, t.now);
  t.gate.resume(active, t.now);
  t.gate.complete(active, Outcome::ok, t.now);
  t.gate.admit_unconditionally(active, write, t.now);
  EXPECT_EQ(active.state(), Operation::State::active);
  t.gate.complete(active, Outcome::ok, t.now);
}

TEST(GateSignals, NobodyRidesPastASignal) {
  Signals t({lag()});
  Operation& active = t.operation();
  const OperationProfile read = {.priority = kT3};
  const OperationProfile write = {.priority = kT3, .operation_class = OperationClass::write};
  EXPECT_EQ(t.gate.offer(active, read, t.now).kind, Kind::admit);
  EXPECT_TRUE(t.gate.ride(active, write, t.now));
  EXPECT_TRUE(t.gate.signal("lag", 20, t.now));
  t.run(milliseconds(50));
  EXPECT_FALSE(t.gate.ride(active, write, t.now)) << "it must ask";
  EXPECT_TRUE(t.gate.ride(active, read, t.now));
  t.gate.complete(active, Outcome::ok, t.now);
}

TEST(GateSignals, WhatASignalShedsIsOfferedAndShedOnce) {
  Signals t({lag()});
  EXPECT_TRUE(t.gate.signal("lag", 20, t.now));
  t.run(milliseconds(50));
  (void)t.refused(Tier::t2, OperationClass::write);
  (void)t.refused(Tier::t2, OperationClass::read);
  const GateSnapshot snapshot = t.gate.snapshot();
  const TierSnapshot& tier = snapshot.tiers[2];
  EXPECT_EQ(tier.offered, 2 * kCohortCount);
  EXPECT_EQ(tier.admitted, kCohortCount);
  EXPECT_EQ(tier.shed[static_cast<std::size_t>(ShedReason::signal)], kCohortCount);
  EXPECT_EQ(snapshot.signals.signals[0].shed, kCohortCount);
  EXPECT_EQ(snapshot.signals.binding[1].signal, 0U);
  EXPECT_FALSE(snapshot.signals.binding[0].signal) << "reads";
}

TEST(GateSignals, WithoutSignalsNothingIsShownAndNoTickIsDue) {
  Signals t({});
  EXPECT_TRUE(t.gate.snapshot().signals.signals.empty());
  EXPECT_FALSE(t.gate.signal("lag", 20, t.now));
  EXPECT_GE(t.gate.tick(t.now) - t.now, milliseconds(200));
}

TEST(GateSignals, TheBoardIsLookedAtTenTimesASecond) {
  Signals t({lag()});
  const TimePoint due = t.gate.tick(t.now);
  EXPECT_GE(due - t.now, milliseconds(25));
  EXPECT_LE(due - t.now, milliseconds(250));
}

TEST(GateSignals, AReloadKeepsASignalThatStays) {
  Signals t({lag()});
  EXPECT_TRUE(t.gate.signal("lag", 20, t.now));
  t.run(milliseconds(50));
  (void)t.refused(Tier::t2, OperationClass::write);
  t.gate.reconfigure(with_signals({sessions(), lag()}), t.now);
  EXPECT_EQ(t.refused(Tier::t2, OperationClass::write), 1) << "at once";
  const SignalsSnapshot signals = t.gate.snapshot().signals;
  EXPECT_EQ(signals.signals[0].name, "sessions");
  EXPECT_EQ(signals.signals[0].shed, 0U) << "what lag shed at that place isn't its own";
  EXPECT_EQ(signals.signals[1].shed, 2 * kCohortCount) << "its count goes on";
  EXPECT_EQ(t.offer(Tier::t2, OperationClass::write).by, "lag");
}

TEST(GateSignals, AReloadWithoutItOpensTheGate) {
  Signals t({lag()});
  EXPECT_TRUE(t.gate.signal("lag", 20, t.now));
  t.run(milliseconds(50));
  const Verdict shed = t.offer(Tier::t2, OperationClass::write);
  t.gate.reconfigure(with_signals({}), t.now);
  EXPECT_EQ(t.refused(Tier::t2, OperationClass::write), 0);
  EXPECT_EQ(shed.by, "lag") << "a verdict that was given is still readable";
  t.gate.reconfigure(with_signals({lag()}), t.now);
  EXPECT_EQ(t.refused(Tier::t2, OperationClass::write), 0) << "a new one knows nothing";
}

TEST(GateSignals, ASignalThatChangesBeginsAnew) {
  Signals t({lag()});
  EXPECT_TRUE(t.gate.signal("lag", 20, t.now));
  t.run(milliseconds(50));
  SignalOptions changed = lag();
  changed.hard = 30;
  t.gate.reconfigure(with_signals({changed}), t.now);
  EXPECT_EQ(t.refused(Tier::t2, OperationClass::write), 0);
  EXPECT_EQ(t.gate.snapshot().signals.signals[0].state, SignalState::never);
}

// The rejector looks at what signals leave over: what they refuse must not make it refuse, too.
TEST(GateSignals, TheRejectorDoesNotWindUp) {
  GateOptions options = with_signals({lag()});
  options.rejector = Enforcement::on;
  GateFixture t(options);
  TimePoint now = kStart;
  EXPECT_TRUE(t.gate.signal("lag", 20, now));
  Operation& one = t.operation();
  for (int i = 0; i < 20'000; ++i, now += milliseconds(1)) {
    if (i % 20 == 0) (void)t.gate.tick(now);
    const Verdict verdict =
        t.gate.offer(one, {.priority = kT3, .operation_class = OperationClass::write}, now);
    if (verdict.kind == Kind::admit) t.gate.complete(one, Outcome::ok, now);
  }
  for (const double ratio : t.gate.snapshot().rejection_ratio) EXPECT_EQ(ratio, 0);
}

}  // namespace
}  // namespace loadline
