// SPDX-License-Identifier: Apache-2.0
#include "shedder/fingerprint_book.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstdint>
#include <vector>

namespace loadline {
namespace {

using std::chrono::milliseconds;

constexpr auto kNoCap = FingerprintBook::kNoCap;

class FingerprintBookTest : public ::testing::Test {
 protected:
  static constexpr std::size_t kSlots = 16;

  // Slots 0 .. count-1 with ordinary statements of 5 ms, known from calmer times.
  void know(std::uint32_t count) {
    for (std::uint32_t slot = 0; slot < count; ++slot) book_.claim(slot, slot + 100);
    update();  // From now on their samples are counted.
    for (int i = 0; i < 5; ++i) {
      for (std::uint32_t slot = 0; slot < count; ++slot) answer(slot, 0.005);
      update();
    }
  }
  void answer(std::uint32_t slot, double seconds, std::uint64_t count = 100) {
    totals_[slot].count += count;
    totals_[slot].log_seconds += static_cast<double>(count) * std::log(seconds);
  }
  void update() { book_.update(totals_, active_, saturated_, limit_, milliseconds(200)); }
  [[nodiscard]] std::uint32_t cap(std::uint32_t slot) const { return book_.limits(slot).cap; }

  // Ten statements, of which the first waits for a row: 30 of it are under way and take 20 times
  // as long as they used to.
  void heat(int updates, double factor = 20) {
    saturated_ = true;
    active_[0] = 30;
    for (int i = 0; i < updates; ++i) {
      answer(0, 0.005 * factor);
      for (std::uint32_t slot = 1; slot < 10; ++slot) answer(slot, 0.005);
      update();
    }
  }

  FingerprintBook book_ = FingerprintBook(kSlots);
  std::vector<FingerprintBook::Totals> totals_ = std::vector<FingerprintBook::Totals>(kSlots);
  std::vector<std::uint32_t> active_ = std::vector<std::uint32_t>(kSlots, 2);
  bool saturated_ = false;
  double limit_ = 40;
};

TEST_F(FingerprintBookTest, NothingHasACapAtFirst) {
  for (std::uint32_t slot = 0; slot < kSlots; ++slot) {
    EXPECT_EQ(cap(slot), kNoCap);
    EXPECT_EQ(book_.limits(slot).cost, 1.0F);
    EXPECT_FALSE(book_.limits(slot).is_heavy);
  }
  EXPECT_EQ(book_.capped_count(), 0U);
  EXPECT_EQ(book_.slowdown(), 0);
}

TEST_F(FingerprintBookTest, AHotStatementGetsACapAndTheInnocentDoNot) {
  know(10);
  heat(20);
  EXPECT_LT(cap(0), 10U);
  EXPECT_GE(cap(0), 2U);
  for (std::uint32_t slot = 1; slot < 10; ++slot) EXPECT_EQ(cap(slot), kNoCap) << slot;
  EXPECT_EQ(book_.capped_count(), 1U);
  EXPECT_NEAR(book_.slowdown(), 0, 0.01);
}

TEST_F(FingerprintBookTest, ACapIsNeverBelowTwo) {
  know(10);
  heat(200);
  EXPECT_EQ(cap(0), 2U);
}

TEST_F(FingerprintBookTest, ThatEverybodyIsSlowerIsNobodysFault) {
  know(10);
  saturated_ = true;
  active_.assign(kSlots, 30);
  for (int i = 0; i < 20; ++i) {
    for (std::uint32_t slot = 0; slot < 10; ++slot) answer(slot, 0.1);
    update();
  }
  EXPECT_NEAR(book_.slowdown(), std::log(20), 0.01);
  EXPECT_EQ(book_.capped_count(), 0U);
}

TEST_F(FingerprintBookTest, AFewThatWaitAreNotWorthACap) {
  know(10);
  saturated_ = true;
  active_[0] = 4;
  for (int i = 0; i < 20; ++i) {
    answer(0, 0.5);
    for (std::uint32_t slot = 1; slot < 10; ++slot) answer(slot, 0.005);
    update();
  }
  EXPECT_EQ(cap(0), kNoCap);
}

TEST_F(FingerprintBookTest, ThoseThatWaitLessThanTheyWorkGetNoCap) {
  know(10);
  heat(20, 1.8);  // Of 30, fewer than half wait.
  EXPECT_EQ(cap(0), kNoCap);
}

TEST_F(FingerprintBookTest, ACapIsReleasedStepByStepWhenNobodyWaitsAnyMore) {
  know(10);
  heat(20);
  std::uint32_t before = cap(0);
  active_[0] = 2;
  int steps = 0;
  while (cap(0) != kNoCap && steps < 200) {
    active_[0] = 2;
    for (std::uint32_t slot = 0; slot < 10; ++slot) answer(slot, 0.005);
    update();
    ASSERT_GE(cap(0), before);
    if (cap(0) != kNoCap) {
      ASSERT_LE(cap(0), before + 1 + before / 10);
      before = cap(0);
    }
    ++steps;
  }
  EXPECT_GT(steps, 10);
  EXPECT_LT(steps, 60);
  EXPECT_LE(before, limit_) << "above the limit it means nothing";
  EXPECT_EQ(book_.capped_count(), 0U);
}

TEST_F(FingerprintBookTest, AStatementThatIsAloneIsNoSuspect) {
  know(2);
  saturated_ = true;
  active_.assign(kSlots, 20);
  // The other one's last word, that all is as usual, counts for three seconds.
  for (int i = 0; i < 120; ++i) {
    answer(0, 0.1);
    update();
  }
  EXPECT_EQ(cap(0), kNoCap);
}

TEST_F(FingerprintBookTest, ACapOfAStatementThatComesNoMoreIsReleased) {
  know(10);
  heat(20);
  active_[0] = 0;
  for (int i = 0; i < 100; ++i) {
    for (std::uint32_t slot = 1; slot < 10; ++slot) answer(slot, 0.005);
    update();
  }
  EXPECT_EQ(cap(0), kNoCap);
}

TEST_F(FingerprintBookTest, FewerThanFiftySamplesSayNothing) {
  know(10);
  saturated_ = true;
  active_[0] = 30;
  const auto go_on = [this] {
    for (std::uint32_t slot = 1; slot < 10; ++slot) answer(slot, 0.005);
    update();
  };
  answer(0, 0.1, 49);
  for (int i = 0; i < 50; ++i) go_on();
  EXPECT_EQ(cap(0), kNoCap);
  answer(0, 0.1, 1);
  go_on();
  EXPECT_NE(cap(0), kNoCap) << "they add up";
}

TEST_F(FingerprintBookTest, WhatWasFirstSeenInAnOverloadIsTakenToSufferAsMuchAsAll) {
  know(8);
  saturated_ = true;
  active_.assign(kSlots, 10);
  book_.claim(9, 900);
  for (int i = 0; i < 20; ++i) {
    for (std::uint32_t slot = 0; slot < 8; ++slot) answer(slot, 0.020);  // Four times as slow.
    answer(9, 0.020);
    update();
  }
  EXPECT_NEAR(book_.limits(9).cost, 1, 0.05) << "5 ms without the overload, as all others";
  EXPECT_EQ(cap(9), kNoCap);
}

TEST_F(FingerprintBookTest, AMajorityThatGetsSlowerIsNoSuspect) {
  know(2);
  saturated_ = true;
  for (std::uint32_t slot = 2; slot < 10; ++slot) book_.claim(slot, slot + 100);
  for (int i = 0; i < 3; ++i) {
    for (std::uint32_t slot = 0; slot < 10; ++slot) answer(slot, 0.005);
    update();
  }
  active_.assign(kSlots, 20);
  for (int i = 0; i < 10; ++i) {
    for (std::uint32_t slot = 0; slot < 2; ++slot) answer(slot, 0.005);
    for (std::uint32_t slot = 2; slot < 10; ++slot) answer(slot, 0.1, 1000);
    update();
  }
  EXPECT_NEAR(book_.slowdown(), std::log(20), 0.01) << "what most say, though two don't";
  EXPECT_EQ(cap(5), kNoCap);
  EXPECT_EQ(cap(0), kNoCap);
  EXPECT_EQ(cap(1), kNoCap);
}

TEST_F(FingerprintBookTest, VotesOnceItHasBeenSeenInCalmerTimes) {
  know(2);
  saturated_ = true;
  for (std::uint32_t slot = 2; slot < 10; ++slot) book_.claim(slot, slot + 100);
  for (int i = 0; i < 3; ++i) {
    for (std::uint32_t slot = 0; slot < 10; ++slot) answer(slot, 0.005);
    update();
  }
  saturated_ = false;
  for (int i = 0; i < 3; ++i) {
    for (std::uint32_t slot = 0; slot < 10; ++slot) answer(slot, 0.005);
    update();
  }
  saturated_ = true;
  for (int i = 0; i < 3; ++i) {
    for (std::uint32_t slot = 2; slot < 10; ++slot) answer(slot, 0.02);
    update();
  }
  EXPECT_NEAR(book_.slowdown(), std::log(4), 0.1);
}

TEST_F(FingerprintBookTest, StatementsOfMoreThanEightTimesTheMedianAreHeavy) {
  book_.claim(8, 800);
  book_.claim(9, 900);
  know(8);
  for (int i = 0; i < 5; ++i) {
    for (std::uint32_t slot = 0; slot < 8; ++slot) answer(slot, 0.005);
    answer(8, 0.005 * 7);
    answer(9, 0.005 * 9);
    update();
  }
  EXPECT_FALSE(book_.limits(0).is_heavy);
  EXPECT_FALSE(book_.limits(8).is_heavy);
  EXPECT_TRUE(book_.limits(9).is_heavy);
  EXPECT_NEAR(book_.limits(0).cost, 1, 0.01);
  EXPECT_NEAR(book_.limits(8).cost, 7, 0.1);
  EXPECT_NEAR(book_.limits(9).cost, 9, 0.1);
}

TEST_F(FingerprintBookTest, TheMedianIsThatOfOperationsAndNotOfStatements) {
  for (std::uint32_t slot = 0; slot < 10; ++slot) book_.claim(slot, slot + 100);
  update();
  for (int i = 0; i < 5; ++i) {
    answer(0, 0.001, 10'000);
    for (std::uint32_t slot = 1; slot < 10; ++slot) answer(slot, 0.1);
    update();
  }
  EXPECT_FALSE(book_.limits(0).is_heavy);
  EXPECT_TRUE(book_.limits(1).is_heavy);
}

TEST_F(FingerprintBookTest, AStatementThatGotFasterIsHeldToItsNewPace) {
  know(10);
  saturated_ = true;
  for (int i = 0; i < 40; ++i) {
    answer(0, 0.001);
    for (std::uint32_t slot = 1; slot < 10; ++slot) answer(slot, 0.005);
    update();
  }
  EXPECT_NEAR(book_.limits(0).cost, 0.2, 0.04);
}

// The least of many noisy means is below them all: a base that followed it down would find
// everybody slow.
TEST_F(FingerprintBookTest, NoiseDoesNotPullTheBaseDown) {
  know(10);
  saturated_ = true;
  for (int i = 0; i < 100; ++i) {
    answer(0, i % 2 == 0 ? 0.005 * 0.88 : 0.005 * 1.14);
    for (std::uint32_t slot = 1; slot < 10; ++slot) answer(slot, 0.005);
    update();
  }
  EXPECT_NEAR(book_.limits(0).cost, 1, 0.001);
}

TEST_F(FingerprintBookTest, AStatementThatGotSlowerIsForgivenSlowlyAndOnlyInCalmTimes) {
  know(10);
  const auto run = [&](int updates) {
    for (int i = 0; i < updates; ++i) {
      answer(0, 0.010);
      for (std::uint32_t slot = 1; slot < 10; ++slot) answer(slot, 0.005);
      update();
    }
  };
  saturated_ = true;
  run(1500);
  EXPECT_NEAR(book_.limits(0).cost, 1, 0.02) << "five minutes of an overload";
  saturated_ = false;
  run(5);
  EXPECT_NEAR(book_.limits(0).cost, 1, 0.02) << "a second";
  run(1500);
  EXPECT_NEAR(book_.limits(0).cost, 2, 0.1) << "five minutes";
}

TEST_F(FingerprintBookTest, ASlotThatChangesHandsBeginsAnew) {
  know(10);
  heat(20);
  ASSERT_NE(cap(0), kNoCap);
  book_.claim(0, 100);
  EXPECT_NE(cap(0), kNoCap) << "it is the same";
  book_.claim(0, 4711);
  EXPECT_EQ(cap(0), kNoCap);
  EXPECT_EQ(book_.limits(0).cost, 1.0F);
  heat(1);
  EXPECT_EQ(cap(0), kNoCap) << "nothing is known of it";
  EXPECT_EQ(book_.capped_count(), 0U);
  heat(20);
  EXPECT_EQ(cap(0), kNoCap) << "100 ms is what it takes, for all that is known";
}

TEST_F(FingerprintBookTest, ATickWithoutNewSamplesChangesNothing) {
  know(10);
  for (int i = 0; i < 20; ++i) {
    book_.update(totals_, active_, true, limit_, Duration::zero());
  }
  EXPECT_EQ(book_.capped_count(), 0U);
}

}  // namespace
}  // namespace loadline
