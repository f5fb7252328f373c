// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>

#include "shedder/clock.h"
#include "shedder/demand.h"

namespace loadline {

// What share of the offered operations to refuse at once, so that the wait queue stays short: a
// refusal after 100 ms in a queue is no better than one in a microsecond. Which ones is not its
// business: see PriorityCut.
//
// A PI controller on the balance of the queue, in the form that is stable at every load
// (admission.md): what came in less what went out, plus a part of what the queue is too long, less
// free slots, over what was *offered*. Dividing by what got through instead, as published for
// Cinnamon (Uber, 2023), multiplies the loop's gain by the overload factor: it oscillates from
// about twice the capacity on. A queue of some slots is left standing, because a slot that comes
// free must find a successor; a balance alone knows no length.
//
// The integral is clamped, leaks, and is forgotten when the queue is empty: what it has wound up
// during a freeze must not outlive it. Not thread-safe.
class Rejector {
 public:
  static constexpr double kRatioMax = 0.98;

  // Totals since start.
  struct Flow {
    std::uint64_t offered = 0;
    std::uint64_t entered = 0;  // Of those: admitted, or let into the queue.
    std::uint64_t started = 0;  // Of those: admitted.
  };
  struct Input {
    std::array<Flow, kDemandCount> flows = {};
    std::array<std::uint32_t, kDemandCount> waiting = {};
    double limit = 1;  // Slots, and how many of them are taken.
    double active = 0;
    double heavy_limit = 1;  // The heavy lane's.
    double heavy_active = 0;
    bool may_arm = false;  // The queue has been too long for a while, or was full.
  };

  // Does something every 20 ms at most, and not before 20 operations were offered (or 2 s went by).
  void on_tick(const Input& input, TimePoint now) noexcept;
  // What is under way is no load: a stalled database. Nothing is learned until thaw, and what the
  // stall's beginning has armed is disarmed.
  void freeze(const Input& input, TimePoint now) noexcept;

  // Share of the offered to refuse, 0 .. kRatioMax.
  [[nodiscard]] double ratio(Demand demand) const noexcept {
    return loops_[static_cast<std::size_t>(demand)].ratio;
  }
  // It has something to do: ask again soon.
  [[nodiscard]] bool is_armed() const noexcept { return light_.armed || heavy_.armed; }

 private:
  struct Loop {
    double integral = 0;
    double ratio = 0;
  };
  // Demands that wait for the same slots.
  struct Group {
    bool armed = false;
    TimePoint armed_at = {};
    bool calm = false;  // A slot is free and nobody waits.
    TimePoint calm_since = {};
  };
  struct Slots {
    double limit = 1;
    double active = 0;
  };

  void arm(Group& group, const Input& input, Slots slots, std::size_t first, std::size_t end,
           TimePoint now) noexcept;
  void disarm(Group& group, std::size_t first, std::size_t end) noexcept;
  void run(const Group& group, const Input& input, Slots slots, std::size_t first, std::size_t end,
           double interval_seconds) noexcept;

  bool started_ = false;
  TimePoint since_ = {};
  Input mark_ = {};
  std::array<Loop, kDemandCount> loops_ = {};
  Group light_;
  Group heavy_;
};

}  // namespace loadline
