// SPDX-License-Identifier: Apache-2.0
#include "config/read_match.h"

#include "config/endpoint.h"

namespace loadline::config {
namespace {

constexpr std::string_view kCommentPrefix = "comment.";

void read_glob(YamlMap& map, std::string_view key, std::optional<Glob>& glob) {
  if (auto text = map.scalar(key)) glob = *std::move(text);
}

}  // namespace

Match read_match(const YamlEntry& entry, Reading& reading) {
  Match match;
  YamlMap map(entry, reading);
  read_glob(map, "user", match.user);
  read_glob(map, "database", match.database);
  read_glob(map, "application", match.application);
  map.read_parsed("address", match.address, parse_address_range,
                  "10.0.0.0/8, fd00::/8, a single address, or unix");
  for (const YamlEntry& tag : map.entries_with(kCommentPrefix)) {
    if (auto glob = scalar_of(tag, reading, "a pattern such as 'batch*'")) {
      match.comment.emplace_back(tag.key, *std::move(glob));
    }
  }
  map.finish();
  return match;
}

}  // namespace loadline::config
