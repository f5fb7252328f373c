// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "shedder/clock.h"
#include "shedder/gate_snapshot.h"
#include "shedder/limit_law.h"
#include "shedder/limit_window.h"

namespace loadline {

// Vegas, guarded by correlations. The queue q = L (1 - baseline / recent) decides as in Vegas, with
// s = max(1, log10 L): L falls by s above 6 s, rises by s below 3 s. But as its baseline is a
// moving average, it follows an overload; so while the slots are all used L also falls when the
// last windows say that concurrency is not worth its latency:
//   corr(concurrency, throughput) < 0;
//   the same < 0.3 and corr(concurrency, latency) > 0.5;
//   throughput varies by less than 0.2 of its mean, and corr(concurrency, latency) > 0.5.
// recent: median of the last 5 windows, then averaged over about 5; baseline: recent averaged over
// about 10. A series that varies by less than 1% has no correlation with anything.
//
// Source and constants: the adaptive limiter of failsafe-go (MIT). Where we differ: its samples are
// 90th percentiles, ours the means of windows (limit_window.h), which is what totals can tell; its
// throughput is concurrency / latency and so not independent of the latency, ours is counted; its
// cap of 5 x the concurrency seen is the stricter rule that a limit not used by half is held.
//
// Fails thus: it never rests, because the windows that made it fall go on speaking against it when
// it has fallen (6 to 61 around a peak of throughput at 44); with a step of about one slot a window
// it takes half a minute from 20 to 44, and its baseline forgets what an idle database is like
// within some ten windows.
//
// A pure function of what it is given. Not thread-safe.
class CorrelationLimit {
 public:
  // Requires 1 <= bounds.min <= initial <= bounds.max.
  CorrelationLimit(const LimitBounds& bounds, std::uint32_t initial) noexcept;

  // `service` is the usual service time, zero if not known yet.
  LimitStep on_tick(const LoadTotals& totals, Duration service, TimePoint now) noexcept;

  void set_bounds(const LimitBounds& bounds) noexcept;
  [[nodiscard]] LimitSnapshot snapshot() const noexcept;

 private:
  static constexpr std::size_t kMedianOf = 5;
  static constexpr std::size_t kHistory = 50;  // Windows that the correlations look at.
  using History = std::array<double, kHistory>;

  // An exponential average; a plain mean of the first 10.
  struct Average {
    double value = 0;
    std::uint32_t learned = 0;
    void learn(double sample, double factor) noexcept;
  };

  void on_window(const WindowSummary& window) noexcept;
  void remember(const WindowSummary& window) noexcept;
  [[nodiscard]] double median_latency() const noexcept;
  [[nodiscard]] std::size_t remembered() const noexcept;
  [[nodiscard]] double correlation(const History& left, const History& right) const noexcept;
  [[nodiscard]] double variation(const History& history) const noexcept;  // Deviation / mean.
  [[nodiscard]] std::string_view guard() const noexcept;  // Which one strikes, or nothing.
  void step(double slots, std::string_view reason) noexcept;

  LimitBounds bounds_;
  double limit_;
  Average recent_ = {};    // Seconds.
  Average baseline_ = {};  // Seconds.
  History active_ = {};
  History throughput_ = {};
  History latency_ = {};  // Of the windows as they were; the guard sees the smoothed one.
  History latency_recent_ = {};
  std::uint64_t windows_ = 0;  // That were measured: the next goes to this, modulo the history.
  std::string_view reason_ = "starting";
  std::uint64_t updates_ = 0;
  LimitWindow window_ = {};
};

}  // namespace loadline
