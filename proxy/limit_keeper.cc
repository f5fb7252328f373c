// SPDX-License-Identifier: Apache-2.0
#include "proxy/limit_keeper.h"

#include <algorithm>
#include <utility>

#include "config/endpoint.h"
#include "proxy/log/log.h"

namespace loadline {
namespace {

using log::Component;

constexpr Duration kSaveInterval = std::chrono::seconds(30);
// A limit that stays the same is still in force: its age must not grow for as long as we run.
constexpr auto kRefreshAfter = std::chrono::hours(1);
// What a last save may take, less than what anybody gives a process that is to stop.
constexpr Duration kStopPatience = std::chrono::seconds(2);

std::chrono::sys_seconds system_now() {
  return std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now());
}

}  // namespace

LimitKeeper::LimitKeeper(net::EventLoop& loop, std::string path)
    : path_(std::move(path)), saver_(path_), timer_(loop, [this] { save_if_changed(); }) {
  load();
}

void LimitKeeper::load() {
  std::string problem;
  if (const auto text = net::read_small_file(path_, state::kStateSizeMax); !text) {
    problem = text.error().message();
  } else if (auto parsed = state::parse_saved_limits(*text, system_now()); !parsed) {
    problem = state::to_string(parsed.error());
  } else {
    loaded_ = *std::move(parsed);
    return;
  }
  log::warn(Component::proxy, "no saved state: limits begin at limit.initial",
            {{"file", path_}, {"reason", problem}});
}

GateOptions LimitKeeper::begin(const config::Upstream& options) {
  GateOptions gate = options.gate;
  const std::string address = config::to_text(options.primary);
  const auto limit =
      state::limit_to_begin_from(loaded_, {.name = options.name, .address = address}, gate);
  if (limit) {
    gate.limit_initial = *limit;
    restored_.push_back(options.name);
    log::info(Component::proxy, "limit begins where it was",
              {{"upstream", options.name}, {"limit", *limit}});
  } else if (limit.error() == state::LimitProblem::other_address ||
             limit.error() == state::LimitProblem::out_of_bounds) {
    log::info(Component::proxy, "saved limit is not used",
              {{"upstream", options.name}, {"reason", state::to_string(limit.error())}});
  }
  return gate;
}

void LimitKeeper::keep(const config::Upstream& options, const Gate& gate) {
  const bool was_restored = std::ranges::find(restored_, options.name) != restored_.end();
  kept_.push_back({.options = &options, .gate = &gate, .was_restored = was_restored});
}

void LimitKeeper::start() {
  is_started_ = true;
  // A start that changes nothing writes nothing; what was refused is replaced when it's time.
  saved_ = {.saved_at = system_now(), .limits = limits_now()};
  saver_.start();
  timer_.set(kSaveInterval);
}

void LimitKeeper::stop() {
  if (!is_started_) return;
  save(limits_now(), system_now());
  saver_.stop(kStopPatience);
}

void LimitKeeper::save_if_changed() {
  timer_.set(kSaveInterval);
  std::vector<state::SavedLimit> limits = limits_now();
  const std::chrono::sys_seconds now = system_now();
  // A clock that was set back doesn't make it fresh for ever.
  const auto age = std::chrono::abs(now - saved_.saved_at);
  if (limits == saved_.limits && age < kRefreshAfter && !saver_.has_failed()) return;
  save(std::move(limits), now);
}

void LimitKeeper::save(std::vector<state::SavedLimit> limits, std::chrono::sys_seconds now) {
  saved_ = {.saved_at = now, .limits = std::move(limits)};
  saver_.save(state::to_text(saved_));
}

// Without those that have learned nothing: they would only keep a later limit.initial from
// counting.
std::vector<state::SavedLimit> LimitKeeper::limits_now() const {
  std::vector<state::SavedLimit> limits;
  for (const Kept& kept : kept_) {
    if (kept.options->gate.limit_mode == LimitMode::fixed) continue;
    const LimitSnapshot limit = kept.gate->snapshot().limit;
    if (limit.updates == 0 && !kept.was_restored) continue;
    limits.push_back({.upstream = kept.options->name,
                      .address = config::to_text(kept.options->primary),
                      .limit = limit.limit});
  }
  return limits;
}

}  // namespace loadline
