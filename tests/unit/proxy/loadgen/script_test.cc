// SPDX-License-Identifier: Apache-2.0
#include "proxy/loadgen/script.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

namespace loadline::loadgen {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::HasSubstr;

// What is sent, step by step, `sleep` for a pause.
std::vector<std::string> run(const Script& script, bool parameterised = false) {
  Random random(1);
  std::vector<std::int64_t> variables(script.variable_count());
  std::vector<std::string> out;
  for (const Script::Step& step : script.steps()) {
    if (const auto* const assignment = std::get_if<Script::Assignment>(&step)) {
      variables[assignment->variable] = assignment->value.evaluate(variables, random);
    } else if (std::holds_alternative<Script::Pause>(step)) {
      out.emplace_back("sleep");
    } else {
      const auto& statement = std::get<Script::Statement>(step);
      out.push_back(parameterised ? statement.to_parameterised() : statement.to_sql(variables));
    }
  }
  return out;
}
std::vector<std::string> run(std::string_view text, bool parameterised = false) {
  const auto script = Script::parse(text);
  EXPECT_TRUE(script) << script.error();
  return script ? run(*script, parameterised) : std::vector<std::string>{};
}
std::string error_of(std::string_view text) {
  const auto script = Script::parse(text);
  return script ? "" : script.error();
}

TEST(Script, SplitsAtSemicolons) {
  EXPECT_THAT(run("begin; select 1 ;\n\n commit"), ElementsAre("begin", "select 1", "commit"));
  EXPECT_THAT(run("select 1;;"), ElementsAre("select 1"));
}

TEST(Script, LeavesQuotesAndCommentsAlone) {
  for (const std::string text :
       {"select ';:x'", "select ':x'';'", "select \"a;:x\"", "select $$a;:x$$",
        "select $q$a;$$:x$q$", "select 1 /* ; /* :x */ ; */", "select 1 -- ;:x\n+ 1",
        "select '2024-01-01'::date", "select a[1:2], 'x'", "/* priority='t1' */ select 1"}) {
    EXPECT_THAT(run(text + ";"), ElementsAre(text));
  }
}

TEST(Script, PutsVariablesIn) {
  EXPECT_THAT(run("\\set a 4\n\\set b :a * (2 + 3) - 1\nselect :a, :b::int, -:a;"),
              ElementsAre("select 4, 19::int, -4"));
  EXPECT_THAT(run("\\set a 4\nselect :a, :a;", /*parameterised=*/true),
              ElementsAre("select $1, $2"));
}

TEST(Script, NegativeValuesNeverMakeAComment) {
  EXPECT_THAT(run("\\set a -5\nselect 3 -:a;"), ElementsAre("select 3 -(-5)"));
}

TEST(Script, RunsCommandsInTheirPlace) {
  EXPECT_THAT(run("-- a remark\n\\set a 1\nbegin;\n\\sleep 10 ms\n  \\set a :a+1\nselect :a;"),
              ElementsAre("begin", "sleep", "select 2"));
  const auto script = Script::parse("\\sleep 1500us\nselect 1");
  EXPECT_EQ(std::get<Script::Pause>(script->steps()[0]).duration, 1500us);
}

TEST(Script, DrawsWithinTheRange) {
  const auto script = Script::parse("\\set a random(3, 5)\nselect :a");
  Random random(1);
  std::vector<std::int64_t> seen;
  for (int i = 0; i < 300; ++i) {
    seen.push_back(std::get<Script::Assignment>(script->steps()[0]).value.evaluate({}, random));
  }
  for (const std::int64_t value : {3, 4, 5}) {
    EXPECT_GT(std::count(seen.begin(), seen.end(), value), 60) << value;
  }
  EXPECT_EQ(std::count_if(seen.begin(), seen.end(), [](auto v) { return v < 3 || v > 5; }), 0);
}

TEST(Script, ArithmeticNeverTraps) {
  EXPECT_THAT(run("\\set m 0 - 9223372036854775807 - 1\n\\set a :m / -1\n\\set b :m % -1\n"
                  "\\set c 1 / 0\n\\set d 1 % 0\n\\set e random(5, 1)\nselect :a :b :c :d :e"),
              ElementsAre("select (-9223372036854775808) 0 0 0 5"));
}

TEST(Script, SaysWhatIsWrongAndWhere) {
  EXPECT_EQ(error_of("select 1;\nselect :x;"), "line 2: variable ':x' is not set");
  EXPECT_EQ(error_of(""), "line 1: the script has no statement");
  EXPECT_EQ(error_of("-- nothing\n/* here */"), "line 2: the script has no statement");
  EXPECT_THAT(error_of("\\sett a 1\nselect 1"), HasSubstr("unknown command '\\sett'"));
  EXPECT_THAT(error_of("\\sleep 10\nselect 1"), HasSubstr("such as 10ms, got '10'"));
  EXPECT_THAT(error_of("\\set\nselect 1"), HasSubstr("expected a name"));
  EXPECT_THAT(error_of("\\set a 1 +\nselect 1"), HasSubstr("but the formula ends"));
  EXPECT_THAT(error_of("\\set a random(1 2)\nselect 1"), HasSubstr("expected ',' at '2)'"));
  EXPECT_THAT(error_of("\\set a 1 2\nselect 1"), HasSubstr("expected an operator at '2'"));
  EXPECT_THAT(error_of("\\set a 99999999999999999999\nselect 1"), HasSubstr("64 bits"));
  EXPECT_THAT(error_of("\\set a " + std::string(1000, '(') + "\nselect 1"), HasSubstr("deep"));
}

TEST(Script, CommentsGoBeforeOrBehindEveryStatement) {
  auto leading = Script::parse("begin; commit");
  leading->add_comment("/* x */", /*leading=*/true);
  EXPECT_THAT(run(*leading), ElementsAre("/* x */ begin", "/* x */ commit"));
  auto trailing = Script::parse("select 1 -- one");
  trailing->add_comment("/* x */", /*leading=*/false);
  EXPECT_THAT(run(*trailing), ElementsAre("select 1 -- one\n/* x */"));
}

}  // namespace
}  // namespace loadline::loadgen
