// SPDX-License-Identifier: Apache-2.0
#include "proxy/simulator/database.h"

#include <gtest/gtest.h>

namespace loadline::simulator {
namespace {

using std::chrono::milliseconds;

constexpr TimePoint kStart = TimePoint(std::chrono::hours(1));
constexpr SpeedLaw kCores = {.kind = SpeedLaw::Kind::cores, .cores = 16};

// The next job to end, and when; whatever else happens before.
std::pair<std::uint32_t, Duration> next(Database& database) {
  while (database.next_at() != TimePoint::max()) {
    const TimePoint now = database.next_at();
    const std::uint32_t job = database.step(now);
    if (job == Database::kNone) continue;
    database.end_transaction(job, now);
    return {job, now - kStart};
  }
  return {Database::kNone, {}};
}

TEST(Database, TheDiskTakesTimeButNoProcessor) {
  for (const bool first : {false, true}) {
    Database database({.kind = SpeedLaw::Kind::cores, .cores = 1}, 0);
    database.start(0, {.work = milliseconds(2), .io = milliseconds(10), .io_first = first}, kStart);
    database.start(1, {.work = milliseconds(6)}, kStart);
    EXPECT_EQ(next(database), std::pair(1U, Duration(milliseconds(first ? 6 : 8))));
    EXPECT_EQ(next(database), std::pair(0U, Duration(milliseconds(first ? 12 : 14))));
  }
}

TEST(Database, ALockLetsOneAtATimeToTheProcessors) {
  Database database(kCores, 1);
  for (const std::uint32_t job : {0U, 1U, 2U}) {
    database.start(job, {.work = milliseconds(5), .lock = 0}, kStart);
  }
  EXPECT_EQ(database.station().jobs(), 1U);
  EXPECT_EQ(next(database), std::pair(0U, Duration(milliseconds(5))));
  EXPECT_EQ(next(database), std::pair(1U, Duration(milliseconds(10))));
  EXPECT_EQ(next(database), std::pair(2U, Duration(milliseconds(15))));
}

TEST(Database, ATransactionKeepsItsLockUntilItEnds) {
  Database database(kCores, 1);
  const Statement statement = {.work = milliseconds(5), .lock = 0, .lock_to_end = true};
  database.start(0, statement, kStart);
  database.start(1, statement, kStart);
  EXPECT_EQ(database.step(database.next_at()), 0U);
  EXPECT_EQ(database.next_at(), TimePoint::max()) << "the other one waits";
  database.start(0, statement, kStart + milliseconds(8));
  EXPECT_EQ(database.step(database.next_at()), 0U) << "it has the lock already";
  database.end_transaction(0, kStart + milliseconds(13));
  EXPECT_EQ(next(database), std::pair(1U, Duration(milliseconds(18))));
}

TEST(Database, WhatIsCancelledGivesEverythingBack) {
  Database database(kCores, 1);
  const Statement statement = {.work = milliseconds(5), .lock = 0};
  for (const std::uint32_t job : {0U, 1U, 2U}) database.start(job, statement, kStart);
  database.cancel(1, kStart + milliseconds(1));
  database.end_transaction(1, kStart + milliseconds(1));
  database.cancel(0, kStart + milliseconds(2));
  database.end_transaction(0, kStart + milliseconds(2));
  EXPECT_EQ(next(database), std::pair(2U, Duration(milliseconds(7))));
  EXPECT_EQ(next(database).first, Database::kNone);
}

TEST(Database, ARestartForgetsEverything) {
  Database database(kCores, 1);
  database.start(0, {.work = milliseconds(5), .lock = 0}, kStart);
  database.start(1, {.work = milliseconds(5), .lock = 0}, kStart);
  database.start(2, {.work = milliseconds(5), .io = milliseconds(5), .io_first = true}, kStart);
  database.start_background(milliseconds(5), kStart);
  database.restart(kStart);
  EXPECT_EQ(database.next_at(), TimePoint::max());
  database.start(1, {.work = milliseconds(5), .lock = 0}, kStart);
  EXPECT_EQ(next(database), std::pair(1U, Duration(milliseconds(5))));
}

TEST(Database, BackgroundWorkIsNobodys) {
  Database database({.kind = SpeedLaw::Kind::cores, .cores = 1}, 0);
  database.start_background(milliseconds(1), kStart);
  database.start(0, {.work = milliseconds(5)}, kStart);
  EXPECT_EQ(next(database), std::pair(0U, Duration(milliseconds(6))));
}

}  // namespace
}  // namespace loadline::simulator
