// SPDX-License-Identifier: Apache-2.0
#include "shedder/trial_guard.h"

#include <gtest/gtest.h>

#include <cmath>

namespace loadline {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using Advice = TrialGuard::Advice;

// Feeds a guard with a load whose good answers depend on the limit that is in force.
class TrialGuardTest : public ::testing::Test {
 protected:
  // Runs at `limit`, with `rate` good answers per second, until there is advice.
  Advice run(double limit, double rate, Duration length, bool saturated = true) {
    const TimePoint end = now_ + length;
    while (now_ < end) {
      now_ += milliseconds(10);
      good_ += rate * 0.01;
      const Advice advice =
          guard_.on_tick(limit, static_cast<std::uint64_t>(good_), saturated, now_);
      if (advice != Advice::none) return advice;
    }
    return Advice::none;
  }

  TrialGuard guard_;
  TimePoint now_ = TimePoint(seconds(100));
  double good_ = 0;
};

TEST_F(TrialGuardTest, LeavesALimitAloneThatDoesAsWellAsTheOthers) {
  EXPECT_EQ(run(40, 3000, seconds(9)), Advice::none);
  EXPECT_EQ(run(60, 2900, seconds(9)), Advice::none);
  EXPECT_EQ(run(30, 2950, seconds(9)), Advice::none);
}

TEST_F(TrialGuardTest, TriesAgainWhatDidClearlyBetter) {
  EXPECT_EQ(run(40, 3000, seconds(5)), Advice::none);
  EXPECT_EQ(run(80, 2500, seconds(9)), Advice::try_other);
  EXPECT_TRUE(guard_.is_trying());
  EXPECT_NEAR(guard_.limit(), 40, 1);
}

TEST_F(TrialGuardTest, KeepsWhatIsBetterNowAndDoesNotGoBackPastTheMiddle) {
  (void)run(40, 3000, seconds(5));
  ASSERT_EQ(run(80, 2500, seconds(9)), Advice::try_other);
  EXPECT_EQ(run(40, 3000, seconds(5)), Advice::keep);
  EXPECT_FALSE(guard_.is_trying());
  EXPECT_NEAR(guard_.bounded(100), std::sqrt(40 * 80), 1);
  EXPECT_DOUBLE_EQ(guard_.bounded(30), 30);
}

TEST_F(TrialGuardTest, ABoundFades) {
  (void)run(40, 3000, seconds(5));
  ASSERT_EQ(run(80, 2500, seconds(9)), Advice::try_other);
  ASSERT_EQ(run(40, 3000, seconds(5)), Advice::keep);
  const double at_first = guard_.bounded(1000);
  EXPECT_EQ(run(42, 3000, seconds(60)), Advice::none);
  EXPECT_GT(guard_.bounded(1000), 1.2 * at_first);
}

TEST_F(TrialGuardTest, WhatWasBestOnceIsNotBelieved) {
  (void)run(40, 3000, seconds(5));
  ASSERT_EQ(run(80, 2500, seconds(9)), Advice::try_other);
  // The load has changed: the old limit is no better now.
  EXPECT_EQ(run(40, 2450, seconds(5)), Advice::go_back);
  EXPECT_DOUBLE_EQ(guard_.limit(), 80);
  EXPECT_DOUBLE_EQ(guard_.bounded(1000), 1000);
  // And isn't tried over and over.
  EXPECT_EQ(run(80, 2500, seconds(30)), Advice::none);
}

TEST_F(TrialGuardTest, AlsoGoesUp) {
  (void)run(80, 3000, seconds(5));
  ASSERT_EQ(run(40, 2500, seconds(9)), Advice::try_other);
  ASSERT_EQ(run(80, 3000, seconds(5)), Advice::keep);
  EXPECT_NEAR(guard_.bounded(10), std::sqrt(40 * 80), 1);
}

TEST_F(TrialGuardTest, ForgetsAfterAMinute) {
  (void)run(40, 3000, seconds(5));
  (void)run(40, 3000, seconds(70), false);
  EXPECT_EQ(run(80, 2500, seconds(9)), Advice::none);
}

TEST_F(TrialGuardTest, IdleTimeIsNoEpoch) {
  EXPECT_EQ(run(40, 3000, seconds(3)), Advice::none);
  EXPECT_EQ(run(40, 100, seconds(3), false), Advice::none);
  EXPECT_EQ(run(80, 2500, seconds(9)), Advice::none) << "there is nothing to compare with";
}

TEST_F(TrialGuardTest, ATrialThatRunsIdleGoesBack) {
  (void)run(40, 3000, seconds(5));
  ASSERT_EQ(run(80, 2500, seconds(9)), Advice::try_other);
  EXPECT_EQ(run(40, 100, seconds(1), false), Advice::go_back);
  EXPECT_DOUBLE_EQ(guard_.limit(), 80);
}

TEST_F(TrialGuardTest, FewAnswersMakeALongerEpoch) {
  (void)run(40, 30, seconds(15));
  EXPECT_EQ(run(80, 20, seconds(15)), Advice::none);
  EXPECT_EQ(run(80, 20, seconds(30)), Advice::try_other);
}

TEST_F(TrialGuardTest, ForgettingEndsATrialAndLiftsTheBounds) {
  (void)run(40, 3000, seconds(5));
  ASSERT_EQ(run(80, 2500, seconds(9)), Advice::try_other);
  guard_.forget();
  EXPECT_FALSE(guard_.is_trying());
  EXPECT_EQ(run(80, 2500, seconds(9)), Advice::none);
}

TEST_F(TrialGuardTest, TimeThatStandsStillOrGoesBackIsHarmless) {
  (void)run(40, 3000, seconds(5));
  for (int i = 0; i < 100; ++i) EXPECT_EQ(guard_.on_tick(40, 20000, true, now_), Advice::none);
  for (int i = 0; i < 100; ++i) {
    now_ -= milliseconds(1);
    EXPECT_EQ(guard_.on_tick(40, 20000, true, now_), Advice::none);
  }
}

}  // namespace
}  // namespace loadline
