// SPDX-License-Identifier: Apache-2.0
#include "shedder/pressure_detector.h"

#include <gtest/gtest.h>

#include "tests/unit/shedder/gate_fixture.h"

namespace loadline {
namespace {

using std::chrono::milliseconds;
constexpr Duration kAfter = milliseconds(50);

TEST(PressureDetector, AnEmptyQueueIsCalm) {
  EXPECT_FALSE(PressureDetector().under_pressure(kAfter, kStart));
}

TEST(PressureDetector, PressureIsAQueueThatHasNotBeenEmptyForAWhile) {
  PressureDetector detector;
  detector.on_non_empty(kStart);
  EXPECT_FALSE(detector.under_pressure(kAfter, kStart + milliseconds(49)));
  EXPECT_TRUE(detector.under_pressure(kAfter, kStart + milliseconds(50)));
}

TEST(PressureDetector, OneEmptyMomentEndsIt) {
  PressureDetector detector;
  detector.on_non_empty(kStart);
  detector.on_empty();
  EXPECT_FALSE(detector.under_pressure(kAfter, kStart + milliseconds(100)));
  detector.on_non_empty(kStart + milliseconds(100));
  EXPECT_FALSE(detector.under_pressure(kAfter, kStart + milliseconds(149)));
}

TEST(PressureDetector, AClockThatIsBehindIsNoPressure) {
  PressureDetector detector;
  detector.on_non_empty(kStart);
  EXPECT_FALSE(detector.under_pressure(kAfter, kStart - milliseconds(1)));
  EXPECT_EQ(elapsed_since(kStart, kStart - milliseconds(1)), Duration::zero());
}

}  // namespace
}  // namespace loadline
