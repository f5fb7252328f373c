// SPDX-License-Identifier: Apache-2.0
// Dry run: the verdict is computed and counted, and the operation is admitted whatever it says.
//
// There is no queue then, but there would be one, and it is kept as a number: whatever the verdict
// lets in enters, and whatever the database answers leaves, since that is what it can do. What is
// inside beyond the limit would wait. The rejector is told of that queue, so it settles where it
// would. (The database executes what would have been shed as well. If that makes it answer less
// than it could, this counts more than would be shed.)
#include <algorithm>

#include "shedder/gate_state.h"

namespace loadline {
namespace {

constexpr Duration kArmAfter = std::chrono::milliseconds(250);  // As without a dry run.

}  // namespace

std::uint32_t Gate::State::rehearsed_waiting() const noexcept {
  return dry_run.load(std::memory_order_relaxed) ? rehearsed_queue.load(std::memory_order_relaxed)
                                                 : counter.read().waiting;
}

Verdict Gate::State::rehearse(Operation& operation, ShedReason reason, TimePoint now) noexcept {
  if (reason == ShedReason::none) reason = rehearsed_reason(operation);
  ObservationShard& shard = shard_of(operation);
  shard.tiers[tier_index(operation)].admitted_at_once.add(1);
  if (reason == ShedReason::none) {
    shard.demands[demand_index(operation)].entered.add(1);
    shard.entered_work.add(cost_of(operation));
  } else {
    count_would_shed(operation, reason);
    if (reason == ShedReason::scorecard) {
      scorecards.count_shed(operation.profile_.scorecards[operation.over_scorecard_]);
    }
  }
  operation.is_rehearsal_ = dry_run.load(std::memory_order_relaxed);
  if (!operation.is_rehearsal_ && reason == ShedReason::none) {
    shard.demands[demand_index(operation)].started.add(1);
  }
  activate(operation, counter.take_regardless(), now);
  operation.verdict_.rehearsed = reason;
  return operation.verdict_;
}

ShedReason Gate::State::rehearsed_reason(const Operation& operation) noexcept {
  const std::uint8_t over = operation.over_scorecard_;
  if (over != Operation::kNoScorecard) {
    const ScorecardKey& key = operation.profile_.scorecards[over];
    const std::uint32_t active =
        scorecards.counts().counts(operation.scorecard_slots_[over]).active;
    if (active > std::uint64_t{scorecards.cap(key)} + scorecards.waiting_max(key)) {
      return ShedReason::scorecard;
    }
  }
  if (!is_within_threshold(operation)) return ShedReason::overload;
  const double waiting = rehearsed_waiting();
  const auto rate = static_cast<double>(throughput.load(std::memory_order_relaxed));
  if (waiting == 0 || rate <= 0) return ShedReason::none;
  const double wait_seconds = waiting / rate;
  const auto seconds = [](Duration duration) {
    return std::chrono::duration<double>(duration).count();
  };
  if (wait_seconds > seconds(rehearsed_wait_max.load(std::memory_order_relaxed))) {
    return ShedReason::queue_timeout;
  }
  const Duration asked = operation.profile_.deadline;
  const Duration deadline =
      asked == Duration::zero() ? default_deadline.load(std::memory_order_relaxed) : asked;
  return wait_seconds > seconds(deadline) ? ShedReason::deadline : ShedReason::none;
}

void Gate::State::end_rehearsal(Operation& operation) noexcept {
  if (!operation.is_rehearsal_) return;
  operation.is_rehearsal_ = false;
  shard_of(operation).demands[demand_index(operation)].started.add(1);
}

void Gate::State::begin_rehearsals() noexcept {
  for (std::size_t i = 0; i < kDemandCount; ++i) {
    rehearsal_mark[i] = {};
    for (const auto& shard : shards) shard->demands[i].add_to(rehearsal_mark[i]);
  }
  rehearsed_inside = {};
  rehearsed_queue.store(0, std::memory_order_relaxed);
}

void Gate::State::run_rehearsals(TimePoint now) noexcept {
  if (!options.dry_run) return;
  double inside = 0;
  for (std::size_t i = 0; i < kDemandCount; ++i) {
    Rejector::Flow flow;
    for (const auto& shard : shards) shard->demands[i].add_to(flow);
    const Rejector::Flow& mark = rehearsal_mark[i];
    rehearsed_inside[i] += static_cast<double>(flow.entered - mark.entered) -
                           static_cast<double>(flow.started - mark.started);
    rehearsed_inside[i] = std::max(0.0, rehearsed_inside[i]);
    rehearsal_mark[i] = flow;
    inside += rehearsed_inside[i];
  }
  const double limit = slots.load(std::memory_order_relaxed);
  const auto queue_now = static_cast<std::uint32_t>(std::max(0.0, inside - limit));
  rehearsed_queue.store(queue_now, std::memory_order_relaxed);
  if (queue_now == 0) rehearsed_queue_since = now;
}

void Gate::State::admit_all_waiting(TimePoint now) noexcept {
  queue.unpark_all();
  publish_waiting();
  while (Operation* const next =
             queue.best(WaitQueue::Order::oldest_first, WaitQueue::Lanes::all)) {
    start_regardless(*next, now);
  }
}

void Gate::State::describe_rehearsal(Rejector::Input& input, TimePoint now) const noexcept {
  const double waiting = rehearsed_queue.load(std::memory_order_relaxed);
  double inside = 0;
  for (const double of_demand : rehearsed_inside) inside += of_demand;
  for (std::size_t i = 0; i < kDemandCount; ++i) {
    const double share = inside > 0 ? rehearsed_inside[i] / inside : 0;
    input.waiting[i] = static_cast<std::uint32_t>(waiting * share);
    input.flows[i].started =
        input.flows[i].entered - static_cast<std::uint64_t>(rehearsed_inside[i]);
  }
  input.active = std::min(inside, input.limit);
  input.may_arm = elapsed_since(rehearsed_queue_since, now) >= kArmAfter;
}

}  // namespace loadline
