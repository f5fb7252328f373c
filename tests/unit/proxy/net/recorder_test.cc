// SPDX-License-Identifier: Apache-2.0
#include "proxy/net/recorder.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <set>

#include "proxy/recording/recording_reader.h"

namespace loadline::net {
namespace {

using namespace std::chrono_literals;
using recording::OperationRecord;
using session::EndedOperation;

constexpr TimePoint kStart{1h};

class RecorderTest : public testing::Test {
 protected:
  RecorderTest() {
    std::string name = (std::filesystem::temp_directory_path() / "loadline-XXXXXX").string();
    folder_ = ::mkdtemp(name.data());
  }
  ~RecorderTest() override { std::filesystem::remove_all(folder_); }

  [[nodiscard]] std::string path() const { return folder_ / "recording"; }
  [[nodiscard]] Recorder make(UniqueFd file, const Recorder::Options& options) const {
    return Recorder(std::move(file), path(), {.upstreams = {{.name = "a"}, {.name = "b"}}},
                    /*worker_count=*/2, kStart, options);
  }
  [[nodiscard]] UniqueFd file() const { return *Recorder::create_file(path()); }

  std::vector<OperationRecord> read_back() {
    std::ifstream in(path(), std::ios::binary);
    const std::string text((std::istreambuf_iterator<char>(in)), std::istreambuf_iterator<char>());
    std::vector<OperationRecord> records;
    recording::RecordingReader reader(
        [](const recording::RecordingHeader&) { return true; },
        [&](const OperationRecord& record) { records.push_back(record); });
    const auto fed = reader.feed(std::as_bytes(std::span(text)));
    EXPECT_TRUE(fed) << fed.error();
    const auto finished = reader.finish();
    EXPECT_TRUE(finished) << finished.error();
    return records;
  }

  std::filesystem::path folder_;
};

const OperationProfile kProfile = {.priority = Priority(Tier::t1, 5),
                                   .operation_class = OperationClass::write,
                                   .tenant = 11,
                                   .fingerprint = 22,
                                   .deadline = 100ms};
const Verdict kAdmitted = {.kind = Verdict::Kind::admit, .active = 7, .waited = 3ms};
const Verdict kShed = {
    .kind = Verdict::Kind::shed, .reason = ShedReason::queue_timeout, .active = 9, .waited = 40ms};

EndedOperation executed() {
  return {.profile = kProfile,
          .verdict = kAdmitted,
          .offered_at = kStart + 5s,
          .outcome = Outcome::error,
          .service = 20ms,
          .paused = 30ms,
          .statements = 4,
          .is_transaction = true};
}

TEST_F(RecorderTest, WhatSessionsTellIsInTheFile) {
  {
    Recorder recorder = make(file(), {.key = 99});
    session::OperationObserver& first = recorder.input(0, 0);
    session::OperationObserver& second = recorder.input(1, 1);
    recorder.start();
    first.on_end(executed(), kStart + 6s);
    second.on_end({.how = EndedOperation::How::shed,
                   .profile = kProfile,
                   .verdict = kShed,
                   .offered_at = kStart + 7s},
                  kStart + 8s);
    second.on_end({.how = EndedOperation::How::withdrawn,
                   .profile = kProfile,
                   .verdict = kAdmitted,
                   .offered_at = kStart + 8s},
                  kStart + 9s);
    recorder.stop();
    EXPECT_EQ(recorder.written(), 3U);
    EXPECT_EQ(recorder.dropped(), 0U);
    EXPECT_FALSE(recorder.is_active());
  }
  const auto records = read_back();
  ASSERT_EQ(records.size(), 3U);
  OperationRecord expected = {.arrival = 5s,
                              .tenant = records[0].tenant,
                              .fingerprint = records[0].fingerprint,
                              .service = 20ms,
                              .paused = 30ms,
                              .deadline = recording::to_microseconds32(100ms),
                              .waited = recording::to_microseconds32(3ms),
                              .active = 7,
                              .priority = kProfile.priority,
                              .statements = 4,
                              .operation_class = OperationClass::write,
                              .outcome = Outcome::error,
                              .is_transaction = true};
  EXPECT_EQ(records[0], expected);
  EXPECT_EQ(records[1].end, OperationRecord::End::shed);
  EXPECT_EQ(records[1].reason, ShedReason::queue_timeout);
  EXPECT_EQ(records[1].waited, recording::to_microseconds32(40ms));
  EXPECT_EQ(records[1].upstream, 1U);
  EXPECT_EQ(records[2].end, OperationRecord::End::withdrawn);
  EXPECT_EQ(records[2].waited, recording::to_microseconds32(1s));
  EXPECT_EQ(records[2].reason, ShedReason::none);
}

TEST_F(RecorderTest, HashesAreEqualWithinARecordingAndMeanNothingOutside) {
  std::set<std::uint64_t> tenants;
  for (const std::uint64_t key : {1U, 2U}) {
    std::filesystem::remove(path());
    {
      Recorder recorder = make(file(), {.key = key});
      session::OperationObserver& input = recorder.input(0, 0);
      recorder.start();
      input.on_end(executed(), kStart + 6s);
      input.on_end(executed(), kStart + 6s);
    }
    const auto records = read_back();
    ASSERT_EQ(records.size(), 2U);
    EXPECT_EQ(records[0].tenant, records[1].tenant);
    EXPECT_EQ(records[0].fingerprint, records[1].fingerprint);
    EXPECT_NE(records[0].tenant, kProfile.tenant);
    EXPECT_NE(records[0].fingerprint, kProfile.fingerprint);
    tenants.insert(records[0].tenant);
  }
  EXPECT_EQ(tenants.size(), 2U);
}

TEST_F(RecorderTest, WhatFindsTheRingFullIsCountedAndTheFileSaysSo) {
  {
    Recorder recorder = make(file(), {.ring_capacity = 4});
    session::OperationObserver& input = recorder.input(0, 0);
    // Before the writer runs: nobody takes anything out.
    for (int i = 0; i < 10; ++i) input.on_end(executed(), kStart + 6s);
    EXPECT_EQ(recorder.dropped(), 6U);
    recorder.start();
    recorder.stop();
    EXPECT_EQ(recorder.written(), 4U);
    EXPECT_EQ(recorder.dropped(), 6U);
  }
  const auto records = read_back();
  ASSERT_EQ(records.size(), 5U);
  EXPECT_EQ(records[4], recording::gap_record(6, 5s));
}

TEST_F(RecorderTest, AFullDiskEndsTheRecordingAndNothingElse) {
  Recorder recorder = make(UniqueFd(::open("/dev/full", O_WRONLY)), {});
  session::OperationObserver& input = recorder.input(0, 0);
  EXPECT_TRUE(recorder.is_active());
  recorder.start();
  EXPECT_FALSE(recorder.is_active());
  input.on_end(executed(), kStart + 6s);
  recorder.stop();
  EXPECT_EQ(recorder.written(), 0U);
  EXPECT_EQ(recorder.dropped(), 1U);
}

TEST_F(RecorderTest, AFileIsAtMostAsLargeAsAllowedAndWhole) {
  constexpr std::uint64_t kSizeMax = 1000;
  {
    Recorder recorder = make(file(), {.size_max = kSizeMax});
    session::OperationObserver& input = recorder.input(0, 0);
    recorder.start();
    for (int i = 0; i < 100; ++i) input.on_end(executed(), kStart + 6s);
    recorder.stop();
    EXPECT_FALSE(recorder.is_active());
    EXPECT_EQ(recorder.written() + recorder.dropped(), 100U);
    EXPECT_GT(recorder.dropped(), 80U);
  }
  EXPECT_LE(std::filesystem::file_size(path()), kSizeMax);
  EXPECT_GT(std::filesystem::file_size(path()), kSizeMax - 64);
  EXPECT_GT(read_back().size(), 10U);
}

TEST_F(RecorderTest, AFileIsItsOwnersAndNeverOverwritten) {
  (void)file();
  struct stat status = {};
  ASSERT_EQ(::stat(path().c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777U, 0600U);
  const auto again = Recorder::create_file(path());
  ASSERT_FALSE(again);
  EXPECT_EQ(again.error(), std::errc::file_exists);
  EXPECT_FALSE(Recorder::create_file((folder_ / "no" / "such").string()));
}

}  // namespace
}  // namespace loadline::net
