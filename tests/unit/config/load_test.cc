// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "config/parse.h"
#include "tests/unit/config/problems.h"

namespace loadline::config {
namespace {

class Load : public testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = (std::filesystem::temp_directory_path() / "loadline-XXXXXX").string();
    ASSERT_NE(mkdtemp(pattern.data()), nullptr);
    folder_ = pattern;
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  std::string file_with(const std::string& text) const {
    const auto path = folder_ / "loadline.yaml";
    std::ofstream(path) << text;
    return path.string();
  }

  std::filesystem::path folder_;
};

std::string only_problem(const std::string& path) {
  const auto loaded = load(path);
  if (loaded || loaded.error().size() != 1) return "";
  return to_text(loaded.error()[0]);
}

TEST_F(Load, AFileIsParsed) {
  EXPECT_EQ(load(file_with(with_minimum("workers: 3\n")))->workers, 3u);
}

TEST_F(Load, AProblemNamesTheFile) {
  const std::string path = file_with(with_minimum("workers: x\n"));
  EXPECT_THAT(only_problem(path), testing::StartsWith(path + ":1:10: workers"));
}

TEST_F(Load, AnUnreadableFileIsAProblem) {
  EXPECT_EQ(only_problem((folder_ / "none").string()),
            (folder_ / "none").string() +
                ": cannot be read: No such file or directory; expected a configuration file");
  EXPECT_EQ(only_problem(folder_.string()),
            folder_.string() + ": cannot be read: Is a directory; expected a configuration file");
}

TEST_F(Load, AFileBeyondTheLimitIsAProblem) {
  const std::string path = file_with(std::string(kFileSizeMax + 1, '#'));
  EXPECT_EQ(only_problem(path), path + ": is too large; expected at most 4194304 bytes");
}

}  // namespace
}  // namespace loadline::config
