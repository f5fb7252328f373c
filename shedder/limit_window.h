// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>

#include "shedder/clock.h"
#include "shedder/limit_law.h"

namespace loadline {

// What a law that knows nothing of phases sees of the load: one window of it, summed up.
struct WindowSummary {
  std::uint64_t answered = 0;
  std::uint64_t overloaded = 0;
  double latency = 0;     // Mean service time of the answered, in seconds. 0: nobody was answered.
  double throughput = 0;  // Answered a second.
  double active = 0;      // Mean operations active at a dispatch. 0: not known.
};

// Cuts the totals into windows, as Netflix's WindowedLimit does (concurrency-limits, Apache-2.0): a
// window is closed when it has lasted twice the service time, at least a second, and seen 10
// operations end. One that hasn't after 30 seconds teaches nothing and is thrown away.
//
// Totals and times that go backwards are harmless. Not thread-safe.
class LimitWindow {
 public:
  // The window that ends now, if one does. `service` is the usual service time, zero if unknown.
  [[nodiscard]] std::optional<WindowSummary> on_tick(const LoadTotals& totals, Duration service,
                                                     TimePoint now) noexcept;

  // When to look again, if the last look was `now`. Always later than that.
  [[nodiscard]] TimePoint due(TimePoint now) const noexcept;

 private:
  void open(const LoadTotals& totals, TimePoint now) noexcept;

  bool is_open_ = false;
  TimePoint since_ = {};
  Duration length_ = std::chrono::seconds(1);
  LoadTotals mark_ = {};  // Totals when the window was opened.
};

// Only a limit that is used has been shown to be safe: the rule of Netflix's laws against growing
// over an idle night. By half, because clients' arrivals are uneven.
[[nodiscard]] bool is_limit_used(const WindowSummary& window, double limit) noexcept;

// Within the bounds; `limit` may be NaN.
[[nodiscard]] double bounded_limit(double limit, const LimitBounds& bounds) noexcept;

// Rounded here, each time, and never the limit itself: one that is truncated at every update
// swallows the small steps. All time is one measured phase, for the sake of LoadTotals::active.
[[nodiscard]] LimitStep windowed_step(double limit, TimePoint due) noexcept;

}  // namespace loadline
