// SPDX-License-Identifier: Apache-2.0
#include "shedder/wait_queue.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <deque>
#include <map>
#include <utility>
#include <vector>

#include "shedder/rng.h"
#include "tests/unit/shedder/gate_fixture.h"

namespace loadline {

// Sets what only a gate may.
class OperationTestPeer {
 public:
  static void set(Operation& operation, Priority priority, std::uint64_t flow, bool is_heavy) {
    operation.profile_.priority = priority;
    operation.flow_key_ = flow;
    operation.is_heavy_ = is_heavy;
  }
  static std::uint64_t flow(const Operation& operation) { return operation.flow_key_; }
  static bool is_heavy(const Operation& operation) { return operation.is_heavy_; }
};

namespace {

using Lanes = WaitQueue::Lanes;
using Order = WaitQueue::Order;
using ::testing::ElementsAre;

class WaitQueueTest : public ::testing::Test {
 protected:
  Operation& operation(Priority priority, std::uint64_t flow = 0, bool is_heavy = false) {
    Operation& operation = operations_.emplace_back(0U, sink_);
    OperationTestPeer::set(operation, priority, flow, is_heavy);
    return operation;
  }
  Operation& pushed(Priority priority, std::uint64_t flow = 0) {
    Operation& operation = this->operation(priority, flow);
    queue_.push(operation);
    return operation;
  }
  Operation& heavy(Priority priority, std::uint64_t flow = 0) {
    Operation& operation = this->operation(priority, flow, true);
    queue_.push(operation);
    return operation;
  }
  Operation* best(Order order = Order::oldest_first, Lanes lanes = Lanes::all) {
    return queue_.best(order, lanes);
  }
  Operation& served(double cost) {
    Operation& operation = *best();
    queue_.serve(operation, cost);
    return operation;
  }
  // The flows of all that is ready, in the order they are served in.
  std::vector<std::uint64_t> served_flows(double cost) {
    std::vector<std::uint64_t> flows;
    while (queue_.ready() > 0) flows.push_back(OperationTestPeer::flow(served(cost)));
    return flows;
  }

  WaitQueue queue_;

 private:
  RecordingSink sink_;
  std::deque<Operation> operations_;
};

TEST_F(WaitQueueTest, IsEmptyAtFirst) {
  EXPECT_TRUE(queue_.empty());
  EXPECT_EQ(queue_.ready(), 0U);
  EXPECT_EQ(best(), nullptr);
  EXPECT_EQ(queue_.best_of_worst_tier(Order::newest_first, Lanes::all), nullptr);
  queue_.unpark(3);
  queue_.unpark_all();
}

TEST_F(WaitQueueTest, TiersAreServedStrictlyWhateverTheirFlowsHaveUsed) {
  Operation& t5 = pushed(Priority(Tier::t5, 127), 1);
  std::vector<Operation*> t0;
  for (int i = 0; i < 5; ++i) t0.push_back(&pushed(kT0, 2));
  Operation& t3 = pushed(kT3, 3);
  for (Operation* const expected : t0) EXPECT_EQ(&served(100), expected);
  EXPECT_EQ(&served(1), &t3);
  EXPECT_EQ(&served(1), &t5);
  EXPECT_TRUE(queue_.empty());
}

TEST_F(WaitQueueTest, FindsTheBestOfTheWorstTierByTheSameRules) {
  pushed(kT0);
  Operation& older = pushed(Priority(Tier::t4, 100));
  Operation& newer = pushed(Priority(Tier::t4, 70));
  EXPECT_EQ(queue_.best_of_worst_tier(Order::oldest_first, Lanes::all), &older)
      << "cohorts say who is refused, not who is served";
  EXPECT_EQ(queue_.best_of_worst_tier(Order::newest_first, Lanes::all), &newer);
}

TEST_F(WaitQueueTest, OrdersWithinAFlowByAge) {
  Operation& oldest = pushed(kT3);
  Operation& middle = pushed(kT3);
  Operation& newest = pushed(kT3);
  EXPECT_EQ(best(Order::oldest_first), &oldest);
  EXPECT_EQ(best(Order::newest_first), &newest);
  EXPECT_EQ(&queue_.worst(), &oldest) << "the first to give up, in either order";
  queue_.remove(middle);
  queue_.remove(newest);
  EXPECT_EQ(best(Order::newest_first), &oldest);
}

TEST_F(WaitQueueTest, AFlowThatSendsMoreWaitsForItself) {
  for (int i = 0; i < 20; ++i) pushed(kT3, 1);
  pushed(kT3, 2);
  pushed(kT3, 2);
  EXPECT_EQ(OperationTestPeer::flow(served(1)), 1U) << "it came first";
  EXPECT_THAT((std::array{OperationTestPeer::flow(served(1)), OperationTestPeer::flow(served(1)),
                          OperationTestPeer::flow(served(1))}),
              ElementsAre(2, 1, 2));
}

TEST_F(WaitQueueTest, FlowsAreServedByTheSlotTimeTheyHaveUsed) {
  std::map<std::uint64_t, double> used;
  for (int i = 0; i < 300; ++i) {
    pushed(kT3, 1);
    pushed(kT3, 2);
  }
  for (int i = 0; i < 300; ++i) {
    const std::uint64_t flow = OperationTestPeer::flow(*best());
    const double cost = flow == 1 ? 0.5 : 4;
    served(cost);
    used[flow] += cost;
  }
  EXPECT_NEAR(used[1], used[2], 4.5);
}

TEST_F(WaitQueueTest, AFlowThatComesAgainHasNoCreditButOwesWhatItUsed) {
  pushed(kT3, 1);
  served(3);
  for (int i = 0; i < 4; ++i) {
    pushed(kT3, 1);
    pushed(kT3, 2);
  }
  EXPECT_THAT(served_flows(1), ElementsAre(2, 2, 2, 1, 2, 1, 1, 1));
}

TEST_F(WaitQueueTest, WhatAnOperationReallyTookIsCorrected) {
  Operation& long_one = pushed(kT3, 1);
  served(1);
  for (int i = 0; i < 4; ++i) {
    pushed(kT3, 1);
    pushed(kT3, 2);
  }
  queue_.correct(long_one, 3);
  EXPECT_THAT(served_flows(1), ElementsAre(2, 2, 2, 2, 1, 1, 1, 1));
}

TEST_F(WaitQueueTest, ACorrectionCanBeInTheFlowsFavour) {
  Operation& short_one = pushed(kT3, 1);
  pushed(kT3, 2);
  served(10);
  pushed(kT3, 1);
  queue_.correct(short_one, -9.9);
  pushed(kT3, 2);
  EXPECT_THAT(served_flows(5), ElementsAre(2, 1, 2));
}

TEST_F(WaitQueueTest, ACorrectionForAFlowThatIsParkedOrEmptyIsKept) {
  Operation& first = pushed(kT3, 1);
  served(1);
  queue_.correct(first, 5);  // Nobody of it waits.
  pushed(kT3, 1);
  pushed(kT3, 2);
  pushed(kT3, 2);
  EXPECT_EQ(OperationTestPeer::flow(*best()), 2U);
  queue_.park(*best(), 9);
  Operation& second = *best();
  EXPECT_EQ(OperationTestPeer::flow(second), 1U);
  served(1);
  pushed(kT3, 1);
  queue_.correct(second, 5);
  queue_.unpark(9);
  EXPECT_THAT(served_flows(1), ElementsAre(2, 2, 1));
}

TEST_F(WaitQueueTest, LightAndHeavyOperationsOfATierShareItsTurns) {
  for (int i = 0; i < 2; ++i) {
    pushed(kT3, 1);
    heavy(kT3, 1);
  }
  int heavy_count = 0;
  for (int i = 0; i < 2; ++i) heavy_count += OperationTestPeer::is_heavy(served(1)) ? 1 : 0;
  EXPECT_EQ(heavy_count, 1);
}

TEST_F(WaitQueueTest, HeavyOperationsCanBeLeftOut) {
  Operation& large = heavy(kT0);
  EXPECT_EQ(best(Order::oldest_first, Lanes::light_only), nullptr);
  Operation& small = pushed(kT5);
  EXPECT_EQ(best(Order::oldest_first, Lanes::light_only), &small) << "even of a worse tier";
  EXPECT_EQ(best(), &large);
  EXPECT_EQ(queue_.best_of_worst_tier(Order::oldest_first, Lanes::light_only), &small);
  EXPECT_EQ(queue_.ready(), 2U);
  EXPECT_EQ(queue_.light_ready(), 1U);
}

TEST_F(WaitQueueTest, ALaneThatWasEmptyTakesTheTimeOfTheOther) {
  for (int i = 0; i < 100; ++i) pushed(kT3, 1);
  for (int i = 0; i < 90; ++i) served(1);
  for (int i = 0; i < 10; ++i) heavy(kT3, 2);
  int heavy_count = 0;
  for (int i = 0; i < 10; ++i) heavy_count += OperationTestPeer::is_heavy(served(1)) ? 1 : 0;
  EXPECT_NEAR(heavy_count, 5, 1) << "it has no credit of ninety";
}

TEST_F(WaitQueueTest, TheWorstIsTheOldestOfTheLongestFlowOfTheWorstTier) {
  for (int i = 0; i < 50; ++i) pushed(kT0, 1);
  pushed(kT5, 2);
  pushed(kT5, 2);
  Operation& oldest_of_long = pushed(kT5, 3);
  for (int i = 0; i < 4; ++i) pushed(kT5, 3);
  pushed(kT5, 4);
  EXPECT_EQ(&queue_.worst(), &oldest_of_long);
}

TEST_F(WaitQueueTest, TheLongestFlowIsKnownWithinAFactorOfTwoAsFlowsGrowAndShrink) {
  Rng rng(3);
  std::map<std::uint64_t, std::deque<Operation*>> flows;
  for (int i = 0; i < 20'000; ++i) {
    const std::uint64_t flow = rng.next() % 12;
    std::deque<Operation*>& waiting = flows[flow];
    if (rng.next() % 2 == 0) {
      waiting.push_back(&pushed(kT3, flow));
    } else if (!waiting.empty()) {
      queue_.remove(*waiting.front());
      waiting.pop_front();
    }
    if (queue_.empty()) continue;
    std::size_t longest = 0;
    for (const auto& [key, operations] : flows) longest = std::max(longest, operations.size());
    const Operation& worst = queue_.worst();
    const std::deque<Operation*>& of_worst = flows[OperationTestPeer::flow(worst)];
    ASSERT_EQ(&worst, of_worst.front());
    ASSERT_GT(2 * of_worst.size(), longest);
  }
}

TEST_F(WaitQueueTest, TheWorstIsFoundInEitherLaneAndInAParkedFlowToo) {
  Operation& light = pushed(kT5, 1);
  Operation& first_heavy = heavy(kT5, 1);
  heavy(kT5, 1);
  EXPECT_EQ(&queue_.worst(), &first_heavy);
  queue_.park(first_heavy, 1);
  EXPECT_EQ(&queue_.worst(), &first_heavy);
  pushed(kT5, 1);
  pushed(kT5, 1);
  pushed(kT5, 1);
  EXPECT_EQ(&queue_.worst(), &light);
}

TEST_F(WaitQueueTest, AParkedFlowIsPassedOver) {
  Operation& parked = pushed(kT0, 1);
  pushed(kT0, 1);
  Operation& other = pushed(kT5, 2);
  EXPECT_TRUE(queue_.is_ready(parked));
  queue_.park(parked, 77);
  EXPECT_FALSE(queue_.is_ready(parked));
  EXPECT_EQ(best(), &other);
  EXPECT_EQ(queue_.size(), 3U);
  EXPECT_EQ(queue_.ready(), 1U);
  EXPECT_EQ(queue_.light_ready(), 1U);

  pushed(kT0, 1);
  EXPECT_EQ(queue_.size(), 4U);
  EXPECT_EQ(queue_.ready(), 1U) << "who joins a parked flow is parked";

  queue_.unpark(78);
  EXPECT_EQ(queue_.ready(), 1U) << "something happened elsewhere";
  queue_.unpark(77);
  EXPECT_EQ(queue_.ready(), 4U);
  EXPECT_EQ(best(), &parked);
}

TEST_F(WaitQueueTest, ManyFlowsCanBeParkedAtOneSlotAndAtSlotsThatCollide) {
  for (std::uint64_t flow = 0; flow < 4; ++flow) {
    queue_.park(pushed(kT3, flow), flow % 2 == 0 ? 5 : 5 + 64);
  }
  EXPECT_EQ(queue_.ready(), 0U);
  EXPECT_EQ(best(), nullptr);
  queue_.unpark(5);
  EXPECT_EQ(queue_.ready(), 2U);
  queue_.unpark(5);
  EXPECT_EQ(queue_.ready(), 2U) << "nothing is left there";
  queue_.unpark(5 + 64);
  EXPECT_EQ(queue_.ready(), 4U);
}

TEST_F(WaitQueueTest, EverythingCanBeUnparkedAtOnce) {
  for (std::uint64_t flow = 0; flow < 100; ++flow) {
    queue_.park(flow % 2 == 0 ? pushed(kT3, flow) : heavy(kT3, flow),
                static_cast<std::uint32_t>(flow));
  }
  EXPECT_EQ(queue_.size(), 100U);
  EXPECT_EQ(queue_.ready(), 0U);
  queue_.unpark_all();
  EXPECT_EQ(queue_.ready(), 100U);
  EXPECT_EQ(queue_.light_ready(), 50U);
}

TEST_F(WaitQueueTest, AParkingIsLeftWithTheFlowsLastOperation) {
  Operation& first = pushed(kT3, 1);
  Operation& second = pushed(kT3, 1);
  queue_.park(first, 5);
  queue_.remove(first);
  EXPECT_FALSE(queue_.is_ready(second));
  queue_.remove(second);
  EXPECT_TRUE(queue_.empty());
  Operation& third = pushed(kT3, 1);
  EXPECT_TRUE(queue_.is_ready(third));
  EXPECT_EQ(queue_.ready(), 1U);
  queue_.unpark(5);
  EXPECT_EQ(queue_.ready(), 1U);
}

TEST_F(WaitQueueTest, MoreFlowsThanTheTableHasShareTurnsAndNobodyIsLost) {
  constexpr std::uint64_t kFlows = 5000;
  std::vector<Operation*> pushed_ones;
  for (std::uint64_t flow = 1; flow <= kFlows; ++flow) {
    pushed_ones.push_back(&pushed(kT3, flow * 0x9e3779b97f4a7c15U));
  }
  EXPECT_EQ(queue_.size(), kFlows);
  EXPECT_EQ(queue_.ready(), kFlows);
  for (std::size_t i = 0; i < pushed_ones.size(); i += 2) queue_.remove(*pushed_ones[i]);
  std::size_t count = 0;
  while (best() != nullptr) {
    Operation& operation = served(1);
    queue_.correct(operation, 1);
    ++count;
  }
  EXPECT_EQ(count, kFlows / 2);
  EXPECT_TRUE(queue_.empty());
}

TEST_F(WaitQueueTest, ACorrectionDoesNotHitTheFlowThatHasTakenThePlace) {
  Operation& gone = pushed(kT3, 1);
  served(1);
  // Flow 1's place is taken: its set, that of every key with the same low bits, is full of others.
  std::vector<Operation*> others;
  for (std::uint64_t i = 1; i <= 8; ++i) others.push_back(&pushed(kT3, 1 + 64 * i));
  queue_.correct(gone, 500);
  std::vector<Operation*> order;
  while (queue_.ready() > 0) order.push_back(&served(1));
  EXPECT_EQ(order, others) << "none of them is set back";
}

// Counts and the order of tiers against a list that is searched; what is served is somebody's turn.
TEST_F(WaitQueueTest, AgreesWithAListWhateverIsDone) {
  struct Waiting {
    Operation* operation;
    std::uint64_t age;
  };
  for (std::uint64_t seed = 1; seed <= 4; ++seed) {
    Rng rng(seed);
    std::vector<Operation*> idle;
    for (int i = 0; i < 300; ++i) {
      const auto tier = static_cast<Tier>(rng.next() % kTierCount);
      const auto cohort = static_cast<std::uint32_t>(rng.next() % kCohortCount);
      idle.push_back(&operation(Priority(tier, cohort), rng.next() % 10, rng.next() % 4 == 0));
    }
    std::vector<Waiting> model;
    using FlowName = std::pair<std::size_t, std::uint64_t>;  // Lane, key.
    const auto flow_of = [](const Operation& operation) -> FlowName {
      return {2 * static_cast<std::size_t>(operation.profile().priority.tier()) +
                  (OperationTestPeer::is_heavy(operation) ? 1 : 0),
              OperationTestPeer::flow(operation)};
    };
    std::map<FlowName, std::uint32_t> parked;
    const auto taken_out = [&](Operation* operation) {
      const auto at = std::find_if(model.begin(), model.end(), [&](const Waiting& waiting) {
        return waiting.operation == operation;
      });
      model.erase(at);
      idle.push_back(operation);
      const FlowName flow = flow_of(*operation);
      if (std::none_of(model.begin(), model.end(), [&](const Waiting& waiting) {
            return flow_of(*waiting.operation) == flow;
          })) {
        parked.erase(flow);
      }
    };
    for (std::uint64_t i = 0; i < 4000; ++i) {
      const Order order = rng.next() % 2 == 0 ? Order::oldest_first : Order::newest_first;
      const Lanes lanes = rng.next() % 2 == 0 ? Lanes::all : Lanes::light_only;
      switch (rng.next() % 8) {
        case 0:
        case 1:
        case 2:
          if (idle.empty()) break;
          std::swap(idle[rng.next() % idle.size()], idle.back());
          queue_.push(*idle.back());
          model.push_back({idle.back(), i});
          idle.pop_back();
          break;
        case 3: {
          if (model.empty()) break;
          Operation* const victim = model[rng.next() % model.size()].operation;
          queue_.remove(*victim);
          taken_out(victim);
          break;
        }
        case 4:
        case 5: {
          Operation* const next = queue_.best(order, lanes);
          if (next == nullptr) break;
          queue_.serve(*next, rng.uniform(0, 5));
          taken_out(next);
          queue_.correct(*next, rng.uniform(-2, 10));
          break;
        }
        case 6: {
          if (model.empty()) break;
          Operation& chosen = *model[rng.next() % model.size()].operation;
          if (!queue_.is_ready(chosen)) break;
          const auto slot = static_cast<std::uint32_t>(rng.next() % 200);
          queue_.park(chosen, slot);
          parked[flow_of(chosen)] = slot;
          break;
        }
        default: {
          if (rng.next() % 20 == 0) {
            queue_.unpark_all();
            parked.clear();
          } else if (!parked.empty()) {
            const std::uint32_t slot = parked.begin()->second;
            queue_.unpark(slot);
            std::erase_if(parked, [&](const auto& entry) { return entry.second == slot; });
          }
        }
      }

      std::uint32_t ready = 0;
      std::uint32_t light_ready = 0;
      std::size_t best_tier = kTierCount;
      std::size_t best_light_tier = kTierCount;
      std::size_t worst_ready_tier = 0;
      std::size_t worst_tier = 0;
      for (const Waiting& waiting : model) {
        const FlowName flow = flow_of(*waiting.operation);
        const std::size_t tier = flow.first / 2;
        worst_tier = std::max(worst_tier, tier);
        const bool is_ready = parked.count(flow) == 0;
        ASSERT_EQ(queue_.is_ready(*waiting.operation), is_ready);
        if (!is_ready) continue;
        ++ready;
        best_tier = std::min(best_tier, tier);
        worst_ready_tier = std::max(worst_ready_tier, tier);
        if (flow.first % 2 != 0) continue;
        ++light_ready;
        best_light_tier = std::min(best_light_tier, tier);
      }
      ASSERT_EQ(queue_.size(), model.size());
      ASSERT_EQ(queue_.empty(), model.empty());
      ASSERT_EQ(queue_.ready(), ready);
      ASSERT_EQ(queue_.light_ready(), light_ready);
      if (!model.empty()) {
        ASSERT_EQ(static_cast<std::size_t>(queue_.worst().profile().priority.tier()), worst_tier);
      }
      const auto tier_of = [](const Operation* found) {
        return found == nullptr ? kTierCount
                                : static_cast<std::size_t>(found->profile().priority.tier());
      };
      Operation* const found = queue_.best(order, Lanes::all);
      ASSERT_EQ(tier_of(found), best_tier);
      ASSERT_EQ(tier_of(queue_.best(order, Lanes::light_only)), best_light_tier);
      if (found == nullptr) continue;
      ASSERT_EQ(tier_of(queue_.best_of_worst_tier(order, Lanes::all)), worst_ready_tier);
      // The oldest, or the newest, of its flow.
      std::uint64_t age = 0;
      std::vector<std::uint64_t> ages;
      for (const Waiting& waiting : model) {
        if (flow_of(*waiting.operation) == flow_of(*found)) ages.push_back(waiting.age);
        if (waiting.operation == found) age = waiting.age;
      }
      ASSERT_EQ(age, order == Order::oldest_first ? *std::min_element(ages.begin(), ages.end())
                                                  : *std::max_element(ages.begin(), ages.end()));
    }
    while (!queue_.empty()) queue_.remove(queue_.worst());
    ASSERT_EQ(queue_.ready(), 0U);
    ASSERT_EQ(queue_.light_ready(), 0U);
  }
}

}  // namespace
}  // namespace loadline
