// SPDX-License-Identifier: Apache-2.0
#include "shedder/priority_cut.h"

#include <gtest/gtest.h>

#include "shedder/rng.h"

namespace loadline {
namespace {

// The share of `count` operations at `priority` that pass.
double passing_share(PriorityThreshold threshold, Priority priority) {
  constexpr int kCount = 20'000;
  Rng rng(9);
  int passed = 0;
  for (int i = 0; i < kCount; ++i) passed += threshold.passes(priority, rng.next()) ? 1 : 0;
  return static_cast<double>(passed) / kCount;
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
  EXPECT_TRUE(threshold.passes(Priority(Tier::t5, 127), 0));
}

TEST(PriorityThreshold, CutsAtALevelAndThroughIt) {
  const auto level = Priority(Tier::t3, 64).level();
  const auto threshold = PriorityThreshold::at(level, 0.25, false);
  EXPECT_FALSE(threshold.is_open());
  EXPECT_EQ(threshold.level(), level);
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
  EXPECT_EQ(copy.level(), kPriorityCount - 1);
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
  EXPECT_EQ(cut.threshold(0.5).level(), Priority(Tier::t5, 0).level()) << "silence says nothing";
  for (int i = 0; i < 40; ++i) cut.add(present);
  EXPECT_EQ(cut.threshold(0.5).level(), Priority(Tier::t2, 0).level());
}

TEST(PriorityCut, OneLargeBatchIsAllItRemembers) {
  PriorityCut cut;
  cut.add(evenly(Tier::t5, 10));
  PriorityCut::Counts burst = {};
  burst[Priority(Tier::t2, 0).level()] = 1'000'000;
  cut.add(burst);
  EXPECT_EQ(cut.threshold(0.001).level(), Priority(Tier::t2, 0).level());
  cut.add(burst);
  EXPECT_NEAR(passing_share(cut.threshold(0.5), Priority(Tier::t2, 0)), 0.5, 0.02);
}

}  // namespace
}  // namespace loadline
