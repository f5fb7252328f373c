// SPDX-License-Identifier: Apache-2.0
#include "proxy/simulator/station.h"

#include <gtest/gtest.h>

#include "proxy/simulator/service_law.h"

namespace loadline::simulator {
namespace {

using std::chrono::milliseconds;

constexpr TimePoint kStart = TimePoint(std::chrono::hours(1));
constexpr SpeedLaw kOneCore = {.kind = SpeedLaw::Kind::cores, .cores = 1, .thrash = 0};

TEST(Station, SharesItsProcessorsEqually) {
  Station station(kOneCore);
  station.start(1, milliseconds(10), kStart);
  EXPECT_EQ(station.completion_at(), kStart + milliseconds(10));
  station.start(2, milliseconds(2), kStart + milliseconds(4));
  EXPECT_EQ(station.completion_at(), kStart + milliseconds(8)) << "2 ms at half the speed";
  EXPECT_EQ(station.finish(kStart + milliseconds(8)), 2U);
  EXPECT_EQ(station.completion_at(), kStart + milliseconds(12)) << "4 ms left, alone again";
  EXPECT_DOUBLE_EQ(station.job_seconds(kStart + milliseconds(12)), 0.016);
}

TEST(Station, AFreezeStopsEverythingAndLosesNothing) {
  Station station(kOneCore);
  station.start(1, milliseconds(10), kStart);
  station.set_capacity(0, kStart + milliseconds(5));
  EXPECT_EQ(station.completion_at(), TimePoint::max());
  station.set_capacity(1, kStart + milliseconds(100));
  EXPECT_EQ(station.completion_at(), kStart + milliseconds(105));
}

TEST(Station, ARemovedJobLeavesItsShareToTheOthers) {
  Station station(kOneCore);
  station.start(1, milliseconds(1), kStart);
  station.start(2, milliseconds(10), kStart);
  station.remove(1, kStart + milliseconds(1));
  EXPECT_EQ(station.jobs(), 1U);
  EXPECT_EQ(station.completion_at(), kStart + milliseconds(1) + std::chrono::microseconds(9500));
  station.start(1, milliseconds(1), kStart + milliseconds(1));
  EXPECT_EQ(station.completion_at(), kStart + milliseconds(3)) << "its successor is another job";
}

// M/M/1-PS: the mean response is work / (1 - load), and the mean number load / (1 - load).
TEST(Station, MeetsQueueingTheory) {
  constexpr double kLoad = 0.7;
  Station station(kOneCore);
  Rng rng(3);
  constexpr std::uint32_t kCount = 200'000;
  std::vector<TimePoint> begun(kCount);
  TimePoint now = kStart;
  TimePoint arrival = kStart;
  double response_s = 0;
  for (std::uint32_t arrived = 0, done = 0; done < kCount;) {
    if (arrived < kCount && arrival <= station.completion_at()) {
      now = arrival;
      begun[arrived] = now;
      station.start(arrived++,
                    std::chrono::duration_cast<Duration>(milliseconds(1) * draw_exponential(rng)),
                    now);
      arrival +=
          std::chrono::duration_cast<Duration>(milliseconds(1) * draw_exponential(rng) / kLoad);
    } else {
      now = station.completion_at();
      response_s += std::chrono::duration<double>(now - begun[station.finish(now)]).count();
      ++done;
    }
  }
  EXPECT_NEAR(response_s / kCount, 0.001 / (1 - kLoad), 0.0001);
  EXPECT_NEAR(station.job_seconds(now) / std::chrono::duration<double>(now - kStart).count(),
              kLoad / (1 - kLoad), 0.12);
}

}  // namespace
}  // namespace loadline::simulator
