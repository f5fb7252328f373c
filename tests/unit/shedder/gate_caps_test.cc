// SPDX-License-Identifier: Apache-2.0
// Scorecards at the gate. Caps by fingerprint: gate_overload_test.cc.
#include <gtest/gtest.h>

#include <array>
#include <chrono>

#include "tests/unit/shedder/gate_fixture.h"

namespace loadline {
namespace {

using std::chrono::milliseconds;
using Kind = Verdict::Kind;
using State = Operation::State;
using Unit = ScorecardCap::Unit;

ScorecardOptions at_most(double active, std::uint32_t waiting_max = 0) {
  return {.name = "each",
          .active_max = ScorecardCap{Unit::operations, active},
          .waiting_max = waiting_max};
}

GateOptions with_cards(std::vector<ScorecardOptions> cards, std::uint32_t limit = 10) {
  GateOptions options = fixed_limit(limit);
  options.scorecards = std::move(cards);
  return options;
}

OperationProfile of(std::uint64_t tenant, Priority priority = kT3) {
  OperationProfile profile = {.priority = priority, .tenant = tenant};
  profile.scorecard_count = 1;
  profile.scorecards[0] = {.party = tenant};
  return profile;
}

class GateCapsTest : public ::testing::Test {
 protected:
  void start(const GateOptions& options) {
    t_ = std::make_unique<GateFixture>(options);
    (void)t_->gate.tick(kStart);
  }
  void complete(Operation& operation) {
    t_->gate.complete(operation, Outcome::ok, kStart + milliseconds(1));
  }
  std::unique_ptr<GateFixture> t_;
};

TEST_F(GateCapsTest, APartyAtItsCapWaitsThoughSlotsAreFree) {
  start(with_cards({at_most(2)}));
  Operation& first = t_->offered(of(7), kStart);
  EXPECT_EQ(first.state(), State::active);
  EXPECT_EQ(t_->offered(of(7), kStart).state(), State::active);
  Operation& third = t_->offered(of(7), kStart);
  EXPECT_EQ(third.state(), State::waiting);
  EXPECT_EQ(t_->offered(of(8), kStart).state(), State::active) << "others go past it";
  complete(first);
  EXPECT_EQ(third.state(), State::active);
}

TEST_F(GateCapsTest, MoreThanMayWaitAreShedAtOnce) {
  start(with_cards({at_most(1, 2)}));
  (void)t_->offered(of(7), kStart);
  EXPECT_EQ(t_->offered(of(7), kStart).state(), State::waiting);
  EXPECT_EQ(t_->offered(of(7), kStart).state(), State::waiting);
  const Operation& fourth = t_->offered(of(7), kStart);
  EXPECT_EQ(fourth.verdict().kind, Kind::shed);
  EXPECT_EQ(fourth.verdict().reason, ShedReason::scorecard);
  EXPECT_EQ(fourth.verdict().by, "each");
  EXPECT_EQ(fourth.verdict().cap, 1U);
  const GateSnapshot snapshot = t_->gate.snapshot();
  EXPECT_EQ(snapshot.scorecards.at(0).shed, 1U);
  EXPECT_EQ(snapshot.tiers[3].shed[static_cast<std::size_t>(ShedReason::scorecard)], 1U);
}

TEST_F(GateCapsTest, WhatExpiresBehindACapSaysSo) {
  start(with_cards({at_most(1)}));
  (void)t_->offered(of(7), kStart);
  const Operation& second = t_->offered(of(7), kStart);
  (void)t_->gate.tick(kStart + milliseconds(101));
  EXPECT_EQ(second.verdict().reason, ShedReason::scorecard);
}

TEST_F(GateCapsTest, TheBestTierGoesFirstWhenAPartysSlotComesFree) {
  start(with_cards({at_most(1, 5)}));
  Operation& first = t_->offered(of(7), kStart);
  const Operation& low = t_->offered(of(7, kT5), kStart);
  const Operation& high = t_->offered(of(7, kT1), kStart);
  complete(first);
  EXPECT_EQ(high.state(), State::active);
  EXPECT_EQ(low.state(), State::waiting);
}

TEST_F(GateCapsTest, AllScorecardsMustGrant) {
  start(with_cards({at_most(5), at_most(1)}));
  const auto by_user = [](std::uint64_t tenant, std::uint64_t user) {
    OperationProfile profile = of(tenant);
    profile.scorecard_count = 2;
    profile.scorecards[1] = {.party = user, .card = 1};
    return profile;
  };
  Operation& first = t_->offered(by_user(7, 1), kStart);
  Operation& same_user = t_->offered(by_user(7, 1), kStart);
  EXPECT_EQ(same_user.state(), State::waiting);
  EXPECT_EQ(t_->offered(by_user(7, 2), kStart).state(), State::active)
      << "another user of the tenant isn't behind the first";
  complete(first);
  EXPECT_EQ(same_user.state(), State::active);
}

// An operation that one scorecard grants and another doesn't must not count as active under the
// first while it waits.
TEST_F(GateCapsTest, WaitingForOneCapTakesNothingOfAnother) {
  start(with_cards({at_most(2), at_most(1, 9)}));
  const auto profile = [](std::uint64_t user) {
    OperationProfile one = of(7);
    one.scorecard_count = 2;
    one.scorecards[1] = {.party = user, .card = 1};
    return one;
  };
  (void)t_->offered(profile(1), kStart);
  (void)t_->offered(profile(1), kStart);
  (void)t_->offered(profile(1), kStart);
  EXPECT_EQ(t_->offered(profile(2), kStart).state(), State::active);
}

// As two parties are whose names hash to one slot. With tens of thousands of them there are some.
OperationProfile of_two_in_one_slot(Priority priority) {
  OperationProfile profile = of(7, priority);
  profile.scorecard_count = 2;
  profile.scorecards[1] = profile.scorecards[0];
  return profile;
}

TEST_F(GateCapsTest, TwoThatWaitForTheSamePlaceDoNotWakeEachOtherForEver) {
  start(with_cards({at_most(1, 10)}));
  Operation& first = t_->offered(of(7), kStart);
  Operation& better = t_->offered(of_two_in_one_slot(kT1), kStart);
  Operation& worse = t_->offered(of_two_in_one_slot(kT5), kStart);  // Didn't return once.
  EXPECT_EQ(better.state(), State::waiting);
  EXPECT_EQ(worse.state(), State::waiting);
  complete(first);
  EXPECT_EQ(better.state(), State::active) << "an operation isn't in its own way";
  EXPECT_EQ(worse.state(), State::waiting);
  complete(better);
  EXPECT_EQ(worse.state(), State::active);
}

TEST_F(GateCapsTest, AHeldTransactionCountsForNobody) {
  start(with_cards({at_most(1)}));
  Operation& first = t_->offered(of(7), kStart);
  t_->gate.hold(first, kStart);
  Operation& second = t_->offered(of(7), kStart);
  EXPECT_EQ(second.state(), State::active);
  t_->gate.resume(first, kStart);
  EXPECT_EQ(first.state(), State::active) << "a statement of an open transaction never waits";
  complete(first);
  complete(second);
  EXPECT_EQ(t_->offered(of(7), kStart).state(), State::active);
}

TEST_F(GateCapsTest, AbandoningAWaiterFreesItsPlace) {
  start(with_cards({at_most(1, 1)}));
  (void)t_->offered(of(7), kStart);
  Operation& second = t_->offered(of(7), kStart);
  EXPECT_TRUE(t_->gate.abandon(second, kStart));
  EXPECT_EQ(t_->offered(of(7), kStart).state(), State::waiting);
}

TEST_F(GateCapsTest, ACapThatRisesLetsWaitersGo) {
  start(with_cards({{.name = "share", .active_max = ScorecardCap{Unit::limit_share, 0.2}}}, 5));
  (void)t_->offered(of(7), kStart);
  const Operation& second = t_->offered(of(7), kStart);
  ASSERT_EQ(second.state(), State::waiting);
  GateOptions wider =
      with_cards({{.name = "share", .active_max = ScorecardCap{Unit::limit_share, 0.8}}}, 5);
  t_->gate.reconfigure(wider, kStart + milliseconds(1));
  (void)t_->gate.tick(kStart + milliseconds(2));
  EXPECT_EQ(second.state(), State::active);
}

TEST_F(GateCapsTest, OneForShowCountsAndGrants) {
  ScorecardOptions card = at_most(1);
  card.dry_run = true;
  start(with_cards({card}));
  (void)t_->offered(of(7), kStart);
  EXPECT_EQ(t_->offered(of(7), kStart).state(), State::active);
  EXPECT_EQ(t_->gate.snapshot().scorecards.at(0).shed, 1U);
}

// What a scorecard sheds says nothing about the database, and must not make others be refused.
TEST_F(GateCapsTest, ANoisyPartyDoesNotMoveTheThreshold) {
  GateOptions options = with_cards({at_most(2, 4)});
  options.rejector = Enforcement::on;
  start(options);
  std::vector<Operation*> active;
  TimePoint now = kStart;
  for (int ms = 0; ms < 3000; ++ms) {
    now += milliseconds(1);
    for (int i = 0; i < 5; ++i) {
      Operation& operation = t_->offered(of(7), now);
      if (operation.state() == State::active) active.push_back(&operation);
    }
    for (Operation* decided : t_->sink.decided) {
      if (decided->state() == State::active) active.push_back(decided);
    }
    t_->sink.decided.clear();
    if (ms % 10 == 0) {
      for (Operation* operation : std::exchange(active, {})) {
        t_->gate.complete(*operation, Outcome::ok, now);
      }
      for (Operation* decided : t_->sink.decided) {
        if (decided->state() == State::active) active.push_back(decided);
      }
      t_->sink.decided.clear();
    }
    (void)t_->gate.tick(now);
  }
  for (const double ratio : t_->gate.snapshot().rejection_ratio) EXPECT_EQ(ratio, 0);
}

}  // namespace
}  // namespace loadline
