// SPDX-License-Identifier: Apache-2.0
#include "proxy/simulator/report.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>
#include <nlohmann/json.hpp>

namespace loadline::simulator {
namespace {

using testing::HasSubstr;

// Of one cell with a run for each of the values.
ReportRow row_of(const std::vector<double>& goodput_ratios, std::optional<double> recovery_s = {}) {
  ReportRow row;
  row.cell.scenario.name = "calm";
  row.result.policy.name = "mine";
  for (const double ratio : goodput_ratios) {
    RunResult run = {.seed = row.result.runs.size() + 1};
    run.metrics.goodput_ratio = ratio;
    run.metrics.recovery_s = recovery_s;
    run.metrics.tier_success[1] = 0.25;
    run.record.moments.resize(2);
    run.record.moments[0] = {.offered = 4, .good = 2, .latency_s = 0.5};
    run.record.moments[1].limit = std::numeric_limits<double>::infinity();
    run.record.refusals[static_cast<std::size_t>(ShedReason::queue_full)].at_offer = 3;
    row.result.runs.push_back(run);
  }
  return row;
}

TEST(Report, TheMedianIsInTheMiddle) {
  EXPECT_EQ(median({}), 0);
  EXPECT_EQ(median({3, 1, 2}), 2);
  EXPECT_EQ(median({4, 1, 3, 2}), 2.5);
}

TEST(Report, AScenarioIsNamedByItsLaws) {
  Scenario scenario;
  EXPECT_EQ(database_name(scenario), "usl");
  EXPECT_EQ(service_name(scenario), "exponential");
  scenario.database.kind = SpeedLaw::Kind::cores;
  scenario.classes.push_back({.service = {.kind = ServiceLaw::Kind::constant}});
  EXPECT_EQ(database_name(scenario), "cores");
  EXPECT_EQ(service_name(scenario), "mixed");
}

TEST(Report, TheTableHasMedianAndWorst) {
  const std::string table = to_table({row_of({0.9, 0.5, 0.7})});
  EXPECT_THAT(table, HasSubstr("calm"));
  EXPECT_THAT(table, HasSubstr("mine"));
  EXPECT_THAT(table, HasSubstr("|  0.700  0.500 "));
  EXPECT_THAT(table, HasSubstr("|     - 0.250     -     - |")) << "tiers that offer nothing";
}

TEST(Report, NeverToRecoverIsWorseThanAnyTime) {
  EXPECT_THAT(to_table({row_of({1}, 1.25)}), HasSubstr(" 1.2 "));
  EXPECT_THAT(to_table({row_of({1, 1}, -1)}), HasSubstr(" never "));
}

TEST(Report, TheJsonHasEveryRun) {
  const std::vector<ReportRow> rows = {row_of({0.9, 0.5})};
  const nlohmann::json json = nlohmann::json::parse(to_json(rows));
  EXPECT_EQ(json["version"], 1);
  const nlohmann::json& cell = json["cells"].at(0);
  EXPECT_EQ(cell["scenario"], "calm");
  EXPECT_EQ(cell["length_s"], 30);
  ASSERT_EQ(cell["runs"].size(), 2U);
  const nlohmann::json& run = cell["runs"][1];
  EXPECT_EQ(run["seed"], 2);
  EXPECT_EQ(run["goodput_ratio"], 0.5);
  EXPECT_TRUE(run["recovery_s"].is_null());
  EXPECT_EQ(run["tiers"].size(), 1U);
  EXPECT_EQ(run["tiers"]["t1"]["success"], 0.25);
  EXPECT_EQ(run["refusals"]["queue_full"]["at_offer"], 3);
  EXPECT_EQ(run["series"]["latency_ms"][0], 250);
  EXPECT_TRUE(run["series"]["latency_ms"][1].is_null());
  EXPECT_TRUE(run["series"]["limit"][1].is_null()) << "infinity is no number there";
  EXPECT_EQ(to_json(rows), to_json(rows));
}

TEST(Report, ANameNeedNotBeUtf8) {
  ReportRow row = row_of({1});
  row.result.policy.name = "\xff";
  EXPECT_TRUE(nlohmann::json::accept(to_json({row})));
}

}  // namespace
}  // namespace loadline::simulator
