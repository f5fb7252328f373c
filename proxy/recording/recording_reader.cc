// SPDX-License-Identifier: Apache-2.0
#include "proxy/recording/recording_reader.h"

#include <fmt/format.h>

#include <algorithm>

namespace loadline::recording {

tl::expected<void, std::string> RecordingReader::feed(std::span<const std::byte> bytes) {
  // The seam: enough of what comes is put behind what was left to get past it.
  while (!rest_.empty() && !bytes.empty() && !is_over_) {
    const std::size_t wanted = upstream_count_ == 0 ? kHeaderStartSize : kRecordSize - rest_.size();
    const std::size_t added = std::min(bytes.size(), wanted);
    rest_.insert(rest_.end(), bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(added));
    bytes = bytes.subspan(added);
    const auto taken = take(rest_);
    if (!taken) return tl::unexpected(taken.error());
    rest_.erase(rest_.begin(), rest_.begin() + static_cast<std::ptrdiff_t>(*taken));
  }
  if (is_over_ || bytes.empty()) return {};
  const auto taken = take(bytes);
  if (!taken) return tl::unexpected(taken.error());
  const auto left = bytes.subspan(*taken);
  rest_.assign(left.begin(), left.end());
  return {};
}

tl::expected<void, std::string> RecordingReader::finish() const {
  if (is_over_) return {};
  if (upstream_count_ == 0) {
    return tl::unexpected(fmt::format("ends after {} bytes, within its header", rest_.size()));
  }
  if (rest_.empty()) return {};
  // After a crash that is how a recording ends, and the rest of it is good.
  return tl::unexpected(
      fmt::format("ends within record {}; cut to {} bytes it is whole", record_count_, offset_));
}

tl::expected<std::size_t, std::string> RecordingReader::take(std::span<const std::byte> bytes) {
  std::size_t taken = 0;
  if (upstream_count_ == 0) {
    const auto header = take_header(bytes);
    if (!header || *header == 0) return header;
    taken = *header;
    offset_ += taken;
  }
  while (!is_over_ && bytes.size() - taken >= kRecordSize) {
    const auto record = parse_record(bytes.subspan(taken, kRecordSize), upstream_count_);
    if (!record) {
      is_over_ = true;
      return tl::unexpected(
          fmt::format("record {} (byte {}): {}", record_count_, offset_, record.error()));
    }
    on_record_(*record);
    ++record_count_;
    taken += kRecordSize;
    offset_ += kRecordSize;
  }
  return taken;
}

// Returns its size, or 0 as long as there is too little of it.
tl::expected<std::size_t, std::string> RecordingReader::take_header(
    std::span<const std::byte> bytes) {
  if (bytes.size() < kHeaderStartSize) return 0;
  const auto size = header_size(bytes.first(kHeaderStartSize));
  if (size && bytes.size() < *size) return 0;
  const auto header = size ? parse_header(bytes.first(*size)) : tl::unexpected(size.error());
  if (!header) {
    is_over_ = true;
    return tl::unexpected(header.error());
  }
  upstream_count_ = header->upstreams.size();
  is_over_ = !on_header_(*header);
  return *size;
}

}  // namespace loadline::recording
