// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "proxy/loadgen/arrivals.h"
#include "proxy/loadgen/backoff.h"
#include "proxy/loadgen/script.h"
#include "proxy/wire/client_dialogue.h"
#include "shedder/clock.h"

namespace loadline::loadgen {

enum class LoadMode : std::uint8_t {
  open,    // Operations start when they are meant to, whether earlier ones have ended or not.
  closed,  // A fixed number of users, each starting an operation when its last one has ended.
};

// What a client does when an operation's time is up.
enum class TimeoutAction : std::uint8_t {
  cancel,  // Asks the server to stop (as JDBC and psycopg do) and keeps the connection.
  close,   // Drops the connection and opens another.
  wait,    // Nothing: waits for the answer, which then is late.
};

enum class CommentPlace : std::uint8_t { none, leading, trailing };

struct RetryOptions {
  std::uint32_t attempts_max = 1;  // With the first: 1 never tries again.
  bool after_shed = true;
  bool after_error = false;
  bool after_timeout = false;
  Backoff backoff = {};
};

struct WeightedScript {
  Script script = {};
  double weight = 1;
};

// Operations of one kind, with connections of their own.
struct LoadClass {
  std::string name = "default";
  double rate = 0;  // Operations per second at a multiplier of 1; in closed mode its weight.
  std::string tier = {};
  std::string tenant = {};
  CommentPlace comment = CommentPlace::leading;
  std::string application_name = "loadline-bench";
  Duration deadline = std::chrono::seconds(1);  // From the intended start. Later is not good.
  // For one attempt, from its own start. Zero: the deadline is the only bound.
  Duration attempt_timeout = {};
  RetryOptions retry = {};
  std::uint32_t connections = 16;
  // Operations that wait for a connection. One more is given up at once, unsent.
  std::uint32_t waiting_max = 100'000;
  std::vector<WeightedScript> scripts = {};
};

struct Phase {
  std::string name = {};
  double multiplier = 1;          // Of every class's rate. Open mode.
  std::uint32_t concurrency = 0;  // Users. Closed mode.
  Duration duration = std::chrono::seconds(10);
  bool measured = true;  // False for the warm-up.
};

struct Scenario {
  LoadMode mode = LoadMode::open;
  ArrivalKind arrivals = ArrivalKind::poisson;
  std::uint64_t seed = 1;
  TimeoutAction on_timeout = TimeoutAction::cancel;
  wire::QueryMode query_mode = wire::QueryMode::simple;
  std::uint32_t threads = 1;
  std::vector<std::string> shed_sqlstates = {};
  std::vector<LoadClass> classes = {};
  std::vector<Phase> phases = {};
  // After the last phase: how long answers still owed are waited for. Zero: the longest deadline
  // and a second.
  Duration drain = {};
};

// Bounds on what a scenario may ask of memory.
inline constexpr std::size_t kClassesMax = 64;
inline constexpr std::size_t kPhasesMax = 64;
inline constexpr std::uint32_t kConnectionsMax = 100'000;
inline constexpr std::uint32_t kThreadsMax = 64;
inline constexpr Duration kRunMax = std::chrono::hours(24);

// What is wrong with it, for a person; empty if nothing is.
[[nodiscard]] std::vector<std::string> problems_of(const Scenario& scenario);

[[nodiscard]] Duration phases_duration(const Scenario& scenario);
[[nodiscard]] Duration drain_duration(const Scenario& scenario);

// `/* priority='t1', tenant='acme' */` for every script of the class, if it has a tier or a tenant.
void add_comments(LoadClass& load_class);

// What the `thread`-th of scenario.threads does: its part of rates, connections and users, and a
// seed of its own.
[[nodiscard]] Scenario share_of(const Scenario& scenario, std::uint32_t thread);

}  // namespace loadline::loadgen
