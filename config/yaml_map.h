// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <yaml-cpp/yaml.h>

#include <cstdint>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "config/diagnostic.h"
#include "shedder/clock.h"

// Included by this folder's sources only: yaml-cpp goes no further.
namespace loadline::config {

// What reading one file yields besides values.
struct Reading {
  std::string file;
  Diagnostics diagnostics = {};
  Positions positions = {};

  void report(const YAML::Mark& mark, std::string message);
};

struct CountRange {
  std::uint32_t min = 0;
  std::uint32_t max = 0;
};
struct DurationRange {
  Duration min = {};
  Duration max = {};
};

// One node that stands for an entry of a map or list, with its path for messages.
struct YamlEntry {
  std::string path;
  std::string key;  // Of a map's entry.
  YAML::Node node;
};

// A map of the file being read. Every read leaves `value` alone if the key is absent, and reports
// what is wrong with it otherwise. finish() reports the keys that nothing asked for.
class YamlMap {
 public:
  // Reports a node that is no map, and is empty then.
  YamlMap(const YamlEntry& entry, Reading& reading);

  void read(std::string_view key, std::uint32_t& value, CountRange range);
  void read(std::string_view key, Duration& value, DurationRange range);
  void read(std::string_view key, std::string& value);  // Not empty.
  void read(std::string_view key, bool& value);         // on, off, true, false.

  // One of a few names; the result is its index.
  [[nodiscard]] std::optional<std::size_t> read_name(std::string_view key,
                                                     std::span<const std::string_view> names);
  // For a value of a form of its own: parses with `parse`, and says what was `expected` if it
  // can't.
  template <typename Value, typename Parse>
  void read_parsed(std::string_view key, Value& value, Parse parse, std::string_view expected) {
    const auto text = scalar(key);
    if (!text) return;
    if (const auto parsed = parse(*text)) {
      value = *parsed;
    } else {
      reject(key, *text, expected);
    }
  }

  // The text of a scalar. Nothing if it is absent, or no scalar (which is reported).
  [[nodiscard]] std::optional<std::string> scalar(std::string_view key);
  [[nodiscard]] std::optional<YamlEntry> entry(std::string_view key);
  // The entries of a list, or of a map in the order of the file. None if it is absent, or something
  // else (which is reported, as are too few of them).
  [[nodiscard]] std::vector<YamlEntry> list(std::string_view key, std::size_t count_min = 0);
  [[nodiscard]] std::vector<YamlEntry> map(std::string_view key);
  // Whatever keys begin with `prefix`, for keys that users make up; the rest of the key is in
  // `key`.
  [[nodiscard]] std::vector<YamlEntry> entries_with(std::string_view prefix);

  // Reports if the key is absent.
  void require(std::string_view key, std::string_view expected);
  // Reports a value that its reader didn't like.
  void reject(std::string_view key, std::string_view text, std::string_view expected);
  void finish();

 private:
  struct Key {
    std::string name;
    YAML::Mark mark;
    YAML::Node value;
  };

  [[nodiscard]] const Key* find(std::string_view name);
  [[nodiscard]] std::string path_to(std::string_view key) const;

  Reading& reading_;
  std::string path_;
  YAML::Mark mark_;
  bool is_map_ = true;
  std::vector<Key> keys_;                // In the order of the file, without duplicates.
  std::vector<std::string_view> known_;  // What was asked for, all of it static text.
  std::set<std::string, std::less<>> used_;
};

// The text of a list's item; nothing (and a report) if it isn't a scalar.
[[nodiscard]] std::optional<std::string> scalar_of(const YamlEntry& entry, Reading& reading,
                                                   std::string_view expected);

}  // namespace loadline::config
