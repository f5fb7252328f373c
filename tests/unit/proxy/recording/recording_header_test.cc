// SPDX-License-Identifier: Apache-2.0
#include "proxy/recording/recording_header.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "proxy/recording/little_endian.h"

namespace loadline::recording {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;
using Bytes = std::vector<std::byte>;

RecordingHeader sample() {
  return {.started_at_unix_ns = 1'795'255'200'123'456'789,
          .upstreams = {{.name = "orders-db"},
                        {.name = "b",
                         .gate = {.limit_mode = LimitMode::fixed,
                                  .limit_initial = 7,
                                  .limit_min = 8,
                                  .limit_max = 9,
                                  .deadline = 10ms,
                                  .wait_max = 11ms,
                                  .waiting_max = 12}}}};
}

tl::expected<RecordingHeader, std::string> parse(const Bytes& bytes) {
  const auto size = header_size(bytes);
  if (!size) return tl::unexpected(size.error());
  return parse_header(std::span(bytes).first(*size));
}

template <typename Value>
std::string problem_with(std::size_t at, Value value) {
  Bytes bytes = to_bytes(sample());
  store<Value>(bytes, at, value);
  const auto header = parse(bytes);
  return header ? "" : header.error();
}

TEST(RecordingHeader, ComesBackAsItWent) { EXPECT_EQ(parse(to_bytes(sample())), sample()); }

TEST(RecordingHeader, ItsBytesAreThoseOfThePage) {
  const Bytes bytes = to_bytes(sample());
  EXPECT_EQ(bytes[0], std::byte{0x89});
  EXPECT_EQ(load<std::uint32_t>(bytes, 8), 1U);
  EXPECT_EQ(load<std::uint32_t>(bytes, 12), bytes.size());
  EXPECT_EQ(load<std::uint32_t>(bytes, 16), 64U);
  EXPECT_EQ(load<std::uint32_t>(bytes, 20), 2U);
  EXPECT_EQ(load<std::uint64_t>(bytes, 24), 1'795'255'200'123'456'789U);
  const auto second = std::span(bytes).subspan(32 + 40 + 9);
  EXPECT_EQ(second[0], std::byte{0});  // fixed
  EXPECT_EQ(second[1], std::byte{1});  // The size of its name.
  EXPECT_EQ(load<std::uint32_t>(second, 4), 7U);
  EXPECT_EQ(load<std::uint32_t>(second, 8), 8U);
  EXPECT_EQ(load<std::uint32_t>(second, 12), 9U);
  EXPECT_EQ(load<std::uint32_t>(second, 16), 12U);
  EXPECT_EQ(load<std::uint64_t>(second, 24), 10'000'000U);
  EXPECT_EQ(load<std::uint64_t>(second, 32), 11'000'000U);
  EXPECT_EQ(second[40], std::byte{'b'});
}

TEST(RecordingHeader, SomethingElseIsNoRecording) {
  EXPECT_THAT(problem_with<std::uint8_t>(0, 'x'), HasSubstr("no recording"));
  const Bytes zeros(64);
  EXPECT_THAT(parse(zeros).error(), HasSubstr("no recording"));
}

TEST(RecordingHeader, AVersionFromTheFutureIsRefused) {
  EXPECT_EQ(problem_with<std::uint32_t>(8, 2),
            "is of format version 2; expected 1 (a newer Loadline wrote it)");
  EXPECT_EQ(problem_with<std::uint32_t>(8, 0), "is of format version 0; expected 1");
}

TEST(RecordingHeader, NonsenseIsRefused) {
  EXPECT_EQ(problem_with<std::uint32_t>(16, 65), "record size is 65; expected 64");
  EXPECT_EQ(problem_with<std::uint32_t>(20, 0), "upstream count is 0; expected 1 to 1024");
  EXPECT_EQ(problem_with<std::uint32_t>(20, 2000), "upstream count is 2000; expected 1 to 1024");
  EXPECT_EQ(problem_with<std::uint32_t>(20, 1), "header size is 122; expected 81");
  EXPECT_EQ(problem_with<std::uint32_t>(20, 3), "upstream 2: lies beyond the header");
  EXPECT_THAT(problem_with<std::uint32_t>(12, 31), HasSubstr("header size is 31"));
  EXPECT_THAT(problem_with<std::uint32_t>(12, 1U << 30), HasSubstr("header size is"));
  EXPECT_EQ(problem_with<std::uint8_t>(32, 6), "upstream 0: limit mode is 6");
  EXPECT_THAT(problem_with<std::uint8_t>(33, 0), HasSubstr("upstream 0: its name is empty"));
  EXPECT_THAT(problem_with<std::uint8_t>(33, 255), HasSubstr("beyond the header"));
  EXPECT_EQ(problem_with<std::uint8_t>(72, 27), "upstream 0: its name is no text");
  EXPECT_THAT(problem_with<std::uint64_t>(56, ~std::uint64_t{0}), HasSubstr("out of range"));
}

}  // namespace
}  // namespace loadline::recording
