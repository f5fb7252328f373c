// SPDX-License-Identifier: Apache-2.0
#include "shedder/vegas_limit.h"

#include <gtest/gtest.h>

#include <cmath>

#include "tests/unit/shedder/windowed_limit_fixture.h"

namespace loadline {
namespace {

using std::chrono::minutes;

TEST(VegasLimit, RisesFastWithoutAQueueAndSlowlyWithASmallOne) {
  Fed<VegasLimit> fed(100);
  EXPECT_EQ(fed.feed({.active = 100}), 100) << "the first window is the baseline";
  EXPECT_NEAR(fed.feed({.active = 100}), 112, 1e-9);
  const double before = fed.limit();
  // q = 112 (1 - 1 / 1.04) = 4.3, between log10 L and 3 log10 L.
  EXPECT_NEAR(fed.feed({.active = 112, .latency = 0.0104}), before + std::log10(before), 1e-9);
}

TEST(VegasLimit, StaysWithAModerateQueueAndFallsWithALargeOne) {
  Fed<VegasLimit> fed(100);
  fed.feed({.active = 100});
  EXPECT_EQ(fed.feed({.active = 100, .latency = 0.0110}), 100) << "q = 9";
  EXPECT_EQ(fed.law.snapshot().reason, "found");
  EXPECT_NEAR(fed.feed({.active = 100, .latency = 0.0120}), 98, 1e-9) << "q = 17";
  EXPECT_EQ(fed.law.snapshot().reason, "falling");
}

TEST(VegasLimit, FallsWhenSomethingWasOverloaded) {
  Fed<VegasLimit> fed(100);
  fed.feed({.active = 100});
  EXPECT_NEAR(fed.feed({.active = 10, .overloaded = 1}), 98, 1e-9) << "used or not";
  EXPECT_NEAR(fed.feed({.answered = 0, .overloaded = 50}), 98 - std::log10(98), 1e-9);
  EXPECT_EQ(fed.law.snapshot().reason, "overloaded");
}

TEST(VegasLimit, DoesNotQuantiseASmallLimit) {
  Fed<VegasLimit> fed(12);
  fed.feed({.active = 12});
  const double before = fed.feed({.active = 12, .latency = 0.04});  // q = 9 > 6 log10 12.
  EXPECT_NEAR(before, 12 - std::log10(12), 1e-9);
  EXPECT_NE(before, std::floor(before));
}

TEST(VegasLimit, ForgetsItsBaselineInTheEnd) {
  Fed<VegasLimit> fed(20, {.min = 20, .max = 20});
  fed.feed({.active = 20});
  fed.feed({.active = 20, .latency = 0.040}, 448);
  EXPECT_EQ(fed.law.snapshot().reason, "falling");
  fed.feed({.active = 20, .latency = 0.040});
  EXPECT_EQ(fed.law.snapshot().reason, "new_baseline") << "22.5 x 20 windows later";
  fed.feed({.active = 20, .latency = 0.040});
  EXPECT_EQ(fed.law.snapshot().reason, "rising");
}

TEST(VegasLimit, SettlesWithAQueueOfSomeOperations) {
  FluidDatabase<VegasLimit> database(scalability_law);
  database.run(minutes(5));
  const auto [least, greatest] = database.range_since(minutes(2));
  EXPECT_GE(least, 15);
  EXPECT_LE(greatest, 35);
  EXPECT_LT(greatest - least, 5);
}

}  // namespace
}  // namespace loadline
