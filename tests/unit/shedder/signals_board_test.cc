// SPDX-License-Identifier: Apache-2.0
#include "shedder/signals_board.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <utility>

#include "tests/unit/shedder/gate_fixture.h"

namespace loadline {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::seconds;

SignalOptions sessions() {
  return {.name = "sessions", .setpoint = 100, .hard = 200, .stale = SignalStale::ignore};
}

// A board whose signals are read every second and that is updated every 100 ms.
class Board {
 public:
  explicit Board(std::vector<SignalOptions> options) : board(std::move(options)) {
    board.update(now);
  }
  explicit Board(SignalOptions options) : Board(std::vector<SignalOptions>{std::move(options)}) {}

  // Every signal's value; NaN for none.
  void run(const std::vector<double>& values, Duration length) {
    for (const TimePoint end = now + length; now < end;) {
      if ((now - kStart) % seconds(1) == Duration::zero()) {
        for (std::size_t i = 0; i < values.size(); ++i) {
          if (!std::isnan(values[i])) board.reading(i, values[i], now);
        }
      }
      now += milliseconds(100);
      board.update(now);
    }
  }
  void silence(Duration length) { run({}, length); }
  [[nodiscard]] double ratio(OperationClass operation_class = OperationClass::write) const {
    return board.ratio(operation_class).ratio;
  }

  SignalsBoard board;
  TimePoint now = kStart;
};

constexpr double kNone = std::numeric_limits<double>::quiet_NaN();

TEST(SignalsBoard, WithoutSignalsNothingIsRefused) {
  Board board(std::vector<SignalOptions>{});
  board.silence(seconds(1));
  EXPECT_EQ(board.ratio(), 0);
  EXPECT_FALSE(board.board.ratio(OperationClass::read).signal);
  EXPECT_EQ(board.board.count(), 0U);
  EXPECT_FALSE(board.board.find("sessions")) << "no such signal";
}

TEST(SignalsBoard, TheRatioIsWhereTheValueLiesBetweenItsLevels) {
  for (const auto& [value, expected] : {std::pair(50.0, 0.0), {100, 0}, {125, 0.25}, {175, 0.75}}) {
    Board board(sessions());
    board.run({value}, seconds(20));
    EXPECT_NEAR(board.ratio(), expected, 1e-3) << value;
  }
}

TEST(SignalsBoard, AtHardEverythingIsRefusedAtOnce) {
  Board board(sessions());
  board.run({200}, milliseconds(100));
  EXPECT_EQ(board.ratio(), 1);
  board.run({200}, seconds(60));
  board.board.reading(0, 199.9, board.now);
  board.board.update(board.now);
  EXPECT_NEAR(board.ratio(), kSignalRatioMax, 1e-9) << "short of it something always flows";
}

TEST(SignalsBoard, OneMistakenReadingAtHardIsNotFeltForLong) {
  Board board(sessions());
  board.run({50}, seconds(3));
  board.board.reading(0, 1e6, board.now);
  board.board.update(board.now + milliseconds(25));
  EXPECT_EQ(board.ratio(), 1);
  board.board.reading(0, 50, board.now + milliseconds(50));
  board.board.update(board.now + milliseconds(50));
  EXPECT_LT(board.ratio(), 0.03);
}

TEST(SignalsBoard, AFallingSignalIsBadBelowItsSetpoint) {
  Board board({.name = "free_disk", .setpoint = 20, .hard = 10});
  board.run({30}, seconds(5));
  EXPECT_EQ(board.ratio(), 0);
  board.run({15}, seconds(20));
  EXPECT_NEAR(board.ratio(), 0.5, 1e-3);
  board.run({9}, milliseconds(1100));
  EXPECT_EQ(board.ratio(), 1);
}

TEST(SignalsBoard, RisesWithinASecondOrTwoAndIsSlowerToRelease) {
  Board board(sessions());
  board.run({150}, seconds(1));
  EXPECT_NEAR(board.ratio(), 0.5 * (1 - std::exp(-1)), 0.01);
  board.run({150}, seconds(20));
  board.run({50}, seconds(1));
  EXPECT_NEAR(board.ratio(), 0.5 * std::exp(-0.25), 0.01);
  board.run({50}, seconds(3));
  EXPECT_NEAR(board.ratio(), 0.5 * std::exp(-1), 0.01);
  board.run({50}, seconds(30));
  EXPECT_EQ(board.ratio(), 0) << "in the end really nothing";
}

TEST(SignalsBoard, NoiseDoesNotMakeItChatter) {
  Board board(sessions());
  board.run({150}, seconds(20));
  double least = 1;
  double greatest = 0;
  for (int i = 0; i < 60; ++i) {
    board.board.reading(0, i % 2 == 0 ? 110 : 190, board.now);
    board.now += milliseconds(100);
    board.board.update(board.now);
    if (i < 40) continue;
    least = std::min(least, board.ratio());
    greatest = std::max(greatest, board.ratio());
  }
  EXPECT_LT(greatest - least, 0.05) << "of values that differ by 0.8";
}

TEST(SignalsBoard, TheUpdateIntervalDoesNotMatter) {
  Board often(sessions());
  Board seldom(sessions());
  often.board.reading(0, 150, kStart);
  seldom.board.reading(0, 150, kStart);
  for (int i = 1; i <= 40; ++i) often.board.update(kStart + i * milliseconds(25));
  for (int i = 1; i <= 4; ++i) seldom.board.update(kStart + i * milliseconds(250));
  EXPECT_NEAR(often.ratio(), seldom.ratio(), 1e-9);
}

TEST(SignalsBoard, TheMaximumBindsNeverTheSum) {
  Board board({{.name = "a", .setpoint = 0, .hard = 10}, {.name = "b", .setpoint = 0, .hard = 10}});
  board.run({3, 6}, seconds(20));
  EXPECT_NEAR(board.ratio(), 0.6, 1e-3);
  EXPECT_EQ(board.board.ratio(OperationClass::write).signal, 1U);
  board.run({7, 6}, seconds(20));
  EXPECT_NEAR(board.ratio(), 0.7, 1e-3);
  EXPECT_EQ(board.board.ratio(OperationClass::write).signal, 0U);
}

TEST(SignalsBoard, OnlyTheClassesConcernedAreRefused) {
  Board board({{.name = "lag", .setpoint = 0, .hard = 10, .reads = false},
               {.name = "cpu", .setpoint = 0, .hard = 10, .ddl = false}});
  board.run({8, 4}, seconds(20));
  EXPECT_EQ(board.board.ratio(OperationClass::read).signal, 1U);
  EXPECT_NEAR(board.ratio(OperationClass::read), 0.4, 1e-3);
  EXPECT_EQ(board.board.ratio(OperationClass::write).signal, 0U);
  board.run({0, 4}, seconds(60));
  EXPECT_EQ(board.board.ratio(OperationClass::write).signal, 1U);
  EXPECT_EQ(board.ratio(OperationClass::ddl), 0);
}

TEST(SignalsBoard, EachSaysWhatItAsksOfAClass) {
  Board board({{.name = "lag", .setpoint = 0, .hard = 10, .reads = false},
               {.name = "cpu", .setpoint = 0, .hard = 10},
               {.name = "seen", .setpoint = 0, .hard = 10, .dry_run = true}});
  board.run({8, 4, 9}, seconds(20));
  EXPECT_EQ(board.board.asked(0, OperationClass::read), 0) << "not concerned";
  EXPECT_NEAR(board.board.asked(0, OperationClass::write), 0.8, 1e-3);
  EXPECT_NEAR(board.board.asked(1, OperationClass::read), 0.4, 1e-3) << "whether it binds or not";
  EXPECT_EQ(board.board.asked(2, OperationClass::write), 0) << "a dry run";
}

TEST(SignalsBoard, AReloadKeepsWhatIsToldToBeWhatItWas) {
  SignalOptions disk = {.name = "disk", .setpoint = 0, .hard = 10};
  Board board({sessions(), disk});
  board.run({150, 4}, seconds(20));
  disk.hard = 20;
  board.board.reconfigure({disk, {.name = "new", .setpoint = 0, .hard = 10}, sessions()});
  EXPECT_EQ(board.board.find("sessions"), 2U);
  EXPECT_EQ(board.board.ratio(OperationClass::read).signal, 2U);
  EXPECT_NEAR(board.ratio(), 0.5, 1e-3) << "at once, without an update";
  const SignalsSnapshot snapshot = board.board.snapshot(board.now);
  EXPECT_EQ(snapshot.signals[0].state, SignalState::never) << "its levels are others";
  EXPECT_EQ(snapshot.signals[1].state, SignalState::never);
  EXPECT_EQ(snapshot.signals[2].value, 150);
  board.board.reconfigure({});
  EXPECT_EQ(board.ratio(), 0);
}

TEST(SignalsBoard, OneThatComesLaterIsNotOverdueAtOnce) {
  Board board(sessions());
  board.run({50}, seconds(60));
  SignalOptions feared = {.name = "feared", .setpoint = 0, .hard = 1, .stale = SignalStale::shed};
  board.board.reconfigure({sessions(), feared});
  board.run({50}, seconds(4));
  EXPECT_EQ(board.ratio(), 0);
  board.run({50}, seconds(2));
  EXPECT_EQ(board.ratio(), 0.5);
}

TEST(SignalsBoard, ADryRunIsShownButRefusesNothing) {
  SignalOptions options = sessions();
  options.dry_run = true;
  Board board({options, sessions()});
  board.run({180, 130}, seconds(20));
  EXPECT_NEAR(board.ratio(), 0.3, 1e-3);
  EXPECT_EQ(board.board.ratio(OperationClass::read).signal, 1U);
  const SignalsSnapshot snapshot = board.board.snapshot(board.now);
  EXPECT_NEAR(snapshot.signals[0].ratio, 0.8, 1e-3);
  EXPECT_TRUE(snapshot.signals[0].dry_run);
  EXPECT_NEAR(snapshot.binding_dry_run[0].ratio, 0.8, 1e-3);
  EXPECT_EQ(snapshot.binding_dry_run[0].signal, 0U);
  EXPECT_EQ(snapshot.binding[0].signal, 1U);
}

TEST(SignalsBoard, WhatIsNoReadingIsRefusedAndTheOneBeforeStays) {
  Board board(sessions());
  EXPECT_TRUE(board.board.reading(0, 150, board.now));
  for (const double value : {kNone, HUGE_VAL, -HUGE_VAL, -1.0}) {
    EXPECT_FALSE(board.board.reading(0, value, board.now + seconds(1))) << value;
  }
  const SignalSnapshot signal = board.board.snapshot(board.now + seconds(2)).signals[0];
  EXPECT_EQ(signal.value, 150);
  EXPECT_EQ(signal.age, seconds(2)) << "of the good one";
  EXPECT_EQ(signal.refused, 4U);
  EXPECT_EQ(signal.state, SignalState::ok);
}

TEST(SignalsBoard, NegativeReadingsCanBeAllowed) {
  Board board({.name = "balance", .setpoint = -5, .hard = -15, .negative_allowed = true});
  EXPECT_TRUE(board.board.reading(0, -10, board.now));
  board.run({-10}, seconds(20));
  EXPECT_NEAR(board.ratio(), 0.5, 1e-3);
}

TEST(SignalsBoard, TimesOutOfOrderAreHarmless) {
  Board board(sessions());
  board.run({150}, seconds(20));
  const double before = board.ratio();
  board.board.reading(0, 150, board.now - hours(1));
  board.board.update(board.now - hours(1));
  EXPECT_EQ(board.ratio(), before);
  EXPECT_EQ(board.board.snapshot(board.now - hours(2)).signals[0].age, Duration::zero());
  board.now += seconds(1);
  board.board.update(board.now);
  EXPECT_NEAR(board.ratio(), before, 1e-3);
  EXPECT_EQ(board.board.snapshot(board.now).signals[0].state, SignalState::ok);
  board.board.reading(0, 150, board.now + seconds(3));  // Read a little ahead of the update.
  board.board.update(board.now);
  EXPECT_NEAR(board.ratio(), before, 1e-3);
}

TEST(SignalsBoard, StaleAndIgnoredItGivesWayGently) {
  Board board(sessions());
  board.run({150}, seconds(20));
  board.silence(seconds(4));
  EXPECT_NEAR(board.ratio(), 0.5, 1e-3) << "its ttl";
  EXPECT_EQ(board.board.snapshot(board.now).signals[0].state, SignalState::ok);
  board.silence(seconds(2));
  EXPECT_EQ(board.board.snapshot(board.now).signals[0].state, SignalState::stale);
  EXPECT_LT(board.ratio(), 0.5);
  EXPECT_GT(board.ratio(), 0.2) << "not everybody at once";
  board.silence(seconds(30));
  EXPECT_EQ(board.ratio(), 0);
  EXPECT_FALSE(board.board.ratio(OperationClass::write).signal);
}

TEST(SignalsBoard, StaleAndHeldItDecaysAfterAWhile) {
  SignalOptions options = sessions();
  options.stale = SignalStale::hold;
  Board board(options);
  board.run({150}, seconds(20));
  board.silence(seconds(14));  // The last reading is a second old, 5 s to live, 10 s of grace.
  EXPECT_NEAR(board.ratio(), 0.5, 1e-3);
  board.silence(seconds(10));
  EXPECT_NEAR(board.ratio(), 0.25, 0.01) << "a half-life";
  board.silence(seconds(200));
  EXPECT_EQ(board.ratio(), 0);
  board.run({150}, seconds(20));
  EXPECT_NEAR(board.ratio(), 0.5, 1e-3) << "and back";
}

TEST(SignalsBoard, HeldAtHardItStaysAtHard) {
  SignalOptions options = sessions();
  options.stale = SignalStale::hold;
  Board board(options);
  board.run({200}, seconds(2));
  board.silence(seconds(10));
  EXPECT_EQ(board.ratio(), 1);
  board.silence(seconds(14));
  EXPECT_NEAR(board.ratio(), 0.5, 0.05);
}

TEST(SignalsBoard, StaleAndFeared) {
  SignalOptions options = sessions();
  options.stale = SignalStale::shed;
  options.stale_ratio = 0.3;
  Board board(options);
  board.run({50}, seconds(20));
  EXPECT_EQ(board.ratio(), 0);
  board.silence(seconds(10));
  EXPECT_EQ(board.ratio(), 0.3);
  board.run({50}, milliseconds(1100));
  EXPECT_EQ(board.ratio(), 0) << "over as soon as it is known to be fine";
}

TEST(SignalsBoard, NeverReadItIsNothingUnlessFeared) {
  for (const SignalStale stale : {SignalStale::ignore, SignalStale::hold, SignalStale::shed}) {
    SignalOptions options = sessions();
    options.stale = stale;
    Board board(options);
    board.silence(seconds(4));
    EXPECT_EQ(board.ratio(), 0) << "it may be about to be read";
    board.silence(seconds(60));
    EXPECT_EQ(board.ratio(), stale == SignalStale::shed ? 0.5 : 0);
    const SignalSnapshot signal = board.board.snapshot(board.now).signals[0];
    EXPECT_EQ(signal.state, SignalState::never);
    EXPECT_EQ(signal.age, Duration::zero());
  }
}

TEST(SignalsBoard, TheSnapshotTellsEverySignal) {
  Board board({sessions(), {.name = "disk", .setpoint = 0, .hard = 10, .reads = false}});
  board.run({150, kNone}, seconds(20));
  const SignalsSnapshot snapshot = board.board.snapshot(board.now);
  ASSERT_EQ(snapshot.signals.size(), 2U);
  EXPECT_EQ(snapshot.signals[0].name, "sessions");
  EXPECT_EQ(snapshot.signals[0].age, seconds(1));
  EXPECT_NEAR(snapshot.signals[0].ratio, 0.5, 1e-3);
  EXPECT_EQ(snapshot.signals[1].name, "disk");
  EXPECT_EQ(snapshot.signals[1].state, SignalState::never);
  for (const Rejection& binding : snapshot.binding) EXPECT_EQ(binding.signal, 0U);
}

}  // namespace
}  // namespace loadline
