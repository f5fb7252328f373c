// SPDX-License-Identifier: Apache-2.0
#include "proxy/simulator/metrics.h"

#include <gtest/gtest.h>

namespace loadline::simulator {
namespace {

TEST(FairShare, LeavesToOthersWhatOneDoesNotWant) {
  EXPECT_DOUBLE_EQ(fair_share({10, 10}, 10), 5);
  EXPECT_DOUBLE_EQ(fair_share({1, 10, 10}, 11), 5);
  EXPECT_DOUBLE_EQ(fair_share({1, 2, 10}, 11), 8);
  EXPECT_DOUBLE_EQ(fair_share({1, 2, 3}, 100), 3) << "enough for all";
}

Record steady_record(const Scenario& scenario) {
  Record record;
  record.groups.resize(kTierCount);
  record.groups[0] = {.offered = 1000, .good = 900};
  record.groups[3] = {.offered = 1000, .good = 100};
  record.tenants = {{.offered = 1000, .good = 500}, {.offered = 1000, .good = 500}};
  record.moments.resize(static_cast<std::size_t>(scenario.length / kMomentLength));
  for (Moment& moment : record.moments) moment.admitted = moment.good = 10;
  record.work_s = 10;
  record.wasted_work_s = 1;
  return record;
}

TEST(Metrics, AreRatiosOfTheOracles) {
  Scenario scenario;
  scenario.length = std::chrono::seconds(10);
  const OracleBounds oracle = {.offered = 2000, .good = 2000, .utility = 9000};
  const Metrics metrics = metrics_of(scenario, steady_record(scenario), oracle);
  EXPECT_DOUBLE_EQ(metrics.goodput_per_s, 100);
  EXPECT_DOUBLE_EQ(metrics.goodput_ratio, 0.5);
  EXPECT_DOUBLE_EQ(metrics.utility_ratio, (900 * 8 + 100) / 9000.0);
  EXPECT_EQ(metrics.tier_success[0], 0.9);
  EXPECT_EQ(metrics.tier_success[3], 0.1);
  EXPECT_EQ(metrics.tier_success[1], std::nullopt);
  EXPECT_EQ(metrics.jain, 1.0);
  EXPECT_DOUBLE_EQ(metrics.wasted_work, 0.1);
  EXPECT_DOUBLE_EQ(metrics.accept_deviation, 0);
  EXPECT_EQ(metrics.recovery_s, std::nullopt);
  EXPECT_TRUE(metrics.false_sheds);
}

TEST(Metrics, AReplicaIsLookedAtWhenThereIsOne) {
  Scenario scenario;
  scenario.length = std::chrono::seconds(40);
  Record record = steady_record(scenario);
  EXPECT_FALSE(metrics_of(scenario, record, OracleBounds{}).replica);
  scenario.replica.apply_speed = 1;
  for (std::size_t i = 0; i < record.moments.size(); ++i) {
    record.moments[i].lag_s = i < 100 ? 9 : 2;
    // 5 s of none, then of 50 writes and of 150 in turn.
    record.moments[i].writes_admitted = i < 200 ? 0 : i / 50 % 2 == 0 ? 1 : 3;
  }
  const auto replica = metrics_of(scenario, record, OracleBounds{}).replica;
  ASSERT_TRUE(replica);
  EXPECT_EQ(replica->lag_max_s, 9);
  EXPECT_EQ(replica->lag_late_s, 2);
  EXPECT_DOUBLE_EQ(replica->write_deviation, 0.5) << "of the second half";
}

TEST(Metrics, RecoveryIsTheFirstThreeGoodSeconds) {
  Scenario scenario;
  scenario.length = std::chrono::seconds(20);
  scenario.disturbed_until = std::chrono::seconds(5);
  Record record = steady_record(scenario);
  OracleBounds oracle = {.offered = 2000, .good = 2000, .utility = 9000};
  oracle.good_by_arrival.assign(400, 5);
  for (std::size_t i = 50; i < 70; ++i) record.moments[i].good = 0;
  EXPECT_NEAR(*metrics_of(scenario, record, oracle).recovery_s, 1.7, 1e-9) << "90% of 3 s";
  for (Moment& moment : record.moments) moment.good = 8;
  EXPECT_LT(*metrics_of(scenario, record, oracle).recovery_s, 0);
}

}  // namespace
}  // namespace loadline::simulator
