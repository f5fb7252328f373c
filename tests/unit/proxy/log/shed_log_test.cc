// SPDX-License-Identifier: Apache-2.0
#include "proxy/log/shed_log.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <string>

namespace loadline::log {
namespace {

using namespace std::chrono_literals;
using ::testing::EndsWith;
using ::testing::HasSubstr;

constexpr TimePoint kStart{1h};

Verdict shed(ShedReason reason) {
  return {.kind = Verdict::Kind::shed,
          .reason = reason,
          .active = 20,
          .waiting = 7,
          .limit = 20.5,
          .waited = 100ms,
          .retry_after = 250ms};
}

TEST(ShedLog, SaysWhoWasShedAndOnWhatNumbers) {
  ShedLog log("orders");
  ::testing::internal::CaptureStderr();
  log.write(shed(ShedReason::queue_timeout),
            {.tier = Tier::t4, .tenant = "acme\n", .client = "10.0.0.7:4711"}, kStart);
  EXPECT_THAT(::testing::internal::GetCapturedStderr(),
              EndsWith("info  gate   operation shed upstream=orders reason=queue_timeout tier=t4 "
                       "tenant=\"acme\\n\" client=10.0.0.7:4711 active=20 waiting=7 limit=20.5 "
                       "waited=0.1 retry_after=0.25\n"));
}

TEST(ShedLog, NamesTheSignalThatBinds) {
  ShedLog log("orders");
  ::testing::internal::CaptureStderr();
  Verdict verdict = shed(ShedReason::signal);
  verdict.by = "replica_lag";
  log.write(verdict, {}, kStart);
  const auto out = ::testing::internal::GetCapturedStderr();
  EXPECT_THAT(out, HasSubstr(" reason=signal "));
  EXPECT_THAT(out, EndsWith(" retry_after=0.25 signal=replica_lag\n"));
}

TEST(ShedLog, SaysThatADryRunShedNothing) {
  ShedLog log("orders");
  ::testing::internal::CaptureStderr();
  log.write({.kind = Verdict::Kind::admit, .rehearsed = ShedReason::overload}, {}, kStart);
  EXPECT_THAT(::testing::internal::GetCapturedStderr(),
              HasSubstr("operation would be shed, dry run upstream=orders reason=overload "));
}

TEST(ShedLog, AStormOfOneReasonNeitherFloodsNorHidesAnother) {
  ShedLog log("orders");
  ::testing::internal::CaptureStderr();
  for (int i = 0; i < 10'000; ++i) {
    log.write(shed(ShedReason::queue_timeout), {}, kStart + i * 100us);
  }
  log.write(shed(ShedReason::draining), {}, kStart + 1s);
  log.write(shed(ShedReason::queue_timeout), {}, kStart + 10s);
  const auto out = ::testing::internal::GetCapturedStderr();

  // Two at once, one at 500 ms; 10,000 in one second.
  EXPECT_EQ(std::count(out.begin(), out.end(), '\n'), 3 + 1 + 1);
  EXPECT_THAT(out, HasSubstr("reason=draining"));
  std::uint64_t accounted = 0;
  for (std::size_t at = 0; (at = out.find("unlogged=", at)) != out.npos; ++at) {
    accounted += std::stoull(out.substr(at + 9));
  }
  EXPECT_EQ(accounted, 10'000U - 3);
}

}  // namespace
}  // namespace loadline::log
