// SPDX-License-Identifier: Apache-2.0
#include "proxy/postgres/backend_stream.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "tests/support/pg_messages.h"

namespace loadline::postgres {
namespace {

using namespace test;  // NOLINT(google-build-using-namespace): messages read like a script.

struct Seen {
  char tag;
  std::size_t end;  // Where in the stream the message ends.
  std::string captured;
  bool operator==(const Seen&) const = default;
};

std::vector<Seen> seen_in(const std::string& stream, std::size_t chunk_size) {
  BackendStream backend;
  std::vector<Seen> seen;
  for (std::size_t at = 0; at < stream.size();) {
    const auto chunk = stream.substr(at, chunk_size);
    std::size_t used = 0;
    while (used < chunk.size()) {
      const auto step = backend.next(bytes_of(std::string_view(chunk).substr(used)));
      EXPECT_FALSE(step.malformed);
      used += step.size;
      if (step.tag != 0) seen.push_back({step.tag, at + used, text_of(backend.captured())});
    }
    at += used;
  }
  EXPECT_FALSE(backend.mid_message());
  return seen;
}

// A proxy sees TCP segments, not messages.
TEST(BackendStream, SeesTheSameHoweverTheStreamIsCut) {
  const std::string stream = logged_in() + data_row(std::string(300, 'r')) + command_complete() +
                             ready('T') + error_response("53100") + ready('E');
  const auto expected = seen_in(stream, stream.size());
  ASSERT_EQ(expected.size(), 8U);
  EXPECT_EQ(expected[2].tag, 'K');
  EXPECT_EQ(expected[2].captured, be32(7) + be32(42));
  EXPECT_EQ(expected[5].captured, "T");
  for (std::size_t chunk_size = 1; chunk_size < stream.size(); ++chunk_size) {
    EXPECT_EQ(seen_in(stream, chunk_size), expected) << "chunk_size=" << chunk_size;
  }
}

TEST(BackendStream, PassesRowsWithoutATraceOfThem) {
  EXPECT_TRUE(seen_in(data_row("x") + data_row(std::string(100'000, 'y')), 4096).empty());
}

TEST(BackendStream, ARowOfAGigabyteCostsNothing) {
  BackendStream backend;
  const std::string header = "D" + be32(1U << 30U);
  EXPECT_EQ(backend.next(bytes_of(header)).size, header.size());
  EXPECT_TRUE(backend.mid_message());
  const std::string megabyte(1U << 20U, 'x');
  std::size_t left = (1U << 30U) - 4;
  while (left > 0) {
    const auto part = std::string_view(megabyte).substr(0, left);
    ASSERT_EQ(backend.next(bytes_of(part)).size, part.size());
    left -= part.size();
  }
  EXPECT_FALSE(backend.mid_message());
}

TEST(BackendStream, KeepsTheBeginningOfALongError) {
  const std::string body(5000, 'e');
  const auto seen = seen_in(message('E', body), 100);
  ASSERT_EQ(seen.size(), 1U);
  EXPECT_EQ(seen[0].captured, body.substr(0, BackendStream::kCaptureMax));
}

TEST(BackendStream, AnImpossibleLengthIsMalformedForGood) {
  for (const std::uint32_t length : {0U, 3U, 0x80000000U, 0xffffffffU}) {
    BackendStream backend;
    EXPECT_TRUE(backend.next(bytes_of("D" + be32(length))).malformed) << length;
    EXPECT_TRUE(backend.next(bytes_of(ready())).malformed) << length;
  }
}

}  // namespace
}  // namespace loadline::postgres
