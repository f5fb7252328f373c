// SPDX-License-Identifier: Apache-2.0
#include "config/parse.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/config/problems.h"

namespace loadline::config {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;

TEST(ReadPolicy, EveryKeyReachesItsField) {
  const auto parsed = parse(with_minimum(R"(
default_tier: t4
tags: {tier: importance, deadline: budget}
policies:
  - match: {user: u, database: d, application: a, address: 10.0.0.0/8, comment.job: "j*", comment.k: v}
    tier: t1
    tenant: acme
    deadline: 2s
    dry_run: on
  - {match: {}}
tenants: {from: [comment.org, user, database, application, address]}
ceilings: [{user: "x*", best: t2}]
)"),
                            "f");
  ASSERT_TRUE(parsed) << to_text(parsed.error().front());
  Policy expected;
  expected.default_tier = Tier::t4;
  expected.tier_comment_key = "importance";
  expected.deadline_comment_key = "budget";
  expected.rules = {{.match = {.user = "u",
                               .database = "d",
                               .application = "a",
                               .address = AddressRange{.address = {10, 0, 0, 0}, .prefix_bits = 8},
                               .comment = {{"job", "j*"}, {"k", "v"}}},
                     .tier = Tier::t1,
                     .tenant = "acme",
                     .deadline = 2s,
                     .dry_run = true},
                    {}};
  using Kind = TenantSource::Kind;
  expected.tenant_from = {
      {Kind::comment, "org"}, {Kind::user}, {Kind::database}, {Kind::application}, {Kind::address}};
  expected.ceilings = {{.user = "x*", .best = Tier::t2}};
  EXPECT_EQ(parsed->policy, expected);
}

TEST(ReadPolicy, ARuleNeedsAMatchThoughItMayBeEmpty) {
  EXPECT_THAT(problems(with_minimum("policies: [{tier: t1}]\n")),
              ElementsAre("f:1:12: policies[0].match is missing; expected a map of patterns; {} "
                          "matches everything"));
}

TEST(ReadPolicy, ValuesHaveTheirForms) {
  EXPECT_THAT(problems(with_minimum("policies: [{match: {address: 10.0.0.0/33}}]\n")),
              ElementsAre("f:1:30: policies[0].match.address: '10.0.0.0/33' is not valid; expected "
                          "10.0.0.0/8, fd00::/8, a single address, or unix"));
  EXPECT_THAT(problems(with_minimum("policies: [{match: {}, tier: high}]\n")),
              ElementsAre("f:1:30: policies[0].tier: 'high' is not valid; expected a tier from t0 "
                          "(most important) to t5"));
  EXPECT_THAT(problems(with_minimum("policies: [{match: {}, tenant: ''}]\n")),
              ElementsAre("f:1:32: policies[0].tenant: '' is not valid; expected a name"));
  EXPECT_THAT(problems(with_minimum("policies: [{match: {}, deadline: 5}]\n")),
              ElementsAre("f:1:34: policies[0].deadline: '5' has no unit; expected a duration from "
                          "1ms to 1h, such as 5ms"));
  EXPECT_THAT(problems(with_minimum("tenants: {from: [host]}\n")),
              ElementsAre("f:1:18: tenants.from[0]: 'host' is not valid; expected user, database, "
                          "application, address, or comment.KEY"));
  EXPECT_THAT(problems(with_minimum("ceilings: [{}]\n")),
              ElementsAre("f:1:12: ceilings[0].user is missing; expected a pattern of user names",
                          "f:1:12: ceilings[0].best is missing; expected a tier from t0 (most "
                          "important) to t5"));
}

}  // namespace
}  // namespace loadline::config
