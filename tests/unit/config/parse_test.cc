// SPDX-License-Identifier: Apache-2.0
#include "config/parse.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/config/problems.h"

namespace loadline::config {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

GateOptions gate_of(const std::string& gate) {
  const auto parsed = parse(with_upstream("    gate: " + gate + "\n"), "f");
  if (!parsed) {
    ADD_FAILURE() << to_text(parsed.error().front());
    return {};
  }
  return parsed->upstreams[0].gate;
}

TEST(Parse, TheLeastThatWorksLeavesEverythingElseAtItsDefault) {
  const auto parsed = parse(with_minimum(""), "f");
  ASSERT_TRUE(parsed) << to_text(parsed.error().front());
  Config expected;
  expected.listeners = {
      {.name = "main", .listen = {.host = "127.0.0.1", .port = 6432}, .upstream = "main"}};
  expected.upstreams = {{.name = "main", .primary = {.host = "127.0.0.1", .port = 5432}}};
  EXPECT_EQ(*parsed, expected);
}

TEST(Parse, EveryKeyReachesItsField) {
  const auto parsed = parse(R"(
log: {level: debug, format: json}
admin: {listen: "unix:/a"}
workers: 3
drain_timeout: 4s
state_file: /var/lib/loadline/state.json
listeners:
  - {name: n, protocol: postgres, listen: "[::1]:1", upstream: u, clients_max: 5, login_timeout: 6s}
upstreams:
  u:
    primary: "unix:/b"
    connect_timeout: 7s
    cancel_timeout: 8s
    pool: {mode: session, backends_max: 9}
    gate: {limit: {min: 10, max: 30, initial: 20}, deadline: 11s, wait_max: 12s,
           pressure_after: 13s, waiting_max: 14, starvation_floor_percent: 15}
    refusal: {sqlstate: "40001"}
)",
                            "f");
  ASSERT_TRUE(parsed) << to_text(parsed.error().front());
  EXPECT_EQ(parsed->log, (Log{LogLevel::debug, LogFormat::json}));
  EXPECT_EQ(parsed->admin.listen, Endpoint{.unix_path = "/a"});
  EXPECT_EQ(parsed->workers, 3u);
  EXPECT_EQ(parsed->drain_timeout, 4s);
  EXPECT_EQ(parsed->state_file, "/var/lib/loadline/state.json");
  EXPECT_THAT(parsed->listeners, ElementsAre(Listener{.name = "n",
                                                      .listen = {.host = "::1", .port = 1},
                                                      .upstream = "u",
                                                      .clients_max = 5,
                                                      .login_timeout = 6s}));
  Upstream upstream{.name = "u",
                    .primary = {.unix_path = "/b"},
                    .connect_timeout = 7s,
                    .cancel_timeout = 8s,
                    .pool = {.backends_max = 9},
                    .refusal = {"40001"}};
  upstream.gate = {.limit_mode = LimitMode::automatic,
                   .limit_initial = 20,
                   .limit_min = 10,
                   .limit_max = 30,
                   .deadline = 11s,
                   .wait_max = 12s,
                   .pressure_after = 13s,
                   .waiting_max = 14,
                   .starvation_floor_percent = 15};
  EXPECT_THAT(parsed->upstreams, ElementsAre(upstream));
}

TEST(Parse, TheLimitIsAutomaticFixedOrBounded) {
  EXPECT_EQ(gate_of("{limit: auto}"), GateOptions{});
  const GateOptions fixed = gate_of("{limit: 7}");
  EXPECT_EQ(fixed.limit_mode, LimitMode::fixed);
  EXPECT_EQ(fixed.limit_initial, 7u);
  const GateOptions bounded = gate_of("{limit: {min: 30, max: 60}}");
  EXPECT_EQ(bounded.limit_mode, LimitMode::automatic);
  EXPECT_EQ(bounded.limit_initial, 30u);  // The default, moved inside.
  EXPECT_EQ(gate_of("{limit: {max: 10}}").limit_initial, 10u);
  EXPECT_EQ(gate_of("{waiting_max: auto}").waiting_max, 0u);
}

TEST(Parse, ALimitOfAnotherFormIsReported) {
  EXPECT_THAT(
      problems(with_upstream("    gate: {limit: none}\n")),
      ElementsAre("f:4:19: upstreams.main.gate.limit: 'none' is not valid; expected auto, or "
                  "a whole number from 1 to 100000, or {law: , min: , max: , initial: }"));
  EXPECT_THAT(problems(with_upstream("    gate: {limit: [1]}\n")),
              ElementsAre("f:4:12: upstreams.main.gate.limit is a list; expected a single value"));
}

TEST(Parse, TheAdminServerCanBeLeftOut) {
  const auto parsed = parse(with_minimum("admin: {listen: none}\nworkers: auto\n"), "f");
  ASSERT_TRUE(parsed);
  EXPECT_EQ(parsed->admin.listen, std::nullopt);
  EXPECT_EQ(parsed->workers, 0u);
  EXPECT_THAT(
      problems(with_minimum("admin: {listen: off}\n")),
      ElementsAre("f:1:17: admin.listen: 'off' is not valid; expected an address such as "
                  "127.0.0.1:5432, [::1]:5432, db.internal:5432 or unix:/path/to/socket, or "
                  "none"));
}

TEST(Parse, WhatIsMissingIsReportedWhereItBelongs) {
  EXPECT_THAT(
      problems("listeners:\n  - {name: a}\nupstreams:\n  u: {}\n"),
      ElementsAre(HasSubstr("f:2:5: listeners[0].listen is missing; expected an address"),
                  "f:2:5: listeners[0].upstream is missing; expected the name of an upstream",
                  HasSubstr("f:4:6: upstreams.u.primary is missing; expected an address")));
  EXPECT_THAT(
      problems("workers: 1\n"),
      ElementsAre("f:1:1: listeners is missing; expected a list of where to listen",
                  "f:1:1: upstreams is missing; expected a map of the databases to protect, "
                  "by name"));
}

TEST(Parse, ThereIsAListener) {
  EXPECT_THAT(problems("listeners: []\nupstreams: {u: {primary: 'a:1'}}\n"),
              ElementsAre("f:1:1: listeners is empty; expected at least one entry"));
}

TEST(Parse, ADatabaseHasAPort) {
  EXPECT_THAT(problems("listeners: [{listen: '127.0.0.1:0', upstream: u}]\n"
                       "upstreams: {u: {primary: 'db:0'}}\n"),
              ElementsAre(HasSubstr("f:2:26: upstreams.u.primary: 'db:0' is not valid; expected an "
                                    "address")));
}

TEST(Parse, EveryProblemIsReportedInTheOrderOfTheFile) {
  EXPECT_THAT(problems("workers: x\n"
                       "listeners: [{listen: '127.0.0.1:1', upstream: nowhere}]\n"
                       "upstreams: {main: {primary: x, pol: {}}}\n"
                       "default_tier: t7\n"),
              ElementsAre(HasSubstr("f:1:10: workers"),
                          "f:2:37: listeners[0].upstream: there is no upstream 'nowhere'; expected "
                          "main",
                          HasSubstr("f:3:29: upstreams.main.primary"),
                          "f:3:32: unknown key 'pol' in upstreams.main; expected 'pool'",
                          HasSubstr("f:4:15: default_tier: 't7'")));
}

TEST(Parse, BrokenYamlIsReportedWithItsPlace) {
  EXPECT_THAT(problems("a: [1\nb: 2\n"),
              ElementsAre("f:2:2: not well-formed: end of sequence flow not found; expected YAML"));
  EXPECT_THAT(problems("a: b: c\n"), ElementsAre(HasSubstr("f:1:5: not well-formed: ")));
  EXPECT_THAT(problems("a: *nowhere\n"), ElementsAre(HasSubstr("not well-formed: ")));
}

TEST(Parse, AFileWithoutAMapIsReported) {
  EXPECT_THAT(problems(""), ElementsAre(HasSubstr("the file has no value; expected a map")));
  EXPECT_THAT(problems("# nothing\n"), ElementsAre(HasSubstr("the file has no value")));
  EXPECT_THAT(problems("- a\n"), ElementsAre("f:1:1: the file is a list; expected a map"));
  EXPECT_THAT(problems("hello\n"),
              ElementsAre("f:1:1: the file is a single value; expected a map"));
}

TEST(Parse, AStrayCommaEndsTheReading) {
  EXPECT_THAT(problems(with_minimum("") + ",\n"), Not(IsEmpty()));
  EXPECT_THAT(problems("#\n\n,\na\n"), Not(IsEmpty()));
}

TEST(Parse, ASecondDocumentIsNotSilentlyIgnored) {
  EXPECT_THAT(problems(with_minimum("") + "---\nworkers: 1\n"),
              ElementsAre("f:3:1: a second document begins; expected one in the file"));
}

TEST(Parse, DeepNestingAndGarbageOnlyMakeProblems) {
  EXPECT_FALSE(problems(std::string(20'000, '[')).empty());
  EXPECT_FALSE(problems(std::string("\0\1\2\xff\xfe", 5)).empty());
  // Every cut of a right file is either right or reported.
  const std::string whole = with_upstream("    gate: {limit: {min: 10, max: 30}}\n");
  for (std::size_t size = 0; size < whole.size(); ++size) (void)problems(whole.substr(0, size));
}

}  // namespace
}  // namespace loadline::config
