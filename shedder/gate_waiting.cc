// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <bit>

#include "shedder/gate_state.h"

namespace loadline {
namespace {

// Expiries at one moment would make one moment of retries. Downward, so that wait_max is a maximum.
constexpr double kExpiryJitter = 0.2;

// Of the usual service time: what is dispatched with less left is more often late than not.
constexpr double kServiceMargin = 2;

constexpr Duration kDeadlineMax = std::chrono::hours(24);  // Keeps times far from overflow.

// The wait queue's bound: what can be served within the wait budget, and half as much again, so
// that the newest-first order has something to leave behind.
constexpr double kWaitingBudgets = 1.5;
constexpr double kWaitingMin = 256;
constexpr std::uint32_t kWaitingUnknown = 1024;  // Before anything is known of the database.
constexpr double kWaitingMax = 100'000;

// From how full a wait budget on it is served newest first.
constexpr double kPressedShare = 0.5;

constexpr Duration kTickWaiting = std::chrono::milliseconds(20);

constexpr std::uint32_t kCreditForSlot = 100;

// While all that wait can be served in time, in percent. Priority then decides only who is first.
constexpr std::uint32_t kFairFloorPercent = 20;
constexpr double kCalmShedShare = 0.01;

constexpr Duration kRetryAfter = std::chrono::milliseconds(100);
constexpr double kRetryShedWeight = 4;  // Fully shedding: five times as long.
constexpr double kRetryJitterMin = 0.5;
constexpr double kRetryJitterMax = 1.5;

Duration scaled(Duration duration, double factor) noexcept {
  return std::chrono::duration_cast<Duration>(duration * factor);
}

// Who shares a turn: a tenant's light operations, its heavy ones, and those of each fingerprint
// that has a cap, since one that waits for its cap keeps all behind it waiting. For the same
// reason, those of each party that a scorecard counts apart by something else than the tenant.
std::uint64_t flow_key(const OperationProfile& profile, bool is_capped) noexcept {
  constexpr std::uint64_t kOdd = 0x9e3779b97f4a7c15U;
  const std::uint64_t kind = is_capped ? profile.fingerprint | 1U : 0;
  std::uint64_t mixed = (profile.tenant ^ std::rotl(kind * kOdd, 29)) * kOdd;
  for (std::uint8_t i = 0; i < profile.scorecard_count; ++i) {
    const ScorecardKey& key = profile.scorecards[i];
    if (key.party != profile.tenant) mixed = (mixed ^ std::rotl(key.party, 17)) * kOdd;
  }
  return mixed ^ (mixed >> 32U);
}

}  // namespace

// It is counted under its caps already.
void Gate::State::wait_or_shed(Operation& operation, TimePoint now) noexcept {
  const Duration asked = operation.profile_.deadline;
  const Duration deadline = asked == Duration::zero() ? options.deadline : asked;
  operation.deadline_at_ = now + std::min(deadline, kDeadlineMax);
  ShedReason reason = ShedReason::none;
  if (draining.load(std::memory_order_relaxed)) {
    reason = ShedReason::draining;
  } else if (deadline <= expected_service(operation)) {
    reason = ShedReason::deadline;
  } else if (!is_room_for(operation, now)) {
    reason = ShedReason::queue_full;
  }
  if (reason == ShedReason::none) {
    begin_waiting(operation, now);
  } else {
    if (leave_caps(operation)) unpark_caps(operation);
    shed(operation, reason, now);
  }
  publish_waiting();
  newcomer = &operation;
  dispatch(now);
  newcomer = nullptr;
}

bool Gate::State::is_room_for(const Operation& operation, TimePoint now) noexcept {
  if (queue.size() < waiting_max()) return true;
  was_full |= options.waiting_max != 0 || capacity() > 0;
  Operation& worst = queue.worst();
  // In its own tier the oldest goes: under pressure the newest is served first anyhow.
  if (operation.profile_.priority.tier() > worst.profile_.priority.tier()) return false;
  shed_waiting(worst, ShedReason::pushed_out, now);
  return true;
}

std::uint32_t Gate::State::waiting_max() const noexcept {
  if (options.waiting_max != 0) return options.waiting_max;
  const Duration wait_max = stall.is_stalled() ? wait_max_in_stall() : options.wait_max;
  const double budget = std::chrono::duration<double>(wait_max).count();
  const double bound = kWaitingBudgets * capacity() * budget;
  if (bound <= 0) return kWaitingUnknown;
  return static_cast<std::uint32_t>(std::clamp(bound, kWaitingMin, kWaitingMax));
}

Duration Gate::State::expected_service(const Operation& operation) const noexcept {
  if (operation.profile_.fingerprint == 0) return estimate.service();
  const float known = fingerprints.limits(operation.fingerprint_slot_)
                          .service_seconds.load(std::memory_order_relaxed);
  if (known <= 0) return estimate.service();
  const std::chrono::duration<double> expected(kServiceMargin * static_cast<double>(known));
  return std::min(std::chrono::duration_cast<Duration>(expected), kDeadlineMax);
}

// A standing queue that is short enough for all in it to be served in time is no overload, only a
// limit at work: a pool of clients that each send the next operation at once keeps one for ever,
// and newest first would starve the oldest of them for nothing.
bool Gate::State::is_pressed(TimePoint now) const noexcept {
  return pressure.under_pressure(options.pressure_after, now) && is_queue_long();
}

bool Gate::State::is_queue_long() const noexcept {
  const double budget = std::chrono::duration<double>(options.wait_max).count();
  return static_cast<double>(queue.size()) > kPressedShare * capacity() * budget;
}

// What was answered of late is no more than what was asked for: after a quiet second that is
// nothing, and the next batch would look like more than can ever be served. All slots over the time
// that each is taken for is what they could have answered (Little's law).
double Gate::State::capacity() const noexcept {
  if (estimate.service() <= Duration::zero()) return estimate.throughput();
  const double possible = static_cast<double>(slots.load(std::memory_order_relaxed)) /
                          std::chrono::duration<double>(estimate.service()).count();
  return std::max(possible, estimate.throughput());
}

bool Gate::State::is_heavy_lane_full() const noexcept {
  return heavy_active.load(std::memory_order_relaxed) >= heavy_max.load(std::memory_order_relaxed);
}

void Gate::State::begin_waiting(Operation& operation, TimePoint now) noexcept {
  const TimePoint patience_ends = now + scaled(options.wait_max, rng.uniform(1 - kExpiryJitter, 1));
  // Later than this it would be dispatched only to be too late.
  const TimePoint doomed_at = operation.deadline_at_ - expected_service(operation);
  operation.expires_by_deadline_ = doomed_at < patience_ends;
  operation.expires_at_ = std::min(patience_ends, doomed_at);
  operation.state_ = Operation::State::waiting;
  operation.verdict_ = {.kind = Verdict::Kind::wait,
                        .reason = ShedReason::none,
                        .active = counter.read().active,
                        .waiting = queue.size() + 1,
                        .limit = static_cast<double>(slots.load(std::memory_order_relaxed)),
                        .waited = Duration::zero(),
                        .retry_after = Duration::zero()};
  bool is_capped = false;
  if (operation.profile_.fingerprint != 0) {
    is_capped =
        fingerprints.limits(operation.fingerprint_slot_).cap.load(std::memory_order_relaxed) !=
        FingerprintBook::kNoCap;
  }
  suspend_caps(operation);
  operation.flow_key_ = flow_key(operation.profile_, is_capped);
  if (queue.empty()) pressure.on_non_empty(now);
  if (!operation.is_heavy_) light_waited_at = now;
  queue.push(operation);
  ++waiting_by_demand[demand_index(operation)];
  wheel.add(operation);
  // The controllers look after a queue from its beginning on.
  const TimePoint wanted = std::min(operation.expires_at_, now + kTickWaiting);
  if (wanted < tick_due) {
    tick_due = wanted;
    wake_requested.store(true, std::memory_order_release);
  }
}

// One word says whether a slot is free and whether somebody waits for one. So whoever gives a slot
// back after this call sees those who wait, and whoever gave one back before it is seen by the
// dispatch() that follows.
void Gate::State::publish_waiting() noexcept {
  const std::uint32_t added = queue.ready() - published_waiting;
  if (added == 0) return;
  counter.add_waiting(added);
  published_waiting += added;
}

// Strictly by priority, the worst tier would wait until a queue of bursts has been empty once, and
// use up its budget though there is room for all.
std::uint32_t Gate::State::starvation_floor_percent() const noexcept {
  const std::uint32_t percent = options.starvation_floor_percent;
  const bool is_calm = estimate.shed_share() < kCalmShedShare && !is_queue_long();
  return percent != 0 && is_calm ? std::max(percent, kFairFloorPercent) : percent;
}

void Gate::State::dispatch(TimePoint now) noexcept {
  while (queue.ready() > 0) {
    const auto lanes = is_heavy_lane_full() ? WaitQueue::Lanes::light_only : WaitQueue::Lanes::all;
    const std::uint32_t floor_percent = starvation_floor_percent();
    const bool worst_tiers_turn = worst_tier_credit + floor_percent >= kCreditForSlot;
    const auto order =
        is_pressed(now) ? WaitQueue::Order::newest_first : WaitQueue::Order::oldest_first;
    Operation* const next =
        worst_tiers_turn ? queue.best_of_worst_tier(order, lanes) : queue.best(order, lanes);
    if (next == nullptr) return;  // Heavy ones, which wait for their lane.
    Operation& operation = *next;
    if (operation.expires_at_ <= now) {  // The tick is late.
      shed_waiting(operation, expiry_reason(operation), now);
      continue;
    }
    const std::uint32_t limit = slots.load(std::memory_order_relaxed);
    if (counter.read().active >= limit) return;
    if (const auto full = start_caps(operation, /*regardless=*/false)) {
      queue.park(operation, *full);
      publish_waiting();
      continue;
    }
    SlotCounter::Counts counts;
    if (!counter.waiting_to_active(limit, counts)) {
      suspend_caps(operation);
      publish_waiting();
      return;
    }
    --published_waiting;
    worst_tier_credit += floor_percent;
    if (worst_tiers_turn) worst_tier_credit -= kCreditForSlot;
    start(operation, counts, now);
  }
}

void Gate::State::dispatch_probe(TimePoint now) noexcept {
  Operation* const best = queue.best(WaitQueue::Order::newest_first, WaitQueue::Lanes::light_only);
  if (best == nullptr || best->expires_at_ <= now) return;
  start_regardless(*best, now);
}

void Gate::State::start_regardless(Operation& operation, TimePoint now) noexcept {
  (void)start_caps(operation, /*regardless=*/true);
  counter.add_waiting(0U - 1U);
  --published_waiting;
  start(operation, counter.take_regardless(), now);
}

void Gate::State::start(Operation& operation, SlotCounter::Counts counts, TimePoint now) noexcept {
  const double cost = cost_of(operation);
  operation.charged_ = cost;
  queue.serve(operation, cost);
  wheel.remove(operation);
  if (queue.empty()) pressure.on_empty();
  --waiting_by_demand[demand_index(operation)];
  counts.waiting = queue.size();
  activate(operation, counts, now);
  operation.verdict_.waited = elapsed_since(operation.offered_at_, now);
  TierCounters& tier = decided.tiers[tier_index(operation)];
  tier.admitted_from_queue.add(1);
  tier.wait.record(operation.verdict_.waited);
  decided.demands[demand_index(operation)].started.add(1);
  if (&operation != newcomer) operation.sink_->on_verdict(operation);
}

void Gate::State::expire(TimePoint now) noexcept {
  wheel.expire_due(now, [this, now](Operation& operation) {
    if (stall.is_stalled() && stays_until_deadline(operation, now)) return;
    shed_waiting(operation, expiry_reason(operation), now);
  });
}

// A budget is for an overload, in which others use what one gives up. A database that stands still
// serves nobody, and a refusal would only cost the client one of its attempts.
bool Gate::State::stays_until_deadline(Operation& operation, TimePoint now) noexcept {
  const TimePoint doomed_at = operation.deadline_at_ - expected_service(operation);
  const TimePoint until = std::min(doomed_at, operation.offered_at_ + wait_max_in_stall());
  if (until <= now || operation.expires_by_deadline_) return false;
  wheel.remove(operation);
  operation.expires_at_ = until;
  operation.expires_by_deadline_ = true;
  wheel.add(operation);
  return true;
}

Duration Gate::State::wait_max_in_stall() const noexcept {
  return std::max(options.wait_max, options.deadline);
}

void Gate::State::flush(ShedReason reason, TimePoint now) noexcept {
  while (!queue.empty()) shed_waiting(queue.worst(), reason, now);
}

void Gate::State::unlink(Operation& operation) noexcept {
  queue.remove(operation);
  wheel.remove(operation);
  withdraw_caps(operation);
  if (queue.empty()) pressure.on_empty();
  --waiting_by_demand[demand_index(operation)];
}

ShedReason Gate::State::expiry_reason(Operation& operation) noexcept {
  if (operation.expires_by_deadline_) return ShedReason::deadline;
  const ShedReason cap = cap_in_the_way(operation);
  return cap == ShedReason::none ? ShedReason::queue_timeout : cap;
}

void Gate::State::shed_waiting(Operation& operation, ShedReason reason, TimePoint now) noexcept {
  unlink(operation);
  publish_waiting();
  shed(operation, reason, now);
  if (&operation != newcomer) operation.sink_->on_verdict(operation);
}

void Gate::State::shed(Operation& operation, ShedReason reason, TimePoint now) noexcept {
  set_shed(operation, reason, rng, now);
  decided.tiers[tier_index(operation)].shed[static_cast<std::size_t>(reason)].add(1);
}

void Gate::State::set_shed(Operation& operation, ShedReason reason, Rng& draws,
                           TimePoint now) noexcept {
  const SlotCounter::Counts counts = counter.read();
  const double stretch =
      1 + kRetryShedWeight * static_cast<double>(shed_ratio.load(std::memory_order_relaxed));
  operation.state_ = Operation::State::idle;
  operation.verdict_ = {
      .kind = Verdict::Kind::shed,
      .reason = reason,
      .active = counts.active,
      .waiting = counts.waiting,
      .limit = static_cast<double>(slots.load(std::memory_order_relaxed)),
      .waited = elapsed_since(operation.offered_at_, now),
      .retry_after =
          scaled(kRetryAfter, stretch * draws.uniform(kRetryJitterMin, kRetryJitterMax))};
  if (reason == ShedReason::overload) {
    const auto threshold = PriorityThreshold::from_word(
        thresholds[demand_index(operation)].load(std::memory_order_relaxed));
    operation.verdict_.threshold = static_cast<std::uint16_t>(threshold.place());
    operation.verdict_.may_retry = !threshold.refuses_all_of(operation.profile_.priority.tier());
  }
  if (reason != ShedReason::scorecard) return;
  const ScorecardKey& key = operation.profile_.scorecards[operation.over_scorecard_];
  operation.verdict_.by = *scorecard_names[key.card].load(std::memory_order_relaxed);
  operation.verdict_.cap = scorecards.cap(key);
  scorecards.count_shed(key);
}

}  // namespace loadline
