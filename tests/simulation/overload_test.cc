// SPDX-License-Identifier: Apache-2.0
// Outcomes of the whole engine on machines of different kinds. Modelled, so the figures say nothing
// of a real database; what breaks here will break there. Clients try once unless a test says so.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "tests/simulation/engine_run.h"

namespace loadline::simulator {
namespace {

using namespace std::chrono_literals;

constexpr std::uint64_t kSeeds = 2;
constexpr ServiceLaw kConstant = {.kind = ServiceLaw::Kind::constant};
constexpr ServiceLaw kExponential = {.kind = ServiceLaw::Kind::exponential};
constexpr ServiceLaw kHeavyTailed = {.kind = ServiceLaw::Kind::hyperexponential};

struct Machine {
  std::string name;
  SpeedLaw law;
  Duration work;    // Of one operation, alone.
  double knee_min;  // Where a good limit lies.
  double knee_max;

  // Peak, in operations a second.
  [[nodiscard]] double capacity() const {
    return knee_of(law).speed / std::chrono::duration<double>(work).count();
  }
};

// Contention and crosstalk: peak at 44 active, 95% of it at 30.
Machine crosstalk() { return {"crosstalk", SpeedLaw(), 20ms, 24, 56}; }
// Many active cost nothing here but latency.
Machine sixteen_processors() {
  return {"16 processors", {.kind = SpeedLaw::Kind::cores, .thrash = 0}, 20ms, 13, 32};
}
// A small database whose locks bite early: peak at 8.
Machine contended() { return {"contended", {.sigma = 0.4, .kappa = 0.01}, 5ms, 4, 12}; }

std::vector<Machine> machines() { return {crosstalk(), sixteen_processors(), contended()}; }

// t0 10% and t1 30% of the capacity, the rest t3 and t5, all with one statement.
Scenario steady(const Machine& machine, double load, const ServiceLaw& service = kExponential) {
  Scenario scenario;
  scenario.length = 40s;
  scenario.database = machine.law;
  scenario.clients.attempts = 1;
  scenario.classes = {{.name = "vital",
                       .load = 0.4,
                       .tiers = {0.25, 0.75, 0, 0, 0, 0},
                       .work = machine.work,
                       .service = service},
                      {.name = "rest",
                       .load = load - 0.4,
                       .tiers = {0, 0, 0, 0.5, 0, 0.5},
                       .fingerprint = "vital",
                       .work = machine.work,
                       .service = service}};
  return scenario;
}

void expect_nothing_left(const EngineRun& run) {
  EXPECT_EQ(run.record.unfinished, 0U);
  EXPECT_EQ(run.end.active, 0U);
  EXPECT_EQ(run.end.held, 0U);
  EXPECT_EQ(run.end.waiting, 0U);
}

TEST(Overload, KeepsTheDatabaseBusyAndServesTheImportant) {
  for (const Machine& machine : machines()) {
    for (const ServiceLaw& service : {kConstant, kExponential}) {
      for (const double load : {3.0, 10.0}) {
        for (std::uint64_t seed = 1; seed <= kSeeds; ++seed) {
          SCOPED_TRACE(machine.name + " " + to_text(service) + " load=" + std::to_string(load) +
                       " seed=" + std::to_string(seed));
          Scenario scenario = steady(machine, load, service);
          scenario.length = 25s;
          const EngineRun run = run_engine(scenario, seed);
          EXPECT_GT(run.goodput(10, 25), 0.85 * machine.capacity());
          EXPECT_GE(run.success(Tier::t0, 5, 24), 0.99);
          EXPECT_GE(run.success(Tier::t1, 5, 24), 0.97);
          EXPECT_GT(run.success(Tier::t5, 5, 24), 0.0) << "the starvation floor";
          expect_nothing_left(run);
        }
      }
    }
  }
}

TEST(Overload, NoStatementIsCappedForBeingWanted) {
  // Two statements that are alike but for their priority: neither is to blame.
  Scenario scenario = steady(crosstalk(), 3, kConstant);
  scenario.classes.back().fingerprint = "rest";
  for (std::uint64_t seed = 1; seed <= kSeeds; ++seed) {
    SCOPED_TRACE("seed=" + std::to_string(seed));
    const EngineRun run = run_engine(scenario, seed);
    EXPECT_GT(run.goodput(10, 40), 0.9 * crosstalk().capacity());
    EXPECT_GE(run.success(Tier::t0, 5, 39), 0.99);
    EXPECT_GE(run.success(Tier::t1, 5, 39), 0.95);
  }
}

TEST(Overload, StaysUsefulUnderAHeavyTail) {
  for (Machine machine : {crosstalk(), sixteen_processors()}) {
    // So that the longest have a chance to be in time at all.
    machine.work = 5ms;
    for (std::uint64_t seed = 1; seed <= kSeeds; ++seed) {
      SCOPED_TRACE(machine.name + " seed=" + std::to_string(seed));
      Scenario scenario = steady(machine, 3, kHeavyTailed);
      scenario.length = 25s;
      const EngineRun run = run_engine(scenario, seed);
      EXPECT_GT(run.goodput(10, 25), 0.85 * machine.capacity());
      EXPECT_GE(run.success(Tier::t1, 5, 24), 0.98);
      EXPECT_LT(run.limit_mean(10, 25), 2 * machine.knee_max) << "it must not run away";
    }
  }
}

TEST(Overload, FindsTheKneeWithinSecondsAndStaysThere) {
  for (const Machine& machine : machines()) {
    for (std::uint64_t seed = 1; seed <= kSeeds; ++seed) {
      SCOPED_TRACE(machine.name + " seed=" + std::to_string(seed));
      Scenario scenario = steady(machine, 3, kConstant);
      scenario.length = 65s;
      const EngineRun run = run_engine(scenario, seed);
      for (const std::size_t from : {15U, 60U}) {
        EXPECT_GE(run.limit_mean(from, from + 5), machine.knee_min) << "at " << from << " s";
        EXPECT_LE(run.limit_mean(from, from + 5), machine.knee_max) << "at " << from << " s";
      }
    }
  }
}

TEST(Overload, DoesNotDriftInMildOverload) {
  // The failure of Gradient2: its limit and its reference latency pull each other up.
  Machine machine = crosstalk();
  machine.work = 40ms;  // Half of the events.
  Scenario scenario = steady(machine, 1.2);
  scenario.length = 25min;
  const EngineRun run = run_engine(scenario, 1);
  // The first fifth without the start.
  EXPECT_GE(run.goodput(1200, 1500), 0.98 * run.goodput(20, 320));
  EXPECT_GT(run.goodput(1200, 1500), 0.9 * machine.capacity());
  EXPECT_LE(run.limit_mean(1200, 1500), machine.knee_max);
}

TEST(Overload, RefusesNothingWhileEverybodyFits) {
  for (const Machine& machine : machines()) {
    for (std::uint64_t seed = 1; seed <= kSeeds; ++seed) {
      SCOPED_TRACE(machine.name + " seed=" + std::to_string(seed));
      const EngineRun run = run_engine(steady(machine, 0.5), seed);
      for (const Tier tier : {Tier::t0, Tier::t1, Tier::t3, Tier::t5}) {
        EXPECT_GE(run.success(tier, 0, 39), 0.998);
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
      scenario.clients.attempts = 3;
      scenario.length = 60s;
      scenario.events = {{.kind = Event::Kind::capacity, .from = 20s, .to = 30s, .value = 0}};
      const EngineRun run = run_engine(scenario, seed);
      EXPECT_GT(run.goodput(10, 20), 0.75 * machine.capacity()) << "before";
      EXPECT_GT(run.goodput(34, 60), 0.75 * machine.capacity()) << "four seconds after it";
      EXPECT_GE(run.success(Tier::t1, 34, 58), 0.99);
      expect_nothing_left(run);
    }
  }
}

TEST(Overload, ASpikeOfTenTimesTheLoadLeavesNoTrace) {
  for (std::uint64_t seed = 1; seed <= kSeeds; ++seed) {
    SCOPED_TRACE("seed=" + std::to_string(seed));
    const Machine machine = crosstalk();
    Scenario scenario = steady(machine, 0.8);
    scenario.clients.attempts = 3;
    // From 0.8 of the capacity to 8 times of it.
    scenario.events = {
        {.kind = Event::Kind::load, .from = 10s, .to = 20s, .value = 7.6 / 0.4, .of = "rest"}};
    const EngineRun run = run_engine(scenario, seed);
    EXPECT_GT(run.goodput(12, 20), 0.85 * machine.capacity()) << "during it";
    EXPECT_GE(run.success(Tier::t1, 10, 20), 0.99) << "during it";
    EXPECT_GT(run.goodput(22, 40), 0.75 * machine.capacity()) << "after it";
    EXPECT_GE(run.success(Tier::t5, 22, 38), 0.99) << "after it";
  }
}

TEST(Overload, ServesShortDeadlinesNewestFirst) {
  // With 100 ms and a standing queue, oldest first would serve only those who are about to leave.
  Machine machine = crosstalk();
  machine.work = 5ms;
  Scenario scenario = steady(machine, 3);
  scenario.length = 20s;
  scenario.clients.deadline = 100ms;
  for (std::uint64_t seed = 1; seed <= kSeeds; ++seed) {
    const EngineRun run = run_engine(scenario, seed);
    EXPECT_GT(run.goodput(10, 20), 0.9 * machine.capacity()) << "seed=" << seed;
  }
}

TEST(Overload, FollowsAMachineThatBecomesSlower) {
  // A uniform slowdown moves the throughput, not the knee.
  const Machine machine = crosstalk();
  Scenario scenario = steady(machine, 3);
  scenario.length = 60s;
  scenario.events = {{.kind = Event::Kind::capacity, .from = 20s, .to = 60s, .value = 0.6}};
  for (std::uint64_t seed = 1; seed <= kSeeds; ++seed) {
    const EngineRun run = run_engine(scenario, seed);
    EXPECT_GT(run.goodput(30, 60), 0.9 * 0.6 * machine.capacity()) << "seed=" << seed;
    // t0 and t1 need two thirds of what is left: 0.99 would be right.
    EXPECT_GE(run.success(Tier::t1, 30, 59), 0.93) << "seed=" << seed;
  }
}

TEST(Overload, AFixedLimitAtTheKneeIsServedAsWell) {
  const Machine machine = crosstalk();
  const EngineRun run =
      run_engine(steady(machine, 3), 1, {.limit_mode = LimitMode::fixed, .limit_initial = 40});
  EXPECT_GT(run.goodput(5, 40), 0.97 * machine.capacity());
}

TEST(Overload, TheSameSeedIsTheSameRun) {
  Scenario scenario = steady(crosstalk(), 3);
  scenario.length = 10s;
  const auto admitted = [&](std::uint64_t seed) {
    std::vector<std::uint32_t> values;
    for (const Moment& moment : run_engine(scenario, seed).record.moments) {
      values.push_back(moment.admitted);
    }
    return values;
  };
  EXPECT_EQ(admitted(7), admitted(7));
  EXPECT_NE(admitted(7), admitted(8));
}

}  // namespace
}  // namespace loadline::simulator
