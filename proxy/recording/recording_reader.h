// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <tl/expected.hpp>
#include <vector>

#include "proxy/recording/operation_record.h"
#include "proxy/recording/recording_header.h"

namespace loadline::recording {

// Reads a recording that comes in pieces, cut anywhere. After a problem it takes nothing more.
class RecordingReader {
 public:
  // Told once, before the first record. False ends the reading, as if the file ended there.
  using OnHeader = std::function<bool(const RecordingHeader&)>;
  using OnRecord = std::function<void(const OperationRecord&)>;

  RecordingReader(OnHeader on_header, OnRecord on_record)
      : on_header_(std::move(on_header)), on_record_(std::move(on_record)) {}

  // The problem names its place: "record 17 (byte 1160): priority is 900; expected at most 767".
  [[nodiscard]] tl::expected<void, std::string> feed(std::span<const std::byte> bytes);
  // There are no more bytes.
  [[nodiscard]] tl::expected<void, std::string> finish() const;

  [[nodiscard]] std::uint64_t record_count() const noexcept { return record_count_; }

 private:
  [[nodiscard]] tl::expected<std::size_t, std::string> take(std::span<const std::byte> bytes);
  [[nodiscard]] tl::expected<std::size_t, std::string> take_header(
      std::span<const std::byte> bytes);

  OnHeader on_header_;
  OnRecord on_record_;
  std::vector<std::byte> rest_;  // What makes no whole record yet.
  std::uint64_t offset_ = 0;     // Of what comes next, behind all that was taken.
  std::uint64_t record_count_ = 0;
  std::size_t upstream_count_ = 0;  // 0: the header has not been read.
  bool is_over_ = false;
};

}  // namespace loadline::recording
