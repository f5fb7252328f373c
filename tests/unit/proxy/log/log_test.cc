// SPDX-License-Identifier: Apache-2.0
#include "proxy/log/log.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <string>
#include <thread>
#include <vector>

namespace loadline::log {
namespace {

using namespace std::chrono_literals;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::internal::CaptureStderr;
using ::testing::internal::GetCapturedStderr;

constexpr TimePoint kStart{1h};

class LogTest : public ::testing::Test {
 protected:
  LogTest() { configure({.level = Level::info, .format = Format::text}); }
  ~LogTest() override { configure({}); }

  template <typename Speak>
  static std::string written_by(Speak speak) {
    CaptureStderr();
    speak();
    return GetCapturedStderr();
  }
};

TEST_F(LogTest, WritesOneLineToStderr) {
  const auto out = written_by([] { warn(Component::pool, "backend lost", {{"upstream", "db"}}); });
  EXPECT_THAT(out, EndsWith("Z warn  pool   backend lost upstream=db\n"));
  EXPECT_EQ(std::count(out.begin(), out.end(), '\n'), 1);
}

TEST_F(LogTest, LinesBelowTheLevelAreNotWritten) {
  EXPECT_EQ(written_by([] { debug(Component::gate, "tick"); }), "");
  EXPECT_FALSE(is_enabled(Component::gate, Level::debug));
}

TEST_F(LogTest, TheLevelChangesAtRunTime) {
  set_level(Level::debug);
  EXPECT_THAT(written_by([] { debug(Component::gate, "tick"); }), HasSubstr("debug gate   tick\n"));
  set_level(Level::error);
  EXPECT_EQ(written_by([] { warn(Component::gate, "late"); }), "");
  EXPECT_THAT(written_by([] { error(Component::gate, "stuck"); }), HasSubstr("error gate"));
}

TEST_F(LogTest, TheFormatChangesAtRunTime) {
  configure({.level = Level::info, .format = Format::json});
  const auto out = written_by([] { info(Component::proxy, "ready", {{"workers", 2}}); });
  const auto json = nlohmann::json::parse(out);
  EXPECT_EQ(json["msg"], "ready");
  EXPECT_EQ(json["workers"], 2);
}

TEST_F(LogTest, PercentAndBracesInTextAreNotFormats) {
  const auto out = written_by([] { info(Component::client, "gone", {{"user", "{}%s%n{0}"}}); });
  EXPECT_THAT(out, EndsWith(" gone user={}%s%n{0}\n"));
}

TEST_F(LogTest, RepeatedLinesAreSwallowedAndCounted) {
  RateLimitedLog log(Component::pool, Level::warn, "connect failed", {.interval = 1s, .burst = 1});
  const auto out = written_by([&] {
    for (int i = 0; i < 8; ++i) log.write(kStart, {{"upstream", "db"}});
    log.write(kStart + 1s, {{"upstream", "db"}});
    log.write(kStart + 2s);
  });
  EXPECT_EQ(std::count(out.begin(), out.end(), '\n'), 3);
  EXPECT_THAT(out, HasSubstr("connect failed upstream=db\n"));
  EXPECT_THAT(out, HasSubstr("connect failed upstream=db unlogged=7\n"));
  EXPECT_THAT(out, EndsWith("connect failed\n"));
}

// Otherwise the first line after the level is lowered would report lines that nobody asked for.
TEST_F(LogTest, WhatTheLevelHidesIsNotCountedAsSwallowed) {
  RateLimitedLog log(Component::pool, Level::info, "retry", {.interval = 1s, .burst = 1});
  set_level(Level::warn);
  for (int i = 0; i < 8; ++i) log.write(kStart);
  set_level(Level::info);
  EXPECT_THAT(written_by([&] { log.write(kStart); }), EndsWith("retry\n"));
}

TEST_F(LogTest, LinesOfManyThreadsStayWhole) {
  const auto out = written_by([] {
    std::vector<std::thread> threads;
    for (int t = 0; t < 4; ++t) {
      threads.emplace_back([] {
        for (int i = 0; i < 200; ++i) info(Component::client, "closed", {{"end", "mark"}});
      });
    }
    for (auto& thread : threads) thread.join();
  });
  std::size_t whole = 0;
  for (std::size_t at = 0; (at = out.find("Z info  client closed end=mark\n", at)) != out.npos;
       ++at) {
    ++whole;
  }
  EXPECT_EQ(whole, 800U);
  EXPECT_EQ(std::count(out.begin(), out.end(), '\n'), 800);
}

}  // namespace
}  // namespace loadline::log
