// SPDX-License-Identifier: Apache-2.0
#include "proxy/simulator/simulate_command.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <fstream>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "config/units.h"
#include "proxy/simulator/cell.h"
#include "proxy/simulator/picture.h"
#include "proxy/simulator/policy.h"
#include "proxy/simulator/report.h"
#include "proxy/simulator/run_cells.h"
#include "proxy/simulator/scenario_file.h"

namespace loadline::simulator {
namespace {

constexpr int kFailed = 1;
constexpr int kWrongArguments = 2;

// The arguments as they are typed.
struct Arguments {
  std::vector<std::string> files = {};  // The policy and scenarios.
  std::vector<std::string> policies = {};
  std::uint32_t seeds = 1;
  std::vector<std::string> databases = {};
  std::vector<std::string> services = {};
  std::optional<double> load = {};
  std::string length = {};
  std::uint32_t jobs = 1;
  std::string json_path = {};
  std::string picture_path = {};
};

int complain(int code, std::string_view what) {
  std::fputs(fmt::format("loadline simulate: {}\n", what).c_str(), stderr);
  return code;
}

std::string to_text(const config::Diagnostics& diagnostics) {
  std::string out;
  for (const auto& diagnostic : diagnostics) {
    out += (out.empty() ? "" : "\n") + config::to_text(diagnostic);
  }
  return out;
}

// The cells that arguments ask for, in the order of the report.
class CellBuilder {
 public:
  explicit CellBuilder(const Arguments& arguments) : arguments_(arguments) {}

  tl::expected<std::vector<Cell>, std::string> build() {
    read_policies();
    read_overrides();
    for (std::size_t i = 1; i < arguments_.files.size(); ++i) add_scenario(arguments_.files[i]);
    if (!problem_.empty()) return tl::unexpected(problem_);
    return std::move(cells_);
  }

 private:
  void read_policies() {
    std::vector<std::string> names = {arguments_.files.front()};
    names.insert(names.end(), arguments_.policies.begin(), arguments_.policies.end());
    for (const std::string& name : names) {
      auto policy = parse_policy(name);
      if (policy) {
        policies_.push_back(*std::move(policy));
      } else {
        fail(to_text(policy.error()));
      }
    }
    for (std::uint64_t seed = 1; seed <= arguments_.seeds; ++seed) seeds_.push_back(seed);
  }

  void read_overrides() {
    for (const std::string& name : arguments_.databases) {
      databases_.emplace_back(
          SpeedLaw{.kind = name == "usl" ? SpeedLaw::Kind::usl : SpeedLaw::Kind::cores});
    }
    if (databases_.empty()) databases_.emplace_back();
    for (const std::string& name : arguments_.services) {
      services_.push_back(parse_service_law(name));
      if (!services_.back()) fail(fmt::format("--service: expected {}", kServiceLawForm));
    }
    if (services_.empty()) services_.emplace_back();
    if (arguments_.length.empty()) return;
    length_ = config::parse_duration(arguments_.length);
    if (!length_ || *length_ < std::chrono::seconds(1) || *length_ > kLengthMax) {
      fail(fmt::format("--length: expected a duration from 1s to {}, such as 8h",
                       config::to_text(kLengthMax)));
    }
  }

  void add_scenario(const std::string& path) {
    const auto loaded = load_scenario(path);
    if (!loaded) return fail(to_text(loaded.error()));
    if (loaded->replay && (arguments_.load || !arguments_.services.empty())) {
      return fail(
          fmt::format("{}: a replay has its load and its service times from a recording; "
                      "expected neither --load nor --service (but replay.times)",
                      path));
    }
    for (const auto& database : databases_) {
      for (const auto& service : services_) {
        Scenario scenario = *loaded;
        if (database) scenario.database = *database;
        if (arguments_.load) scenario.load = *arguments_.load;
        if (arguments_.load) scenario.rate = 0;
        if (length_) scenario.length = *length_;
        if (scenario.traffic) take_classes_from_traffic(scenario);
        for (LoadClass& load_class : scenario.classes) {
          if (service) load_class.service = *service;
        }
        for (const Policy& policy : policies_) {
          cells_.push_back({.policy = policy, .scenario = scenario, .seeds = seeds_});
        }
      }
    }
  }

  void fail(std::string_view problem) {
    if (!problem_.empty()) problem_ += "\n";
    problem_ += problem;
  }

  const Arguments& arguments_;
  std::vector<Policy> policies_ = {};
  std::vector<std::uint64_t> seeds_ = {};
  // Nothing: as in the file.
  std::vector<std::optional<SpeedLaw>> databases_ = {};
  std::vector<std::optional<ServiceLaw>> services_ = {};
  std::optional<Duration> length_ = {};
  std::vector<Cell> cells_ = {};
  std::string problem_ = {};
};

bool write_file(const std::string& path, const std::string& text) {
  if (path == "-") return std::fputs(text.c_str(), stdout) >= 0;
  std::ofstream out(path, std::ios::binary | std::ios::trunc);
  out << text << std::flush;
  return out.good();
}

int run_simulate(const Arguments& arguments) {
  if (arguments.files.size() < 2) {
    return complain(kWrongArguments, "expected a policy and at least one scenario file");
  }
  auto cells = CellBuilder(arguments).build();
  if (!cells) return complain(kWrongArguments, cells.error());
  const std::vector<ReportRow> rows = run_cells(*cells, arguments.jobs);
  if (!arguments.json_path.empty() && !write_file(arguments.json_path, to_json(rows))) {
    return complain(kFailed, fmt::format("{}: can't be written", arguments.json_path));
  }
  if (!arguments.picture_path.empty() && !write_file(arguments.picture_path, to_picture(rows))) {
    return complain(kFailed, fmt::format("{}: can't be written", arguments.picture_path));
  }
  // With the JSON on stdout, nothing else may be there.
  std::fputs(to_table(rows).c_str(), arguments.json_path == "-" ? stderr : stdout);
  return 0;
}

}  // namespace

void add_simulate_command(CLI::App& app, int& exit_code) {
  CLI::App& simulate = *app.add_subcommand(
      "simulate", "Try policies on a modelled database in virtual time: results in seconds");
  // Shared with the callback, which outlives this function.
  const auto arguments = std::make_shared<Arguments>();
  Arguments& a = *arguments;
  simulate
      .add_option("files", a.files,
                  "POLICY SCENARIO...: a Loadline configuration, 'default', 'static-best' or a "
                  "baseline; scenario files (YAML)")
      ->required();
  simulate.add_option("--policy", a.policies, "A further policy to compare with (repeatable)")
      ->allow_extra_args(false);
  simulate.add_option("--seeds", a.seeds, "Runs of each, of which the median and the worst count")
      ->check(CLI::Range(1, 10'000))
      ->capture_default_str();
  simulate.add_option("--database", a.databases, "usl, cores: instead of the scenario's")
      ->delimiter(',')
      ->allow_extra_args(false)
      ->check(CLI::IsMember({"usl", "cores"}));
  simulate
      .add_option("--service", a.services,
                  "Service laws of all classes: " + std::string(kServiceLawForm))
      ->allow_extra_args(false)
      ->delimiter(',');
  simulate.add_option("--load", a.load, "Load instead of the scenario's")
      ->check(CLI::Range(0.0, 1000.0));
  simulate.add_option("--length", a.length, "Length instead of the scenario's, such as 8h");
  simulate.add_option("--jobs", a.jobs, "Threads")->check(CLI::Range(1, 256));
  simulate.add_option("--json", a.json_path, "Write everything there (- for stdout)");
  simulate.add_option("--picture", a.picture_path, "Draw the first scenario's first seed as SVG");
  simulate.callback([arguments, &exit_code] { exit_code = run_simulate(*arguments); });
}

}  // namespace loadline::simulator
