// SPDX-License-Identifier: Apache-2.0
#include "proxy/simulator/gate_admitter.h"

#include <algorithm>
#include <utility>

namespace loadline::simulator {
namespace {

GateOptions bounded(GateOptions options, std::uint32_t connections) {
  options.limit_max = std::min(options.limit_max, connections);
  options.limit_min = std::min(options.limit_min, options.limit_max);
  options.limit_initial = std::min(options.limit_initial, connections);
  if (options.limit_mode != LimitMode::fixed) {
    options.limit_initial = std::clamp(options.limit_initial, options.limit_min, options.limit_max);
  }
  return options;
}

}  // namespace

GateAdmitter::GateAdmitter(const GateOptions& options, std::uint32_t connections,
                           std::uint64_t seed, std::vector<config::Scorecard> scorecards)
    : gate_(bounded(options, connections), 1, seed), scorecards_(std::move(scorecards)) {}

Verdict GateAdmitter::offer(std::uint32_t operation, const OperationProfile& profile,
                            TimePoint now) {
  while (slots_.size() <= operation) {
    slots_.push_back(&memory_.emplace_back(*this, static_cast<std::uint32_t>(slots_.size())));
  }
  if (scorecards_.empty()) return gate_.offer(operation_of(operation), profile, now);
  OperationProfile counted = profile;
  choose_scorecards(counted);
  return gate_.offer(operation_of(operation), counted, now);
}

void GateAdmitter::choose_scorecards(OperationProfile& profile) const {
  using Kind = config::Scorecard::Party::Kind;
  const Tier tier = profile.priority.tier();
  for (std::size_t i = 0; i < scorecards_.size(); ++i) {
    const config::Scorecard& card = scorecards_[i];
    const bool is_known = card.each.kind == Kind::tenant || card.each.kind == Kind::fingerprint ||
                          card.each.kind == Kind::all;
    if (!is_known || card.match != config::Match()) continue;
    if (tier < card.best || tier > card.worst) continue;
    if (card.operation_class && *card.operation_class != profile.operation_class) continue;
    ScorecardKey key = {.party = 0, .card = static_cast<std::uint8_t>(i), .weight = 0};
    if (card.each.kind == Kind::tenant) key.party = profile.tenant;
    if (card.each.kind == Kind::fingerprint) key.party = profile.fingerprint;
    if (profile.scorecard_count == kScorecardKeysMax) return;
    profile.scorecards[profile.scorecard_count++] = key;
  }
}

void GateAdmitter::complete(std::uint32_t operation, Outcome outcome, TimePoint now) {
  gate_.complete(operation_of(operation), outcome, now);
}

bool GateAdmitter::abandon(std::uint32_t operation, TimePoint now) {
  return gate_.abandon(operation_of(operation), now);
}

void GateAdmitter::hold(std::uint32_t operation, TimePoint now) {
  gate_.hold(operation_of(operation), now);
}

void GateAdmitter::resume(std::uint32_t operation, TimePoint now) {
  gate_.resume(operation_of(operation), now);
}

TimePoint GateAdmitter::tick(TimePoint now) { return gate_.tick(now); }
bool GateAdmitter::take_wake_request() { return gate_.take_wake_request(); }
// A policy need not have a signal for all that a scenario measures.
void GateAdmitter::on_signal(std::string_view name, double value, TimePoint now) {
  (void)gate_.signal(name, value, now);
}
double GateAdmitter::limit() const { return gate_.snapshot().limit.limit; }

void GateAdmitter::on_verdict(Operation& operation) noexcept {
  const auto* const slot = static_cast<const Slot*>(operation.owner);
  late_.push_back({slot->index, operation.verdict()});
}

}  // namespace loadline::simulator
