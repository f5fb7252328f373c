// SPDX-License-Identifier: Apache-2.0
#include "proxy/simulator/scenario_file.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "config/parse.h"
#include "config/units.h"
#include "config/yaml_map.h"
#include "proxy/simulator/number.h"
#include "proxy/simulator/recording_file.h"
#include "proxy/simulator/traffic.h"

namespace loadline::simulator {
namespace {

using namespace std::chrono_literals;
using config::Reading;
using config::YamlEntry;
using config::YamlMap;

// In the order of the enumerators.
constexpr std::array<std::string_view, 3> kArrivalKinds = {"poisson", "constant", "batches"};
constexpr std::array<std::string_view, 2> kOperations = {"read", "write"};
constexpr std::array<std::string_view, 2> kLaws = {"usl", "cores"};
constexpr std::array<std::string_view, 2> kBooleans = {"false", "true"};
constexpr std::array<std::string_view, 8> kEventKinds = {
    "capacity", "load", "io", "mix", "cold_cache", "restart", "connection_storm", "replica"};

template <typename Enum>
void read_enum(YamlMap& map, std::string_view key, Enum& value,
               std::span<const std::string_view> names) {
  if (const auto index = map.read_name(key, names)) value = static_cast<Enum>(*index);
}

void read_number(YamlMap& map, std::string_view key, double& value, NumberRange range) {
  map.read_parsed(
      key, value, [&](std::string_view text) { return parse_number(text, range); },
      fmt::format("a number from {} to {}", range.min, range.max));
}

void read_flag(YamlMap& map, std::string_view key, bool& value) {
  if (const auto index = map.read_name(key, kBooleans)) value = *index == 1;
}

SpeedLaw read_database(const YamlEntry& entry, Reading& reading) {
  SpeedLaw law;
  YamlMap map(entry, reading);
  read_enum(map, "law", law.kind, kLaws);
  read_number(map, "sigma", law.sigma, {0, 1});
  read_number(map, "kappa", law.kappa, {0, 1});
  read_number(map, "cores", law.cores, {1, 1024});
  read_number(map, "thrash", law.thrash, {0, 1});
  map.finish();
  return law;
}

Clients read_clients(const YamlEntry& entry, Clients clients, Reading& reading) {
  YamlMap map(entry, reading);
  map.read("deadline", clients.deadline, {1ms, 1h});
  map.read("attempts", clients.attempts, {1, 100});
  map.read("backoff", clients.backoff, {1ms, 1h});
  read_flag(map, "heed_retry_after", clients.heed_retry_after);
  read_number(map, "retry_budget", clients.retry_budget, {0, 10});
  map.read("cancel_after", clients.cancel_after, {0ns, 1h});
  map.finish();
  return clients;
}

Replica read_replica(const YamlEntry& entry, Reading& reading) {
  Replica replica;
  YamlMap map(entry, reading);
  map.require("apply_speed", "seconds of work applied per second");
  read_number(map, "apply_speed", replica.apply_speed, {1e-3, 1e4});
  map.read("poll", replica.poll, {1ms, 1h});
  map.finish();
  return replica;
}

TierShares read_tiers(const YamlEntry& entry, Reading& reading) {
  TierShares tiers = {};
  YamlMap map(entry, reading);
  double sum = 0;
  for (std::size_t i = 0; i < kTierCount; ++i) {
    read_number(map, config::to_text(static_cast<Tier>(i)), tiers[i], {0, 1e6});
    sum += tiers[i];
  }
  map.finish();
  if (sum > 0) return tiers;
  reading.report(entry.node.Mark(),
                 fmt::format("{} has no weight; expected some, such as t1: 1", entry.path));
  return kTierSharesDefault;
}

void read_amount(YamlMap& map, LoadClass& load_class, const YamlEntry& entry, Reading& reading) {
  int given = 0;
  for (const auto& [key, value] :
       {std::pair<std::string_view, double*>{"weight", &load_class.weight},
        {"load", &load_class.load},
        {"rate", &load_class.rate}}) {
    given += map.scalar(key) ? 1 : 0;
    read_number(map, key, *value, {0, 1e7});
  }
  if (given > 1) {
    reading.report(
        entry.node.Mark(),
        fmt::format("{} has {} of weight, load and rate; expected one", entry.path, given));
  }
}

LoadClass read_class(const YamlEntry& entry, Reading& reading) {
  LoadClass load_class;
  YamlMap map(entry, reading);
  map.require("name", "a name");
  map.read("name", load_class.name);
  read_amount(map, load_class, entry, reading);
  read_enum(map, "operation", load_class.operation, kOperations);
  if (const auto tiers = map.entry("tiers")) load_class.tiers = read_tiers(*tiers, reading);
  map.read("tenant", load_class.tenant);
  map.read("fingerprint", load_class.fingerprint);
  map.read("deadline", load_class.deadline, {1ms, 1h});
  map.read("work", load_class.work, {1us, 1h});
  map.read_parsed("service", load_class.service, parse_service_law, kServiceLawForm);
  map.read("io", load_class.io, {0ns, 1h});
  read_flag(map, "io_first", load_class.io_first);
  map.read("lock", load_class.lock);
  map.read("rows", load_class.rows, {1, kRowsMax});
  read_flag(map, "lock_to_end", load_class.lock_to_end);
  map.read("statements", load_class.statements, {1, 1000});
  map.read("think", load_class.think, {0ns, 1h});
  map.read("staleness_max", load_class.staleness_max, {1ms, 24h});
  map.finish();
  return load_class;
}

void read_span(YamlMap& map, Event& event, bool has_end) {
  map.require("from", "when it begins, such as 10s");
  map.read("from", event.from, {0ns, kLengthMax});
  if (!has_end) return;
  map.require("to", "when it ends, such as 20s");
  map.read("to", event.to, {0ns, kLengthMax});
}

Event read_event(const YamlEntry& entry, Reading& reading) {
  using Kind = Event::Kind;
  Event event;
  YamlMap map(entry, reading);
  map.require("kind", config::expectation("", kEventKinds).substr(9));
  read_enum(map, "kind", event.kind, kEventKinds);
  const Kind kind = event.kind;
  const bool has_end = kind != Kind::io && kind != Kind::mix && kind != Kind::cold_cache;
  read_span(map, event, has_end);
  if (kind == Kind::capacity) map.read("every", event.every, {1ms, kLengthMax});
  if (kind == Kind::load || kind == Kind::io || kind == Kind::mix) map.read("of", event.of);
  switch (kind) {
    case Kind::capacity:
    case Kind::replica:
      map.require("value", "a share of the speed, such as 0.5");
      read_number(map, "value", event.value, {0, 100});
      break;
    case Kind::load:
    case Kind::mix:
      map.require("value", "a number, such as 10");
      read_number(map, "value", event.value, {0, 1e6});
      break;
    case Kind::io:
      map.require("mean", "a duration, such as 25ms");
      map.read("mean", event.length, {0ns, 1h});
      break;
    case Kind::cold_cache:
    case Kind::restart:
      event.value = 3;
      event.length = 30s;
      read_number(map, "value", event.value, {1, 1000});
      map.read("decay", event.length, {0ns, kLengthMax});
      break;
    case Kind::connection_storm:
      map.require("count", "how many new backends");
      map.require("work", "what each costs, such as 10ms");
      map.read("count", event.count, {1, 100'000});
      map.read("work", event.length, {1us, 1min});
      break;
  }
  if (has_end && event.to <= event.from) {
    reading.report(
        entry.node.Mark(),
        fmt::format("{} ends before it begins; expected 'to' to be after 'from'", entry.path));
  }
  map.finish();
  return event;
}

// Whether the parts fit together.
void check(const Scenario& scenario, Reading& reading) {
  const auto where = [&](const std::string& path) {
    const auto found = reading.positions.find(path);
    return found == reading.positions.end() ? config::Position() : found->second;
  };
  const auto report = [&](const std::string& path, std::string message) {
    reading.diagnostics.push_back({reading.file, where(path), std::move(message)});
  };
  for (std::size_t i = 0; i < scenario.classes.size(); ++i) {
    const std::string path = fmt::format("classes[{}]", i);
    for (std::size_t k = 0; k < i; ++k) {
      const LoadClass& a = scenario.classes[k];
      const LoadClass& b = scenario.classes[i];
      if (a.name == b.name) {
        report(path + ".name",
               fmt::format("{}.name: '{}' is there twice; expected another name", path, b.name));
      }
      if (!b.lock.empty() && a.lock == b.lock && a.rows != b.rows) {
        report(path + ".rows",
               fmt::format("{}.rows: {} of lock '{}', but {} above; expected as many", path, b.rows,
                           b.lock, a.rows));
      }
    }
    if (scenario.classes[i].staleness_max > Duration::zero() && scenario.replica.apply_speed <= 0) {
      report(path + ".staleness_max",
             fmt::format("{}.staleness_max: there is no replica; expected one", path));
    }
  }
  for (std::size_t i = 0; i < scenario.events.size(); ++i) {
    const Event& event = scenario.events[i];
    const std::string path = fmt::format("events[{}]", i);
    const bool is_known =
        std::any_of(scenario.classes.begin(), scenario.classes.end(),
                    [&](const LoadClass& load_class) { return load_class.name == event.of; });
    if ((!event.of.empty() || event.kind == Event::Kind::mix) && !is_known) {
      report(path + ".of",
             fmt::format("{}.of: '{}' is no class; expected a class's name", path, event.of));
    }
    if (event.every > Duration::zero() && event.every < event.to - event.from) {
      report(path + ".every", fmt::format("{}.every: less than it takes; expected at least {}",
                                          path, config::to_text(event.to - event.from)));
    }
  }
}

template <typename Item, typename Read>
std::vector<Item> read_items(YamlMap& map, std::string_view key, std::size_t count_max,
                             Reading& reading, Read read) {
  std::vector<Item> items;
  for (const YamlEntry& entry : map.list(key)) {
    if (items.size() == count_max) {
      reading.report(entry.node.Mark(),
                     fmt::format("{}: one too many; expected at most {}", key, count_max));
      break;
    }
    items.push_back(read(entry, reading));
  }
  return items;
}

ReplayOptions read_replay(const YamlEntry& entry, Reading& reading) {
  ReplayOptions replay;
  YamlMap map(entry, reading);
  map.require("recording", "a file that 'loadline run --record' wrote");
  map.read("recording", replay.recording);
  map.read("upstream", replay.upstream);
  map.read("from", replay.from, {0ns, kLengthMax});
  read_number(map, "speed", replay.speed, {0.01, 100});
  read_number(map, "times", replay.times, {0.01, 100});
  map.finish();
  return replay;
}

// What comes from the recording can't be said once more.
void check_replay(YamlMap& map, const Scenario& scenario, const YamlEntry& entry,
                  Reading& reading) {
  for (const std::string_view key : {"load", "rate", "arrivals", "batch", "tenants", "zipf"}) {
    if (const auto text = map.scalar(key)) map.reject(key, *text, "none of it beside a replay");
  }
  if (map.entry("classes") || map.entry("replica")) {
    reading.report(entry.node.Mark(),
                   "a replay with classes or a replica; expected neither: a recording says what "
                   "comes, and nothing of replicas");
  }
  using Kind = Event::Kind;
  for (std::size_t i = 0; i < scenario.events.size(); ++i) {
    const Kind kind = scenario.events[i].kind;
    if (kind == Kind::load || kind == Kind::io || kind == Kind::mix || kind == Kind::replica) {
      reading.report(entry.node.Mark(),
                     fmt::format("events[{}].kind: '{}' beside a replay; expected capacity, "
                                 "cold_cache, restart or connection_storm",
                                 i, kEventKinds[static_cast<std::size_t>(kind)]));
    }
  }
}

Scenario read_scenario(const YamlEntry& entry, Reading& reading) {
  Scenario scenario;
  YamlMap map(entry, reading);
  if (const auto child = map.entry("replay")) {
    scenario.replay = read_replay(*child, reading);
    scenario.length = Duration::zero();  // As long as the recording.
    // The clients' own attempts are in the recording.
    scenario.clients.attempts = 1;
    scenario.events = read_items<Event>(map, "events", kEventsMax, reading, read_event);
    check_replay(map, scenario, entry, reading);
  }
  map.read("length", scenario.length, {1s, kLengthMax});
  if (map.scalar("load") && map.scalar("rate")) {
    reading.report(entry.node.Mark(), "both load and rate; expected one of them");
  }
  read_number(map, "load", scenario.load, {0, 1000});
  read_number(map, "rate", scenario.rate, {0, 1e7});
  read_enum(map, "arrivals", scenario.arrivals, kArrivalKinds);
  map.read("batch", scenario.batch, {1, 100'000});
  if (const auto child = map.entry("database")) scenario.database = read_database(*child, reading);
  map.read("connections", scenario.connections, {1, 100'000});
  if (const auto child = map.entry("clients")) {
    scenario.clients = read_clients(*child, scenario.clients, reading);
  }
  map.read("tenants", scenario.tenants, {1, kTenantsMax});
  read_number(map, "zipf", scenario.zipf, {0, 10});
  if (const auto child = map.entry("replica")) scenario.replica = read_replica(*child, reading);
  auto classes = read_items<LoadClass>(map, "classes", kClassesMax, reading, read_class);
  if (!classes.empty()) scenario.classes = std::move(classes);
  if (!scenario.replay) {
    scenario.events = read_items<Event>(map, "events", kEventsMax, reading, read_event);
  }
  if (map.scalar("disturbed_until")) {
    Duration until = {};
    map.read("disturbed_until", until, {0ns, kLengthMax});
    scenario.disturbed_until = until;
  }
  map.finish();
  if (reading.diagnostics.empty()) check(scenario, reading);
  return scenario;
}

// From the end of the last arrival to the end of the run: for its answer.
constexpr Duration kAfterLast = 1s;

tl::expected<void, std::string> load_traffic(Scenario& scenario, const std::string& path) {
  const ReplayOptions& replay = *scenario.replay;
  const auto file = std::filesystem::path(path).parent_path() / replay.recording;
  // What lies beyond the scenario's length need not be kept; copies come from a little later.
  const Duration to = scenario.length > Duration::zero()
                          ? replay.from + std::chrono::duration_cast<Duration>(
                                              (scenario.length + kAfterLast) * replay.speed)
                          : Duration::max();
  auto traffic = load_recording(file.string(), replay.upstream, replay.from, to);
  if (!traffic) return tl::unexpected(traffic.error());
  const auto& operations = traffic->operations();
  if (static_cast<double>(operations.size()) * replay.times > double{kReplayedMax}) {
    return tl::unexpected(
        fmt::format("{} operations, {} times; expected at most {} in all: replay "
                    "a part, with from and length",
                    operations.size(), replay.times, kReplayedMax));
  }
  const Duration last = std::chrono::duration_cast<Duration>(operations.back().at / replay.speed);
  if (scenario.length == Duration::zero()) scenario.length = last + kAfterLast;
  if (scenario.length > kLengthMax) {
    return tl::unexpected(
        fmt::format("lasts longer than {}; expected a length", config::to_text(kLengthMax)));
  }
  scenario.traffic = std::make_shared<const Traffic>(*std::move(traffic));
  take_classes_from_traffic(scenario);
  return {};
}

}  // namespace

tl::expected<Scenario, config::Diagnostics> parse_scenario(const std::string& text,
                                                           std::string_view file) {
  Reading reading = {.file = std::string(file)};
  Scenario scenario;
  try {
    scenario = read_scenario({{}, {}, YAML::Load(text)}, reading);
  } catch (const YAML::Exception& error) {
    reading.report(error.mark, error.msg);
  }
  if (!reading.diagnostics.empty()) return tl::unexpected(std::move(reading.diagnostics));
  scenario.name = std::filesystem::path(file).stem().string();
  return scenario;
}

tl::expected<Scenario, config::Diagnostics> load_scenario(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  const std::string text((std::istreambuf_iterator<char>(in)), std::istreambuf_iterator<char>());
  if (!in || text.size() > config::kFileSizeMax) {
    return tl::unexpected(config::Diagnostics{
        {path, {}, "can't be read; expected a scenario file of at most 4 MiB"}});
  }
  auto scenario = parse_scenario(text, path);
  if (!scenario || !scenario->replay) return scenario;
  if (auto loaded = load_traffic(*scenario, path); !loaded) {
    return tl::unexpected(config::Diagnostics{{path, {}, "replay: " + loaded.error()}});
  }
  return scenario;
}

}  // namespace loadline::simulator
