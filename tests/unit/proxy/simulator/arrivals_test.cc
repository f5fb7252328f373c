// SPDX-License-Identifier: Apache-2.0
#include "proxy/simulator/arrivals.h"

#include <gtest/gtest.h>

#include <array>

namespace loadline::simulator {
namespace {

using namespace std::chrono_literals;

constexpr std::uint64_t kSeed = 1;

// Of the first class.
std::vector<Duration> all_arrivals(const Scenario& scenario, std::uint64_t seed = kSeed) {
  const Timeline timeline(scenario);
  const Tenants tenants(scenario);
  Arrivals arrivals(scenario, timeline, tenants, 0, seed);
  std::vector<Duration> out;
  for (Duration at = arrivals.next(); at != Duration::max(); at = arrivals.next()) {
    out.push_back(at);
  }
  return out;
}

Scenario hundred_per_second(ArrivalKind kind) {
  Scenario scenario;
  scenario.rate = 100;
  scenario.length = 100s;
  scenario.arrivals = kind;
  return scenario;
}

TEST(Arrivals, ConstantOnesKeepTheirDistanceAcrossAChangeOfTheRate) {
  Scenario scenario = hundred_per_second(ArrivalKind::constant);
  scenario.length = 1s;
  scenario.events = {{.kind = Event::Kind::load, .from = 495ms, .to = 600ms, .value = 0.5}};
  const std::vector<Duration> at = all_arrivals(scenario);
  ASSERT_GT(at.size(), 51U);
  EXPECT_NEAR(static_cast<double>((at[1] - at[0]).count()), 10e6, 10);
  // Half of the way at the old rate, half of it at half the rate.
  EXPECT_NEAR(static_cast<double>((at[49] - at[48]).count()), 15e6, 10);
  EXPECT_NEAR(static_cast<double>((at[50] - at[49]).count()), 20e6, 10);
}

TEST(Arrivals, PoissonOnesAreAsManyAndAsIrregularAsTheyShouldBe) {
  const std::vector<Duration> at = all_arrivals(hundred_per_second(ArrivalKind::poisson));
  EXPECT_NEAR(static_cast<double>(at.size()), 10'000, 300);
  double squares = 0;
  for (std::size_t i = 1; i < at.size(); ++i) {
    ASSERT_GE(at[i], at[i - 1]);
    const double gap = std::chrono::duration<double>(at[i] - at[i - 1]).count();
    squares += gap * gap;
  }
  EXPECT_NEAR(squares / static_cast<double>(at.size()), 2 * 0.01 * 0.01, 0.2e-4);
  EXPECT_LT(at.back(), 100s);
}

TEST(Arrivals, BatchesKeepTheRate) {
  Scenario scenario = hundred_per_second(ArrivalKind::batches);
  scenario.batch = 10;
  EXPECT_NEAR(static_cast<double>(all_arrivals(scenario).size()), 1000, 100);
  const Timeline timeline(scenario);
  const Tenants tenants(scenario);
  EXPECT_EQ(Arrivals(scenario, timeline, tenants, 0, kSeed).batch(), 10U);
}

TEST(Arrivals, ASeedIsARun) {
  const Scenario scenario = hundred_per_second(ArrivalKind::poisson);
  EXPECT_EQ(all_arrivals(scenario), all_arrivals(scenario));
  EXPECT_NE(all_arrivals(scenario, 1), all_arrivals(scenario, 2));
}

TEST(Arrivals, NobodyComesWhenNothingIsOffered) {
  Scenario scenario = hundred_per_second(ArrivalKind::poisson);
  scenario.events = {{.kind = Event::Kind::load, .from = 0s, .to = 100s, .value = 0}};
  EXPECT_TRUE(all_arrivals(scenario).empty());
}

TEST(Arrivals, RequestsFollowTheSharesOfTheTiers) {
  Scenario scenario = hundred_per_second(ArrivalKind::poisson);
  scenario.classes.front().tiers = {1, 0, 2, 1, 0, 0};
  scenario.classes.front().rows = 3;
  const Timeline timeline(scenario);
  const Tenants tenants(scenario);
  Arrivals arrivals(scenario, timeline, tenants, 0, kSeed);
  std::array<int, kTierCount> counts = {};
  double work_s = 0;
  for (int i = 0; i < 10'000; ++i) {
    const Request request = arrivals.draw(TimePoint());
    ++counts[static_cast<std::size_t>(request.tier)];
    work_s += std::chrono::duration<double>(request.work).count();
    ASSERT_LT(request.row, 3U);
  }
  EXPECT_NEAR(counts[0], 2500, 150);
  EXPECT_EQ(counts[1], 0);
  EXPECT_NEAR(counts[2], 5000, 200);
  EXPECT_EQ(counts[4] + counts[5], 0);
  EXPECT_NEAR(work_s / 10'000, 0.005, 0.0003);
}

TEST(Tenants, AreZipfsAndTheClassesOwn) {
  Scenario scenario;
  scenario.tenants = 2;
  scenario.zipf = 1;
  scenario.classes = {{.name = "a"}, {.name = "b", .tenant = "x"}, {.name = "c", .tenant = "x"}};
  const Tenants tenants(scenario);
  EXPECT_EQ(tenants.count(), 3U);
  Rng rng(kSeed);
  int first = 0;
  for (int i = 0; i < 3000; ++i) first += tenants.draw(0, rng) == 0 ? 1 : 0;
  EXPECT_NEAR(first, 2000, 100) << "1 against 1/2";
  EXPECT_EQ(tenants.draw(1, rng), 2U);
  EXPECT_EQ(tenants.draw(2, rng), 2U);
  EXPECT_NE(Tenants::hash(0), Tenants::hash(1));
  EXPECT_LT(Tenants::cohort(2, 0), kCohortCount);
}

}  // namespace
}  // namespace loadline::simulator
