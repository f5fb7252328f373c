// SPDX-License-Identifier: Apache-2.0
#include "proxy/loadgen/scenario_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace loadline::loadgen {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;

tl::expected<std::string, std::string> read_file(const std::string& path) {
  if (path == "one.sql") return "select 1";
  if (path == "bad.sql") return "select :x";
  return tl::unexpected(path + ": no such file");
}

ClassContext context() {
  ClassContext context = {.rate_total = 200, .read_file = read_file};
  context.defaults.connections = 3;
  return context;
}

TEST(ClassOption, SetsWhatItNamesAndKeepsTheDefaults) {
  const auto parsed = parse_class_option(
      "name=a,rate=20%,tier=t1,tenant=x,comment=trailing,application_name=app,deadline=300ms,"
      "attempt_timeout=50ms,attempts=4,retry_after=error+timeout,backoff=5ms,backoff_max=1s,"
      "waiting_max=9,script=one.sql@2.5,script=one.sql",
      context());
  ASSERT_TRUE(parsed) << parsed.error();
  EXPECT_EQ(parsed->name, "a");
  EXPECT_DOUBLE_EQ(parsed->rate, 40);
  EXPECT_EQ(parsed->tier, "t1");
  EXPECT_EQ(parsed->tenant, "x");
  EXPECT_EQ(parsed->comment, CommentPlace::trailing);
  EXPECT_EQ(parsed->application_name, "app");
  EXPECT_EQ(parsed->deadline, 300ms);
  EXPECT_EQ(parsed->attempt_timeout, 50ms);
  EXPECT_EQ(parsed->retry.attempts_max, 4u);
  EXPECT_FALSE(parsed->retry.after_shed);
  EXPECT_TRUE(parsed->retry.after_error);
  EXPECT_TRUE(parsed->retry.after_timeout);
  EXPECT_EQ(parsed->retry.backoff.first, 5ms);
  EXPECT_EQ(parsed->retry.backoff.max, 1s);
  EXPECT_EQ(parsed->waiting_max, 9u);
  EXPECT_EQ(parsed->connections, 3u);
  ASSERT_EQ(parsed->scripts.size(), 2u);
  EXPECT_DOUBLE_EQ(parsed->scripts[0].weight, 2.5);
}

TEST(ClassOption, SaysWhatIsWrong) {
  const auto error_of = [](std::string_view text) {
    const auto parsed = parse_class_option(text, context());
    return parsed ? "" : parsed.error();
  };
  EXPECT_THAT(error_of("rat=5"), HasSubstr("unknown key 'rat'"));
  EXPECT_THAT(error_of("rate=fast"), HasSubstr("rate: expected"));
  EXPECT_THAT(error_of("deadline=300"), HasSubstr("deadline: expected a duration"));
  EXPECT_THAT(error_of("connections=-1"), HasSubstr("connections: expected a number"));
  EXPECT_THAT(error_of("retry_after=always"), HasSubstr("got 'always'"));
  EXPECT_THAT(error_of("comment=middle"), HasSubstr("got 'middle'"));
  EXPECT_THAT(error_of("script=no.sql"), HasSubstr("no.sql: no such file"));
  EXPECT_THAT(error_of("script=bad.sql"), HasSubstr("bad.sql: line 1: variable ':x'"));
}

TEST(ParsePhase, ReadsBothModes) {
  const auto open = parse_phase("spike=2.5x:500ms", LoadMode::open);
  ASSERT_TRUE(open) << open.error();
  EXPECT_EQ(open->name, "spike");
  EXPECT_DOUBLE_EQ(open->multiplier, 2.5);
  EXPECT_EQ(open->duration, 500ms);
  const auto closed = parse_phase("16:10s", LoadMode::closed);
  ASSERT_TRUE(closed) << closed.error();
  EXPECT_EQ(closed->name, "16");
  EXPECT_EQ(closed->concurrency, 16u);
  for (const std::string_view bad : {"", "3x", "3:10s", "x:10s", "3x:10", "3x:", "=:"}) {
    EXPECT_FALSE(parse_phase(bad, LoadMode::open)) << bad;
  }
  EXPECT_FALSE(parse_phase("3x:10s", LoadMode::closed));
}

TEST(ScenarioFile, ReadsClassesAndPhases) {
  const auto file = parse_scenario_file("s.yaml",
                                        "classes:\n"
                                        "  - name: a\n"
                                        "    rate: 50%\n"
                                        "    scripts:\n"
                                        "      - select 1; select 2\n"
                                        "      - {sql: select 3, weight: 4}\n"
                                        "      - {file: one.sql}\n"
                                        "  - {name: b, rate: 7}\n"
                                        "phases: [\"1x:10s\", \"5x:1s\"]\n",
                                        LoadMode::open, context());
  ASSERT_TRUE(file) << file.error();
  ASSERT_EQ(file->classes.size(), 2u);
  EXPECT_DOUBLE_EQ(file->classes[0].rate, 100);
  ASSERT_EQ(file->classes[0].scripts.size(), 3u);
  EXPECT_EQ(file->classes[0].scripts[0].script.steps().size(), 2u);
  EXPECT_DOUBLE_EQ(file->classes[0].scripts[1].weight, 4);
  EXPECT_EQ(file->classes[1].connections, 3u);
  ASSERT_EQ(file->phases.size(), 2u);
  EXPECT_DOUBLE_EQ(file->phases[1].multiplier, 5);
}

TEST(ScenarioFile, JsonIsYaml) {
  EXPECT_TRUE(parse_scenario_file(
      "s.json", R"({"classes": [{"name": "a", "rate": 5, "scripts": ["select 1"]}]})",
      LoadMode::open, context()));
}

TEST(ScenarioFile, ReportsEveryProblemWithItsPlace) {
  const auto file = parse_scenario_file("s.yaml",
                                        "classes:\n"
                                        "  - {nam: a}\n"
                                        "  - {name: b, name: c}\n"
                                        "  - 5\n"
                                        "  - scripts: [{weight: 2}, \"select :x\"]\n"
                                        "phases: [3x]\n"
                                        "other: 1\n",
                                        LoadMode::open, context());
  ASSERT_FALSE(file);
  EXPECT_THAT(file.error(), HasSubstr("s.yaml:2:11: unknown key 'nam'"));
  EXPECT_THAT(file.error(), HasSubstr("s.yaml:3:15: 'name' is there twice"));
  EXPECT_THAT(file.error(), HasSubstr("s.yaml:4:5: expected keys and values"));
  EXPECT_THAT(file.error(), HasSubstr("s.yaml:5:15: a script needs sql or file"));
  EXPECT_THAT(file.error(), HasSubstr("s.yaml:5:28: line 1: variable ':x' is not set"));
  EXPECT_THAT(file.error(), HasSubstr("s.yaml:6:10: expected a phase"));
  EXPECT_THAT(file.error(), HasSubstr("s.yaml:7:8: unknown key 'other'"));
}

TEST(ScenarioFile, SurvivesTextThatIsNotYaml) {
  for (const std::string text : {"", "a: [", "\t", "- 1", "classes: 3", "{]", ": : :"}) {
    const auto file = parse_scenario_file("s.yaml", text, LoadMode::open, context());
    ASSERT_FALSE(file) << text;
    EXPECT_TRUE(file.error().starts_with("s.yaml:")) << file.error();
  }
}

}  // namespace
}  // namespace loadline::loadgen
