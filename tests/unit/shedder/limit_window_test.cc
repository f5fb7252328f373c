// SPDX-License-Identifier: Apache-2.0
#include "shedder/limit_window.h"

#include <gtest/gtest.h>

#include <cmath>

#include "tests/unit/shedder/gate_fixture.h"

namespace loadline {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

TEST(LimitWindow, IsTheDifferenceOfTotals) {
  LimitWindow window;
  const LoadTotals before = {.answered = 1000, .overloaded = 7, .service = seconds(10)};
  LoadTotals after = {.answered = 1200, .overloaded = 10, .service = seconds(14)};
  after.samples = 100;
  after.active = 1250;
  EXPECT_FALSE(window.on_tick(before, Duration::zero(), kStart)) << "what was before isn't ours";
  EXPECT_FALSE(window.on_tick(after, Duration::zero(), kStart + milliseconds(999)));
  const auto summary = window.on_tick(after, Duration::zero(), kStart + seconds(2));
  ASSERT_TRUE(summary);
  EXPECT_EQ(summary->answered, 200U);
  EXPECT_EQ(summary->overloaded, 3U);
  EXPECT_DOUBLE_EQ(summary->latency, 0.020);
  EXPECT_DOUBLE_EQ(summary->throughput, 100);
  EXPECT_DOUBLE_EQ(summary->active, 12.5);
  EXPECT_FALSE(window.on_tick(after, Duration::zero(), kStart + seconds(4))) << "a new one";
}

TEST(LimitWindow, CountsThoseWhoGaveUpAsEnded) {
  LimitWindow window;
  (void)window.on_tick({}, Duration::zero(), kStart);
  const auto summary = window.on_tick({.overloaded = 10}, Duration::zero(), kStart + seconds(1));
  ASSERT_TRUE(summary);
  EXPECT_EQ(summary->overloaded, 10U);
  EXPECT_EQ(summary->latency, 0);
  EXPECT_EQ(summary->active, 0);
}

TEST(LimitWindow, TooFewInHalfAMinuteAreForgotten) {
  LimitWindow window;
  (void)window.on_tick({}, Duration::zero(), kStart);
  EXPECT_FALSE(window.on_tick({.answered = 9}, Duration::zero(), kStart + seconds(29)));
  EXPECT_FALSE(window.on_tick({.answered = 9}, Duration::zero(), kStart + seconds(30)));
  EXPECT_FALSE(window.on_tick({.answered = 18}, Duration::zero(), kStart + seconds(35)));
  EXPECT_TRUE(window.on_tick({.answered = 19}, Duration::zero(), kStart + seconds(36)));
}

TEST(LimitWindow, BoundsMakeANumberOfAnything) {
  EXPECT_EQ(bounded_limit(std::nan(""), {.min = 4, .max = 9}), 4);
  EXPECT_EQ(bounded_limit(INFINITY, {.min = 4, .max = 9}), 9);
  EXPECT_EQ(bounded_limit(-1, {.min = 4, .max = 9}), 4);
  EXPECT_EQ(bounded_limit(5.25, {.min = 4, .max = 9}), 5.25);
}

}  // namespace
}  // namespace loadline
