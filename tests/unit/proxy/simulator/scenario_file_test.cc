// SPDX-License-Identifier: Apache-2.0
#include "proxy/simulator/scenario_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

namespace loadline::simulator {
namespace {

using namespace std::chrono_literals;

std::string problems(const std::string& text) {
  const auto scenario = parse_scenario(text, "s.yaml");
  if (scenario) return "";
  std::string out;
  for (const auto& diagnostic : scenario.error()) {
    out += (out.empty() ? "" : "\n") + config::to_text(diagnostic);
  }
  return out;
}

TEST(ScenarioFile, ReadsEverything) {
  const auto scenario = parse_scenario(R"(
length: 40s
load: 1.5
arrivals: batches
batch: 50
database: {law: cores, cores: 8, thrash: 0}
connections: 200
clients: {deadline: 300ms, attempts: 5, backoff: 10ms, heed_retry_after: true, retry_budget: 0.1,
          cancel_after: 20ms}
tenants: 3
zipf: 1
replica: {apply_speed: 2}
classes:
  - {name: a, weight: 3, operation: write, tiers: {t0: 1}, service: lognormal-2, io: 2ms,
     io_first: true, lock: row, rows: 4, lock_to_end: true, statements: 5, think: 3ms}
  - {name: b, rate: 10, tenant: x, fingerprint: f, deadline: 1s, work: 1ms, staleness_max: 2s}
events:
  - {kind: capacity, from: 1s, to: 2s, every: 10s, value: 0.5}
  - {kind: io, of: a, from: 3s, mean: 9ms}
  - {kind: connection_storm, from: 4s, to: 5s, count: 7, work: 1ms}
disturbed_until: 6s
)",
                                       "dir/all.yaml");
  ASSERT_TRUE(scenario) << config::to_text(scenario.error().front());
  EXPECT_EQ(scenario->name, "all");
  EXPECT_EQ(scenario->arrivals, ArrivalKind::batches);
  EXPECT_EQ(scenario->database.kind, SpeedLaw::Kind::cores);
  EXPECT_EQ(scenario->clients.cancel_after, 20ms);
  ASSERT_EQ(scenario->classes.size(), 2U);
  EXPECT_EQ(scenario->classes[0].rows, 4U);
  EXPECT_DOUBLE_EQ(scenario->classes[0].tiers[0], 1);
  EXPECT_DOUBLE_EQ(scenario->classes[0].tiers[1], 0);
  EXPECT_DOUBLE_EQ(scenario->classes[1].rate, 10);
  ASSERT_EQ(scenario->events.size(), 3U);
  EXPECT_EQ(scenario->events[1].length, 9ms);
  EXPECT_EQ(scenario->disturbed_until, 6s);
}

TEST(ScenarioFile, RefusesNonsenseWithItsPlace) {
  EXPECT_EQ(problems("lenght: 5s"), "s.yaml:1:1: unknown key 'lenght'; expected 'length'");
  EXPECT_EQ(problems("load: -1"),
            "s.yaml:1:7: load: '-1' is not valid; expected a number from 0 to 1000");
  EXPECT_EQ(problems("load: nan"),
            "s.yaml:1:7: load: 'nan' is not valid; expected a number from 0 to 1000");
  EXPECT_EQ(problems("load: 1\nrate: 5"), "s.yaml:1:1: both load and rate; expected one of them");
  EXPECT_THAT(problems("length: 5"), testing::HasSubstr("has no unit; expected a duration"));
  EXPECT_THAT(problems("classes:\n  - {name: a, service: gamma}"),
              testing::StartsWith("s.yaml:2:24: classes[0].service: 'gamma' is not valid; expected "
                                  "constant, exponential"));
  EXPECT_THAT(problems("classes:\n  - {name: a, load: 1, rate: 2}"),
              testing::HasSubstr("has 2 of weight, load and rate; expected one"));
  EXPECT_THAT(problems("classes:\n  - {name: a}\n  - {name: a}"),
              testing::StartsWith("s.yaml:3:6: classes[1].name: 'a' is there twice"));
  EXPECT_THAT(problems("classes:\n  - {name: a, tiers: {t0: 0}}"),
              testing::HasSubstr("has no weight; expected some"));
  EXPECT_THAT(problems("classes:\n  - {name: a, staleness_max: 1s}"),
              testing::HasSubstr("there is no replica; expected one"));
  EXPECT_THAT(problems("events:\n  - {kind: capacity, from: 5s, to: 4s, value: 0}"),
              testing::HasSubstr("ends before it begins"));
  EXPECT_THAT(problems("events:\n  - {kind: io, of: nobody, from: 5s, mean: 1ms}"),
              testing::HasSubstr("'nobody' is no class; expected a class's name"));
  EXPECT_THAT(problems("events:\n  - {kind: load, from: 5s, to: 6s}"),
              testing::HasSubstr("value is missing; expected a number"));
  EXPECT_THAT(problems("events:\n  - {kind: mix, from: 5s, to: 6s, value: 1, of: all}"),
              testing::HasSubstr("unknown key 'to'"));
  EXPECT_THAT(problems("a: [b"), testing::StartsWith("s.yaml:"));
  EXPECT_THAT(problems("[]"), testing::HasSubstr("is a list; expected a map"));
}

TEST(ScenarioFile, EveryExampleIsSound) {
  std::size_t count = 0;
  const auto folder = std::filesystem::path(LOADLINE_EXAMPLES_DIR) / "scenarios";
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    if (entry.path().extension() != ".yaml") continue;
    const auto scenario = load_scenario(entry.path().string());
    EXPECT_TRUE(scenario) << config::to_text(scenario.error().front());
    ++count;
  }
  EXPECT_GE(count, 20U);
}

TEST(ScenarioFile, AMissingFileIsAProblemLikeAnyOther) {
  const auto scenario = load_scenario("/nowhere/s.yaml");
  ASSERT_FALSE(scenario);
  EXPECT_THAT(config::to_text(scenario.error().front()), testing::HasSubstr("/nowhere/s.yaml"));
}

}  // namespace
}  // namespace loadline::simulator
