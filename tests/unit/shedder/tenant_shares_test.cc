// SPDX-License-Identifier: Apache-2.0
#include "shedder/tenant_shares.h"

#include <gtest/gtest.h>

#include <array>
#include <chrono>
#include <cmath>
#include <map>
#include <vector>

#include "shedder/rng.h"

namespace loadline {
namespace {

constexpr TimePoint kStart = TimePoint(std::chrono::hours(1));
constexpr double kNoMax = 1;

// Tenants with what they ask for, in one tier or several.
struct Asked {
  Tier tier;
  std::uint64_t tenant;
  int operations;
};

class TenantSharesTest : public ::testing::Test {
 protected:
  // `entered`: how many of them get through.
  void offer(const std::vector<Asked>& all, double entered, double share_max = kNoMax) {
    TenantShares::Totals totals;
    for (const Asked& one : all) {
      totals.offered[TenantShares::slot_of(one.tier, one.tenant)] += one.operations;
    }
    totals.entered = entered;
    shares_.update(totals, share_max, kStart);
  }

  [[nodiscard]] Place draw(Tier tier, std::uint64_t tenant) {
    const Priority priority(tier, static_cast<std::uint32_t>(rng_.next() % kCohortCount));
    return shares_.place(priority, TenantShares::slot_of(tier, tenant), rng_.next());
  }

  // The share of each tenant's operations in `tier` that is better than the cut which lets `kept`
  // of all operations pass.
  [[nodiscard]] std::vector<double> passing(const std::vector<Asked>& all, double kept) {
    constexpr int kDraws = 200;
    std::vector<std::pair<Place, std::size_t>> places;
    for (std::size_t i = 0; i < all.size(); ++i) {
      for (int n = 0; n < all[i].operations * kDraws; ++n) {
        places.emplace_back(draw(all[i].tier, all[i].tenant), i);
      }
    }
    std::stable_sort(places.begin(), places.end(),
                     [](const auto& a, const auto& b) { return a.first < b.first; });
    std::vector<double> passed(all.size());
    const auto count = static_cast<std::size_t>(kept * static_cast<double>(places.size()));
    for (std::size_t i = 0; i < count; ++i) passed[places[i].second] += 1;
    for (std::size_t i = 0; i < all.size(); ++i) passed[i] /= all[i].operations * kDraws;
    return passed;
  }

  TenantShares shares_;
  Rng rng_{7};
};

TEST_F(TenantSharesTest, WithoutHistoryThePlaceIsTheBestOfTheTier) {
  EXPECT_EQ(draw(Tier::t3, 5), Priority(Tier::t3, 0).level());
}

TEST_F(TenantSharesTest, ASingleTenantsCohortsKeepTheirOrder) {
  offer({{Tier::t3, 5, 1000}}, 1000);
  Place last = 0;
  for (std::uint32_t cohort = 0; cohort < kCohortCount; ++cohort) {
    const Place place =
        shares_.place(Priority(Tier::t3, cohort), TenantShares::slot_of(Tier::t3, 5), rng_.next());
    EXPECT_GE(place, last);
    EXPECT_EQ(place / kCohortCount, 3U);
    last = place;
  }
  EXPECT_EQ(last % kCohortCount, 63U);
}

// The max-min fair allocation: all of those who ask for little, and as much of the others.
TEST_F(TenantSharesTest, ACutLeavesEachTenantTheSame) {
  const std::vector<Asked> all = {{Tier::t3, 1, 10}, {Tier::t3, 2, 20}, {Tier::t3, 3, 400}};
  offer(all, 430);
  const auto passed = passing(all, 90.0 / 430);
  EXPECT_NEAR(passed[0], 1, 0.02);
  EXPECT_NEAR(passed[1], 1, 0.05);
  EXPECT_NEAR(passed[2], 60.0 / 400, 0.02);
}

TEST_F(TenantSharesTest, ACutBelowEverybodysRequestSharesEqually) {
  const std::vector<Asked> all = {{Tier::t3, 1, 40}, {Tier::t3, 2, 100}, {Tier::t3, 3, 300}};
  offer(all, 440);
  const auto passed = passing(all, 60.0 / 440);
  EXPECT_NEAR(passed[0], 20.0 / 40, 0.05);
  EXPECT_NEAR(passed[1], 20.0 / 100, 0.03);
  EXPECT_NEAR(passed[2], 20.0 / 300, 0.02);
}

TEST_F(TenantSharesTest, AnIdleTenantIsForgotten) {
  offer({{Tier::t3, 1, 1000}, {Tier::t3, 2, 10}}, 1010);
  EXPECT_GT(draw(Tier::t3, 1) % kCohortCount, 0U);
  TenantShares::Totals totals;
  totals.offered[TenantShares::slot_of(Tier::t3, 1)] = 1000;
  totals.offered[TenantShares::slot_of(Tier::t3, 2)] = 20;
  shares_.update(totals, kNoMax, kStart + std::chrono::minutes(1));
  EXPECT_EQ(draw(Tier::t3, 1), Priority(Tier::t3, 0).level());
}

TEST_F(TenantSharesTest, ExcessStandsATierLowerTheLeastImportantFirst) {
  std::vector<Asked> all = {{Tier::t1, 9, 100}, {Tier::t2, 9, 300}, {Tier::t4, 9, 100}};
  for (std::uint64_t tenant = 1; tenant <= 5; ++tenant) all.push_back({Tier::t3, tenant, 20});
  offer(all, 400, 0.5);  // Tenant 9 keeps 200 of its 500: all of t1, a third of t2.
  std::map<int, int> tiers;
  for (int i = 0; i < 3000; ++i) {
    EXPECT_EQ(draw(Tier::t1, 9) / kCohortCount, 1U);
    EXPECT_EQ(draw(Tier::t4, 9) / kCohortCount, 5U);
    EXPECT_EQ(draw(Tier::t3, 1) / kCohortCount, 3U);
    ++tiers[static_cast<int>(draw(Tier::t2, 9) / kCohortCount)];
  }
  EXPECT_NEAR(tiers[2], 1000, 100);
  EXPECT_NEAR(tiers[3], 2000, 100);
}

TEST_F(TenantSharesTest, T0StaysAndT5GoesBeyondTheLastTier) {
  std::vector<Asked> all = {{Tier::t0, 9, 1000}, {Tier::t5, 9, 1000}};
  for (std::uint64_t tenant = 1; tenant <= 5; ++tenant) all.push_back({Tier::t5, tenant, 20});
  offer(all, 1000, 0.5);
  EXPECT_TRUE(is_t0(draw(Tier::t0, 9)));
  const Place place = draw(Tier::t5, 9);
  EXPECT_EQ(place / kCohortCount, kTierCount);
  EXPECT_LT(place, kPlaceCount);
}

TEST_F(TenantSharesTest, OneOfTwoTenantsMayTakeAll) {
  offer({{Tier::t3, 1, 990}, {Tier::t3, 2, 10}}, 500, 0.5);
  for (int i = 0; i < 1000; ++i) EXPECT_EQ(draw(Tier::t3, 1) / kCohortCount, 3U);
}

TEST_F(TenantSharesTest, AMillionTenantsFitAndOneStandsOut) {
  TenantShares::Totals totals;
  for (std::uint64_t tenant = 1; tenant <= 1'000'000; ++tenant) {
    totals.offered[TenantShares::slot_of(Tier::t3, tenant)] += 1;
  }
  totals.offered[TenantShares::slot_of(Tier::t3, 77)] += 100'000;
  totals.entered = 1'100'000;
  shares_.update(totals, kNoMax, kStart);
  double noisy = 0;
  double others = 0;
  for (std::uint64_t i = 0; i < 1000; ++i) {
    noisy += static_cast<double>(draw(Tier::t3, 77) % kCohortCount);
    others += static_cast<double>(draw(Tier::t3, 1000 + i) % kCohortCount);
  }
  EXPECT_GT(noisy / 1000, 90);
  EXPECT_LT(others / 1000, 40);
}

TEST_F(TenantSharesTest, AnEnormousTenantStaysWithinItsTier) {
  std::vector<Asked> all = {{Tier::t3, 9, 1'000'000}};
  for (std::uint64_t tenant = 1; tenant <= 900; ++tenant) all.push_back({Tier::t3, tenant, 1});
  offer(all, 1e6);
  for (int i = 0; i < 1000; ++i) EXPECT_EQ(draw(Tier::t3, 9) / kCohortCount, 3U);
}

}  // namespace
}  // namespace loadline
