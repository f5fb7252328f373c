// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <tl/expected.hpp>
#include <vector>

#include "shedder/clock.h"
#include "shedder/gate_options.h"

namespace loadline::recording {

inline constexpr std::uint32_t kVersion = 1;
inline constexpr std::size_t kUpstreamsMax = 1024;
inline constexpr std::size_t kUpstreamNameSizeMax = 255;
inline constexpr std::size_t kHeaderSizeMax = std::size_t{1} << 20;
// Enough to know how large the whole header is.
inline constexpr std::size_t kHeaderStartSize = 32;

struct RecordedUpstream {
  std::string name;
  // How its gate was set when the recording began. Of these, what decides about the limit and the
  // waiting: the limit's mode and bounds, deadline, wait_max and waiting_max. The rest is as by
  // default.
  GateOptions gate = {};

  bool operator==(const RecordedUpstream&) const = default;
};

struct RecordingHeader {
  std::int64_t started_at_unix_ns = 0;  // By the calendar's clock.
  std::vector<RecordedUpstream> upstreams = {};

  bool operator==(const RecordingHeader&) const = default;
};

// Requires 1 to kUpstreamsMax upstreams with names of at most kUpstreamNameSizeMax.
[[nodiscard]] std::vector<std::byte> to_bytes(const RecordingHeader& header);

// The size of the whole header, from its first kHeaderStartSize bytes; or why it is none.
[[nodiscard]] tl::expected<std::size_t, std::string> header_size(std::span<const std::byte> start);
// Requires as many bytes as header_size() said.
[[nodiscard]] tl::expected<RecordingHeader, std::string> parse_header(
    std::span<const std::byte> bytes);

}  // namespace loadline::recording
