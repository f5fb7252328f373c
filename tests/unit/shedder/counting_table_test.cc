// SPDX-License-Identifier: Apache-2.0
#include "shedder/counting_table.h"

#include <gtest/gtest.h>

#include <atomic>
#include <cstdint>
#include <limits>
#include <set>
#include <thread>
#include <unordered_map>
#include <vector>

#include "shedder/rng.h"

namespace loadline {
namespace {

using Slot = CountingTable::Slot;

constexpr std::uint32_t kNoCap = std::numeric_limits<std::uint32_t>::max();

void expect_idle(const CountingTable& table) {
  for (Slot slot = 0; slot < table.slot_count(); ++slot) {
    EXPECT_EQ(table.counts(slot).active, 0U) << "slot " << slot;
    EXPECT_EQ(table.counts(slot).waiting, 0U) << "slot " << slot;
  }
}

TEST(CountingTable, CountsWhatEntersAndLeaves) {
  CountingTable table(64);
  const CountingTable::Entry first = table.enter(7);
  EXPECT_EQ(first.active, 1U);
  const CountingTable::Entry second = table.enter(7);
  EXPECT_EQ(second.slot, first.slot);
  EXPECT_EQ(second.active, 2U) << "with the one that has entered";
  EXPECT_NE(table.enter(8).slot, first.slot);
  EXPECT_EQ(table.counts(first.slot).active, 2U);
  EXPECT_FALSE(table.leave(first.slot));
  EXPECT_EQ(table.counts(first.slot).active, 1U);
}

TEST(CountingTable, AnOperationIsEitherActiveOrWaiting) {
  CountingTable table(64);
  const Slot slot = table.enter(7).slot;
  EXPECT_FALSE(table.suspend(slot));
  EXPECT_EQ(table.counts(slot).active, 0U);
  EXPECT_EQ(table.counts(slot).waiting, 1U);
  EXPECT_TRUE(table.start(slot, kNoCap));
  EXPECT_EQ(table.counts(slot).active, 1U);
  EXPECT_EQ(table.counts(slot).waiting, 0U);
  EXPECT_FALSE(table.suspend(slot));
  table.withdraw(slot);
  expect_idle(table);
}

TEST(CountingTable, ASlotIsGivenToAnotherKeyWhenItsLastOperationHasLeft) {
  CountingTable table(8);
  const Slot slot = table.enter(1).slot;
  for (std::uint64_t key = 2; key <= 8; ++key) EXPECT_EQ(table.enter(key).active, 1U);
  (void)table.leave(slot);
  const CountingTable::Entry entry = table.enter(100);
  EXPECT_EQ(entry.slot, slot) << "the only free one";
  EXPECT_EQ(entry.active, 1U);
}

TEST(CountingTable, ASlotInWhichSomebodyOnlyWaitsIsNotGivenAway) {
  CountingTable table(8);
  const Slot slot = table.enter(1).slot;
  (void)table.suspend(slot);
  for (std::uint64_t key = 2; key <= 8; ++key) EXPECT_NE(table.enter(key).slot, slot);
  EXPECT_NE(table.enter(100).slot, slot);
  EXPECT_EQ(table.enter(1).slot, slot);
}

TEST(CountingTable, AKeyThatComesBackFindsItsOldSlot) {
  CountingTable table(8);
  std::vector<Slot> slots;
  for (std::uint64_t key = 1; key <= 5; ++key) slots.push_back(table.enter(key).slot);
  for (const Slot slot : slots) EXPECT_FALSE(table.leave(slot));
  // What was learned of it goes with the slot, though other free ones come before it.
  for (std::uint64_t key = 5; key >= 1; --key) EXPECT_EQ(table.enter(key).slot, slots[key - 1]);
}

TEST(CountingTable, KeysShareASlotWhenTheirSetIsFull) {
  CountingTable table(8);
  std::set<Slot> slots;
  for (std::uint64_t key = 1; key <= 8; ++key) slots.insert(table.enter(key).slot);
  EXPECT_EQ(slots.size(), 8U);
  const CountingTable::Entry ninth = table.enter(9);
  const CountingTable::Entry tenth = table.enter(10);
  EXPECT_EQ(slots.count(ninth.slot), 0U);
  EXPECT_EQ(tenth.slot, ninth.slot);
  EXPECT_EQ(tenth.active, 2U) << "counted together";
  EXPECT_LT(ninth.slot, table.slot_count());
  EXPECT_EQ(table.enter(3).active, 2U) << "those that have a slot keep it";

  EXPECT_FALSE(table.suspend(ninth.slot));
  EXPECT_FALSE(table.start(ninth.slot, 1));
  EXPECT_TRUE(table.leave(tenth.slot)) << "and whoever leaves sees who is parked there";
  table.withdraw(ninth.slot);
  EXPECT_EQ(table.counts(ninth.slot).active, 0U);
}

TEST(CountingTable, StartsUpToTheCapAndNotBeyond) {
  CountingTable table(8);
  Slot slot = 0;
  for (int i = 0; i < 5; ++i) {
    slot = table.enter(1).slot;
    (void)table.suspend(slot);
  }
  EXPECT_TRUE(table.start(slot, 2));
  EXPECT_TRUE(table.start(slot, 2));
  EXPECT_FALSE(table.start(slot, 2));
  EXPECT_EQ(table.counts(slot).active, 2U);
  EXPECT_EQ(table.counts(slot).waiting, 3U) << "who isn't let in waits on";
  EXPECT_TRUE(table.start(slot, 3)) << "the cap has risen";
  EXPECT_FALSE(table.start(slot, 1)) << "and fallen: nobody is taken out";
  EXPECT_EQ(table.counts(slot).active, 3U);
}

TEST(CountingTable, WhoeverLeavesFirstHearsOfThoseParkedAndNobodyElse) {
  CountingTable table(8);
  const Slot slot = table.enter(1).slot;
  (void)table.enter(1);
  (void)table.enter(1);
  EXPECT_FALSE(table.suspend(slot));
  EXPECT_FALSE(table.start(slot, 2));
  EXPECT_FALSE(table.start(slot, 2)) << "marked already";
  EXPECT_TRUE(table.leave(slot));
  EXPECT_FALSE(table.leave(slot)) << "the mark is gone";
}

TEST(CountingTable, WhoeverBeginsToWaitHearsOfThoseParkedToo) {
  CountingTable table(8);
  const Slot slot = table.enter(1).slot;
  (void)table.enter(1);
  EXPECT_FALSE(table.suspend(slot));
  EXPECT_FALSE(table.start(slot, 1));
  EXPECT_TRUE(table.suspend(slot));
  EXPECT_TRUE(table.start(slot, 1));
  EXPECT_FALSE(table.start(slot, 1)) << "the one that was refused first";
  EXPECT_TRUE(table.leave(slot)) << "marked once more";
}

TEST(CountingTable, AMarkIsItsSlotsOwn) {
  CountingTable table(8);
  const Slot slot = table.enter(1).slot;
  (void)table.enter(1);
  const Slot other = table.enter(2).slot;
  (void)table.suspend(slot);
  EXPECT_FALSE(table.start(slot, 1));
  EXPECT_FALSE(table.leave(other));
  EXPECT_TRUE(table.leave(slot));
}

TEST(CountingTable, WhatIsTakenBackLeavesTheMark) {
  CountingTable table(8);
  const Slot slot = table.enter(1).slot;
  for (int i = 0; i < 2; ++i) {
    (void)table.enter(1);
    (void)table.suspend(slot);
  }
  EXPECT_FALSE(table.start(slot, 1));
  EXPECT_TRUE(table.start(slot, 2));
  table.take_back(slot);
  EXPECT_EQ(table.counts(slot).active, 1U);
  EXPECT_EQ(table.counts(slot).waiting, 2U);
  EXPECT_TRUE(table.leave(slot));
}

TEST(CountingTable, AMarkOutlivesTheOneThatSetItAndDoesNotKeepTheSlot) {
  CountingTable table(8);
  const Slot slot = table.enter(1).slot;
  (void)table.enter(1);
  (void)table.suspend(slot);
  EXPECT_FALSE(table.start(slot, 1));
  table.withdraw(slot);  // Its client left.
  EXPECT_TRUE(table.leave(slot)) << "a look too many does no harm";
  for (std::uint64_t key = 2; key <= 9; ++key) EXPECT_EQ(table.enter(key).active, 1U);
}

TEST(CountingTable, AMillionKeysFitOneAfterTheOther) {
  CountingTable table(64);
  for (std::uint64_t key = 1; key <= 1'000'000; ++key) {
    const CountingTable::Entry entry = table.enter(key);
    ASSERT_LT(entry.slot, table.slot_count());
    ASSERT_EQ(entry.active, 1U) << "nobody else is there";
    ASSERT_FALSE(table.leave(entry.slot));
  }
  expect_idle(table);
}

TEST(CountingTable, AMillionKeysFitAtOnce) {
  CountingTable table(1024);
  std::vector<Slot> slots;
  for (std::uint64_t key = 1; key <= 1'000'000; ++key) slots.push_back(table.enter(key).slot);
  std::uint64_t active = 0;
  for (Slot slot = 0; slot < table.slot_count(); ++slot) active += table.counts(slot).active;
  EXPECT_EQ(active, 1'000'000U);
  for (const Slot slot : slots) ASSERT_FALSE(table.leave(slot));
  expect_idle(table);
}

TEST(CountingTable, KeysThatAreNumbersSpread) {
  CountingTable table(1024);
  std::set<Slot> slots;
  for (std::uint64_t i = 0; i < 256; ++i) slots.insert(table.enter(i << 32U).slot);
  EXPECT_EQ(slots.size(), 256U) << "each has its own";
}

TEST(CountingTable, IsExactWhateverIsDone) {
  // Few keys, so that every one has a slot: 24 in three times as many.
  struct Model {
    std::uint32_t active = 0;
    std::uint32_t waiting = 0;
    Slot slot = 0;
  };
  for (std::uint64_t seed = 1; seed <= 5; ++seed) {
    CountingTable table(4096);
    Rng rng(seed);
    std::unordered_map<std::uint64_t, Model> models;
    for (int i = 0; i < 20'000; ++i) {
      const std::uint64_t key = rng.next() % 24;
      Model& model = models[key];
      switch (rng.next() % 5) {
        case 0:
        case 1: {
          const CountingTable::Entry entry = table.enter(key);
          if (model.active + model.waiting > 0) {
            ASSERT_EQ(entry.slot, model.slot);
          }
          model.slot = entry.slot;
          ASSERT_EQ(entry.active, ++model.active);
          break;
        }
        case 2:
          if (model.active == 0) break;
          (void)table.leave(model.slot);
          --model.active;
          break;
        case 3:
          if (model.active == 0) break;
          (void)table.suspend(model.slot);
          --model.active;
          ++model.waiting;
          break;
        default: {
          if (model.waiting == 0) break;
          const bool leaves = rng.next() % 4 == 0;
          const bool fits = model.active < 3;
          if (leaves) {
            table.withdraw(model.slot);
          } else {
            ASSERT_EQ(table.start(model.slot, 3), fits);
          }
          if (leaves || fits) --model.waiting;
          if (!leaves && fits) ++model.active;
        }
      }
      if (model.active + model.waiting == 0) continue;
      ASSERT_EQ(table.counts(model.slot).active, model.active);
      ASSERT_EQ(table.counts(model.slot).waiting, model.waiting);
    }
  }
}

// Keys that collide, slots that change hands, the shared ones too: whatever the interleaving, no
// count goes below zero (it would be a million) and all end at zero. Most telling under
// ThreadSanitizer.
TEST(CountingTable, ThreadsLeaveNothingBehind) {
  constexpr int kThreads = 4;
  constexpr int kRounds = 20'000;
  constexpr std::uint32_t kPlausible = 1000;
  CountingTable table(32);
  std::atomic<bool> implausible = false;
  const auto work = [&](std::uint64_t seed) {
    struct Held {
      Slot slot = 0;
      bool waits = false;
    };
    Rng rng(seed);
    std::vector<Held> held;
    for (int i = 0; i < kRounds; ++i) {
      if (held.size() < 8 && rng.next() % 2 == 0) {
        const CountingTable::Entry entry = table.enter(rng.next() % 64);
        if (entry.active > kPlausible || entry.active == 0) implausible = true;
        held.push_back({.slot = entry.slot});
      } else if (!held.empty()) {
        const std::size_t at = rng.next() % held.size();
        Held& one = held[at];
        bool leaves = rng.next() % 2 == 0;
        if (leaves && one.waits) {
          table.withdraw(one.slot);
        } else if (leaves) {
          (void)table.leave(one.slot);
        } else if (one.waits) {
          one.waits = !table.start(one.slot, 2);
        } else {
          (void)table.suspend(one.slot);
          one.waits = true;
        }
        const CountingTable::Counts counts = table.counts(one.slot);
        if (counts.active > kPlausible || counts.waiting > kPlausible) implausible = true;
        if (leaves) held.erase(held.begin() + static_cast<std::ptrdiff_t>(at));
      }
    }
    for (const Held& one : held) {
      if (one.waits) {
        table.withdraw(one.slot);
      } else {
        (void)table.leave(one.slot);
      }
    }
  };
  std::vector<std::thread> threads;
  for (int i = 0; i < kThreads; ++i) {
    threads.emplace_back(work, static_cast<std::uint64_t>(i) + 1);
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_FALSE(implausible);
  expect_idle(table);
  for (std::uint64_t key = 1000; key < 1008; ++key) {
    EXPECT_EQ(table.enter(key).active, 1U) << "every slot is of use again";
  }
}

// A refused start() marks the slot, so that whoever leaves looks after the parked one. If a mark
// could be lost, somebody would be left behind here.
TEST(CountingTable, ThreadsForgetNobodyThatIsParked) {
  constexpr int kThreads = 4;
  constexpr int kRounds = 5'000;
  CountingTable table(8);
  std::atomic<std::uint32_t> parked = 0;  // Stands for the gate's queue.
  std::atomic<std::uint32_t> wakes = 0;
  const auto work = [&] {
    for (int i = 0; i < kRounds; ++i) {
      const Slot slot = table.enter(1).slot;
      if (table.suspend(slot)) wakes.fetch_add(1);
      if (!table.start(slot, 1)) {
        parked.fetch_add(1);
        table.withdraw(slot);
        continue;
      }
      std::this_thread::yield();
      if (table.leave(slot)) wakes.fetch_add(1);
    }
  };
  std::vector<std::thread> threads;
  for (int i = 0; i < kThreads; ++i) threads.emplace_back(work);
  for (std::thread& thread : threads) thread.join();
  const Slot slot = table.enter(1).slot;
  EXPECT_FALSE(table.leave(slot)) << "every mark has been seen";
  EXPECT_LE(wakes, parked) << "and none twice";
  if (parked > 0) {
    EXPECT_GT(wakes, 0U);
  }
}

}  // namespace
}  // namespace loadline
