// SPDX-License-Identifier: Apache-2.0
#include "proxy/loadgen/arrivals.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <vector>

namespace loadline::loadgen {
namespace {

using namespace std::chrono_literals;

std::vector<Duration> all_of(Arrivals arrivals) {
  std::vector<Duration> out;
  while (const auto next = arrivals.next()) out.push_back(*next);
  return out;
}

std::size_t count_between(const std::vector<Duration>& times, Duration begin, Duration end) {
  return static_cast<std::size_t>(
      std::count_if(times.begin(), times.end(), [&](Duration t) { return t >= begin && t < end; }));
}

TEST(Arrivals, ConstantOnesKeepTheirGap) {
  const auto times = all_of(
      Arrivals({.kind = ArrivalKind::constant, .steps = {{.per_second = 100, .duration = 2s}}}));
  EXPECT_EQ(times.size(), 200u);
  for (std::size_t i = 1; i < times.size(); ++i) {
    EXPECT_NEAR(std::chrono::duration<double>(times[i] - times[i - 1]).count(), 0.01, 1e-6);
  }
}

TEST(Arrivals, ConstantOnesOfTwoSeedsDoNotCoincide) {
  const std::vector<RateStep> steps = {{.per_second = 10, .duration = 1s}};
  EXPECT_NE(all_of(Arrivals({.kind = ArrivalKind::constant, .steps = steps, .seed = 1})).front(),
            all_of(Arrivals({.kind = ArrivalKind::constant, .steps = steps, .seed = 2})).front());
}

// Counts of a Poisson process lie within five standard deviations, and its gaps vary as much as
// their mean.
TEST(Arrivals, PoissonOnesHaveTheRateOfEachStep) {
  const auto times = all_of(Arrivals({.steps = {{.per_second = 1000, .duration = 10s},
                                                {.per_second = 0, .duration = 5s},
                                                {.per_second = 10000, .duration = 10s}}}));
  EXPECT_NEAR(static_cast<double>(count_between(times, 0s, 10s)), 10000, 5 * std::sqrt(10000));
  EXPECT_EQ(count_between(times, 10s, 15s), 0u);
  EXPECT_NEAR(static_cast<double>(count_between(times, 15s, 25s)), 100000, 5 * std::sqrt(100000));
  EXPECT_TRUE(std::is_sorted(times.begin(), times.end()));
}

TEST(Arrivals, PoissonGapsAreExponential) {
  const auto times = all_of(Arrivals({.steps = {{.per_second = 1000, .duration = 100s}}}));
  double sum = 0;
  double sum_of_squares = 0;
  for (std::size_t i = 1; i < times.size(); ++i) {
    const double gap = std::chrono::duration<double>(times[i] - times[i - 1]).count();
    sum += gap;
    sum_of_squares += gap * gap;
  }
  const auto count = static_cast<double>(times.size() - 1);
  const double mean = sum / count;
  const double deviation = std::sqrt(sum_of_squares / count - mean * mean);
  EXPECT_NEAR(deviation / mean, 1, 0.03);
}

TEST(Arrivals, TheSameSeedMakesTheSameArrivals) {
  const std::vector<RateStep> steps = {{.per_second = 100, .duration = 5s}};
  EXPECT_EQ(all_of(Arrivals({.steps = steps, .seed = 3})),
            all_of(Arrivals({.steps = steps, .seed = 3})));
  EXPECT_NE(all_of(Arrivals({.steps = steps, .seed = 3})),
            all_of(Arrivals({.steps = steps, .seed = 4})));
}

}  // namespace
}  // namespace loadline::loadgen
