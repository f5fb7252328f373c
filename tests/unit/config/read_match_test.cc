// SPDX-License-Identifier: Apache-2.0
#include "config/read_match.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/config/problems.h"

namespace loadline::config {
namespace {

using testing::ElementsAre;

TEST(ReadMatch, HasItsKeys) {
  EXPECT_THAT(problems(with_minimum("policies: [{match: {aplication: x}}]\n")),
              ElementsAre("f:1:21: unknown key 'aplication' in policies[0].match; expected "
                          "'application'"));
  EXPECT_THAT(
      problems(with_minimum("policies: [{match: {comment.: x}}]\n")),
      ElementsAre("f:1:21: unknown key 'comment.' in policies[0].match; expected 'comment.'"));
  EXPECT_THAT(
      problems(with_minimum("policies: [{match: {comment.job: [a]}}]\n")),
      ElementsAre("f:1:34: policies[0].match.comment.job is a list; expected a pattern such "
                  "as 'batch*'"));
}

}  // namespace
}  // namespace loadline::config
