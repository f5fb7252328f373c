// SPDX-License-Identifier: Apache-2.0
#include "proxy/simulator/replay.h"

#include <algorithm>
#include <cmath>

namespace loadline::simulator {
namespace {

// By how much a copy misses the original's time. Together they would be a batch that never was.
constexpr Duration kJitter = std::chrono::milliseconds(500);

Duration scaled(Duration duration, double factor) {
  return std::chrono::duration_cast<Duration>(duration * factor);
}

}  // namespace

Replay::Replay(const Scenario& scenario, std::uint64_t seed)
    : traffic_(*scenario.traffic), law_(scenario.database), rng_(seed) {
  const ReplayOptions& options = *scenario.replay;
  const auto& operations = traffic_.operations();
  const double whole = std::floor(options.times);
  for (std::uint32_t i = 0; i < operations.size(); ++i) {
    const bool one_more = rng_.uniform(0, 1) < options.times - whole;
    const auto count = static_cast<std::uint32_t>(whole) + (one_more ? 1 : 0);
    const Duration at = scaled(operations[i].at, 1 / options.speed);
    for (std::uint32_t k = 0; k < count; ++k) {
      const Duration moved = k == 0 ? at : at + scaled(kJitter, rng_.uniform(-1, 1));
      const Duration arrival = std::max(moved, Duration::zero());
      if (arrival < scenario.length) arrivals_.push_back({arrival, i});
    }
  }
  std::stable_sort(arrivals_.begin(), arrivals_.end(),
                   [](const Arrival& a, const Arrival& b) { return a.at < b.at; });
}

Duration Replay::next() const {
  return next_ < arrivals_.size() ? arrivals_[next_].at : Duration::max();
}

Request Replay::draw(TimePoint now) {
  const RecordedOperation& operation = traffic_.operations()[arrivals_[next_++].operation];
  return {.class_index = operation.class_index,
          .tier = operation.profile.priority.tier(),
          .tenant = operation.tenant,
          .work = draw_work(operation) / operation.statements,
          .statements = operation.statements,
          .pause = operation.pause,
          .recorded = &operation.profile,
          .arrived = now};
}

// Of one that was not served to its end it is known what its like took, and that it takes no less
// than it had.
Duration Replay::draw_work(const RecordedOperation& operation) {
  const Duration known = Traffic::work_of(operation, law_);
  if (operation.is_whole) return known;
  const std::vector<std::uint32_t>& like = traffic_.like(operation);
  const std::uint32_t drawn = like[rng_.next() % like.size()];
  return std::max(known, Traffic::work_of(traffic_.operations()[drawn], law_));
}

}  // namespace loadline::simulator
