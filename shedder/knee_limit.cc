// SPDX-License-Identifier: Apache-2.0
#include "shedder/knee_limit.h"

#include <algorithm>
#include <cmath>

namespace loadline {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr double kGainTarget = 0.10;
constexpr double kGainSmoothing = 0.3;
constexpr double kStepGain = 0.25;
// Above 1 from the fourth step in one direction on.
constexpr double kHasteAtTurn = 0.5;
constexpr double kHasteGrowth = 1.3;
constexpr double kHasteMax = 4;
constexpr double kStepDownMax = 0.15;
constexpr double kStepUpMax = 0.08;
constexpr double kSwing = 0.15;      // Each way, of the limit.
constexpr double kSwingSlots = 1.5;  // At least: a smaller one is rounded away.

// Searching. Between half and all of the slots that are best, e is about kRungTarget, and it rises
// by kRungSlope with ln n there.
constexpr double kRungTarget = 0.65;
constexpr double kRungSlope = 0.8;
constexpr double kRungGood = 0.5;       // Below: go on upward.
constexpr double kRungBad = 0.8;        // Above: go on downward.
constexpr double kRungRise = 0.5;       // From one rung to the next, at most.
constexpr double kRungNear = 0.35;      // In ln: a smaller step needs no rung of its own.
constexpr double kRungFar = 0.5;        // No step is larger: a doubling.
constexpr double kSearchSpanMin = 0.3;  // ln(more / fewer): less says nothing.
constexpr std::uint32_t kRungsMax = 12;

constexpr double kSlotsUsedMin = 0.7;
constexpr double kSpanMin = 0.5;  // Of the intended swing, as it was really met.
constexpr double kOverloadedMax = 0.2;
constexpr double kOverloadedFactor = 0.8;

constexpr double kRegimeJump = 1.25;
constexpr double kSameLimit = 0.12;      // In ln.
constexpr double kRegimeWeight = 0.5;    // Of the cycle that says so.
constexpr double kRegimeDistance = 0.5;  // Of e from where it should be.

constexpr std::uint64_t kSamples = 300;
constexpr double kSamplesOfWeight = 200;  // Phases with fewer slots see fewer.
constexpr std::uint64_t kSamplesSearching = 150;
constexpr std::uint64_t kSamplesMin = 20;  // Fewer are no measurement.
constexpr std::uint64_t kSamplesRung = 40;
constexpr std::uint64_t kSamplesHeld = 5;  // That show that the slots are used.
constexpr Duration kSlow = milliseconds(200);
constexpr Duration kPhaseMin = milliseconds(120);
constexpr Duration kPhaseMax = seconds(1);
constexpr Duration kPhaseStalled = seconds(10);
constexpr Duration kSettleMin = milliseconds(10);
constexpr Duration kHoldMin = milliseconds(100);
constexpr Duration kPoll = milliseconds(10);
constexpr Duration kPollHolding = milliseconds(250);

}  // namespace

KneeLimit::KneeLimit(const LimitBounds& bounds, std::uint32_t initial) noexcept
    : bounds_(bounds), limit_(static_cast<double>(initial)) {}

LimitStep KneeLimit::on_tick(const LoadTotals& totals, Duration service, TimePoint now) noexcept {
  service_ = service;
  if (!started_) {
    started_ = true;
    enter(Step::hold, totals, now);
  }
  take_advice(totals, now);
  switch (step_) {
    case Step::settle_first:
    case Step::settle_fewer:
    case Step::settle_second:
    case Step::settle_rung:
    case Step::settle_other_rung:
      if (now - step_since_ >= ramp_length() + std::max(kSettleMin, service_ + service_ / 2)) {
        enter(static_cast<Step>(static_cast<int>(step_) + 1), totals, now);
      }
      break;
    case Step::hold:
    case Step::more_first:
    case Step::fewer_first:
    case Step::fewer_second:
    case Step::more_second:
    case Step::rung:
    case Step::other_rung: {
      const Phase phase = difference(totals, now);
      if (is_phase_over(phase)) on_measured(phase, totals, now);
      break;
    }
  }
  return {.slots = slots_now(now),
          .phase = LimitPhase(cycle_, static_cast<std::uint32_t>(step_)),
          .due = due(now)};
}

void KneeLimit::set_bounds(const LimitBounds& bounds) noexcept {
  bounds_ = bounds;
  limit_ = std::clamp(limit_, static_cast<double>(bounds.min), static_cast<double>(bounds.max));
  started_ = false;  // The next tick starts afresh, at slots within the bounds.
}

LimitSnapshot KneeLimit::snapshot() const noexcept {
  return {.limit = limit_,
          .elasticity = updates_ == 0 ? 0 : 1 - gain_,
          .reason = reason_,
          .updates = updates_};
}

// Slots are whole, the limit isn't: rounding is done here, each time, and never to the limit
// itself.
KneeLimit::Swing KneeLimit::swing() const noexcept {
  const auto rounded = [this](double slots, std::uint32_t at_least) {
    const auto whole = static_cast<std::uint32_t>(std::lround(slots));
    return std::clamp(whole, std::min(at_least, bounds_.max), bounds_.max);
  };
  const double factor = 1 + std::max(kSwing, kSwingSlots / limit_);
  const std::uint32_t fewer = rounded(limit_ / factor, bounds_.min);
  return {.more = rounded(limit_ * factor, fewer + 1), .fewer = fewer};
}

std::uint32_t KneeLimit::slots() const noexcept {
  switch (step_) {
    case Step::hold:
      return static_cast<std::uint32_t>(std::lround(limit_));
    case Step::settle_rung:
    case Step::rung:
    case Step::settle_other_rung:
    case Step::other_rung:
      return rung_slots_;
    case Step::settle_fewer:
    case Step::fewer_first:
    case Step::fewer_second:
      return swing_.fewer;
    case Step::settle_first:
    case Step::more_first:
    case Step::settle_second:
    case Step::more_second:
      break;
  }
  return swing_.more;
}

// The way down is a ramp: at once would mean that nobody is admitted until enough have ended, and
// even the best would wait for that.
Duration KneeLimit::ramp_length() const noexcept {
  return ramp_from_ > slots() ? ramp_service_ : Duration::zero();
}

std::uint32_t KneeLimit::slots_now(TimePoint now) const noexcept {
  const Duration length = ramp_length();
  const Duration lasted = elapsed_since(step_since_, now);
  if (lasted >= length) return slots();
  const double left =
      1 - std::chrono::duration<double>(lasted) / std::chrono::duration<double>(length);
  const double ramp = left * static_cast<double>(ramp_from_ - slots());
  return std::min(slots() + static_cast<std::uint32_t>(ramp), bounds_.max);
}

KneeLimit::Phase KneeLimit::difference(const LoadTotals& totals, TimePoint now) const noexcept {
  Phase phase = {.samples = totals.samples - mark_.samples,
                 .answered = totals.answered - mark_.answered,
                 .overloaded = totals.overloaded - mark_.overloaded,
                 .lasted = elapsed_since(step_since_, now)};
  if (phase.samples > 0) {
    const auto count = static_cast<double>(phase.samples);
    phase.log_latency = (totals.log_latency - mark_.log_latency) / count;
    phase.active = static_cast<double>(totals.active - mark_.active) / count;
  }
  return phase;
}

bool KneeLimit::is_phase_over(const Phase& phase) const noexcept {
  if (phase.lasted >= kPhaseStalled) return true;
  // Where answers are slow and few, measuring takes seconds. Better soon and at few slots.
  if (step_ == Step::hold && searching_ && phase.lasted >= kPhaseMax &&
      phase.samples >= kSamplesHeld) {
    return true;
  }
  // Clients that give up leave no samples to wait for.
  if (phase.lasted >= kPhaseMax && phase.overloaded >= kSamplesMin) return true;
  if (phase.samples < kSamplesMin) return false;
  switch (step_) {
    case Step::hold:
      return phase.lasted >= kHoldMin;
    case Step::fewer_first:
    case Step::fewer_second:
      return phase.lasted >= scaled_length(more_first_.lasted,
                                           static_cast<double>(swing_.fewer) / swing_.more,
                                           1 - kGainTarget);
    case Step::more_second:
      return phase.lasted >= more_first_.lasted;
    case Step::more_first:
    case Step::settle_first:
    case Step::settle_fewer:
    case Step::settle_second:
    case Step::settle_rung:
    case Step::settle_other_rung:
      break;
    case Step::rung:
    case Step::other_rung:
      if (phase.samples < kSamplesRung) return false;
      if (rungs_ == 1) break;
      return phase.lasted >=
             scaled_length(last_rung_.lasted, rung_slots_ / last_rung_.active, rung_elasticity_);
  }
  const std::uint64_t samples = searching_ ? kSamplesSearching : kSamples;
  if (phase.lasted >= std::max(kPhaseMin, 5 * service_) && phase.samples >= samples) return true;
  return phase.lasted >= std::max(kPhaseMax, 6 * service_);
}

// How long a phase with `slots` times as many slots lasts: as much longer as latencies are.
Duration KneeLimit::scaled_length(Duration length, double slots, double elasticity) noexcept {
  return std::chrono::duration_cast<Duration>(length * std::pow(slots, elasticity));
}

bool KneeLimit::are_slots_used(const Phase& phase) const noexcept {
  return phase.samples >= (step_ == Step::hold ? kSamplesHeld : kSamplesMin) &&
         phase.active >= kSlotsUsedMin * static_cast<double>(slots());
}

TimePoint KneeLimit::due(TimePoint now) const noexcept {
  return now + (step_ == Step::hold && reason_ == "app_limited" ? kPollHolding : kPoll);
}

void KneeLimit::enter(Step step, const LoadTotals& totals, TimePoint now) noexcept {
  ramp_from_ = slots();  // Of the step before.
  ramp_service_ = service_;
  if (step == Step::settle_first || step == Step::hold) {
    ++cycle_;
    swing_ = swing();
    cycle_since_ = now;
    answered_before_cycle_ = totals.answered;
  }
  step_ = step;
  step_since_ = now;
  mark_ = totals;
}

void KneeLimit::on_measured(const Phase& phase, const LoadTotals& totals, TimePoint now) noexcept {
  const auto overloaded = static_cast<double>(phase.overloaded);
  const auto ended = static_cast<double>(phase.answered + phase.overloaded);
  if (ended >= static_cast<double>(kSamplesMin) && overloaded > kOverloadedMax * ended) {
    set_limit(limit_ * kOverloadedFactor, "overloaded");
    return enter(Step::hold, totals, now);
  }
  if (!are_slots_used(phase)) {
    reason_ = phase.answered == 0 ? "stalled" : "app_limited";
    return enter(Step::hold, totals, now);
  }
  switch (step_) {
    case Step::more_first:
      more_first_ = phase;
      return enter(Step::settle_fewer, totals, now);
    case Step::fewer_first:
      fewer_first_ = phase;
      return enter(Step::fewer_second, totals, now);
    case Step::fewer_second:
      fewer_second_ = phase;
      return enter(Step::settle_second, totals, now);
    case Step::more_second:
      on_cycle(phase, totals, now);
      return enter_cycle(totals, now);
    case Step::rung:
    case Step::other_rung:
      return on_rung(phase, totals, now);
    case Step::hold:
    case Step::settle_first:
    case Step::settle_fewer:
    case Step::settle_second:
    case Step::settle_rung:
    case Step::settle_other_rung:
      return enter_cycle(totals, now);
  }
}

void KneeLimit::on_cycle(const Phase& more_second, const LoadTotals& totals,
                         TimePoint now) noexcept {
  const double more = (more_first_.active + more_second.active) / 2;
  const double fewer = (fewer_first_.active + fewer_second_.active) / 2;
  const double span = std::log(more / fewer);
  const double intended = std::log(static_cast<double>(swing_.more) / swing_.fewer);
  if (span < kSpanMin * intended || intended <= 0) {
    reason_ = "app_limited";
    return;
  }
  const double rise = (more_first_.log_latency + more_second.log_latency -
                       fewer_first_.log_latency - fewer_second_.log_latency) /
                      2;
  const double elasticity = std::clamp(rise / span, -1.0, 3.0);
  const double weight = weight_of_cycle(more_second, span / intended);
  ++updates_;

  const double throughput = static_cast<double>(totals.answered - answered_before_cycle_) /
                            std::chrono::duration<double>(now - cycle_since_).count();
  const bool same_limit =
      std::abs(std::log(limit_ / std::max(throughput_limit_, 1.0))) < kSameLimit;
  const bool jumped =
      throughput > kRegimeJump * throughput_ || throughput * kRegimeJump < throughput_;
  if (guard_.is_trying()) {
    // The limit stays where it is.
  } else if (throughput_ > 0 && same_limit && jumped) {
    guard_.forget();  // What it remembers was another load.
    if (std::abs(1 - elasticity - kGainTarget) > kRegimeDistance && weight > kRegimeWeight) {
      searching_ = true;
      way_ = elasticity < 1 ? Way::up : Way::unknown;
      gain_ = 1 - elasticity;
      reason_ = "regime_changed";
    } else {
      climb(elasticity, weight);
    }
  } else {
    climb(elasticity, weight);
  }
  throughput_ = throughput;
  throughput_limit_ = limit_;
}

// An uneven load leaves phases with few samples or little of the swing: the error of what they say
// is that of the smallest, over the swing. 1 is a cycle as it should be.
double KneeLimit::weight_of_cycle(const Phase& more_second, double swing) const noexcept {
  double inverse = 0;
  for (const Phase* phase : {&more_first_, &fewer_first_, &fewer_second_, &more_second}) {
    inverse += 1.0 / static_cast<double>(std::max<std::uint64_t>(phase->samples, 1));
  }
  return std::min(1.0, 4 / inverse / kSamplesOfWeight) * std::min(1.0, swing * swing);
}

void KneeLimit::take_advice(const LoadTotals& totals, TimePoint now) noexcept {
  switch (guard_.on_tick(limit_, totals.answered, step_ != Step::hold, now)) {
    case TrialGuard::Advice::none:
      return;
    case TrialGuard::Advice::try_other:
      set_limit(guard_.limit(), "trial");
      break;
    case TrialGuard::Advice::keep:
      reason_ = "trial_kept";
      haste_ = kHasteAtTurn;
      gain_ = kGainTarget;
      return;
    case TrialGuard::Advice::go_back:
      set_limit(guard_.limit(), "trial_failed");
      break;
  }
  enter(Step::settle_first, totals, now);
}

void KneeLimit::enter_cycle(const LoadTotals& totals, TimePoint now) noexcept {
  if (searching_ && !guard_.is_trying()) {
    begin_search(totals, now);
  } else {
    enter(Step::settle_first, totals, now);
  }
}

void KneeLimit::begin_search(const LoadTotals& totals, TimePoint now) noexcept {
  rungs_ = 0;
  rung_elasticity_ = 1 - kGainTarget;
  last_rung_ = {};
  ++cycle_;  // One for the whole search: centres hold still.
  const auto min = static_cast<double>(bounds_.min);
  const bool slow = updates_ == 0 && service_ >= kSlow;
  const double limit = slow ? std::max(limit_ / 2, std::min(limit_, min)) : limit_;
  const double fewer = std::max(limit / 2, min);
  if (std::log(limit / fewer) < kSearchSpanMin) way_ = Way::up;
  climb_rung(way_ == Way::up ? limit : fewer, totals, now);
  if (slow) {
    ramp_service_ *= 2;  // A quarter of what there was.
    set_limit(limit, "slow_start");
  }
}

void KneeLimit::climb_rung(double slots, const LoadTotals& totals, TimePoint now) noexcept {
  const bool is_other = step_ == Step::rung;
  enter(is_other ? Step::settle_other_rung : Step::settle_rung, totals, now);
  const auto whole = static_cast<std::uint32_t>(std::lround(slots));
  rung_slots_ = std::clamp(whole, bounds_.min, bounds_.max);
  ++rungs_;
}

void KneeLimit::on_rung(const Phase& phase, const LoadTotals& totals, TimePoint now) noexcept {
  if (rungs_ == 1) {
    last_rung_ = phase;
    // The first is the lower one, and the limit itself the second, or what comes above it.
    const double next = way_ == Way::up ? limit_ * std::exp(kRungFar) : limit_;
    return climb_rung(next, totals, now);
  }
  const bool rising = phase.active > last_rung_.active;
  const Phase& more = rising ? phase : last_rung_;
  const Phase& fewer = rising ? last_rung_ : phase;
  const double span = std::log(more.active / fewer.active);
  if (span < kSpanMin * kSearchSpanMin) {
    // At an end of the bounds, or nobody is there to use the slots.
    end_search(limit_);
    return enter_cycle(totals, now);
  }
  const double elasticity = std::clamp((more.log_latency - fewer.log_latency) / span, -1.0, 3.0);
  ++updates_;
  gain_ = 1 - elasticity;
  const double step = std::clamp((kRungTarget - elasticity) / kRungSlope, -2 * kRungFar, kRungFar);
  const double aim = more.active * std::exp(step);
  const bool may_go_on = rungs_ < kRungsMax;
  if (elasticity < kRungGood && step > kRungNear && may_go_on && way_ != Way::down &&
      more.active < 0.9 * bounds_.max) {
    way_ = Way::up;
    last_rung_ = more;
    // At most what is to be expected of the next: long phases are for high latencies.
    rung_elasticity_ = std::clamp(elasticity + kRungRise, 0.0, 1 - kGainTarget);
    set_limit(more.active, "slow_start");  // So much is known to be good.
    return climb_rung(aim, totals, now);
  }
  // That half as many do as well says nothing of how many fewer would.
  if (elasticity > kRungBad && may_go_on && way_ != Way::up && fewer.active > 1.1 * bounds_.min) {
    way_ = Way::down;
    last_rung_ = fewer;
    set_limit(fewer.active, "slow_start");
    climb_rung(fewer.active * std::exp(-kRungFar), totals, now);
    ramp_service_ *= 2;  // It is a quarter.
    return;
  }
  // It lies between the two or, on the way up, a little above.
  end_search(std::clamp(aim, fewer.active, way_ == Way::up ? more.active : 1.4 * more.active));
  enter_cycle(totals, now);
}

void KneeLimit::end_search(double limit) noexcept {
  searching_ = false;
  way_ = Way::unknown;
  haste_ = kHasteAtTurn;
  gain_ = kGainTarget;
  set_limit(limit, "found");
}

void KneeLimit::climb(double elasticity, double weight) noexcept {
  gain_ += weight * kGainSmoothing * (1 - elasticity - gain_);
  if (gain_ > 1 - kRungGood) {
    searching_ = true;
    way_ = Way::up;
    reason_ = "slow_start";
    return;
  }
  const double pull = gain_ - kGainTarget;
  // A pull that keeps its direction is no noise: near the knee it changes sign every few cycles.
  const bool same_direction = pull * last_pull_ > 0;
  haste_ = same_direction ? std::min(haste_ * kHasteGrowth, kHasteMax) : kHasteAtTurn;
  last_pull_ = pull;
  const double step =
      std::clamp(weight * kStepGain * std::max(haste_, 1.0) * pull, -kStepDownMax, kStepUpMax);
  set_limit(guard_.bounded(limit_ * std::exp(step)), step >= 0 ? "rising" : "falling");
}

void KneeLimit::set_limit(double limit, std::string_view reason) noexcept {
  limit_ = std::clamp(limit, static_cast<double>(bounds_.min), static_cast<double>(bounds_.max));
  reason_ = reason;
}

}  // namespace loadline
