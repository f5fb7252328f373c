// SPDX-License-Identifier: Apache-2.0
#include "proxy/simulator/fluid_bound.h"

#include <algorithm>
#include <limits>
#include <numeric>

namespace loadline::simulator {
namespace {

std::vector<std::size_t> by_value_per_work(const std::vector<FluidGroup>& groups) {
  std::vector<std::size_t> order(groups.size());
  std::iota(order.begin(), order.end(), 0);
  std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
    return groups[a].value * groups[b].work > groups[b].value * groups[a].work;
  });
  return order;
}

// The room that earlier groups have left, step by step.
class Room {
 public:
  Room(const std::vector<double>& capacity, std::size_t steps, std::size_t patience)
      : until_(steps), before_(steps), room_after_(steps) {
    std::vector<double> sum(capacity.size() + 1);
    std::partial_sum(capacity.begin(), capacity.end(), sum.begin() + 1);
    for (std::size_t s = 0; s < steps; ++s) {
      until_[s] = sum[std::min(s + patience + 1, capacity.size())];
      before_[s] = sum[std::min(s, capacity.size())];
    }
  }

  // Accepts what it can of a group. take(step, work) hears of it.
  template <typename Take>
  void fill(const FluidGroup& group, const Take& take) {
    const std::size_t steps = until_.size();
    double least = std::numeric_limits<double>::infinity();
    for (std::size_t s = steps; s-- > 0;) room_after_[s] = least = std::min(least, until_[s]);
    double most = -std::numeric_limits<double>::infinity();
    double accepted = 0;  // Of this group, in earlier steps: in none of the sums yet.
    for (std::size_t s = 0; s < steps; ++s) {
      before_[s] -= accepted;
      most = std::max(most, before_[s]);
      const double wanted = s < group.arrivals.size() ? group.arrivals[s] * group.work : 0;
      const double work = std::clamp(room_after_[s] - accepted - most, 0.0, wanted);
      accepted += work;
      until_[s] -= accepted;
      if (work > 0) take(s, work);
    }
  }

 private:
  std::vector<double> until_;       // U.
  std::vector<double> before_;      // V.
  std::vector<double> room_after_;  // The least U from a step on, before the present group.
};

}  // namespace

FluidBound fluid_bound(const std::vector<FluidGroup>& groups, const std::vector<double>& capacity,
                       std::size_t patience) {
  std::size_t steps = 0;
  for (const FluidGroup& group : groups) steps = std::max(steps, group.arrivals.size());
  FluidBound bound = {.served = std::vector<double>(groups.size()),
                      .served_by_arrival = std::vector<double>(steps)};
  Room room(capacity, steps, patience);
  for (const std::size_t index : by_value_per_work(groups)) {
    const FluidGroup& group = groups[index];
    if (group.value <= 0) continue;
    room.fill(group, [&](std::size_t step, double work) {
      const double requests = work / group.work;
      bound.served[index] += requests;
      bound.served_by_arrival[step] += requests;
      bound.value += requests * group.value;
    });
  }
  return bound;
}

}  // namespace loadline::simulator
