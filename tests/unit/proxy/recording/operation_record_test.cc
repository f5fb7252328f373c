// SPDX-License-Identifier: Apache-2.0
#include "proxy/recording/operation_record.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "proxy/recording/little_endian.h"

namespace loadline::recording {
namespace {

using namespace std::chrono_literals;
using End = OperationRecord::End;

// No two fields are equal, so that a mix-up shows.
OperationRecord sample() {
  return {.arrival = 12'345'678'901ns,
          .tenant = 0x1122334455667788,
          .fingerprint = 0x99aabbccddeeff01,
          .service = 4'321'000ns,
          .paused = 7'654'321ns,
          .deadline = Microseconds32(250'000),
          .waited = Microseconds32(1'500),
          .active = 17,
          .upstream = 3,
          .priority = Priority(Tier::t4, 99),
          .statements = 5,
          .operation_class = OperationClass::write,
          .end = End::executed,
          .reason = ShedReason::none,
          .outcome = Outcome::error,
          .is_transaction = true,
          .is_unconditional = true};
}

std::string problem(RecordBytes bytes) {
  const auto record = parse_record(bytes, /*upstream_count=*/4);
  return record ? "" : record.error();
}

template <typename Value>
std::string problem_with(std::size_t at, Value value) {
  RecordBytes bytes = to_bytes(sample());
  store(bytes, at, value);
  return problem(bytes);
}

TEST(OperationRecord, ComesBackAsItWent) {
  EXPECT_EQ(parse_record(to_bytes(sample()), 4), sample());
  EXPECT_EQ(parse_record(to_bytes({}), 1), OperationRecord());
  EXPECT_EQ(parse_record(to_bytes(gap_record(12, 3s)), 1), gap_record(12, 3s));
}

TEST(OperationRecord, EveryReasonComesBack) {
  for (std::size_t i = 1; i < kShedReasonCount; ++i) {
    const OperationRecord record = {.end = End::shed, .reason = static_cast<ShedReason>(i)};
    EXPECT_EQ(parse_record(to_bytes(record), 1), record) << i;
  }
}

// The format is a promise to files that exist.
TEST(OperationRecord, ItsBytesAreThoseOfThePage) {
  const RecordBytes bytes = to_bytes(sample());
  EXPECT_EQ(load<std::uint64_t>(bytes, 0), 12'345'678'901U);
  EXPECT_EQ(load<std::uint64_t>(bytes, 8), 0x1122334455667788U);
  EXPECT_EQ(load<std::uint64_t>(bytes, 16), 0x99aabbccddeeff01U);
  EXPECT_EQ(load<std::uint64_t>(bytes, 24), 4'321'000U);
  EXPECT_EQ(load<std::uint64_t>(bytes, 32), 7'654'321U);
  EXPECT_EQ(load<std::uint32_t>(bytes, 40), 250'000U);
  EXPECT_EQ(load<std::uint32_t>(bytes, 44), 1'500U);
  EXPECT_EQ(load<std::uint32_t>(bytes, 48), 17U);
  EXPECT_EQ(load<std::uint16_t>(bytes, 52), 3U);
  EXPECT_EQ(load<std::uint16_t>(bytes, 54), 4U * 128 + 99);
  EXPECT_EQ(load<std::uint16_t>(bytes, 56), 5U);
  EXPECT_EQ(bytes[58], std::byte{1});  // write
  EXPECT_EQ(bytes[59], std::byte{0});  // executed
  EXPECT_EQ(bytes[60], std::byte{0});  // no reason
  EXPECT_EQ(bytes[61], std::byte{1});  // error
  EXPECT_EQ(bytes[62], std::byte{3});  // both flags
  EXPECT_EQ(bytes[63], std::byte{0});
  EXPECT_EQ(bytes[8], std::byte{0x88});  // The lowest byte first.
}

TEST(OperationRecord, NonsenseIsRefusedByTheNameOfItsField) {
  EXPECT_EQ(problem_with<std::uint16_t>(52, 4), "upstream is 4; expected at most 3");
  EXPECT_EQ(problem_with<std::uint16_t>(54, 900), "priority is 900; expected at most 767");
  EXPECT_EQ(problem_with<std::uint8_t>(58, 3), "class is 3; expected at most 2");
  EXPECT_EQ(problem_with<std::uint8_t>(59, 5), "end is 5; expected at most 4");
  EXPECT_EQ(problem_with<std::uint8_t>(60, 200), "reason is not one that this version knows");
  EXPECT_EQ(problem_with<std::uint8_t>(61, 5), "outcome is 5; expected at most 4");
  EXPECT_EQ(problem_with<std::uint8_t>(62, 4), "flags is 4; expected at most 3");
  for (const std::size_t at : {0U, 24U, 32U}) {
    EXPECT_THAT(problem_with<std::uint64_t>(at, ~std::uint64_t{0}),
                testing::HasSubstr("is 18446744073709551615; expected at most"));
  }
}

TEST(OperationRecord, AReasonWithoutAShedIsRefusedAndTheOtherWayRound) {
  EXPECT_THAT(problem_with<std::uint8_t>(60, 1), testing::HasSubstr("has a reason"));
  EXPECT_THAT(problem_with<std::uint8_t>(59, 1), testing::HasSubstr("has a reason"));
}

TEST(OperationRecord, DurationsThatDontFitAreCut) {
  EXPECT_EQ(to_microseconds32(-1s).count(), 0U);
  EXPECT_EQ(to_microseconds32(1500ns).count(), 1U);
  EXPECT_EQ(to_microseconds32(2h).count(), ~std::uint32_t{0});
  EXPECT_EQ(parse_record(to_bytes({.arrival = -5ns}), 1)->arrival, 0ns);
}

}  // namespace
}  // namespace loadline::recording
