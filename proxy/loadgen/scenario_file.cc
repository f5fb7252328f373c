// SPDX-License-Identifier: Apache-2.0
#include "proxy/loadgen/scenario_file.h"

#include <fmt/format.h>
#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>
#include <set>
#include <utility>

#include "config/units.h"

namespace loadline::loadgen {
namespace {

std::optional<double> parse_number(std::string_view text) {
  double value = 0;
  const auto parsed = std::from_chars(text.data(), text.data() + text.size(), value);
  if (parsed.ec != std::errc() || parsed.ptr != text.data() + text.size()) return std::nullopt;
  return value;
}

std::string set_duration(Duration& out, std::string_view value) {
  const auto duration = config::parse_duration(value);
  if (!duration) return fmt::format("expected a duration such as 250ms, got '{}'", value);
  out = *duration;
  return {};
}

std::string set_count(std::uint32_t& out, std::string_view value) {
  const auto count = config::parse_count(value);
  if (!count || *count > kConnectionsMax * 100ULL) {
    return fmt::format("expected a number, got '{}'", value);
  }
  out = static_cast<std::uint32_t>(*count);
  return {};
}

std::string set_rate(double& out, std::string_view value, double rate_total) {
  const bool is_share = value.ends_with('%');
  const auto number = parse_number(is_share ? value.substr(0, value.size() - 1) : value);
  if (!number) return fmt::format("expected a rate such as 50 or a share 20%, got '{}'", value);
  if (is_share && rate_total <= 0) return "a share needs the total: --rate";
  out = is_share ? *number * rate_total / 100 : *number;
  return {};
}

std::string set_comment(CommentPlace& out, std::string_view value) {
  if (value == "leading") {
    out = CommentPlace::leading;
  } else if (value == "trailing") {
    out = CommentPlace::trailing;
  } else if (value == "none") {
    out = CommentPlace::none;
  } else {
    return fmt::format("expected leading, trailing or none, got '{}'", value);
  }
  return {};
}

// Reasons joined by `+`, such as shed+error.
std::string set_retry_after(RetryOptions& retry, std::string_view value) {
  retry.after_shed = retry.after_error = retry.after_timeout = false;
  while (!value.empty()) {
    const std::string_view reason = value.substr(0, value.find('+'));
    value.remove_prefix(std::min(reason.size() + 1, value.size()));
    if (reason == "shed") {
      retry.after_shed = true;
    } else if (reason == "error") {
      retry.after_error = true;
    } else if (reason == "timeout") {
      retry.after_timeout = true;
    } else {
      return fmt::format("expected shed, error or timeout, joined by '+', got '{}'", reason);
    }
  }
  return {};
}

std::string add_script(LoadClass& load_class, std::string_view text, double weight) {
  auto script = Script::parse(text);
  if (!script) return script.error();
  load_class.scripts.push_back({.script = *std::move(script), .weight = weight});
  return {};
}

// FILE or FILE@WEIGHT.
std::string add_script_file(LoadClass& load_class, std::string_view value,
                            const ReadFile& read_file) {
  double weight = 1;
  if (const std::size_t at = value.rfind('@'); at != std::string_view::npos) {
    if (const auto number = parse_number(value.substr(at + 1))) {
      weight = *number;
      value = value.substr(0, at);
    }
  }
  const auto text = read_file(std::string(value));
  if (!text) return text.error();
  const std::string problem = add_script(load_class, *text, weight);
  return problem.empty() ? problem : fmt::format("{}: {}", value, problem);
}

// One scenario file on its way to structs; all problems are gathered.
class FileParser {
 public:
  FileParser(std::string_view name, LoadMode mode, const ClassContext& context)
      : name_(name), mode_(mode), context_(context) {}

  tl::expected<ScenarioFile, std::string> parse(const std::string& text) {
    const YAML::Node root = YAML::Load(text);
    each(root, [this](const std::string& key, const YAML::Node& value) {
      if (key == "classes") {
        each_item(value, [this](const YAML::Node& item) { parse_class(item); });
      } else if (key == "phases") {
        each_item(value, [this](const YAML::Node& item) { parse_phase_item(item); });
      } else {
        report(value, fmt::format("unknown key '{}' (known: classes, phases)", key));
      }
    });
    if (!problems_.empty()) return tl::unexpected(problems_);
    return std::move(file_);
  }

 private:
  void parse_class(const YAML::Node& node) {
    LoadClass load_class = context_.defaults;
    each(node, [&](const std::string& key, const YAML::Node& value) {
      if (key == "scripts") {
        each_item(value, [&](const YAML::Node& item) { parse_script(load_class, item); });
      } else if (!value.IsScalar()) {
        report(value, fmt::format("{}: expected one value", key));
      } else {
        check(value, set_class_key(load_class, key, value.Scalar(), context_.rate_total));
      }
    });
    file_.classes.push_back(std::move(load_class));
  }

  void parse_script(LoadClass& load_class, const YAML::Node& node) {
    if (node.IsScalar()) return check(node, add_script(load_class, node.Scalar(), 1));
    std::optional<std::string> text;
    double weight = 1;
    each(node, [&](const std::string& key, const YAML::Node& value) {
      const std::string scalar = value.IsScalar() ? value.Scalar() : "";
      if (key == "sql") {
        text = scalar;
      } else if (key == "file") {
        auto read = context_.read_file(scalar);
        if (!read) return report(value, read.error());
        text = *std::move(read);
      } else if (key == "weight") {
        const auto number = parse_number(scalar);
        if (!number) return report(value, fmt::format("expected a number, got '{}'", scalar));
        weight = *number;
      } else {
        report(value, fmt::format("unknown key '{}' (known: file, sql, weight)", key));
      }
    });
    if (!text) return report(node, "a script needs sql or file");
    check(node, add_script(load_class, *text, weight));
  }

  void parse_phase_item(const YAML::Node& node) {
    if (!node.IsScalar()) return report(node, "expected a phase such as 3x:10s");
    auto phase = parse_phase(node.Scalar(), mode_);
    if (!phase) return report(node, phase.error());
    file_.phases.push_back(*std::move(phase));
  }

  template <typename OnEntry>
  void each(const YAML::Node& node, const OnEntry& on_entry) {
    if (!node.IsMap()) return report(node, "expected keys and values");
    std::set<std::string> seen;  // yaml-cpp keeps duplicates and shows the first.
    for (const auto& entry : node) {
      const std::string key = entry.first.IsScalar() ? entry.first.Scalar() : "";
      if (!seen.insert(key).second) report(entry.first, fmt::format("'{}' is there twice", key));
      on_entry(key, entry.second);
    }
  }

  template <typename OnItem>
  void each_item(const YAML::Node& node, const OnItem& on_item) {
    if (!node.IsSequence()) return report(node, "expected a list");
    for (const YAML::Node& item : node) on_item(item);
  }

  void check(const YAML::Node& node, const std::string& problem) {
    if (!problem.empty()) report(node, problem);
  }

  void report(const YAML::Node& node, std::string_view problem) {
    const YAML::Mark mark = node.Mark();
    problems_ += fmt::format("{}{}:{}:{}: {}", problems_.empty() ? "" : "\n", name_, mark.line + 1,
                             mark.column + 1, problem);
  }

  std::string_view name_;
  LoadMode mode_;
  const ClassContext& context_;
  ScenarioFile file_ = {};
  std::string problems_ = {};
};

}  // namespace

std::string set_class_key(LoadClass& load_class, std::string_view key, std::string_view value,
                          double rate_total) {
  RetryOptions& retry = load_class.retry;
  std::string problem;
  if (key == "name") {
    load_class.name = value;
  } else if (key == "rate") {
    problem = set_rate(load_class.rate, value, rate_total);
  } else if (key == "tier") {
    load_class.tier = value;
  } else if (key == "tenant") {
    load_class.tenant = value;
  } else if (key == "comment") {
    problem = set_comment(load_class.comment, value);
  } else if (key == "application_name") {
    load_class.application_name = value;
  } else if (key == "deadline") {
    problem = set_duration(load_class.deadline, value);
  } else if (key == "attempt_timeout") {
    problem = set_duration(load_class.attempt_timeout, value);
  } else if (key == "connections") {
    problem = set_count(load_class.connections, value);
  } else if (key == "waiting_max") {
    problem = set_count(load_class.waiting_max, value);
  } else if (key == "attempts") {
    problem = set_count(retry.attempts_max, value);
  } else if (key == "retry_after") {
    problem = set_retry_after(retry, value);
  } else if (key == "backoff") {
    problem = set_duration(retry.backoff.first, value);
  } else if (key == "backoff_max") {
    problem = set_duration(retry.backoff.max, value);
  } else {
    return fmt::format(
        "unknown key '{}' (known: application_name, attempt_timeout, attempts, backoff, "
        "backoff_max, comment, connections, deadline, name, rate, retry_after, tenant, tier, "
        "waiting_max, and scripts)",
        key);
  }
  return problem.empty() ? problem : fmt::format("{}: {}", key, problem);
}

tl::expected<LoadClass, std::string> parse_class_option(std::string_view text,
                                                        const ClassContext& context) {
  LoadClass load_class = context.defaults;
  while (!text.empty()) {
    const std::string_view entry = text.substr(0, text.find(','));
    text.remove_prefix(std::min(entry.size() + 1, text.size()));
    const std::size_t equals = std::min(entry.find('='), entry.size());
    const std::string_view key = entry.substr(0, equals);
    const std::string_view value = entry.substr(std::min(equals + 1, entry.size()));
    const std::string problem = key == "script"
                                    ? add_script_file(load_class, value, context.read_file)
                                    : set_class_key(load_class, key, value, context.rate_total);
    if (!problem.empty()) return tl::unexpected(problem);
  }
  return load_class;
}

tl::expected<Phase, std::string> parse_phase(std::string_view text, LoadMode mode) {
  const std::string_view example = mode == LoadMode::open ? "3x:10s" : "16:10s";
  const auto failure = tl::unexpected(
      fmt::format("expected a phase such as {} or name={}, got '{}'", example, example, text));
  Phase phase;
  if (const std::size_t equals = text.find('='); equals != std::string_view::npos) {
    phase.name = text.substr(0, equals);
    text.remove_prefix(equals + 1);
  }
  const std::size_t colon = text.find(':');
  if (colon == std::string_view::npos) return failure;
  std::string_view strength = text.substr(0, colon);
  if (phase.name.empty()) phase.name = strength;
  const auto duration = config::parse_duration(text.substr(colon + 1));
  if (!duration) return failure;
  phase.duration = *duration;

  if (mode == LoadMode::closed) {
    const auto users = config::parse_count(strength);
    if (!users || *users > kConnectionsMax) return failure;
    phase.concurrency = static_cast<std::uint32_t>(*users);
    return phase;
  }
  if (!strength.ends_with('x')) return failure;
  strength.remove_suffix(1);
  const auto multiplier = parse_number(strength);
  if (!multiplier) return failure;
  phase.multiplier = *multiplier;
  return phase;
}

tl::expected<ScenarioFile, std::string> parse_scenario_file(std::string_view name,
                                                            const std::string& text, LoadMode mode,
                                                            const ClassContext& context) {
  try {
    return FileParser(name, mode, context).parse(text);
  } catch (const YAML::Exception& error) {
    return tl::unexpected(
        fmt::format("{}:{}:{}: {}", name, error.mark.line + 1, error.mark.column + 1, error.msg));
  }
}

}  // namespace loadline::loadgen
