// SPDX-License-Identifier: Apache-2.0
#include "shedder/signal_cut.h"

#include <gtest/gtest.h>

#include <cmath>

namespace loadline {
namespace {

constexpr std::uint32_t kCohort = 64;

// As many of each tier as said, over all cohorts.
PriorityCut offered(const std::array<std::uint32_t, kTierCount>& by_tier) {
  PriorityCut::Counts counts = {};
  for (std::size_t tier = 0; tier < kTierCount; ++tier) {
    for (std::size_t cohort = 0; cohort < kCohortCount; ++cohort) {
      counts[tier * kCohortCount + cohort] = by_tier[tier];
    }
  }
  PriorityCut cut;
  cut.add(counts);
  return cut;
}

SignalThresholds thresholds(const SignalClaim& claim, const PriorityCut& cut) {
  SignalThresholds made = {};
  tighten(made, claim, cut);
  return made;
}

SignalThreshold of(const SignalThresholds& made, Tier tier) {
  return made[static_cast<std::size_t>(tier)];
}

bool refuses_all(SignalThreshold threshold) {
  for (std::uint32_t cohort = 0; cohort < kCohortCount; ++cohort) {
    for (const std::uint64_t draw : {0U, 32'768U, 65'535U}) {
      if (threshold.passes(cohort, draw)) return false;
    }
  }
  return true;
}

TEST(SignalThreshold, WithoutOneEverythingPasses) {
  const SignalThreshold threshold;
  EXPECT_TRUE(threshold.is_open());
  EXPECT_TRUE(threshold.passes(kCohortCount - 1, 0));
  EXPECT_TRUE(SignalThreshold::at(kCohortCount - 1, 0, 3).is_open()) << "whoever asks for it";
}

TEST(SignalThreshold, WorseCohortsAreRefusedAndAShareOfOne) {
  const auto threshold = SignalThreshold::at(kCohort, 0.25, 7);
  EXPECT_FALSE(threshold.is_open());
  EXPECT_EQ(threshold.signal(), 7U);
  EXPECT_TRUE(threshold.passes(kCohort - 1, 0));
  EXPECT_FALSE(threshold.passes(kCohort + 1, UINT64_MAX)) << "no probes";
  int passed = 0;
  for (std::uint64_t draw = 0; draw < 1U << 16U; ++draw) passed += threshold.passes(kCohort, draw);
  EXPECT_EQ(passed, 3 << 14);
}

TEST(SignalThreshold, SurvivesTheWord) {
  const auto threshold = SignalThreshold::at(0, 1, kSignalsMax - 1);
  const auto copy = SignalThreshold::from_word(threshold.word());
  EXPECT_EQ(copy.signal(), kSignalsMax - 1);
  EXPECT_TRUE(refuses_all(copy)) << "not one in 65,536 passes";
}

TEST(SignalThreshold, TheTighterRefusesMoreWhicheverSignalItIs) {
  const auto loose = SignalThreshold::at(kCohort, 0.2, 31);
  EXPECT_TRUE(SignalThreshold::at(kCohort, 0.3, 0).is_tighter_than(loose));
  EXPECT_TRUE(SignalThreshold::at(kCohort - 1, 0, 0).is_tighter_than(loose));
  EXPECT_FALSE(SignalThreshold::at(kCohort + 1, 1, 0).is_tighter_than(loose));
  EXPECT_FALSE(loose.is_tighter_than(loose));
}

TEST(SignalCut, TheWorstTiersGoFirst) {
  const PriorityCut cut = offered({1, 1, 1, 1, 1, 1});
  const SignalThresholds made = thresholds({.ratio = 0.5, .signal = 2}, cut);
  EXPECT_TRUE(refuses_all(of(made, Tier::t5)));
  EXPECT_TRUE(refuses_all(of(made, Tier::t4)));
  EXPECT_FALSE(of(made, Tier::t3).passes(kCohort + 1, 0)) << "the half of t1 to t5";
  EXPECT_TRUE(of(made, Tier::t3).passes(kCohort - 1, 0));
  EXPECT_EQ(of(made, Tier::t3).signal(), 2U);
  for (const Tier tier : {Tier::t0, Tier::t1, Tier::t2}) EXPECT_TRUE(of(made, tier).is_open());
}

TEST(SignalCut, TheShareIsOfWhatIsConcerned) {
  const PriorityCut cut = offered({5, 1, 1, 1, 3, 3});
  const SignalThresholds made =
      thresholds({.ratio = 0.75, .tier_best = Tier::t2, .tier_worst = Tier::t4}, cut);
  EXPECT_TRUE(of(made, Tier::t5).is_open()) << "not concerned though it is worse";
  EXPECT_TRUE(refuses_all(of(made, Tier::t4)));
  EXPECT_FALSE(of(made, Tier::t3).passes(kCohortCount - 1, UINT16_MAX));
  EXPECT_TRUE(of(made, Tier::t3).passes(kCohort / 4, 0));
  EXPECT_TRUE(of(made, Tier::t2).is_open());
}

TEST(SignalCut, T0IsRefusedOnlyIfItIsConcerned) {
  const PriorityCut cut = offered({1, 1, 1, 1, 1, 1});
  EXPECT_TRUE(of(thresholds({.ratio = 1}, cut), Tier::t0).is_open());
  EXPECT_TRUE(refuses_all(of(thresholds({.ratio = 1}, cut), Tier::t1)));
  EXPECT_TRUE(refuses_all(of(thresholds({.ratio = 1, .tier_best = Tier::t0}, cut), Tier::t0)));
}

TEST(SignalCut, AtHardNothingNeedsToBeRemembered) {
  const SignalThresholds made = thresholds({.ratio = 1}, PriorityCut());
  for (const Tier tier : {Tier::t1, Tier::t3, Tier::t5}) EXPECT_TRUE(refuses_all(of(made, tier)));
  EXPECT_TRUE(of(thresholds({.ratio = 0.9}, PriorityCut()), Tier::t5).is_open())
      << "nobody knows what is worst";
}

TEST(SignalCut, AHandfulIsEnoughToKnowTheWorst) {
  PriorityCut::Counts counts = {};
  counts[Priority(Tier::t4, kCohort).level()] = 2;
  counts[Priority(Tier::t1, kCohort).level()] = 2;
  PriorityCut cut;
  cut.add(counts);
  const SignalThresholds made = thresholds({.ratio = 0.25}, cut);
  EXPECT_TRUE(refuses_all(of(made, Tier::t5))) << "worse than what is refused";
  EXPECT_FALSE(of(made, Tier::t4).passes(kCohort, 32'767));
  EXPECT_TRUE(of(made, Tier::t4).passes(kCohort, 32'768));
  EXPECT_TRUE(of(made, Tier::t1).is_open());
}

TEST(SignalCut, SignalsAreNotAddedUp) {
  const PriorityCut cut = offered({0, 1, 1, 1, 1, 1});
  SignalThresholds made = {};
  tighten(made, {.ratio = 0.1, .signal = 0}, cut);
  tighten(made, {.ratio = 1, .tier_best = Tier::t5, .signal = 1}, cut);
  tighten(made, {.ratio = 0.15, .signal = 2}, cut);
  EXPECT_TRUE(refuses_all(of(made, Tier::t5)));
  EXPECT_EQ(of(made, Tier::t5).signal(), 1U) << "the one that binds";
  EXPECT_TRUE(of(made, Tier::t4).is_open()) << "t5 is more than what the others want";
}

TEST(SignalCut, TheShareRefusedIsTheRatio) {
  const std::array<std::uint32_t, kTierCount> by_tier = {0, 3, 1, 4, 1, 5};
  const PriorityCut cut = offered(by_tier);
  for (const double ratio : {0.02, 0.3, 0.5, 0.77, 0.98}) {
    const SignalThresholds made = thresholds({.ratio = ratio}, cut);
    double refused = 0;
    double all = 0;
    for (std::size_t level = kCohortCount; level < kPriorityCount; ++level) {
      const std::size_t tier = level / kCohortCount;
      const auto cohort = static_cast<std::uint32_t>(level % kCohortCount);
      for (std::uint64_t draw = 0; draw < 64; ++draw) {
        all += by_tier[tier];
        if (!made[tier].passes(cohort, draw << 10U)) refused += by_tier[tier];
      }
    }
    EXPECT_NEAR(refused / all, ratio, 1e-3) << ratio;
  }
}

}  // namespace
}  // namespace loadline
