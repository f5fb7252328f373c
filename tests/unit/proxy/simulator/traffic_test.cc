// SPDX-License-Identifier: Apache-2.0
#include "proxy/simulator/traffic.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace loadline::simulator {
namespace {

using namespace std::chrono_literals;
using recording::OperationRecord;
using End = OperationRecord::End;

// Two processors: three jobs have two thirds of their speed.
constexpr SpeedLaw kTwoCores = {.kind = SpeedLaw::Kind::cores, .cores = 2, .thrash = 0};

Traffic traffic(const std::vector<OperationRecord>& records,
                const TrafficBuilder::Options& options = {}) {
  TrafficBuilder builder(options);
  for (const OperationRecord& record : records) builder.add(record);
  auto built = builder.build();
  EXPECT_TRUE(built) << built.error();
  return built ? *std::move(built) : Traffic();
}

OperationRecord executed(Duration arrival, std::uint64_t fingerprint, Duration service) {
  return {.arrival = arrival, .fingerprint = fingerprint, .service = service, .active = 1};
}

OperationRecord shed(Duration arrival, std::uint64_t fingerprint) {
  return {.arrival = arrival,
          .fingerprint = fingerprint,
          .end = End::shed,
          .reason = ShedReason::overload};
}

TEST(Traffic, ComesInTheOrderOfArrivalWhateverTheOrderOfTheRecords) {
  const Traffic t = traffic({executed(3s, 1, 1ms), shed(1s, 1), executed(2s, 1, 1ms)});
  ASSERT_EQ(t.operations().size(), 3U);
  EXPECT_EQ(t.operations()[0].at, 1s);
  EXPECT_EQ(t.operations()[1].at, 2s);
  EXPECT_EQ(t.operations()[2].at, 3s);
}

TEST(Traffic, IsThatOfOneUpstreamAndOfOneStretchOfTime) {
  OperationRecord other = executed(2s, 1, 1ms);
  other.upstream = 1;
  const Traffic t = traffic({executed(1s, 1, 1ms), executed(2s, 1, 2ms), other,
                             executed(3s, 1, 3ms), recording::gap_record(5, 2s)},
                            {.upstream = 0, .from = 2s, .to = 3s});
  ASSERT_EQ(t.operations().size(), 1U);
  EXPECT_EQ(t.operations()[0].at, 0s);
  EXPECT_EQ(t.operations()[0].service, 2ms);
}

TEST(Traffic, KeepsWhatTheGateWasTold) {
  OperationRecord record = executed(1s, 7, 1ms);
  record.tenant = 9;
  record.priority = Priority(Tier::t2, 55);
  record.deadline = recording::to_microseconds32(80ms);
  record.operation_class = OperationClass::write;
  const Traffic t = traffic({record});
  const OperationProfile& profile = t.operations()[0].profile;
  EXPECT_EQ(profile.tenant, 9U);
  EXPECT_EQ(profile.fingerprint, 7U);
  EXPECT_EQ(profile.priority, Priority(Tier::t2, 55));
  EXPECT_EQ(profile.deadline, 80ms);
  EXPECT_EQ(profile.operation_class, OperationClass::write);
}

TEST(Traffic, WorkIsTheServiceLessWhatTheOthersHadOfTheProcessors) {
  OperationRecord record = executed(1s, 1, 30ms);
  record.active = 3;
  const Traffic t = traffic({record});
  EXPECT_EQ(Traffic::work_of(t.operations()[0], kTwoCores), 20ms);
  EXPECT_EQ(Traffic::work_of(t.operations()[0], {.kind = SpeedLaw::Kind::cores, .cores = 4}), 30ms);
}

TEST(Traffic, ATransactionIsItsStatementsAndThePausesBetween) {
  OperationRecord record = executed(1s, 1, 30ms);
  record.is_transaction = true;
  record.statements = 4;
  record.paused = 60ms;
  const Traffic t = traffic({record});
  EXPECT_EQ(t.operations()[0].statements, 4U);
  EXPECT_EQ(t.operations()[0].pause, 20ms);
}

TEST(Traffic, WhatWasNotServedIsLikeItsFingerprintOrItsClassOrAll) {
  OperationRecord write = executed(2s, 2, 20ms);
  write.operation_class = OperationClass::write;
  OperationRecord unknown_write = shed(4s, 99);
  unknown_write.operation_class = OperationClass::write;
  OperationRecord ddl = shed(5s, 98);
  ddl.operation_class = OperationClass::ddl;
  const Traffic t = traffic({executed(1s, 1, 10ms), write, shed(3s, 1), unknown_write, ddl});
  const auto like = [&](std::size_t i) { return t.like(t.operations()[i]); };
  EXPECT_THAT(like(2), testing::ElementsAre(0));
  EXPECT_THAT(like(3), testing::ElementsAre(1));
  EXPECT_THAT(like(4), testing::ElementsAre(0, 1));
}

// Its time at the database says only that it takes longer.
TEST(Traffic, WhatAClientGaveUpOnIsNoPattern) {
  OperationRecord abandoned = executed(1s, 1, 500ms);
  abandoned.outcome = Outcome::abandoned;
  const Traffic t = traffic({abandoned, executed(2s, 1, 10ms)});
  EXPECT_FALSE(t.operations()[0].is_whole);
  EXPECT_THAT(t.like(t.operations()[0]), testing::ElementsAre(1));
}

TEST(Traffic, TenantsAreCountedByTheirHash) {
  OperationRecord a = executed(1s, 1, 1ms);
  a.tenant = 1000;
  OperationRecord b = executed(2s, 1, 1ms);
  b.tenant = 2000;
  const Traffic t = traffic({a, b, a});
  EXPECT_EQ(t.tenant_count(), 2U);
  EXPECT_EQ(t.operations()[0].tenant, t.operations()[1].tenant);
  EXPECT_NE(t.operations()[0].tenant, t.operations()[2].tenant);
}

TEST(Traffic, TheKindsWithTheMostWorkHaveClassesOfTheirOwn) {
  std::vector<OperationRecord> records;
  for (std::uint64_t fingerprint = 1; fingerprint <= 100; ++fingerprint) {
    records.push_back(executed(Duration(fingerprint), fingerprint, fingerprint * 1ms));
  }
  records.push_back(shed(1s, 100));
  const Traffic t = traffic(records);
  const auto classes = t.classes(kTwoCores);
  ASSERT_EQ(classes.size(), 25U);
  EXPECT_EQ(classes[0].name, "read 0000000000000064");
  EXPECT_EQ(classes[0].work, 100ms);
  EXPECT_EQ(classes[0].weight, 2);
  EXPECT_EQ(classes[24].name, "other reads");
  EXPECT_EQ(classes[24].weight, 76);
  EXPECT_EQ(classes[24].work, 38'500us);
}

TEST(Traffic, NothingToReplayIsSaid) {
  EXPECT_THAT(TrafficBuilder({}).build().error(), testing::HasSubstr("no operation to replay"));
  TrafficBuilder builder({});
  builder.add(shed(1s, 1));
  EXPECT_THAT(builder.build().error(), testing::HasSubstr("no operation that was executed"));
}

}  // namespace
}  // namespace loadline::simulator
