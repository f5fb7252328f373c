// SPDX-License-Identifier: Apache-2.0
#include "proxy/simulator/scenario.h"

#include <gtest/gtest.h>

namespace loadline::simulator {
namespace {

using namespace std::chrono_literals;

TEST(Scenario, AClassMayHaveADeadlineOfItsOwn) {
  Scenario scenario;
  scenario.clients.deadline = 300ms;
  EXPECT_EQ(deadline_of(scenario, {}), 300ms);
  EXPECT_EQ(deadline_of(scenario, {.deadline = 5s}), 5s);
}

TEST(Scenario, TheCapacityIsOfTheWeightedClasses) {
  Scenario scenario;
  scenario.database = {.kind = SpeedLaw::Kind::cores, .cores = 10};
  scenario.classes = {{.weight = 3, .work = 10ms}, {.weight = 1, .work = 5ms, .statements = 2}};
  EXPECT_DOUBLE_EQ(capacity_per_s(scenario), 1000);
  scenario.classes.push_back({.rate = 50, .work = 1s});
  scenario.classes.push_back({.load = 1, .work = 1s});
  EXPECT_DOUBLE_EQ(capacity_per_s(scenario), 1000);
  scenario.classes = {{.rate = 50}};
  EXPECT_DOUBLE_EQ(capacity_per_s(scenario), 0);
}

TEST(Scenario, TheDisturbanceEndsWithTheLastThatEnds) {
  Scenario scenario;
  EXPECT_EQ(disturbance_end(scenario), std::nullopt);
  scenario.events = {{.kind = Event::Kind::capacity, .from = 1s, .to = 4s},
                     {.kind = Event::Kind::load, .from = 1s, .to = 9s},
                     {.kind = Event::Kind::restart, .from = 1s, .to = 3s},
                     {.kind = Event::Kind::io, .from = 20s},
                     {.kind = Event::Kind::capacity, .from = 1s, .to = 12s, .every = 15s},
                     {.kind = Event::Kind::load, .from = 1s, .to = 30s}};
  EXPECT_EQ(disturbance_end(scenario), 9s) << "neither what repeats nor what lasts";
  scenario.disturbed_until = 2s;
  EXPECT_EQ(disturbance_end(scenario), 2s);
}

}  // namespace
}  // namespace loadline::simulator
