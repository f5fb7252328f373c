// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "shedder/clock.h"
#include "shedder/operation.h"
#include "shedder/priority.h"
#include "shedder/signal_control.h"
#include "shedder/signal_options.h"

namespace loadline {

// A share of the offered operations to refuse, and which signal asks for it.
struct Rejection {
  double ratio = 0;                        // 0 to 1. Short of `hard` at most kSignalRatioMax.
  std::optional<std::size_t> signal = {};  // Index of the binding one. None: nothing to refuse.
};

enum class SignalState : std::uint8_t {
  never,  // Not read yet.
  ok,
  stale,  // The last reading is older than its ttl.
};

inline constexpr std::size_t kSignalStateCount = 3;

struct SignalSnapshot {
  std::string name;
  double value = 0;                 // The last reading. 0 if there was none: see the state.
  Duration age = Duration::zero();  // Of that reading.
  double ratio = 0;                 // What it asks for, dry run or not.
  SignalState state = SignalState::never;
  std::uint64_t refused = 0;  // Readings that were no number, or impossible.
  std::uint64_t shed = 0;     // Operations. The gate counts them.
  bool dry_run = false;
};

struct SignalsSnapshot {
  std::vector<SignalSnapshot> signals;
  std::array<Rejection, kOperationClassCount> binding;          // By operation class.
  std::array<Rejection, kOperationClassCount> binding_dry_run;  // What dry-run signals would do.
};

// Where readings from outside arrive: replica lag, disk, anything that somebody can measure. Each
// signal has a controller that makes of its value a share of operations to refuse. Signals never
// open the gate, they only tighten it; and what is refused is the maximum over the signals, never
// the sum, since two symptoms of one trouble are not two troubles.
//
// Not thread-safe: the gate's lock guards it. Allocates when made and for a snapshot only.
class SignalsBoard {
 public:
  // Requires of each: a name of its own, finite levels, setpoint != hard, tier_best <= tier_worst,
  // durations >= 0, and what its plant requires. At most kSignalsMax.
  explicit SignalsBoard(std::vector<SignalOptions> options = {});

  // The same requirements. A signal that is told to be what it was goes on as it was; any other
  // begins anew.
  void reconfigure(std::vector<SignalOptions> options);

  [[nodiscard]] std::size_t count() const noexcept { return signals_.size(); }
  [[nodiscard]] const SignalOptions& options(std::size_t index) const noexcept {
    return signals_[index].options;
  }
  // None if no signal has the name.
  [[nodiscard]] std::optional<std::size_t> find(std::string_view name) const noexcept;

  // False if the value is refused: not a finite number, or negative where that cannot be. The
  // reading before stays then, until its ttl. `now` may be a little behind.
  bool reading(std::size_t index, double value, TimePoint now) noexcept;

  // Runs the controllers. To be called every 25 to 250 ms; ratios stand still in between.
  void update(TimePoint now) noexcept;

  // What one signal asks of operations of the class. 0 if it doesn't concern them, or in a dry run.
  [[nodiscard]] double asked(std::size_t index, OperationClass operation_class) const noexcept;
  // The most that any asks.
  [[nodiscard]] Rejection ratio(OperationClass operation_class) const noexcept;

  [[nodiscard]] SignalsSnapshot snapshot(TimePoint now) const;

 private:
  struct Signal {
    explicit Signal(SignalOptions signal_options);

    [[nodiscard]] bool is_at_hard() const noexcept;
    [[nodiscard]] bool concerns(OperationClass operation_class) const noexcept;
    [[nodiscard]] SignalState state(TimePoint now) const noexcept;

    SignalOptions options;
    std::variant<ProportionalControl, IntegratingControl> control;
    bool has_reading = false;
    double value = 0;
    TimePoint read_at = {};
    std::uint64_t refused = 0;
    double ratio = 0;
    std::optional<TimePoint> began_at = {};  // The first update.
  };

  [[nodiscard]] static double ratio_of(Signal& signal, Duration elapsed, TimePoint now) noexcept;
  [[nodiscard]] static double stale_ratio_of(Signal& signal, Duration elapsed,
                                             TimePoint now) noexcept;
  void combine_all() noexcept;

  std::vector<Signal> signals_;
  std::array<Rejection, kOperationClassCount> binding_ = {};
  std::array<Rejection, kOperationClassCount> binding_dry_run_ = {};
  std::optional<TimePoint> updated_at_ = {};
};

}  // namespace loadline
