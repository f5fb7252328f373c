// SPDX-License-Identifier: Apache-2.0
#include "shedder/expiry_wheel.h"

#include <gtest/gtest.h>

#include <vector>

#include "tests/unit/shedder/gate_fixture.h"

namespace loadline {
namespace {

using std::chrono::microseconds;
using std::chrono::milliseconds;
using std::chrono::seconds;

class ExpiryWheelTest : public ::testing::Test {
 protected:
  ExpiryWheelTest() : fixture_(options()) { fixture_.offered(kT3, kStart); }

  // Only a gate says when an operation expires: this one has waited there for its deadline.
  Operation& added(Duration expires_in) {
    Operation& operation = fixture_.offered({.deadline = expires_in}, kStart);
    EXPECT_TRUE(fixture_.gate.abandon(operation, kStart));
    wheel_.add(operation);
    return operation;
  }
  std::vector<const Operation*> due(Duration after) {
    std::vector<const Operation*> found;
    wheel_.expire_due(kStart + after, [&](Operation& operation) {
      wheel_.remove(operation);
      found.push_back(&operation);
    });
    return found;
  }

  ExpiryWheel wheel_ = ExpiryWheel(kStart);

 private:
  static GateOptions options() {
    GateOptions options = fixed_limit(1);
    options.wait_max = std::chrono::hours(10);
    return options;
  }
  GateFixture fixture_;
};

using Found = std::vector<const Operation*>;

TEST_F(ExpiryWheelTest, ExpiresEachInItsTime) {
  const Operation& late = added(milliseconds(30));
  const Operation& early = added(milliseconds(10));
  EXPECT_EQ(due(milliseconds(9)), Found{});
  EXPECT_EQ(due(milliseconds(10)), Found{&early});
  EXPECT_EQ(due(milliseconds(29)), Found{});
  EXPECT_EQ(due(milliseconds(40)), Found{&late});
  EXPECT_EQ(wheel_.next_due(), TimePoint::max());
}

TEST_F(ExpiryWheelTest, IsNeverEarlyAndAtMostAMillisecondLate) {
  const Operation& operation = added(microseconds(10'001));
  EXPECT_EQ(due(milliseconds(10)), Found{});
  EXPECT_EQ(wheel_.next_due(), kStart + milliseconds(11));
  EXPECT_EQ(due(milliseconds(11)), Found{&operation});
}

TEST_F(ExpiryWheelTest, KeepsWhatIsDueInALaterTurn) {
  const Operation& soon = added(milliseconds(5));
  const Operation& later = added(milliseconds(5 + 512));
  EXPECT_EQ(due(milliseconds(5)), Found{&soon});
  EXPECT_EQ(due(milliseconds(516)), Found{});
  EXPECT_EQ(due(milliseconds(517)), Found{&later});
}

TEST_F(ExpiryWheelTest, FindsEverythingAfterALongSleep) {
  added(milliseconds(5));
  added(milliseconds(400));
  added(seconds(3));
  const Operation& far = added(seconds(100));
  EXPECT_EQ(due(seconds(50)).size(), 3U);
  EXPECT_EQ(due(seconds(100)), Found{&far});
}

TEST_F(ExpiryWheelTest, OneThatIsOverdueWhenAddedIsFoundNext) {
  EXPECT_EQ(due(milliseconds(50)), Found{});
  const Operation& overdue = added(milliseconds(20));
  EXPECT_EQ(due(milliseconds(51)), Found{&overdue});
}

TEST_F(ExpiryWheelTest, SaysWhenToLookNext) {
  EXPECT_EQ(wheel_.next_due(), TimePoint::max());
  Operation& operation = added(milliseconds(300));
  EXPECT_EQ(wheel_.next_due(), kStart + milliseconds(300));
  added(milliseconds(400));
  wheel_.remove(operation);
  EXPECT_EQ(wheel_.next_due(), kStart + milliseconds(400));
}

TEST_F(ExpiryWheelTest, AClockThatGoesBackChangesNothing) {
  const Operation& operation = added(milliseconds(20));
  EXPECT_EQ(due(milliseconds(10)), Found{});
  EXPECT_EQ(due(-milliseconds(100)), Found{});
  EXPECT_EQ(due(milliseconds(20)), Found{&operation});
}

}  // namespace
}  // namespace loadline
