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
  State& state = *state_;
  const bool rehearses = profile.dry_run || state.dry_run.load(std::memory_order_relaxed);
  ShedReason refused = ShedReason::none;
  if (state.has_signals.load(std::memory_order_relaxed)) {
    if (const auto signal = state.refusing_signal(operation, profile)) {
      refused = ShedReason::signal;
      if (!rehearses) {
        state.refuse_by_signal(operation, profile, *signal, now);
        return operation.verdict_;
      }
    }
  }
  const bool fits_caps = state.begin(operation, profile, now);
  if (rehearses) return state.rehearse(operation, refused, now);
  if (!fits_caps && state.is_beyond_scorecards(operation)) {
    state.refuse(operation, ShedReason::scorecard, now);
    return operation.verdict_;
  }
  if (!state.passes_threshold(operation, now)) return operation.verdict_;
  if (fits_caps && state.start_at_once(operation, now)) return operation.verdict_;
  const State::Lock lock(state.mutex);
  // A slot may have come free while we waited for the lock.
  if (fits_caps && state.start_at_once(operation, now)) return operation.verdict_;
  state.wait_or_shed(operation, now);
  return operation.verdict_;
}

void Gate::admit_unconditionally(Operation& operation, const OperationProfile& profile,
                                 TimePoint now) noexcept {
  State& state = *state_;
  (void)state.begin(operation, profile, now);
  ObservationShard& shard = state.shard_of(operation);
  shard.tiers[State::tier_index(operation)].admitted_at_once.add(1);
  DemandCounters& demand = shard.demands[State::demand_index(operation)];
  demand.entered.add(1);
  demand.started.add(1);
  shard.entered_work.add(state.cost_of(operation));
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
  if (state.has_signals.load(std::memory_order_relaxed) &&
      !state.may_ride_past_signals(profile, shard)) {
    return false;
  }
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
  state_->release(operation, operation.served_, now);
}

void Gate::resume(Operation& operation, TimePoint now) noexcept {
  assert(operation.state_ == Operation::State::held);
  (void)state_->enter_caps(operation);
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
  const Duration service = state.service_until(operation, now);
  operation.state_ = Operation::State::idle;
  if (was_active) {
    state.release(operation, service, now);
  } else {
    state.shard_of(operation).held.add(-1);
  }
  state.end_rehearsal(operation);
}

bool Gate::abandon(Operation& operation, TimePoint /*now*/) noexcept {
  State& state = *state_;
  const State::Lock lock(state.mutex);
  if (operation.state_ != Operation::State::waiting) return false;
  state.unlink(operation);
  state.publish_waiting();
  operation.state_ = Operation::State::idle;
  state.decided.tiers[State::tier_index(operation)].abandoned_waiting.add(1);
  return true;
}

bool Gate::take_wake_request() noexcept {
  // The read alone is free when there is none, and every worker asks often.
  return state_->wake_requested.load(std::memory_order_relaxed) &&
         state_->wake_requested.exchange(false, std::memory_order_acq_rel);
}

bool Gate::State::begin(Operation& operation, const OperationProfile& profile,
                        TimePoint now) noexcept {
  assert(operation.state_ == Operation::State::idle);
  assert(operation.worker_index_ < worker_count);
  operation.profile_ = profile;
  operation.offered_at_ = now;
  operation.served_ = Duration::zero();
  operation.charged_ = 0;
  const bool fits_caps = enter_caps(operation);
  operation.demand_ = static_cast<std::uint8_t>(demand_of(operation, fits_caps));
  ObservationShard& shard = shard_of(operation);
  shard.tiers[tier_index(operation)].offered.add(1);
  DemandCounters& demand = shard.demands[demand_index(operation)];
  demand.offered.add(1);
  const TenantShares::Slot tenant = TenantShares::slot_of(profile.priority.tier(), profile.tenant);
  shard.tenants[tenant].add(cost_of(operation));
  operation.place_ = tenants.place(profile.priority, tenant, shard.rng.next());
  demand.offered_by_place[operation.place_].add(1);
  return fits_caps;
}

bool Gate::State::is_within_threshold(const Operation& operation) noexcept {
  const auto threshold = PriorityThreshold::from_word(
      thresholds[demand_index(operation)].load(std::memory_order_relaxed));
  return threshold.is_open() || threshold.passes(operation.place_, shard_of(operation).rng.next());
}

bool Gate::State::passes_threshold(Operation& operation, TimePoint now) noexcept {
  ObservationShard& shard = shard_of(operation);
  const bool passes = is_within_threshold(operation);
  if (passes || rejector_rehearses.load(std::memory_order_relaxed)) {
    if (!passes) count_would_shed(operation, ShedReason::overload);
    shard.demands[demand_index(operation)].entered.add(1);
    shard.entered_work.add(cost_of(operation));
    return true;
  }
  refuse(operation, ShedReason::overload, now);
  return false;
}

void Gate::State::refuse(Operation& operation, ShedReason reason, TimePoint now) noexcept {
  if (leave_caps(operation)) {
    const Lock lock(mutex);
    unpark_caps(operation);
    publish_waiting();
    dispatch(now);
  }
  ObservationShard& shard = shard_of(operation);
  set_shed(operation, reason, shard.rng, now);
  shard.tiers[tier_index(operation)].shed[static_cast<std::size_t>(reason)].add(1);
}

void Gate::State::count_would_shed(const Operation& operation, ShedReason reason) noexcept {
  shard_of(operation).tiers[tier_index(operation)].would_shed[static_cast<std::size_t>(reason)].add(
      1);
}

double Gate::State::cost_of(const Operation& operation) const noexcept {
  if (operation.profile_.fingerprint == 0) return 1;
  return static_cast<double>(
      fingerprints.limits(operation.fingerprint_slot_).cost.load(std::memory_order_relaxed));
}

Demand Gate::State::demand_of(const Operation& operation, bool fits_caps) noexcept {
  if (operation.is_heavy_) return Demand::heavy;
  if (!fits_caps) return Demand::capped;
  return operation.profile_.operation_class == OperationClass::read ? Demand::read : Demand::write;
}

bool Gate::State::start_at_once(Operation& operation, TimePoint now) noexcept {
  SlotCounter::Counts counts;
  if (draining.load(std::memory_order_relaxed) ||
      !counter.take_if_calm(slots.load(std::memory_order_relaxed), counts)) {
    return false;
  }
  activate(operation, counts, now);
  ObservationShard& shard = shard_of(operation);
  shard.tiers[tier_index(operation)].admitted_at_once.add(1);
  shard.demands[demand_index(operation)].started.add(1);
  return true;
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

void Gate::State::release(Operation& operation, Duration service, TimePoint now) noexcept {
  const bool somebody_is_parked = leave_caps(operation);
  if (counter.give_back().waiting == 0 && !somebody_is_parked) return;
  const Lock lock(mutex);
  if (somebody_is_parked) {
    unpark_caps(operation);
    publish_waiting();
  }
  if (operation.charged_ > 0 && estimate.service() > Duration::zero()) {
    const double took = std::chrono::duration<double>(service) / estimate.service();
    queue.correct(operation, took - operation.charged_);
    operation.charged_ = took;  // A transaction comes here after each of its statements.
  }
  dispatch(now);
}

Duration Gate::State::service_until(const Operation& operation, TimePoint now) const noexcept {
  if (operation.state_ != Operation::State::active) return operation.served_;
  return operation.served_ + elapsed_since(operation.active_since_, now);
}

void Gate::State::record_answer(Operation& operation, Outcome outcome, TimePoint now) noexcept {
  ObservationShard& shard = shard_of(operation);
  TierCounters& tier = shard.tiers[static_cast<std::size_t>(operation.profile_.priority.tier())];
  if (outcome == Outcome::abandoned) {
    tier.abandoned_active.add(1);
    shard.overloaded.add(1);
    return;
  }
  const Duration service = service_until(operation, now);
  tier.completed.add(1);
  tier.service.record(service);
  if (outcome == Outcome::overload || outcome == Outcome::lost) tier.failed.add(1);
  if (outcome == Outcome::overload) shard.overloaded.add(1);
  if (outcome == Outcome::overload || outcome == Outcome::lost) return;

  shard.answered.add(1);
  shard.service_nanoseconds.add(service.count());
  if (service <= Duration::zero()) return;
  const double log_latency = std::log(static_cast<double>(service.count()) * 1e-9);
  // One that was held has left its fingerprint's slot, which may be another's by now.
  if (operation.profile_.fingerprint != 0 && operation.state_ == Operation::State::active) {
    FingerprintCounters& fingerprint = shard.fingerprints[operation.fingerprint_slot_];
    fingerprint.count.add(1);
    fingerprint.log_seconds.add(log_latency);
  }
  const LimitPhase phase = LimitPhase::from_number(operation.limit_phase_);
  const bool same_phase = operation.limit_phase_ == limit_phase.load(std::memory_order_relaxed);
  if (!phase.is_measured() || !same_phase) return;
  shard.samples.add(1);
  shard.sample_active.add(operation.verdict_.active);
  shard.sample_log_latency.add(
      shard.centres.centred(operation.profile_.fingerprint, phase.cycle(), log_latency));
}

}  // namespace loadline
