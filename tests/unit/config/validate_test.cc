// SPDX-License-Identifier: Apache-2.0
#include "config/validate.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/config/problems.h"

namespace loadline::config {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

std::string with_listeners(const std::string& lines) {
  return "listeners:\n" + lines + "upstreams: {main: {primary: '127.0.0.1:5432'}}\n";
}

TEST(Validate, AListenerNeedsAnUpstreamThatExists) {
  EXPECT_THAT(problems(with_listeners("  - {listen: '127.0.0.1:1', upstream: mian}\n")),
              ElementsAre("f:2:29: listeners[0].upstream: there is no upstream 'mian'; expected "
                          "'main'"));
}

TEST(Validate, ListenersHaveNamesOfTheirOwn) {
  EXPECT_THAT(problems(with_listeners("  - {listen: '127.0.0.1:1', upstream: main}\n"
                                      "  - {listen: '127.0.0.1:2', upstream: main}\n")),
              ElementsAre("f:3:5: listeners[1].name: 'main' is the name of another listener; "
                          "expected one of its own (by default it is the upstream's)"));
  EXPECT_THAT(problems(with_listeners("  - {listen: '127.0.0.1:1', upstream: main}\n"
                                      "  - {listen: '127.0.0.1:2', upstream: main, name: b}\n")),
              IsEmpty());
}

TEST(Validate, AnAddressIsTakenOnce) {
  EXPECT_THAT(problems(with_listeners("  - {listen: '127.0.0.1:1', upstream: main}\n"
                                      "  - {listen: '127.0.0.1:1', upstream: main, name: b}\n")),
              ElementsAre("f:3:6: listeners[1].listen: '127.0.0.1:1' is taken by "
                          "listeners[0].listen; expected an address of its own"));
  EXPECT_THAT(problems(with_listeners("  - {listen: '127.0.0.1:9930', upstream: main}\n")),
              ElementsAre("f:2:6: listeners[0].listen: '127.0.0.1:9930' is taken by admin.listen; "
                          "expected an address of its own"));
  EXPECT_THAT(problems(with_listeners("  - {listen: '127.0.0.1:0', upstream: main}\n"
                                      "  - {listen: '127.0.0.1:0', upstream: main, name: b}\n")),
              IsEmpty());
}

TEST(Validate, WeAreNotOurOwnDatabase) {
  EXPECT_THAT(problems(with_listeners("  - {listen: '127.0.0.1:5432', upstream: main}\n")),
              ElementsAre("f:3:20: upstreams.main.primary: '127.0.0.1:5432' is our own "
                          "listeners[0].listen; expected the database's address"));
}

TEST(Validate, TheBoundsOfTheLimitAreInOrder) {
  EXPECT_THAT(
      problems(with_upstream("    gate: {limit: {min: 50, max: 10}}\n")),
      ElementsAre("f:4:20: upstreams.main.gate.limit.min: 50 is above limit.max; expected at "
                  "most 10"));
  EXPECT_THAT(
      problems(with_upstream("    gate: {limit: {min: 2000}}\n")),
      ElementsAre("f:4:20: upstreams.main.gate.limit.min: 2000 is above limit.max; expected "
                  "at most 1000"));
  EXPECT_THAT(
      problems(with_upstream("    gate: {limit: {min: 5, max: 9, initial: 10}}\n")),
      ElementsAre("f:4:36: upstreams.main.gate.limit.initial: 10 is outside of limit.min and "
                  "limit.max; expected from 5 to 9"));
  // One of the bounds is wrong in itself: nothing can be said of the other.
  EXPECT_EQ(problems(with_upstream("    gate: {limit: {min: 2000, max: many}}\n")).size(), 1u);
}

// One signal on line 4, with a name of its own.
std::string with_signal(const std::string& keys) {
  return with_upstream("    gate: {signals: [{name: a, " + keys + "}]}\n");
}

TEST(Validate, ASignalHasTwoLevels) {
  EXPECT_THAT(problems(with_signal("setpoint: 5, hard: 5")),
              ElementsAre("f:4:45: upstreams.main.gate.signals[0].hard: 5 is the setpoint, too; "
                          "expected a value at which all that is concerned is shed"));
  EXPECT_THAT(problems(with_signal("setpoint: 20, hard: 10")), IsEmpty()) << "bad when it falls";
  EXPECT_THAT(problems(with_signal("setpoint: 5, hard: -1")),
              ElementsAre("f:4:45: upstreams.main.gate.signals[0].hard: negative; expected 0 or "
                          "more, or negative_allowed: on"));
  EXPECT_THAT(problems(with_signal("setpoint: -5, hard: 1, negative_allowed: on")), IsEmpty());
}

TEST(Validate, AnIntegratingSignalHasRoomBetweenItsLevels) {
  EXPECT_THAT(problems(with_signal("setpoint: 5, hard: 14, plant: integrating")),
              ElementsAre("f:4:45: upstreams.main.gate.signals[0].hard: 14 is met by ordinary "
                          "transients; expected at least 15: three times the setpoint, and 4 "
                          "seconds"));
  EXPECT_EQ(problems(with_signal("setpoint: 1, hard: 3.5, plant: integrating")).size(), 1U);
  EXPECT_EQ(problems(with_signal("setpoint: 0, hard: 30, plant: integrating")).size(), 1U);
  EXPECT_EQ(problems(with_signal("setpoint: 5, hard: 2, plant: integrating")).size(), 1U);
  EXPECT_THAT(problems(with_signal("setpoint: 1, hard: 4, plant: integrating")), IsEmpty());
}

TEST(Validate, ASignalsTiersAreInOrder) {
  EXPECT_THAT(problems(with_signal("setpoint: 5, hard: 9, tiers: {best: t4, worst: t2}")),
              ElementsAre("f:4:62: upstreams.main.gate.signals[0].tiers.best: 't4' is worse than "
                          "tiers.worst; expected 't2' or better"));
}

TEST(Validate, SignalsHaveNamesOfTheirOwn) {
  EXPECT_THAT(problems(with_upstream("    gate: {signals: [{name: a, setpoint: 1, hard: 2},\n"
                                     "      {name: a, setpoint: 1, hard: 2}]}\n")),
              ElementsAre("f:5:8: upstreams.main.gate.signals[1].name: 'a' is the name of another "
                          "signal; expected one of its own"));
  EXPECT_EQ(problems(with_upstream("    gate: {signals: [{name: 'a b', setpoint: 1, hard: 2}]}\n"))
                .size(),
            1U);
  EXPECT_EQ(problems(with_upstream("    gate: {limit: 5, signals: [{name: a, setpoint: 1, hard: "
                                   "1}]}\n"))
                .size(),
            1U)
      << "with a fixed limit, too";
}

TEST(Validate, SignalsAreBounded) {
  const auto with_count = [](std::size_t count) {
    std::string signals;
    for (std::size_t i = 0; i < count; ++i) {
      signals += "      - {name: s" + std::to_string(i) + ", setpoint: 1, hard: 2}\n";
    }
    return problems(with_upstream("    gate:\n     signals:\n" + signals));
  };
  EXPECT_THAT(with_count(kSignalsMax), IsEmpty());
  EXPECT_THAT(with_count(kSignalsMax + 1),
              ElementsAre("f:38:9: upstreams.main.gate.signals[32]: too many signals; expected at "
                          "most 32"));
}

TEST(Validate, TheSqlstateIsAnErrorCode) {
  for (const char* code : {"5300", "530000", "5300a", "53-00", "00000", "01000", "02000"}) {
    EXPECT_THAT(problems(with_upstream(std::string("    refusal: {sqlstate: '") + code + "'}\n")),
                ElementsAre(std::string("f:4:15: upstreams.main.refusal.sqlstate: '") + code +
                            "' is not an error code; expected five of 0-9 and A-Z, not beginning "
                            "with 00, 01 or 02, such as 53000"));
  }
  EXPECT_THAT(problems(with_upstream("    refusal: {sqlstate: 'XX001'}\n")), IsEmpty());
}

TEST(Validate, NamesAreFitForLabels) {
  EXPECT_THAT(problems("listeners: [{listen: '127.0.0.1:1', upstream: 'a b', name: c}]\n"
                       "upstreams: {'a b': {primary: 'a:1'}}\n"),
              ElementsAre("f:2:13: upstreams.a b: 'a b' is not a name; expected 1 to 63 letters, "
                          "digits, '_', '-' or '.'"));
}

TEST(Validate, RulesThatMatchCommentsAreBounded) {
  std::string rules = "policies:\n";
  for (std::size_t i = 0; i < kCommentRulesMax; ++i) rules += "  - {match: {comment.a: b}}\n";
  EXPECT_THAT(problems(with_minimum(rules)), IsEmpty());
  EXPECT_THAT(
      problems(with_minimum(rules + "  - {match: {comment.a: b}}\n")),
      ElementsAre("f:258:6: policies[256].match: too many rules match comments; expected at "
                  "most 256"));
}

}  // namespace
}  // namespace loadline::config
