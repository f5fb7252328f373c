// SPDX-License-Identifier: Apache-2.0
#include "proxy/loadgen/scenario.h"

#include <fmt/format.h>

#include <algorithm>
#include <cassert>
#include <set>

namespace loadline::loadgen {
namespace {

// As sqlcommenter has it: everything but unreserved characters is percent-encoded.
std::string encoded(std::string_view text) {
  std::string out;
  for (const char c : text) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                       c == '-' || c == '_' || c == '.' || c == '~';
    if (plain) {
      out += c;
    } else {
      fmt::format_to(std::back_inserter(out), "%{:02X}", static_cast<unsigned char>(c));
    }
  }
  return out;
}

std::uint32_t part_of(std::uint32_t whole, std::uint32_t thread, std::uint32_t threads) {
  return whole / threads + (thread < whole % threads ? 1 : 0);
}

void check_class(const Scenario& scenario, const LoadClass& load_class,
                 std::vector<std::string>& problems) {
  const auto report = [&](std::string_view what) {
    problems.push_back(fmt::format("class '{}': {}", load_class.name, what));
  };
  if (!(load_class.rate > 0) || load_class.rate > 1e7) {
    report("the rate must be above 0 and at most 10,000,000 per second");
  }
  if (load_class.deadline <= Duration::zero()) report("the deadline must be above 0");
  if (load_class.connections < scenario.threads || load_class.connections > kConnectionsMax) {
    report(fmt::format("connections must be from {} (one per thread) to {}", scenario.threads,
                       kConnectionsMax));
  }
  if (load_class.retry.attempts_max == 0) report("attempts must be at least 1");
  if (load_class.scripts.empty()) report("there is no script");
  for (const WeightedScript& script : load_class.scripts) {
    if (!(script.weight > 0)) report("a script's weight must be above 0");
  }
}

}  // namespace

std::vector<std::string> problems_of(const Scenario& scenario) {
  std::vector<std::string> problems;
  if (scenario.threads == 0 || scenario.threads > kThreadsMax) {
    problems.push_back(fmt::format("threads must be from 1 to {}", kThreadsMax));
  }
  if (scenario.classes.empty() || scenario.classes.size() > kClassesMax) {
    problems.push_back(fmt::format("there must be 1 to {} classes", kClassesMax));
  }
  if (scenario.phases.empty() || scenario.phases.size() > kPhasesMax) {
    problems.push_back(fmt::format("there must be 1 to {} phases", kPhasesMax));
  }
  std::set<std::string_view> names;
  for (const LoadClass& load_class : scenario.classes) {
    check_class(scenario, load_class, problems);
    if (!names.insert(load_class.name).second) {
      problems.push_back(fmt::format("class '{}' is there twice", load_class.name));
    }
    if (load_class.name == "*") problems.emplace_back("'*' stands for all classes together");
  }
  for (const Phase& phase : scenario.phases) {
    if (phase.duration <= Duration::zero()) {
      problems.push_back(fmt::format("phase '{}': the duration must be above 0", phase.name));
    }
    if (scenario.mode == LoadMode::open && !(phase.multiplier >= 0)) {
      problems.push_back(fmt::format("phase '{}': the multiplier can't be negative", phase.name));
    }
    if (scenario.mode == LoadMode::closed &&
        (phase.concurrency == 0 || phase.concurrency > kConnectionsMax)) {
      problems.push_back(
          fmt::format("phase '{}': the concurrency must be 1 to {}", phase.name, kConnectionsMax));
    }
  }
  if (phases_duration(scenario) + drain_duration(scenario) > kRunMax) {
    problems.emplace_back("the run is longer than a day");
  }
  return problems;
}

Duration phases_duration(const Scenario& scenario) {
  Duration sum = {};
  for (const Phase& phase : scenario.phases) {
    // Saturates, so that an absurd sum is reported and not wrapped.
    sum = std::min(sum + std::min(phase.duration, 2 * kRunMax), 2 * kRunMax);
  }
  return sum;
}

Duration drain_duration(const Scenario& scenario) {
  if (scenario.drain > Duration::zero()) return std::min(scenario.drain, 2 * kRunMax);
  Duration longest = {};
  for (const LoadClass& load_class : scenario.classes) {
    longest = std::max(longest, std::min(load_class.deadline, 2 * kRunMax));
  }
  return longest + std::chrono::seconds(1);
}

void add_comments(LoadClass& load_class) {
  if (load_class.comment == CommentPlace::none) return;
  std::string tags;
  if (!load_class.tier.empty()) tags = fmt::format("priority='{}'", encoded(load_class.tier));
  if (!load_class.tenant.empty()) {
    if (!tags.empty()) tags += ", ";
    tags += fmt::format("tenant='{}'", encoded(load_class.tenant));
  }
  if (tags.empty()) return;
  for (WeightedScript& script : load_class.scripts) {
    script.script.add_comment(fmt::format("/* {} */", tags),
                              load_class.comment == CommentPlace::leading);
  }
}

Scenario share_of(const Scenario& scenario, std::uint32_t thread) {
  assert(thread < scenario.threads);
  Scenario share = scenario;
  share.seed = Random(scenario.seed + thread).next();
  for (LoadClass& load_class : share.classes) {
    load_class.rate /= scenario.threads;
    load_class.connections = part_of(load_class.connections, thread, scenario.threads);
    load_class.waiting_max = part_of(load_class.waiting_max, thread, scenario.threads);
  }
  for (Phase& phase : share.phases) {
    phase.concurrency = part_of(phase.concurrency, thread, scenario.threads);
  }
  return share;
}

}  // namespace loadline::loadgen
