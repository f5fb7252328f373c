// SPDX-License-Identifier: Apache-2.0
#include "config/diagnostic.h"

#include <gtest/gtest.h>

#include <array>

namespace loadline::config {
namespace {

constexpr std::array<std::string_view, 3> kKnown = {"listeners", "log", "drain_timeout"};

TEST(Diagnostic, ReadsLikeACompilersMessage) {
  EXPECT_EQ(to_text({"f.yaml", {3, 7}, "wrong"}), "f.yaml:3:7: wrong");
  EXPECT_EQ(to_text({"f.yaml", {}, "wrong"}), "f.yaml: wrong");
}

TEST(NearestName, ASlipIsRecognised) {
  EXPECT_EQ(nearest_name("listners", kKnown), "listeners");
  EXPECT_EQ(nearest_name("Listeners", kKnown), "listeners");
  EXPECT_EQ(nearest_name("drain-timeout", kKnown), "drain_timeout");
  EXPECT_EQ(nearest_name("lgo", kKnown), "log");
}

TEST(NearestName, AnotherWordIsNot) {
  EXPECT_EQ(nearest_name("upstreams", kKnown), "");
  EXPECT_EQ(nearest_name("", kKnown), "");
  EXPECT_EQ(nearest_name(std::string(10'000, 'l'), kKnown), "");
}

TEST(Expectation, NamesTheNearestElseAll) {
  EXPECT_EQ(expectation("lug", kKnown), "expected 'log'");
  EXPECT_EQ(expectation("xxxxxx", kKnown), "expected one of listeners, log, drain_timeout");
  EXPECT_EQ(expectation("xxxxxx", std::array<std::string_view, 1>{"log"}), "expected log");
}

}  // namespace
}  // namespace loadline::config
