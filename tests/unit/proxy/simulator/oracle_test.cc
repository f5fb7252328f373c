// SPDX-License-Identifier: Apache-2.0
#include "proxy/simulator/oracle.h"

#include <gtest/gtest.h>

#include "proxy/simulator/scenario_file.h"

namespace loadline::simulator {
namespace {

double success(const std::string& name, SpeedLaw::Kind kind) {
  auto scenario =
      load_scenario(std::string(LOADLINE_EXAMPLES_DIR) + "/scenarios/" + name + ".yaml");
  EXPECT_TRUE(scenario) << name;
  if (!scenario) return -1;
  scenario->database.kind = kind;
  return oracle_bounds(*scenario, expected_arrivals(*scenario)).success();
}

TEST(Oracle, GivesTheBoundsOfTheStudy) {
  struct Expected {
    std::string name;
    double usl;
    double cores;
  };
  for (const auto& [name, usl, cores] : std::vector<Expected>{{"steady-2x", 0.500, 0.500},
                                                              {"spike-10x", 0.450, 0.450},
                                                              {"freeze-5s", 0.932, 0.932},
                                                              {"capacity-drop", 0.802, 0.802},
                                                              {"oltp-olap", 0.989, 0.989},
                                                              {"noisy-tenant", 0.385, 0.385},
                                                              {"hot-row", 0.935, 1.000},
                                                              {"low-load-batches", 1.000, 1.000},
                                                              {"io-shift", 0.769, 0.769}}) {
    EXPECT_NEAR(success(name, SpeedLaw::Kind::usl), usl, 0.008) << name;
    EXPECT_NEAR(success(name, SpeedLaw::Kind::cores), cores, 0.008) << name;
  }
}

TEST(Oracle, WhatCountsDecidesWhoIsServed) {
  Scenario scenario;
  scenario.load = 2;
  const OracleBounds bounds = oracle_bounds(scenario, expected_arrivals(scenario));
  // t0 and t1 are half of the requests, and worth 4 in 4.6 - all that there is room for.
  EXPECT_NEAR(bounds.utility / bounds.offered_utility, 2.8 / 3.6, 0.01);
  EXPECT_NEAR(bounds.good / bounds.offered, 0.5, 0.005);
}

TEST(Oracle, ALockIsPaidForInSpeed) {
  Scenario scenario;
  scenario.load = 0;
  scenario.length = std::chrono::seconds(10);
  scenario.classes = {
      {.name = "row", .rate = 1000, .work = std::chrono::milliseconds(2), .lock = "row"}};
  // One at a time, alone on the machine: 500 per second.
  EXPECT_NEAR(oracle_bounds(scenario, expected_arrivals(scenario)).success(), 0.5, 0.01);
  scenario.classes.front().rows = 2;
  EXPECT_NEAR(oracle_bounds(scenario, expected_arrivals(scenario)).success(), 0.98, 0.03);
}

TEST(Oracle, ExpectsAsManyAsTheRateSays) {
  Scenario scenario;
  scenario.rate = 100;
  scenario.length = std::chrono::seconds(10);
  double sum = 0;
  for (const auto& group : expected_arrivals(scenario)) {
    for (const std::uint32_t count : group) sum += count;
  }
  EXPECT_NEAR(sum, 1000, 4);
}

}  // namespace
}  // namespace loadline::simulator
