// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "shedder/clock.h"

namespace loadline {

// Watches a limiter by what counts in the end, good answers per second, and takes it back when it
// has walked off: with heavy-tailed service times an elasticity that is measured over short phases
// is biased, a little and always to the same side.
//
// What was once best is never believed (the load may have changed since: a remembered best pulled
// the limit back to a regime that was gone, admission.md). It is tried again: when an epoch of the
// last minute did more than 6% better at a clearly different limit, that limit runs for an epoch,
// and stays only if it is 4% better than the one before it now. Then the walker is kept from coming
// back for a while.
//
// Epochs last 4 s and count only while the slots were in use throughout. A pure function of what it
// is given. Not thread-safe.
class TrialGuard {
 public:
  enum class Advice : std::uint8_t {
    none,
    try_other,  // Run at limit() until further notice.
    keep,       // The trial was better: go on from here.
    go_back,    // It wasn't: limit() is where the trial began.
  };

  // `good`: good answers since start. `saturated`: the slots are in use.
  Advice on_tick(double limit, std::uint64_t good, bool saturated, TimePoint now) noexcept;
  [[nodiscard]] double limit() const noexcept { return limit_; }
  [[nodiscard]] bool is_trying() const noexcept { return is_trying_; }
  // What the last trials leave of the range.
  [[nodiscard]] double bounded(double limit) const noexcept;
  // The load has changed: nothing that was learned holds. A trial ends where it is.
  void forget() noexcept;

 private:
  static constexpr std::size_t kEpochCount = 15;

  struct Epoch {
    double limit = 0;  // Geometric mean.
    double rate = 0;   // Good answers per second. 0: no epoch.
    TimePoint ended = {};
  };

  void begin_epoch(std::uint64_t good, TimePoint now) noexcept;
  Advice on_epoch(const Epoch& epoch, double limit) noexcept;
  Advice on_trial(const Epoch& epoch) noexcept;

  std::array<Epoch, kEpochCount> epochs_ = {};
  std::size_t next_epoch_ = 0;
  bool running_ = false;
  TimePoint since_ = {};
  TimePoint last_tick_ = {};
  std::uint64_t good_at_start_ = 0;
  double log_limit_seconds_ = 0;

  bool is_trying_ = false;
  double limit_ = 0;
  Epoch before_trial_ = {};
  double floor_ = 0;    // 0: none.
  double ceiling_ = 0;  // 0: none.
};

}  // namespace loadline
