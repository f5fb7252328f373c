// SPDX-License-Identifier: Apache-2.0
#include "shedder/load_estimate.h"

#include <gtest/gtest.h>

#include "tests/unit/shedder/gate_fixture.h"

namespace loadline {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

class LoadEstimateTest : public ::testing::Test {
 protected:
  LoadEstimateTest() { estimate_.on_tick(totals_, now_); }

  void run(int windows, std::uint64_t answered, Duration service, std::uint64_t shed = 0) {
    for (int i = 0; i < windows; ++i) {
      now_ += milliseconds(100);
      totals_.offered += answered + shed;
      totals_.answered += answered;
      totals_.shed += shed;
      totals_.service += service * static_cast<std::int64_t>(answered);
      estimate_.on_tick(totals_, now_);
    }
  }

  LoadEstimate estimate_;
  LoadTotals totals_;
  TimePoint now_ = kStart;
};

TEST_F(LoadEstimateTest, KnowsNothingAtFirst) {
  EXPECT_EQ(estimate_.service(), Duration::zero());
  EXPECT_EQ(estimate_.throughput(), 0);
  EXPECT_EQ(estimate_.shed_share(), 0);
}

TEST_F(LoadEstimateTest, TakesTheFirstWindowAsItIsAndThenFollows) {
  run(1, 50, milliseconds(8));
  EXPECT_EQ(estimate_.service(), milliseconds(8));
  EXPECT_NEAR(estimate_.throughput(), 500, 1e-6);
  run(20, 100, milliseconds(12), 300);
  EXPECT_NEAR(static_cast<double>(estimate_.service().count()), 12e6, 1e4);
  EXPECT_NEAR(estimate_.throughput(), 1000, 1);
  EXPECT_NEAR(estimate_.shed_share(), 0.75, 0.01);
}

TEST_F(LoadEstimateTest, AStallsSurvivorsDontMakeEverybodyLookTooLate) {
  run(10, 50, milliseconds(10));
  run(1, 20, seconds(10));
  EXPECT_LE(estimate_.service(), milliseconds(13));
  run(5, 50, milliseconds(10));
  EXPECT_LE(estimate_.service(), milliseconds(11));
}

TEST_F(LoadEstimateTest, KeepsTheThroughputWhileNothingIsAnswered) {
  run(10, 50, milliseconds(10));
  run(100, 0, milliseconds(0));
  EXPECT_NEAR(estimate_.throughput(), 500, 1);
  EXPECT_EQ(estimate_.service(), milliseconds(10));
}

TEST_F(LoadEstimateTest, ForgetsAnOverloadThatIsOver) {
  run(20, 10, milliseconds(10), 90);
  run(20, 10, milliseconds(10));
  EXPECT_LT(estimate_.shed_share(), 0.01);
}

}  // namespace
}  // namespace loadline
