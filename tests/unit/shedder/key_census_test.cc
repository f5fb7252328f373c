// SPDX-License-Identifier: Apache-2.0
#include "shedder/key_census.h"

#include <gtest/gtest.h>

#include <chrono>
#include <cmath>
#include <vector>

#include "shedder/rng.h"

namespace loadline {
namespace {

using std::chrono::milliseconds;
constexpr TimePoint kStart = TimePoint(std::chrono::hours(1));

TEST(KeyCensus, CountsEachKeyOnce) {
  for (const int keys : {1, 20, 1000, 10'000}) {
    KeyCensus census;
    (void)census.update(kStart);
    Rng rng(3);
    std::vector<std::uint64_t> hashes(static_cast<std::size_t>(keys));
    for (std::uint64_t& hash : hashes) hash = rng.next();
    for (int round = 0; round < 3; ++round) {
      for (const std::uint64_t hash : hashes) census.see(hash);
    }
    EXPECT_NEAR(census.update(kStart + milliseconds(10)), keys, 1 + 0.05 * keys) << keys;
  }
}

TEST(KeyCensus, ForgetsKeysThatAreGone) {
  KeyCensus census;
  (void)census.update(kStart);
  for (std::uint64_t key = 0; key < 100; ++key) census.see(key);
  EXPECT_NEAR(census.update(kStart + milliseconds(900)), 100, 5);
  EXPECT_NEAR(census.update(kStart + milliseconds(1100)), 100, 5);
  census.see(5);
  EXPECT_NEAR(census.update(kStart + milliseconds(2200)), 1, 0.1);
}

TEST(KeyCensus, IsFiniteWhenItIsFull) {
  KeyCensus census;
  (void)census.update(kStart);
  Rng rng(3);
  for (int i = 0; i < 1'000'000; ++i) census.see(rng.next());
  const double count = census.update(kStart + milliseconds(1));
  EXPECT_GT(count, 30'000);
  EXPECT_TRUE(std::isfinite(count));
}

}  // namespace
}  // namespace loadline
