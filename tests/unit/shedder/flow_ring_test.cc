// SPDX-License-Identifier: Apache-2.0
#include "shedder/flow_ring.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <vector>

#include "shedder/rng.h"

namespace loadline {
namespace {

using ::testing::ElementsAre;

constexpr double kBucketWidth = 0.125;

class FlowRingTest : public ::testing::Test {
 protected:
  struct Flow {
    FlowRing::Node ring;
  };

  void add(std::uint16_t flow, double used) {
    nodes_[flow].ring.used = used;
    ring_.add(nodes_, flow);
  }
  void charge(std::uint16_t flow, double cost) {
    ring_.remove(nodes_, flow);
    nodes_[flow].ring.used += cost;
    ring_.add(nodes_, flow);
  }
  std::vector<std::uint16_t> emptied() {
    std::vector<std::uint16_t> order;
    while (!ring_.empty()) {
      order.push_back(ring_.front(nodes_));
      ring_.remove(nodes_, order.back());
    }
    return order;
  }

  FlowRing ring_;
  std::vector<Flow> nodes_ = std::vector<Flow>(1000);
};

TEST_F(FlowRingTest, TheFrontHasUsedTheLeast) {
  add(1, 3);
  add(2, 0.5);
  add(3, 20);
  add(4, 1);
  EXPECT_THAT(emptied(), ElementsAre(2, 4, 1, 3));
  EXPECT_TRUE(ring_.empty());
}

TEST_F(FlowRingTest, ThoseOfOneBucketTakeTurnsInTheOrderTheyCame) {
  add(7, 1.01);
  add(3, 1.1);
  add(5, 1.0);
  EXPECT_THAT(emptied(), ElementsAre(7, 3, 5));
}

TEST_F(FlowRingTest, LookingTakesNothingOut) {
  add(1, 2);
  EXPECT_EQ(ring_.front(nodes_), 1);
  EXPECT_EQ(ring_.front(nodes_), 1);
  EXPECT_FALSE(ring_.empty());
}

TEST_F(FlowRingTest, TimeMovesUpToTheFrontAndNotBeyond) {
  EXPECT_EQ(ring_.now(), 0);
  add(1, 5.3);
  EXPECT_EQ(ring_.now(), 0) << "nobody has asked yet";
  (void)ring_.front(nodes_);
  EXPECT_LE(ring_.now(), 5.3);
  EXPECT_GT(ring_.now() + kBucketWidth, 5.3);
}

TEST_F(FlowRingTest, ThereIsNoCreditForHavingBeenSilent) {
  add(1, 10);
  (void)ring_.front(nodes_);
  add(2, 0);
  EXPECT_EQ(nodes_[2].ring.used, ring_.now());
  charge(1, 1);
  int turns = 0;
  while (ring_.front(nodes_) == 2) {
    charge(2, 0.25);
    ++turns;
  }
  EXPECT_LE(turns, 5) << "not ten units' worth";
}

TEST_F(FlowRingTest, AFlowFarAheadWaitsBeyondTheRingForItsTurn) {
  add(1, 100);
  add(2, 1000);
  add(3, 31);
  add(4, 40);
  add(5, 0);
  EXPECT_THAT(emptied(), ElementsAre(5, 3, 4, 1, 2));
  EXPECT_NEAR(ring_.now(), 1000, kBucketWidth);
}

TEST_F(FlowRingTest, AFlowFarAheadIsNotServedEarlyWhenOthersMoveOn) {
  add(1, 0);
  add(2, 50);
  while (ring_.front(nodes_) == 1) charge(1, 1);
  EXPECT_GE(nodes_[1].ring.used, 50);
  EXPECT_LE(nodes_[1].ring.used, 51 + kBucketWidth);
}

TEST_F(FlowRingTest, CatchesUpButNeverGoesBack) {
  ring_.catch_up(12.3);
  EXPECT_EQ(ring_.now(), 12.3);
  ring_.catch_up(4);
  EXPECT_EQ(ring_.now(), 12.3);
  add(1, 12.9);
  add(2, 0);
  EXPECT_EQ(nodes_[2].ring.used, 12.3);
  EXPECT_THAT(emptied(), ElementsAre(2, 1)) << "its buckets begin where it is now";
}

TEST_F(FlowRingTest, RemovesAtEveryPlaceOfABucket) {
  for (std::uint16_t removed = 0; removed < 4; ++removed) {
    std::vector<std::uint16_t> expected;
    for (std::uint16_t flow = 0; flow < 4; ++flow) {
      add(flow, ring_.now());
      if (flow != removed) expected.push_back(flow);
    }
    ring_.remove(nodes_, removed);
    EXPECT_EQ(emptied(), expected) << "without " << removed;
  }
}

TEST_F(FlowRingTest, AnEmptiedRingGoesOnWhereItWas) {
  add(1, 31.9);
  EXPECT_THAT(emptied(), ElementsAre(1));
  const double then = ring_.now();
  add(2, 0);
  add(3, then + 31);
  add(4, then + 2);
  EXPECT_THAT(emptied(), ElementsAre(2, 4, 3)) << "round the end of the array";
}

TEST_F(FlowRingTest, EachGetsItsShareOfTimeWhateverItsTurnsCost) {
  constexpr std::array<double, 4> kCosts = {0.05, 1, 3, 7.7};
  for (std::uint16_t flow = 0; flow < kCosts.size(); ++flow) add(flow, 0);
  for (int i = 0; i < 20'000; ++i) {
    const std::uint16_t flow = ring_.front(nodes_);
    charge(flow, kCosts[flow]);
  }
  const double least = nodes_[ring_.front(nodes_)].ring.used;
  EXPECT_GT(least, 100);
  for (std::uint16_t flow = 0; flow < kCosts.size(); ++flow) {
    EXPECT_NEAR(nodes_[flow].ring.used, least, 7.7 + 2 * kBucketWidth) << "flow " << flow;
  }
}

TEST_F(FlowRingTest, AgreesWithAListThatIsSearched) {
  for (std::uint64_t seed = 1; seed <= 5; ++seed) {
    FlowRing ring;
    Rng rng(seed);
    std::vector<std::uint16_t> inside;
    std::vector<std::uint16_t> outside;
    for (std::uint16_t flow = 0; flow < 50; ++flow) {
      nodes_[flow] = {};
      outside.push_back(flow);
    }
    for (int i = 0; i < 20'000; ++i) {
      const std::uint64_t choice = rng.next() % 8;
      if (inside.empty() || (choice < 2 && !outside.empty())) {
        std::swap(outside[rng.next() % outside.size()], outside.back());
        const std::uint16_t flow = outside.back();
        outside.pop_back();
        nodes_[flow].ring.used += rng.uniform(-1, 2);
        ring.add(nodes_, flow);
        ASSERT_GE(nodes_[flow].ring.used, ring.now());
        inside.push_back(flow);
      } else if (choice == 2) {
        std::swap(inside[rng.next() % inside.size()], inside.back());
        ring.remove(nodes_, inside.back());
        outside.push_back(inside.back());
        inside.pop_back();
      } else {
        const std::uint16_t front = ring.front(nodes_);
        ASSERT_NE(std::find(inside.begin(), inside.end(), front), inside.end());
        double least = nodes_[front].ring.used;
        for (const std::uint16_t flow : inside) least = std::min(least, nodes_[flow].ring.used);
        ASSERT_LT(nodes_[front].ring.used, least + kBucketWidth);
        ASSERT_LE(ring.now(), least);
        ring.remove(nodes_, front);
        // Now and then far beyond the ring's 32 units.
        nodes_[front].ring.used += rng.next() % 16 == 0 ? rng.uniform(20, 200) : rng.uniform(0, 3);
        ring.add(nodes_, front);
      }
      ASSERT_EQ(ring.empty(), inside.empty());
    }
  }
}

TEST_F(FlowRingTest, KeepsItsPrecisionWhenMuchTimeHasPassed) {
  ring_.catch_up(1e9);  // Thirty slots for a year, in seconds.
  add(1, 1e9 + 1);
  add(2, 1e9 + 0.5);
  add(3, 1e9 + 100);
  EXPECT_THAT(emptied(), ElementsAre(2, 1, 3));
}

}  // namespace
}  // namespace loadline
