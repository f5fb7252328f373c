// SPDX-License-Identifier: Apache-2.0
// What all windowed laws have in common.
#include <gtest/gtest.h>

#include <cmath>

#include "shedder/aimd_limit.h"
#include "shedder/correlation_limit.h"
#include "shedder/gradient2_limit.h"
#include "shedder/vegas_limit.h"
#include "tests/unit/shedder/windowed_limit_fixture.h"

namespace loadline {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::seconds;

template <typename Law>
class WindowedLimit : public testing::Test {};

using Laws = testing::Types<AimdLimit, Gradient2Limit, VegasLimit, CorrelationLimit>;
TYPED_TEST_SUITE(WindowedLimit, Laws);

TYPED_TEST(WindowedLimit, RisesWhileLatencyStaysFlat) {
  Fed<TypeParam> fed(20);
  for (int i = 0; i < 10; ++i) fed.feed({.active = fed.limit()});
  EXPECT_GT(fed.limit(), 22);
  EXPECT_EQ(fed.law.snapshot().reason, "rising");
  EXPECT_GT(fed.law.snapshot().updates, 5U);
}

TYPED_TEST(WindowedLimit, HoldsWhenTheSlotsAreNotUsed) {
  Fed<TypeParam> fed(20);
  EXPECT_EQ(fed.feed({.active = 5}, 100), 20);
  EXPECT_EQ(fed.feed({.active = 5, .latency = 0.2}, 3), 20) << "nor does it fall";
  EXPECT_EQ(fed.law.snapshot().reason, "app_limited");
}

TYPED_TEST(WindowedLimit, AnIdleWindowTeachesNothing) {
  Fed<TypeParam> fed(20);
  fed.feed({.answered = 0}, 100);
  EXPECT_EQ(fed.limit(), 20);
  fed.feed({.answered = 2, .active = 20, .latency = 4}, 200);
  // Ten answers in five seconds are a window; what they teach is checked elsewhere.
  EXPECT_TRUE(std::isfinite(fed.limit()));
  Fed<TypeParam> rare(20);
  for (int i = 0; i < 100; ++i) {
    rare.feed({.answered = 1, .active = 20}, 1);
    rare.feed({.answered = 0}, 9);
  }
  EXPECT_EQ(rare.limit(), 20) << "three answers in half a minute are no window";
  EXPECT_EQ(rare.law.snapshot().updates, 0U);
}

TYPED_TEST(WindowedLimit, StaysWithinItsBounds) {
  Fed<TypeParam> up(20, {.min = 10, .max = 30});
  EXPECT_EQ(up.feed({.active = 30}, 200), 30);
  EXPECT_EQ(up.step.slots, 30U);
  Fed<TypeParam> down(20, {.min = 19, .max = 30});
  down.feed({.active = 20});
  for (int i = 1; i < 100; ++i) down.feed({.active = 30, .latency = 0.01 * i, .overloaded = 1});
  EXPECT_GE(down.limit(), 19);
  EXPECT_GE(down.step.slots, 19U);
}

TYPED_TEST(WindowedLimit, NewBoundsHoldAtOnce) {
  Fed<TypeParam> fed(20);
  fed.law.set_bounds({.min = 1, .max = 8});
  EXPECT_EQ(fed.limit(), 8);
  fed.law.set_bounds({.min = 12, .max = 30});
  fed.tick();
  EXPECT_EQ(fed.step.slots, 12U);
}

TYPED_TEST(WindowedLimit, AsksForMeasuredSlotsAndALaterLook) {
  Fed<TypeParam> fed(20);
  EXPECT_TRUE(fed.step.phase.is_measured());
  EXPECT_EQ(fed.step.slots, 20U);
  EXPECT_EQ(fed.step.due, fed.now + seconds(1));
  fed.now += seconds(5);
  fed.tick();
  EXPECT_EQ(fed.step.due, fed.now + milliseconds(100)) << "overdue, but not at once";
}

TYPED_TEST(WindowedLimit, SurvivesWhatCannotBe) {
  Fed<TypeParam> fed(20);
  fed.feed({}, 3);
  const double before = fed.limit();
  for (int i = 0; i < 10; ++i) fed.tick();  // Time stands still.
  EXPECT_EQ(fed.limit(), before);
  fed.now -= hours(1);
  fed.tick();
  EXPECT_EQ(fed.limit(), before);
  fed.feed({.active = fed.limit()});
  EXPECT_GT(fed.limit(), before) << "learns on where the clock fell back to";

  const double learned = fed.limit();
  fed.totals = {};  // Totals that begin anew.
  fed.now += seconds(2);
  fed.tick();
  EXPECT_EQ(fed.limit(), learned);
  fed.totals.log_latency = std::nan("");
  fed.feed({.latency = 0}, 3);
  fed.feed({.active = 0}, 3);
  fed.totals.answered += 1000;  // Answered in no time, and none of them a sample.
  fed.now += seconds(2);
  fed.tick();
  EXPECT_TRUE(std::isfinite(fed.limit()));
  EXPECT_GE(fed.limit(), 1);
  fed.feed({.active = fed.limit()}, 30);
  EXPECT_TRUE(std::isfinite(fed.limit()));
}

TYPED_TEST(WindowedLimit, WaitsForOperationsOfSeveralSecondsToEnd) {
  TypeParam law({.min = 1, .max = 1000}, 20);
  const LoadTotals start = {};
  LoadTotals totals = {.answered = 100, .overloaded = 1, .service = seconds(300)};
  totals.samples = 100;
  totals.active = 2000;
  EXPECT_EQ(law.on_tick(start, seconds(3), kStart).due, kStart + seconds(6));
  law.on_tick(totals, seconds(3), kStart + seconds(5));
  EXPECT_EQ(law.snapshot().reason, "starting");
  law.on_tick(totals, seconds(3), kStart + seconds(6));
  EXPECT_NE(law.snapshot().reason, "starting");
}

}  // namespace
}  // namespace loadline
