// SPDX-License-Identifier: Apache-2.0
#include "config/diff.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "config/parse.h"
#include "tests/unit/config/problems.h"

namespace loadline::config {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::IsEmpty;

Config running() { return *parse(with_minimum(""), "f"); }

TEST(Diff, NothingChangedIsNoDifference) { EXPECT_TRUE(diff(running(), running()).empty()); }

TEST(Diff, WhatIsDecidedAnewEachTimeIsReloadable) {
  Config loaded = running();
  loaded.log.level = LogLevel::debug;
  loaded.drain_timeout = 1s;
  loaded.listeners[0].login_timeout = 1s;
  loaded.upstreams[0].connect_timeout = 1s;
  loaded.upstreams[0].cancel_timeout = 1s;
  loaded.upstreams[0].gate.wait_max = 1s;
  loaded.upstreams[0].refusal.sqlstate = "40001";
  loaded.policy.default_tier = Tier::t4;
  loaded.policy.tier_comment_key = "x";
  loaded.policy.deadline_comment_key = "x";
  loaded.policy.rules.emplace_back();
  loaded.policy.tenant_from.clear();
  loaded.policy.ceilings.emplace_back();
  loaded.listeners[0].clients_max = 1;
  loaded.upstreams[0].pool.backends_max = 1;
  const Difference found = diff(running(), loaded);
  EXPECT_THAT(found.reloadable,
              ElementsAre("log", "drain_timeout", "listeners.main.clients_max",
                          "listeners.main.login_timeout", "upstreams.main.connect_timeout",
                          "upstreams.main.cancel_timeout", "upstreams.main.pool.backends_max",
                          "upstreams.main.gate", "upstreams.main.refusal", "default_tier",
                          "tags.tier", "tags.deadline", "policies", "tenants.from", "ceilings"));
  EXPECT_THAT(found.needs_restart, IsEmpty());
}

TEST(Diff, SignalsAreTheGates) {
  Config loaded = running();
  loaded.upstreams[0].gate.signals.push_back({.name = "replica_lag", .setpoint = 5, .hard = 30});
  EXPECT_THAT(diff(running(), loaded).reloadable, ElementsAre("upstreams.main.gate"));
  Config other = loaded;
  other.upstreams[0].gate.signals[0].dry_run = true;
  EXPECT_THAT(diff(loaded, other).reloadable, ElementsAre("upstreams.main.gate"));
}

TEST(Diff, WhatIsSetUpOnceNeedsARestart) {
  Config loaded = running();
  loaded.admin.listen.reset();
  loaded.workers = 7;
  loaded.state_file = "/x";
  loaded.listeners[0].listen.port = 1;
  loaded.listeners[0].upstream = "x";
  loaded.upstreams[0].primary.port = 1;
  const Difference found = diff(running(), loaded);
  EXPECT_THAT(found.needs_restart,
              ElementsAre("admin.listen", "workers", "state_file", "listeners.main.listen",
                          "listeners.main.upstream", "upstreams.main.primary"));
  EXPECT_THAT(found.reloadable, IsEmpty());
}

TEST(Diff, WhatCameOrWentNeedsARestart) {
  Config loaded = running();
  loaded.listeners[0].name = "renamed";
  loaded.upstreams.push_back({.name = "second"});
  EXPECT_THAT(diff(running(), loaded).needs_restart,
              ElementsAre("listeners.main", "listeners.renamed", "upstreams.second"));
}

TEST(Diff, TheOrderOfTheFileDoesNotCount) {
  Config two = running();
  two.upstreams.push_back({.name = "second"});
  Config turned = two;
  std::swap(turned.upstreams[0], turned.upstreams[1]);
  EXPECT_TRUE(diff(two, turned).empty());
}

}  // namespace
}  // namespace loadline::config
