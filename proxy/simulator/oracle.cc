// SPDX-License-Identifier: Apache-2.0
#include "proxy/simulator/oracle.h"

#include <algorithm>
#include <cmath>
#include <map>

#include "proxy/simulator/fluid_bound.h"
#include "proxy/simulator/record.h"
#include "proxy/simulator/timeline.h"

namespace loadline::simulator {
namespace {

constexpr Duration kBackoffs = std::chrono::milliseconds(150);
// The machine changes within a step, too.
constexpr int kSamplesPerStep = 5;

double to_seconds(Duration duration) { return std::chrono::duration<double>(duration).count(); }

double work_s(const LoadClass& load_class) {
  return std::max(to_seconds(load_class.work) * load_class.statements, 1e-9);
}

struct Lock {
  std::uint32_t rows = 1;
  double processor_s = 0;  // For which a request holds its row, at full speed.
  double other_s = 0;      // And on top of that, whatever the speed.
  std::vector<std::size_t> classes = {};
};

std::map<std::string, Lock> locks_of(const Scenario& scenario) {
  std::map<std::string, Lock> locks;
  for (std::size_t i = 0; i < scenario.classes.size(); ++i) {
    const LoadClass& c = scenario.classes[i];
    if (c.lock.empty()) continue;
    const bool is_new = !locks.contains(c.lock);
    Lock& lock = locks[c.lock];
    const double processor_s = c.lock_to_end ? work_s(c) : to_seconds(c.work);
    const double other_s = c.lock_to_end ? to_seconds(c.think) * (c.statements - 1) : 0;
    lock.rows = c.rows;
    // Of classes that share a lock, the quickest: the bound must not be too low.
    lock.processor_s = is_new ? processor_s : std::min(lock.processor_s, processor_s);
    lock.other_s = is_new ? other_s : std::min(lock.other_s, other_s);
    lock.classes.push_back(i);
  }
  return locks;
}

// One scenario and its arrivals, to be asked for several kinds of value.
class Oracle {
 public:
  Oracle(const Scenario& scenario, const ArrivalCounts& arrivals)
      : scenario_(scenario), arrivals_(arrivals), locks_(locks_of(scenario)) {
    Duration deadline = {};
    for (const LoadClass& load_class : scenario.classes) {
      deadline = std::max(deadline, deadline_of(scenario, load_class));
    }
    const Duration patience = deadline * scenario.clients.attempts + kBackoffs;
    patience_ = static_cast<std::size_t>((patience + kOracleStep - Duration(1)) / kOracleStep);
    const auto steps = static_cast<std::size_t>(scenario.length / kOracleStep);
    const Timeline timeline(scenario);
    for (std::size_t s = 0; s < steps; ++s) {
      double sum = 0;
      for (int i = 0; i < kSamplesPerStep; ++i) {
        const Duration at = kOracleStep * static_cast<int>(s) + kOracleStep * i / kSamplesPerStep;
        sum += timeline.capacity(at) / timeline.work_factor(at);
      }
      machine_.push_back(sum / kSamplesPerStep);
    }
  }

  // The bound when a request of each tier is worth so much.
  [[nodiscard]] FluidBound best(const TierShares& worth) const {
    const Knee knee = knee_of(scenario_.database);
    FluidBound best;
    for (std::uint32_t n = locks_.empty() ? knee.jobs : 1; n <= knee.jobs; ++n) {
      FluidBound bound = at_concurrency(n, worth);
      if (bound.served.empty() || bound.value > best.value || best.served.empty()) {
        best = std::move(bound);
      }
    }
    return best;
  }

 private:
  [[nodiscard]] std::vector<double> processors(std::uint32_t n) const {
    const double speed = n * scenario_.database.speed(n) * to_seconds(kOracleStep);
    std::vector<double> capacity = machine_;
    for (double& value : capacity) value *= speed;
    return capacity;
  }

  [[nodiscard]] std::vector<FluidGroup> groups(const TierShares& worth) const {
    std::vector<FluidGroup> groups;
    for (std::size_t i = 0; i < arrivals_.size(); ++i) {
      groups.push_back({.value = worth[i % kTierCount],
                        .work = work_s(scenario_.classes[i / kTierCount]),
                        .arrivals = arrivals_[i]});
    }
    return groups;
  }

  // The most requests that get a lock in time, whatever else the processors have to do.
  [[nodiscard]] double served_by(const Lock& lock, std::uint32_t n) const {
    std::vector<FluidGroup> wanting;
    for (const std::size_t c : lock.classes) {
      for (std::size_t tier = 0; tier < kTierCount; ++tier) {
        wanting.push_back({.arrivals = arrivals_[c * kTierCount + tier]});
      }
    }
    std::vector<double> capacity;
    for (const double share : machine_) {
      const double held_s =
          lock.processor_s / (scenario_.database.speed(n) * std::max(share, 1e-12)) + lock.other_s;
      capacity.push_back(lock.rows * to_seconds(kOracleStep) / held_s);
    }
    return fluid_bound(wanting, capacity, patience_).value;
  }

  [[nodiscard]] FluidBound at_concurrency(std::uint32_t n, const TierShares& worth) const {
    const std::vector<double> capacity = processors(n);
    const std::vector<FluidGroup> free = groups(worth);
    FluidBound best = fluid_bound(free, capacity, patience_);
    for (const auto& [name, lock] : locks_) {
      // Prices at which the order of the groups changes: between them the bound is linear.
      const double served_max = served_by(lock, n);
      for (const double price : prices(free, lock)) {
        std::vector<FluidGroup> priced = free;
        for (const std::size_t c : lock.classes) {
          for (std::size_t tier = 0; tier < kTierCount; ++tier) {
            priced[c * kTierCount + tier].value -= price;
          }
        }
        FluidBound bound = fluid_bound(priced, capacity, patience_);
        bound.value += price * served_max;
        if (bound.value < best.value) best = std::move(bound);
      }
    }
    return best;
  }

  [[nodiscard]] static std::vector<double> prices(const std::vector<FluidGroup>& groups,
                                                  const Lock& lock) {
    std::vector<double> prices;
    for (const std::size_t c : lock.classes) {
      for (std::size_t tier = 0; tier < kTierCount; ++tier) {
        const FluidGroup& group = groups[c * kTierCount + tier];
        if (std::all_of(group.arrivals.begin(), group.arrivals.end(),
                        [](std::uint32_t count) { return count == 0; })) {
          continue;
        }
        prices.push_back(group.value);
        for (const FluidGroup& other : groups) {
          const double price = group.value - other.value / other.work * group.work;
          if (price > 0) prices.push_back(price);
        }
      }
    }
    std::sort(prices.begin(), prices.end());
    prices.erase(std::unique(prices.begin(), prices.end()), prices.end());
    return prices;
  }

  const Scenario& scenario_;
  const ArrivalCounts& arrivals_;
  std::map<std::string, Lock> locks_;
  std::size_t patience_ = 0;
  std::vector<double> machine_;  // Mean share of its speed by step, a cold cache taken off.
};

}  // namespace

OracleBounds oracle_bounds(const Scenario& scenario, const ArrivalCounts& arrivals) {
  OracleBounds bounds;
  for (std::size_t i = 0; i < arrivals.size(); ++i) {
    for (const std::uint32_t count : arrivals[i]) {
      bounds.offered += count;
      bounds.offered_utility += count * kTierUtility[i % kTierCount];
    }
  }
  const Oracle oracle(scenario, arrivals);
  TierShares alike;
  alike.fill(1);
  FluidBound good = oracle.best(alike);
  bounds.good = good.value;
  bounds.good_by_arrival = std::move(good.served_by_arrival);
  bounds.utility = oracle.best(kTierUtility).value;
  return bounds;
}

ArrivalCounts expected_arrivals(const Scenario& scenario) {
  const Timeline timeline(scenario);
  const auto steps = static_cast<std::size_t>(scenario.length / kOracleStep) + 1;
  ArrivalCounts counts(scenario.classes.size() * kTierCount, std::vector<std::uint32_t>(steps));
  for (std::size_t c = 0; c < scenario.classes.size(); ++c) {
    const TierShares& tiers = scenario.classes[c].tiers;
    double sum = 0;
    for (const double share : tiers) sum += share;
    for (std::size_t tier = 0; tier < kTierCount; ++tier) {
      double due = 0;
      for (std::size_t s = 0; s < steps; ++s) {
        due += timeline.rate(c, kOracleStep * static_cast<int>(s)) * to_seconds(kOracleStep) *
               tiers[tier] / sum;
        counts[c * kTierCount + tier][s] = static_cast<std::uint32_t>(due);
        due -= std::floor(due);
      }
    }
  }
  return counts;
}

}  // namespace loadline::simulator
