// SPDX-License-Identifier: Apache-2.0
#include <CLI/CLI.hpp>
#include <cstdio>
#include <exception>
#include <optional>
#include <string>
#include <vector>

#include "config/parse.h"
#include "config/units.h"
#include "proxy/app.h"
#include "proxy/loadgen/bench_command.h"
#include "proxy/log/log.h"
#include "proxy/postgres/client_dialogue.h"
#include "proxy/simulator/recording_command.h"
#include "proxy/simulator/simulate_command.h"
#include "proxy/version.h"

namespace {

constexpr int kExitRefused = 1;  // The configuration, or the machine, doesn't allow it.

void print(const loadline::config::Diagnostics& diagnostics) {
  for (const auto& diagnostic : diagnostics) {
    std::fprintf(stderr, "%s\n", loadline::config::to_text(diagnostic).c_str());
  }
}

int check(const std::string& path) {
  const auto config = loadline::config::load(path);
  if (!config) {
    print(config.error());
    return kExitRefused;
  }
  std::printf("%s: ok\n", path.c_str());
  return 0;
}

struct RunArguments {
  std::string config_path;
  std::string record_path;  // Empty: nothing is recorded.
  std::string record_max = "1GiB";
};

int run(const RunArguments& arguments) {
  const std::string& path = arguments.config_path;
  const auto size_max = loadline::config::parse_bytes(arguments.record_max);
  if (!size_max) {
    std::fprintf(stderr, "--record-max: '%s' is not a size; expected one such as 512MiB\n",
                 arguments.record_max.c_str());
    return kExitRefused;
  }
  auto config = loadline::config::load(path);
  if (!config) {
    print(config.error());
    return kExitRefused;
  }
  loadline::log::configure(config->log);
  std::optional<loadline::App::Recording> recording;
  if (!arguments.record_path.empty()) recording = {arguments.record_path, *size_max};
  loadline::App app(std::move(*config), path, std::move(recording));
  if (const auto started = app.start(); !started) {
    loadline::log::error(loadline::log::Component::proxy, "can't start",
                         {{"reason", started.error()}});
    return kExitRefused;
  }
  return app.run();
}

int run_command_line(int argc, char** argv) {
  CLI::App cli("Loadline: adaptive load shedding in front of a database");
  cli.set_version_flag("--version", std::string("loadline ") + loadline::kVersion);
  cli.require_subcommand(1);

  int exit_code = 0;
  std::string path;
  RunArguments run_arguments;
  auto* run_command = cli.add_subcommand("run", "Run the proxy");
  run_command->add_option("file", run_arguments.config_path, "Configuration (YAML)")->required();
  run_command->add_option("--record", run_arguments.record_path,
                          "Write arrivals, classes, latencies and verdicts (no SQL) to a new file");
  run_command
      ->add_option("--record-max", run_arguments.record_max, "Where a recording ends by its size")
      ->capture_default_str();
  run_command->callback([&] { exit_code = run(run_arguments); });
  auto* check_command = cli.add_subcommand("check", "Report every problem of a configuration");
  check_command->add_option("file", path, "Configuration (YAML)")->required();
  check_command->callback([&] { exit_code = check(path); });
  const std::vector<const loadline::wire::ClientProtocol*> protocols = {
      &loadline::postgres::client_protocol()};
  loadline::loadgen::add_bench_command(cli, protocols, exit_code);
  loadline::simulator::add_simulate_command(cli, exit_code);
  loadline::simulator::add_recording_command(cli, exit_code);

  CLI11_PARSE(cli, argc, argv);
  return exit_code;
}

}  // namespace

int main(int argc, char** argv) {
  try {
    return run_command_line(argc, argv);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "loadline: %s\n", error.what());
    return kExitRefused;
  }
}
