// SPDX-License-Identifier: Apache-2.0
#include "proxy/loadgen/report.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace loadline::loadgen {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;

// Two classes, a warm-up and a phase: 8 good, 1 shed, 1 error of "a"; 5 late of "b".
class ReportTest : public testing::Test {
 protected:
  ReportTest() {
    scenario_.classes = {{.name = "a", .rate = 5, .tier = "t1"}, {.name = "b", .rate = 5}};
    scenario_.phases = {{.name = "warm-up", .duration = 1s, .measured = false},
                        {.name = "1x", .duration = 2s}};
    result_.elapsed = 4s;
    result_.cpu_shares = {0.5};
    Tally& a = result_.tally.of(0, 1);
    a.offered = 10;
    set(a, Outcome::good, 8);
    set(a, Outcome::shed, 1);
    set(a, Outcome::error, 1);
    a.sqlstates = {{"53000", 1}, {"22012", 1}};
    for (int i = 1; i <= 8; ++i) a.good.record(i * 10ms);
    Tally& b = result_.tally.of(1, 1);
    b.offered = 5;
    set(b, Outcome::late, 5);
    result_.tally.second(0, 1500ms).offered = 10;
  }
  static void set(Tally& tally, Outcome outcome, std::uint64_t count) {
    tally.outcomes[static_cast<std::size_t>(outcome)] = count;
  }
  [[nodiscard]] nlohmann::json json() const {
    return nlohmann::json::parse(to_json({.scenario = scenario_, .result = result_}));
  }

  Scenario scenario_ = {};
  RunResult result_ = {.tally = RunTally(2, 2)};
};

TEST_F(ReportTest, JsonHasARowPerPhaseAndClassAndOneForAll) {
  const auto results = json()["results"];
  ASSERT_EQ(results.size(), 6u);
  const auto& a = results[3];
  EXPECT_EQ(a["phase"], "1x");
  EXPECT_EQ(a["class"], "a");
  EXPECT_EQ(a["tier"], "t1");
  EXPECT_EQ(a["measured"], true);
  EXPECT_EQ(a["good"], 8);
  EXPECT_EQ(a["sqlstates"]["53000"], 1);
  EXPECT_DOUBLE_EQ(a["goodput_per_s"], 4);
  EXPECT_DOUBLE_EQ(a["offered_per_s"], 5);
  EXPECT_DOUBLE_EQ(a["latency_good_ms"]["max"], 80);
  EXPECT_NEAR(a["latency_good_ms"]["p50"], 40, 0.4);
  const auto& all = results[5];
  EXPECT_EQ(all["class"], "*");
  EXPECT_EQ(all["offered"], 15);
  EXPECT_EQ(all["late"], 5);
  EXPECT_EQ(results[0]["measured"], false);
}

TEST_F(ReportTest, JsonHasEveryOutcomeOfEverySecond) {
  const auto series = json()["series"];
  ASSERT_EQ(series.size(), 4u);  // Two seconds of two classes.
  for (const auto& row : series) {
    for (const auto name : kOutcomeNames) EXPECT_TRUE(row.contains(std::string(name))) << name;
  }
  EXPECT_EQ(series[2]["second"], 1);
  EXPECT_EQ(series[2]["class"], "a");
  EXPECT_EQ(series[2]["offered"], 10);
}

TEST_F(ReportTest, AnInterruptedPhaseIsRatedByTheTimeThatItRan) {
  result_.elapsed = 2s;  // One second of warm-up, one of the phase.
  result_.interrupted = true;
  EXPECT_DOUBLE_EQ(json()["results"][3]["goodput_per_s"], 8);
  EXPECT_EQ(json()["interrupted"], true);
}

TEST_F(ReportTest, TheTableLeavesTheWarmUpOut) {
  const std::string table = to_table({.scenario = scenario_, .result = result_});
  EXPECT_THAT(table, testing::Not(HasSubstr("warm-up")));
  EXPECT_THAT(table, HasSubstr("22012 x1 53000 x1"));
  EXPECT_THAT(table, HasSubstr("*"));
}

TEST_F(ReportTest, CapacityIsTheBestMeasuredPhase) {
  scenario_.mode = LoadMode::closed;
  scenario_.phases[1].concurrency = 4;
  scenario_.phases.push_back({.name = "8", .concurrency = 8, .duration = 2s});
  result_.tally = RunTally(2, 3);
  result_.elapsed = 10s;
  set(result_.tally.of(0, 0), Outcome::good, 1000);  // The warm-up doesn't count.
  set(result_.tally.of(0, 1), Outcome::good, 10);
  set(result_.tally.of(1, 2), Outcome::good, 30);
  EXPECT_EQ(json()["capacity"]["concurrency"], 8);
  EXPECT_DOUBLE_EQ(json()["capacity"]["goodput_per_s"], 15);
}

TEST_F(ReportTest, WarnsOfALateOrBusyGenerator) {
  scenario_.classes[0].deadline = 100ms;
  for (int i = 0; i < 100; ++i) result_.tally.lag.record(4ms);
  EXPECT_TRUE(timing_warnings(scenario_, result_).empty());  // Up to a twentieth of 100 ms.
  for (int i = 0; i < 10; ++i) result_.tally.lag.record(6ms);
  result_.cpu_shares = {0.2, 0.95};
  const auto warnings = timing_warnings(scenario_, result_);
  ASSERT_EQ(warnings.size(), 2u);
  EXPECT_THAT(warnings[0], HasSubstr("late"));
  EXPECT_THAT(warnings[1], HasSubstr("95%"));
}

}  // namespace
}  // namespace loadline::loadgen
