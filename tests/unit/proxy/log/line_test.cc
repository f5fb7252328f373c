// SPDX-License-Identifier: Apache-2.0
#include "proxy/log/line.h"

#include <gtest/gtest.h>

#include <chrono>
#include <nlohmann/json.hpp>
#include <random>
#include <string>
#include <vector>

namespace loadline::log {
namespace {

using namespace std::chrono_literals;

// 2026-11-21T10:00:00.123Z
constexpr std::chrono::system_clock::time_point kTime{1'795'255'200'123ms};

std::string line_with(const std::vector<Field>& fields, Format format,
                      std::string_view message = "client closed") {
  return format_line({.time = kTime,
                      .level = Level::info,
                      .component = Component::client,
                      .message = message,
                      .fields = fields},
                     format);
}

std::string text_of(std::string_view value) {
  const std::string line = line_with({{"k", value}}, Format::text);
  const std::string start = "2026-11-21T10:00:00.123Z info  client client closed k=";
  EXPECT_EQ(line.substr(0, start.size()), start);
  return line.substr(start.size());
}

TEST(LogLine, TextNamesTimeLevelComponentMessageAndFields) {
  const std::vector<Field> fields = {{"client", "10.0.0.7:4711"}, {"count", 3}, {"left", true}};
  EXPECT_EQ(
      format_line({.time = kTime,
                   .level = Level::warn,
                   .component = Component::proxy,
                   .message = "listening",
                   .fields = fields},
                  Format::text),
      "2026-11-21T10:00:00.123Z warn  proxy  listening client=10.0.0.7:4711 count=3 left=true");
}

TEST(LogLine, JsonIsOneObjectWithTypedFields) {
  const auto json =
      nlohmann::json::parse(line_with({{"reason", "gone"},
                                       {"bytes", std::uint64_t{18'446'744'073'709'551'615U}},
                                       {"delta", -2},
                                       {"limit", 20.5},
                                       {"cut", false},
                                       {"waited", Duration(1500us)}},
                                      Format::json));
  EXPECT_EQ(json, nlohmann::json({{"ts", "2026-11-21T10:00:00.123Z"},
                                  {"level", "info"},
                                  {"component", "client"},
                                  {"msg", "client closed"},
                                  {"reason", "gone"},
                                  {"bytes", 18'446'744'073'709'551'615U},
                                  {"delta", -2},
                                  {"limit", 20.5},
                                  {"cut", false},
                                  {"waited", 0.0015}}));
}

TEST(LogLine, TimesBeforeTheEpochKeepTheirMilliseconds) {
  const auto line =
      format_line({.time = std::chrono::system_clock::time_point(-1ms)}, Format::text);
  EXPECT_EQ(line.substr(0, 24), "1969-12-31T23:59:59.999Z");
}

TEST(LogLine, NumbersThatAreNoneAreNull) {
  const std::vector<Field> fields = {{"a", std::nan("")}, {"b", HUGE_VAL}};
  EXPECT_TRUE(line_with(fields, Format::text).ends_with(" a=null b=null"));
  EXPECT_TRUE(nlohmann::json::parse(line_with(fields, Format::json))["a"].is_null());
}

TEST(LogLine, TextValuesAreQuotedWhenTheyCouldBeMisread) {
  EXPECT_EQ(text_of("plain-value:1"), "plain-value:1");
  EXPECT_EQ(text_of(""), R"("")");
  EXPECT_EQ(text_of("two words"), R"("two words")");
  EXPECT_EQ(text_of("a=b"), R"("a=b")");
  EXPECT_EQ(text_of(R"(say "hi")"), R"("say \"hi\"")");
  EXPECT_EQ(text_of(R"(back\slash)"), R"("back\\slash")");
  EXPECT_EQ(text_of("Grüße"), R"("Grüße")");
}

TEST(LogLine, ANewlineFromTheNetworkCannotForgeALine) {
  const std::string_view attack = "x\n2026-11-21T10:00:00.123Z error proxy  all your base\r\n";
  EXPECT_EQ(text_of(attack), R"("x\n2026-11-21T10:00:00.123Z error proxy  all your base\r\n")");
  const auto json = line_with({{"k", attack}}, Format::json);
  EXPECT_EQ(json.find('\n'), std::string::npos);
  EXPECT_EQ(nlohmann::json::parse(json)["k"], attack);
}

TEST(LogLine, AQuoteFromTheNetworkCannotForgeAField) {
  const std::string_view attack = R"(x","level":"error","k2":"y)";
  const auto json = nlohmann::json::parse(line_with({{"k", attack}}, Format::json));
  EXPECT_EQ(json.size(), 5U);
  EXPECT_EQ(json["level"], "info");
  EXPECT_EQ(json["k"], attack);
  EXPECT_EQ(text_of("x\" user=\"admin"), R"("x\" user=\"admin")");
}

TEST(LogLine, TerminalControlAndDirectionMarksAreEscaped) {
  EXPECT_EQ(text_of("\x1b[2J"), R"("\u001b[2J")");
  EXPECT_EQ(text_of("a\x7f"), R"("a\u007f")");
  EXPECT_EQ(text_of("a\u202Eb"), R"("a\u202eb")");
  EXPECT_EQ(text_of("a\u2028b"), R"("a\u2028b")");
  EXPECT_EQ(text_of("\u0085"), R"("\u0085")");
  EXPECT_EQ(text_of("\U000E0041"), R"("\udb40\udc41")");
  EXPECT_EQ(text_of(std::string_view("a\0b", 3)), R"("a\u0000b")");
}

TEST(LogLine, BytesThatAreNotUtf8AreShownAsBytes) {
  EXPECT_EQ(text_of("a\xff"), R"("a\xff")");
  EXPECT_EQ(text_of("\xc0\xaf"), R"("\xc0\xaf")") << "overlong";
  EXPECT_EQ(text_of("\xed\xa0\x80"), R"("\xed\xa0\x80")") << "surrogate";
  EXPECT_EQ(text_of("\xf4\x90\x80\x80"), R"("\xf4\x90\x80\x80")") << "beyond Unicode";
  EXPECT_EQ(text_of("\xe2\x82"), R"("\xe2\x82")") << "cut short";
  EXPECT_EQ(nlohmann::json::parse(line_with({{"k", "a\xff"}}, Format::json))["k"], "a\uFFFD");
}

TEST(LogLine, LongValuesAreCutBetweenCharacters) {
  const std::string full(kTextSizeMax, 'a');
  EXPECT_EQ(text_of(full), full);
  EXPECT_EQ(text_of(full + "b"), full + "…");
  // A two-byte character across the bound goes as a whole.
  EXPECT_EQ(text_of(std::string(kTextSizeMax - 1, 'a') + "ü"),
            '"' + std::string(kTextSizeMax - 1, 'a') + "…\"");
}

TEST(LogLine, AMessageCannotForgeALineEither) {
  EXPECT_TRUE(line_with({}, Format::text, "a\nb").ends_with("client a\\nb"));
  EXPECT_EQ(nlohmann::json::parse(line_with({}, Format::json, "a\n\"b"))["msg"], "a\n\"b");
}

// Whatever the bytes: one line, valid UTF-8 and JSON, no more fields than were given, bounded.
TEST(LogLine, RandomBytesNeverEscapeTheirField) {
  std::mt19937 random(7);
  for (int round = 0; round < 2000; ++round) {
    std::string bytes(random() % 400, '\0');
    for (char& byte : bytes) byte = static_cast<char>(random() % (round % 2 == 0 ? 256 : 0x60));
    const std::vector<Field> fields = {{"k", bytes}};

    const auto json_line = line_with(fields, Format::json);
    const auto json = nlohmann::json::parse(json_line, nullptr, /*allow_exceptions=*/false);
    ASSERT_TRUE(json.is_object()) << "round=" << round << " line=" << json_line;
    ASSERT_EQ(json.size(), 5U) << "round=" << round;
    ASSERT_LT(json_line.size(), 128 + kTextSizeMax * 6) << "round=" << round;

    const auto text = text_of(bytes);
    for (const char c : text) ASSERT_GE(static_cast<unsigned char>(c), 0x20) << "round=" << round;
    ASSERT_LT(text.size(), 16 + kTextSizeMax * 6) << "round=" << round;
    // nlohmann refuses to write what is not UTF-8.
    ASSERT_NO_THROW((void)nlohmann::json(text).dump()) << "round=" << round;
  }
}

}  // namespace
}  // namespace loadline::log
