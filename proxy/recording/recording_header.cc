// SPDX-License-Identifier: Apache-2.0
#include "proxy/recording/recording_header.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cassert>
#include <limits>
#include <string_view>

#include "proxy/recording/little_endian.h"
#include "proxy/recording/operation_record.h"

namespace loadline::recording {
namespace {

// The first byte is no text, so that nobody takes the file for one.
constexpr std::string_view kMagic("\x89LLREC\r\n", 8);

// Where the fields are: docs/recording.md has the same tables.
constexpr std::size_t kVersionAt = 8;
constexpr std::size_t kHeaderSizeAt = 12;
constexpr std::size_t kRecordSizeAt = 16;
constexpr std::size_t kUpstreamCountAt = 20;
constexpr std::size_t kStartedAt = 24;

// Of an upstream's entry; its name follows.
constexpr std::size_t kMode = 0;
constexpr std::size_t kNameSize = 1;
constexpr std::size_t kLimitInitial = 4;
constexpr std::size_t kLimitMin = 8;
constexpr std::size_t kLimitMax = 12;
constexpr std::size_t kWaitingMax = 16;
constexpr std::size_t kDeadline = 24;
constexpr std::size_t kWaitMax = 32;
constexpr std::size_t kEntrySize = 40;

constexpr auto kModeMax = static_cast<std::uint8_t>(LimitMode::correlation);

std::size_t size_of(const RecordedUpstream& upstream) { return kEntrySize + upstream.name.size(); }

bool is_duration(std::uint64_t nanoseconds) noexcept {
  return nanoseconds <= std::numeric_limits<std::int64_t>::max();
}

std::uint64_t nanoseconds(Duration duration) noexcept {
  return static_cast<std::uint64_t>(duration.count());
}

void store_upstream(const RecordedUpstream& upstream, std::span<std::byte> out) {
  const GateOptions& gate = upstream.gate;
  store(out, kMode, static_cast<std::uint8_t>(gate.limit_mode));
  store(out, kNameSize, static_cast<std::uint8_t>(upstream.name.size()));
  store(out, kLimitInitial, gate.limit_initial);
  store(out, kLimitMin, gate.limit_min);
  store(out, kLimitMax, gate.limit_max);
  store(out, kWaitingMax, gate.waiting_max);
  store(out, kDeadline, nanoseconds(gate.deadline));
  store(out, kWaitMax, nanoseconds(gate.wait_max));
  const auto name = std::as_bytes(std::span(upstream.name));
  std::copy(name.begin(), name.end(), out.begin() + kEntrySize);
}

// Of an entry that lies within `bytes`, apart from its name.
tl::expected<RecordedUpstream, std::string> parse_upstream(std::span<const std::byte> bytes) {
  const auto mode = load<std::uint8_t>(bytes, kMode);
  if (mode > kModeMax) return tl::unexpected(fmt::format("limit mode is {}", mode));
  const auto deadline = load<std::uint64_t>(bytes, kDeadline);
  const auto wait_max = load<std::uint64_t>(bytes, kWaitMax);
  if (!is_duration(deadline) || !is_duration(wait_max)) {
    return tl::unexpected(std::string("a duration is out of range"));
  }
  const std::size_t name_size = load<std::uint8_t>(bytes, kNameSize);
  if (name_size == 0 || bytes.size() < kEntrySize + name_size) {
    return tl::unexpected(std::string("its name is empty or lies beyond the header"));
  }
  RecordedUpstream upstream;
  const auto name = bytes.subspan(kEntrySize, name_size);
  upstream.name.assign(reinterpret_cast<const char*>(name.data()), name.size());
  // Goes to messages and tables.
  if (std::any_of(upstream.name.begin(), upstream.name.end(),
                  [](char c) { return c <= 0x20 || c >= 0x7f; })) {
    return tl::unexpected(std::string("its name is no text"));
  }
  upstream.gate.limit_mode = static_cast<LimitMode>(mode);
  upstream.gate.limit_initial = load<std::uint32_t>(bytes, kLimitInitial);
  upstream.gate.limit_min = load<std::uint32_t>(bytes, kLimitMin);
  upstream.gate.limit_max = load<std::uint32_t>(bytes, kLimitMax);
  upstream.gate.waiting_max = load<std::uint32_t>(bytes, kWaitingMax);
  upstream.gate.deadline = Duration(static_cast<std::int64_t>(deadline));
  upstream.gate.wait_max = Duration(static_cast<std::int64_t>(wait_max));
  return upstream;
}

}  // namespace

std::vector<std::byte> to_bytes(const RecordingHeader& header) {
  assert(!header.upstreams.empty() && header.upstreams.size() <= kUpstreamsMax);
  std::size_t size = kHeaderStartSize;
  for (const RecordedUpstream& upstream : header.upstreams) size += size_of(upstream);
  std::vector<std::byte> bytes(size);
  const auto magic = std::as_bytes(std::span(kMagic));
  std::copy(magic.begin(), magic.end(), bytes.begin());
  store(bytes, kVersionAt, kVersion);
  store(bytes, kHeaderSizeAt, static_cast<std::uint32_t>(size));
  store(bytes, kRecordSizeAt, static_cast<std::uint32_t>(kRecordSize));
  store(bytes, kUpstreamCountAt, static_cast<std::uint32_t>(header.upstreams.size()));
  store(bytes, kStartedAt, static_cast<std::uint64_t>(header.started_at_unix_ns));
  std::size_t at = kHeaderStartSize;
  for (const RecordedUpstream& upstream : header.upstreams) {
    assert(!upstream.name.empty() && upstream.name.size() <= kUpstreamNameSizeMax);
    store_upstream(upstream, std::span(bytes).subspan(at));
    at += size_of(upstream);
  }
  return bytes;
}

tl::expected<std::size_t, std::string> header_size(std::span<const std::byte> start) {
  const auto magic = std::as_bytes(std::span(kMagic));
  if (!std::equal(magic.begin(), magic.end(), start.begin())) {
    return tl::unexpected(std::string("no recording: it doesn't begin as one"));
  }
  const auto version = load<std::uint32_t>(start, kVersionAt);
  if (version != kVersion) {
    return tl::unexpected(fmt::format("is of format version {}; expected {}{}", version, kVersion,
                                      version > kVersion ? " (a newer Loadline wrote it)" : ""));
  }
  const auto record_size = load<std::uint32_t>(start, kRecordSizeAt);
  if (record_size != kRecordSize) {
    return tl::unexpected(fmt::format("record size is {}; expected {}", record_size, kRecordSize));
  }
  const auto count = load<std::uint32_t>(start, kUpstreamCountAt);
  if (count == 0 || count > kUpstreamsMax) {
    return tl::unexpected(
        fmt::format("upstream count is {}; expected 1 to {}", count, kUpstreamsMax));
  }
  const auto size = load<std::uint32_t>(start, kHeaderSizeAt);
  if (size < kHeaderStartSize || size > kHeaderSizeMax) {
    return tl::unexpected(fmt::format("header size is {}; expected {} to {}", size,
                                      kHeaderStartSize, kHeaderSizeMax));
  }
  return size;
}

tl::expected<RecordingHeader, std::string> parse_header(std::span<const std::byte> bytes) {
  RecordingHeader header;
  header.started_at_unix_ns = static_cast<std::int64_t>(load<std::uint64_t>(bytes, kStartedAt));
  const auto count = load<std::uint32_t>(bytes, kUpstreamCountAt);
  std::size_t at = kHeaderStartSize;
  for (std::uint32_t i = 0; i < count; ++i) {
    if (bytes.size() < at + kEntrySize) {
      return tl::unexpected(fmt::format("upstream {}: lies beyond the header", i));
    }
    auto upstream = parse_upstream(bytes.subspan(at));
    if (!upstream) return tl::unexpected(fmt::format("upstream {}: {}", i, upstream.error()));
    at += size_of(*upstream);
    header.upstreams.push_back(*std::move(upstream));
  }
  if (at != bytes.size()) {
    return tl::unexpected(fmt::format("header size is {}; expected {}", bytes.size(), at));
  }
  return header;
}

}  // namespace loadline::recording
