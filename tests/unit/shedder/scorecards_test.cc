// SPDX-License-Identifier: Apache-2.0
#include "shedder/scorecards.h"

#include <gtest/gtest.h>

#include <chrono>
#include <memory>

namespace loadline {
namespace {

using std::chrono::milliseconds;
using Unit = ScorecardCap::Unit;
constexpr TimePoint kStart = TimePoint(std::chrono::hours(1));
constexpr Scorecards::Load kCalm = {.limit = 20, .is_scarce = false, .has_free = false};
constexpr Scorecards::Load kScarce = {.limit = 20, .is_scarce = true, .has_free = false};
constexpr Scorecards::Load kFree = {.limit = 20, .is_scarce = false, .has_free = true};

class ScorecardsTest : public ::testing::Test {
 protected:
  void use(const ScorecardOptions& options) { cards_->set_options({options}); }
  bool update(const Scorecards::Load& load) {
    now_ += milliseconds(100);
    return cards_->update(load, now_);
  }
  // Parties 1 to `count` of a weight are active.
  void see(std::uint64_t count, std::uint8_t weight = 0) {
    for (std::uint64_t party = 1; party <= count; ++party) {
      const auto entry = cards_->enter({.party = 100 * weight + party, .weight = weight});
      (void)cards_->counts().leave(entry.slot);
    }
  }
  [[nodiscard]] std::uint32_t cap(std::uint8_t weight = 0) const {
    return cards_->cap({.party = 1, .weight = weight});
  }

  std::unique_ptr<Scorecards> cards_ = std::make_unique<Scorecards>();
  TimePoint now_ = kStart;
};

TEST_F(ScorecardsTest, NoneHasNoCap) {
  EXPECT_EQ(cards_->size(), 0U);
  EXPECT_EQ(cap(), Scorecards::kNoCap);
}

TEST_F(ScorecardsTest, ANumberOfOperationsIsThatNumber) {
  use({.active_max = ScorecardCap{Unit::operations, 7}});
  (void)update(kCalm);
  EXPECT_EQ(cap(), 7U);
  EXPECT_EQ(cards_->waiting_max({}), 7U) << "as many as its cap, unless told otherwise";
}

TEST_F(ScorecardsTest, AShareFollowsTheLimit) {
  use({.active_max = ScorecardCap{Unit::limit_share, 0.25}, .waiting_max = 3});
  (void)update(kCalm);
  EXPECT_EQ(cap(), 5U);
  EXPECT_EQ(cards_->waiting_max({}), 3U);
  EXPECT_TRUE(update({.limit = 100}));
  EXPECT_EQ(cap(), 25U);
  (void)update({.limit = 1});
  EXPECT_EQ(cap(), 1U) << "never none";
}

TEST_F(ScorecardsTest, AFairShareIsByHowManyAreActive) {
  use({.active_max = ScorecardCap{Unit::fair_share, 2}});
  see(10);
  (void)update(kCalm);
  EXPECT_EQ(cap(), 4U);
  see(40);
  (void)update(kCalm);
  EXPECT_EQ(cap(), 1U);
}

TEST_F(ScorecardsTest, AFairShareOfOneIsTheWholeLimit) {
  use({.active_max = ScorecardCap{Unit::fair_share, 2}});
  see(1);
  (void)update(kCalm);
  EXPECT_EQ(cap(), 40U);
}

// With a limit that low it binds nobody but in a dry run, where more than the limit are active.
TEST_F(ScorecardsTest, ACapBeyondTheLimitIsStillOne) {
  use({.active_max = ScorecardCap{Unit::operations, 7}});
  (void)update({.limit = 2});
  EXPECT_EQ(cap(), 7U);
}

TEST_F(ScorecardsTest, WeightsDivideTheLimitUnequally) {
  use({.active_max = ScorecardCap{Unit::fair_share, 1}, .weights = {1, 3}});
  see(4, 0);
  see(2, 1);
  (void)update(kCalm);
  EXPECT_EQ(cap(0), 2U);
  EXPECT_EQ(cap(1), 6U);
}

TEST_F(ScorecardsTest, ACapUnderPressureGivesWayWhileSlotsStayFree) {
  use({.pressure_active_max = ScorecardCap{Unit::operations, 4}});
  (void)update(kScarce);
  EXPECT_EQ(cap(), 4U);
  (void)update(kFree);  // Somebody waited a moment ago, but a slot is free: it gives.
  std::uint32_t last = 4;
  bool rose = false;
  for (int i = 0; i < 50; ++i) {
    rose |= update(kFree);
    EXPECT_GE(cap(), last);
    last = cap();
  }
  EXPECT_TRUE(rose);
  EXPECT_EQ(last, Scorecards::kNoCap) << "as good as the limit";
  for (int i = 0; i < 10; ++i) (void)update(kScarce);
  EXPECT_EQ(cap(), 4U) << "back within a second";
}

TEST_F(ScorecardsTest, TheSmallerCapCounts) {
  use({.active_max = ScorecardCap{Unit::operations, 6},
       .pressure_active_max = ScorecardCap{Unit::operations, 2}});
  (void)update(kScarce);
  EXPECT_EQ(cap(), 2U);
  for (int i = 0; i < 50; ++i) (void)update(kFree);
  EXPECT_EQ(cap(), 6U);
}

TEST_F(ScorecardsTest, ADryRunHasACapForShow) {
  use({.name = "t", .active_max = ScorecardCap{Unit::operations, 2}, .dry_run = true});
  (void)update(kCalm);
  EXPECT_EQ(cap(), 2U);
  EXPECT_EQ(cards_->enforced_cap({}), Scorecards::kNoCap);
  cards_->count_shed({});
  const auto snapshot = cards_->snapshot();
  ASSERT_EQ(snapshot.size(), 1U);
  EXPECT_EQ(snapshot[0].name, "t");
  EXPECT_EQ(snapshot[0].cap, 2U);
  EXPECT_EQ(snapshot[0].shed, 1U);
  EXPECT_TRUE(snapshot[0].dry_run);
}

TEST_F(ScorecardsTest, PartiesOfDifferentScorecardsAreCountedApart) {
  cards_->set_options({{.active_max = ScorecardCap{Unit::operations, 2}},
                       {.active_max = ScorecardCap{Unit::operations, 2}}});
  EXPECT_EQ(cards_->enter({.party = 1, .card = 0}).active, 1U);
  EXPECT_EQ(cards_->enter({.party = 1, .card = 0}).active, 2U);
  EXPECT_EQ(cards_->enter({.party = 1, .card = 1}).active, 1U);
}

}  // namespace
}  // namespace loadline
