// SPDX-License-Identifier: Apache-2.0
#include "shedder/gradient2_limit.h"

#include <gtest/gtest.h>

#include "tests/unit/shedder/windowed_limit_fixture.h"

namespace loadline {
namespace {

using std::chrono::minutes;

TEST(Gradient2Limit, GrowsByAFifthOfTheQueueAllowed) {
  Fed<Gradient2Limit> fed(20);
  EXPECT_NEAR(fed.feed({.active = 20}), 20.8, 1e-9);
}

TEST(Gradient2Limit, FallsWhenLatencyRisesBeyondItsAverageAndAHalf) {
  Fed<Gradient2Limit> fed(100);
  fed.feed({.active = 100}, 20);
  const double before = fed.limit();
  EXPECT_GT(fed.feed({.active = 100, .latency = 0.0145}), before) << "tolerated";
  const double tolerated = fed.limit();
  EXPECT_LT(fed.feed({.active = 100, .latency = 0.030}), 0.93 * tolerated);
  EXPECT_EQ(fed.law.snapshot().reason, "falling");
}

TEST(Gradient2Limit, NeverFallsBelowHalfInOneStepHoweverBadTheLatency) {
  Fed<Gradient2Limit> fed(100);
  fed.feed({.active = 100}, 20);
  const double before = fed.limit();
  EXPECT_NEAR(fed.feed({.active = 100, .latency = 100}), 0.8 * before + 0.2 * (before / 2 + 4),
              1e-6);
}

TEST(Gradient2Limit, RecoversFromAnAverageLearnedUnderOverload) {
  Fed<Gradient2Limit> fed(20);
  fed.feed({.active = 5, .latency = 1.0}, 20);
  fed.feed({.active = 5, .latency = 0.010}, 100);  // Twenty halvings would be too many to wait for.
  fed.feed({.active = 20, .latency = 0.010});
  const double before = fed.limit();
  EXPECT_LT(fed.feed({.active = before, .latency = 0.050}, 3), before) << "0.050 is a rise again";
}

TEST(Gradient2Limit, DoesNotQuantiseASmallLimit) {
  Fed<Gradient2Limit> fed(3, {.min = 1, .max = 1000});
  EXPECT_NEAR(fed.feed({.active = 3}), 3.8, 1e-9);
  const double before = fed.feed({.active = 3, .latency = 1}, 2);
  EXPECT_NE(before, std::floor(before));
}

TEST(Gradient2Limit, IgnoresErrorsOfOverload) {
  Fed<Gradient2Limit> fed(20);
  EXPECT_GT(fed.feed({.active = 20, .overloaded = 50}), 20);
  EXPECT_GT(fed.feed({.answered = 0, .overloaded = 50}), 20);
  EXPECT_EQ(fed.law.snapshot().reason, "unmeasured");
}

TEST(Gradient2Limit, SettlesForAWhile) {
  FluidDatabase<Gradient2Limit> database(scalability_law);
  database.run(minutes(5));
  const auto [least, greatest] = database.range_since(minutes(3));
  EXPECT_GT(least, 30);
  EXPECT_LT(greatest, 120);
  EXPECT_LT(greatest / least, 1.25) << "it drifts, but no faster than its average";
}

}  // namespace
}  // namespace loadline
