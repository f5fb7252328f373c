// SPDX-License-Identifier: Apache-2.0
#include "shedder/counting_table.h"

#include <bit>
#include <cassert>

namespace loadline {
namespace {

// The finaliser of splitmix64: every bit of the key moves every bit of the result, so that keys
// which are numbers of some kind spread as well as hashes do.
std::uint64_t mixed(std::uint64_t key) noexcept {
  key = (key ^ (key >> 30U)) * 0xbf58476d1ce4e5b9U;
  key = (key ^ (key >> 27U)) * 0x94d049bb133111ebU;
  return key ^ (key >> 31U);
}

}  // namespace

CountingTable::CountingTable(std::size_t slot_count)
    : set_count_(slot_count / kWays),
      sets_(std::make_unique<Set[]>(set_count_)),
      shared_(std::make_unique<Word[]>(set_count_)) {
  assert(std::has_single_bit(slot_count) && slot_count >= kWays);
}

CountingTable::Word& CountingTable::word(Slot slot) noexcept {
  const std::size_t own = set_count_ * kWays;
  if (slot >= own) return shared_[slot - own];
  return sets_[slot / kWays].words[slot % kWays];
}

const CountingTable::Word& CountingTable::word(Slot slot) const noexcept {
  const std::size_t own = set_count_ * kWays;
  if (slot >= own) return shared_[slot - own];
  return sets_[slot / kWays].words[slot % kWays];
}

CountingTable::Entry CountingTable::enter(std::uint64_t key) noexcept {
  const std::uint64_t hash = mixed(key);
  const std::size_t set = hash & (set_count_ - 1);
  const std::uint64_t tag = hash & ~kInUse;
  const auto first = static_cast<Slot>(set * kWays);
  // Two passes: a free slot must not be taken while the key has one further on. Two threads that
  // bring the same new key at the same moment may take one slot each; each is exact for itself, and
  // the second is free again when its last operation leaves.
  for (std::size_t way = 0; way < kWays; ++way) {
    Word& word = sets_[set].words[way];
    std::uint64_t seen = word.load(std::memory_order_relaxed);
    while ((seen & ~kInUse) == tag && (seen & kInUse) != 0) {
      if (word.compare_exchange_weak(seen, seen + kOneActive, std::memory_order_acq_rel,
                                     std::memory_order_relaxed)) {
        return {.slot = first + static_cast<Slot>(way), .active = active_of(seen) + 1};
      }
    }
  }
  // Its own old slot if that is free still: what was learned of the key goes with the slot.
  Word* best = nullptr;
  for (std::size_t way = 0; way < kWays; ++way) {
    Word& word = sets_[set].words[way];
    const std::uint64_t seen = word.load(std::memory_order_relaxed);
    if ((seen & kInUse) != 0) continue;
    if (best == nullptr || (seen & ~kInUse) == tag) best = &word;
  }
  if (best != nullptr) {
    std::uint64_t seen = best->load(std::memory_order_relaxed);
    if ((seen & kInUse) == 0 &&
        best->compare_exchange_strong(seen, tag + kOneActive, std::memory_order_acq_rel,
                                      std::memory_order_relaxed)) {
      return {.slot = first + static_cast<Slot>(best - sets_[set].words.data()), .active = 1};
    }
    return enter(key);  // Somebody else took it meanwhile.
  }
  const std::uint64_t seen = shared_[set].fetch_add(kOneActive, std::memory_order_acq_rel);
  return {.slot = static_cast<Slot>(set_count_ * kWays + set), .active = active_of(seen) + 1};
}

// Adds and takes the mark away, if there was one.
bool CountingTable::change(Slot slot, std::uint64_t amount) noexcept {
  Word& changed = word(slot);
  const std::uint64_t seen = changed.fetch_add(amount, std::memory_order_acq_rel);
  if ((seen & kParked) == 0) return false;
  return (changed.fetch_and(~kParked, std::memory_order_acq_rel) & kParked) != 0;
}

bool CountingTable::leave(Slot slot) noexcept { return change(slot, 0 - kOneActive); }

bool CountingTable::suspend(Slot slot) noexcept { return change(slot, kOneWaiting - kOneActive); }

bool CountingTable::start(Slot slot, std::uint32_t cap) noexcept {
  Word& changed = word(slot);
  std::uint64_t seen = changed.load(std::memory_order_relaxed);
  while (true) {
    const bool full = active_of(seen) >= cap;
    const std::uint64_t next = full ? seen | kParked : seen + kOneActive - kOneWaiting;
    if (changed.compare_exchange_weak(seen, next, std::memory_order_acq_rel,
                                      std::memory_order_relaxed)) {
      return !full;
    }
  }
}

void CountingTable::take_back(Slot slot) noexcept {
  word(slot).fetch_add(kOneWaiting - kOneActive, std::memory_order_acq_rel);
}

void CountingTable::withdraw(Slot slot) noexcept {
  word(slot).fetch_sub(kOneWaiting, std::memory_order_acq_rel);
}

CountingTable::Counts CountingTable::counts(Slot slot) const noexcept {
  const std::uint64_t seen = word(slot).load(std::memory_order_relaxed);
  return {.active = active_of(seen),
          .waiting = static_cast<std::uint32_t>((seen >> kCountBits) & kCountMask)};
}

}  // namespace loadline
