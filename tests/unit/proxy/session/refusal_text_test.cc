// SPDX-License-Identifier: Apache-2.0
#include "proxy/session/refusal_text.h"

#include <gtest/gtest.h>

#include <chrono>
#include <string>

namespace loadline::session {
namespace {

using namespace std::chrono_literals;

TEST(RefusalText, CarriesTheNumbersBehindTheVerdict) {
  const Verdict verdict{.kind = Verdict::Kind::shed,
                        .reason = ShedReason::queue_timeout,
                        .active = 4,
                        .waiting = 12,
                        .limit = 4.5,
                        .waited = 101ms,
                        .retry_after = 137ms};
  Classification operation;
  operation.profile.priority = Priority(Tier::t4, 3);
  operation.tenant = TenantName("acme");
  const RefusalText text(verdict, operation);
  EXPECT_EQ(text.detail(),
            "reason=queue_timeout tier=t4 tenant=acme limit=4.5 active=4 waiting=12 waited_ms=101");
  EXPECT_EQ(text.hint(), "retry_after_ms=137");
}

TEST(RefusalText, SaysWhereTheThresholdIs) {
  const Verdict verdict{.kind = Verdict::Kind::shed,
                        .reason = ShedReason::overload,
                        .threshold = 3 * kCohortCount + 17,
                        .retry_after = 50ms,
                        .may_retry = false};
  const RefusalText text(verdict, Classification{});
  EXPECT_NE(text.detail().find(" threshold=t3.17"), std::string::npos) << text.detail();
  EXPECT_EQ(text.hint(), "retry_after_ms=50 retry=no");
}

TEST(RefusalText, NamesTheScorecardAndItsCap) {
  const Verdict verdict{.kind = Verdict::Kind::shed,
                        .reason = ShedReason::scorecard,
                        .cap = 12,
                        .retry_after = 50ms,
                        .by = "per-tenant"};
  const RefusalText text(verdict, Classification{});
  EXPECT_NE(text.detail().find(" scorecard=per-tenant cap=12"), std::string::npos) << text.detail();
}

TEST(RefusalText, NamesTheSignalThatBinds) {
  const Verdict verdict{.kind = Verdict::Kind::shed,
                        .reason = ShedReason::signal,
                        .active = 4,
                        .limit = 4.5,
                        .retry_after = 1200ms,
                        .by = "replica_lag"};
  Classification operation;
  operation.tenant = TenantName("acme");
  const RefusalText text(verdict, operation);
  EXPECT_EQ(text.detail(),
            "reason=signal tier=t3 tenant=acme limit=4.5 active=4 waiting=0 waited_ms=0 "
            "signal=replica_lag");
  EXPECT_EQ(text.hint(), "retry_after_ms=1200");
}

TEST(RefusalText, NeverAdvisesToRetryAtOnce) {
  EXPECT_EQ(RefusalText(Verdict{}, Classification{}).hint(), "retry_after_ms=1");
}

TEST(RefusalText, TheLongestTenantFits) {
  Classification operation;
  operation.tenant = TenantName(std::string(200, 'x'));
  const std::string longest_signal(63, 's');
  const RefusalText text(Verdict{.reason = ShedReason::signal,
                                 .limit = 1e9,
                                 .waited = std::chrono::hours(1000),
                                 .by = longest_signal},
                         operation);
  EXPECT_NE(text.detail().find("waited_ms=3600000000"), std::string::npos);
  EXPECT_EQ(text.hint(), "retry_after_ms=1");
}

}  // namespace
}  // namespace loadline::session
