// SPDX-License-Identifier: Apache-2.0
#include "config/read_signals.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "config/parse.h"
#include "tests/unit/config/problems.h"

namespace loadline::config {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::IsEmpty;

// From line 4 on, each signal on a line of its own.
std::string with_signals(const std::string& signals) {
  return with_upstream("    gate:\n      signals:\n" + signals);
}
std::string line(const std::string& keys) { return "        - {" + keys + "}\n"; }

TEST(ReadSignals, EveryKeyReachesItsField) {
  const auto parsed = parse(
      with_signals(line("name: lag, setpoint: 2.5, hard: 30, concerns: [writes, ddl], "
                        "tiers: {best: t2, worst: t4}, plant: integrating, ttl: 3s, stale: shed, "
                        "stale_ratio: 0.25, hold_for: 20s, dry_run: on") +
                   line("name: balance, setpoint: -5, hard: -1e2, negative_allowed: on, "
                        "concerns: [reads]")),
      "f");
  ASSERT_TRUE(parsed) << to_text(parsed.error().front());
  const SignalOptions lag = {.name = "lag",
                             .setpoint = 2.5,
                             .hard = 30,
                             .reads = false,
                             .tier_best = Tier::t2,
                             .tier_worst = Tier::t4,
                             .plant = SignalPlant::integrating,
                             .ttl = 3s,
                             .stale = SignalStale::shed,
                             .hold_for = 20s,
                             .stale_ratio = 0.25,
                             .dry_run = true};
  const SignalOptions balance = {.name = "balance",
                                 .setpoint = -5,
                                 .hard = -100,
                                 .negative_allowed = true,
                                 .writes = false,
                                 .ddl = false};
  EXPECT_THAT(parsed->upstreams.front().gate.signals, ElementsAre(lag, balance));
}

TEST(ReadSignals, TheRestHasDefaults) {
  const auto parsed = parse(with_signals(line("name: a, setpoint: 1, hard: 2")), "f");
  ASSERT_TRUE(parsed);
  const SignalOptions expected = {.name = "a", .setpoint = 1, .hard = 2};
  EXPECT_THAT(parsed->upstreams.front().gate.signals, ElementsAre(expected));
}

TEST(ReadSignals, NameAndLevelsAreNeeded) {
  EXPECT_THAT(problems(with_signals(line("plant: integrating"))),
              ElementsAre("f:6:11: upstreams.main.gate.signals[0].name is missing; expected what "
                          "those who measure it know it by",
                          "f:6:11: upstreams.main.gate.signals[0].setpoint is missing; expected a "
                          "number, such as 5 or 0.25",
                          "f:6:11: upstreams.main.gate.signals[0].hard is missing; expected a "
                          "number, such as 5 or 0.25"));
}

TEST(ReadSignals, LevelsAreFiniteNumbers) {
  for (const char* const text : {"nan", ".nan", "inf", "-.inf", "1e999", "5s", "five", "''"}) {
    const auto said =
        problems(with_signals(line("name: a, hard: 2, setpoint: " + std::string(text))));
    ASSERT_EQ(said.size(), 1U) << text;
    EXPECT_THAT(said[0], testing::StartsWith("f:6:40: upstreams.main.gate.signals[0].setpoint: "));
    EXPECT_THAT(said[0], testing::EndsWith("; expected a number, such as 5 or 0.25"));
  }
}

TEST(ReadSignals, ValuesHaveTheirForms) {
  const auto said = [](const std::string& keys) {
    return problems(with_signals(line("name: a, setpoint: 1, hard: 2, " + keys)));
  };
  EXPECT_THAT(said("concerns: []"),
              ElementsAre("f:6:43: upstreams.main.gate.signals[0].concerns is empty; expected at "
                          "least one entry"));
  EXPECT_THAT(said("concerns: [write]"),
              ElementsAre("f:6:54: upstreams.main.gate.signals[0].concerns[0]: 'write' is unknown; "
                          "expected 'writes'"));
  EXPECT_THAT(said("stale_ratio: 1.5"),
              ElementsAre("f:6:56: upstreams.main.gate.signals[0].stale_ratio: '1.5' is not valid; "
                          "expected a number from 0 to 1"));
  EXPECT_EQ(said("plant: integrated").size(), 1U);
  EXPECT_EQ(said("stale: keep").size(), 1U);
  EXPECT_EQ(said("ttl: 5").size(), 1U);
  EXPECT_EQ(said("ttl: 1ms").size(), 1U);
  EXPECT_EQ(said("tiers: {best: t9}").size(), 1U);
  EXPECT_EQ(said("tiers: {better: t1}").size(), 1U);
  EXPECT_EQ(said("dry_run: maybe").size(), 1U);
  EXPECT_EQ(said("setpiont: 1").size(), 1U) << "unknown";
}

TEST(ReadSignals, SignalsAreAList) {
  EXPECT_THAT(problems(with_upstream("    gate: {signals: {name: a}}\n")),
              ElementsAre("f:4:12: upstreams.main.gate.signals is a map; expected a list"));
}

TEST(ReadSignals, WhatIsHalfWrongIsNotComparedWithDefaults) {
  EXPECT_THAT(problems(with_signals(line("name: a, setpoint: 1, hard: x"))),
              ElementsAre("f:6:40: upstreams.main.gate.signals[0].hard: 'x' is not valid; expected "
                          "a number, such as 5 or 0.25"));
  EXPECT_THAT(problems(with_signals(line("name: a, setpoint: 5, hard: 30, plant: integrating"))),
              IsEmpty());
}

}  // namespace
}  // namespace loadline::config
