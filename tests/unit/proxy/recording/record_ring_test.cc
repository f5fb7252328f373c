// SPDX-License-Identifier: Apache-2.0
#include "proxy/recording/record_ring.h"

#include <gtest/gtest.h>

#include <thread>
#include <vector>

namespace loadline::recording {
namespace {

OperationRecord numbered(std::uint64_t number) { return {.tenant = number}; }

std::vector<std::uint64_t> drained(RecordRing& ring) {
  std::vector<std::uint64_t> numbers;
  ring.drain([&](const OperationRecord& record) { numbers.push_back(record.tenant); });
  return numbers;
}

TEST(RecordRing, GivesWhatItTookInOrder) {
  RecordRing ring(4);
  EXPECT_TRUE(drained(ring).empty());
  for (std::uint64_t round = 0; round < 10; ++round) {
    for (std::uint64_t i = 0; i < 3; ++i) EXPECT_TRUE(ring.push(numbered(10 * round + i)));
    EXPECT_EQ(drained(ring), (std::vector{10 * round, 10 * round + 1, 10 * round + 2}));
  }
}

TEST(RecordRing, WhatFindsNoRoomIsNotTaken) {
  RecordRing ring(4);
  for (std::uint64_t i = 0; i < 4; ++i) EXPECT_TRUE(ring.push(numbered(i)));
  EXPECT_FALSE(ring.push(numbered(4)));
  EXPECT_EQ(drained(ring), (std::vector<std::uint64_t>{0, 1, 2, 3}));
  EXPECT_TRUE(ring.push(numbered(5)));
  EXPECT_EQ(drained(ring), (std::vector<std::uint64_t>{5}));
}

TEST(RecordRing, BetweenTwoThreadsEachRecordArrivesOnceOrIsRefused) {
  constexpr std::uint64_t kCount = 200'000;
  RecordRing ring(64);
  std::uint64_t refused = 0;
  std::thread producer([&] {
    for (std::uint64_t i = 1; i <= kCount; ++i) refused += ring.push(numbered(i)) ? 0U : 1U;
    while (!ring.push(numbered(kCount + 1))) std::this_thread::yield();
  });
  std::uint64_t seen = 0;
  std::uint64_t last = 0;
  bool in_order = true;
  while (last != kCount + 1) {
    ring.drain([&](const OperationRecord& record) {
      in_order = in_order && record.tenant > last;
      last = record.tenant;
      ++seen;
    });
    std::this_thread::yield();
  }
  producer.join();
  EXPECT_TRUE(in_order);
  EXPECT_EQ(seen + refused, kCount + 1);
}

}  // namespace
}  // namespace loadline::recording
