// SPDX-License-Identifier: Apache-2.0
#include "proxy/simulator/recording_summary.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace loadline::simulator {
namespace {

using namespace std::chrono_literals;
using recording::OperationRecord;
using testing::HasSubstr;

TEST(RecordingSummary, CountsByUpstreamAndTier) {
  RecordingSummary summary;
  summary.begin({.started_at_unix_ns = 1'795'255'200'123'456'789,
                 .upstreams = {{.name = "orders"}, {.name = "other"}}});
  using End = OperationRecord::End;
  summary.add({.arrival = 61'500ms,
               .service = 5ms,
               .active = 1,
               .upstream = 1,
               .priority = Priority(Tier::t1, 3),
               .is_transaction = true});
  summary.add({.arrival = 1s,
               .upstream = 1,
               .priority = Priority(Tier::t1, 3),
               .end = End::shed,
               .reason = ShedReason::deadline});
  summary.add(
      {.arrival = 1s, .upstream = 1, .priority = Priority(Tier::t1, 3), .end = End::withdrawn});
  summary.add({.arrival = 1s, .priority = Priority(Tier::t5, 3), .end = End::ridden});
  summary.add(recording::gap_record(7, 2s));
  summary.add(recording::gap_record(9, 3s));
  const std::string text = summary.to_text();
  EXPECT_THAT(text, HasSubstr("begun 2026-11-21T10:00:00Z, last arrival after 61.500 s"));
  EXPECT_THAT(text, HasSubstr("4 operations, 9 more not recorded"));
  EXPECT_THAT(text, testing::ContainsRegex("other +t1 +3 +1 +1 +1 +0 +1 +5.0. +5.0. .*deadline 1"));
  EXPECT_THAT(text, testing::ContainsRegex("orders +t5 +1 +0 +0 +0 +1 "));
  EXPECT_THAT(text, testing::Not(HasSubstr("t0")));
}

}  // namespace
}  // namespace loadline::simulator
