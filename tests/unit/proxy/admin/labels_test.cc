// SPDX-License-Identifier: Apache-2.0
#include "proxy/admin/labels.h"

#include <gtest/gtest.h>

#include <set>
#include <string_view>

namespace loadline::admin {
namespace {

// A new enumerator without a label would show as an empty label value, or not at all.
template <typename Enum>
void expect_distinct_labels(std::size_t count) {
  std::set<std::string_view> seen;
  for (std::size_t index = 0; index < count; ++index) {
    const auto label = to_string(static_cast<Enum>(index));
    EXPECT_FALSE(label.empty()) << "index=" << index;
    EXPECT_TRUE(seen.insert(label).second) << label;
  }
  EXPECT_TRUE(to_string(static_cast<Enum>(count)).empty()) << "the count is too small";
}

TEST(Labels, EveryTierHasItsOwn) { expect_distinct_labels<Tier>(kTierCount); }
TEST(Labels, EveryShedReasonHasItsOwn) { expect_distinct_labels<ShedReason>(kShedReasonCount); }
TEST(Labels, EveryOperationClassHasItsOwn) {
  expect_distinct_labels<OperationClass>(kOperationClassCount);
}
TEST(Labels, EverySignalStateHasItsOwn) { expect_distinct_labels<SignalState>(kSignalStateCount); }
TEST(Labels, EveryClientRefusalHasItsOwn) {
  expect_distinct_labels<ClientRefusal>(kClientRefusalCount);
}

}  // namespace
}  // namespace loadline::admin
