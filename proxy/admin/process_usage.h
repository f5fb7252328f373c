// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string_view>

namespace loadline::admin {

// What this program uses of its machine, as the kernel counts it.
struct ProcessUsage {
  double cpu_seconds = 0;  // User and system, all threads, since start.
  std::uint64_t resident_bytes = 0;
  std::uint64_t virtual_bytes = 0;
  std::uint64_t open_fds = 0;
  std::uint64_t max_fds = 0;  // The soft limit.
};

// The units that /proc counts in.
struct ProcUnits {
  std::uint64_t ticks_per_second = 100;
  std::uint64_t page_bytes = 4096;
};

// From the text of /proc/self/stat; open_fds and max_fds stay 0. Pure. Fields that are missing are
// 0.
[[nodiscard]] ProcessUsage parse_proc_stat(std::string_view stat, const ProcUnits& units) noexcept;

// Reads /proc/self and getrlimit. What cannot be read (a container without /proc) is 0.
[[nodiscard]] ProcessUsage read_process_usage();

}  // namespace loadline::admin
