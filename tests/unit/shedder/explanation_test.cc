// SPDX-License-Identifier: Apache-2.0
#include "shedder/explanation.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace loadline {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

GateSnapshot calm() {
  GateSnapshot gate;
  gate.active = 3;
  gate.limit = {.limit = 20, .reason = "app_limited"};
  for (auto& of_demand : gate.passing) of_demand.fill(1);
  return gate;
}

TEST(Explanation, OfACalmGate) {
  const Explanation explanation = explain(calm());
  EXPECT_EQ(explanation.binding, Binding::nothing);
  EXPECT_EQ(explanation.sentence,
            "everything is admitted at once: 3 active at a limit of 20.0 (app_limited), 0 waiting");
}

TEST(Explanation, OfAFullOne) {
  GateSnapshot gate = calm();
  gate.active = 20;
  gate.waiting = 5;
  gate.held = 2;
  EXPECT_EQ(explain(gate).binding, Binding::limit);
  EXPECT_THAT(explain(gate).sentence, HasSubstr("5 waiting, 2 held"));
}

TEST(Explanation, SaysWhichTiersPass) {
  GateSnapshot gate = calm();
  gate.rejection_ratio[0] = 0.4;
  gate.passing[0] = {1, 1, 1, 0.4, 0.01, 0.01};
  gate.passing[1] = {1, 0, 0, 0, 0, 0};
  const Explanation explanation = explain(gate);
  EXPECT_EQ(explanation.binding, Binding::rejector);
  EXPECT_THAT(explanation.sentence, HasSubstr("of read operations t0 to t2 and 40% of t3 pass; of "
                                              "write operations t0 pass:"));
}

TEST(Explanation, SaysWhenNothingPasses) {
  GateSnapshot gate = calm();
  gate.rejection_ratio[0] = 0.98;
  gate.passing[0] = {};
  EXPECT_THAT(explain(gate).sentence, HasSubstr("of read operations nothing pass"));
}

TEST(Explanation, NamesTheSignal) {
  GateSnapshot gate = calm();
  gate.signals.signals.push_back({.name = "replica_lag", .value = 7.25});
  gate.signals.binding[1] = {.ratio = 0.6, .signal = 0};
  const Explanation explanation = explain(gate);
  EXPECT_EQ(explanation.binding, Binding::signal);
  EXPECT_THAT(explanation.sentence,
              StartsWith("signal replica_lag is at 7.2: of write operations 60% are refused: "));
}

TEST(Explanation, NamesCaps) {
  GateSnapshot gate = calm();
  gate.waiting = 5;
  gate.scorecards.push_back({.name = "per-tenant", .cap = 3});
  gate.scorecards.push_back({.name = "for-show", .cap = 1, .dry_run = true});
  gate.capped_fingerprints = 2;
  const Explanation explanation = explain(gate);
  EXPECT_EQ(explanation.binding, Binding::scorecards);
  EXPECT_THAT(explanation.sentence,
              HasSubstr("; scorecard per-tenant caps each party at 3; 2 kinds "
                        "of statement are capped"));
}

TEST(Explanation, OfADryRunAStallAndADrain) {
  GateSnapshot gate = calm();
  gate.dry_run = true;
  EXPECT_THAT(explain(gate).sentence, StartsWith("dry run, nothing is enforced: "));
  gate.is_stalled = true;
  EXPECT_EQ(explain(gate).binding, Binding::stalled);
  gate.draining = true;
  EXPECT_EQ(explain(gate).binding, Binding::draining);
}

}  // namespace
}  // namespace loadline
