// SPDX-License-Identifier: Apache-2.0
#include "config/validate.h"

#include <fmt/format.h>

#include <algorithm>

#include "config/endpoint.h"
#include "config/units.h"

namespace loadline::config {
namespace {

constexpr std::size_t kNameMax = 63;

class Validator {
 public:
  Validator(const Config& config, const Positions& positions, std::string_view file)
      : config_(config), positions_(positions), file_(file) {}

  Diagnostics run() {
    check_listeners();
    for (const Upstream& upstream : config_.upstreams) check_upstream(upstream);
    check_policy();
    return std::move(diagnostics_);
  }

 private:
  void check_listeners();
  void check_listener(const Listener& listener, const std::string& path);
  void check_upstream(const Upstream& upstream);
  void check_gate(const GateOptions& gate, const std::string& path);
  void check_signals(const std::vector<SignalOptions>& signals, const std::string& path);
  void check_signal(const SignalOptions& signal, const std::string& path);
  void check_policy();
  void check_name(std::string_view name, const std::string& path);
  // Reports an address that another part of us has taken.
  void take_address(const Endpoint& endpoint, const std::string& path);

  // The place of the path, or of the longest part of it that the file spells out.
  [[nodiscard]] Position position_of(std::string_view path) const;
  void report(const std::string& path, std::string message) {
    diagnostics_.push_back({file_, position_of(path), path + std::move(message)});
  }

  const Config& config_;
  const Positions& positions_;
  std::string file_;
  Diagnostics diagnostics_;
  std::vector<std::pair<Endpoint, std::string>> taken_;  // Addresses, and the keys that took them.
  std::vector<std::string_view> listener_names_;
};

Position Validator::position_of(std::string_view path) const {
  while (!path.empty()) {
    if (const auto found = positions_.find(path); found != positions_.end()) return found->second;
    const std::size_t cut = path.find_last_of(".[");
    path = path.substr(0, cut == std::string_view::npos ? 0 : cut);
  }
  return {};
}

void Validator::check_listeners() {
  if (config_.admin.listen) take_address(*config_.admin.listen, "admin.listen");
  for (std::size_t i = 0; i < config_.listeners.size(); ++i) {
    check_listener(config_.listeners[i], fmt::format("listeners[{}]", i));
  }
}

void Validator::check_listener(const Listener& listener, const std::string& path) {
  take_address(listener.listen, path + ".listen");
  if (listener.upstream.empty()) return;

  check_name(listener.name, path + ".name");
  if (std::count(listener_names_.begin(), listener_names_.end(), listener.name) > 0) {
    report(path + ".name",
           fmt::format(": '{}' is the name of another listener; expected one of its own (by "
                       "default it is the upstream's)",
                       listener.name));
  }
  listener_names_.push_back(listener.name);

  std::vector<std::string_view> known;
  for (const Upstream& upstream : config_.upstreams) known.push_back(upstream.name);
  if (!known.empty() && std::count(known.begin(), known.end(), listener.upstream) == 0) {
    report(path + ".upstream", fmt::format(": there is no upstream '{}'; {}", listener.upstream,
                                           expectation(listener.upstream, known)));
  }
}

void Validator::take_address(const Endpoint& endpoint, const std::string& path) {
  const bool is_any_port = endpoint.unix_path.empty() && endpoint.port == 0;
  if (is_any_port) return;  // Nobody else's; or the address was missing.
  const auto same = std::find_if(taken_.begin(), taken_.end(),
                                 [&](const auto& other) { return other.first == endpoint; });
  if (same != taken_.end()) {
    report(path, fmt::format(": '{}' is taken by {}; expected an address of its own",
                             to_text(endpoint), same->second));
  }
  taken_.emplace_back(endpoint, path);
}

void Validator::check_upstream(const Upstream& upstream) {
  const std::string path = "upstreams." + upstream.name;
  check_name(upstream.name, path);
  const auto own = std::find_if(taken_.begin(), taken_.end(),
                                [&](const auto& other) { return other.first == upstream.primary; });
  if (own != taken_.end()) {
    report(path + ".primary", fmt::format(": '{}' is our own {}; expected the database's address",
                                          to_text(upstream.primary), own->second));
  }
  check_gate(upstream.gate, path + ".gate");
  check_signals(upstream.gate.signals, path + ".gate.signals");

  const std::string& sqlstate = upstream.refusal.sqlstate;
  const bool is_well_formed =
      sqlstate.size() == 5 && std::all_of(sqlstate.begin(), sqlstate.end(), [](char c) {
        return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z');
      });
  const bool is_success = sqlstate.substr(0, 2) == "00" || sqlstate.substr(0, 2) == "01" ||
                          sqlstate.substr(0, 2) == "02";
  if (!is_well_formed || is_success) {
    report(path + ".refusal.sqlstate",
           fmt::format(": '{}' is not an error code; expected five of 0-9 and A-Z, not beginning "
                       "with 00, 01 or 02, such as 53000",
                       sqlstate));
  }
}

void Validator::check_gate(const GateOptions& gate, const std::string& path) {
  if (gate.limit_mode == LimitMode::fixed) return;
  if (gate.limit_min > gate.limit_max) {
    report(path + ".limit.min", fmt::format(": {} is above limit.max; expected at most {}",
                                            gate.limit_min, gate.limit_max));
  } else if (gate.limit_initial < gate.limit_min || gate.limit_initial > gate.limit_max) {
    report(path + ".limit.initial",
           fmt::format(": {} is outside of limit.min and limit.max; expected from {} to {}",
                       gate.limit_initial, gate.limit_min, gate.limit_max));
  }
}

void Validator::check_signals(const std::vector<SignalOptions>& signals, const std::string& path) {
  if (signals.size() > kSignalsMax) {
    report(fmt::format("{}[{}]", path, kSignalsMax),
           fmt::format(": too many signals; expected at most {}", kSignalsMax));
  }
  std::vector<std::string_view> names;
  for (std::size_t i = 0; i < signals.size(); ++i) {
    const std::string own_path = fmt::format("{}[{}]", path, i);
    const std::string& name = signals[i].name;
    if (name.empty()) continue;  // Reported when it was read.
    check_name(name, own_path + ".name");
    if (std::count(names.begin(), names.end(), name) > 0) {
      report(own_path + ".name",
             fmt::format(": '{}' is the name of another signal; expected one of its own", name));
    }
    names.push_back(name);
    check_signal(signals[i], own_path);
  }
}

void Validator::check_signal(const SignalOptions& signal, const std::string& path) {
  if (signal.setpoint == signal.hard) {
    report(path + ".hard", fmt::format(": {} is the setpoint, too; expected a value at which all "
                                       "that is concerned is shed",
                                       signal.hard));
  }
  if (!signal.negative_allowed && (signal.setpoint < 0 || signal.hard < 0)) {
    report(path + (signal.setpoint < 0 ? ".setpoint" : ".hard"),
           ": negative; expected 0 or more, or negative_allowed: on");
  }
  if (signal.tier_best > signal.tier_worst) {
    report(path + ".tiers.best",
           fmt::format(": '{}' is worse than tiers.worst; expected '{}' or better",
                       to_text(signal.tier_best), to_text(signal.tier_worst)));
  }
  if (signal.plant != SignalPlant::integrating || signal.setpoint == signal.hard) return;
  const double hard_min = std::max(3 * signal.setpoint, 4.0);
  if (signal.setpoint <= 0) {
    report(path + ".setpoint",
           fmt::format(": {} is no lag to aim for; expected seconds above 0", signal.setpoint));
  } else if (signal.hard < hard_min) {
    report(path + ".hard",
           fmt::format(": {} is met by ordinary transients; expected at least {}: three times the "
                       "setpoint, and 4 seconds",
                       signal.hard, hard_min));
  }
}

void Validator::check_policy() {
  std::size_t comment_rule_count = 0;
  for (std::size_t i = 0; i < config_.policy.rules.size(); ++i) {
    if (config_.policy.rules[i].match.comment.empty()) continue;
    if (++comment_rule_count == kCommentRulesMax + 1) {
      report(fmt::format("policies[{}].match", i),
             fmt::format(": too many rules match comments; expected at most {}", kCommentRulesMax));
    }
  }
  const std::vector<Scorecard>& cards = config_.policy.scorecards;
  if (cards.size() > kScorecardsMax) {
    report(fmt::format("scorecards[{}]", kScorecardsMax),
           fmt::format(": too many; expected at most {}", kScorecardsMax));
  }
  for (std::size_t i = 0; i < cards.size(); ++i) {
    const std::string path = fmt::format("scorecards[{}].name", i);
    check_name(cards[i].gate.name, path);
    const bool is_taken =
        std::any_of(cards.begin(), cards.begin() + static_cast<std::ptrdiff_t>(i),
                    [&](const Scorecard& other) { return other.gate.name == cards[i].gate.name; });
    if (is_taken) {
      report(path, fmt::format(": '{}' is another scorecard's; expected a name of its own",
                               cards[i].gate.name));
    }
  }
}

// Names are metric labels and parts of log lines.
void Validator::check_name(std::string_view name, const std::string& path) {
  const bool is_clean = std::all_of(name.begin(), name.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '-' || c == '.';
  });
  if (name.empty() || name.size() > kNameMax || !is_clean) {
    report(path,
           fmt::format(": '{}' is not a name; expected 1 to {} letters, digits, '_', '-' or '.'",
                       name, kNameMax));
  }
}

}  // namespace

Diagnostics validate(const Config& config, const Positions& positions, std::string_view file) {
  return Validator(config, positions, file).run();
}

}  // namespace loadline::config
