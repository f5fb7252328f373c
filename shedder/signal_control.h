// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "shedder/clock.h"

namespace loadline {

// The controllers of the signals board: a value in, a share of operations to refuse out. Both are
// pure and not thread-safe.

inline constexpr double kSignalRatioMax = 0.98;  // Short of `hard`: something must go on flowing,
                                                 // or nobody would learn that it is over.

struct SignalLevels {
  double setpoint = 0;
  double hard = 1;  // Not equal to the setpoint; below it for signals that are bad when they fall.
};

// For values that answer to shedding at once, or not at all (active sessions, free disk).
//
// The ratio aimed at rises linearly from 0 at the setpoint to 1 at `hard`. It is approached as a
// first-order lag: by 1 s on the way up, so that a noisy value doesn't make the threshold chatter,
// and by 4 s on the way down. The way down is slower because what was shed comes back as retries:
// a release as fast as the rise is a relay, and would switch on and off for ever.
class ProportionalControl {
 public:
  explicit ProportionalControl(const SignalLevels& levels) noexcept
      : levels_(levels), value_(levels.setpoint) {}

  void on_reading(double value) noexcept { value_ = value; }
  void update(Duration elapsed) noexcept;
  void decay(double factor) noexcept;  // Of the ratio, without regard to the value.
  [[nodiscard]] double ratio() const noexcept { return ratio_; }

 private:
  SignalLevels levels_;
  double value_;
  double ratio_ = 0;
};

// For values that integrate what is let through: a replica's lag, in seconds.
//
// The replica applies writes at a constant rate; rho is the writes offered over that rate, lag the
// seconds behind, u = 1 - r the share let through. A proportional controller would rest above the
// setpoint, and one that only looks at lag > setpoint is a relay. We control x = -ln u, r = 1 -
// e^-x, because near the rest point, where rho u = 1, lag' = rho e^-x - 1 moves by -1 per x
// whatever rho is: linear in r the loop's gain would be the unknown rho.
//
//   x = kp (lag - 0.75 setpoint) + base    and base follows x(then) - ln(1 - lag')
//
// aimed below the setpoint, so that noise stays under it. The base is an estimate of ln rho: what
// is being applied now was let through `lag` seconds ago, at an effort that we remember, and if the
// lag grows by lag' a second nevertheless, 1 / (1 - lag') times as much was let through as can be
// applied. At rest lag' = 0 and the base is what x was: the integral of a PI controller, but it
// knows that lag told as the age of the last write applied shows only `lag` seconds later what is
// shed now. A plain PI must be slow for that: with the same kp and ki = kp^2 / 4 the lag went to
// twice as much where the replica applies a third of the writes, and to a limit cycle where it
// applies a ninth. (Lag told as the seconds that applying will take moves by ln(1 + lag') instead:
// the same when it is small, and too much effort rather than too little at first.)
//
// kp is bounded by the delay d of the loop: s + kp e^(-s d) = 0 has real roots iff kp d <= 1/e.
// With polls of 1 s that arrive a second late d = 1.5 s (a sample is held half a poll on average),
// and as an age 0.75 setpoint more. Hence kp = 1 / (e d): for a setpoint of 5 s, 0.070 x per second
// of lag. Slower polls need a higher setpoint.
//
// Whoever measures must say 0 when all is applied: the age of the last write applied grows on an
// idle primary, and beyond `hard`, where no write passes, such a reading would keep itself alive.
//
// Nothing is shed before the lag has reached what is aimed at once: what comes and goes below it is
// nobody's business. The base leaks (15 s) while the lag has been at most half of that and not
// rising for 2 polls: then it tells nothing of rho, except that it may be less. Leaking in 5 s, or
// forgetting at once, lets too much through after a long stop: again a limit cycle.
class IntegratingControl {
 public:
  // Requires 0 < levels.setpoint < levels.hard, in seconds.
  explicit IntegratingControl(const SignalLevels& levels) noexcept;

  void on_reading(double value) noexcept;  // Once for every poll.
  void update(Duration elapsed) noexcept;
  void decay(double factor) noexcept;  // Of the ratio, without regard to the value.
  [[nodiscard]] double ratio() const noexcept;

 private:
  static constexpr std::size_t kEffortsKept = 128;

  void learn(double seconds_since_reading) noexcept;
  // What it was when what is applied now was let through.
  [[nodiscard]] double effort_then() const noexcept;

  double target_;                // Seconds.
  double gain_;                  // kp, per second.
  double value_ = 0;             // The last reading, in seconds.
  double slope_ = 0;             // Of the readings, smoothed.
  double base_ = 0;              // Of x.
  double effort_ = 0;            // x.
  bool armed_ = false;           // The target has been reached.
  std::uint32_t caught_up_ = 0;  // Polls in a row.
  bool has_reading_ = false;
  double since_reading_s_ = 0;

  // The effort every so many seconds, the latest before `efforts_count_`.
  std::array<float, kEffortsKept> efforts_ = {};
  double effort_every_s_;
  double effort_due_s_ = 0;
  std::size_t efforts_count_ = 0;  // Ever.
};

}  // namespace loadline
