// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <utility>

#include "shedder/gate_state.h"

namespace loadline {
namespace {

using std::chrono::milliseconds;

constexpr Duration kTickIdle = milliseconds(250);
constexpr Duration kTickStalled = milliseconds(10);
constexpr Duration kFingerprintInterval = milliseconds(200);
constexpr Duration kTenantsInterval = milliseconds(200);
constexpr Duration kScorecardsInterval = milliseconds(100);
// Somebody who waits for a moment now and then shows that slots are in use, not that they are
// scarce.
constexpr Duration kScarceAfter = milliseconds(100);
constexpr Duration kRejectorInterval = milliseconds(20);
// How long a queue that is too long must have stood to be more than a burst.
constexpr Duration kArmedAfter = milliseconds(250);
constexpr Duration kProbeInterval = std::chrono::seconds(1);

// From how full on the slots count as used up.
constexpr double kSaturatedShare = 0.7;

// What heavy operations may have of the slots while light ones had to wait a moment ago.
constexpr double kHeavyShare = 0.25;
constexpr Duration kLightWaited = milliseconds(200);

std::vector<std::unique_ptr<ObservationShard>> make_shards(std::uint32_t workers,
                                                           std::size_t fingerprint_slots,
                                                           std::uint64_t seed) {
  std::vector<std::unique_ptr<ObservationShard>> shards;
  for (std::uint32_t i = 0; i < workers; ++i) {
    shards.push_back(
        std::make_unique<ObservationShard>(fingerprint_slots, TenantShares::kSlotCount, seed + i));
  }
  return shards;
}

}  // namespace

Gate::State::State(const GateOptions& gate_options, std::uint32_t workers, std::uint64_t seed)
    : slots(gate_options.limit_initial),
      fingerprint_counts(kFingerprintSlots),
      fingerprints(fingerprint_counts.slot_count()),
      worker_count(workers),
      shards(make_shards(workers, fingerprint_counts.slot_count(), ~seed)),
      decided(0, 0, seed),
      options(gate_options),
      wheel(TimePoint()),
      rng(seed),
      limiter(make_limiter(gate_options, gate_options.limit_initial)),
      fingerprint_totals(fingerprint_counts.slot_count()),
      fingerprint_active(fingerprint_counts.slot_count()) {
  open_thresholds();
  take_options(gate_options);
  reconfigure_signals(options.signals, TimePoint());
}

TimePoint Gate::tick(TimePoint now) noexcept {
  State& state = *state_;
  const State::Lock lock(state.mutex);
  state.expire(now);
  const LoadTotals totals = state.totals();
  state.run_stall_detector(totals, now);
  TimePoint due = now + kTickStalled;
  if (!state.stall.is_stalled()) {
    due = std::min(now + kTickIdle, state.run_limiter(totals, now));
    state.run_fingerprints(now);
    state.run_tenants(now);
    state.run_scorecards(now);
  }
  state.run_rehearsals(now);
  due = std::min({due, state.run_rejector(now), state.run_signals(now)});
  // Nobody who begins to wait brings the next tick forward.
  if (state.options.dry_run) due = std::min(due, now + kRejectorInterval);
  state.dispatch(now);
  state.tick_due = std::min(due, state.wheel.next_due());
  return state.tick_due;
}

void Gate::reconfigure(const GateOptions& options, TimePoint now) noexcept {
  State& state = *state_;
  const State::Lock lock(state.mutex);
  const bool same_mode =
      options.limit_mode == state.options.limit_mode && options.dry_run == state.options.dry_run;
  if (same_mode && options.limit_mode != LimitMode::fixed) {
    const LimitBounds bounds = {.min = options.limit_min, .max = options.limit_max};
    std::visit([&bounds](auto& law) { law.set_bounds(bounds); }, state.limiter);
  } else {
    // Automatic goes on from the fixed limit: it is the best guess there is.
    state.limiter = State::make_limiter(options, state.slots.load(std::memory_order_relaxed));
  }
  const bool same_cards = options.scorecards == state.options.scorecards;
  if (options.signals != state.options.signals) state.reconfigure_signals(options.signals, now);
  if (options.rejector == Enforcement::off) state.open_thresholds();
  state.take_options(options);
  if (!same_cards) {
    state.scorecards_due = now;
    state.run_scorecards(now);
    state.queue.unpark_all();
    state.publish_waiting();
  }
  (void)state.run_limiter(state.totals(), now);
  if (options.dry_run) state.admit_all_waiting(now);
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
    const ObservationShard& shard = *state.shards[i];
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
  snapshot.draining = state.draining.load(std::memory_order_relaxed);

  const State::Lock lock(state.mutex);
  snapshot.waiting = state.queue.size();
  snapshot.under_pressure = state.under_pressure;
  snapshot.is_stalled = state.stall.is_stalled();
  for (std::size_t i = 0; i < kDemandCount; ++i) {
    snapshot.rejection_ratio[i] = state.rejector.ratio(static_cast<Demand>(i));
    snapshot.passing[i] =
        state.cuts[i].passing(PriorityThreshold::from_word(state.thresholds[i].load()));
  }
  snapshot.capped_fingerprints = state.fingerprints.capped_count();
  snapshot.dry_run = state.options.dry_run;
  snapshot.scorecards = state.scorecards.snapshot();
  snapshot.signals = state.signals_snapshot();
  snapshot.limit = std::visit([](const auto& law) { return law.snapshot(); }, state.limiter);
  return snapshot;
}

Gate::State::Limiter Gate::State::make_limiter(const GateOptions& options, std::uint32_t initial) {
  const LimitBounds bounds = {.min = options.limit_min, .max = options.limit_max};
  const std::uint32_t start = std::clamp(initial, options.limit_min, options.limit_max);
  switch (options.limit_mode) {
    case LimitMode::fixed:
      break;
    case LimitMode::automatic:
      if (options.dry_run) return CorrelationLimit(bounds, start);
      return KneeLimit(bounds, start);
    case LimitMode::aimd:
      return AimdLimit(bounds, start);
    case LimitMode::vegas:
      return VegasLimit(bounds, start);
    case LimitMode::gradient2:
      return Gradient2Limit(bounds, start);
    case LimitMode::correlation:
      return CorrelationLimit(bounds, start);
  }
  return FixedLimit(options.limit_initial);
}

LoadTotals Gate::State::totals() const noexcept {
  LoadTotals totals;
  for (const auto& shard : shards) shard->add_to(totals);
  decided.add_to(totals);
  return totals;
}

TimePoint Gate::State::run_limiter(const LoadTotals& totals, TimePoint now) noexcept {
  estimate.on_tick(totals, now);
  const LimitStep step =
      std::visit([&](auto& law) { return law.on_tick(totals, estimate.service(), now); }, limiter);
  slots.store(step.slots, std::memory_order_relaxed);
  throughput.store(static_cast<float>(estimate.throughput()), std::memory_order_relaxed);
  limit_phase.store(step.phase.number(), std::memory_order_relaxed);
  under_pressure = is_pressed(now);
  return step.due;
}

void Gate::State::run_stall_detector(const LoadTotals& totals, TimePoint now) noexcept {
  LatencySnapshot service;
  for (const auto& shard : shards) {
    for (const TierCounters& tier : shard->tiers) tier.service.add_to(service);
  }
  stall.on_tick({.ended = totals.answered + totals.overloaded,
                 .active = counter.read().active,
                 .service = &service},
                now);
  if (stall.is_stalled()) {
    stalled_until = now;
    if (auto* const knee = std::get_if<KneeLimit>(&limiter)) knee->start_afresh();
  }
  // Not beyond a limit that the operator has set.
  const bool may_probe = options.limit_mode != LimitMode::fixed;
  if (may_probe && stall.is_stalled() && elapsed_since(probed_at, now) >= kProbeInterval) {
    probed_at = now;
    dispatch_probe(now);
  }
}

void Gate::State::run_fingerprints(TimePoint now) noexcept {
  if (now < fingerprints_due) return;
  for (std::uint32_t slot = 0; slot < fingerprint_totals.size(); ++slot) {
    FingerprintBook::Totals totals;
    for (const auto& shard : shards) {
      const FingerprintCounters& counters = shard->fingerprints[slot];
      totals.count += counters.count.read();
      totals.log_seconds += counters.log_seconds.read();
    }
    fingerprint_totals[slot] = totals;
    fingerprint_active[slot] = fingerprint_counts.counts(slot).active;
  }
  const auto limit = static_cast<double>(slots.load(std::memory_order_relaxed));
  const bool saturated = counter.read().active >= kSaturatedShare * limit;
  fingerprints.update(fingerprint_totals, fingerprint_active, saturated, limit,
                      elapsed_since(fingerprints_since, now));
  fingerprints_since = now;
  // Caps may have risen.
  queue.unpark_all();
  publish_waiting();

  const bool light_waits = elapsed_since(light_waited_at, now) < kLightWaited;
  heavy_max.store(light_waits ? std::max(1U, static_cast<std::uint32_t>(kHeavyShare * limit))
                              : std::numeric_limits<std::uint32_t>::max(),
                  std::memory_order_relaxed);
  fingerprints_due = now + kFingerprintInterval;
}

void Gate::State::run_tenants(TimePoint now) noexcept {
  if (now < tenants_due) return;
  for (std::size_t slot = 0; slot < TenantShares::kSlotCount; ++slot) {
    double total = 0;
    for (const auto& shard : shards) total += shard->tenants[slot].read();
    tenant_totals.offered[slot] = total;
  }
  tenant_totals.entered = 0;
  for (const auto& shard : shards) tenant_totals.entered += shard->entered_work.read();
  tenants.update(tenant_totals, options.tenant_share, now);
  tenants_due = now + kTenantsInterval;
}

void Gate::State::run_scorecards(TimePoint now) noexcept {
  if (queue.ready() == 0) nobody_ready_at = now;
  if (now < scorecards_due || scorecards.size() == 0) return;
  const auto limit = slots.load(std::memory_order_relaxed);
  const std::uint32_t active = counter.read().active;
  const bool has_risen =
      scorecards.update({.limit = static_cast<double>(limit),
                         .is_scarce = elapsed_since(nobody_ready_at, now) >= kScarceAfter,
                         .has_free = queue.ready() == 0 && active < limit},
                        now);
  if (has_risen) {
    queue.unpark_all();
    publish_waiting();
  }
  scorecards_due = now + kScorecardsInterval;
}

void Gate::State::take_options(const GateOptions& gate_options) noexcept {
  const bool same_cards = gate_options.scorecards == options.scorecards;
  options = gate_options;
  if (!same_cards || scorecards.size() == 0) {
    scorecards.set_options(options.scorecards);
    for (std::size_t i = 0; i < options.scorecards.size(); ++i) {
      const std::string& name = *names_used.insert(options.scorecards[i].name).first;
      scorecard_names[i].store(&name, std::memory_order_relaxed);
    }
  }
  rejector_rehearses.store(options.rejector == Enforcement::dry_run, std::memory_order_relaxed);
  rehearsed_wait_max.store(options.wait_max, std::memory_order_relaxed);
  default_deadline.store(options.deadline, std::memory_order_relaxed);
  if (options.dry_run != dry_run.exchange(options.dry_run, std::memory_order_relaxed)) {
    begin_rehearsals();
  }
}

void Gate::State::open_thresholds() noexcept {
  rejector = {};
  for (auto& threshold : thresholds) threshold.store(PriorityThreshold().word());
}

TimePoint Gate::State::run_rejector(TimePoint now) noexcept {
  if (options.rejector == Enforcement::off) {
    shed_ratio.store(static_cast<float>(estimate.shed_share()), std::memory_order_relaxed);
    return TimePoint::max();
  }
  if (now < rejector_due) return rejector_due;
  Rejector::Input input;
  for (std::size_t i = 0; i < kDemandCount; ++i) {
    decided.demands[i].add_to(input.flows[i]);
    PriorityCut::Counts places = {};
    for (const auto& shard : shards) {
      const DemandCounters& demand = shard->demands[i];
      demand.add_to(input.flows[i]);
      for (std::size_t place = 0; place < kPlaceCount; ++place) {
        places[place] += demand.offered_by_place[place].read();
      }
    }
    PriorityCut::Counts offered;
    for (std::size_t place = 0; place < kPlaceCount; ++place) {
      offered[place] = places[place] - places_mark[i][place];
    }
    places_mark[i] = places;
    cuts[i].add(offered);
  }
  input.waiting = waiting_by_demand;
  input.limit = static_cast<double>(slots.load(std::memory_order_relaxed));
  input.active = counter.read().active;
  input.heavy_limit =
      std::min(input.limit, static_cast<double>(heavy_max.load(std::memory_order_relaxed)));
  input.heavy_active = heavy_active.load(std::memory_order_relaxed);
  const bool is_too_much = std::exchange(was_full, false) ||
                           (is_queue_long() && pressure.under_pressure(kArmedAfter, now));
  // What has come together in a stall is no overload yet.
  input.may_arm = is_too_much && elapsed_since(stalled_until, now) >= wait_max_in_stall();
  if (options.dry_run) describe_rehearsal(input, now);
  if (stall.is_stalled()) {
    rejector.freeze(input, now);
  } else {
    rejector.on_tick(input, now);
  }
  double ratio = 0;
  for (std::size_t i = 0; i < kDemandCount; ++i) {
    const double of_demand = rejector.ratio(static_cast<Demand>(i));
    thresholds[i].store(cuts[i].threshold(of_demand).word(), std::memory_order_relaxed);
    ratio = std::max(ratio, of_demand);
  }
  shed_ratio.store(static_cast<float>(std::max(ratio, estimate.shed_share())),
                   std::memory_order_relaxed);
  rejector_due = now + kRejectorInterval;
  return queue.empty() && !rejector.is_armed() ? TimePoint::max() : rejector_due;
}

}  // namespace loadline
