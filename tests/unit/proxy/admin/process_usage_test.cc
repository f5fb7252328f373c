// SPDX-License-Identifier: Apache-2.0
#include "proxy/admin/process_usage.h"

#include <gtest/gtest.h>

namespace loadline::admin {
namespace {

constexpr ProcUnits kUnits = {.ticks_per_second = 100, .page_bytes = 4096};

TEST(ProcessUsage, ReadsTheKernelsLine) {
  const auto usage = parse_proc_stat(
      "4242 (loadline) S 1 4242 4242 0 -1 4194560 1000 0 2 0 250 150 7 8 20 0 4 0 123456 98765432 "
      "321 18446744073709551615 1 1 0",
      kUnits);
  EXPECT_DOUBLE_EQ(usage.cpu_seconds, 4.0);
  EXPECT_EQ(usage.virtual_bytes, 98'765'432U);
  EXPECT_EQ(usage.resident_bytes, 321U * 4096);
}

TEST(ProcessUsage, ACommandWithSpacesAndParenthesesMisleadsNobody) {
  const auto usage = parse_proc_stat(
      "1 (a) S 9 (b) R 1 1 1 0 -1 0 0 0 0 0 100 100 0 0 20 0 1 0 5 4096 2 0", kUnits);
  EXPECT_DOUBLE_EQ(usage.cpu_seconds, 2.0);
  EXPECT_EQ(usage.resident_bytes, 8192U);
}

TEST(ProcessUsage, TextCutShortGivesZeroes) {
  for (const auto* text : {"", "1 (a", "1 (a)", "1 (a) S 1 1 1 0 -1", "1 (a) S "}) {
    const auto usage = parse_proc_stat(text, kUnits);
    EXPECT_EQ(usage.resident_bytes, 0U) << text;
    EXPECT_EQ(usage.cpu_seconds, 0) << text;
  }
}

TEST(ProcessUsage, ThisProgramUsesMemoryAndDescriptors) {
  const auto usage = read_process_usage();
  EXPECT_GT(usage.resident_bytes, 100'000U);
  EXPECT_GE(usage.virtual_bytes, usage.resident_bytes);
  EXPECT_GE(usage.open_fds, 1U);
  EXPECT_GE(usage.max_fds, usage.open_fds);
}

}  // namespace
}  // namespace loadline::admin
