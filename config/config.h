// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "shedder/gate_options.h"
#include "shedder/operation.h"
#include "shedder/priority.h"
#include "shedder/scorecard.h"

// The whole configuration as plain structs. The defaults are the documentation:
// docs/configuration.md repeats them for readers of YAML. Keys of the YAML file equal the field
// names.
namespace loadline::config {

using loadline::Duration;
using loadline::Tier;

// Where to listen or connect: "10.0.0.5:5432", "[::1]:5432", "db.internal:5432" or "unix:/path".
// "unix:/var/run/postgresql/.s.PGSQL.5432" names the socket file itself.
struct Endpoint {
  std::string host = {};  // A name or numeric address without brackets. Empty for a Unix socket.
  std::uint16_t port = 0;
  std::string unix_path = {};  // Empty for TCP.

  bool operator==(const Endpoint&) const = default;
};

enum class LogLevel : std::uint8_t { debug, info, warn, error };
enum class LogFormat : std::uint8_t { text, json };
enum class Protocol : std::uint8_t { postgres };
enum class PoolMode : std::uint8_t { session };

struct Log {
  LogLevel level = LogLevel::info;
  LogFormat format = LogFormat::text;

  bool operator==(const Log&) const = default;
};

struct Admin {
  // Absent: no admin server. Port 0: any free one, printed at start.
  std::optional<Endpoint> listen = Endpoint{.host = "127.0.0.1", .port = 9930, .unix_path = {}};

  bool operator==(const Admin&) const = default;
};

struct Listener {
  std::string name = {};  // Default: the upstream's name.
  Protocol protocol = Protocol::postgres;
  Endpoint listen = {};
  std::string upstream = {};
  // Connections beyond this are refused (Postgres: 53300).
  std::uint32_t clients_max = 10'000;
  // From connecting to being logged in.
  Duration login_timeout = std::chrono::seconds(60);

  bool operator==(const Listener&) const = default;
};

struct Pool {
  PoolMode mode = PoolMode::session;
  // Connections to the database at once; a client beyond it is refused (Postgres: 53300). Keep it
  // below the database's own limit less what others use.
  std::uint32_t backends_max = 100;

  bool operator==(const Pool&) const = default;
};

// What a shed operation is answered with.
struct Refusal {
  // Five of 0-9A-Z. 53000 (insufficient resources) is what drivers and pools treat as "try later,
  // keep the connection". 40001 makes frameworks retry by themselves.
  std::string sqlstate = "53000";

  bool operator==(const Refusal&) const = default;
};

struct Upstream {
  std::string name = {};
  Endpoint primary = {};
  Duration connect_timeout = std::chrono::seconds(5);
  // How long a statement whose client has vanished may go on after it was asked to cancel, before
  // its backend is closed.
  Duration cancel_timeout = std::chrono::seconds(5);
  Pool pool = {};
  GateOptions gate = {};
  Refusal refusal = {};

  bool operator==(const Upstream&) const = default;
};

// Shell-style pattern: * any run of characters, ? one character; anything else is itself.
using Glob = std::string;

// "10.0.0.0/8", "fd00::/8", "10.1.2.3", or "unix" for clients of Unix sockets.
struct AddressRange {
  bool is_unix = false;
  std::vector<std::uint8_t> address = {};  // 4 or 16 bytes, network order. Empty for unix.
  std::uint8_t prefix_bits = 0;

  bool operator==(const AddressRange&) const = default;
};

// Every field that is given must match.
struct Match {
  std::optional<Glob> user = {};
  std::optional<Glob> database = {};
  std::optional<Glob> application = {};  // application_name at login.
  std::optional<AddressRange> address = {};
  // `comment.KEY: GLOB`: tags in SQL comments, such as /* priority='t1', tenant='acme' */. A tag
  // that the statement doesn't carry does not match, not even "*".
  std::vector<std::pair<std::string, Glob>> comment = {};

  bool operator==(const Match&) const = default;
};

// The most rules with comment matches: every connection keeps a bit for each.
inline constexpr std::size_t kCommentRulesMax = 256;

// The first rule that matches an operation decides; what it leaves out comes from the defaults.
struct PolicyRule {
  Match match = {};
  std::optional<Tier> tier = {};
  std::optional<std::string> tenant = {};
  std::optional<Duration> deadline = {};
  // Verdicts on what it matches are counted and logged, and not enforced.
  bool dry_run = false;

  bool operator==(const PolicyRule&) const = default;
};

// Counts the operations of each party apart, and caps how many of them may be active at once. All
// scorecards that match an operation must grant it.
struct Scorecard {
  // By what operations are told apart.
  struct Party {
    enum class Kind : std::uint8_t {
      tenant,
      user,
      database,
      application,
      address,
      fingerprint,
      comment,
      all,  // Not: one count for everything that matches.
    };
    Kind kind = Kind::tenant;
    std::string comment_key = {};  // comment only.

    bool operator==(const Party&) const = default;
  };
  Party each = {};
  // What it concerns.
  Match match = {};
  std::optional<OperationClass> operation_class = {};
  Tier best = Tier::t1;
  Tier worst = Tier::t5;
  // Patterns of the names of parties whose weights are gate.weights[1], [2], …
  std::vector<Glob> weights = {};
  ScorecardOptions gate = {};

  bool operator==(const Scorecard&) const = default;
};

// Where a tenant's name comes from, in order of preference.
struct TenantSource {
  enum class Kind : std::uint8_t { user, database, application, address, comment };
  Kind kind = Kind::database;
  std::string comment_key = {};  // comment only.

  bool operator==(const TenantSource&) const = default;
};

// The best tier that an authenticated user may claim, whatever tags, names and rules say: a client
// controls everything about itself but who it logged in as.
struct TierCeiling {
  Glob user = {};
  Tier best = Tier::t3;

  bool operator==(const TierCeiling&) const = default;
};

struct Policy {
  Tier default_tier = Tier::t3;
  // A `priority='t2'` tag (key configurable) sets the tier of operations that no rule gives one.
  std::string tier_comment_key = "priority";
  // A `deadline='250ms'` tag sets the deadline of operations that no rule gives one.
  std::string deadline_comment_key = "deadline";
  std::vector<PolicyRule> rules = {};
  std::vector<TenantSource> tenant_from = {{TenantSource::Kind::comment, "tenant"},
                                           {TenantSource::Kind::database, ""}};
  std::vector<Scorecard> scorecards = {};  // At most kScorecardsMax.
  std::vector<TierCeiling> ceilings = {};  // First match wins; no match: no ceiling.

  bool operator==(const Policy&) const = default;
};

struct Config {
  Log log = {};
  Admin admin = {};
  // Worker threads. 0: one per core.
  std::uint32_t workers = 0;
  // On SIGTERM: how long sessions may take to reach the end of their transaction before they are
  // cut.
  Duration drain_timeout = std::chrono::seconds(30);
  // Where automatic limits are kept from one run to the next. Empty: nowhere.
  std::string state_file = {};
  std::vector<Listener> listeners = {};
  std::vector<Upstream> upstreams = {};
  Policy policy = {};

  bool operator==(const Config&) const = default;
};

}  // namespace loadline::config
