// SPDX-License-Identifier: Apache-2.0
#include "proxy/simulator/gate_admitter.h"

#include <algorithm>

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
                           std::uint64_t seed)
    : gate_(bounded(options, connections), 1, seed) {}

Verdict GateAdmitter::offer(std::uint32_t operation, const OperationProfile& profile,
                            TimePoint now) {
  while (slots_.size() <= operation) {
    slots_.push_back(&memory_.emplace_back(*this, static_cast<std::uint32_t>(slots_.size())));
  }
  return gate_.offer(operation_of(operation), profile, now);
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
