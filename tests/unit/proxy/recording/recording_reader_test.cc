// SPDX-License-Identifier: Apache-2.0
#include "proxy/recording/recording_reader.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "proxy/recording/little_endian.h"
#include "shedder/rng.h"

namespace loadline::recording {
namespace {

using namespace std::chrono_literals;
using Bytes = std::vector<std::byte>;

RecordingHeader header() { return {.started_at_unix_ns = 5, .upstreams = {{.name = "main"}}}; }

Bytes recording(std::uint64_t count) {
  Bytes bytes = to_bytes(header());
  for (std::uint64_t i = 0; i < count; ++i) {
    const RecordBytes record = to_bytes(OperationRecord{.tenant = i + 1});
    bytes.insert(bytes.end(), record.begin(), record.end());
  }
  return bytes;
}

struct Read {
  std::vector<RecordingHeader> headers;
  std::vector<std::uint64_t> tenants;
  std::string problem;
};

Read read(std::span<const std::byte> bytes, std::size_t piece_size) {
  Read out;
  RecordingReader reader(
      [&](const RecordingHeader& found) {
        out.headers.push_back(found);
        return true;
      },
      [&](const OperationRecord& record) { out.tenants.push_back(record.tenant); });
  while (!bytes.empty()) {
    const auto piece = bytes.first(std::min(piece_size, bytes.size()));
    bytes = bytes.subspan(piece.size());
    if (const auto fed = reader.feed(piece); !fed) {
      out.problem = fed.error();
      return out;
    }
  }
  if (const auto finished = reader.finish(); !finished) out.problem = finished.error();
  EXPECT_EQ(reader.record_count(), out.tenants.size());
  return out;
}

TEST(RecordingReader, ReadsTheSameHoweverTheFileIsCut) {
  const Bytes bytes = recording(5);
  for (std::size_t piece_size = 1; piece_size <= bytes.size(); ++piece_size) {
    const Read out = read(bytes, piece_size);
    EXPECT_EQ(out.problem, "") << piece_size;
    EXPECT_EQ(out.headers, std::vector{header()}) << piece_size;
    EXPECT_EQ(out.tenants, (std::vector<std::uint64_t>{1, 2, 3, 4, 5})) << piece_size;
  }
}

TEST(RecordingReader, ATruncatedFileIsRefusedWhereverItIsCut) {
  const Bytes bytes = recording(3);
  const std::size_t header_end = bytes.size() - 3 * kRecordSize;
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    const Read out = read(std::span(bytes).first(size), 100);
    if (size >= header_end && (size - header_end) % kRecordSize == 0) {
      EXPECT_EQ(out.problem, "") << size;
    } else {
      EXPECT_THAT(out.problem, testing::HasSubstr("ends ")) << size;
    }
  }
  EXPECT_EQ(read(std::span(bytes).first(20), 7).problem, "ends after 20 bytes, within its header");
  EXPECT_EQ(read(std::span(bytes).first(header_end + 70), 64).problem,
            "ends within record 1; cut to 140 bytes it is whole");
}

TEST(RecordingReader, ABadRecordIsRefusedWithItsPlace) {
  Bytes bytes = recording(3);
  const std::size_t second = bytes.size() - 2 * kRecordSize;
  store<std::uint16_t>(bytes, second + 54, 900);
  const Read out = read(bytes, 50);
  EXPECT_EQ(out.problem, "record 1 (byte 140): priority is 900; expected at most 767");
  EXPECT_EQ(out.tenants, (std::vector<std::uint64_t>{1}));
}

TEST(RecordingReader, AProblemOfTheHeaderIsTold) {
  Bytes bytes = recording(1);
  store<std::uint32_t>(bytes, 8, 9);
  EXPECT_THAT(read(bytes, 1).problem, testing::HasSubstr("version 9"));
  EXPECT_THAT(read(Bytes(100), 100).problem, testing::HasSubstr("no recording"));
}

TEST(RecordingReader, WhoeverDoesntWantItHearsNoMore) {
  RecordingReader reader([](const RecordingHeader&) { return false; },
                         [](const OperationRecord&) { ADD_FAILURE(); });
  const Bytes bytes = recording(3);
  EXPECT_TRUE(reader.feed(bytes));
  EXPECT_TRUE(reader.feed(bytes));
  EXPECT_TRUE(reader.finish());
}

// Whatever the bytes: no crash, and nothing comes out that makes no sense.
TEST(RecordingReader, RandomBytesAreReadOrRefused) {
  Rng rng(1);
  for (int round = 0; round < 3000; ++round) {
    Bytes bytes = recording(1 + rng.next() % 4);
    const std::size_t changes = rng.next() % 6;
    for (std::size_t i = 0; i < changes; ++i) {
      bytes[rng.next() % bytes.size()] = static_cast<std::byte>(rng.next());
    }
    bytes.resize(rng.next() % (bytes.size() + 1));
    std::size_t upstreams = 0;
    RecordingReader reader(
        [&](const RecordingHeader& found) {
          upstreams = found.upstreams.size();
          return true;
        },
        [&](const OperationRecord& record) {
          EXPECT_LT(record.upstream, upstreams);
          EXPECT_LT(record.priority.level(), kPriorityCount);
          EXPECT_GE(record.arrival, Duration::zero());
          EXPECT_EQ(parse_record(to_bytes(record), upstreams), record);
        });
    const std::size_t cut = bytes.empty() ? 0 : rng.next() % bytes.size();
    const auto fed = reader.feed(std::span(bytes).first(cut));
    if (fed && reader.feed(std::span(bytes).subspan(cut))) (void)reader.finish();
  }
}

}  // namespace
}  // namespace loadline::recording
