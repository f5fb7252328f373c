// SPDX-License-Identifier: Apache-2.0
#include "proxy/session/statement_cache.h"

#include <cassert>
#include <utility>

namespace loadline::session {
namespace {

constexpr std::size_t kSlotsFirst = 4;

// Neighbours differ in the lowest bit, so that a pair shares cache lines.
std::size_t first_slot(std::uint64_t name_hash, std::size_t slot_count) noexcept {
  const std::uint64_t mixed = name_hash ^ (name_hash >> 32U);
  return static_cast<std::size_t>(mixed) & (slot_count - 1) & ~std::size_t{1};
}

}  // namespace

StatementCache::Slot& StatementCache::slot_for(std::uint64_t name_hash) noexcept {
  Slot& first = slots_[first_slot(name_hash, slots_.size())];
  Slot& second = *(&first + 1);
  if (first.name_hash == name_hash || first.name_hash == 0) return first;
  return second;
}

void StatementCache::put(std::uint64_t name_hash, const KnownStatement& statement) {
  assert(name_hash != 0);
  if (slots_.empty()) slots_.resize(kSlotsFirst);
  for (;;) {
    Slot& slot = slot_for(name_hash);
    const bool taken_by_other = slot.name_hash != 0 && slot.name_hash != name_hash;
    if (!taken_by_other || slots_.size() == kStatementsMax) {
      slot = {name_hash, statement};
      return;
    }
    grow();
  }
}

void StatementCache::grow() {
  std::vector<Slot> old = std::exchange(slots_, std::vector<Slot>(slots_.size() * 2));
  for (const Slot& slot : old) {
    if (slot.name_hash != 0) slot_for(slot.name_hash) = slot;
  }
}

const KnownStatement* StatementCache::find(std::uint64_t name_hash) const noexcept {
  if (slots_.empty()) return nullptr;
  const std::size_t first = first_slot(name_hash, slots_.size());
  for (const std::size_t at : {first, first + 1}) {
    if (slots_[at].name_hash == name_hash) return &slots_[at].statement;
  }
  return nullptr;
}

}  // namespace loadline::session
