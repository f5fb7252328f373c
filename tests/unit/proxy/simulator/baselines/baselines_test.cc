// SPDX-License-Identifier: Apache-2.0
#include "proxy/simulator/baselines/baselines.h"

#include <gtest/gtest.h>

#include "proxy/simulator/cell.h"
#include "proxy/simulator/policy.h"

namespace loadline::simulator {
namespace {

double goodput(std::string_view name, const Scenario& scenario) {
  return run_once(*parse_policy(std::string(name)), scenario, 1).metrics.goodput_ratio;
}

TEST(Baselines, EachIsSane) {
  struct Bounds {
    double least;
    double most;
  };
  // At twice of what is possible, the first eight seconds.
  const std::map<std::string_view, Bounds> bounds = {
      {"none", {0.05, 0.4}},      {"fifo-long", {0.02, 0.4}}, {"fifo-short", {0.95, 1.02}},
      {"token-bucket", {0.8, 1}}, {"codel-lifo", {0.7, 0.9}}, {"gradient2", {0.8, 1}},
      {"envoy", {0.5, 1}},        {"vegas", {0.8, 1}},        {"dagor", {0.2, 1}},
      {"cinnamon", {0.6, 1}}};
  Scenario scenario;
  scenario.length = std::chrono::seconds(8);
  scenario.load = 2;
  for (const std::string_view name : kBaselineNames) {
    ASSERT_TRUE(bounds.contains(name)) << name;
    const double ratio = goodput(name, scenario);
    EXPECT_GE(ratio, bounds.at(name).least) << name;
    EXPECT_LE(ratio, bounds.at(name).most) << name;
  }
}

TEST(Baselines, EachServesEverybodyOnAQuietDay) {
  Scenario scenario;
  scenario.length = std::chrono::seconds(4);
  scenario.load = 0.3;
  for (const std::string_view name : kBaselineNames) {
    EXPECT_GE(goodput(name, scenario), 0.97) << name;
  }
}

TEST(Baselines, AnUnknownNameIsNone) { EXPECT_EQ(make_baseline("magic", Scenario(), 1), nullptr); }

}  // namespace
}  // namespace loadline::simulator
