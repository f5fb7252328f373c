// SPDX-License-Identifier: Apache-2.0
#include "shedder/rejector.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <deque>
#include <vector>

#include "shedder/rng.h"
#include "tests/unit/shedder/gate_fixture.h"

namespace loadline {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr auto kRead = static_cast<std::size_t>(Demand::read);
constexpr auto kWrite = static_cast<std::size_t>(Demand::write);
constexpr auto kHeavy = static_cast<std::size_t>(Demand::heavy);

// A database of so many slots, the queue before it, and clients that send at a rate whatever
// happens: random in time and in service. The rejector decides who gets in. Writes, if they are
// `writes_first`, are of a better tier.
class Loop {
 public:
  explicit Loop(std::uint32_t slots = 20, std::uint64_t seed = 11) : rng_(seed) {
    input_.limit = slots;
  }

  void run(Duration length) {
    for (const TimePoint end = now_ + length; now_ < end; now_ += milliseconds(1)) {
      for (std::size_t i = 0; i < kDemandCount; ++i) arrive(i);
      serve();
      expire();
      if (now_ < tick_due_) continue;
      tick_due_ = now_ + milliseconds(20);
      tick();
    }
  }
  // Per second, over the next `length`.
  double started_per_second(Duration length) {
    const std::uint64_t before = started();
    run(length);
    return static_cast<double>(started() - before) / std::chrono::duration<double>(length).count();
  }
  [[nodiscard]] double capacity() const { return input_.limit / service_seconds; }
  [[nodiscard]] double waiting() const {
    double waiting = 0;
    for (const auto& queue : queues_) waiting += static_cast<double>(queue.size());
    return waiting;
  }
  [[nodiscard]] double ratio(Demand demand) const { return rejector_.ratio(demand); }
  double mean_ratio(Demand demand, Duration length) {
    double sum = 0;
    int count = 0;
    for (; length > Duration::zero(); length -= milliseconds(20), ++count) {
      run(milliseconds(20));
      sum += ratio(demand);
    }
    return sum / count;
  }
  [[nodiscard]] bool is_armed() const { return rejector_.is_armed(); }
  [[nodiscard]] std::uint64_t expired() const { return expired_; }

  std::array<double, kDemandCount> rates = {};  // Per second.
  double service_seconds = 0.010;
  bool writes_first = false;
  bool stalled = false;

 private:
  static constexpr std::size_t kWaitingMax = 1500;

  [[nodiscard]] std::uint64_t started() const {
    std::uint64_t sum = 0;
    for (const Rejector::Flow& flow : input_.flows) sum += flow.started;
    return sum;
  }
  [[nodiscard]] double draw() { return rng_.uniform(0, 1); }

  void arrive(std::size_t i) {
    // About Poisson: many small chances.
    constexpr int kChances = 50;
    for (int chance = 0; chance < kChances; ++chance) {
      if (draw() >= rates[i] / 1000 / kChances) continue;
      Rejector::Flow& flow = input_.flows[i];
      ++flow.offered;
      if (draw() < rejector_.ratio(static_cast<Demand>(i))) continue;
      ++flow.entered;
      if (queues_[i].size() >= kWaitingMax) {
        was_full_ = true;
        queues_[i].pop_front();
      }
      queues_[i].push_back(now_);
    }
  }
  [[nodiscard]] std::size_t next_queue() {
    const bool heavy_fits = heavy_active_ < input_.heavy_limit;
    std::size_t best = kDemandCount;
    for (std::size_t i = 0; i < kDemandCount; ++i) {
      if (queues_[i].empty() || (i == kHeavy && !heavy_fits)) continue;
      if (i == kWrite && writes_first) return i;
      if (best == kDemandCount || queues_[i].front() < queues_[best].front()) best = i;
    }
    return best;
  }
  void serve() {
    const double chance = stalled ? 0 : 0.001 / service_seconds;
    const auto end_some = [&](double& active) {
      int ended = 0;
      for (int i = 0; i < static_cast<int>(active); ++i) ended += draw() < chance ? 1 : 0;
      active -= ended;
    };
    end_some(active_);
    end_some(heavy_active_);
    while (active_ + heavy_active_ < input_.limit) {
      const std::size_t i = next_queue();
      if (i == kDemandCount) return;
      queues_[i].pop_front();
      ++input_.flows[i].started;
      ++(i == kHeavy ? heavy_active_ : active_);
    }
  }
  void expire() {
    for (auto& queue : queues_) {
      while (!queue.empty() && now_ - queue.front() > milliseconds(500)) {
        queue.pop_front();
        ++expired_;
      }
    }
  }
  void tick() {
    if (waiting() == 0) empty_at_ = now_;
    for (std::size_t i = 0; i < kDemandCount; ++i) {
      input_.waiting[i] = static_cast<std::uint32_t>(queues_[i].size());
    }
    input_.active = active_ + heavy_active_;
    input_.heavy_limit = input_.limit / 4;
    input_.heavy_active = heavy_active_;
    input_.may_arm = was_full_ || now_ - empty_at_ >= seconds(1);
    was_full_ = false;
    if (stalled) {
      rejector_.freeze(input_, now_);
    } else {
      rejector_.on_tick(input_, now_);
    }
  }

  Rejector rejector_;
  Rejector::Input input_;
  Rng rng_;
  std::array<std::deque<TimePoint>, kDemandCount> queues_;
  double active_ = 0;
  double heavy_active_ = 0;
  bool was_full_ = false;
  std::uint64_t expired_ = 0;
  TimePoint now_ = kStart;
  TimePoint empty_at_ = kStart;
  TimePoint tick_due_ = kStart;
};

struct Steadiness {
  double mean = 0;
  double deviation = 0;  // Of the mean.
};

Steadiness steadiness(const std::vector<double>& values) {
  double sum = 0;
  double squares = 0;
  for (const double value : values) sum += value;
  const double mean = sum / static_cast<double>(values.size());
  for (const double value : values) squares += (value - mean) * (value - mean);
  return {mean, std::sqrt(squares / static_cast<double>(values.size())) / mean};
}

class RejectorAtLoad : public ::testing::TestWithParam<double> {};

// Everything of the last 20 of 30 seconds.
struct Course {
  Steadiness rate;
  Steadiness queue;
  Steadiness ratio;
  std::uint64_t expired = 0;
};

Course course_of(Loop& loop, double load) {
  loop.rates[kRead] = load * loop.capacity();
  loop.run(seconds(10));
  const std::uint64_t expired_before = loop.expired();
  std::vector<double> rates;
  std::vector<double> queues;
  std::vector<double> ratios;
  for (int i = 0; i < 100; ++i) {
    rates.push_back(loop.started_per_second(milliseconds(200)));
    queues.push_back(loop.waiting());
    ratios.push_back(loop.ratio(Demand::read));
  }
  return {.rate = steadiness(rates),
          .queue = steadiness(queues),
          .ratio = steadiness(ratios),
          .expired = loop.expired() - expired_before};
}

TEST_P(RejectorAtLoad, SettlesWithoutOscillatingAndKeepsAShortQueue) {
  for (std::uint64_t seed = 1; seed <= 4; ++seed) {
    Loop loop(20, seed);
    const Course course = course_of(loop, GetParam());
    EXPECT_LT(course.rate.deviation, 0.10) << "seed " << seed;
    EXPECT_GT(course.rate.mean, 0.95 * loop.capacity()) << "no slot may be left without work";
    EXPECT_GT(course.queue.mean, 3) << "a slot that comes free must find a successor";
    EXPECT_LT(course.queue.mean, 30) << "half of the twenty slots is what it aims at";
    EXPECT_NEAR(course.ratio.mean, 1 - 1 / GetParam(), 0.05) << "seed " << seed;
    EXPECT_LT(course.expired, 20U) << "who is let in is served";
  }
}

INSTANTIATE_TEST_SUITE_P(Loads, RejectorAtLoad, ::testing::Values(1.5, 2.0, 5.0, 10.0));

// The queue isn't asked for here: it empties by chance, which disarms.
TEST(Rejector, KeepsTheSlotsBusyAndLosesNobodyInALightOverload) {
  for (std::uint64_t seed = 1; seed <= 4; ++seed) {
    Loop loop(20, seed);
    const Course course = course_of(loop, 1.2);
    EXPECT_LT(course.rate.deviation, 0.10) << "seed " << seed;
    EXPECT_GT(course.rate.mean, 0.95 * loop.capacity()) << "seed " << seed;
    EXPECT_LT(course.expired, 20U) << "seed " << seed;
  }
}

TEST(Rejector, RefusesNothingBelowTheCapacity) {
  Loop loop;
  loop.rates[kRead] = 0.7 * loop.capacity();
  for (int i = 0; i < 100; ++i) {
    loop.run(milliseconds(200));
    ASSERT_EQ(loop.ratio(Demand::read), 0);
  }
}

TEST(Rejector, ABurstArmsNothing) {
  Loop loop;
  loop.rates[kRead] = 3 * loop.capacity();
  loop.run(milliseconds(300));
  EXPECT_GT(loop.waiting(), 100);
  EXPECT_FALSE(loop.is_armed());
  EXPECT_EQ(loop.ratio(Demand::read), 0);
}

TEST(Rejector, RefusesWithinASecondOfBeingArmed) {
  Loop loop;
  loop.rates[kRead] = 5 * loop.capacity();
  loop.run(seconds(2));
  EXPECT_TRUE(loop.is_armed());
  EXPECT_GT(loop.ratio(Demand::read), 0.6);
}

TEST(Rejector, LetsEverythingInSoonAfterTheLoadHasGone) {
  Loop loop;
  loop.rates[kRead] = 5 * loop.capacity();
  loop.run(seconds(20));
  ASSERT_GT(loop.ratio(Demand::read), 0.7);
  loop.rates[kRead] = 0.5 * loop.capacity();
  loop.run(seconds(1));
  EXPECT_EQ(loop.ratio(Demand::read), 0);
  EXPECT_FALSE(loop.is_armed());
  EXPECT_NEAR(loop.started_per_second(seconds(5)), 0.5 * loop.capacity(), 0.05 * loop.capacity());
}

TEST(Rejector, FollowsACapacityThatDropsAndComesBack) {
  Loop loop;
  loop.rates[kRead] = 1.5 * loop.capacity();
  loop.run(seconds(10));
  loop.service_seconds *= 3;
  loop.run(seconds(5));
  EXPECT_NEAR(loop.mean_ratio(Demand::read, seconds(5)), 1 - 1 / 4.5, 0.06);
  loop.service_seconds /= 3;
  loop.run(seconds(2));
  EXPECT_GT(loop.started_per_second(seconds(5)), 0.95 * loop.capacity());
}

TEST(Rejector, AFreezeWindsNothingUp) {
  Loop loop;
  loop.rates[kRead] = 1.5 * loop.capacity();
  loop.run(seconds(10));
  const double before = loop.ratio(Demand::read);
  loop.stalled = true;
  loop.run(seconds(20));
  EXPECT_NEAR(loop.ratio(Demand::read), before, 0.08);
  loop.stalled = false;
  loop.run(seconds(3));
  EXPECT_GT(loop.started_per_second(seconds(3)), 0.95 * loop.capacity());
}

TEST(Rejector, WhatTheBeginningOfAFreezeHasArmedIsDisarmed) {
  Rejector rejector;
  Rejector::Input input = {.limit = 10, .active = 10, .may_arm = true};
  TimePoint now = kStart;
  const auto arrivals = [&] {
    now += milliseconds(20);
    input.flows[kRead].offered += 100;
    input.flows[kRead].entered += 100;
    input.waiting[kRead] += 100;
  };
  rejector.on_tick(input, now);
  for (int i = 0; i < 20; ++i) {  // Nothing is started any more, but it isn't known yet why.
    arrivals();
    rejector.on_tick(input, now);
  }
  ASSERT_GT(rejector.ratio(Demand::read), 0);
  arrivals();
  rejector.freeze(input, now);
  EXPECT_EQ(rejector.ratio(Demand::read), 0);
  EXPECT_FALSE(rejector.is_armed());
}

TEST(Rejector, RefusesReadsForTheSakeOfReadsAndNoWrites) {
  Loop loop;
  loop.writes_first = true;
  loop.rates[kRead] = 5 * loop.capacity();
  loop.rates[kWrite] = 0.3 * loop.capacity();
  loop.run(seconds(10));
  EXPECT_LT(loop.mean_ratio(Demand::write, seconds(10)), 0.02);
  EXPECT_GT(loop.mean_ratio(Demand::read, seconds(10)), 0.8);
}

TEST(Rejector, RefusesBothAlikeIfBothWaitAlike) {
  Loop loop;
  loop.rates[kRead] = 2 * loop.capacity();
  loop.rates[kWrite] = 2 * loop.capacity();
  loop.run(seconds(10));
  EXPECT_NEAR(loop.mean_ratio(Demand::read, seconds(10)), 0.75, 0.06);
  EXPECT_NEAR(loop.mean_ratio(Demand::write, seconds(10)), 0.75, 0.06);
}

TEST(Rejector, HeavyOperationsThatWaitForTheirLaneConcernNobodyElse) {
  Loop loop;
  loop.rates[kRead] = 0.4 * loop.capacity();
  loop.rates[kHeavy] = 1.0 * loop.capacity();  // Four times what a quarter of the slots can do.
  for (int i = 0; i < 100; ++i) {
    loop.run(milliseconds(200));
    ASSERT_EQ(loop.ratio(Demand::read), 0);
  }
  EXPECT_NEAR(loop.mean_ratio(Demand::heavy, seconds(10)), 0.75, 0.06);
}

TEST(Rejector, ThoseThatWaitForACapAreLeftAlone) {
  Rejector rejector;
  Rejector::Input input;
  input.limit = 20;
  input.active = 10;
  input.may_arm = true;
  Rejector::Flow& flow = input.flows[static_cast<std::size_t>(Demand::capped)];
  for (TimePoint now = kStart; now < kStart + seconds(10); now += milliseconds(20)) {
    flow.offered += 50;
    flow.entered += 50;
    flow.started += 2;
    input.waiting[static_cast<std::size_t>(Demand::capped)] = 500;
    rejector.on_tick(input, now);
    ASSERT_EQ(rejector.ratio(Demand::capped), 0);
  }
  EXPECT_FALSE(rejector.is_armed());
}

TEST(Rejector, WaitsForTwentyOffersOrTwoSeconds) {
  Rejector rejector;
  Rejector::Input input;
  input.limit = 1;
  input.active = 1;
  input.may_arm = true;
  rejector.on_tick(input, kStart);
  input.waiting[kRead] = 19;
  input.flows[kRead] = {.offered = 19, .entered = 19, .started = 0};
  rejector.on_tick(input, kStart + milliseconds(1900));
  EXPECT_EQ(rejector.ratio(Demand::read), 0);
  rejector.on_tick(input, kStart + milliseconds(2000));
  const double ratio = rejector.ratio(Demand::read);
  EXPECT_GT(ratio, 0);

  input.flows[kRead] = {.offered = 39, .entered = 39, .started = 0};
  rejector.on_tick(input, kStart + milliseconds(2019));
  EXPECT_EQ(rejector.ratio(Demand::read), ratio) << "20 ms at least";
  rejector.on_tick(input, kStart + milliseconds(2020));
  EXPECT_GT(rejector.ratio(Demand::read), ratio);
}

TEST(Rejector, KeepsItsGroundAtLowRates) {
  double rate = 0;
  double capacity = 0;
  for (std::uint64_t seed = 1; seed <= 8; ++seed) {
    Loop loop(4, seed);
    loop.service_seconds = 0.5;  // Eight a second, and twelve are offered.
    loop.rates[kRead] = 1.5 * loop.capacity();
    loop.run(seconds(60));
    rate += loop.started_per_second(seconds(120));
    capacity += loop.capacity();
  }
  EXPECT_GT(rate, 0.8 * capacity);
}

TEST(Rejector, TheSameTimeTwiceAndAClockThatGoesBackChangeNothing) {
  Rejector rejector;
  Rejector::Input input;
  input.may_arm = true;
  input.waiting[kRead] = 100;
  rejector.on_tick(input, kStart);
  input.flows[kRead] = {.offered = 100, .entered = 100, .started = 0};
  rejector.on_tick(input, kStart);
  rejector.on_tick(input, kStart - seconds(1));
  EXPECT_EQ(rejector.ratio(Demand::read), 0);
}

}  // namespace
}  // namespace loadline
