// SPDX-License-Identifier: Apache-2.0
// What people read must name what exists: dashboards and docs against the tables of metrics.
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "proxy/admin/metric_families.h"

namespace loadline::admin {
namespace {

using nlohmann::json;
namespace fs = std::filesystem;

const fs::path kSource = LOADLINE_SOURCE_DIR;

std::string text_of(const fs::path& path) {
  std::ifstream file(path);
  EXPECT_TRUE(file) << path;
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

std::vector<fs::path> dashboards() {
  std::vector<fs::path> paths;
  for (const auto& entry : fs::directory_iterator(kSource / "dashboards")) {
    if (entry.path().extension() == ".json") paths.push_back(entry.path());
  }
  return paths;
}

std::set<std::string> known_names() {
  std::set<std::string> names;
  for (const auto name : metric_names()) names.emplace(name);
  return names;
}

// Names in `text`, a histogram's without the suffix of its parts.
std::set<std::string> names_in(const std::string& text) {
  std::set<std::string> histograms;
  for (const auto& family : histogram_families()) histograms.emplace(family.name);
  std::set<std::string> found;
  constexpr std::string_view kNameLetters = "abcdefghijklmnopqrstuvwxyz_";
  for (std::size_t begin = 0; (begin = text.find_first_of(kNameLetters, begin)) != text.npos;) {
    const auto end = std::min(text.find_first_not_of(kNameLetters, begin), text.size());
    std::string used = text.substr(begin, end - begin);
    begin = end;
    if (!used.starts_with("loadline_") && !used.starts_with("process_")) continue;
    for (const std::string_view suffix : {"_bucket", "_sum", "_count"}) {
      if (!used.ends_with(suffix)) continue;
      const auto whole = used.substr(0, used.size() - suffix.size());
      if (histograms.contains(whole)) used = whole;
    }
    found.insert(used);
  }
  return found;
}

// Every "expr" and every "query" of a variable, wherever it stands.
void collect_expressions(const json& node, std::vector<std::string>& out) {
  if (node.is_object()) {
    for (const auto& [key, value] : node.items()) {
      if ((key == "expr" || key == "query") && value.is_string()) out.push_back(value);
      collect_expressions(value, out);
    }
  } else if (node.is_array()) {
    for (const auto& value : node) collect_expressions(value, out);
  }
}

TEST(Dashboards, NameOnlyMetricsThatExist) {
  const auto known = known_names();
  const auto paths = dashboards();
  ASSERT_FALSE(paths.empty());
  for (const auto& path : paths) {
    std::vector<std::string> expressions;
    collect_expressions(json::parse(text_of(path)), expressions);
    ASSERT_GT(expressions.size(), 5U) << path;
    for (const auto& expression : expressions) {
      for (const auto& name : names_in(expression)) {
        EXPECT_TRUE(known.contains(name)) << path << ": " << name << " in " << expression;
      }
    }
  }
}

TEST(Dashboards, PanelsHaveDistinctIdsAPlaceAndAQuestion) {
  for (const auto& path : dashboards()) {
    const auto dashboard = json::parse(text_of(path));
    EXPECT_GE(dashboard["schemaVersion"], 38) << path << ": Grafana 10 or later";
    EXPECT_FALSE(dashboard["uid"].get<std::string>().empty()) << path;
    std::set<int> ids;
    std::set<std::pair<int, int>> cells;
    for (const auto& panel : dashboard["panels"]) {
      const auto title = panel["title"].get<std::string>();
      EXPECT_TRUE(ids.insert(panel["id"].get<int>()).second) << title;
      const auto& place = panel["gridPos"];
      EXPECT_LE(place["x"].get<int>() + place["w"].get<int>(), 24) << title;
      for (int x = place["x"]; x < place["x"].get<int>() + place["w"].get<int>(); ++x) {
        for (int y = place["y"]; y < place["y"].get<int>() + place["h"].get<int>(); ++y) {
          EXPECT_TRUE(cells.emplace(x, y).second) << title << " overlaps at " << x << "," << y;
        }
      }
      if (panel["type"] == "row") continue;
      EXPECT_FALSE(panel["description"].get<std::string>().empty()) << title;
      EXPECT_FALSE(panel["targets"].empty()) << title;
    }
  }
}

TEST(ObservabilityDocs, NameEveryMetricAndNoOther) {
  const auto known = known_names();
  const auto documented = names_in(text_of(kSource / "docs" / "observability.md"));
  for (const auto& name : known) EXPECT_TRUE(documented.contains(name)) << name << " is missing";
  for (const auto& name : documented) EXPECT_TRUE(known.contains(name)) << name << " is unknown";
}

}  // namespace
}  // namespace loadline::admin
