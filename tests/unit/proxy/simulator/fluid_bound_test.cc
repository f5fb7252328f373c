// SPDX-License-Identifier: Apache-2.0
#include "proxy/simulator/fluid_bound.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <functional>

#include "shedder/rng.h"

namespace loadline::simulator {
namespace {

struct Job {
  std::size_t step;
  std::size_t group;
};

// By trying every choice of what to do in every step: the truth for unit jobs.
double exhaustive(const std::vector<FluidGroup>& groups, const std::vector<double>& capacity,
                  std::size_t patience) {
  std::vector<Job> jobs;
  for (std::size_t g = 0; g < groups.size(); ++g) {
    for (std::size_t s = 0; s < groups[g].arrivals.size(); ++s) {
      jobs.insert(jobs.end(), groups[g].arrivals[s], {s, g});
    }
  }
  std::vector<double> left = capacity;
  const std::function<double(std::size_t)> best_from = [&](std::size_t index) -> double {
    if (index == jobs.size()) return 0;
    const Job job = jobs[index];
    double best = best_from(index + 1);
    for (std::size_t s = job.step; s <= job.step + patience && s < left.size(); ++s) {
      if (left[s] < groups[job.group].work) continue;
      left[s] -= groups[job.group].work;
      best = std::max(best, groups[job.group].value + best_from(index + 1));
      left[s] += groups[job.group].work;
    }
    return best;
  };
  return best_from(0);
}

TEST(FluidBound, IsExactForUnitJobs) {
  Rng rng(1);
  const auto below = [&](std::uint64_t n) { return rng.next() % n; };
  for (int trial = 0; trial < 300; ++trial) {
    const std::size_t patience = below(3);
    std::vector<FluidGroup> groups(2);
    for (FluidGroup& group : groups) {
      group.value = static_cast<double>(1 + below(4));
      for (int s = 0; s < 4; ++s) group.arrivals.push_back(static_cast<std::uint32_t>(below(3)));
    }
    while (groups[0].arrivals[0] + groups[0].arrivals[1] + groups[1].arrivals[0] > 4) {
      groups[0].arrivals[0] = 0;
      groups[1].arrivals[0] = 0;
      groups[0].arrivals[1] = 0;
    }
    std::vector<double> capacity;
    for (int s = 0; s < 6; ++s) capacity.push_back(static_cast<double>(below(3)));
    const FluidBound bound = fluid_bound(groups, capacity, patience);
    EXPECT_NEAR(bound.value, exhaustive(groups, capacity, patience), 1e-9) << "trial " << trial;
    EXPECT_NEAR(bound.served[0] * groups[0].value + bound.served[1] * groups[1].value, bound.value,
                1e-9);
  }
}

TEST(FluidBound, IsNeverBelowWhatCanBeDone) {
  Rng rng(2);
  const auto below = [&](std::uint64_t n) { return rng.next() % n; };
  for (int trial = 0; trial < 200; ++trial) {
    const std::size_t patience = below(3);
    std::vector<FluidGroup> groups(2);
    for (FluidGroup& group : groups) {
      group.value = static_cast<double>(1 + below(4));
      group.work = static_cast<double>(1 + below(3));
      for (int s = 0; s < 3; ++s) group.arrivals.push_back(static_cast<std::uint32_t>(below(2)));
    }
    std::vector<double> capacity;
    for (int s = 0; s < 5; ++s) capacity.push_back(static_cast<double>(below(5)));
    EXPECT_GE(fluid_bound(groups, capacity, patience).value + 1e-9,
              exhaustive(groups, capacity, patience))
        << "trial " << trial;
  }
}

TEST(FluidBound, PrefersValuePerWork) {
  const std::vector<FluidGroup> groups = {{.value = 8, .work = 4, .arrivals = {1}},
                                          {.value = 3, .work = 1, .arrivals = {2}}};
  const FluidBound bound = fluid_bound(groups, {4}, 0);
  EXPECT_DOUBLE_EQ(bound.served[1], 2);
  EXPECT_DOUBLE_EQ(bound.served[0], 0.5);
  EXPECT_DOUBLE_EQ(bound.value, 10);
}

}  // namespace
}  // namespace loadline::simulator
