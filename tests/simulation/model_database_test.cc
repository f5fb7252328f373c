// SPDX-License-Identifier: Apache-2.0
#include "tests/simulation/model_database.h"

#include <gtest/gtest.h>

namespace loadline {
namespace {

using std::chrono::milliseconds;

constexpr TimePoint kStart = TimePoint(std::chrono::hours(1));

TEST(ModelDatabase, SharesItsProcessorsEqually) {
  ModelDatabase database(ModelDatabase::processors(1));
  database.start(1, milliseconds(10), kStart);
  EXPECT_EQ(database.completion_at(), kStart + milliseconds(10));
  database.start(2, milliseconds(2), kStart + milliseconds(4));
  EXPECT_EQ(database.completion_at(), kStart + milliseconds(8)) << "2 ms at half the speed";
  EXPECT_EQ(database.finish(kStart + milliseconds(8)), 2U);
  EXPECT_EQ(database.completion_at(), kStart + milliseconds(12)) << "4 ms left, alone again";
}

TEST(ModelDatabase, AFreezeStopsEverythingAndLosesNothing) {
  ModelDatabase database(ModelDatabase::processors(2));
  database.start(1, milliseconds(10), kStart);
  database.set_capacity(0, kStart + milliseconds(5));
  EXPECT_EQ(database.completion_at(), TimePoint::max());
  database.set_capacity(1, kStart + milliseconds(100));
  EXPECT_EQ(database.completion_at(), kStart + milliseconds(105));
}

TEST(ModelDatabase, TheScalabilityLawPeaksWhereItShould) {
  const ModelDatabase::Law law = ModelDatabase::scalability(0.02, 5e-4);
  const auto throughput = [&](std::uint32_t n) { return n * law(n); };
  EXPECT_GT(throughput(44), throughput(30));
  EXPECT_GT(throughput(44), throughput(70));
  EXPECT_NEAR(throughput(44) / 0.005, 3136, 5);
}

}  // namespace
}  // namespace loadline
