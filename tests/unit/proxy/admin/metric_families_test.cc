// SPDX-License-Identifier: Apache-2.0
#include "proxy/admin/metric_families.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>
#include <string>

namespace loadline::admin {
namespace {

template <typename Check>
void for_each_family(Check check) {
  const auto all = [&check](const auto& families) {
    for (const auto& family : families) check(family.name, family.help);
  };
  all(status_text_families());
  all(status_families());
  all(process_families());
  all(listener_families());
  all(upstream_families());
  all(upstream_text_families());
  all(tier_families());
  all(signal_families());
  all(scorecard_families());
  all(histogram_families());
}

TEST(MetricFamilies, NamesAreOursAndUnique) {
  std::set<std::string> seen;
  for (const auto name : metric_names()) {
    EXPECT_TRUE(name.starts_with("loadline_") || name.starts_with("process_")) << name;
    EXPECT_EQ(name.find_first_not_of("abcdefghijklmnopqrstuvwxyz_"), name.npos) << name;
    EXPECT_EQ(name.find("__"), name.npos) << name;
    EXPECT_FALSE(name.ends_with('_')) << name;
    EXPECT_TRUE(seen.insert(std::string(name)).second) << name;
  }
}

TEST(MetricFamilies, NamesListsEveryTable) {
  const auto names = metric_names();
  std::size_t count = 0;
  for_each_family([&](std::string_view name, std::string_view /*help*/) {
    ++count;
    EXPECT_NE(std::find(names.begin(), names.end(), name), names.end()) << name;
  });
  EXPECT_EQ(count, names.size());
}

// The serializer writes help as it is.
TEST(MetricFamilies, HelpIsASentenceThatNeedsNoEscape) {
  for_each_family([](std::string_view name, std::string_view help) {
    EXPECT_TRUE(help.ends_with('.')) << name;
    EXPECT_EQ(help.find_first_of("\n\\"), std::string_view::npos) << name;
  });
}

TEST(MetricFamilies, CountersEndInTotalAndGaugesDoNot) {
  const auto check = [](const auto& families) {
    for (const auto& family : families) {
      EXPECT_EQ(family.name.ends_with("_total"), family.kind == MetricKind::counter) << family.name;
    }
  };
  check(status_families());
  check(process_families());
  check(listener_families());
  check(upstream_families());
  check(tier_families());
  check(signal_families());
  check(scorecard_families());
}

}  // namespace
}  // namespace loadline::admin
