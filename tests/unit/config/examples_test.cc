// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <filesystem>

#include "config/parse.h"

namespace loadline::config {
namespace {

TEST(Examples, AllOfThemLoad) {
  std::size_t count = 0;
  for (const auto& entry : std::filesystem::directory_iterator(LOADLINE_EXAMPLES_DIR)) {
    if (entry.path().extension() != ".yaml") continue;
    ++count;
    const auto loaded = load(entry.path().string());
    if (loaded) continue;
    for (const Diagnostic& diagnostic : loaded.error()) ADD_FAILURE() << to_text(diagnostic);
  }
  EXPECT_GE(count, 4u);
}

}  // namespace
}  // namespace loadline::config
