// SPDX-License-Identifier: Apache-2.0
// What an operation is counted under besides its slot: its fingerprint, the heavy lane, and its
// scorecards. All of them must grant.
#include "shedder/gate_state.h"

namespace loadline {

// Places to park at are the fingerprints' slots, and after them the parties'.
std::uint32_t Gate::State::parking_of(const CountingTable::Slot party) const noexcept {
  return static_cast<std::uint32_t>(fingerprint_counts.slot_count()) + party;
}

bool Gate::State::enter_caps(Operation& operation) noexcept {
  operation.is_heavy_ = false;
  bool fits = true;
  const std::uint64_t fingerprint = operation.profile_.fingerprint;
  if (fingerprint != 0) {
    const CountingTable::Entry entry = fingerprint_counts.enter(fingerprint);
    operation.fingerprint_slot_ = entry.slot;
    fingerprints.claim(entry.slot, fingerprint);
    const FingerprintBook::Limits& limits = fingerprints.limits(entry.slot);
    fits = entry.active <= limits.cap.load(std::memory_order_relaxed);
    if (limits.is_heavy.load(std::memory_order_relaxed)) {
      operation.is_heavy_ = true;
      const std::uint32_t before = heavy_active.fetch_add(1, std::memory_order_relaxed);
      fits = fits && before < heavy_max.load(std::memory_order_relaxed);
    }
  }
  operation.over_scorecard_ = Operation::kNoScorecard;
  for (std::uint8_t i = 0; i < operation.profile_.scorecard_count; ++i) {
    const ScorecardKey& key = operation.profile_.scorecards[i];
    const CountingTable::Entry entry = scorecards.enter(key);
    operation.scorecard_slots_[i] = entry.slot;
    if (entry.active <= scorecards.cap(key)) continue;
    if (scorecards.enforced_cap(key) == Scorecards::kNoCap) {
      scorecards.count_shed(key);  // For show.
    } else {
      operation.over_scorecard_ = i;
      fits = false;
    }
  }
  return fits;
}

bool Gate::State::leave_caps(const Operation& operation) noexcept {
  bool somebody_is_parked = false;
  if (operation.profile_.fingerprint != 0) {
    if (operation.is_heavy_) heavy_active.fetch_sub(1, std::memory_order_relaxed);
    somebody_is_parked = fingerprint_counts.leave(operation.fingerprint_slot_);
  }
  for (std::uint8_t i = 0; i < operation.profile_.scorecard_count; ++i) {
    somebody_is_parked |= scorecards.counts().leave(operation.scorecard_slots_[i]);
  }
  return somebody_is_parked;
}

void Gate::State::unpark_caps(const Operation& operation) noexcept {
  if (operation.profile_.fingerprint != 0) queue.unpark(operation.fingerprint_slot_);
  for (std::uint8_t i = 0; i < operation.profile_.scorecard_count; ++i) {
    queue.unpark(parking_of(operation.scorecard_slots_[i]));
  }
}

void Gate::State::suspend_caps(const Operation& operation) noexcept {
  if (operation.profile_.fingerprint != 0) {
    if (operation.is_heavy_) heavy_active.fetch_sub(1, std::memory_order_relaxed);
    const std::uint32_t slot = operation.fingerprint_slot_;
    if (fingerprint_counts.suspend(slot)) queue.unpark(slot);
  }
  for (std::uint8_t i = 0; i < operation.profile_.scorecard_count; ++i) {
    const CountingTable::Slot slot = operation.scorecard_slots_[i];
    if (scorecards.counts().suspend(slot)) queue.unpark(parking_of(slot));
  }
}

std::optional<std::uint32_t> Gate::State::start_caps(const Operation& operation,
                                                     bool regardless) noexcept {
  const std::uint32_t fingerprint = operation.fingerprint_slot_;
  const bool has_fingerprint = operation.profile_.fingerprint != 0;
  if (has_fingerprint) {
    const std::uint32_t cap =
        regardless ? FingerprintBook::kNoCap
                   : fingerprints.limits(fingerprint).cap.load(std::memory_order_relaxed);
    if (!fingerprint_counts.start(fingerprint, cap)) return fingerprint;
  }
  for (std::uint8_t i = 0; i < operation.profile_.scorecard_count; ++i) {
    const CountingTable::Slot slot = operation.scorecard_slots_[i];
    std::uint32_t cap =
        regardless ? Scorecards::kNoCap : scorecards.enforced_cap(operation.profile_.scorecards[i]);
    // Two of its parties may share a slot, and it must not be in its own way.
    for (std::uint8_t before = 0; before < i; ++before) {
      if (operation.scorecard_slots_[before] == slot && cap != Scorecards::kNoCap) ++cap;
    }
    if (scorecards.counts().start(slot, cap)) continue;
    // What has been taken goes back, and wakes nobody: two that wake each other would do so for
    // ever.
    if (has_fingerprint) fingerprint_counts.take_back(fingerprint);
    for (std::uint8_t taken = 0; taken < i; ++taken) {
      scorecards.counts().take_back(operation.scorecard_slots_[taken]);
    }
    return parking_of(slot);
  }
  if (operation.is_heavy_) heavy_active.fetch_add(1, std::memory_order_relaxed);
  return std::nullopt;
}

void Gate::State::withdraw_caps(const Operation& operation) noexcept {
  if (operation.profile_.fingerprint != 0) fingerprint_counts.withdraw(operation.fingerprint_slot_);
  for (std::uint8_t i = 0; i < operation.profile_.scorecard_count; ++i) {
    scorecards.counts().withdraw(operation.scorecard_slots_[i]);
  }
}

bool Gate::State::is_beyond_scorecards(const Operation& operation) noexcept {
  const std::uint8_t over = operation.over_scorecard_;
  if (over == Operation::kNoScorecard) return false;
  const std::uint32_t waiting =
      scorecards.counts().counts(operation.scorecard_slots_[over]).waiting;
  return waiting >= scorecards.waiting_max(operation.profile_.scorecards[over]);
}

ShedReason Gate::State::cap_in_the_way(Operation& operation) noexcept {
  for (std::uint8_t i = 0; i < operation.profile_.scorecard_count; ++i) {
    const std::uint32_t active = scorecards.counts().counts(operation.scorecard_slots_[i]).active;
    if (active < scorecards.enforced_cap(operation.profile_.scorecards[i])) continue;
    operation.over_scorecard_ = i;
    return ShedReason::scorecard;
  }
  const bool is_capped =
      operation.profile_.fingerprint != 0 &&
      fingerprints.limits(operation.fingerprint_slot_).cap.load(std::memory_order_relaxed) !=
          FingerprintBook::kNoCap;
  return is_capped ? ShedReason::fingerprint : ShedReason::none;
}

}  // namespace loadline
