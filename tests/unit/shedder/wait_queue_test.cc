// SPDX-License-Identifier: Apache-2.0
#include "shedder/wait_queue.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <deque>
#include <vector>

#include "shedder/rng.h"
#include "tests/unit/shedder/gate_fixture.h"

namespace loadline {
namespace {

using Order = WaitQueue::Order;

class WaitQueueTest : public ::testing::Test {
 protected:
  // Only a gate gives an operation its priority: this one has had a turn.
  Operation& operation(Priority priority) {
    Operation& operation = fixture_.offered(priority, kStart);
    fixture_.gate.complete(operation, Outcome::ok, kStart);
    return operation;
  }
  Operation& pushed(Priority priority) {
    Operation& operation = this->operation(priority);
    queue_.push(operation);
    return operation;
  }

  WaitQueue queue_;

 private:
  GateFixture fixture_ = GateFixture(fixed_limit(1));
};

TEST_F(WaitQueueTest, FindsTheBestAndTheWorstAtTheEndsOfItsRange) {
  Operation& worst = pushed(Priority(Tier::t5, 127));
  Operation& best = pushed(Priority(Tier::t0, 0));
  EXPECT_EQ(&queue_.best(Order::oldest_first), &best);
  EXPECT_EQ(&queue_.worst(), &worst);
  EXPECT_EQ(&queue_.best_of_worst_tier(Order::oldest_first), &worst);
  queue_.remove(best);
  EXPECT_EQ(&queue_.best(Order::oldest_first), &worst);
  queue_.remove(worst);
  EXPECT_TRUE(queue_.empty());
}

TEST_F(WaitQueueTest, OrdersWithinAPriorityByAge) {
  Operation& oldest = pushed(kT3);
  Operation& middle = pushed(kT3);
  Operation& newest = pushed(kT3);
  EXPECT_EQ(&queue_.best(Order::oldest_first), &oldest);
  EXPECT_EQ(&queue_.best(Order::newest_first), &newest);
  EXPECT_EQ(&queue_.worst(), &oldest) << "the first to give up, in either order";
  queue_.remove(middle);
  queue_.remove(newest);
  EXPECT_EQ(&queue_.best(Order::newest_first), &oldest);
}

TEST_F(WaitQueueTest, TheBestOfTheWorstTierIsItsBestCohort) {
  pushed(kT0);
  pushed(Priority(Tier::t4, 100));
  Operation& expected = pushed(Priority(Tier::t4, 70));
  EXPECT_EQ(&queue_.best_of_worst_tier(Order::oldest_first), &expected);
}

TEST_F(WaitQueueTest, AgreesWithASortedListWhateverIsDone) {
  Rng rng(5);
  std::deque<Operation*> idle;
  for (int i = 0; i < 200; ++i) {
    const auto tier = static_cast<Tier>(rng.next() % kTierCount);
    idle.push_back(
        &operation(Priority(tier, static_cast<std::uint32_t>(rng.next() % kCohortCount))));
  }
  std::vector<Operation*> model;  // By age.
  const auto better = [](const Operation* a, const Operation* b) {
    return a->profile().priority < b->profile().priority;
  };
  for (int i = 0; i < 5000; ++i) {
    if (!idle.empty() && (model.empty() || rng.next() % 2 == 0)) {
      queue_.push(*idle.front());
      model.push_back(idle.front());
      idle.pop_front();
    } else {
      const auto victim = model.begin() + static_cast<std::ptrdiff_t>(rng.next() % model.size());
      queue_.remove(**victim);
      idle.push_back(*victim);
      model.erase(victim);
    }
    ASSERT_EQ(queue_.size(), model.size());
    if (model.empty()) continue;
    // Of equals, min_element gives the first and max_element the first too: the oldest.
    ASSERT_EQ(&queue_.best(Order::oldest_first),
              *std::min_element(model.begin(), model.end(), better));
    ASSERT_EQ(&queue_.best(Order::newest_first),
              *std::min_element(model.rbegin(), model.rend(), better));
    ASSERT_EQ(&queue_.worst(), *std::max_element(model.begin(), model.end(), better));
  }
}

}  // namespace
}  // namespace loadline
