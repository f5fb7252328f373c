// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <chrono>
#include <memory>
#include <vector>

#include "tests/unit/shedder/gate_fixture.h"

namespace loadline {
namespace {

using std::chrono::milliseconds;
using Kind = Verdict::Kind;
using State = Operation::State;

std::uint64_t would_shed(const GateSnapshot& snapshot, ShedReason reason) {
  std::uint64_t count = 0;
  for (const TierSnapshot& tier : snapshot.tiers) {
    count += tier.would_shed[static_cast<std::size_t>(reason)];
  }
  return count;
}

std::uint64_t shed(const GateSnapshot& snapshot) {
  std::uint64_t count = 0;
  for (const TierSnapshot& tier : snapshot.tiers) {
    for (const std::uint64_t of_reason : tier.shed) count += of_reason;
  }
  return count;
}

// A database that answers `per_second`, one after the other, before a gate in a dry run.
class Rehearsal {
 public:
  explicit Rehearsal(GateOptions options) : t_(options) {}

  void run(Duration length, double offered_per_second, double served_per_second,
           Priority priority) {
    for (const TimePoint end = now_ + length; now_ < end; now_ += milliseconds(1)) {
      for (due_ += offered_per_second / 1000; due_ >= 1; due_ -= 1) {
        Operation& operation = t_.offered(priority, now_);
        EXPECT_EQ(operation.state(), State::active);
        inside_.push_back(&operation);
      }
      for (served_ += served_per_second / 1000; served_ >= 1; served_ -= 1) {
        if (inside_.size() <= first_) break;
        t_.gate.complete(*inside_[first_++], Outcome::ok, now_);
      }
      (void)t_.gate.tick(now_);
    }
  }
  [[nodiscard]] GateSnapshot snapshot() const { return t_.gate.snapshot(); }

 private:
  GateFixture t_;
  TimePoint now_ = kStart;
  double due_ = 0;
  double served_ = 0;
  std::vector<Operation*> inside_;
  std::size_t first_ = 0;
};

GateOptions dry(std::uint32_t limit) {
  GateOptions options = fixed_limit(limit);
  options.dry_run = true;
  options.rejector = Enforcement::on;
  return options;
}

TEST(GateRehearsal, EverythingIsAdmittedAtOnce) {
  GateFixture t(dry(2));
  for (int i = 0; i < 10; ++i) EXPECT_EQ(t.offered(kT5, kStart).verdict().kind, Kind::admit);
  EXPECT_EQ(t.gate.snapshot().active, 10U);
  EXPECT_TRUE(t.gate.snapshot().dry_run);
}

TEST(GateRehearsal, NothingWouldBeShedWithinTheCapacity) {
  Rehearsal rehearsal(dry(20));
  rehearsal.run(std::chrono::seconds(10), 900, 1000, kT3);
  EXPECT_EQ(would_shed(rehearsal.snapshot(), ShedReason::overload), 0U);
  EXPECT_EQ(would_shed(rehearsal.snapshot(), ShedReason::queue_timeout), 0U);
}

// Twice the capacity for ten seconds: half of it, 10,000, would have been refused, and was not.
TEST(GateRehearsal, WhatWouldBeShedIsCountedAndServed) {
  Rehearsal rehearsal(dry(20));
  rehearsal.run(std::chrono::seconds(10), 2000, 1000, kT3);
  const GateSnapshot snapshot = rehearsal.snapshot();
  const auto counted =
      would_shed(snapshot, ShedReason::overload) + would_shed(snapshot, ShedReason::queue_timeout);
  EXPECT_GT(counted, 8000U);
  EXPECT_LT(counted, 11000U);
  EXPECT_EQ(shed(snapshot), 0U);
  EXPECT_GT(would_shed(snapshot, ShedReason::overload), 0U) << "the rejector has settled";
}

TEST(GateRehearsal, T0IsNeverCountedAsRefused) {
  Rehearsal rehearsal(dry(20));
  rehearsal.run(std::chrono::seconds(5), 2000, 1000, kT0);
  EXPECT_EQ(would_shed(rehearsal.snapshot(), ShedReason::overload), 0U);
}

TEST(GateRehearsal, ARuleRehearsesAmongOthersThatDoNot) {
  GateOptions options = fixed_limit(1);
  options.waiting_max = 1;
  GateFixture t(options);
  (void)t.gate.tick(kStart);
  (void)t.offered(kT3, kStart);
  Operation& rehearsed = t.offered({.priority = kT3, .dry_run = true}, kStart);
  EXPECT_EQ(rehearsed.state(), State::active);
  EXPECT_EQ(t.offered(kT3, kStart).state(), State::waiting);
  t.gate.complete(rehearsed, Outcome::ok, kStart + milliseconds(1));
  EXPECT_EQ(t.gate.snapshot().active, 1U);
}

TEST(GateRehearsal, TurningItOnLetsEverybodyWhoWaitsGo) {
  GateFixture t(fixed_limit(1));
  (void)t.offered(kT3, kStart);
  const Operation& waiter = t.offered(kT3, kStart);
  ASSERT_EQ(waiter.state(), State::waiting);
  GateOptions options = fixed_limit(1);
  options.dry_run = true;
  t.gate.reconfigure(options, kStart);
  EXPECT_EQ(waiter.state(), State::active);
  EXPECT_EQ(t.sink.decided.size(), 1U);
}

TEST(GateRehearsal, TurningItOffEnforcesAtOnce) {
  GateFixture t(dry(1));
  Operation& first = t.offered(kT3, kStart);
  Operation& second = t.offered(kT3, kStart);
  t.gate.reconfigure(fixed_limit(1), kStart);
  const Operation& third = t.offered(kT3, kStart);
  EXPECT_EQ(third.state(), State::waiting);
  t.gate.complete(first, Outcome::ok, kStart);
  EXPECT_EQ(third.state(), State::waiting) << "one above the limit is left";
  t.gate.complete(second, Outcome::ok, kStart);
  EXPECT_EQ(third.state(), State::active);
}

TEST(GateRehearsal, AHeldTransactionIsNotInsideMeanwhile) {
  GateFixture t(dry(1));
  Operation& first = t.offered(kT3, kStart);
  t.gate.hold(first, kStart);
  EXPECT_EQ(t.gate.snapshot().active, 0U);
  t.gate.resume(first, kStart);
  t.gate.complete(first, Outcome::ok, kStart);
  EXPECT_EQ(t.gate.snapshot().active, 0U);
}

// The rejector alone for show: what it would refuse passes, and goes through limit and queue.
TEST(GateRehearsal, TheRejectorCanRehearseAlone) {
  GateOptions options = fixed_limit(4);
  options.rejector = Enforcement::dry_run;
  GateFixture t(options);
  TimePoint now = kStart;
  std::vector<Operation*> active;
  for (int ms = 0; ms < 4000; ++ms, now += milliseconds(1)) {
    for (int i = 0; i < 2; ++i) {
      Operation& operation = t.offered(kT3, now);
      if (operation.state() == State::active) active.push_back(&operation);
    }
    if (!active.empty()) {
      t.gate.complete(*active.front(), Outcome::ok, now);
      active.erase(active.begin());
    }
    (void)t.gate.tick(now);
    for (Operation* decided : std::exchange(t.sink.decided, {})) {
      if (decided->state() == State::active) active.push_back(decided);
    }
  }
  const GateSnapshot snapshot = t.gate.snapshot();
  EXPECT_GT(would_shed(snapshot, ShedReason::overload), 0U);
  EXPECT_EQ(snapshot.tiers[3].shed[static_cast<std::size_t>(ShedReason::overload)], 0U);
  EXPECT_GT(shed(snapshot), 0U) << "the queue still sheds";
}

}  // namespace
}  // namespace loadline
