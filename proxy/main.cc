// SPDX-License-Identifier: Apache-2.0
#include <CLI/CLI.hpp>
#include <cstdio>
#include <exception>
#include <string>
#include <vector>

#include "config/parse.h"
#include "proxy/app.h"
#include "proxy/loadgen/bench_command.h"
#include "proxy/log/log.h"
#include "proxy/postgres/client_dialogue.h"
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

int run(const std::string& path) {
  auto config = loadline::config::load(path);
  if (!config) {
    print(config.error());
    return kExitRefused;
  }
  loadline::log::configure(config->log);
  loadline::App app(std::move(*config), path);
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
  auto* run_command = cli.add_subcommand("run", "Run the proxy");
  run_command->add_option("file", path, "Configuration (YAML)")->required();
  run_command->callback([&] { exit_code = run(path); });
  auto* check_command = cli.add_subcommand("check", "Report every problem of a configuration");
  check_command->add_option("file", path, "Configuration (YAML)")->required();
  check_command->callback([&] { exit_code = check(path); });
  const std::vector<const loadline::wire::ClientProtocol*> protocols = {
      &loadline::postgres::client_protocol()};
  loadline::loadgen::add_bench_command(cli, protocols, exit_code);
  loadline::simulator::add_simulate_command(cli, exit_code);

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
