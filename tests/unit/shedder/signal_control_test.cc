// SPDX-License-Identifier: Apache-2.0
// Replica lag in a closed loop: what the gains in signal_control.h promise.
#include "shedder/signal_control.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "shedder/signals_board.h"
#include "tests/unit/shedder/gate_fixture.h"

namespace loadline {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr Duration kStep = milliseconds(100);
constexpr double kStepSeconds = 0.1;

// How a replica's lag can be told.
enum class Lag { backlog, age };  // Seconds that applying will take; age of the last one applied.

// A primary that accepts what isn't shed, its replica, and a poll of the lag every second that
// arrives a second late.
class Replica {
 public:
  explicit Replica(Lag lag, double setpoint = 5, double hard = 30)
      : kind(lag),
        board({{.name = "replica_lag",
                .setpoint = setpoint,
                .hard = hard,
                .reads = false,
                .plant = SignalPlant::integrating}}) {}

  // `load` in writes per write that the replica applies: the rho of signal_control.h.
  void run(double load, Duration length, double apply = 1) {
    for (const TimePoint end = now + length; now < end; now += kStep) {
      const double let_through = load * (1 - board.ratio(OperationClass::write).ratio);
      written.push_back(written.back() + let_through * kStepSeconds);
      applied = std::min(applied + apply * kStepSeconds, written.back());
      while (written[oldest] < applied - 1e-9) ++oldest;
      truth.push_back(lag());
      accepted.push_back(let_through);
      if ((now - kStart) % seconds(1) == Duration::zero() && truth.size() > 10) {
        board.reading(0, truth[truth.size() - 11] + noise * (polls++ % 2 == 0 ? 1 : -1), now);
      }
      board.update(now);
      EXPECT_EQ(board.ratio(OperationClass::read).ratio, 0) << "reads are never concerned";
    }
  }
  [[nodiscard]] double lag() const {
    const double backlog = written.back() - applied;
    if (kind == Lag::backlog || backlog < 1e-6) return backlog;  // Nothing to apply is no lag.
    return static_cast<double>(written.size() - 1 - oldest) * kStepSeconds;
  }
  // Seconds from step `from` on until the lag is under `limit` for good.
  [[nodiscard]] double settled_after(double limit, std::size_t from = 0) const {
    std::size_t last = from;
    for (std::size_t i = from; i < truth.size(); ++i) {
      if (truth[i] > limit) last = i;
    }
    return static_cast<double>(last - from) * kStepSeconds;
  }
  [[nodiscard]] double ratio() const { return board.ratio(OperationClass::write).ratio; }
  // Relative standard deviation of what was accepted over the last so many seconds.
  [[nodiscard]] double deviation(double over_seconds) const {
    const auto count = static_cast<std::size_t>(over_seconds / kStepSeconds);
    double mean = 0;
    double square = 0;
    for (std::size_t i = accepted.size() - count; i < accepted.size(); ++i) {
      mean += accepted[i] / static_cast<double>(count);
      square += accepted[i] * accepted[i] / static_cast<double>(count);
    }
    return std::sqrt(std::max(square - mean * mean, 0.0)) / mean;
  }

  Lag kind;
  SignalsBoard board;
  TimePoint now = kStart;
  double noise = 0;  // Seconds, up and down.
  std::uint64_t polls = 0;
  std::vector<double> written = {0};  // At the end of each step, in seconds of applying.
  std::size_t oldest = 0;             // The step whose writes are being applied.
  double applied = 0;
  std::vector<double> truth;
  std::vector<double> accepted;
};

std::string name(Lag lag) { return lag == Lag::backlog ? "backlog" : "age"; }

// Where apply capacity is 60% and 30% of the writes, and at both ends of what the gains are for.
TEST(IntegratingControl, BringsTheLagUnderTheSetpointAndKeepsItThere) {
  for (const Lag lag : {Lag::backlog, Lag::age}) {
    for (const double capacity : {0.95, 0.6, 0.3, 0.2}) {
      Replica replica(lag);
      replica.run(1 / capacity, seconds(600));
      const std::string where = name(lag) + " " + std::to_string(capacity);
      const double settled = replica.settled_after(5);
      EXPECT_LT(settled, 240) << where;
      EXPECT_NEAR(replica.lag(), 3.75, 0.3) << where << ": three quarters of the setpoint";
      EXPECT_NEAR(replica.ratio(), 1 - capacity, 0.02) << where;
      EXPECT_LT(replica.deviation(200), 0.02) << where << ": no limit cycle";
    }
  }
}

// Lag told as an age shows only after itself what is shed now. A PI controller that is slow enough
// for a third goes round in circles where the replica applies a ninth.
TEST(IntegratingControl, KnowsHowMuchWasLetThroughBefore) {
  for (const Lag lag : {Lag::backlog, Lag::age}) {
    Replica slow(lag);
    slow.run(3, seconds(400));
    EXPECT_LT(*std::max_element(slow.truth.begin(), slow.truth.end()), 20) << name(lag);
    EXPECT_LT(slow.settled_after(5), 120) << name(lag);
    Replica slower(lag);
    slower.run(9, seconds(400));
    EXPECT_LT(slower.settled_after(5), 240) << name(lag);
    EXPECT_LT(slower.deviation(100), 0.05) << name(lag);
  }
}

TEST(IntegratingControl, IsCalmForOtherLevelsToo) {
  for (const Lag lag : {Lag::backlog, Lag::age}) {
    for (const double setpoint : {1.0, 2.0, 5.0, 10.0}) {
      // Nearer than this to the setpoint, hard is met by ordinary transients and becomes a relay.
      for (const double hard : {std::max(3 * setpoint, 4.0), 6 * setpoint}) {
        for (const double capacity : {0.6, 0.3}) {
          Replica replica(lag, setpoint, hard);
          replica.run(1 / capacity, seconds(1200));
          const std::string where = name(lag) + " " + std::to_string(setpoint) + " " +
                                    std::to_string(hard) + " " + std::to_string(capacity);
          EXPECT_LT(replica.lag(), setpoint) << where;
          EXPECT_LT(replica.deviation(200), 0.1) << where;
        }
      }
    }
  }
}

TEST(IntegratingControl, ToleratesNoise) {
  for (const Lag lag : {Lag::backlog, Lag::age}) {
    Replica replica(lag);
    replica.noise = 0.5;
    replica.run(1 / 0.6, seconds(600));
    EXPECT_LT(replica.deviation(200), 0.1) << name(lag);
    EXPECT_LT(replica.lag(), 5) << name(lag);
  }
}

TEST(IntegratingControl, RecoversFromAPauseOfReplay) {
  for (const Lag lag : {Lag::backlog, Lag::age}) {
    for (const double load : {0.7, 1 / 0.6}) {
      Replica replica(lag);
      replica.run(load, seconds(400));
      const std::size_t paused_at = replica.truth.size();
      replica.run(load, seconds(10), 0);
      replica.run(load, seconds(400));
      const std::string where = name(lag) + " " + std::to_string(load);
      EXPECT_LT(replica.settled_after(5, paused_at), 200) << where;
      EXPECT_LT(replica.deviation(100), 0.02) << where;
      const double needed = std::max(0.0, 1 - 1 / load);
      EXPECT_NEAR(replica.ratio(), needed, 0.01) << where;
    }
  }
}

TEST(IntegratingControl, ReturnsToNothingWhenWritesStop) {
  for (const Lag lag : {Lag::backlog, Lag::age}) {
    Replica replica(lag);
    replica.run(1 / 0.3, seconds(300));
    EXPECT_GT(replica.ratio(), 0.5);
    replica.run(0, seconds(60));
    EXPECT_EQ(replica.ratio(), 0) << name(lag);
  }
}

TEST(IntegratingControl, DoesNotWindUpWhileReplayStandsStill) {
  Replica replica(Lag::age);
  replica.run(0.7, seconds(600), 0);  // Ten minutes: far beyond hard.
  EXPECT_EQ(replica.ratio(), 1);
  const std::size_t resumed_at = replica.truth.size();
  replica.run(0.7, seconds(600));
  EXPECT_LT(replica.settled_after(5, resumed_at), 120);
  EXPECT_EQ(replica.ratio(), 0);
}

TEST(IntegratingControl, ShedsNothingWellBelowItsSetpoint) {
  IntegratingControl control({.setpoint = 5, .hard = 30});
  for (int i = 0; i < 1000; ++i) {
    control.on_reading(i % 4);  // Noise, up to 3 s.
    control.update(seconds(1));
    ASSERT_EQ(control.ratio(), 0);
  }
}

TEST(IntegratingControl, KeepsToItsMaximum) {
  IntegratingControl control({.setpoint = 5, .hard = 30});
  control.on_reading(1e300);
  for (int i = 0; i < 1000; ++i) control.update(seconds(1));
  EXPECT_NEAR(control.ratio(), kSignalRatioMax, 1e-9);
}

TEST(IntegratingControl, DecaysWithoutReadingsAndTakesUpFromThere) {
  IntegratingControl control({.setpoint = 5, .hard = 30});
  control.on_reading(10);
  for (int i = 0; i < 60; ++i) control.update(seconds(1));
  const double before = control.ratio();
  control.decay(0.5);
  EXPECT_NEAR(control.ratio(), before / 2, 1e-9);
  for (int i = 0; i < 20; ++i) control.decay(0.5);
  EXPECT_EQ(control.ratio(), 0);
  control.on_reading(4);
  control.update(milliseconds(100));
  EXPECT_LT(control.ratio(), 0.05) << "the integral is gone with it";
}

TEST(IntegratingControl, ForgetsAReadingThatWasAbsurd) {
  IntegratingControl fooled({.setpoint = 5, .hard = 30});
  IntegratingControl sober({.setpoint = 5, .hard = 30});
  const auto poll = [](IntegratingControl& control, double value) {
    control.on_reading(value);
    control.update(seconds(1));
  };
  for (int i = 0; i < 10; ++i) {
    poll(fooled, i % 2 == 0 ? 0 : std::numeric_limits<double>::max());
    poll(sober, 0);
  }
  for (int i = 0; i < 120; ++i) {
    poll(fooled, 0);
    poll(sober, 0);
  }
  for (int i = 0; i < 20; ++i) {
    poll(fooled, 0.5 * i);
    poll(sober, 0.5 * i);
  }
  ASSERT_GT(sober.ratio(), 0.2);
  EXPECT_NEAR(fooled.ratio(), sober.ratio(), 0.01);
}

TEST(ProportionalControl, DoesNothingBeforeItsFirstReading) {
  ProportionalControl control({.setpoint = 10, .hard = 5});
  control.update(seconds(100));
  EXPECT_EQ(control.ratio(), 0);
}

}  // namespace
}  // namespace loadline
