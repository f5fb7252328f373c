// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "config/parse.h"

namespace loadline::config {

// What is said about a text, as a person sees it.
inline std::vector<std::string> problems(std::string_view text) {
  std::vector<std::string> lines;
  const auto parsed = parse(text, "f");
  if (parsed) return lines;
  for (const Diagnostic& diagnostic : parsed.error()) lines.push_back(to_text(diagnostic));
  return lines;
}

// A text that is right but for the lines before it, which may be none.
inline std::string with_minimum(std::string_view lines) {
  return std::string(lines) +
         "listeners: [{listen: '127.0.0.1:6432', upstream: main}]\n"
         "upstreams: {main: {primary: '127.0.0.1:5432'}}\n";
}

// The same, with keys of its one upstream from line 4 on, indented by four.
inline std::string with_upstream(std::string_view lines) {
  return "listeners: [{listen: '127.0.0.1:6432', upstream: main}]\n"
         "upstreams:\n"
         "  main:\n" +
         std::string(lines) + "    primary: '127.0.0.1:5432'\n";
}

}  // namespace loadline::config
