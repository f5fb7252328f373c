// SPDX-License-Identifier: Apache-2.0
#include "shedder/priority_cut.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "shedder/rng.h"

namespace loadline {
namespace {

// The share of many operations there that pass.
double passing_share(PriorityThreshold threshold, Place place) {
  constexpr int kCount = 20'000;
  Rng rng(9);
  int passed = 0;
  for (int i = 0; i < kCount; ++i) passed += threshold.passes(place, rng.next()) ? 1 : 0;
  return static_cast<double>(passed) / kCount;
}
double passing_share(PriorityThreshold threshold, Priority priority) {
  return passing_share(threshold, priority.level());
}

PriorityCut::Counts evenly(Tier tier, std::uint32_t count_each) {
  PriorityCut::Counts counts = {};
  for (std::uint32_t cohort = 0; cohort < kCohortCount; ++cohort) {
    counts[Priority(tier, cohort).level()] = count_each;
  }
  return counts;
}

TEST(PriorityThreshold, LetsEverythingPassAtFirst) {
  const PriorityThreshold threshold;
  EXPECT_TRUE(threshold.is_open());
  EXPECT_TRUE(threshold.passes(kPlaceCount - 1, 0));
}

TEST(PriorityThreshold, CutsAtALevelAndThroughIt) {
  const auto level = Priority(Tier::t3, 64).level();
  const auto threshold = PriorityThreshold::at(level, 0.25, false);
  EXPECT_FALSE(threshold.is_open());
  EXPECT_EQ(threshold.place(), level);
  EXPECT_EQ(passing_share(threshold, Priority(Tier::t3, 63)), 1);
  EXPECT_NEAR(passing_share(threshold, Priority(Tier::t3, 64)), 0.75, 0.02);
  EXPECT_EQ(passing_share(threshold, Priority(Tier::t3, 65)), 0);
  EXPECT_EQ(passing_share(threshold, Priority(Tier::t5, 0)), 0);
}

TEST(PriorityThreshold, AShareOfOneOrOfNothingIsExact) {
  const Priority priority(Tier::t2, 5);
  EXPECT_LT(passing_share(PriorityThreshold::at(priority.level(), 1, false), priority), 0.001);
  EXPECT_EQ(passing_share(PriorityThreshold::at(priority.level(), 0, false), priority), 1);
  EXPECT_EQ(passing_share(PriorityThreshold::at(priority.level(), -3, false), priority), 1);
}

TEST(PriorityThreshold, TheBestTierPassesAlways) {
  const auto threshold = PriorityThreshold::at(0, 1, false);
  EXPECT_EQ(passing_share(threshold, Priority(Tier::t0, 127)), 1);
  EXPECT_EQ(passing_share(threshold, Priority(Tier::t1, 0)), 0);
}

TEST(PriorityThreshold, OneInAHundredPassesAsAProbe) {
  const auto threshold = PriorityThreshold::at(Priority(Tier::t2, 0).level(), 0.5, true);
  EXPECT_NEAR(passing_share(threshold, Priority(Tier::t5, 3)), 0.01, 0.003);
  EXPECT_NEAR(passing_share(threshold, Priority(Tier::t2, 0)), 0.505, 0.02);
}

TEST(PriorityThreshold, FitsAWord) {
  const auto threshold = PriorityThreshold::at(kPriorityCount - 1, 0.3, true);
  const auto copy = PriorityThreshold::from_word(threshold.word());
  EXPECT_EQ(copy.place(), kPriorityCount - 1);
  EXPECT_NEAR(passing_share(copy, Priority(Tier::t5, 127)), 0.7, 0.02);
  EXPECT_TRUE(PriorityThreshold::from_word(PriorityThreshold().word()).is_open());
}

TEST(PriorityCut, IsOpenWhileItKnowsLittleOrNothingIsToBeRefused) {
  PriorityCut cut;
  EXPECT_TRUE(cut.threshold(0.5).is_open());
  PriorityCut::Counts counts = {};
  counts[Priority(Tier::t5, 0).level()] = 199;
  cut.add(counts);
  EXPECT_TRUE(cut.threshold(0.5).is_open());
  counts[Priority(Tier::t5, 0).level()] = 1;
  cut.add(counts);
  EXPECT_FALSE(cut.threshold(0.5).is_open());
  EXPECT_TRUE(cut.threshold(0).is_open());
  EXPECT_TRUE(cut.threshold(-1).is_open());
}

TEST(PriorityCut, RefusesTheWantedShareOfTheWorst) {
  PriorityCut cut;
  PriorityCut::Counts counts = {};
  for (const Tier tier : {Tier::t1, Tier::t2, Tier::t3, Tier::t4}) {
    for (std::uint32_t cohort = 0; cohort < kCohortCount; ++cohort) {
      counts[Priority(tier, cohort).level()] = 2;
    }
  }
  cut.add(counts);
  for (const double wanted : {0.1, 0.25, 0.4, 0.77, 0.95}) {
    const PriorityThreshold threshold = cut.threshold(wanted);
    double refused = 0;
    for (std::uint32_t level = 0; level < kPriorityCount; ++level) {
      if (counts[level] == 0) continue;
      const Priority priority(static_cast<Tier>(level / kCohortCount), level % kCohortCount);
      refused += 1 - passing_share(threshold, priority);
    }
    EXPECT_NEAR(refused / (4.0 * kCohortCount), wanted, 0.012) << "1% pass as probes";
  }
}

TEST(PriorityCut, ACutInsideATierFallsOnCohorts) {
  PriorityCut cut;
  cut.add(evenly(Tier::t3, 4));
  const PriorityThreshold threshold = cut.threshold(0.5);
  EXPECT_EQ(passing_share(threshold, Priority(Tier::t3, 10)), 1);
  EXPECT_LT(passing_share(threshold, Priority(Tier::t3, 100)), 0.02);
}

TEST(PriorityCut, CutsThroughALevelThatHoldsEverything) {
  PriorityCut cut;
  PriorityCut::Counts counts = {};
  counts[Priority(Tier::t3, 0).level()] = 500;
  cut.add(counts);
  EXPECT_NEAR(passing_share(cut.threshold(0.3), Priority(Tier::t3, 0)), 0.7, 0.02);
}

TEST(PriorityCut, RefusesAllButTheBestTierIfThatIsNotEnough) {
  PriorityCut cut;
  PriorityCut::Counts counts = {};
  counts[Priority(Tier::t0, 3).level()] = 900;
  counts[Priority(Tier::t1, 3).level()] = 100;
  cut.add(counts);
  const PriorityThreshold threshold = cut.threshold(0.95);
  EXPECT_EQ(passing_share(threshold, Priority(Tier::t0, 3)), 1);
  EXPECT_LT(passing_share(threshold, Priority(Tier::t1, 3)), 0.001);
  EXPECT_LT(passing_share(threshold, Priority(Tier::t5, 3)), 0.001);
}

TEST(PriorityCut, ProbesEndWhenNearlyEverythingIsRefused) {
  PriorityCut cut;
  cut.add(evenly(Tier::t3, 4));
  EXPECT_GT(passing_share(cut.threshold(0.89), Priority(Tier::t5, 0)), 0.005);
  EXPECT_EQ(passing_share(cut.threshold(0.91), Priority(Tier::t5, 0)), 0);
}

TEST(PriorityCut, ForgetsByHowMuchCameSince) {
  PriorityCut cut;
  PriorityCut::Counts old = {};
  old[Priority(Tier::t5, 0).level()] = 1000;
  cut.add(old);
  PriorityCut::Counts present = {};
  present[Priority(Tier::t2, 0).level()] = 100;
  for (int i = 0; i < 40; ++i) cut.add({});
  EXPECT_EQ(cut.threshold(0.5).place(), Priority(Tier::t5, 0).level()) << "silence says nothing";
  for (int i = 0; i < 40; ++i) cut.add(present);
  EXPECT_EQ(cut.threshold(0.5).place(), Priority(Tier::t2, 0).level());
}

TEST(PriorityCut, OneLargeBatchIsAllItRemembers) {
  PriorityCut cut;
  cut.add(evenly(Tier::t5, 10));
  PriorityCut::Counts burst = {};
  burst[Priority(Tier::t2, 0).level()] = 1'000'000;
  cut.add(burst);
  EXPECT_EQ(cut.threshold(0.001).place(), Priority(Tier::t2, 0).level());
  cut.add(burst);
  EXPECT_NEAR(passing_share(cut.threshold(0.5), Priority(Tier::t2, 0)), 0.5, 0.02);
}

TEST(PriorityCut, ReachesWhatStandsBelowTheLastTier) {
  PriorityCut cut;
  PriorityCut::Counts counts = evenly(Tier::t3, 4);
  counts[kPlaceCount - 1] = 4 * kCohortCount;
  cut.add(counts);
  const PriorityThreshold threshold = cut.threshold(0.25);
  EXPECT_EQ(passing_share(threshold, Priority(Tier::t5, 127)), 1);
  EXPECT_NEAR(passing_share(threshold, Place{kPlaceCount - 1}), 0.5, 0.02);
}

TEST(PriorityCut, SaysWhatOfEachTierPasses) {
  PriorityCut cut;
  PriorityCut::Counts counts = evenly(Tier::t3, 4);
  counts[Priority(Tier::t0, 0).level()] = 100;
  counts[Priority(Tier::t4, 5).level()] = 1000;
  cut.add(counts);
  auto shares = cut.passing(PriorityThreshold::at(Priority(Tier::t3, 32).level(), 0, false));
  EXPECT_EQ(shares[0], 1);
  EXPECT_EQ(shares[1], 1) << "nothing is known of it";
  EXPECT_NEAR(shares[3], 33.0 / kCohortCount, 0.001);
  EXPECT_EQ(shares[4], 0);
  shares = cut.passing(PriorityThreshold::at(Priority(Tier::t4, 5).level(), 0.25, false));
  EXPECT_EQ(shares[3], 1);
  EXPECT_NEAR(shares[4], 0.75, 0.001);
  EXPECT_THAT(cut.passing(PriorityThreshold()), testing::Each(1.0));
}

TEST(PriorityThreshold, KnowsWhenAWholeTierIsRefused) {
  const auto threshold = PriorityThreshold::at(Priority(Tier::t3, 64).level(), 0.5, true);
  EXPECT_FALSE(threshold.refuses_all_of(Tier::t0));
  EXPECT_FALSE(threshold.refuses_all_of(Tier::t3));
  EXPECT_TRUE(threshold.refuses_all_of(Tier::t4));
  EXPECT_FALSE(PriorityThreshold().refuses_all_of(Tier::t5));
}

}  // namespace
}  // namespace loadline
