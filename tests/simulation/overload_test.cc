// SPDX-License-Identifier: Apache-2.0
// Outcomes of the whole engine under overload, over several seeds. Modelled, so the figures say
// nothing of a real database; what breaks here will break there.
#include <gtest/gtest.h>

#include <cmath>
#include <string>

#include "tests/simulation/simulation.h"

namespace loadline {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr std::uint64_t kSeeds = 2;

struct Machine {
  std::string name;
  ModelDatabase::Law law;
  Duration work;    // Of one operation, alone.
  double capacity;  // Peak, in operations a second.
  double knee_min;  // Where a good limit lies.
  double knee_max;
};

// Contention and crosstalk: peak at 44 active, 95% of it at 30.
Machine crosstalk() {
  return {"crosstalk", ModelDatabase::scalability(0.02, 5e-4), milliseconds(20), 784, 24, 56};
}
// Many active cost nothing here but latency.
Machine sixteen_processors() {
  return {"16 processors", ModelDatabase::processors(16), milliseconds(20), 800, 13, 32};
}
// A small database whose locks bite early: peak at 8.
Machine contended() {
  return {"contended", ModelDatabase::scalability(0.4, 0.01), milliseconds(5), 367, 4, 12};
}

std::vector<Machine> machines() { return {crosstalk(), sixteen_processors(), contended()}; }

// t0 10% and t1 30% of the capacity, the rest t3 and t5.
std::array<double, kTierCount> mix(double capacity, double load) {
  const double rest = std::max(load - 0.4, 0.0) / 2;
  const double scale = std::min(load / 0.4, 1.0);
  return {0.1 * capacity * scale, 0.3 * capacity * scale, 0, rest * capacity, 0, rest * capacity};
}

Scenario steady(const Machine& machine, double load) {
  const double capacity = machine.capacity;
  return {.database = machine.law,
          .work_mean = machine.work,
          .offered = [=](Duration) { return mix(capacity, load); },
          .length = seconds(40)};
}

TEST(Overload, KeepsTheDatabaseBusyAndServesTheImportant) {
  for (const Machine& machine : machines()) {
    for (const auto work : {Scenario::Work::constant, Scenario::Work::exponential}) {
      for (const double load : {3.0, 10.0}) {
        for (std::uint64_t seed = 1; seed <= kSeeds; ++seed) {
          SCOPED_TRACE(machine.name + " work=" + std::to_string(static_cast<int>(work)) +
                       " load=" + std::to_string(load) + " seed=" + std::to_string(seed));
          Scenario scenario = steady(machine, load);
          scenario.work = work;
          const Report report = simulate(scenario, seed);
          EXPECT_GT(report.goodput(10, 40), 0.9 * machine.capacity);
          EXPECT_GE(report.success(Tier::t0, 5, 40), 0.99);
          EXPECT_GE(report.success(Tier::t1, 5, 40), 0.99);
          EXPECT_GT(report.success(Tier::t5, 5, 40), 0.0) << "the starvation floor";
          EXPECT_EQ(report.end.active, 0U);
          EXPECT_EQ(report.end.waiting, 0U);
        }
      }
    }
  }
}

TEST(Overload, StaysUsefulUnderAHeavyTail) {
  for (Machine machine : {crosstalk(), sixteen_processors()}) {
    // So that the longest have a chance to be in time at all.
    machine.work = milliseconds(5);
    machine.capacity *= 4;
    for (std::uint64_t seed = 1; seed <= kSeeds; ++seed) {
      SCOPED_TRACE(machine.name + " seed=" + std::to_string(seed));
      Scenario scenario = steady(machine, 3);
      scenario.length = seconds(25);
      scenario.work = Scenario::Work::heavy_tailed;
      const Report report = simulate(scenario, seed);
      EXPECT_GT(report.goodput(10, 25), 0.85 * machine.capacity);
      EXPECT_GE(report.success(Tier::t1, 5, 25), 0.98);
      EXPECT_LT(report.mean_limit(10, 25), 2 * machine.knee_max) << "it must not run away";
    }
  }
}

TEST(Overload, FindsTheKneeWithinSecondsAndStaysThere) {
  for (const Machine& machine : machines()) {
    for (std::uint64_t seed = 1; seed <= kSeeds; ++seed) {
      SCOPED_TRACE(machine.name + " seed=" + std::to_string(seed));
      Scenario scenario = steady(machine, 3);
      scenario.length = seconds(65);
      scenario.work = Scenario::Work::constant;
      const Report report = simulate(scenario, seed);
      for (const std::size_t from : {15U, 60U}) {
        EXPECT_GE(report.mean_limit(from, from + 5), machine.knee_min) << "at " << from << " s";
        EXPECT_LE(report.mean_limit(from, from + 5), machine.knee_max) << "at " << from << " s";
      }
    }
  }
}

TEST(Overload, DoesNotDriftInMildOverload) {
  // The failure of Gradient2: its limit and its reference latency pull each other up.
  const Machine machine = crosstalk();
  Scenario scenario = steady(machine, 1.2);
  scenario.length = seconds(300);
  const Report report = simulate(scenario, 1);
  EXPECT_GT(report.goodput(250, 300), 0.9 * machine.capacity);
  EXPECT_LE(report.mean_limit(250, 300), machine.knee_max);
}

TEST(Overload, RefusesNothingWhileEverybodyFits) {
  for (const Machine& machine : machines()) {
    for (std::uint64_t seed = 1; seed <= kSeeds; ++seed) {
      SCOPED_TRACE(machine.name + " seed=" + std::to_string(seed));
      const Report report = simulate(steady(machine, 0.5), seed);
      for (const Tier tier : {Tier::t0, Tier::t1, Tier::t3, Tier::t5}) {
        EXPECT_GE(report.success(tier, 0, 40), 0.998);
      }
    }
  }
}

TEST(Overload, RecoversFromAFreezeThoughClientsRetry) {
  // At 80% load a naive queue never recovers from this: it serves those who have left.
  for (const Machine& machine : machines()) {
    for (std::uint64_t seed = 1; seed <= kSeeds; ++seed) {
      SCOPED_TRACE(machine.name + " seed=" + std::to_string(seed));
      Scenario scenario = steady(machine, 0.8);
      scenario.attempts_max = 3;
      scenario.length = seconds(60);
      scenario.capacity = [](Duration since) {
        return since >= seconds(20) && since < seconds(30) ? 0.0 : 1.0;
      };
      const Report report = simulate(scenario, seed);
      EXPECT_GT(report.goodput(10, 20), 0.75 * machine.capacity) << "before";
      EXPECT_GT(report.goodput(34, 60), 0.75 * machine.capacity) << "four seconds after it";
      EXPECT_GE(report.success(Tier::t1, 34, 58), 0.99);
      EXPECT_EQ(report.end.active, 0U);
    }
  }
}

TEST(Overload, ASpikeOfTenTimesTheLoadLeavesNoTrace) {
  for (std::uint64_t seed = 1; seed <= kSeeds; ++seed) {
    SCOPED_TRACE("seed=" + std::to_string(seed));
    const Machine machine = crosstalk();
    Scenario scenario = steady(machine, 0.8);
    scenario.attempts_max = 3;
    const double capacity = machine.capacity;
    scenario.offered = [=](Duration since) {
      return mix(capacity, since >= seconds(10) && since < seconds(20) ? 8 : 0.8);
    };
    const Report report = simulate(scenario, seed);
    EXPECT_GT(report.goodput(12, 20), 0.88 * machine.capacity) << "during it";
    EXPECT_GE(report.success(Tier::t1, 10, 20), 0.99) << "during it";
    EXPECT_GT(report.goodput(22, 40), 0.75 * machine.capacity) << "after it";
    EXPECT_GE(report.success(Tier::t5, 22, 38), 0.99) << "after it";
  }
}

TEST(Overload, ServesShortDeadlinesNewestFirst) {
  // With 100 ms and a standing queue, oldest first would serve only those who are about to leave.
  Machine machine = crosstalk();
  machine.work = milliseconds(5);
  machine.capacity = 3136;
  Scenario scenario = steady(machine, 3);
  scenario.length = seconds(20);
  scenario.deadline = milliseconds(100);
  for (std::uint64_t seed = 1; seed <= kSeeds; ++seed) {
    const Report report = simulate(scenario, seed);
    EXPECT_GT(report.goodput(10, 20), 0.9 * machine.capacity) << "seed=" << seed;
  }
}

TEST(Overload, FollowsAMachineThatBecomesSlower) {
  // A uniform slowdown moves the throughput, not the knee.
  const Machine machine = crosstalk();
  Scenario scenario = steady(machine, 3);
  scenario.length = seconds(60);
  scenario.capacity = [](Duration since) { return since < seconds(20) ? 1.0 : 0.6; };
  for (std::uint64_t seed = 1; seed <= kSeeds; ++seed) {
    const Report report = simulate(scenario, seed);
    EXPECT_GT(report.goodput(30, 60), 0.9 * 0.6 * machine.capacity) << "seed=" << seed;
    // t0 and t1 need two thirds of what is left.
    EXPECT_GE(report.success(Tier::t1, 30, 60), 0.98) << "seed=" << seed;
  }
}

TEST(Overload, AFixedLimitAtTheKneeIsServedAsWell) {
  const Machine machine = crosstalk();
  Scenario scenario = steady(machine, 3);
  scenario.options.limit_mode = LimitMode::fixed;
  scenario.options.limit_initial = 40;
  const Report report = simulate(scenario, 1);
  EXPECT_GT(report.goodput(5, 40), 0.97 * machine.capacity);
}

TEST(Overload, TheSameSeedIsTheSameRun) {
  Scenario scenario = steady(crosstalk(), 3);
  scenario.length = seconds(10);
  EXPECT_EQ(simulate(scenario, 7).seconds, simulate(scenario, 7).seconds);
  EXPECT_NE(simulate(scenario, 7).seconds, simulate(scenario, 8).seconds);
}

}  // namespace
}  // namespace loadline
