// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "shedder/gate_state.h"

namespace loadline {
namespace {

constexpr Duration kTickIdle = std::chrono::milliseconds(250);

}  // namespace

Gate::State::State(const GateOptions& gate_options, std::uint32_t workers, std::uint64_t seed)
    : slots(gate_options.limit_initial),
      worker_count(workers),
      shards(std::make_unique<ObservationShard[]>(workers)),
      options(gate_options),
      wheel(TimePoint()),
      rng(seed),
      limiter(make_limiter(gate_options, gate_options.limit_initial)) {}

TimePoint Gate::tick(TimePoint now) noexcept {
  State& state = *state_;
  const State::Lock lock(state.mutex);
  state.expire(now);
  const TimePoint limiter_due = state.run_limiter(now);
  state.dispatch(now);
  state.tick_due = std::min({now + kTickIdle, limiter_due, state.wheel.next_due()});
  return state.tick_due;
}

void Gate::reconfigure(const GateOptions& options, TimePoint now) noexcept {
  State& state = *state_;
  const State::Lock lock(state.mutex);
  const bool same_mode = options.limit_mode == state.options.limit_mode;
  if (auto* knee = std::get_if<KneeLimit>(&state.limiter); knee != nullptr && same_mode) {
    knee->set_bounds({.min = options.limit_min, .max = options.limit_max});
  } else {
    // Automatic goes on from the fixed limit: it is the best guess there is.
    state.limiter = State::make_limiter(options, state.slots.load(std::memory_order_relaxed));
  }
  state.options = options;
  (void)state.run_limiter(now);
  state.dispatch(now);
}

void Gate::drain(TimePoint now) noexcept {
  State& state = *state_;
  const State::Lock lock(state.mutex);
  state.draining.store(true, std::memory_order_relaxed);
  state.flush(ShedReason::draining, now);
}

GateSnapshot Gate::snapshot() const {
  const State& state = *state_;
  GateSnapshot snapshot;
  std::int64_t held = 0;
  for (std::uint32_t i = 0; i < state.worker_count; ++i) {
    const ObservationShard& shard = state.shards[i];
    held += shard.held.read();
    snapshot.ridden += shard.ridden.read();
    for (std::size_t tier = 0; tier < kTierCount; ++tier) {
      shard.tiers[tier].add_to(snapshot.tiers[tier]);
    }
  }
  for (std::size_t tier = 0; tier < kTierCount; ++tier) {
    state.decided.tiers[tier].add_to(snapshot.tiers[tier]);
  }
  // Shards are read one after the other: an operation may have been seen to end, but not to begin.
  snapshot.held = static_cast<std::uint32_t>(std::max<std::int64_t>(held, 0));
  const SlotCounter::Counts counts = state.counter.read();
  snapshot.active = counts.active;
  snapshot.waiting = counts.waiting;
  snapshot.draining = state.draining.load(std::memory_order_relaxed);

  const State::Lock lock(state.mutex);
  snapshot.under_pressure = state.under_pressure;
  snapshot.limit = std::visit([](const auto& law) { return law.snapshot(); }, state.limiter);
  return snapshot;
}

Gate::State::Limiter Gate::State::make_limiter(const GateOptions& options, std::uint32_t initial) {
  if (options.limit_mode == LimitMode::fixed) return FixedLimit(options.limit_initial);
  return KneeLimit({.min = options.limit_min, .max = options.limit_max},
                   std::clamp(initial, options.limit_min, options.limit_max));
}

LoadTotals Gate::State::totals() const noexcept {
  LoadTotals totals;
  for (std::uint32_t i = 0; i < worker_count; ++i) shards[i].add_to(totals);
  decided.add_to(totals);
  return totals;
}

TimePoint Gate::State::run_limiter(TimePoint now) noexcept {
  const LoadTotals now_totals = totals();
  estimate.on_tick(now_totals, now);
  // Not std::visit, which may throw in theory.
  auto* const knee = std::get_if<KneeLimit>(&limiter);
  const LimitStep step = knee != nullptr ? knee->on_tick(now_totals, estimate.service(), now)
                                         : std::get_if<FixedLimit>(&limiter)->on_tick(
                                               now_totals, estimate.service(), now);
  slots.store(step.slots, std::memory_order_relaxed);
  limit_phase.store(step.phase.number(), std::memory_order_relaxed);
  under_pressure = is_pressed(now);
  return step.due;
}

}  // namespace loadline
