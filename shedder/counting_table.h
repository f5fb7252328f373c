// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>

namespace loadline {

// How many operations of each key (a tenant, a statement's fingerprint) are active and how many
// wait, exact, for any number of keys in a fixed amount of memory. A key takes one of the eight
// slots of its set when its first operation enters, and leaves it to others after its last one has
// left. When all eight are in use, further keys of that set are counted together, in a slot that
// they share.
//
// Everything a slot holds is in one word, so that a slot is never given away under somebody who
// enters it, and whoever leaves a full key sees in the same instruction whether anybody waits for
// that. Keys are told apart by 22 bits besides those that choose the set: of two that agree in all
// of them, each counts for both.
//
// Thread-safe without locks, except as stated. Nothing allocates after construction.
class CountingTable {
 public:
  using Slot = std::uint32_t;

  struct Counts {
    std::uint32_t active = 0;
    std::uint32_t waiting = 0;
  };
  struct Entry {
    Slot slot = 0;
    std::uint32_t active = 0;  // With the one that has entered.
  };

  // Requires a power of two, at least 8. Eight bytes each.
  explicit CountingTable(std::size_t slot_count);

  // One more active operation of `key`; leave() takes it back.
  [[nodiscard]] Entry enter(std::uint64_t key) noexcept;
  // True: somebody is parked there, see start(); the mark is gone, and the caller must look after
  // them.
  [[nodiscard]] bool leave(Slot slot) noexcept;

  // The active operation begins to wait.
  [[nodiscard]] bool suspend(Slot slot) noexcept;  // True: as leave() says.
  // The waiting operation becomes active, unless `cap` are already: then the slot is marked as one
  // where somebody is parked.
  [[nodiscard]] bool start(Slot slot, std::uint32_t cap) noexcept;
  // start() was in vain, since something else keeps the operation waiting. Those parked here were
  // parked before it, with reason, and are still: their mark stays.
  void take_back(Slot slot) noexcept;
  // The waiting operation leaves.
  void withdraw(Slot slot) noexcept;

  [[nodiscard]] Counts counts(Slot slot) const noexcept;
  // Slot numbers are below this.
  [[nodiscard]] std::size_t slot_count() const noexcept { return set_count_ * kWays + set_count_; }

 private:
  static constexpr std::size_t kWays = 8;

  // Low to high: active, waiting, parked, tag. A slot is free if all but the tag are zero.
  static constexpr unsigned kCountBits = 20;
  static constexpr unsigned kParkedBit = 2 * kCountBits;
  static constexpr unsigned kTagShift = kParkedBit + 1;
  static constexpr std::uint64_t kOneActive = 1;
  static constexpr std::uint64_t kOneWaiting = std::uint64_t{1} << kCountBits;
  static constexpr std::uint64_t kCountMask = kOneWaiting - 1;
  static constexpr std::uint64_t kParked = std::uint64_t{1} << kParkedBit;
  static constexpr std::uint64_t kInUse = (std::uint64_t{1} << kTagShift) - 1;

  using Word = std::atomic<std::uint64_t>;
  struct alignas(64) Set {
    std::array<Word, kWays> words = {};
  };

  [[nodiscard]] Word& word(Slot slot) noexcept;
  [[nodiscard]] const Word& word(Slot slot) const noexcept;
  [[nodiscard]] static std::uint32_t active_of(std::uint64_t word) noexcept {
    return static_cast<std::uint32_t>(word & kCountMask);
  }
  [[nodiscard]] bool change(Slot slot, std::uint64_t amount) noexcept;

  std::size_t set_count_;
  std::unique_ptr<Set[]> sets_;
  std::unique_ptr<Word[]> shared_;  // One per set, numbered after the sets' own.
};

}  // namespace loadline
