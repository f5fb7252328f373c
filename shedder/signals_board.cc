// SPDX-License-Identifier: Apache-2.0
#include "shedder/signals_board.h"

#include <algorithm>
#include <cassert>
#include <cmath>
#include <utility>

namespace loadline {
namespace {

constexpr double kIgnoreSeconds = 4;      // As the release of a proportional signal.
constexpr double kReleasedBelow = 0.001;  // What decays exponentially would never arrive.
constexpr double kHalfLifeSeconds = 10;   // After `hold_for`.

double seconds_in(Duration elapsed) noexcept {
  return std::chrono::duration<double>(elapsed).count();
}

std::variant<ProportionalControl, IntegratingControl> make_control(const SignalOptions& options) {
  const SignalLevels levels = {.setpoint = options.setpoint, .hard = options.hard};
  if (options.plant == SignalPlant::integrating) return IntegratingControl(levels);
  return ProportionalControl(levels);
}

// Not std::visit, which may throw in theory.
template <typename Control, typename Action>
double apply(Control& control, const Action& action) noexcept {
  if (auto* const integrating = std::get_if<IntegratingControl>(&control)) {
    action(*integrating);
    return integrating->ratio();
  }
  auto* const proportional = std::get_if<ProportionalControl>(&control);
  action(*proportional);
  return proportional->ratio();
}

void tighten(Rejection& rejection, double ratio, std::size_t index) noexcept {
  if (ratio > rejection.ratio) rejection = {.ratio = ratio, .signal = index};
}

}  // namespace

SignalsBoard::Signal::Signal(SignalOptions signal_options)
    : options(std::move(signal_options)), control(make_control(options)) {
  assert(std::isfinite(options.setpoint) && std::isfinite(options.hard));
  assert(options.setpoint != options.hard);
  assert(options.tier_best <= options.tier_worst);
  assert(options.stale_ratio >= 0 && options.stale_ratio <= 1);
  assert(options.plant != SignalPlant::integrating ||
         (0 < options.setpoint && options.setpoint < options.hard));
}

bool SignalsBoard::Signal::is_at_hard() const noexcept {
  return options.hard > options.setpoint ? value >= options.hard : value <= options.hard;
}

bool SignalsBoard::Signal::concerns(OperationClass operation_class) const noexcept {
  switch (operation_class) {
    case OperationClass::read:
      return options.reads;
    case OperationClass::write:
      return options.writes;
    case OperationClass::ddl:
      return options.ddl;
  }
  return false;
}

SignalState SignalsBoard::Signal::state(TimePoint now) const noexcept {
  if (!has_reading) return SignalState::never;
  return elapsed_since(read_at, now) > options.ttl ? SignalState::stale : SignalState::ok;
}

SignalsBoard::SignalsBoard(std::vector<SignalOptions> options) { reconfigure(std::move(options)); }

void SignalsBoard::reconfigure(std::vector<SignalOptions> options) {
  assert(options.size() <= kSignalsMax);
  std::vector<Signal> signals;
  signals.reserve(options.size());
  for (SignalOptions& each : options) {
    const auto same = find(each.name);
    if (same && signals_[*same].options == each) {
      signals.push_back(signals_[*same]);
    } else {
      signals.emplace_back(std::move(each));
    }
  }
  signals_ = std::move(signals);
  combine_all();
}

std::optional<std::size_t> SignalsBoard::find(std::string_view name) const noexcept {
  const auto found = std::find_if(signals_.begin(), signals_.end(), [name](const Signal& signal) {
    return signal.options.name == name;
  });
  if (found == signals_.end()) return std::nullopt;
  return static_cast<std::size_t>(found - signals_.begin());
}

bool SignalsBoard::reading(std::size_t index, double value, TimePoint now) noexcept {
  assert(index < signals_.size());
  Signal& signal = signals_[index];
  if (!std::isfinite(value) || (value < 0 && !signal.options.negative_allowed)) {
    ++signal.refused;
    return false;
  }
  signal.read_at = signal.has_reading ? std::max(signal.read_at, now) : now;
  signal.has_reading = true;
  signal.value = value;
  apply(signal.control, [value](auto& control) { control.on_reading(value); });
  return true;
}

void SignalsBoard::update(TimePoint now) noexcept {
  const Duration elapsed = elapsed_since(updated_at_.value_or(now), now);
  const TimePoint latest = std::max(updated_at_.value_or(now), now);
  updated_at_ = latest;
  for (Signal& signal : signals_) {
    if (!signal.began_at) signal.began_at = latest;
    signal.ratio = ratio_of(signal, elapsed, latest);
  }
  combine_all();
}

double SignalsBoard::ratio_of(Signal& signal, Duration elapsed, TimePoint now) noexcept {
  switch (signal.state(now)) {
    case SignalState::never: {
      const bool is_overdue = elapsed_since(*signal.began_at, now) > signal.options.ttl;
      const bool is_feared = signal.options.stale == SignalStale::shed;
      return is_overdue && is_feared ? signal.options.stale_ratio : 0;
    }
    case SignalState::stale:
      return stale_ratio_of(signal, elapsed, now);
    case SignalState::ok:
      break;
  }
  const double ratio = apply(signal.control, [elapsed](auto& control) { control.update(elapsed); });
  // At once, but past the controller: one reading that was a mistake must not be felt for long.
  return signal.is_at_hard() ? 1 : ratio;
}

double SignalsBoard::stale_ratio_of(Signal& signal, Duration elapsed, TimePoint now) noexcept {
  double factor = 1;
  switch (signal.options.stale) {
    case SignalStale::shed:
      return signal.options.stale_ratio;
    case SignalStale::ignore:
      factor = std::exp(-seconds_in(elapsed) / kIgnoreSeconds);
      break;
    case SignalStale::hold:
      if (elapsed_since(signal.read_at + signal.options.ttl, now) > signal.options.hold_for) {
        factor = std::exp2(-seconds_in(elapsed) / kHalfLifeSeconds);
      }
      break;
  }
  apply(signal.control, [factor](auto& control) { control.decay(factor); });
  // Not the controller's ratio, which doesn't know of `hard`.
  const double ratio = signal.ratio * factor;
  return ratio < kReleasedBelow ? 0 : ratio;
}

void SignalsBoard::combine_all() noexcept {
  binding_ = {};
  binding_dry_run_ = {};
  for (std::size_t i = 0; i < kOperationClassCount; ++i) {
    for (std::size_t k = 0; k < signals_.size(); ++k) {
      const Signal& signal = signals_[k];
      if (!signal.concerns(static_cast<OperationClass>(i))) continue;
      tighten(signal.options.dry_run ? binding_dry_run_[i] : binding_[i], signal.ratio, k);
    }
  }
}

double SignalsBoard::asked(std::size_t index, OperationClass operation_class) const noexcept {
  const Signal& signal = signals_[index];
  return signal.options.dry_run || !signal.concerns(operation_class) ? 0 : signal.ratio;
}

Rejection SignalsBoard::ratio(OperationClass operation_class) const noexcept {
  return binding_[static_cast<std::size_t>(operation_class)];
}

SignalsSnapshot SignalsBoard::snapshot(TimePoint now) const {
  SignalsSnapshot snapshot = {
      .signals = {}, .binding = binding_, .binding_dry_run = binding_dry_run_};
  snapshot.signals.reserve(signals_.size());
  for (const Signal& signal : signals_) {
    const Duration age = signal.has_reading ? elapsed_since(signal.read_at, now) : Duration::zero();
    snapshot.signals.push_back({.name = signal.options.name,
                                .value = signal.value,
                                .age = age,
                                .ratio = signal.ratio,
                                .state = signal.state(now),
                                .refused = signal.refused,
                                .shed = 0,
                                .dry_run = signal.options.dry_run});
  }
  return snapshot;
}

}  // namespace loadline
