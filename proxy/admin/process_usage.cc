// SPDX-License-Identifier: Apache-2.0
#include "proxy/admin/process_usage.h"

#include <sys/resource.h>
#include <unistd.h>

#include <array>
#include <charconv>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <system_error>

namespace loadline::admin {
namespace {

// Positions after the command's closing parenthesis; proc(5) counts from 1 and has two fields
// before.
constexpr std::size_t kUserTicks = 14 - 3;
constexpr std::size_t kSystemTicks = 15 - 3;
constexpr std::size_t kVirtualBytes = 23 - 3;
constexpr std::size_t kResidentPages = 24 - 3;
constexpr std::size_t kFieldCount = kResidentPages + 1;

std::uint64_t count_open_fds() {
  std::error_code error;
  const std::filesystem::directory_iterator entries("/proc/self/fd", error);
  if (error) return 0;
  std::uint64_t count = 0;
  for (auto entry = begin(entries); entry != end(entries); entry.increment(error)) {
    if (error) break;
    ++count;
  }
  return count > 0 ? count - 1 : 0;  // Less the one that reads the folder.
}

}  // namespace

ProcessUsage parse_proc_stat(std::string_view stat, const ProcUnits& units) noexcept {
  // The command may hold spaces and parentheses: the last one ends it.
  const std::size_t command_end = stat.rfind(')');
  if (command_end == std::string_view::npos) return {};
  stat.remove_prefix(command_end + 1);

  std::array<std::uint64_t, kFieldCount> fields = {};
  for (std::uint64_t& field : fields) {
    const std::size_t begin = stat.find_first_not_of(' ');
    if (begin == std::string_view::npos) break;
    stat.remove_prefix(begin);
    const std::string_view text = stat.substr(0, stat.find(' '));
    std::from_chars(text.data(), text.data() + text.size(),
                    field);  // A letter or a minus: stays 0.
    stat.remove_prefix(text.size());
  }
  ProcessUsage usage;
  usage.cpu_seconds = static_cast<double>(fields[kUserTicks] + fields[kSystemTicks]) /
                      static_cast<double>(units.ticks_per_second);
  usage.virtual_bytes = fields[kVirtualBytes];
  usage.resident_bytes = fields[kResidentPages] * units.page_bytes;
  return usage;
}

ProcessUsage read_process_usage() {
  std::ifstream file("/proc/self/stat");
  const std::string stat{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
  auto usage =
      parse_proc_stat(stat, {.ticks_per_second = static_cast<std::uint64_t>(sysconf(_SC_CLK_TCK)),
                             .page_bytes = static_cast<std::uint64_t>(sysconf(_SC_PAGESIZE))});
  usage.open_fds = count_open_fds();
  rlimit limit = {};
  if (getrlimit(RLIMIT_NOFILE, &limit) == 0) usage.max_fds = limit.rlim_cur;
  return usage;
}

}  // namespace loadline::admin
