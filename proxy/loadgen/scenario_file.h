// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <tl/expected.hpp>
#include <vector>

#include "proxy/loadgen/scenario.h"

namespace loadline::loadgen {

// The text of a script's file, or why it can't be read.
using ReadFile = std::function<tl::expected<std::string, std::string>(const std::string& path)>;

// What classes are made from.
struct ClassContext {
  LoadClass defaults = {};  // What a class says nothing about.
  double rate_total = 0;    // What a rate such as 20% is a share of.
  ReadFile read_file = {};
};

// The keys of a class and what they mean, shared by `--class name=x,rate=5` and scenario files.
// Returns what is wrong, empty if nothing is. `rate` may be a share such as 20% of `rate_total`.
[[nodiscard]] std::string set_class_key(LoadClass& load_class, std::string_view key,
                                        std::string_view value, double rate_total);

// `name=x,rate=5,...`. `script=FILE` may come several times, as FILE or FILE@WEIGHT.
[[nodiscard]] tl::expected<LoadClass, std::string> parse_class_option(std::string_view text,
                                                                      const ClassContext& context);

// `3x:10s` or `name=3x:10s`; in closed mode `16:10s`.
[[nodiscard]] tl::expected<Phase, std::string> parse_phase(std::string_view text, LoadMode mode);

struct ScenarioFile {
  std::vector<LoadClass> classes = {};
  std::vector<Phase> phases = {};
};

// A YAML (or JSON, which is YAML) text with `classes` and, if the phases aren't flags, `phases`.
// The error has one line per problem, each with `name:line:column`.
[[nodiscard]] tl::expected<ScenarioFile, std::string> parse_scenario_file(
    std::string_view name, const std::string& text, LoadMode mode, const ClassContext& context);

}  // namespace loadline::loadgen
