// SPDX-License-Identifier: Apache-2.0
#include "proxy/simulator/simulation.h"

#include <gtest/gtest.h>

#include "proxy/simulator/cell.h"
#include "proxy/simulator/policy.h"
#include "proxy/simulator/report.h"

namespace loadline::simulator {
namespace {

using namespace std::chrono_literals;

Policy policy(std::string_view name) { return *parse_policy(std::string(name)); }

Scenario short_scenario() {
  Scenario scenario;
  scenario.length = 3s;
  scenario.load = 2;
  return scenario;
}

// Everything at once, to see that nothing is lost on the way.
Scenario swarm() {
  Scenario scenario = short_scenario();
  scenario.replica = {.apply_speed = 2};
  scenario.connections = 60;
  scenario.clients.cancel_after = 10ms;
  scenario.clients.deadline = 200ms;
  scenario.clients.retry_budget = 0.2;
  scenario.classes = {{.name = "reads", .io = 3ms, .staleness_max = 500ms},
                      {.name = "rows",
                       .rate = 300,
                       .operation = OperationClass::write,
                       .work = 2ms,
                       .io = 1ms,
                       .io_first = true,
                       .lock = "row",
                       .rows = 3,
                       .lock_to_end = true,
                       .statements = 3,
                       .think = 15ms}};
  scenario.events = {
      {.kind = Event::Kind::capacity, .from = 500ms, .to = 800ms, .value = 0},
      {.kind = Event::Kind::restart, .from = 1s, .to = 1200ms, .value = 2, .length = 500ms},
      {.kind = Event::Kind::connection_storm,
       .from = 1500ms,
       .to = 1600ms,
       .length = 5ms,
       .count = 50},
      {.kind = Event::Kind::io, .from = 2s, .length = 10ms}};
  return scenario;
}

TEST(Simulation, TheSameSeedGivesTheSameBytes) {
  const auto json = [](std::uint64_t seed) {
    const Cell cell = {.policy = policy("default"), .scenario = swarm(), .seeds = {seed}};
    return to_json(std::vector<ReportRow>{{.cell = cell, .result = run_cell(cell)}});
  };
  EXPECT_EQ(json(7), json(7));
  EXPECT_NE(json(7), json(8));
}

TEST(Simulation, EveryAttemptComesToAnEnd) {
  for (const std::string_view name : {"default", "none", "fifo-short", "cinnamon"}) {
    for (std::uint64_t seed = 1; seed <= 3; ++seed) {
      const Record record = run_once(policy(name), swarm(), seed).record;
      EXPECT_EQ(record.unfinished, 0U) << name;
      EXPECT_LE(record.admitted + record.shed, record.attempts) << name;
      std::uint64_t offered = 0;
      std::uint64_t good = 0;
      for (const GroupCount& group : record.groups) {
        offered += group.offered;
        good += group.good;
        EXPECT_LE(group.good, group.offered) << name;
      }
      EXPECT_GE(record.attempts, offered) << name;
      EXPECT_GT(good, 0U) << name;
      EXPECT_GT(record.failed, 0U) << name << ": the restart";
    }
  }
}

TEST(Simulation, ServesEverybodyWhileThereIsRoom) {
  Scenario scenario = short_scenario();
  scenario.load = 0.3;
  const RunResult result = run_once(policy("default"), scenario, 1);
  EXPECT_GT(result.metrics.goodput_ratio, 0.99);
  EXPECT_EQ(result.record.shed, 0U);
  EXPECT_NEAR(result.metrics.at_processors, 5.2, 1.5) << "M/G/PS with the law's speed";
}

TEST(Simulation, ALimitAtTheKneeIsNearlyTheOracle) {
  Scenario scenario = short_scenario();
  scenario.length = 6s;
  EXPECT_GT(run_once(fixed_limit_policy(44), scenario, 1).metrics.goodput_ratio, 0.97);
  EXPECT_LT(run_once(policy("none"), scenario, 1).metrics.goodput_ratio, 0.5);
}

TEST(Simulation, ArrivalsAreTheSameForEveryPolicy) {
  const Scenario scenario = short_scenario();
  EXPECT_EQ(run_once(policy("default"), scenario, 5).record.arrivals,
            run_once(policy("none"), scenario, 5).record.arrivals);
}

TEST(Simulation, ReadsThatAreTooOldAreNotTriedAgain) {
  Scenario scenario = short_scenario();
  scenario.load = 0.5;
  scenario.clients.attempts = 3;
  scenario.replica = {.apply_speed = 0.001};
  scenario.classes = {{.name = "reads", .weight = 1, .staleness_max = 1ms},
                      {.name = "writes", .weight = 1, .operation = OperationClass::write}};
  const RunResult run = run_once(policy("default"), scenario, 1);
  EXPECT_EQ(run.record.shed, 0U);
  std::uint64_t requests = 0;
  for (const GroupCount& group : run.record.groups) requests += group.offered;
  EXPECT_EQ(run.record.attempts, requests);
  EXPECT_GT(run.record.failed, requests / 3);
  ASSERT_TRUE(run.metrics.replica);
  EXPECT_NEAR(run.metrics.replica->lag_max_s,
              std::chrono::duration<double>(scenario.length).count(), 0.5);
  EXPECT_GE(run.metrics.replica->lag_max_s, run.metrics.replica->lag_late_s);
}

TEST(Simulation, AFreezeAndABrokenReplicaAreSeen) {
  Scenario scenario = short_scenario();
  scenario.load = 0.5;
  scenario.replica = {.apply_speed = 8};
  scenario.classes = {{.name = "reads", .weight = 1, .staleness_max = 200ms},
                      {.name = "writes", .weight = 1, .operation = OperationClass::write}};
  EXPECT_EQ(run_once(policy("default"), scenario, 1).record.failed, 0U);
  scenario.events = {{.kind = Event::Kind::replica, .from = 1s, .to = 2s, .value = 0}};
  EXPECT_GT(run_once(policy("default"), scenario, 1).record.failed, 100U);
}

}  // namespace
}  // namespace loadline::simulator
