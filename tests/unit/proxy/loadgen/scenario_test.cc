// SPDX-License-Identifier: Apache-2.0
#include "proxy/loadgen/scenario.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace loadline::loadgen {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

Scenario valid() {
  LoadClass load_class = {.rate = 100};
  load_class.scripts.push_back({.script = *Script::parse("select 1")});
  return {.classes = {load_class}, .phases = {{.name = "1x"}}};
}

std::string sql_of(const LoadClass& load_class) {
  return std::get<Script::Statement>(load_class.scripts[0].script.steps()[0]).to_sql({});
}

TEST(Scenario, AValidOneHasNoProblems) { EXPECT_THAT(problems_of(valid()), IsEmpty()); }

TEST(Scenario, NamesEveryProblem) {
  const auto problem_of = [](auto&& spoil) {
    Scenario scenario = valid();
    spoil(scenario);
    const auto problems = problems_of(scenario);
    return problems.size() == 1 ? problems[0] : testing::PrintToString(problems);
  };
  EXPECT_THAT(problem_of([](Scenario& s) { s.classes[0].rate = 0; }), HasSubstr("rate"));
  EXPECT_THAT(problem_of([](Scenario& s) { s.classes[0].deadline = 0s; }), HasSubstr("deadline"));
  EXPECT_THAT(problem_of([](Scenario& s) { s.threads = 17; }), HasSubstr("connections"));
  EXPECT_THAT(problem_of([](Scenario& s) { s.threads = 0; }), HasSubstr("threads"));
  EXPECT_THAT(problem_of([](Scenario& s) { s.classes[0].scripts.clear(); }), HasSubstr("script"));
  EXPECT_THAT(problem_of([](Scenario& s) { s.classes[0].scripts[0].weight = -1; }),
              HasSubstr("weight"));
  EXPECT_THAT(problem_of([](Scenario& s) { s.classes[0].retry.attempts_max = 0; }),
              HasSubstr("attempts"));
  EXPECT_THAT(problem_of([](Scenario& s) { s.classes.push_back(s.classes[0]); }),
              HasSubstr("twice"));
  EXPECT_THAT(problem_of([](Scenario& s) { s.phases.clear(); }), HasSubstr("phases"));
  EXPECT_THAT(problem_of([](Scenario& s) { s.phases[0].duration = 0s; }), HasSubstr("duration"));
  EXPECT_THAT(problem_of([](Scenario& s) { s.phases[0].duration = 2 * kRunMax; }),
              HasSubstr("longer than a day"));
  EXPECT_THAT(problem_of([](Scenario& s) { s.phases[0].multiplier = -1; }),
              HasSubstr("multiplier"));
  EXPECT_THAT(problem_of([](Scenario& s) { s.mode = LoadMode::closed; }), HasSubstr("concurrency"));
}

TEST(Scenario, CommentsNameTierAndTenant) {
  LoadClass load_class = valid().classes[0];
  load_class.tier = "t1";
  load_class.tenant = "a'c*/e";
  add_comments(load_class);
  EXPECT_EQ(sql_of(load_class), "/* priority='t1', tenant='a%27c%2A%2Fe' */ select 1");
}

TEST(Scenario, CommentsMayTrailOrStayAway) {
  LoadClass load_class = valid().classes[0];
  load_class.tenant = "acme";
  load_class.comment = CommentPlace::none;
  add_comments(load_class);
  EXPECT_EQ(sql_of(load_class), "select 1");
  load_class.comment = CommentPlace::trailing;
  add_comments(load_class);
  EXPECT_EQ(sql_of(load_class), "select 1\n/* tenant='acme' */");
}

TEST(Scenario, SharesAddUpToTheWhole) {
  Scenario scenario = valid();
  scenario.threads = 3;
  scenario.classes[0].connections = 16;
  scenario.phases[0].concurrency = 7;
  std::uint32_t connections = 0;
  std::uint32_t concurrency = 0;
  double rate = 0;
  for (std::uint32_t i = 0; i < 3; ++i) {
    const Scenario share = share_of(scenario, i);
    connections += share.classes[0].connections;
    concurrency += share.phases[0].concurrency;
    rate += share.classes[0].rate;
  }
  EXPECT_EQ(connections, 16u);
  EXPECT_EQ(concurrency, 7u);
  EXPECT_DOUBLE_EQ(rate, 100);
  EXPECT_NE(share_of(scenario, 0).seed, share_of(scenario, 1).seed);
}

TEST(Scenario, DrainsForTheLongestDeadlineUnlessTold) {
  Scenario scenario = valid();
  scenario.classes.push_back(scenario.classes[0]);
  scenario.classes[1].deadline = 7s;
  EXPECT_EQ(drain_duration(scenario), 8s);
  scenario.drain = 2s;
  EXPECT_EQ(drain_duration(scenario), 2s);
}

}  // namespace
}  // namespace loadline::loadgen
