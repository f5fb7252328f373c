// SPDX-License-Identifier: Apache-2.0
// What is said about the form of a file, whatever the keys: positions and words exactly.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/config/problems.h"

namespace loadline::config {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

TEST(YamlMap, AnUnknownKeyIsNamedWithTheNearestKnown) {
  EXPECT_THAT(problems(with_minimum("drain_timeuot: 1s\n")),
              ElementsAre("f:1:1: unknown key 'drain_timeuot'; expected 'drain_timeout'"));
  EXPECT_THAT(problems(with_minimum("log: {colour: red}\n")),
              ElementsAre("f:1:7: unknown key 'colour' in log; expected one of level, format"));
}

TEST(YamlMap, ADuplicateKeyIsReportedAtItsSecondPlace) {
  EXPECT_THAT(problems(with_minimum("workers: 1\nlog: {level: info}\nworkers: 2\n")),
              ElementsAre("f:3:1: workers is there twice; expected it once, first on line 1"));
}

TEST(YamlMap, AWrongShapeIsReported) {
  EXPECT_THAT(problems(with_minimum("workers: [1]\n")),
              ElementsAre("f:1:1: workers is a list; expected a single value"));
  EXPECT_THAT(problems(with_minimum("log: loud\n")),
              ElementsAre("f:1:6: log is a single value; expected a map"));
  EXPECT_THAT(problems(with_minimum("log:\n")),
              ElementsAre("f:1:1: log has no value; expected a map"));
  EXPECT_THAT(problems(with_minimum("drain_timeout:\n")),
              ElementsAre("f:1:1: drain_timeout has no value; expected a single value"));
  EXPECT_THAT(problems(with_minimum("policies: {a: b}\n")),
              ElementsAre("f:1:1: policies is a map; expected a list"));
  EXPECT_THAT(problems(with_minimum("policies: [x]\n")),
              ElementsAre("f:1:12: policies[0] is a single value; expected a map"));
  EXPECT_THAT(problems(with_minimum("[a]: b\n")),
              ElementsAre("f:1:1: a key is a list or a map; expected a name"));
}

TEST(YamlMap, ACountHasItsRange) {
  for (const char* text : {"0", "257", "-1", "1.5", "many", "''", "99999999999999999999"}) {
    const auto found = problems(with_minimum("workers: " + std::string(text) + "\n"));
    ASSERT_EQ(found.size(), 1u) << text;
    EXPECT_THAT(found[0], testing::StartsWith("f:1:10: workers: '")) << text;
    EXPECT_THAT(found[0], testing::EndsWith(
                              "' is not valid; expected auto, or a whole number from 1 to 256"));
  }
  EXPECT_THAT(problems(with_upstream("    pool: {backends_max: 0}\n")),
              ElementsAre("f:4:26: upstreams.main.pool.backends_max: '0' is not valid; expected a "
                          "whole number from 1 to 100000"));
}

TEST(YamlMap, ADurationWithoutAUnitIsHintedAt) {
  EXPECT_THAT(
      problems(with_minimum("drain_timeout: 250\n")),
      ElementsAre("f:1:16: drain_timeout: '250' has no unit; expected a duration from 0s to "
                  "24h, such as 250ms"));
  EXPECT_THAT(problems(with_upstream("    connect_timeout: 5\n")),
              ElementsAre("f:4:22: upstreams.main.connect_timeout: '5' has no unit; expected a "
                          "duration from 10ms to 10m, such as 5s"));
}

TEST(YamlMap, ADurationHasItsRange) {
  EXPECT_THAT(problems(with_minimum("drain_timeout: 25h\n")),
              ElementsAre("f:1:16: drain_timeout: '25h' is not valid; expected a duration from 0s "
                          "to 24h, such as 250ms"));
  EXPECT_THAT(problems(with_minimum("drain_timeout: soon\n")),
              ElementsAre("f:1:16: drain_timeout: 'soon' is not valid; expected a duration from 0s "
                          "to 24h, such as 250ms"));
}

TEST(YamlMap, ANameIsOneOfItsNames) {
  EXPECT_THAT(problems(with_minimum("log: {level: wran}\n")),
              ElementsAre("f:1:14: log.level: 'wran' is unknown; expected 'warn'"));
}

TEST(YamlMap, ATextIsNotEmpty) {
  EXPECT_THAT(problems(with_minimum("tags: {tier: ''}\n")),
              ElementsAre("f:1:14: tags.tier: '' is not valid; expected some text"));
}

TEST(YamlMap, AnchorsMayBeUsed) {
  EXPECT_THAT(problems("listeners: [{listen: '127.0.0.1:1', upstream: a}]\n"
                       "upstreams:\n"
                       "  a: {primary: '127.0.0.1:5', gate: &g {deadline: 2s}}\n"
                       "  b: {primary: '127.0.0.1:6', gate: *g}\n"),
              IsEmpty());
}

}  // namespace
}  // namespace loadline::config
