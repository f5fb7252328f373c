// SPDX-License-Identifier: Apache-2.0
#include "proxy/loadgen/backoff.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace loadline::loadgen {
namespace {

using namespace std::chrono_literals;

constexpr Backoff kBackoff = {.first = 100ms, .max = 1s};

Duration longest_of(std::uint32_t failures) {
  Random random(1);
  Duration longest = {};
  for (int i = 0; i < 10'000; ++i) {
    longest = std::max(longest, kBackoff.delay(failures, std::nullopt, random));
  }
  return longest;
}

TEST(Backoff, TheBoundDoublesUpToTheMaximum) {
  const Duration bounds[] = {100ms, 200ms, 400ms, 800ms, 1s, 1s};
  for (std::uint32_t i = 0; i < std::size(bounds); ++i) {
    EXPECT_LT(longest_of(i + 1), bounds[i]) << "failures=" << i + 1;
    EXPECT_GT(longest_of(i + 1), bounds[i] * 99 / 100) << "failures=" << i + 1;
  }
  EXPECT_LT(longest_of(4'000'000'000), 1s);
}

TEST(Backoff, DrawsEvenlyFromNothing) {
  Random random(7);
  Duration sum = {};
  Duration shortest = 1h;
  for (int i = 0; i < 10'000; ++i) {
    const Duration delay = kBackoff.delay(1, std::nullopt, random);
    sum += delay;
    shortest = std::min(shortest, delay);
  }
  EXPECT_LT(shortest, 1ms);
  EXPECT_NEAR(std::chrono::duration<double>(sum / 10'000).count(), 0.05, 0.002);
}

TEST(Backoff, ComesOnTopOfWhatTheServerAskedFor) {
  Random random(1);
  for (int i = 0; i < 100; ++i) {
    const Duration delay = kBackoff.delay(1, 500ms, random);
    EXPECT_GE(delay, 500ms);
    EXPECT_LT(delay, 600ms);
  }
}

}  // namespace
}  // namespace loadline::loadgen
