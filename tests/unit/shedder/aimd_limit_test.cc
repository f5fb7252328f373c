// SPDX-License-Identifier: Apache-2.0
#include "shedder/aimd_limit.h"

#include <gtest/gtest.h>

#include "tests/unit/shedder/windowed_limit_fixture.h"

namespace loadline {
namespace {

using std::chrono::minutes;

TEST(AimdLimit, GrowsByOneAWindow) {
  Fed<AimdLimit> fed(20);
  EXPECT_DOUBLE_EQ(fed.feed({.active = 20}, 3), 23);
}

TEST(AimdLimit, GivesATenthBackOnceAWindowHoweverManyWereOverloaded) {
  Fed<AimdLimit> fed(20);
  EXPECT_DOUBLE_EQ(fed.feed({.overloaded = 1}), 18);
  EXPECT_DOUBLE_EQ(fed.feed({.overloaded = 50}), 16.2);
  EXPECT_DOUBLE_EQ(fed.feed({.answered = 0, .overloaded = 50}), 14.58)
      << "also if nobody was served";
  EXPECT_EQ(fed.law.snapshot().reason, "overloaded");
}

TEST(AimdLimit, FallsWhenLatencyRisesBeyondFiveSeconds) {
  Fed<AimdLimit> fed(20);
  EXPECT_DOUBLE_EQ(fed.feed({.latency = 5.1}), 18);
}

TEST(AimdLimit, DoesNotQuantiseASmallLimit) {
  Fed<AimdLimit> fed(4);
  EXPECT_DOUBLE_EQ(fed.feed({.active = 4, .overloaded = 1}), 3.6);
  EXPECT_EQ(fed.step.slots, 4U);
  EXPECT_DOUBLE_EQ(fed.feed({.active = 4, .overloaded = 1}), 3.24);
  EXPECT_EQ(fed.step.slots, 3U);
}

TEST(AimdLimit, SettlesWhereClientsGiveUp) {
  FluidDatabase<AimdLimit> database(scalability_law);
  database.deadline = 0.035;  // At 92 active.
  database.run(minutes(10));
  const auto [least, greatest] = database.range_since(minutes(5));
  EXPECT_NEAR(greatest, 92, 2);
  EXPECT_NEAR(least, 83, 3) << "a saw of a tenth";
}

}  // namespace
}  // namespace loadline
