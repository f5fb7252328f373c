// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string_view>

#include "shedder/clock.h"
#include "shedder/gate_snapshot.h"
#include "shedder/limit_law.h"
#include "shedder/trial_guard.h"

namespace loadline {

// Seeks the knee of throughput by the elasticity of latency.
//
// Throughput at n active operations is X = n / R, so d ln X / d ln n = 1 - e with e = d ln R / d ln
// n: every added operation pays until e reaches 1. We stop at e = 0.9, which costs one or two
// percent of the peak and saves a seventh of the latency. e is measured by running with a few slots
// more, then fewer, then more again, and comparing mean ln R: no remembered best latency, so
// neither a slower disk nor a changed mix looks like queueing (what ratio laws such as Gradient2
// and Vegas confuse). Logs, not counts of completions: when the limit rises small operations finish
// first, so counts rise for a moment even beyond the knee.
//
// A cycle is: more, fewer (for twice as long), more; a drift of the load cancels out. Between
// phases the database settles. First it searches: from half the slots to all of them, and on in
// steps of up to twice as many while that pays, or down while it doesn't, comparing each rung with
// the one before. Then it steps by the measured gain, and TrialGuard takes it back if that has led
// it astray.
//
// It learns only while the slots are used. It is blind to operations that wait for a lock without
// slowing the others down (per-fingerprint caps are for those), needs some tens of answers a
// second, and below 8 slots a step is a good part of the limit.
//
// A pure function of what it is given. Not thread-safe.
class KneeLimit {
 public:
  // Requires 1 <= bounds.min <= initial <= bounds.max.
  KneeLimit(const LimitBounds& bounds, std::uint32_t initial) noexcept;

  // `service` is the usual service time, zero if not known yet. `now` must not go backwards.
  LimitStep on_tick(const LoadTotals& totals, Duration service, TimePoint now) noexcept;

  void set_bounds(const LimitBounds& bounds) noexcept;
  // What is being measured is of no use: the database stands still. The limit stays as it is.
  void start_afresh() noexcept { started_ = false; }
  [[nodiscard]] double limit() const noexcept { return limit_; }
  [[nodiscard]] LimitSnapshot snapshot() const noexcept;

 private:
  // Even steps are measured, in the odd ones the database settles.
  enum class Step : std::uint8_t {
    hold = 0,  // At the limit, until the slots are seen to be used.
    settle_first = 1,
    more_first = 2,
    settle_fewer = 3,
    fewer_first = 4,
    fewer_second = 6,  // At the same slots: nothing to settle.
    settle_second = 7,
    more_second = 8,
    // Of a search, in turns.
    settle_rung = 9,
    rung = 10,
    settle_other_rung = 11,
    other_rung = 12,
  };

  struct Phase {  // What a measured phase saw.
    std::uint64_t samples = 0;
    std::uint64_t answered = 0;
    std::uint64_t overloaded = 0;
    Duration lasted = Duration::zero();
    double log_latency = 0;  // Mean.
    double active = 0;       // Mean.
  };
  struct Swing {
    std::uint32_t more = 1;
    std::uint32_t fewer = 1;
  };

  [[nodiscard]] Swing swing() const noexcept;
  [[nodiscard]] std::uint32_t slots() const noexcept;  // That the step aims at.
  [[nodiscard]] std::uint32_t slots_now(TimePoint now) const noexcept;
  [[nodiscard]] Duration ramp_length() const noexcept;
  [[nodiscard]] bool is_phase_over(const Phase& phase) const noexcept;
  [[nodiscard]] static Duration scaled_length(Duration length, double slots,
                                              double elasticity) noexcept;
  [[nodiscard]] bool are_slots_used(const Phase& phase) const noexcept;
  [[nodiscard]] Phase difference(const LoadTotals& totals, TimePoint now) const noexcept;
  [[nodiscard]] TimePoint due(TimePoint now) const noexcept;

  void enter(Step step, const LoadTotals& totals, TimePoint now) noexcept;
  void on_measured(const Phase& phase, const LoadTotals& totals, TimePoint now) noexcept;
  void on_cycle(const Phase& more_second, const LoadTotals& totals, TimePoint now) noexcept;
  void enter_cycle(const LoadTotals& totals, TimePoint now) noexcept;
  void begin_search(const LoadTotals& totals, TimePoint now) noexcept;
  void climb_rung(double slots, const LoadTotals& totals, TimePoint now) noexcept;
  void on_rung(const Phase& phase, const LoadTotals& totals, TimePoint now) noexcept;
  void end_search(double limit) noexcept;
  void climb(double elasticity, double weight) noexcept;
  [[nodiscard]] double weight_of_cycle(const Phase& more_second, double swing) const noexcept;
  void take_advice(const LoadTotals& totals, TimePoint now) noexcept;
  void set_limit(double limit, std::string_view reason) noexcept;

  LimitBounds bounds_;
  double limit_;
  bool searching_ = true;
  // The ends of the last two rungs that were compared.
  enum class Way : std::uint8_t { unknown, up, down };
  Way way_ = Way::unknown;
  std::uint32_t rungs_ = 0;
  std::uint32_t rung_slots_ = 0;  // Of the present rung.
  double rung_elasticity_ = 0;    // To be expected between it and the one before.
  Phase last_rung_ = {};          // And what the one before saw.
  double gain_ = 0;               // 1 - e, smoothed: what an added operation adds to throughput.
  double haste_ = 0;              // Grows while the limit keeps moving one way.
  double last_pull_ = 0;
  std::string_view reason_ = "starting";
  std::uint64_t updates_ = 0;

  Step step_ = Step::hold;
  std::uint32_t cycle_ = 1;
  Swing swing_ = {};
  std::uint32_t ramp_from_ = 0;  // Slots of the step before.
  Duration ramp_service_ = Duration::zero();
  bool started_ = false;
  TimePoint step_since_ = {};
  LoadTotals mark_ = {};  // Totals when the step began.
  Duration service_ = Duration::zero();
  Phase more_first_ = {};
  Phase fewer_first_ = {};
  Phase fewer_second_ = {};

  TrialGuard guard_;

  // For noticing that the regime changed.
  TimePoint cycle_since_ = {};
  std::uint64_t answered_before_cycle_ = 0;
  double throughput_ = 0;  // Of the last cycle, and the limit that it ran at.
  double throughput_limit_ = 0;
};

}  // namespace loadline
