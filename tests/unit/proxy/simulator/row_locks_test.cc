// SPDX-License-Identifier: Apache-2.0
#include "proxy/simulator/row_locks.h"

#include <gtest/gtest.h>

namespace loadline::simulator {
namespace {

TEST(RowLocks, GoToThoseWhoWaitInOrder) {
  RowLocks locks(2);
  EXPECT_TRUE(locks.acquire(0, 1));
  EXPECT_TRUE(locks.acquire(1, 2)) << "another row";
  EXPECT_FALSE(locks.acquire(0, 3));
  EXPECT_FALSE(locks.acquire(0, 4));
  EXPECT_FALSE(locks.acquire(0, 5));
  locks.leave(0, 4);
  EXPECT_EQ(locks.release(0), 3U);
  EXPECT_EQ(locks.release(0), 5U);
  EXPECT_EQ(locks.release(0), std::nullopt);
  EXPECT_TRUE(locks.acquire(0, 6));
}

}  // namespace
}  // namespace loadline::simulator
