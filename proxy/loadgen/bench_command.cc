// SPDX-License-Identifier: Apache-2.0
#include "proxy/loadgen/bench_command.h"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <memory>
#include <sstream>
#include <system_error>
#include <utility>

#include "config/units.h"
#include "proxy/loadgen/report.h"
#include "proxy/loadgen/run.h"
#include "proxy/loadgen/scenario_file.h"
#include "proxy/loadgen/target.h"

namespace loadline::loadgen {
namespace {

constexpr int kFailed = 1;
constexpr int kWrongArguments = 2;
constexpr int kInterrupted = 130;  // As a shell reports SIGINT.

// The arguments as they are typed.
struct Arguments {
  std::string url = {};
  std::string scenario_path = {};
  std::vector<std::string> classes = {};
  std::vector<std::string> phases = {};
  std::vector<std::string> sql = {};
  std::vector<std::string> scripts = {};
  double rate = 0;
  std::string duration = "10s";
  std::string warmup = {};
  std::string mode = "open";
  std::vector<std::uint32_t> concurrency = {1, 2, 4, 8, 16, 32, 64, 128, 256};
  std::string arrivals = "poisson";
  std::string on_timeout = "cancel";
  std::string query_mode = "simple";
  std::vector<std::string> shed_sqlstates = {};
  std::uint32_t connections = 0;
  std::string deadline = {};
  std::string drain = {};
  std::string connect_timeout = "10s";
  std::uint32_t threads = 1;
  std::uint64_t seed = 1;
  std::string json_path = {};
  bool quiet = false;
};

tl::expected<std::string, std::string> read_file(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  if (!in)
    return tl::unexpected(fmt::format("{}: {}", path, std::generic_category().message(errno)));
  std::ostringstream text;
  text << in.rdbuf();
  return text.str();
}

// Turns arguments into a scenario. Stops at the first problem of each kind.
class ScenarioBuilder {
 public:
  explicit ScenarioBuilder(const Arguments& arguments) : arguments_(arguments) {}

  tl::expected<Scenario, std::string> build(const wire::ClientProtocol& protocol) {
    set_choices();
    set_defaults();
    for (const auto& code : protocol.shed_sqlstates) scenario_.shed_sqlstates.emplace_back(code);
    if (!arguments_.shed_sqlstates.empty()) scenario_.shed_sqlstates = arguments_.shed_sqlstates;
    if (!arguments_.scenario_path.empty()) read_scenario_file();
    add_classes();
    add_phases();
    scenario_.drain = duration_of("--drain", arguments_.drain, Duration::zero());
    if (problem_.empty()) {
      for (const std::string& problem : problems_of(scenario_)) fail(problem);
    }
    if (!problem_.empty()) return tl::unexpected(problem_);
    for (LoadClass& load_class : scenario_.classes) add_comments(load_class);
    return std::move(scenario_);
  }

 private:
  void set_choices() {
    scenario_.mode = arguments_.mode == "closed" ? LoadMode::closed : LoadMode::open;
    scenario_.arrivals =
        arguments_.arrivals == "constant" ? ArrivalKind::constant : ArrivalKind::poisson;
    scenario_.on_timeout = arguments_.on_timeout == "close"  ? TimeoutAction::close
                           : arguments_.on_timeout == "wait" ? TimeoutAction::wait
                                                             : TimeoutAction::cancel;
    scenario_.query_mode = arguments_.query_mode == "extended"   ? wire::QueryMode::extended
                           : arguments_.query_mode == "prepared" ? wire::QueryMode::prepared
                                                                 : wire::QueryMode::simple;
    scenario_.threads = arguments_.threads;
    scenario_.seed = arguments_.seed;
  }

  void set_defaults() {
    LoadClass& defaults = class_context_.defaults;
    if (arguments_.connections > 0) defaults.connections = arguments_.connections;
    defaults.deadline = duration_of("--deadline", arguments_.deadline, defaults.deadline);
    class_context_.rate_total = arguments_.rate;
    class_context_.read_file = read_file;
  }

  void read_scenario_file() {
    const auto text = read_file(arguments_.scenario_path);
    if (!text) return fail(text.error());
    auto file =
        parse_scenario_file(arguments_.scenario_path, *text, scenario_.mode, class_context_);
    if (!file) return fail(file.error());
    scenario_.classes = std::move(file->classes);
    scenario_.phases = std::move(file->phases);
  }

  void add_classes() {
    for (const std::string& text : arguments_.classes) {
      auto load_class = parse_class_option(text, class_context_);
      if (!load_class) return fail(fmt::format("--class {}: {}", text, load_class.error()));
      scenario_.classes.push_back(*std::move(load_class));
    }
    if (scenario_.classes.empty()) scenario_.classes.push_back(class_context_.defaults);
    add_scripts();
    share_rate();
  }

  // For the classes that have none.
  void add_scripts() {
    std::vector<WeightedScript> scripts;
    for (const std::string& sql : arguments_.sql) add_script("--sql", sql, scripts);
    for (const std::string& path : arguments_.scripts) {
      const auto text = read_file(path);
      if (!text) return fail(text.error());
      add_script(path, *text, scripts);
    }
    for (LoadClass& load_class : scenario_.classes) {
      if (load_class.scripts.empty()) load_class.scripts = scripts;
    }
  }

  // Classes without a rate share --rate evenly. In closed mode, where rates are but weights, it may
  // be missing.
  void share_rate() {
    const auto is_open = [](const LoadClass& load_class) { return load_class.rate == 0; };
    const auto count = std::count_if(scenario_.classes.begin(), scenario_.classes.end(), is_open);
    const bool is_weight = scenario_.mode == LoadMode::closed && arguments_.rate == 0;
    for (LoadClass& load_class : scenario_.classes) {
      if (!is_open(load_class)) continue;
      load_class.rate = is_weight ? 1 : arguments_.rate / static_cast<double>(count);
    }
  }

  void add_script(std::string_view where, std::string_view text,
                  std::vector<WeightedScript>& scripts) {
    auto script = Script::parse(text);
    if (!script) return fail(fmt::format("{}: {}", where, script.error()));
    scripts.push_back({.script = *std::move(script)});
  }

  void add_phases() {
    if (!arguments_.phases.empty()) scenario_.phases.clear();  // Flags go before the file.
    for (const std::string& text : arguments_.phases) {
      auto phase = parse_phase(text, scenario_.mode);
      if (!phase) return fail(fmt::format("--phase: {}", phase.error()));
      scenario_.phases.push_back(*std::move(phase));
    }
    const Duration duration = duration_of("--duration", arguments_.duration, {});
    if (scenario_.phases.empty() && scenario_.mode == LoadMode::open) {
      scenario_.phases.push_back({.name = "1x", .duration = duration});
    } else if (scenario_.phases.empty()) {
      for (const std::uint32_t users : arguments_.concurrency) {
        scenario_.phases.push_back(
            {.name = std::to_string(users), .concurrency = users, .duration = duration});
      }
    }
    const Duration warmup = duration_of("--warmup", arguments_.warmup, Duration::zero());
    if (warmup <= Duration::zero()) return;
    Phase first = scenario_.phases.front();
    first.name = "warm-up";
    first.duration = warmup;
    first.measured = false;
    scenario_.phases.insert(scenario_.phases.begin(), first);
  }

  Duration duration_of(std::string_view flag, const std::string& text, Duration otherwise) {
    if (text.empty()) return otherwise;
    const auto duration = config::parse_duration(text);
    if (!duration) fail(fmt::format("{}: expected a duration such as 10s, got '{}'", flag, text));
    return duration.value_or(otherwise);
  }

  void fail(std::string_view problem) {
    if (!problem_.empty()) problem_ += "\n";
    problem_ += problem;
  }

  const Arguments& arguments_;
  ClassContext class_context_ = {};
  Scenario scenario_ = {};
  std::string problem_ = {};
};

int complain(int code, std::string_view what) {
  std::fputs(fmt::format("loadline bench: {}\n", what).c_str(), stderr);
  return code;
}

void fill_login(Target& target) {
  const char* const password = std::getenv(std::string(target.protocol->password_variable).c_str());
  if (target.login.password.empty() && password != nullptr) target.login.password = password;
  const char* const user = std::getenv("USER");
  if (target.login.user.empty()) target.login.user = user != nullptr ? user : "postgres";
  if (target.login.database.empty()) target.login.database = target.login.user;
}

bool write_file(const std::string& path, const std::string& text) {
  if (path == "-") return std::fputs(text.c_str(), stdout) >= 0;
  std::ofstream out(path, std::ios::binary | std::ios::trunc);
  out << text << std::flush;
  return out.good();
}

// This program's arguments as they were typed, but for the URL, which may hold a password.
std::vector<std::string> command_of(const Arguments& arguments, const Target& target) {
  std::ifstream in("/proc/self/cmdline", std::ios::binary);
  std::vector<std::string> command;
  for (std::string argument; std::getline(in, argument, '\0');) {
    const std::size_t at = argument.find(arguments.url);
    if (at != std::string::npos) argument.replace(at, arguments.url.size(), to_text(target));
    command.push_back(std::move(argument));
  }
  return command;
}

int run_bench(const Arguments& arguments,
              const std::vector<const wire::ClientProtocol*>& protocols) {
  auto target = parse_target(arguments.url, protocols);
  if (!target) return complain(kWrongArguments, fmt::format("--url: {}", target.error()));
  fill_login(*target);
  auto scenario = ScenarioBuilder(arguments).build(*target->protocol);
  if (!scenario) return complain(kWrongArguments, scenario.error());
  target->login.mode = scenario->query_mode;
  const auto connect_timeout = config::parse_duration(arguments.connect_timeout);
  if (!connect_timeout) return complain(kWrongArguments, "--connect-timeout: not a duration");

  const auto result =
      run(*scenario, *target,
          {.connect_timeout = *connect_timeout, .progress = arguments.quiet ? nullptr : stderr});
  if (!result) return complain(kFailed, result.error());
  const ReportInput input = {.scenario = *scenario,
                             .result = *result,
                             .target = to_text(*target),
                             .command = command_of(arguments, *target)};
  if (!arguments.json_path.empty() && !write_file(arguments.json_path, to_json(input))) {
    return complain(kFailed, fmt::format("{}: can't be written", arguments.json_path));
  }
  // With the JSON on stdout, nothing else may be there.
  std::fputs(to_table(input).c_str(), arguments.json_path == "-" ? stderr : stdout);
  return result->interrupted ? kInterrupted : 0;
}

void add_load_options(CLI::App& bench, Arguments& a) {
  bench.add_option("--scenario", a.scenario_path, "YAML or JSON file with classes and phases");
  bench.add_option("--class", a.classes,
                   "name=,rate=,tier=,tenant=,deadline=,connections=,attempts=,script=FILE@WEIGHT "
                   "(repeatable; all keys in docs/bench.md)");
  bench.add_option("--sql", a.sql, "A script as text, for classes without one (repeatable)");
  bench.add_option("--script", a.scripts, "The same from a file (repeatable)");
  bench.add_option("--rate", a.rate, "Operations per second of all classes that name no rate");
  bench.add_option("--phase", a.phases,
                   "MULTIPLIERx:DURATION, or USERS:DURATION in closed mode (repeatable)");
  bench.add_option("--duration", a.duration, "Of the only phase, or of each closed one")
      ->capture_default_str();
  bench.add_option("--warmup", a.warmup, "Before the first phase, not in the figures");
  bench.add_option("--mode", a.mode, "open: arrivals don't wait; closed: users do")
      ->check(CLI::IsMember({"open", "closed"}))
      ->capture_default_str();
  bench.add_option("--concurrency", a.concurrency, "Closed mode: numbers of users, one by one")
      ->delimiter(',')
      ->capture_default_str();
  bench.add_option("--arrivals", a.arrivals, "Gaps between operations")
      ->check(CLI::IsMember({"poisson", "constant"}))
      ->capture_default_str();
}

void add_client_options(CLI::App& bench, Arguments& a) {
  bench.add_option("--connections", a.connections, "Of each class that names none (16)");
  bench.add_option("--deadline", a.deadline, "Of each class that names none (1s)");
  bench.add_option("--on-timeout", a.on_timeout, "What a client does when its time is up")
      ->check(CLI::IsMember({"cancel", "close", "wait"}))
      ->capture_default_str();
  bench.add_option("--query-mode", a.query_mode, "How statements are sent")
      ->check(CLI::IsMember({"simple", "extended", "prepared"}))
      ->capture_default_str();
  bench
      .add_option("--shed-sqlstate", a.shed_sqlstates,
                  "SQLSTATEs that count as shed, instead of the protocol's own")
      ->delimiter(',');
  bench.add_option("--connect-timeout", a.connect_timeout, "For all logins before the start")
      ->capture_default_str();
  bench.add_option("--drain", a.drain, "How long answers are waited for after the last phase");
  bench.add_option("--threads", a.threads, "Event loops")->capture_default_str();
  bench.add_option("--seed", a.seed, "Of arrivals and random values")->capture_default_str();
  bench.add_option("--json", a.json_path, "Write everything there (- for stdout)");
  bench.add_flag("--quiet", a.quiet, "No progress lines");
}

}  // namespace

void add_bench_command(CLI::App& app, const std::vector<const wire::ClientProtocol*>& protocols,
                       int& exit_code) {
  CLI::App& bench = *app.add_subcommand(
      "bench", "Put a database under load that doesn't wait for its answers, and measure them");
  // Shared with the callback, which outlives this function.
  const auto arguments = std::make_shared<Arguments>();
  bench.add_option("--url", arguments->url, "postgres://user:password@host:port/database")
      ->required();
  add_load_options(bench, *arguments);
  add_client_options(bench, *arguments);
  bench.callback(
      [arguments, &protocols, &exit_code] { exit_code = run_bench(*arguments, protocols); });
}

}  // namespace loadline::loadgen
