// SPDX-License-Identifier: Apache-2.0
#include "proxy/simulator/policy.h"

#include <gtest/gtest.h>

#include "proxy/simulator/baselines/baselines.h"

namespace loadline::simulator {
namespace {

TEST(Policy, HasANameOrIsAFile) {
  EXPECT_EQ(parse_policy("default")->kind, Policy::Kind::gate);
  EXPECT_EQ(parse_policy("default")->options, GateOptions());
  EXPECT_EQ(parse_policy("static-best")->kind, Policy::Kind::static_best);
  for (const std::string_view name : kBaselineNames) {
    EXPECT_EQ(parse_policy(std::string(name))->kind, Policy::Kind::baseline) << name;
  }
  const auto file = parse_policy(std::string(LOADLINE_EXAMPLES_DIR) + "/1-minimal.yaml");
  ASSERT_TRUE(file);
  EXPECT_EQ(file->name, "1-minimal");
  EXPECT_EQ(file->kind, Policy::Kind::gate);
}

TEST(Policy, WhatIsNeitherIsAProblem) {
  const auto policy = parse_policy("no-such-policy");
  ASSERT_FALSE(policy);
  EXPECT_FALSE(policy.error().empty());
}

TEST(Policy, EachMakesAnAdmitter) {
  const Scenario scenario;
  EXPECT_EQ(make_admitter(fixed_limit_policy(12), scenario, 1)->limit(), 12);
  EXPECT_EQ(fixed_limit_policy(12).name, "limit 12");
  EXPECT_EQ(make_admitter(*parse_policy("default"), scenario, 1)->limit(),
            GateOptions().limit_initial);
  EXPECT_EQ(make_admitter(*parse_policy("fifo-long"), scenario, 1)->limit(), 100);
}

}  // namespace
}  // namespace loadline::simulator
