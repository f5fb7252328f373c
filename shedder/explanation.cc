// SPDX-License-Identifier: Apache-2.0
#include "shedder/explanation.h"

#include <cmath>
#include <cstdio>
#include <string_view>

#include "shedder/names.h"

namespace loadline {
namespace {

// Less than this of a tier passes only to be heard of, or for want of rounding.
constexpr double kNothing = 0.02;
constexpr double kEverything = 0.995;

std::string number(double value) {
  char text[32];
  const int size = std::snprintf(text, sizeof text, "%.1f", value);
  return {text, static_cast<std::size_t>(size)};
}

std::string percent(double share) { return std::to_string(std::lround(share * 100)) + "%"; }

Binding binding_of(const GateSnapshot& gate) {
  if (gate.draining) return Binding::draining;
  if (gate.is_stalled) return Binding::stalled;
  for (const Rejection& rejection : gate.signals.binding) {
    if (rejection.signal) return Binding::signal;
  }
  for (const double ratio : gate.rejection_ratio) {
    if (ratio > 0) return Binding::rejector;
  }
  if (gate.waiting == 0) return Binding::nothing;
  return gate.active >= std::floor(gate.limit.limit) ? Binding::limit : Binding::scorecards;
}

std::string use_of_slots(const GateSnapshot& gate) {
  std::string text = std::to_string(gate.active) + " active at a limit of " +
                     number(gate.limit.limit) + " (" + std::string(gate.limit.reason) + "), " +
                     std::to_string(gate.waiting) + " waiting";
  if (gate.held > 0) text += ", " + std::to_string(gate.held) + " held";
  return text;
}

// "t0 to t2 and 40% of t3"; empty if all pass.
std::string passing(const std::array<double, kTierCount>& shares) {
  std::size_t first_cut = 0;
  while (first_cut < kTierCount && shares[first_cut] >= kEverything) ++first_cut;
  if (first_cut == kTierCount) return "";
  std::string text;
  if (first_cut > 0) {
    text = "t0";
    if (first_cut > 1) text += " to " + std::string(to_string(static_cast<Tier>(first_cut - 1)));
  }
  for (std::size_t tier = first_cut; tier < kTierCount; ++tier) {
    if (shares[tier] < kNothing) continue;
    if (!text.empty()) text += " and ";
    text += percent(shares[tier]) + " of " + std::string(to_string(static_cast<Tier>(tier)));
  }
  return text.empty() ? "nothing" : text;
}

std::string admitted(const GateSnapshot& gate) {
  std::string text;
  for (std::size_t i = 0; i < kRejectedCount; ++i) {
    const std::string of_demand = passing(gate.passing[i]);
    if (of_demand.empty()) continue;
    if (!text.empty()) text += "; ";
    text += "of " + std::string(to_string(static_cast<Demand>(i))) + " operations " + of_demand +
            " pass";
  }
  return text;
}

std::string signals(const GateSnapshot& gate) {
  std::string text;
  for (std::size_t i = 0; i < kOperationClassCount; ++i) {
    const Rejection& rejection = gate.signals.binding[i];
    if (!rejection.signal) continue;
    const SignalSnapshot& signal = gate.signals.signals[*rejection.signal];
    if (!text.empty()) text += "; ";
    text += "signal " + signal.name + " is at " + number(signal.value) + ": of " +
            std::string(to_string(static_cast<OperationClass>(i))) + " operations " +
            percent(rejection.ratio) + " are refused";
  }
  return text;
}

std::string caps(const GateSnapshot& gate) {
  std::string text;
  for (const ScorecardSnapshot& card : gate.scorecards) {
    if (!card.cap || card.dry_run) continue;
    text += "; scorecard " + card.name + " caps each party at " + std::to_string(*card.cap);
  }
  if (gate.capped_fingerprints > 0) {
    text += "; " + std::to_string(gate.capped_fingerprints) + " kinds of statement are capped";
  }
  return text;
}

}  // namespace

Explanation explain(const GateSnapshot& gate) {
  Explanation explanation = {.binding = binding_of(gate), .sentence = {}};
  std::string& text = explanation.sentence;
  if (gate.dry_run) text = "dry run, nothing is enforced: ";
  switch (explanation.binding) {
    case Binding::nothing:
      text += "everything is admitted at once: ";
      break;
    case Binding::draining:
      text += "nothing new is admitted, Loadline is stopping: ";
      break;
    case Binding::stalled:
      text += "the database answers nothing: ";
      break;
    case Binding::signal:
      text += signals(gate) + ": ";
      break;
    case Binding::rejector:
      text += "more is asked for than the database carries: " + admitted(gate) + ": ";
      break;
    case Binding::limit:
      text += "all slots are in use: ";
      break;
    case Binding::scorecards:
      text += "slots are free, and what waits is over a cap: ";
      break;
  }
  text += use_of_slots(gate) + caps(gate);
  return explanation;
}

}  // namespace loadline
