// SPDX-License-Identifier: Apache-2.0
#include "proxy/simulator/replay.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "proxy/simulator/cell.h"
#include "proxy/simulator/policy.h"
#include "shedder/rng.h"

namespace loadline::simulator {
namespace {

using namespace std::chrono_literals;
using recording::OperationRecord;
using End = OperationRecord::End;

constexpr TimePoint kNow{1h};
constexpr SpeedLaw kCores = {.kind = SpeedLaw::Kind::cores, .cores = 4, .thrash = 0};

Scenario replay_of(const std::vector<OperationRecord>& records) {
  TrafficBuilder builder({});
  for (const OperationRecord& record : records) builder.add(record);
  Scenario scenario;
  scenario.replay = ReplayOptions();
  scenario.traffic = std::make_shared<const Traffic>(*builder.build());
  scenario.database = kCores;
  scenario.length = 10s;
  scenario.clients.attempts = 1;
  take_classes_from_traffic(scenario);
  return scenario;
}

std::vector<OperationRecord> every_10ms(std::size_t count) {
  std::vector<OperationRecord> records;
  for (std::size_t i = 0; i < count; ++i) {
    records.push_back({.arrival = i * 10ms,
                       .tenant = i % 3,
                       .fingerprint = 1,
                       .service = 5ms,
                       .active = 1,
                       .priority = Priority(static_cast<Tier>(i % 2), 7)});
  }
  return records;
}

std::vector<Duration> arrivals(Replay replay) {
  std::vector<Duration> out;
  for (; replay.next() != Duration::max(); (void)replay.draw(kNow)) out.push_back(replay.next());
  return out;
}

TEST(Replay, ComesAsItCame) {
  const Scenario scenario = replay_of(every_10ms(100));
  Replay replay(scenario, 1);
  EXPECT_EQ(replay.next(), 0ms);
  const Request first = replay.draw(kNow);
  EXPECT_EQ(first.tier, Tier::t0);
  EXPECT_EQ(first.work, 5ms);
  EXPECT_EQ(first.recorded->priority, Priority(Tier::t0, 7));
  EXPECT_EQ(replay.next(), 10ms);
  EXPECT_EQ(arrivals(Replay(scenario, 1)).size(), 100U);
  EXPECT_EQ(arrivals(Replay(scenario, 1)), arrivals(Replay(scenario, 2)));
}

TEST(Replay, SpeedDividesTheTimeBetween) {
  Scenario scenario = replay_of(every_10ms(100));
  scenario.replay->speed = 2;
  const auto at = arrivals(Replay(scenario, 1));
  ASSERT_EQ(at.size(), 100U);
  EXPECT_EQ(at[1], 5ms);
  EXPECT_EQ(at[99], 495ms);
}

TEST(Replay, TimesLeavesOutOrRepeats) {
  Scenario scenario = replay_of(every_10ms(500));
  scenario.replay->times = 0.5;
  EXPECT_NEAR(static_cast<double>(arrivals(Replay(scenario, 1)).size()), 250, 40);
  EXPECT_NE(arrivals(Replay(scenario, 1)), arrivals(Replay(scenario, 2)));
  scenario.replay->times = 2;
  const auto twice = arrivals(Replay(scenario, 1));
  EXPECT_EQ(twice.size(), 1000U);
  EXPECT_TRUE(std::is_sorted(twice.begin(), twice.end()));
  EXPECT_GE(twice.front(), 0ms);
  scenario.replay->times = 1.5;
  EXPECT_NEAR(static_cast<double>(arrivals(Replay(scenario, 1)).size()), 750, 40);
}

TEST(Replay, EndsWithTheScenario) {
  Scenario scenario = replay_of(every_10ms(500));
  scenario.length = 1s;
  EXPECT_EQ(arrivals(Replay(scenario, 1)).size(), 100U);
}

TEST(Replay, WhatWasShedTakesWhatItsLikeTook) {
  auto records = every_10ms(2);
  records[0].service = 5ms;
  records[1].service = 8ms;
  records.push_back(
      {.arrival = 1s, .fingerprint = 1, .end = End::shed, .reason = ShedReason::overload});
  const Scenario scenario = replay_of(records);
  std::set<Duration> works;
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    Replay replay(scenario, seed);
    (void)replay.draw(kNow);
    (void)replay.draw(kNow);
    works.insert(replay.draw(kNow).work);
  }
  EXPECT_EQ(works, (std::set<Duration>{5ms, 8ms}));
}

TEST(Replay, WhatWasAbandonedTakesNoLessThanItHad) {
  auto records = every_10ms(1);
  records.push_back({.arrival = 1s,
                     .fingerprint = 1,
                     .service = 300ms,
                     .active = 1,
                     .outcome = Outcome::abandoned});
  const Scenario scenario = replay_of(records);
  Replay replay(scenario, 1);
  (void)replay.draw(kNow);
  EXPECT_EQ(replay.draw(kNow).work, 300ms);
}

TEST(Replay, ATransactionKeepsItsShape) {
  auto records = every_10ms(1);
  records[0].is_transaction = true;
  records[0].statements = 5;
  records[0].paused = 40ms;
  const Scenario scenario = replay_of(records);
  const Request request = Replay(scenario, 1).draw(kNow);
  EXPECT_EQ(request.work, 1ms);
  EXPECT_EQ(request.statements, 5U);
  EXPECT_EQ(request.pause, 10ms);
}

// ---- In a run.

TEST(Replay, ARunOffersEachTierWhatTheRecordingHolds) {
  const Scenario scenario = replay_of(every_10ms(101));
  const Record record = run_once({.name = "default"}, scenario, 1).record;
  std::array<std::uint64_t, kTierCount> offered = {};
  for (std::size_t i = 0; i < record.groups.size(); ++i) {
    offered[i % kTierCount] += record.groups[i].offered;
  }
  EXPECT_THAT(offered, testing::ElementsAre(51, 50, 0, 0, 0, 0));
  EXPECT_EQ(record.attempts, 101U);
  EXPECT_EQ(record.unfinished, 0U);
  ASSERT_EQ(record.tenants.size(), 3U);
  EXPECT_EQ(record.tenants[0].offered, 34U);
}

TEST(Replay, AQuietRecordingIsServedWholly) {
  const RunResult run = run_once({.name = "default"}, replay_of(every_10ms(500)), 1);
  EXPECT_EQ(run.record.shed, 0U);
  EXPECT_NEAR(run.metrics.oracle_success, 1, 1e-9);
  EXPECT_NEAR(run.metrics.goodput_ratio, 1, 1e-9);
}

// Work 1.5 times as much as four processors do in the time.
Scenario overload() {
  std::vector<OperationRecord> records;
  Rng rng(5);
  for (int i = 0; i < 12'000; ++i) {
    records.push_back({.arrival = Duration(static_cast<std::int64_t>(rng.uniform(0, 10e9))),
                       .tenant = rng.next() % 10,
                       .fingerprint = 1 + rng.next() % 3,
                       .service = 5ms,
                       .deadline = recording::to_microseconds32(500ms),
                       .active = 4,
                       .priority = Priority(static_cast<Tier>(rng.next() % 4),
                                            static_cast<std::uint32_t>(rng.next() % 128))});
  }
  return replay_of(records);
}

TEST(Replay, UnderOverloadTheOracleIsTheBound) {
  const RunResult run = run_once({.name = "default"}, overload(), 1);
  EXPECT_NEAR(run.metrics.oracle_success, 10 * 4 / (12'000 * 0.005), 0.05);
  EXPECT_GT(run.metrics.goodput_ratio, 0.8);
  EXPECT_LE(run.metrics.goodput_ratio, 1.02);
  EXPECT_GT(run.metrics.tier_success[0].value_or(0), 0.95);
  EXPECT_LT(run.metrics.tier_success[3].value_or(1), 0.5);
  EXPECT_EQ(run.record.unfinished, 0U);
}

TEST(Replay, TwoPoliciesCanBeToldApart) {
  const Scenario scenario = overload();
  const auto utility = [&](const char* name) {
    return run_once(*parse_policy(name), scenario, 1).metrics.utility_ratio;
  };
  EXPECT_GT(utility("default"), utility("none") + 0.1);
}

TEST(Replay, TheSameSeedGivesTheSameRun) {
  const auto good = [](std::uint64_t seed) {
    const Record record = run_once({.name = "default"}, overload(), seed).record;
    return std::pair(record.latency.count(), record.events);
  };
  EXPECT_EQ(good(3), good(3));
}

}  // namespace
}  // namespace loadline::simulator
