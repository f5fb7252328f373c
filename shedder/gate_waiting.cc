// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "shedder/gate_state.h"

namespace loadline {
namespace {

// Expiries at one moment would make one moment of retries. Downward, so that wait_max is a maximum.
constexpr double kExpiryJitter = 0.2;

constexpr Duration kDeadlineMax = std::chrono::hours(24);  // Keeps times far from overflow.

// The wait queue's bound: what can be served within the wait budget, and half as much again, so
// that the newest-first order has something to leave behind.
constexpr double kWaitingBudgets = 1.5;
constexpr double kWaitingMin = 64;
constexpr double kWaitingMax = 100'000;

// From how full a wait budget on it is served newest first.
constexpr double kPressedShare = 0.5;

constexpr std::uint32_t kCreditForSlot = 100;

constexpr Duration kRetryAfter = std::chrono::milliseconds(100);
constexpr double kRetryShedWeight = 4;  // Fully shedding: five times as long.
constexpr double kRetryJitterMin = 0.5;
constexpr double kRetryJitterMax = 1.5;

Duration scaled(Duration duration, double factor) noexcept {
  return std::chrono::duration_cast<Duration>(duration * factor);
}

}  // namespace

void Gate::State::wait_or_shed(Operation& operation, TimePoint now) noexcept {
  if (draining.load(std::memory_order_relaxed)) {
    return shed(operation, ShedReason::draining, now);
  }
  // A slot may have come free while we waited for the lock.
  SlotCounter::Counts counts;
  if (counter.take_if_calm(slots.load(std::memory_order_relaxed), counts)) {
    shard_of(operation).tiers[tier_index(operation)].admitted_at_once.add(1);
    return activate(operation, counts, now);
  }
  const Duration asked = operation.profile_.deadline;
  const Duration deadline = asked == Duration::zero() ? options.deadline : asked;
  operation.deadline_at_ = now + std::min(deadline, kDeadlineMax);
  if (deadline <= estimate.service()) return shed(operation, ShedReason::deadline, now);
  if (!is_room_for(operation, now)) return shed(operation, ShedReason::queue_full, now);
  begin_waiting(operation, now);
}

bool Gate::State::is_room_for(const Operation& newcomer, TimePoint now) noexcept {
  if (queue.size() < waiting_max()) return true;
  Operation& worst = queue.worst();
  if (newcomer.profile_.priority >= worst.profile_.priority) return false;
  shed_waiting(worst, ShedReason::pushed_out, now);
  return true;
}

std::uint32_t Gate::State::waiting_max() const noexcept {
  if (options.waiting_max != 0) return options.waiting_max;
  const double budget = std::chrono::duration<double>(options.wait_max).count();
  const double bound = kWaitingBudgets * estimate.throughput() * budget;
  return static_cast<std::uint32_t>(std::clamp(bound, kWaitingMin, kWaitingMax));
}

// A standing queue that is short enough for all in it to be served in time is no overload, only a
// limit at work: a pool of clients that each send the next operation at once keeps one for ever,
// and newest first would starve the oldest of them for nothing.
bool Gate::State::is_pressed(TimePoint now) const noexcept {
  const double budget = std::chrono::duration<double>(options.wait_max).count();
  const double served_in_budget = estimate.throughput() * budget;
  return pressure.under_pressure(options.pressure_after, now) &&
         static_cast<double>(queue.size()) > kPressedShare * served_in_budget;
}

void Gate::State::begin_waiting(Operation& operation, TimePoint now) noexcept {
  SlotCounter::Counts counts;
  if (!counter.wait_unless_calm(slots.load(std::memory_order_relaxed), counts)) {
    // One came free just now.
    return wait_or_shed(operation, now);
  }
  const TimePoint patience_ends = now + scaled(options.wait_max, rng.uniform(1 - kExpiryJitter, 1));
  // Later than this it would be dispatched only to be too late.
  const TimePoint doomed_at = operation.deadline_at_ - estimate.service();
  operation.expires_by_deadline_ = doomed_at < patience_ends;
  operation.expires_at_ = std::min(patience_ends, doomed_at);
  operation.state_ = Operation::State::waiting;
  operation.verdict_ = {.kind = Verdict::Kind::wait,
                        .reason = ShedReason::none,
                        .active = counts.active,
                        .waiting = counts.waiting,
                        .limit = static_cast<double>(slots.load(std::memory_order_relaxed)),
                        .waited = Duration::zero(),
                        .retry_after = Duration::zero()};
  if (queue.empty()) pressure.on_non_empty(now);
  queue.push(operation);
  wheel.add(operation);
  if (operation.expires_at_ < tick_due) {
    tick_due = operation.expires_at_;
    wake_requested.store(true, std::memory_order_release);
  }
}

void Gate::State::dispatch(TimePoint now) noexcept {
  while (!queue.empty()) {
    const bool worst_tiers_turn =
        worst_tier_credit + options.starvation_floor_percent >= kCreditForSlot;
    const auto order =
        is_pressed(now) ? WaitQueue::Order::newest_first : WaitQueue::Order::oldest_first;
    Operation& operation = worst_tiers_turn ? queue.best_of_worst_tier(order) : queue.best(order);
    if (operation.expires_at_ <= now) {  // The tick is late.
      shed_waiting(operation, expiry_reason(operation), now);
      continue;
    }
    SlotCounter::Counts counts;
    if (!counter.waiting_to_active(slots.load(std::memory_order_relaxed), counts)) return;
    worst_tier_credit += options.starvation_floor_percent;
    if (worst_tiers_turn) worst_tier_credit -= kCreditForSlot;

    unlink(operation);
    activate(operation, counts, now);
    operation.verdict_.waited = elapsed_since(operation.offered_at_, now);
    TierCounters& tier = decided.tiers[tier_index(operation)];
    tier.admitted_from_queue.add(1);
    tier.wait.record(operation.verdict_.waited);
    operation.sink_->on_verdict(operation);
  }
}

void Gate::State::expire(TimePoint now) noexcept {
  wheel.expire_due(now, [this, now](Operation& operation) {
    shed_waiting(operation, expiry_reason(operation), now);
  });
}

void Gate::State::flush(ShedReason reason, TimePoint now) noexcept {
  while (!queue.empty()) shed_waiting(queue.worst(), reason, now);
}

void Gate::State::unlink(Operation& operation) noexcept {
  queue.remove(operation);
  wheel.remove(operation);
  if (queue.empty()) pressure.on_empty();
}

void Gate::State::shed_waiting(Operation& operation, ShedReason reason, TimePoint now) noexcept {
  unlink(operation);
  counter.stop_waiting();
  shed(operation, reason, now);
  operation.sink_->on_verdict(operation);
}

void Gate::State::shed(Operation& operation, ShedReason reason, TimePoint now) noexcept {
  const SlotCounter::Counts counts = counter.read();
  // The share of sheds stands in for a rejection ratio, as long as there is no rejector.
  const double stretch = 1 + kRetryShedWeight * estimate.shed_share();
  operation.state_ = Operation::State::idle;
  operation.verdict_ = {
      .kind = Verdict::Kind::shed,
      .reason = reason,
      .active = counts.active,
      .waiting = counts.waiting,
      .limit = static_cast<double>(slots.load(std::memory_order_relaxed)),
      .waited = elapsed_since(operation.offered_at_, now),
      .retry_after = scaled(kRetryAfter, stretch * rng.uniform(kRetryJitterMin, kRetryJitterMax))};
  decided.tiers[tier_index(operation)].shed[static_cast<std::size_t>(reason)].add(1);
}

}  // namespace loadline
