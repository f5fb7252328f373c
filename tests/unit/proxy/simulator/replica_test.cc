// SPDX-License-Identifier: Apache-2.0
#include "proxy/simulator/replica.h"

#include <gtest/gtest.h>

namespace loadline::simulator {
namespace {

using std::chrono::milliseconds;

constexpr TimePoint kStart = TimePoint(std::chrono::hours(1));

TEST(ReplicaModel, LagsByTheAgeOfTheOldestUnappliedWrite) {
  ReplicaModel replica;
  replica.set_speed(1, kStart);
  EXPECT_EQ(replica.lag(kStart), Duration::zero());
  replica.write(milliseconds(30), kStart);
  replica.write(milliseconds(30), kStart + milliseconds(10));
  EXPECT_EQ(replica.lag(kStart + milliseconds(20)), milliseconds(20));
  EXPECT_EQ(replica.lag(kStart + milliseconds(40)), milliseconds(30)) << "the second one is next";
  EXPECT_EQ(replica.lag(kStart + milliseconds(60)), Duration::zero());
}

TEST(ReplicaModel, FallsBehindWhileItIsPaused) {
  ReplicaModel replica;
  replica.set_speed(0, kStart);
  replica.write(milliseconds(10), kStart);
  EXPECT_EQ(replica.lag(kStart + std::chrono::seconds(5)), std::chrono::seconds(5));
  replica.set_speed(2, kStart + std::chrono::seconds(5));
  EXPECT_EQ(replica.lag(kStart + std::chrono::milliseconds(5005)), Duration::zero());
}

}  // namespace
}  // namespace loadline::simulator
