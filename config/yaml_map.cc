// SPDX-License-Identifier: Apache-2.0
#include "config/yaml_map.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "config/units.h"

namespace loadline::config {
namespace {

[[nodiscard]] Position to_position(const YAML::Mark& mark) {
  if (mark.is_null()) return {};
  return {static_cast<std::size_t>(mark.line) + 1, static_cast<std::size_t>(mark.column) + 1};
}

[[nodiscard]] std::string_view what(const YAML::Node& node) {
  if (node.IsMap()) return "is a map";
  if (node.IsSequence()) return "is a list";
  if (node.IsScalar()) return "is a single value";
  return "has no value";
}

[[nodiscard]] std::string joined(std::string_view path, std::string_view key) {
  return path.empty() ? std::string(key) : fmt::format("{}.{}", path, key);
}

[[nodiscard]] bool is_number(std::string_view text) {
  return !text.empty() && text.find_first_not_of("0123456789.") == std::string_view::npos;
}

// What was probably meant by a number without a unit, or just any duration.
[[nodiscard]] std::string example(const std::string& text, DurationRange range) {
  for (const char* unit : {"ms", "s"}) {
    const auto meant = parse_duration(text + unit);
    if (meant && *meant >= range.min && *meant <= range.max) return text + unit;
  }
  return "250ms";
}

}  // namespace

void Reading::report(const YAML::Mark& mark, std::string message) {
  diagnostics.push_back({file, to_position(mark), std::move(message)});
}

std::optional<std::string> scalar_of(const YamlEntry& entry, Reading& reading,
                                     std::string_view expected) {
  if (entry.node.IsScalar()) return entry.node.Scalar();
  reading.report(entry.node.Mark(),
                 fmt::format("{} {}; expected {}", entry.path, what(entry.node), expected));
  return std::nullopt;
}

// yaml-cpp keeps duplicate keys and finds the first only, so they are looked for here.
YamlMap::YamlMap(const YamlEntry& entry, Reading& reading)
    : reading_(reading), path_(entry.path), mark_(entry.node.Mark()) {
  is_map_ = entry.node.IsMap();
  if (!is_map_) {
    const std::string_view name = path_.empty() ? "the file" : std::string_view(path_);
    reading_.report(mark_, fmt::format("{} {}; expected a map", name, what(entry.node)));
    return;
  }
  for (const auto& item : entry.node) {
    if (!item.first.IsScalar()) {
      reading_.report(item.first.Mark(), "a key is a list or a map; expected a name");
      continue;
    }
    const std::string& name = item.first.Scalar();
    const YAML::Mark mark = item.first.Mark();
    const auto same =
        std::find_if(keys_.begin(), keys_.end(), [&](const Key& key) { return key.name == name; });
    if (same != keys_.end()) {
      reading_.report(mark, fmt::format("{} is there twice; expected it once, first on line {}",
                                        path_to(name), same->mark.line + 1));
      continue;
    }
    keys_.push_back({name, mark, item.second});
    reading_.positions[path_to(name)] = to_position(mark);
  }
}

void YamlMap::read(std::string_view key, std::uint32_t& value, CountRange range) {
  const auto text = scalar(key);
  if (!text) return;
  const auto parsed = parse_count(*text);
  if (!parsed || *parsed < range.min || *parsed > range.max) {
    reject(key, *text, fmt::format("a whole number from {} to {}", range.min, range.max));
    return;
  }
  value = static_cast<std::uint32_t>(*parsed);
}

void YamlMap::read(std::string_view key, Duration& value, DurationRange range) {
  const auto text = scalar(key);
  if (!text) return;
  const auto parsed = parse_duration(*text);
  if (!parsed || *parsed < range.min || *parsed > range.max) {
    const auto bounds = fmt::format("a duration from {} to {}, such as {}", to_text(range.min),
                                    to_text(range.max), example(*text, range));
    if (is_number(*text)) {
      reading_.report(find(key)->value.Mark(), fmt::format("{}: '{}' has no unit; expected {}",
                                                           path_to(key), *text, bounds));
    } else {
      reject(key, *text, bounds);
    }
    return;
  }
  value = *parsed;
}

void YamlMap::read(std::string_view key, std::string& value) {
  auto text = scalar(key);
  if (!text) return;
  if (text->empty()) {
    reject(key, *text, "some text");
  } else {
    value = *std::move(text);
  }
}

void YamlMap::read(std::string_view key, bool& value) {
  constexpr std::array<std::string_view, 4> kSwitch = {"off", "on", "false", "true"};
  if (const auto name = read_name(key, kSwitch)) value = *name % 2 == 1;
}

std::optional<std::size_t> YamlMap::read_name(std::string_view key,
                                              std::span<const std::string_view> names) {
  const auto text = scalar(key);
  if (!text) return std::nullopt;
  const auto found = std::find(names.begin(), names.end(), *text);
  if (found != names.end()) return static_cast<std::size_t>(found - names.begin());
  reading_.report(find(key)->value.Mark(), fmt::format("{}: '{}' is unknown; {}", path_to(key),
                                                       *text, expectation(*text, names)));
  return std::nullopt;
}

std::optional<std::string> YamlMap::scalar(std::string_view key) {
  const Key* const found = find(key);
  if (found == nullptr) return std::nullopt;
  if (found->value.IsScalar()) return found->value.Scalar();
  // A missing value has no place of its own.
  reading_.report(found->mark,
                  fmt::format("{} {}; expected a single value", path_to(key), what(found->value)));
  return std::nullopt;
}

std::optional<YamlEntry> YamlMap::entry(std::string_view key) {
  const Key* const found = find(key);
  if (found == nullptr) return std::nullopt;
  if (found->value.IsNull()) {
    reading_.report(found->mark, fmt::format("{} has no value; expected a map", path_to(key)));
    return std::nullopt;
  }
  return YamlEntry{path_to(key), std::string(key), found->value};
}

std::vector<YamlEntry> YamlMap::list(std::string_view key, std::size_t count_min) {
  const Key* const found = find(key);
  if (found == nullptr) return {};
  if (!found->value.IsSequence()) {
    reading_.report(found->mark,
                    fmt::format("{} {}; expected a list", path_to(key), what(found->value)));
    return {};
  }
  if (found->value.size() < count_min) {
    reading_.report(found->mark,
                    fmt::format("{} is empty; expected at least one entry", path_to(key)));
  }
  std::vector<YamlEntry> entries;
  for (const YAML::Node& item : found->value) {
    auto path = fmt::format("{}[{}]", path_to(key), entries.size());
    reading_.positions[path] = to_position(item.Mark());
    entries.push_back({std::move(path), {}, item});
  }
  return entries;
}

std::vector<YamlEntry> YamlMap::map(std::string_view key) {
  const Key* const found = find(key);
  if (found == nullptr) return {};
  const YamlMap child({path_to(key), {}, found->value}, reading_);
  std::vector<YamlEntry> entries;
  for (const Key& item : child.keys_) {
    entries.push_back({child.path_to(item.name), item.name, item.value});
  }
  return entries;
}

std::vector<YamlEntry> YamlMap::entries_with(std::string_view prefix) {
  known_.push_back(prefix);
  std::vector<YamlEntry> entries;
  for (const Key& key : keys_) {
    if (key.name.size() <= prefix.size() || key.name.compare(0, prefix.size(), prefix) != 0)
      continue;
    used_.insert(key.name);
    entries.push_back({path_to(key.name), key.name.substr(prefix.size()), key.value});
  }
  return entries;
}

void YamlMap::require(std::string_view key, std::string_view expected) {
  if (find(key) != nullptr || !is_map_) return;
  reading_.report(mark_, fmt::format("{} is missing; expected {}", path_to(key), expected));
}

void YamlMap::reject(std::string_view key, std::string_view text, std::string_view expected) {
  reading_.report(find(key)->value.Mark(),
                  fmt::format("{}: '{}' is not valid; expected {}", path_to(key), text, expected));
}

void YamlMap::finish() {
  for (const Key& key : keys_) {
    if (used_.count(key.name) != 0) continue;
    const std::string in = path_.empty() ? "" : fmt::format(" in {}", path_);
    reading_.report(key.mark, fmt::format("unknown key '{}'{}; {}", key.name, in,
                                          expectation(key.name, known_)));
  }
}

const YamlMap::Key* YamlMap::find(std::string_view name) {
  if (std::find(known_.begin(), known_.end(), name) == known_.end()) known_.push_back(name);
  const auto found =
      std::find_if(keys_.begin(), keys_.end(), [&](const Key& key) { return key.name == name; });
  if (found == keys_.end()) return nullptr;
  used_.insert(found->name);
  return &*found;
}

std::string YamlMap::path_to(std::string_view key) const { return joined(path_, key); }

}  // namespace loadline::config
