// SPDX-License-Identifier: Apache-2.0
#include "shedder/observation.h"

#include <gtest/gtest.h>

#include <cmath>
#include <memory>

namespace loadline {
namespace {

using std::chrono::microseconds;
using std::chrono::milliseconds;
using std::chrono::nanoseconds;
using std::chrono::seconds;

TEST(LatencyHistogram, ABoundBelongsToItsBucketAndTheLastIsOpen) {
  LatencyHistogram histogram;
  histogram.record(Duration::zero());
  histogram.record(microseconds(250));
  histogram.record(microseconds(250) + nanoseconds(1));
  histogram.record(seconds(30));
  histogram.record(seconds(31));
  LatencySnapshot snapshot;
  histogram.add_to(snapshot);
  EXPECT_EQ(snapshot.buckets[0], 2U);
  EXPECT_EQ(snapshot.buckets[1], 1U);
  EXPECT_EQ(snapshot.buckets[15], 1U);
  EXPECT_EQ(snapshot.buckets[16], 1U);
  EXPECT_NEAR(snapshot.sum_seconds, 61.0005, 1e-6);
}

class LatencyCentresTest : public ::testing::Test {
 protected:
  void feed(std::uint64_t fingerprint, std::uint32_t cycle, double log_latency, int count) {
    for (int i = 0; i < count; ++i) (void)centres_.centred(fingerprint, cycle, log_latency);
  }
  LatencyCentres centres_;
};

TEST_F(LatencyCentresTest, ACentreIsTheMeanOfTheCycleBefore) {
  EXPECT_EQ(centres_.centred(1, 1, -5), -5) << "unknown yet: in full";
  feed(1, 1, -5, 30);
  EXPECT_NEAR(centres_.centred(1, 2, -4.5), 0.5, 1e-9);
}

TEST_F(LatencyCentresTest, ACentreHoldsStillDuringACycle) {
  // One that followed at once would eat the difference between two phases.
  feed(1, 1, -5, 30);
  feed(1, 2, -4, 10'000);
  EXPECT_NEAR(centres_.centred(1, 2, -4), 1, 1e-9);
  EXPECT_NEAR(centres_.centred(1, 3, -4), 0, 0.01) << "and then it moves";
}

TEST_F(LatencyCentresTest, AFewSamplesMakeNoCentre) {
  feed(1, 1, -5, 19);
  EXPECT_EQ(centres_.centred(1, 2, -3), -3);
  EXPECT_NEAR(centres_.centred(1, 3, -3), -3 - (-5.0 * 19 - 3) / 20, 1e-9) << "they add up";
}

TEST_F(LatencyCentresTest, AChangeOfTheMixLooksLikeNoChangeOfSpeed) {
  feed(1, 1, std::log(0.001), 100);
  feed(2, 1, std::log(0.5), 100);
  // Now mostly slow ones: each is as far from its own centre as before.
  EXPECT_NEAR(centres_.centred(1, 2, std::log(0.001)), 0, 1e-9);
  EXPECT_NEAR(centres_.centred(2, 2, std::log(0.5)), 0, 1e-9);
}

TEST_F(LatencyCentresTest, AnOutlierCountsOnlySoMuch) {
  feed(1, 1, -5, 30);
  EXPECT_EQ(centres_.centred(1, 2, 5), 2.5);
  EXPECT_EQ(centres_.centred(1, 2, -20), -2.5);
}

TEST(ObservationShard, SumsItsTiersForTheLimiter) {
  const auto shard = std::make_unique<ObservationShard>(8, 8, 1);
  shard->tiers[0].offered.add(3);
  shard->tiers[5].offered.add(4);
  shard->tiers[5].shed[static_cast<std::size_t>(ShedReason::queue_full)].add(2);
  shard->answered.add(5);
  shard->service_nanoseconds.add(1000);
  LoadTotals totals;
  shard->add_to(totals);
  shard->add_to(totals);
  EXPECT_EQ(totals.offered, 14U);
  EXPECT_EQ(totals.shed, 4U);
  EXPECT_EQ(totals.answered, 10U);
  EXPECT_EQ(totals.service, nanoseconds(2000));
}

TEST(ObservationShard, HasAPlaceForEachFingerprintSlotAndNumbersOfItsOwn) {
  const auto shard = std::make_unique<ObservationShard>(8, 8, 1);
  EXPECT_EQ(shard->fingerprints.size(), 8U);
  EXPECT_EQ(shard->fingerprints[7].count.read(), 0U);
  const auto same = std::make_unique<ObservationShard>(0, 0, 1);
  const auto other = std::make_unique<ObservationShard>(0, 0, 2);
  const std::uint64_t drawn = shard->rng.next();
  EXPECT_EQ(same->rng.next(), drawn);
  EXPECT_NE(other->rng.next(), drawn);
}

TEST(DemandCounters, AddUp) {
  DemandCounters demand;
  demand.offered.add(10);
  demand.entered.add(7);
  demand.started.add(5);
  Rejector::Flow flow = {.offered = 100, .entered = 0, .started = 0};
  demand.add_to(flow);
  EXPECT_EQ(flow.offered, 110U);
  EXPECT_EQ(flow.entered, 7U);
  EXPECT_EQ(flow.started, 5U);
}

}  // namespace
}  // namespace loadline
