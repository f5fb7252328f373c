// SPDX-License-Identifier: Apache-2.0
#include "shedder/correlation_limit.h"

#include <gtest/gtest.h>

#include <cmath>

#include "tests/unit/shedder/windowed_limit_fixture.h"

namespace loadline {
namespace {

using std::chrono::minutes;

TEST(CorrelationLimit, RisesByTheLogarithmWithoutAQueue) {
  Fed<CorrelationLimit> fed(100);
  EXPECT_NEAR(fed.feed({.active = 100}), 102, 1e-9);
  Fed<CorrelationLimit> small(5);
  EXPECT_NEAR(small.feed({.active = 5}), 6, 1e-9) << "by one at least";
}

TEST(CorrelationLimit, FallsWhenLatencyRises) {
  Fed<CorrelationLimit> fed(100, {.min = 1, .max = 100});
  fed.feed({.active = 100}, 20);
  EXPECT_LT(fed.feed({.active = 100, .latency = 0.040}, 6), 100);
  EXPECT_EQ(fed.law.snapshot().reason, "falling");
}

TEST(CorrelationLimit, OneSlowWindowIsNoReason) {
  Fed<CorrelationLimit> fed(100, {.min = 1, .max = 100});
  fed.feed({.active = 100}, 20);
  fed.feed({.active = 100, .latency = 1.0}, 2);  // The median of five doesn't see two.
  EXPECT_EQ(fed.limit(), 100);
}

TEST(CorrelationLimit, FallsWhenMoreOperationsMakeLessThroughput) {
  Fed<CorrelationLimit> fed(30, {.min = 1, .max = 30});
  for (int i = 0; i < 20; ++i) {
    const double active = 20 + i % 2 * 10;
    fed.feed({.answered = 300 - static_cast<std::uint64_t>(active) * 5, .active = active});
  }
  EXPECT_LT(fed.limit(), 30);
  EXPECT_EQ(fed.law.snapshot().reason, "throughput_falls");
}

TEST(CorrelationLimit, FallsWhenMoreOperationsOnlyMakeLatency) {
  // Slowly enough that the baseline follows, and Vegas alone would see no queue.
  Fed<CorrelationLimit> fed(40, {.min = 1, .max = 1000});
  for (int i = 0; i < 40; ++i) {
    fed.feed({.answered = 1000, .active = std::round(fed.limit()), .latency = fed.limit() / 1000});
  }
  EXPECT_LT(fed.limit(), 60) << "without the guard: 40 more than at the start";
}

TEST(CorrelationLimit, GuardsOnlyWhileTheSlotsAreFull) {
  Fed<CorrelationLimit> fed(40, {.min = 40, .max = 1000});
  for (int i = 0; i < 20; ++i) {
    const double active = 25 + i % 2 * 5;
    fed.feed({.answered = 1000 - static_cast<std::uint64_t>(active) * 5, .active = active});
  }
  EXPECT_GT(fed.limit(), 40) << "throughput fell, but not because of the limit";
}

TEST(CorrelationLimit, DoesNotQuantiseASmallLimit) {
  Fed<CorrelationLimit> fed(12);
  const double after = fed.feed({.active = 12});
  EXPECT_NEAR(after, 12 + std::log10(12), 1e-9);
  EXPECT_NE(after, std::floor(after));
}

TEST(CorrelationLimit, WandersButNotIntoACollapse) {
  FluidDatabase<CorrelationLimit> database(scalability_law);
  database.run(minutes(5));
  const std::uint64_t before = database.totals.answered;
  database.run(minutes(20));
  const auto [least, greatest] = database.range_since(minutes(5));
  EXPECT_GE(least, 4);
  EXPECT_LE(greatest, 75) << "the peak is at 44, and at 75 a tenth is lost";
  const double throughput = static_cast<double>(database.totals.answered - before) / (20 * 60);
  EXPECT_GT(throughput, 0.8 * 44 / scalability_law(44));
}

}  // namespace
}  // namespace loadline
