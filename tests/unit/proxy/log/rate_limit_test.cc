// SPDX-License-Identifier: Apache-2.0
#include "proxy/log/rate_limit.h"

#include <gtest/gtest.h>

#include <thread>
#include <vector>

namespace loadline::log {
namespace {

using namespace std::chrono_literals;

constexpr TimePoint kStart{1h};

TEST(RateLimit, LetsABurstThroughThenSwallows) {
  RateLimit limit({.interval = 1s, .burst = 3});
  for (int i = 0; i < 3; ++i) EXPECT_EQ(limit.try_take(kStart), 0U) << i;
  EXPECT_EQ(limit.try_take(kStart), std::nullopt);
}

TEST(RateLimit, SaysHowManyWereSwallowedOnceAndThenForgets) {
  RateLimit limit({.interval = 1s, .burst = 1});
  EXPECT_EQ(limit.try_take(kStart), 0U);
  for (int i = 0; i < 41; ++i) EXPECT_EQ(limit.try_take(kStart + 999ms), std::nullopt);
  EXPECT_EQ(limit.try_take(kStart + 1s), 41U);
  EXPECT_EQ(limit.try_take(kStart + 2s), 0U);
}

TEST(RateLimit, GivesBackOneTokenPerInterval) {
  RateLimit limit({.interval = 500ms, .burst = 2});
  int passed = 0;
  for (auto at = 0ms; at < 10s; at += 10ms) passed += limit.try_take(kStart + at) ? 1 : 0;
  EXPECT_EQ(passed, 2 + 19);
}

TEST(RateLimit, AQuietHourSavesNoMoreThanABurst) {
  RateLimit limit({.interval = 1s, .burst = 2});
  EXPECT_EQ(limit.try_take(kStart), 0U);
  int passed = 0;
  for (int i = 0; i < 100; ++i) passed += limit.try_take(kStart + 1h) ? 1 : 0;
  EXPECT_EQ(passed, 2);
}

// Clocks of two threads may differ a little.
TEST(RateLimit, ATimeBeforeTheLastOneDoesNotRefill) {
  RateLimit limit({.interval = 1s, .burst = 1});
  EXPECT_EQ(limit.try_take(kStart), 0U);
  EXPECT_EQ(limit.try_take(kStart - 1ms), std::nullopt);
}

TEST(RateLimit, LosesNoCountBetweenThreads) {
  RateLimit limit({.interval = 1ms, .burst = 1});
  constexpr int kCalls = 20'000;
  std::atomic<std::uint64_t> accounted = 0;
  const auto call = [&] {
    for (int i = 0; i < kCalls; ++i) {
      const auto swallowed = limit.try_take(kStart + std::chrono::microseconds(i));
      if (swallowed) accounted += 1 + *swallowed;
    }
  };
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) threads.emplace_back(call);
  for (auto& thread : threads) thread.join();
  const auto rest = limit.try_take(kStart + 1h);
  ASSERT_TRUE(rest);
  EXPECT_EQ(accounted + *rest, 4U * kCalls);
}

}  // namespace
}  // namespace loadline::log
