// SPDX-License-Identifier: Apache-2.0
#include "shedder/knee_limit.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <set>

#include "tests/unit/shedder/gate_fixture.h"

namespace loadline {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr LimitBounds kBounds = {.min = 4, .max = 1000};

// A saturated database without noise: latency is a function of the slots.
class Closed {
 public:
  explicit Closed(std::function<double(double)> latency_of, std::uint32_t initial = 20)
      : law(kBounds, initial), latency(std::move(latency_of)) {}

  void run(Duration length) {
    for (const TimePoint end = now + length; now < end; now += milliseconds(10)) {
      const LimitStep step = law.on_tick(totals, service(), now);
      slots = step.slots;
      seen.insert(slots);
      const double active = std::min<double>(slots, demand);
      const double seconds_each = latency(active);
      // 10 ms of throughput, the rest kept for the next.
      credit += stalled ? 0 : 0.010 * active / seconds_each;
      const auto answered = static_cast<std::uint64_t>(credit);
      credit -= static_cast<double>(answered);
      const auto abandoned =
          static_cast<std::uint64_t>(static_cast<double>(answered) * abandoned_share);
      totals.overloaded += abandoned + (stalled ? abandoned_in_stall : 0);
      totals.answered += answered - abandoned;
      if (!step.phase.is_measured()) continue;
      sampled += static_cast<double>(answered - abandoned) * sampled_share;
      const auto samples = static_cast<std::uint64_t>(sampled);
      sampled -= static_cast<double>(samples);
      totals.samples += samples;
      totals.log_latency += static_cast<double>(samples) * std::log(seconds_each);
      totals.active += samples * static_cast<std::uint64_t>(active);
    }
  }
  [[nodiscard]] Duration service() const {
    return std::chrono::duration_cast<Duration>(
        std::chrono::duration<double>(latency(std::min<double>(slots, demand))));
  }

  KneeLimit law;
  std::function<double(double)> latency;
  double demand = 1e9;  // How many would be active at most.
  double abandoned_share = 0;
  double sampled_share = 1;  // Of the answered.
  double sampled = 0;
  bool stalled = false;
  std::uint64_t abandoned_in_stall = 0;
  LoadTotals totals;
  TimePoint now = kStart;
  std::uint32_t slots = 20;
  double credit = 0;
  std::set<std::uint32_t> seen;
};

// Processors of 5 ms each.
auto processors(double count) {
  return [=](double n) { return 0.005 * std::max(1.0, n / count); };
}
// Elasticity 0.85 at 35, 0.9 at 38, peak of throughput at 44.
double crosstalk(double n) { return 0.005 * (1 + 0.02 * (n - 1) + 5e-4 * n * (n - 1)); }

TEST(KneeLimit, SettlesWhereElasticityIsTheTarget) {
  for (const std::uint32_t initial : {4U, 20U, 200U}) {
    Closed database(crosstalk, initial);
    database.run(seconds(60));
    EXPECT_NEAR(database.law.limit(), 38, 3) << "from " << initial;
    EXPECT_NEAR(database.law.snapshot().elasticity, 0.9, 0.05) << "from " << initial;
  }
}

TEST(KneeLimit, FindsASmallDatabaseWithinTenSecondsAtAFewHundredASecond) {
  Closed database(processors(2));
  database.run(seconds(10));
  EXPECT_LE(database.law.limit(), 8);
  EXPECT_GE(database.law.limit(), 4);
}

TEST(KneeLimit, FindsALargeOneToo) {
  Closed database(processors(100));
  database.run(seconds(20));
  EXPECT_GE(database.law.limit(), 85);
  EXPECT_LE(database.law.limit(), 130);
}

TEST(KneeLimit, SearchesInLeapsSoThatTheFirstSecondsAreNotLost) {
  Closed large(processors(100));
  large.run(seconds(2));
  EXPECT_GE(large.law.limit(), 80);
  EXPECT_LE(*large.seen.rbegin(), 250U) << "but not far beyond";

  Closed small(processors(4), 200);
  small.run(seconds(5));
  EXPECT_LE(small.law.limit(), 12);
}

TEST(KneeLimit, WhereAnswersAreSlowItBeginsWithFewSlots) {
  // Four processors of 400 ms: ten answers a second.
  Closed database([](double n) { return 0.4 * std::max(1.0, n / 4); });
  database.run(seconds(5));
  EXPECT_LE(database.slots, 10U);
  database.run(seconds(55));
  EXPECT_GE(database.law.limit(), 4);
  EXPECT_LE(database.law.limit(), 8);

  // And goes up from there if there is more: 64 of them.
  Closed larger([](double n) { return 0.4 * std::max(1.0, n / 64); });
  larger.run(seconds(60));
  EXPECT_GE(larger.law.limit(), 50);
  EXPECT_LE(larger.law.limit(), 100);
}

TEST(KneeLimit, ALoadThatComesAndGoesStartsNoSearch) {
  Closed database(crosstalk);
  database.run(seconds(30));
  database.seen.clear();
  for (int i = 0; i < 100; ++i) {  // Now and then there is nothing to do for a while.
    database.run(milliseconds(500));
    database.stalled = true;
    database.run(milliseconds(i % 3 * 100));
    database.stalled = false;
  }
  EXPECT_GE(*database.seen.begin(), 22U) << "a search would begin with half the slots";
  EXPECT_NEAR(database.law.limit(), 35, 5);
}

TEST(KneeLimit, ACycleThatSawLittleMovesItLittle) {
  // By how much, in ln, a cycle moves it: e is 0.8 everywhere. All answers are samples, or few are.
  const auto moved = [](double share) {
    Closed database([](double n) { return 0.005 * std::pow(n / 40, 0.8); }, 40);
    database.run(seconds(5));
    database.sampled_share = share;
    database.run(seconds(10));
    const double before = database.law.limit();
    const std::uint64_t updates = database.law.snapshot().updates;
    database.run(seconds(10));
    return std::log(database.law.limit() / before) /
           static_cast<double>(database.law.snapshot().updates - updates);
  };
  EXPECT_GT(moved(1), 0.02);
  EXPECT_LT(moved(0.005), 0.5 * moved(1));
}

TEST(KneeLimit, AUniformSlowdownIsNoQueueing) {
  double factor = 1;
  Closed database([&](double n) { return factor * crosstalk(n); });
  database.run(seconds(60));
  factor = 4;
  database.run(seconds(120));
  EXPECT_NEAR(database.law.limit(), 38, 4);
}

TEST(KneeLimit, FollowsAKneeThatMoves) {
  // Operations begin to wait for a disk: 20 ms that cost no processor.
  double disk = 0;
  Closed database([&](double n) {
    return std::max(0.005 + disk, n * 0.005 / 16);  // The bottleneck's law.
  });
  database.run(seconds(30));
  EXPECT_NEAR(database.law.limit(), 17, 4);
  disk = 0.020;
  database.run(seconds(30));
  EXPECT_NEAR(database.law.limit(), 80, 20) << "16 processors, each used a fifth of the time";
  disk = 0;
  database.run(seconds(60));
  EXPECT_NEAR(database.law.limit(), 17, 4) << "and back";
}

TEST(KneeLimit, DoesNotLearnFromSlotsThatNobodyUses) {
  Closed database(processors(2));
  database.demand = 1;
  database.run(std::chrono::minutes(10));
  EXPECT_EQ(database.law.limit(), 20);
  EXPECT_EQ(database.law.snapshot().reason, "app_limited");
  EXPECT_EQ(database.law.snapshot().updates, 0U);
  EXPECT_EQ(database.seen, std::set<std::uint32_t>{20}) << "nor does it dither for nothing";
}

TEST(KneeLimit, StaysWithinItsBounds) {
  Closed down([](double n) { return 0.001 * n * n; });
  down.run(seconds(60));
  EXPECT_EQ(down.law.limit(), 4);
  EXPECT_GE(*down.seen.begin(), 4U) << "not even while dithering";

  Closed up([](double) { return 0.005; });  // No knee at all.
  up.run(seconds(60));
  EXPECT_EQ(up.law.limit(), 1000);
  EXPECT_LE(*up.seen.rbegin(), 1000U);
}

TEST(KneeLimit, KeepsFractionsOfASlot) {
  // An integer limit would freeze when a step is less than one slot.
  Closed database([](double n) { return 0.005 * std::pow(n, 0.7); }, 10);
  database.run(seconds(20));
  const double before = database.law.limit();
  EXPECT_NE(before, std::floor(before));
  EXPECT_GT(before, 10) << "0.7 is below the set point: small steps up, none lost";
}

TEST(KneeLimit, ASwingIsMoreThanOneSlotHoweverSmallTheLimit) {
  Closed database(processors(2));
  database.run(seconds(60));
  ASSERT_EQ(database.law.limit(), 4);
  database.seen.clear();
  database.run(seconds(10));
  EXPECT_EQ(*database.seen.begin(), 4U);
  EXPECT_GE(*database.seen.rbegin(), 6U);
}

TEST(KneeLimit, GivesWayWhenClientsGiveUp) {
  Closed database([](double) { return 0.05; }, 100);
  database.run(seconds(3));
  const double before = database.law.limit();
  database.abandoned_share = 0.5;
  database.run(seconds(5));
  EXPECT_LT(database.law.limit(), 0.7 * before);
  EXPECT_EQ(database.law.snapshot().reason, "overloaded");
}

TEST(KneeLimit, AStallTeachesNothing) {
  Closed database(crosstalk);
  database.run(seconds(30));
  const double before = database.law.limit();
  database.stalled = true;
  database.run(seconds(60));
  EXPECT_NEAR(database.law.limit(), before, 1) << "at most the cycle that was under way";
  EXPECT_EQ(database.law.snapshot().reason, "stalled");
  database.stalled = false;
  database.run(seconds(30));
  EXPECT_NEAR(database.law.limit(), 38, 3);
}

TEST(KneeLimit, GivesWayWhenNobodyIsAnsweredInTime) {
  // So slow that all give up: no sample will ever come, and still fewer must be admitted.
  Closed database(crosstalk, 100);
  database.stalled = true;
  database.abandoned_in_stall = 1;
  database.run(seconds(30));
  EXPECT_LT(database.law.limit(), 20);
}

TEST(KneeLimit, NewBoundsHoldAtOnce) {
  Closed database(crosstalk);
  database.run(seconds(30));
  database.law.set_bounds({.min = 4, .max = 10});
  database.seen.clear();
  database.run(seconds(5));
  EXPECT_LE(*database.seen.rbegin(), 10U);
  EXPECT_LE(database.law.limit(), 10);
}

TEST(KneeLimit, TheWayDownIsARamp) {
  // A drop from 40 to 20 at once would admit nobody until 20 had ended.
  Closed database([](double n) { return 0.01 * std::max(1.0, n / 2); }, 40);
  std::uint32_t last = 40;
  std::uint32_t drop_max = 0;
  for (int i = 0; i < 1000; ++i) {
    database.run(milliseconds(10));
    if (database.slots < last) drop_max = std::max(drop_max, last - database.slots);
    last = database.slots;
  }
  EXPECT_LT(last, 40U);
  EXPECT_LE(drop_max, 3U);
}

}  // namespace
}  // namespace loadline
