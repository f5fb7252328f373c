// SPDX-License-Identifier: Apache-2.0
#include "config/units.h"

#include <gtest/gtest.h>

namespace loadline::config {
namespace {

using namespace std::chrono_literals;

TEST(Units, DurationsHaveAUnit) {
  EXPECT_EQ(parse_duration("7ns"), 7ns);
  EXPECT_EQ(parse_duration("7us"), 7us);
  EXPECT_EQ(parse_duration("250ms"), 250ms);
  EXPECT_EQ(parse_duration("1s"), 1s);
  EXPECT_EQ(parse_duration("90m"), 90min);
  EXPECT_EQ(parse_duration("24h"), 24h);
  EXPECT_EQ(parse_duration("0s"), 0s);
}

TEST(Units, NothingElseIsADuration) {
  for (const char* text :
       {"", "250", "ms", "-1s", "+1s", "1.5s", "1 s", " 1s", "1s ", "1S", "1d", "1m30s", "1e3ms",
        "0x1s", "9223372036854775808ns", "99999999999999999999s", "2562048h"}) {
    EXPECT_EQ(parse_duration(text), std::nullopt) << text;
  }
  EXPECT_EQ(parse_duration("9223372036854775807ns"), Duration::max());
}

TEST(Units, DurationsAreShownInTheLargestUnitThatFits) {
  EXPECT_EQ(to_text(Duration(0)), "0s");
  EXPECT_EQ(to_text(Duration(1500ms)), "1500ms");
  EXPECT_EQ(to_text(Duration(60s)), "1m");
  EXPECT_EQ(to_text(Duration(90s)), "90s");
  EXPECT_EQ(to_text(Duration(48h)), "48h");
  EXPECT_EQ(to_text(Duration(1001ns)), "1001ns");
}

TEST(Units, BytesHaveAUnit) {
  EXPECT_EQ(parse_bytes("0B"), 0u);
  EXPECT_EQ(parse_bytes("512B"), 512u);
  EXPECT_EQ(parse_bytes("64KiB"), 65'536u);
  EXPECT_EQ(parse_bytes("64MiB"), 67'108'864u);
  EXPECT_EQ(parse_bytes("2GiB"), 2'147'483'648u);
  for (const char* text : {"", "64", "64MB", "64M", "64mib", "-1B", "1.5KiB", "17179869184GiB"}) {
    EXPECT_EQ(parse_bytes(text), std::nullopt) << text;
  }
}

TEST(Units, CountsAreDigits) {
  EXPECT_EQ(parse_count("0"), 0u);
  EXPECT_EQ(parse_count("18446744073709551615"), 18'446'744'073'709'551'615u);
  for (const char* text : {"", "-1", "+1", "1 ", "1.0", "0x1", "18446744073709551616"}) {
    EXPECT_EQ(parse_count(text), std::nullopt) << text;
  }
}

TEST(Units, NumbersAreFinite) {
  EXPECT_EQ(parse_number("5"), 5.0);
  EXPECT_EQ(parse_number("-0.25"), -0.25);
  EXPECT_EQ(parse_number("2e9"), 2e9);
  for (const char* text :
       {"", "nan", "inf", "-infinity", "1e999", "1,5", "+1", "1 ", "0x1", "5s"}) {
    EXPECT_EQ(parse_number(text), std::nullopt) << text;
  }
}

TEST(Units, TiersAreT0ToT5) {
  for (const char* text : {"t0", "t1", "t2", "t3", "t4", "t5"}) {
    const auto tier = parse_tier(text);
    ASSERT_TRUE(tier) << text;
    EXPECT_EQ(to_text(*tier), text);
  }
  for (const char* text : {"", "t", "t6", "T1", "1", "t11"}) {
    EXPECT_EQ(parse_tier(text), std::nullopt) << text;
  }
}

TEST(Units, DecimalsAreDigitsWithAPoint) {
  EXPECT_EQ(parse_decimal("2"), 2.0);
  EXPECT_EQ(parse_decimal("2.5"), 2.5);
  EXPECT_EQ(parse_decimal("0.05"), 0.05);
  for (const char* text :
       {"", ".5", "2.", "-1", "1e3", "nan", "inf", "1.2.3", " 1", "1.0000000001"}) {
    EXPECT_EQ(parse_decimal(text), std::nullopt) << text;
  }
}

TEST(Units, SharesArePercentages) {
  EXPECT_EQ(parse_share("50%"), 0.5);
  EXPECT_EQ(parse_share("100%"), 1.0);
  for (const char* text : {"0%", "101%", "50", "%", "-5%"}) {
    EXPECT_EQ(parse_share(text), std::nullopt) << text;
  }
}

TEST(Units, CapsAreOperationsSharesOrMultiples) {
  using Unit = ScorecardCap::Unit;
  EXPECT_EQ(parse_cap("20"), (ScorecardCap{Unit::operations, 20}));
  EXPECT_EQ(parse_cap("50%"), (ScorecardCap{Unit::limit_share, 0.5}));
  EXPECT_EQ(parse_cap("1.5x"), (ScorecardCap{Unit::fair_share, 1.5}));
  for (const char* text : {"", "0", "0%", "0x", "x", "%", "-1", "2X", "1 x", "10000000"}) {
    EXPECT_EQ(parse_cap(text), std::nullopt) << text;
  }
}

}  // namespace
}  // namespace loadline::config
