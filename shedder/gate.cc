// SPDX-License-Identifier: Apache-2.0
#include "shedder/gate.h"

#include <cassert>
#include <cmath>

#include "shedder/gate_state.h"

namespace loadline {

Gate::Gate(const GateOptions& options, std::uint32_t worker_count, std::uint64_t seed)
    : state_(std::make_unique<State>(options, worker_count, seed)) {}

Gate::~Gate() = default;

Verdict Gate::offer(Operation& operation, const OperationProfile& profile, TimePoint now) noexcept {
  assert(operation.state_ == Operation::State::idle);
  assert(operation.worker_index_ < state_->worker_count);
  State& state = *state_;
  TierCounters& tier =
      state.shard_of(operation).tiers[static_cast<std::size_t>(profile.priority.tier())];
  tier.offered.add(1);
  operation.profile_ = profile;
  operation.offered_at_ = now;
  operation.served_ = Duration::zero();

  SlotCounter::Counts counts;
  if (!state.draining.load(std::memory_order_relaxed) &&
      state.counter.take_if_calm(state.slots.load(std::memory_order_relaxed), counts)) {
    state.activate(operation, counts, now);
    tier.admitted_at_once.add(1);
    return operation.verdict_;
  }
  const State::Lock lock(state.mutex);
  state.wait_or_shed(operation, now);
  return operation.verdict_;
}

void Gate::admit_unconditionally(Operation& operation, const OperationProfile& profile,
                                 TimePoint now) noexcept {
  assert(operation.state_ == Operation::State::idle);
  State& state = *state_;
  TierCounters& tier =
      state.shard_of(operation).tiers[static_cast<std::size_t>(profile.priority.tier())];
  tier.offered.add(1);
  tier.admitted_at_once.add(1);
  operation.profile_ = profile;
  operation.offered_at_ = now;
  operation.served_ = Duration::zero();
  state.activate(operation, state.counter.take_regardless(), now);
}

bool Gate::ride(Operation& operation, const OperationProfile& profile, TimePoint /*now*/) noexcept {
  assert(operation.state_ == Operation::State::active);
  State& state = *state_;
  const SlotCounter::Counts counts = state.counter.read();
  const bool calm =
      counts.waiting == 0 && counts.active <= state.slots.load(std::memory_order_relaxed);
  // The slot was given to a tier; another one must ask for itself.
  if (!calm || state.draining.load(std::memory_order_relaxed) ||
      profile.priority.tier() != operation.profile_.priority.tier()) {
    return false;
  }
  ObservationShard& shard = state.shard_of(operation);
  TierCounters& tier = shard.tiers[static_cast<std::size_t>(profile.priority.tier())];
  tier.offered.add(1);
  tier.admitted_at_once.add(1);
  shard.ridden.add(1);
  return true;
}

void Gate::complete_ridden(Operation& operation, Outcome outcome, TimePoint now) noexcept {
  assert(operation.state_ == Operation::State::active);
  State& state = *state_;
  state.record_answer(operation, outcome, now);
  // The database has the next one already, and begins it now.
  operation.served_ = Duration::zero();
  operation.active_since_ = now;
  operation.limit_phase_ = state.limit_phase.load(std::memory_order_relaxed);
}

void Gate::hold(Operation& operation, TimePoint now) noexcept {
  assert(operation.state_ == Operation::State::active);
  operation.served_ += elapsed_since(operation.active_since_, now);
  operation.state_ = Operation::State::held;
  state_->shard_of(operation).held.add(1);
  state_->release_slot(now);
}

void Gate::resume(Operation& operation, TimePoint now) noexcept {
  assert(operation.state_ == Operation::State::held);
  state_->counter.take_regardless();
  state_->shard_of(operation).held.add(-1);
  operation.state_ = Operation::State::active;
  operation.active_since_ = now;
}

void Gate::complete(Operation& operation, Outcome outcome, TimePoint now) noexcept {
  State& state = *state_;
  const bool was_active = operation.state_ == Operation::State::active;
  assert(was_active || operation.state_ == Operation::State::held);
  state.record_answer(operation, outcome, now);
  operation.state_ = Operation::State::idle;
  if (was_active) {
    state.release_slot(now);
  } else {
    state.shard_of(operation).held.add(-1);
  }
}

bool Gate::abandon(Operation& operation, TimePoint /*now*/) noexcept {
  State& state = *state_;
  const State::Lock lock(state.mutex);
  if (operation.state_ != Operation::State::waiting) return false;
  state.unlink(operation);
  state.counter.stop_waiting();
  operation.state_ = Operation::State::idle;
  const auto tier = static_cast<std::size_t>(operation.profile_.priority.tier());
  state.decided.tiers[tier].abandoned_waiting.add(1);
  return true;
}

bool Gate::take_wake_request() noexcept {
  // The read alone is free when there is none, and every worker asks often.
  return state_->wake_requested.load(std::memory_order_relaxed) &&
         state_->wake_requested.exchange(false, std::memory_order_acq_rel);
}

void Gate::State::activate(Operation& operation, SlotCounter::Counts counts,
                           TimePoint now) const noexcept {
  operation.state_ = Operation::State::active;
  operation.active_since_ = now;
  operation.limit_phase_ = limit_phase.load(std::memory_order_relaxed);
  operation.verdict_ = {.kind = Verdict::Kind::admit,
                        .reason = ShedReason::none,
                        .active = counts.active,
                        .waiting = counts.waiting,
                        .limit = static_cast<double>(slots.load(std::memory_order_relaxed)),
                        .waited = Duration::zero(),
                        .retry_after = Duration::zero()};
}

void Gate::State::release_slot(TimePoint now) noexcept {
  if (counter.give_back().waiting == 0) return;
  const Lock lock(mutex);
  dispatch(now);
}

void Gate::State::record_answer(Operation& operation, Outcome outcome, TimePoint now) noexcept {
  ObservationShard& shard = shard_of(operation);
  TierCounters& tier = shard.tiers[static_cast<std::size_t>(operation.profile_.priority.tier())];
  if (outcome == Outcome::abandoned) {
    tier.abandoned_active.add(1);
    shard.overloaded.add(1);
    return;
  }
  Duration service = operation.served_;
  if (operation.state_ == Operation::State::active) {
    service += elapsed_since(operation.active_since_, now);
  }
  tier.completed.add(1);
  tier.service.record(service);
  if (outcome == Outcome::overload || outcome == Outcome::lost) tier.failed.add(1);
  if (outcome == Outcome::overload) shard.overloaded.add(1);
  if (outcome == Outcome::overload || outcome == Outcome::lost) return;

  shard.answered.add(1);
  shard.service_nanoseconds.add(service.count());
  const LimitPhase phase = LimitPhase::from_number(operation.limit_phase_);
  const bool same_phase = operation.limit_phase_ == limit_phase.load(std::memory_order_relaxed);
  if (!phase.is_measured() || !same_phase || service <= Duration::zero()) return;
  const double log_latency = std::log(static_cast<double>(service.count()) * 1e-9);
  shard.samples.add(1);
  shard.sample_active.add(operation.verdict_.active);
  shard.sample_log_latency.add(
      shard.centres.centred(operation.profile_.fingerprint, phase.cycle(), log_latency));
}

}  // namespace loadline
