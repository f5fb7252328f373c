// SPDX-License-Identifier: Apache-2.0
#include "config/parse.h"

#include <fmt/format.h>
#include <yaml-cpp/eventhandler.h>

#include <algorithm>
#include <array>
#include <iterator>
#include <optional>
#include <sstream>

#include "config/endpoint.h"
#include "config/read_policy.h"
#include "config/read_signals.h"
#include "config/units.h"
#include "config/validate.h"
#include "config/yaml_map.h"

namespace loadline::config {
namespace {

using namespace std::chrono_literals;

constexpr std::string_view kEndpointForm =
    "an address such as 127.0.0.1:5432, [::1]:5432, db.internal:5432 or unix:/path/to/socket";

// In the order of the enumerators.
constexpr std::array<std::string_view, 4> kLogLevels = {"debug", "info", "warn", "error"};
constexpr std::array<std::string_view, 2> kLogFormats = {"text", "json"};
constexpr std::array<std::string_view, 1> kProtocols = {"postgres"};
constexpr std::array<std::string_view, 1> kPoolModes = {"session"};

template <typename Enum>
void read_enum(YamlMap& map, std::string_view key, Enum& value,
               std::span<const std::string_view> names) {
  if (const auto index = map.read_name(key, names)) value = static_cast<Enum>(*index);
}

// Where to connect to: port 0 is no place.
std::optional<Endpoint> parse_target(std::string_view text) {
  auto endpoint = parse_endpoint(text);
  if (endpoint && endpoint->unix_path.empty() && endpoint->port == 0) return std::nullopt;
  return endpoint;
}

// auto is 0.
void read_count_or_auto(YamlMap& map, std::string_view key, std::uint32_t& value, CountRange range,
                        std::string_view otherwise = "") {
  map.read_parsed(
      key, value,
      [&](std::string_view text) -> std::optional<std::uint32_t> {
        if (text == "auto") return 0;
        const auto count = parse_count(text);
        if (!count || *count < range.min || *count > range.max) return std::nullopt;
        return static_cast<std::uint32_t>(*count);
      },
      fmt::format("auto, or a whole number from {} to {}{}", range.min, range.max, otherwise));
}

Log read_log(const YamlEntry& entry, Reading& reading) {
  Log log;
  YamlMap map(entry, reading);
  read_enum(map, "level", log.level, kLogLevels);
  read_enum(map, "format", log.format, kLogFormats);
  map.finish();
  return log;
}

Admin read_admin(const YamlEntry& entry, Reading& reading) {
  Admin admin;
  YamlMap map(entry, reading);
  using Listen = std::optional<Endpoint>;
  map.read_parsed(
      "listen", admin.listen,
      [](std::string_view text) -> std::optional<Listen> {
        if (text == "none") return Listen();
        auto endpoint = parse_endpoint(text);
        return endpoint ? std::optional<Listen>(std::move(endpoint)) : std::nullopt;
      },
      fmt::format("{}, or none", kEndpointForm));
  map.finish();
  return admin;
}

Listener read_listener(const YamlEntry& entry, Reading& reading) {
  Listener listener;
  YamlMap map(entry, reading);
  map.require("listen", kEndpointForm);
  map.require("upstream", "the name of an upstream");
  map.read("name", listener.name);
  read_enum(map, "protocol", listener.protocol, kProtocols);
  map.read_parsed("listen", listener.listen, parse_endpoint, kEndpointForm);
  map.read("upstream", listener.upstream);
  if (listener.name.empty()) listener.name = listener.upstream;
  map.read("clients_max", listener.clients_max, {1, 1'000'000});
  map.read("login_timeout", listener.login_timeout, {100ms, 1h});
  map.finish();
  return listener;
}

// auto, a number, or {law, min, max, initial}.
void read_limit(YamlMap& gate, GateOptions& options, Reading& reading) {
  constexpr CountRange kRange = {1, 100'000};
  const auto entry = gate.entry("limit");
  if (!entry) return;
  if (!entry->node.IsMap()) {
    std::uint32_t fixed = 0;
    read_count_or_auto(gate, "limit", fixed, kRange, ", or {law: , min: , max: , initial: }");
    if (fixed == 0) return;
    options.limit_mode = LimitMode::fixed;
    options.limit_initial = fixed;
    return;
  }
  const GateOptions defaults = options;
  const std::size_t problem_count = reading.diagnostics.size();
  YamlMap map(*entry, reading);
  constexpr std::array<std::string_view, 5> kLaws = {"knee", "aimd", "vegas", "gradient2",
                                                     "correlation"};
  constexpr std::array kModes = {LimitMode::automatic, LimitMode::aimd, LimitMode::vegas,
                                 LimitMode::gradient2, LimitMode::correlation};
  if (const auto law = map.read_name("law", kLaws)) options.limit_mode = kModes[*law];
  map.read("min", options.limit_min, kRange);
  map.read("max", options.limit_max, kRange);
  // A default must not contradict what was written.
  if (options.limit_min <= options.limit_max) {
    options.limit_initial = std::clamp(options.limit_initial, options.limit_min, options.limit_max);
  }
  map.read("initial", options.limit_initial, kRange);
  map.finish();
  // Half of it must not be compared with defaults for the other half.
  if (reading.diagnostics.size() != problem_count) options = defaults;
}

GateOptions read_gate(const YamlEntry& entry, Reading& reading) {
  GateOptions options;
  YamlMap map(entry, reading);
  read_limit(map, options, reading);
  map.read("deadline", options.deadline, {1ms, 1h});
  map.read("wait_max", options.wait_max, {1ms, 1min});
  map.read("pressure_after", options.pressure_after, {1ms, 1min});
  constexpr std::array<std::string_view, 3> kEnforcement = {"off", "on", "dry_run"};
  if (const auto rejector = map.read_name("rejector", kEnforcement)) {
    options.rejector = static_cast<Enforcement>(*rejector);
  }
  map.read_parsed("tenant_share", options.tenant_share, parse_share, "from 1% to 100%");
  map.read("dry_run", options.dry_run);
  read_count_or_auto(map, "waiting_max", options.waiting_max, {1, 1'000'000});
  map.read("starvation_floor_percent", options.starvation_floor_percent, {0, 50});
  options.signals = read_signals(map, reading);
  map.finish();
  return options;
}

Pool read_pool(const YamlEntry& entry, Reading& reading) {
  Pool pool;
  YamlMap map(entry, reading);
  read_enum(map, "mode", pool.mode, kPoolModes);
  map.read("backends_max", pool.backends_max, {1, 100'000});
  map.finish();
  return pool;
}

Refusal read_refusal(const YamlEntry& entry, Reading& reading) {
  Refusal refusal;
  YamlMap map(entry, reading);
  map.read("sqlstate", refusal.sqlstate);
  map.finish();
  return refusal;
}

Upstream read_upstream(const YamlEntry& entry, Reading& reading) {
  Upstream upstream;
  upstream.name = entry.key;
  YamlMap map(entry, reading);
  map.require("primary", kEndpointForm);
  map.read_parsed("primary", upstream.primary, parse_target, kEndpointForm);
  map.read("connect_timeout", upstream.connect_timeout, {10ms, 10min});
  map.read("cancel_timeout", upstream.cancel_timeout, {10ms, 10min});
  if (const auto pool = map.entry("pool")) upstream.pool = read_pool(*pool, reading);
  if (const auto gate = map.entry("gate")) upstream.gate = read_gate(*gate, reading);
  if (const auto refusal = map.entry("refusal")) upstream.refusal = read_refusal(*refusal, reading);
  map.finish();
  return upstream;
}

Config read_config(const YAML::Node& document, Reading& reading) {
  Config config;
  YamlMap root({{}, {}, document}, reading);
  if (const auto log = root.entry("log")) config.log = read_log(*log, reading);
  if (const auto admin = root.entry("admin")) config.admin = read_admin(*admin, reading);
  read_count_or_auto(root, "workers", config.workers, {1, 256});
  root.read("drain_timeout", config.drain_timeout, {0s, 24h});
  root.read("state_file", config.state_file);
  root.require("listeners", "a list of where to listen");
  for (const YamlEntry& entry : root.list("listeners", 1)) {
    config.listeners.push_back(read_listener(entry, reading));
  }
  root.require("upstreams", "a map of the databases to protect, by name");
  for (const YamlEntry& entry : root.map("upstreams")) {
    config.upstreams.push_back(read_upstream(entry, reading));
  }
  config.policy = read_policy(root, reading);
  for (Upstream& upstream : config.upstreams) {
    for (const Scorecard& card : config.policy.scorecards) {
      upstream.gate.scorecards.push_back(card.gate);
    }
  }
  root.finish();
  return config;
}

// The order of the file is the order in which a person fixes it.
void sort(Diagnostics& diagnostics) {
  std::stable_sort(diagnostics.begin(), diagnostics.end(), [](const auto& a, const auto& b) {
    return std::pair(a.position.line, a.position.column) <
           std::pair(b.position.line, b.position.column);
  });
}

class DocumentStarts final : public YAML::EventHandler {
 public:
  void OnDocumentStart(const YAML::Mark& mark) override { latest = mark; }
  void OnDocumentEnd() override {}
  void OnNull(const YAML::Mark&, YAML::anchor_t) override {}
  void OnAlias(const YAML::Mark&, YAML::anchor_t) override {}
  void OnScalar(const YAML::Mark&, const std::string&, YAML::anchor_t,
                const std::string&) override {}
  void OnSequenceStart(const YAML::Mark&, const std::string&, YAML::anchor_t,
                       YAML::EmitterStyle::value) override {}
  void OnSequenceEnd() override {}
  void OnMapStart(const YAML::Mark&, const std::string&, YAML::anchor_t,
                  YAML::EmitterStyle::value) override {}
  void OnMapEnd() override {}

  YAML::Mark latest;
};

// Where it begins, if there is one. Not YAML::LoadAll: in yaml-cpp 0.7 a stray comma between two
// documents makes that find empty documents for ever.
std::optional<YAML::Mark> second_document(std::string_view text) {
  std::istringstream stream{std::string(text)};
  YAML::Parser parser(stream);
  DocumentStarts starts;
  if (!parser.HandleNextDocument(starts) || !parser.HandleNextDocument(starts)) return std::nullopt;
  return starts.latest;
}

}  // namespace

tl::expected<Config, Diagnostics> parse(std::string_view text, std::string_view file) {
  Reading reading{.file = std::string(file)};
  Config config;
  try {  // The one place that meets yaml-cpp's exceptions.
    if (const auto second = second_document(text)) {
      reading.report(*second, "a second document begins; expected one in the file");
    }
    config = read_config(YAML::Load(std::string(text)), reading);
    Diagnostics between_fields = validate(config, reading.positions, file);
    std::move(between_fields.begin(), between_fields.end(),
              std::back_inserter(reading.diagnostics));
  } catch (const YAML::Exception& e) {
    reading.report(e.mark, fmt::format("not well-formed: {}; expected YAML", e.msg));
  }
  if (!reading.diagnostics.empty()) {
    sort(reading.diagnostics);
    return tl::unexpected(std::move(reading.diagnostics));
  }
  return config;
}

}  // namespace loadline::config
