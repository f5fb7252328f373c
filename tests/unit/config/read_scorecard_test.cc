// SPDX-License-Identifier: Apache-2.0
#include "config/read_scorecard.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/config/problems.h"

namespace loadline::config {
namespace {

using testing::ElementsAre;
using Kind = Scorecard::Party::Kind;
using Unit = ScorecardCap::Unit;

TEST(ReadScorecard, EveryKeyReachesItsField) {
  const auto parsed = parse(with_minimum(R"(
scorecards:
  - name: per-tenant
    each: tenant
    match: {user: "app*"}
    class: write
    tiers: {best: t2, worst: t4}
    active_max: 50%
    pressure_active_max: 2x
    waiting_max: 100
    weights: [{match: "gold*", weight: 4}, {match: "silver*", weight: 1.5}]
    dry_run: true
  - {name: jobs, each: comment.job, active_max: 3}
  - {name: everything, each: all, active_max: 2.5x}
)"),
                            "f");
  ASSERT_TRUE(parsed) << to_text(parsed.error().front());
  const std::vector<Scorecard> expected = {
      {.each = {Kind::tenant, {}},
       .match = {.user = "app*"},
       .operation_class = OperationClass::write,
       .best = Tier::t2,
       .worst = Tier::t4,
       .weights = {"gold*", "silver*"},
       .gate = {.name = "per-tenant",
                .active_max = ScorecardCap{Unit::limit_share, 0.5},
                .pressure_active_max = ScorecardCap{Unit::fair_share, 2},
                .waiting_max = 100,
                .weights = {1, 4, 1.5},
                .dry_run = true}},
      {.each = {Kind::comment, "job"},
       .gate = {.name = "jobs", .active_max = ScorecardCap{Unit::operations, 3}}},
      {.each = {Kind::all, {}},
       .gate = {.name = "everything", .active_max = ScorecardCap{Unit::fair_share, 2.5}}}};
  EXPECT_EQ(parsed->policy.scorecards, expected);
  ASSERT_EQ(parsed->upstreams.at(0).gate.scorecards.size(), 3U) << "every gate has them";
  EXPECT_EQ(parsed->upstreams[0].gate.scorecards[1].name, "jobs");
}

TEST(ReadScorecard, NeedsANameAPartyAndACap) {
  EXPECT_THAT(
      problems(with_minimum("scorecards: [{}]\n")),
      ElementsAre("f:1:14: scorecards[0].name is missing; expected a name",
                  "f:1:14: scorecards[0].each is missing; expected tenant, user, database, "
                  "application, address, fingerprint, comment.KEY, or all",
                  "f:1:14: scorecards[0]: no cap; expected active_max or pressure_active_max",
                  testing::HasSubstr("'' is not a name")));
}

TEST(ReadScorecard, RefusesCapsThatMakeNoSense) {
  for (const std::string cap : {"0", "-1", "1e3", "101%", "0x", "x", "nan", "50 %", "99999999"}) {
    const auto found =
        problems(with_minimum("scorecards: [{name: a, each: user, active_max: '" + cap + "'}]\n"));
    ASSERT_EQ(found.size(), 1U) << cap;
    EXPECT_THAT(found[0],
                testing::HasSubstr("expected operations (20), a share of the limit (50%)"));
  }
}

TEST(ReadScorecard, RefusesTiersInTheWrongOrder) {
  EXPECT_THAT(problems(with_minimum("scorecards: [{name: a, each: user, active_max: 1, tiers: "
                                    "{best: t4, worst: t2}}]\n")),
              ElementsAre("f:1:58: scorecards[0].tiers: 't2' is better than 't4'; expected best to "
                          "be at most worst"));
}

TEST(ReadScorecard, RefusesMoreWeightsThanAreToldApart) {
  std::string weights;
  for (int i = 0; i < 4; ++i) weights += "{match: a" + std::to_string(i) + ", weight: 2}, ";
  EXPECT_THAT(
      problems(with_minimum("scorecards: [{name: a, each: user, active_max: 1x, weights: [" +
                            weights + "]}]\n")),
      ElementsAre(testing::HasSubstr("scorecards[0].weights[3]: too many; expected at most 3")));
}

}  // namespace
}  // namespace loadline::config
