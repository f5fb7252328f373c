// SPDX-License-Identifier: Apache-2.0
#include "proxy/simulator/baselines/pool.h"

#include <gtest/gtest.h>

namespace loadline::simulator {
namespace {

using namespace std::chrono_literals;

constexpr TimePoint kStart = TimePoint(1h);
constexpr OperationProfile kProfile = {.priority = Priority(Tier::t3, 0)};

Verdict::Kind offer(Pool& pool, std::uint32_t operation, TimePoint now,
                    const OperationProfile& profile = kProfile) {
  return pool.offer(operation, profile, now).kind;
}

// The only late verdict there is; forgets it.
Admitter::Late only(Pool& pool) {
  EXPECT_EQ(pool.late().size(), 1U);
  const Admitter::Late late = pool.late().empty() ? Admitter::Late() : pool.late().front();
  pool.late().clear();
  return late;
}

TEST(Pool, OldestFirst) {
  Pool pool({.limit = 1, .wait_max = 1s});
  EXPECT_EQ(offer(pool, 0, kStart), Verdict::Kind::admit);
  EXPECT_EQ(offer(pool, 1, kStart), Verdict::Kind::wait);
  EXPECT_EQ(offer(pool, 2, kStart), Verdict::Kind::wait);
  pool.complete(0, Outcome::ok, kStart + 500ms);
  EXPECT_EQ(only(pool).operation, 1U);
  pool.complete(1, Outcome::ok, kStart + 600ms);
  EXPECT_EQ(only(pool).operation, 2U);
}

TEST(Pool, NobodyWaitsWithoutAQueueOrTooLong) {
  Pool none({.limit = 1});
  EXPECT_EQ(offer(none, 0, kStart), Verdict::Kind::admit);
  EXPECT_EQ(offer(none, 1, kStart), Verdict::Kind::shed);

  Pool pool({.limit = 1, .wait_max = 100ms});
  EXPECT_EQ(offer(pool, 0, kStart), Verdict::Kind::admit);
  EXPECT_EQ(offer(pool, 1, kStart), Verdict::Kind::wait);
  EXPECT_LE(pool.tick(kStart + 100ms), kStart + 101ms);
  EXPECT_TRUE(pool.late().empty());
  (void)pool.tick(kStart + 101ms);
  const Admitter::Late late = only(pool);
  EXPECT_EQ(late.operation, 1U);
  EXPECT_EQ(late.verdict.reason, ShedReason::queue_timeout);
}

TEST(Pool, NewestFirstInAQueueThatStands) {
  Pool pool({.limit = 1, .wait_max = 1s, .adaptive_lifo = true});
  EXPECT_EQ(offer(pool, 0, kStart), Verdict::Kind::admit);
  EXPECT_EQ(offer(pool, 1, kStart), Verdict::Kind::wait);
  EXPECT_EQ(offer(pool, 2, kStart + 100ms), Verdict::Kind::wait);
  pool.complete(0, Outcome::ok, kStart + 101ms);
  EXPECT_EQ(only(pool).operation, 2U);
  (void)pool.tick(kStart + 102ms);
  EXPECT_EQ(only(pool).verdict.reason, ShedReason::queue_timeout) << "5 ms were its budget then";
}

TEST(Pool, TheBestTierFirstIfItKnowsTiers) {
  Pool pool({.limit = 1, .wait_max = 1s, .by_tier = true});
  EXPECT_EQ(offer(pool, 0, kStart), Verdict::Kind::admit);
  EXPECT_EQ(offer(pool, 1, kStart), Verdict::Kind::wait);
  EXPECT_EQ(offer(pool, 2, kStart, {.priority = Priority(Tier::t0, 0)}), Verdict::Kind::wait);
  pool.complete(0, Outcome::ok, kStart + 1ms);
  EXPECT_EQ(only(pool).operation, 2U);
}

TEST(Pool, WhoLeavesIsPassedOver) {
  Pool pool({.limit = 1, .wait_max = 1s});
  EXPECT_EQ(offer(pool, 0, kStart), Verdict::Kind::admit);
  EXPECT_FALSE(pool.abandon(0, kStart));
  EXPECT_EQ(offer(pool, 1, kStart), Verdict::Kind::wait);
  EXPECT_EQ(offer(pool, 2, kStart), Verdict::Kind::wait);
  EXPECT_TRUE(pool.abandon(1, kStart));
  // The same index again, behind the other.
  EXPECT_EQ(offer(pool, 1, kStart), Verdict::Kind::wait);
  pool.complete(0, Outcome::ok, kStart + 1ms);
  EXPECT_EQ(only(pool).operation, 2U);
}

TEST(Pool, AHeldOperationLeavesItsSlotToOthers) {
  Pool pool({.limit = 1, .wait_max = 1s});
  EXPECT_EQ(offer(pool, 0, kStart), Verdict::Kind::admit);
  EXPECT_EQ(offer(pool, 1, kStart), Verdict::Kind::wait);
  pool.hold(0, kStart + 1ms);
  EXPECT_EQ(only(pool).operation, 1U);
  pool.complete(0, Outcome::abandoned, kStart + 2ms);
  EXPECT_EQ(offer(pool, 2, kStart + 3ms), Verdict::Kind::wait) << "it had no slot to give back";
}

}  // namespace
}  // namespace loadline::simulator
