// SPDX-License-Identifier: Apache-2.0
#include "config/diagnostic.h"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>

namespace loadline::config {
namespace {

// Levenshtein's, row by row.
[[nodiscard]] std::size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), std::size_t{0});
  for (std::size_t i = 0; i < a.size(); ++i) {
    std::size_t diagonal = row[0];
    row[0] = i + 1;
    for (std::size_t j = 0; j < b.size(); ++j) {
      const std::size_t replaced = diagonal + (a[i] == b[j] ? 0 : 1);
      diagonal = row[j + 1];
      row[j + 1] = std::min({replaced, row[j] + 1, row[j + 1] + 1});
    }
  }
  return row[b.size()];
}

}  // namespace

std::string to_text(const Diagnostic& diagnostic) {
  if (diagnostic.position.line == 0) {
    return fmt::format("{}: {}", diagnostic.file, diagnostic.message);
  }
  return fmt::format("{}:{}:{}: {}", diagnostic.file, diagnostic.position.line,
                     diagnostic.position.column, diagnostic.message);
}

std::string_view nearest_name(std::string_view name, std::span<const std::string_view> known) {
  // A third of the letters wrong is a slip; more is another word. Longer than any name: neither.
  constexpr std::size_t kNameMax = 64;
  if (name.size() > kNameMax) return {};
  std::string_view nearest;
  std::size_t distance_min = name.size() / 3 + 2;
  for (const std::string_view candidate : known) {
    const std::size_t distance = edit_distance(name, candidate);
    if (distance < distance_min) {
      distance_min = distance;
      nearest = candidate;
    }
  }
  return nearest;
}

std::string expectation(std::string_view name, std::span<const std::string_view> known) {
  const std::string_view nearest = nearest_name(name, known);
  if (!nearest.empty()) return fmt::format("expected '{}'", nearest);
  return fmt::format("expected {}{}", known.size() > 1 ? "one of " : "", fmt::join(known, ", "));
}

}  // namespace loadline::config
