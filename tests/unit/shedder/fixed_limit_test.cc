// SPDX-License-Identifier: Apache-2.0
#include "shedder/fixed_limit.h"

#include <gtest/gtest.h>

#include "tests/unit/shedder/gate_fixture.h"

namespace loadline {
namespace {

TEST(FixedLimit, StaysWhateverHappens) {
  FixedLimit law(12);
  const LoadTotals bad = {.offered = 1000, .shed = 900, .answered = 10, .overloaded = 90};
  const LimitStep step = law.on_tick(bad, std::chrono::seconds(10), kStart);
  EXPECT_EQ(step.slots, 12U);
  EXPECT_FALSE(step.phase.is_measured()) << "its samples would be for nothing";
  EXPECT_EQ(law.snapshot().limit, 12.0);
  EXPECT_EQ(law.snapshot().reason, "fixed");
}

}  // namespace
}  // namespace loadline
