// SPDX-License-Identifier: Apache-2.0
#include "proxy/simulator/speed_law.h"

#include <gtest/gtest.h>

namespace loadline::simulator {
namespace {

TEST(SpeedLaw, HasItsKneeWhereTheStudySaysSo) {
  const Knee usl = knee_of({.kind = SpeedLaw::Kind::usl});
  EXPECT_EQ(usl.jobs, 44U);
  EXPECT_NEAR(usl.speed / 0.005, 3136, 15);
  const Knee cores = knee_of({.kind = SpeedLaw::Kind::cores});
  EXPECT_EQ(cores.jobs, 16U);
  EXPECT_DOUBLE_EQ(cores.speed, 16);
}

TEST(SpeedLaw, CoresThrashOnlyBeyondTwiceTheirNumber) {
  const SpeedLaw law = {.kind = SpeedLaw::Kind::cores};
  EXPECT_DOUBLE_EQ(law.speed(8), 1);
  EXPECT_DOUBLE_EQ(law.speed(32), 0.5);
  EXPECT_DOUBLE_EQ(law.speed(132), 16.0 / 132 / 1.4);
}

TEST(SpeedTable, AgreesWithItsLaw) {
  const SpeedLaw law;
  const SpeedTable table(law);
  for (const std::uint32_t n : {0U, 1U, 44U, 4095U, 4096U, 10'000U}) {
    EXPECT_DOUBLE_EQ(table.speed(n), law.speed(n)) << n;
  }
}

}  // namespace
}  // namespace loadline::simulator
