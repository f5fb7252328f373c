// SPDX-License-Identifier: Apache-2.0
#include "shedder/stall_detector.h"

#include <gtest/gtest.h>

#include <cstddef>

#include "tests/unit/shedder/gate_fixture.h"

namespace loadline {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

class StallDetectorTest : public ::testing::Test {
 protected:
  void SetUp() override {  // Most answers take a quarter of a millisecond.
    answer(0, 500);
    tick(milliseconds(0));
  }
  void tick(Duration after) {
    detector_.on_tick({.ended = ended_, .active = active_, .service = &service_}, kStart + after);
  }
  // Answers whose latency was up to the bound of `bucket`.
  void answer(std::size_t bucket, std::uint64_t count) {
    service_.buckets[bucket] += count;
    ended_ += count;
  }

  StallDetector detector_;
  std::uint64_t ended_ = 0;
  std::uint32_t active_ = 5;
  LatencySnapshot service_;
};

TEST_F(StallDetectorTest, WorkUnderWayAndNoAnswerForAQuarterOfASecondIsAStall) {
  tick(milliseconds(0));
  tick(milliseconds(250));
  EXPECT_FALSE(detector_.is_stalled());
  tick(milliseconds(251));
  EXPECT_TRUE(detector_.is_stalled());
}

TEST(StallDetector, IsPatientUntilItKnowsWhatIsUsual) {
  StallDetector detector;
  detector.on_tick({.ended = 0, .active = 1, .service = nullptr}, kStart);
  detector.on_tick({.ended = 0, .active = 1, .service = nullptr}, kStart + seconds(5));
  EXPECT_FALSE(detector.is_stalled());
  detector.on_tick({.ended = 0, .active = 1, .service = nullptr}, kStart + seconds(6));
  EXPECT_TRUE(detector.is_stalled());
}

TEST_F(StallDetectorTest, TheFirstAnswerEndsIt) {
  tick(milliseconds(0));
  tick(milliseconds(300));
  EXPECT_TRUE(detector_.is_stalled());
  answer(3, 1);
  tick(milliseconds(310));
  EXPECT_FALSE(detector_.is_stalled());
  tick(milliseconds(560));
  EXPECT_FALSE(detector_.is_stalled()) << "counted from the answer on";
  tick(milliseconds(561));
  EXPECT_TRUE(detector_.is_stalled());
}

TEST_F(StallDetectorTest, IdleIsNotStalled) {
  active_ = 0;
  tick(milliseconds(0));
  tick(seconds(100));
  EXPECT_FALSE(detector_.is_stalled());
  active_ = 1;
  tick(seconds(100) + milliseconds(200));
  EXPECT_FALSE(detector_.is_stalled()) << "it has had this for 200 ms at most";
  tick(seconds(100) + milliseconds(500));
  EXPECT_TRUE(detector_.is_stalled());
  active_ = 0;
  tick(seconds(100) + milliseconds(501));
  EXPECT_FALSE(detector_.is_stalled()) << "all have given up";
}

TEST_F(StallDetectorTest, SlowDatabasesGetMorePatience) {
  tick(milliseconds(0));
  answer(10, 500);  // Half a second each.
  tick(milliseconds(100));
  EXPECT_EQ(detector_.patience(), milliseconds(2500));
  tick(milliseconds(2600));
  EXPECT_FALSE(detector_.is_stalled());
  tick(milliseconds(2601));
  EXPECT_TRUE(detector_.is_stalled());
}

TEST_F(StallDetectorTest, OneInAHundredMayBeSlowWithoutCounting) {
  tick(milliseconds(0));
  answer(2, 1980);
  answer(12, 20);
  tick(milliseconds(100));
  EXPECT_EQ(detector_.patience(), milliseconds(250));
  answer(2, 1900);
  answer(12, 100);
  tick(milliseconds(200));
  EXPECT_EQ(detector_.patience(), milliseconds(12'500)) << "five in a hundred count";
}

TEST_F(StallDetectorTest, FewAnswersSayNothing) {
  tick(milliseconds(0));
  answer(12, 499);
  tick(milliseconds(100));
  EXPECT_EQ(detector_.patience(), milliseconds(250));
  answer(12, 1);
  tick(milliseconds(200));
  EXPECT_EQ(detector_.patience(), milliseconds(12'500)) << "they add up";
}

TEST_F(StallDetectorTest, LearnsFromTheLatestAnswers) {
  tick(milliseconds(0));
  answer(10, 500);
  tick(milliseconds(100));
  answer(3, 500);
  tick(milliseconds(200));
  EXPECT_EQ(detector_.patience(), milliseconds(250));
}

TEST_F(StallDetectorTest, TheOpenBucketCountsAsItsBeginning) {
  tick(milliseconds(0));
  answer(16, 500);
  tick(milliseconds(100));
  EXPECT_EQ(detector_.patience(), seconds(150));
}

TEST_F(StallDetectorTest, AClockThatGoesBackIsNoStall) {
  answer(0, 1);
  tick(milliseconds(1000));
  tick(milliseconds(0));
  EXPECT_FALSE(detector_.is_stalled());
  tick(milliseconds(1100));
  EXPECT_FALSE(detector_.is_stalled());
}

}  // namespace
}  // namespace loadline
