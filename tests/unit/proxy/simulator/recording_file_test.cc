// SPDX-License-Identifier: Apache-2.0
#include "proxy/simulator/recording_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>
#include <fstream>

#include "proxy/simulator/scenario_file.h"

namespace loadline::simulator {
namespace {

using namespace std::chrono_literals;
using recording::OperationRecord;
using testing::HasSubstr;

class RecordingFileTest : public testing::Test {
 protected:
  RecordingFileTest() {
    std::string name = (std::filesystem::temp_directory_path() / "loadline-XXXXXX").string();
    folder_ = ::mkdtemp(name.data());
    std::string bytes = text_of(recording::to_bytes(
        recording::RecordingHeader{.upstreams = {{.name = "a"}, {.name = "b"}}}));
    for (int i = 0; i < 300; ++i) {
      const OperationRecord record = {.arrival = i * 100ms,
                                      .fingerprint = 1,
                                      .service = 2ms,
                                      .active = 1,
                                      .upstream = static_cast<std::uint16_t>(i % 3 == 0 ? 0 : 1)};
      bytes += text_of(recording::to_bytes(record));
    }
    write("recording", bytes);
  }
  ~RecordingFileTest() override { std::filesystem::remove_all(folder_); }

  template <typename Bytes>
  static std::string text_of(const Bytes& bytes) {
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
  }
  std::string write(const std::string& name, const std::string& text) const {
    std::ofstream(folder_ / name, std::ios::binary) << text;
    return folder_ / name;
  }
  [[nodiscard]] auto load(const std::string& scenario) const {
    return load_scenario(write("scenario.yaml", scenario));
  }
  [[nodiscard]] std::string problem(const std::string& scenario) const {
    const auto loaded = load(scenario);
    return loaded ? "" : config::to_text(loaded.error().front());
  }

  std::filesystem::path folder_;
};

TEST_F(RecordingFileTest, HoldsWhatAnUpstreamHad) {
  const auto traffic = load_recording(folder_ / "recording", "b", 0s, Duration::max());
  ASSERT_TRUE(traffic) << traffic.error();
  EXPECT_EQ(traffic->operations().size(), 200U);
}

TEST_F(RecordingFileTest, AnUpstreamThatIsNotThereIsRefusedWithThoseThatAre) {
  for (const char* const name : {"c", ""}) {
    const auto traffic = load_recording(folder_ / "recording", name, 0s, Duration::max());
    ASSERT_FALSE(traffic);
    EXPECT_THAT(traffic.error(), HasSubstr("is not in it; expected one of a, b"));
  }
}

TEST_F(RecordingFileTest, ProblemsNameTheFile) {
  EXPECT_THAT(load_recording(folder_ / "none", "a", 0s, 1h).error(),
              HasSubstr("none: can't be read"));
  const std::string other = write("other", "begin;");
  EXPECT_THAT(load_recording(other, "a", 0s, 1h).error(),
              HasSubstr("other: ends after 6 bytes, within its header"));
}

TEST_F(RecordingFileTest, AScenarioReplaysItAsLongAsItIs) {
  const auto scenario = load("replay: {recording: recording, upstream: a}");
  ASSERT_TRUE(scenario) << config::to_text(scenario.error().front());
  EXPECT_EQ(scenario->traffic->operations().size(), 100U);
  EXPECT_EQ(scenario->length, 30'700ms);
  EXPECT_EQ(scenario->clients.attempts, 1U);
  ASSERT_EQ(scenario->classes.size(), 1U);
  EXPECT_EQ(scenario->classes[0].work, 2ms);
  EXPECT_EQ(scenario->classes[0].weight, 100);
}

TEST_F(RecordingFileTest, AScenarioMayReplayAPart) {
  const auto scenario =
      load("{replay: {recording: recording, upstream: a, from: 15s, speed: 2}, length: 3s}");
  ASSERT_TRUE(scenario) << config::to_text(scenario.error().front());
  EXPECT_EQ(scenario->length, 3s);
  EXPECT_EQ(scenario->traffic->operations().front().at, 0s);
  // Of the 3 s and the one behind them, at twice the speed.
  EXPECT_EQ(scenario->traffic->operations().size(), 27U);
}

TEST_F(RecordingFileTest, WhatComesFromTheRecordingCantBeSaidOnceMore) {
  const std::string replay = "replay: {recording: recording, upstream: a}";
  EXPECT_THAT(problem("{" + replay + ", load: 2}"), HasSubstr("load: '2'"));
  EXPECT_THAT(problem("{" + replay + ", tenants: 5}"), HasSubstr("tenants"));
  EXPECT_THAT(problem("{" + replay + ", classes: [{name: x}]}"), HasSubstr("classes"));
  EXPECT_THAT(problem("{" + replay + ", events: [{kind: load, from: 1s, to: 2s, value: 2}]}"),
              HasSubstr("events[0].kind: 'load' beside a replay"));
  EXPECT_EQ(problem("{" + replay + ", events: [{kind: capacity, from: 1s, to: 2s, value: 0.5}]}"),
            "");
}

TEST_F(RecordingFileTest, AReplayOfNothingIsRefused) {
  EXPECT_THAT(problem("replay: {upstream: a}"), HasSubstr("recording"));
  EXPECT_THAT(problem("replay: {recording: nowhere}"), HasSubstr("nowhere: can't be read"));
  EXPECT_THAT(problem("replay: {recording: recording, upstream: a, from: 1h}"),
              HasSubstr("holds no operation"));
  EXPECT_THAT(problem("replay: {recording: recording, upstream: a, speed: 0}"), HasSubstr("speed"));
}

}  // namespace
}  // namespace loadline::simulator
