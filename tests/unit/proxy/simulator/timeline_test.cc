// SPDX-License-Identifier: Apache-2.0
#include "proxy/simulator/timeline.h"

#include <gtest/gtest.h>

namespace loadline::simulator {
namespace {

using namespace std::chrono_literals;

TEST(Timeline, EventsMultiplyAndEnd) {
  Scenario scenario;
  scenario.rate = 100;
  scenario.events = {{.kind = Event::Kind::capacity, .from = 5s, .to = 10s, .value = 0.5},
                     {.kind = Event::Kind::capacity, .from = 8s, .to = 9s, .value = 0.5},
                     {.kind = Event::Kind::load, .from = 5s, .to = 6s, .value = 10}};
  const Timeline timeline(scenario);
  EXPECT_DOUBLE_EQ(timeline.capacity(4999ms), 1);
  EXPECT_DOUBLE_EQ(timeline.capacity(5s), 0.5);
  EXPECT_DOUBLE_EQ(timeline.capacity(8s), 0.25);
  EXPECT_DOUBLE_EQ(timeline.capacity(10s), 1);
  EXPECT_DOUBLE_EQ(timeline.rate(0, 5s), 1000);
  EXPECT_DOUBLE_EQ(timeline.rate(0, 6s), 100);
  EXPECT_DOUBLE_EQ(timeline.rate(0, scenario.length), 0);
  EXPECT_EQ(timeline.changes(), (std::vector<Duration>{5s, 6s, 8s, 9s, 10s}));
}

TEST(Timeline, SomethingCanHappenAgainAndAgain) {
  Scenario scenario;
  scenario.events = {
      {.kind = Event::Kind::capacity, .from = 5s, .to = 7s, .every = 10s, .value = 0}};
  const Timeline timeline(scenario);
  EXPECT_DOUBLE_EQ(timeline.capacity(26s), 0);
  EXPECT_DOUBLE_EQ(timeline.capacity(27s), 1);
}

TEST(Timeline, AColdCacheWarmsUp) {
  Scenario scenario;
  scenario.events = {{.kind = Event::Kind::cold_cache, .from = 5s, .value = 3, .length = 10s}};
  const Timeline timeline(scenario);
  EXPECT_DOUBLE_EQ(timeline.work_factor(4s), 1);
  EXPECT_DOUBLE_EQ(timeline.work_factor(5s), 3);
  EXPECT_NEAR(timeline.work_factor(15s), 1 + 2 / 2.718281828, 1e-6);
}

TEST(Timeline, AChangeOfTheMixKeepsTheNumber) {
  Scenario scenario;
  scenario.rate = 100;
  scenario.classes = {{.name = "a", .weight = 3}, {.name = "b", .weight = 1}};
  scenario.events = {{.kind = Event::Kind::mix, .from = 5s, .value = 1, .of = "a"}};
  const Timeline timeline(scenario);
  EXPECT_DOUBLE_EQ(timeline.rate(0, 0s), 75);
  EXPECT_DOUBLE_EQ(timeline.rate(0, 5s), 50);
  EXPECT_DOUBLE_EQ(timeline.rate(1, 5s), 50);
}

}  // namespace
}  // namespace loadline::simulator
