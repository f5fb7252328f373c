// SPDX-License-Identifier: Apache-2.0
#include "config/diff.h"

#include <algorithm>
#include <string_view>

namespace loadline::config {
namespace {

class Differ {
 public:
  template <typename Value>
  void reloadable(const std::string& path, const Value& running, const Value& loaded) {
    if (running != loaded) found.reloadable.push_back(path);
  }
  template <typename Value>
  void needs_restart(const std::string& path, const Value& running, const Value& loaded) {
    if (running != loaded) found.needs_restart.push_back(path);
  }

  // Compares what both have by `compare`, and reports what only one has.
  template <typename Item, typename Compare>
  void by_name(const std::string& path, const std::vector<Item>& running,
               const std::vector<Item>& loaded, Compare compare) {
    const auto find = [](const std::vector<Item>& items, std::string_view name) {
      return std::find_if(items.begin(), items.end(),
                          [&](const Item& item) { return item.name == name; });
    };
    for (const Item& item : running) {
      const auto same = find(loaded, item.name);
      if (same == loaded.end()) {
        found.needs_restart.push_back(path + item.name);
      } else {
        compare(path + item.name, item, *same);
      }
    }
    for (const Item& item : loaded) {
      if (find(running, item.name) == running.end())
        found.needs_restart.push_back(path + item.name);
    }
  }

  Difference found;
};

}  // namespace

Difference diff(const Config& running, const Config& loaded) {
  Differ differ;
  differ.reloadable("log", running.log, loaded.log);
  differ.needs_restart("admin.listen", running.admin.listen, loaded.admin.listen);
  differ.needs_restart("workers", running.workers, loaded.workers);
  differ.reloadable("drain_timeout", running.drain_timeout, loaded.drain_timeout);
  differ.needs_restart("state_file", running.state_file, loaded.state_file);

  differ.by_name("listeners.", running.listeners, loaded.listeners,
                 [&](const std::string& path, const Listener& a, const Listener& b) {
                   differ.needs_restart(path + ".protocol", a.protocol, b.protocol);
                   differ.needs_restart(path + ".listen", a.listen, b.listen);
                   differ.needs_restart(path + ".upstream", a.upstream, b.upstream);
                   differ.reloadable(path + ".clients_max", a.clients_max, b.clients_max);
                   differ.reloadable(path + ".login_timeout", a.login_timeout, b.login_timeout);
                 });
  differ.by_name(
      "upstreams.", running.upstreams, loaded.upstreams,
      [&](const std::string& path, const Upstream& a, const Upstream& b) {
        differ.needs_restart(path + ".primary", a.primary, b.primary);
        differ.reloadable(path + ".connect_timeout", a.connect_timeout, b.connect_timeout);
        differ.reloadable(path + ".cancel_timeout", a.cancel_timeout, b.cancel_timeout);
        differ.needs_restart(path + ".pool.mode", a.pool.mode, b.pool.mode);
        differ.reloadable(path + ".pool.backends_max", a.pool.backends_max, b.pool.backends_max);
        differ.reloadable(path + ".gate", a.gate, b.gate);
        differ.reloadable(path + ".refusal", a.refusal, b.refusal);
      });

  const Policy& old_policy = running.policy;
  const Policy& new_policy = loaded.policy;
  differ.reloadable("default_tier", old_policy.default_tier, new_policy.default_tier);
  differ.reloadable("tags.tier", old_policy.tier_comment_key, new_policy.tier_comment_key);
  differ.reloadable("tags.deadline", old_policy.deadline_comment_key,
                    new_policy.deadline_comment_key);
  differ.reloadable("policies", old_policy.rules, new_policy.rules);
  differ.reloadable("tenants.from", old_policy.tenant_from, new_policy.tenant_from);
  differ.reloadable("scorecards", old_policy.scorecards, new_policy.scorecards);
  differ.reloadable("ceilings", old_policy.ceilings, new_policy.ceilings);
  return std::move(differ.found);
}

}  // namespace loadline::config
