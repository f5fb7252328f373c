// SPDX-License-Identifier: Apache-2.0
#include "shedder/gate_state.h"

namespace loadline {
namespace {

constexpr Duration kSignalsInterval = std::chrono::milliseconds(100);

// What a signal measures changes in seconds, where a queue changes in tenths of one.
constexpr int kRetryFactor = 10;

}  // namespace

bool Gate::signal(std::string_view name, double value, TimePoint now) noexcept {
  State& state = *state_;
  const State::Lock lock(state.mutex);
  const auto index = state.signals.find(name);
  return index && state.signals.reading(*index, value, now);
}

// Before the gate counts it anywhere: the rejector is to look at what the signals leave over. If
// what they refuse counted as offered, it would wind up until it refuses the same ones, and then
// hold on to them when the signals let go.
std::optional<std::size_t> Gate::State::refusing_signal(const Operation& operation,
                                                        const OperationProfile& profile) noexcept {
  const auto operation_class = static_cast<std::size_t>(profile.operation_class);
  const auto tier = static_cast<std::size_t>(profile.priority.tier());
  ObservationShard& shard = shard_of(operation);
  shard.signals.offered_by_level[operation_class][profile.priority.level()].add(1);
  // Acquire: the name of the signal that it speaks of is there, too.
  const auto threshold = SignalThreshold::from_word(
      signal_thresholds[operation_class][tier].load(std::memory_order_acquire));
  if (threshold.is_open() || threshold.passes(profile.priority.cohort(), shard.rng.next())) {
    return std::nullopt;
  }
  shard.signals.shed[threshold.signal()].add(1);
  return threshold.signal();
}

void Gate::State::refuse_by_signal(Operation& operation, const OperationProfile& profile,
                                   std::size_t signal, TimePoint now) noexcept {
  ObservationShard& shard = shard_of(operation);
  operation.profile_ = profile;
  operation.offered_at_ = now;
  set_shed(operation, ShedReason::signal, shard.rng, now);
  operation.verdict_.retry_after *= kRetryFactor;
  operation.verdict_.by = *signal_names[signal].load(std::memory_order_relaxed);
  TierCounters& counters = shard.tiers[tier_index(operation)];
  counters.offered.add(1);
  counters.shed[static_cast<std::size_t>(ShedReason::signal)].add(1);
}

bool Gate::State::may_ride_past_signals(const OperationProfile& profile,
                                        ObservationShard& shard) const noexcept {
  const auto operation_class = static_cast<std::size_t>(profile.operation_class);
  const auto tier = static_cast<std::size_t>(profile.priority.tier());
  const auto word = signal_thresholds[operation_class][tier].load(std::memory_order_relaxed);
  if (!SignalThreshold::from_word(word).is_open()) return false;
  shard.signals.offered_by_level[operation_class][profile.priority.level()].add(1);
  return true;
}

void Gate::State::reconfigure_signals(const std::vector<SignalOptions>& signal_options,
                                      TimePoint now) {
  std::array<std::uint64_t, kSignalsMax> marks = {};
  for (std::size_t i = 0; i < signal_options.size(); ++i) {
    const std::string& name = signal_options[i].name;
    const auto before = signals.find(name);
    const std::uint64_t carried = before ? shed_by_signal(*before) - signal_shed_mark[*before] : 0;
    marks[i] = shed_by_signal(i) - carried;
    signal_names[i].store(&*names_used.insert(name).first, std::memory_order_relaxed);
  }
  signal_shed_mark = marks;
  signals.reconfigure(signal_options);
  has_signals.store(signals.count() > 0, std::memory_order_relaxed);
  for (std::size_t i = 0; i < kOperationClassCount; ++i) {
    set_signal_thresholds(static_cast<OperationClass>(i));
  }
  signals_due = now;
}

TimePoint Gate::State::run_signals(TimePoint now) noexcept {
  if (signals.count() == 0) return TimePoint::max();
  if (now < signals_due) return signals_due;
  signals.update(now);
  for (std::size_t i = 0; i < kOperationClassCount; ++i) {
    PriorityCut::Counts levels = {};
    for (const auto& shard : shards) {
      for (std::size_t level = 0; level < kPriorityCount; ++level) {
        levels[level] += shard->signals.offered_by_level[i][level].read();
      }
    }
    PriorityCut::Counts offered = {};
    for (std::size_t level = 0; level < kPriorityCount; ++level) {
      offered[level] = levels[level] - signal_levels_mark[i][level];
    }
    signal_levels_mark[i] = levels;
    signal_cuts[i].add(offered);
    set_signal_thresholds(static_cast<OperationClass>(i));
  }
  signals_seen_at = now;
  signals_due = now + kSignalsInterval;
  return signals_due;
}

void Gate::State::set_signal_thresholds(OperationClass operation_class) noexcept {
  const auto index = static_cast<std::size_t>(operation_class);
  SignalThresholds tightest = {};
  for (std::size_t i = 0; i < signals.count(); ++i) {
    tighten(tightest,
            {.ratio = signals.asked(i, operation_class),
             .tier_best = signals.options(i).tier_best,
             .tier_worst = signals.options(i).tier_worst,
             .signal = i},
            signal_cuts[index]);
  }
  for (std::size_t tier = 0; tier < kTierCount; ++tier) {
    signal_thresholds[index][tier].store(tightest[tier].word(), std::memory_order_release);
  }
}

std::uint64_t Gate::State::shed_by_signal(std::size_t index) const noexcept {
  std::uint64_t sum = 0;
  for (const auto& shard : shards) sum += shard->signals.shed[index].read();
  return sum;
}

SignalsSnapshot Gate::State::signals_snapshot() const {
  SignalsSnapshot snapshot = signals.snapshot(signals_seen_at);
  for (std::size_t i = 0; i < snapshot.signals.size(); ++i) {
    snapshot.signals[i].shed = shed_by_signal(i) - signal_shed_mark[i];
  }
  return snapshot;
}

}  // namespace loadline
