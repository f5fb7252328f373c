// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "proxy/simulator/service_law.h"
#include "proxy/simulator/speed_law.h"
#include "shedder/clock.h"
#include "shedder/operation.h"
#include "shedder/priority.h"

// What a run simulates, as plain structs. The defaults are the documentation; keys of a scenario
// file equal the field names.
namespace loadline::simulator {

using TierShares = std::array<double, kTierCount>;

inline constexpr TierShares kTierSharesDefault = {0.2, 0.3, 0.3, 0.2, 0, 0};
// What one request answered in time is worth.
inline constexpr TierShares kTierUtility = {8, 4, 2, 1, 0.5, 0.25};

// Operations of one kind.
struct LoadClass {
  std::string name = "all";
  // How much of it there is, one of three: a part of the scenario's load (in operations, relative
  // to the other weights), a load of its own, or operations per second.
  double weight = 1;
  double load = 0;
  double rate = 0;

  OperationClass operation = OperationClass::read;
  TierShares tiers = kTierSharesDefault;
  std::string tenant = {};       // One of its own. Empty: those of the scenario.
  std::string fingerprint = {};  // Empty: its name.
  Duration deadline = {};        // Zero: the clients'.

  Duration work = std::chrono::milliseconds(5);  // Mean, on an idle processor, per statement.
  ServiceLaw service = {};
  // Mean of an exponential time at the disk, holding the slot and no processor.
  Duration io = {};
  bool io_first = false;  // Before the processor rather than after it.

  // A row lock held while on the processor, or until the transaction ends. Empty: none.
  std::string lock = {};
  std::uint32_t rows = 1;  // Locks of that name; each request takes one of them.
  bool lock_to_end = false;

  std::uint32_t statements = 1;  // Of its transaction. More than one: the first is offered.
  Duration think = {};           // Mean of the exponential time between two of them.

  Duration staleness_max = {};  // Fails if the replica lags by more. Zero: reads the primary.

  bool operator==(const LoadClass&) const = default;
};

enum class ArrivalKind : std::uint8_t { poisson, constant, batches };

struct Clients {
  Duration deadline = std::chrono::seconds(1);  // For each attempt.
  std::uint32_t attempts = 3;
  Duration backoff = std::chrono::milliseconds(50);  // Doubles; jittered down to a half.
  bool heed_retry_after = false;
  // Retries a success pays for, as in a token bucket that holds 10 at most. Zero: no bucket.
  double retry_budget = 0;
  // How long after its client left a statement is cancelled. Negative: it runs to its end.
  Duration cancel_after = Duration(-1);

  bool operator==(const Clients&) const = default;
};

struct Replica {
  double apply_speed = 0;  // Seconds of write work applied per second. Zero: no replica.
  Duration poll = std::chrono::milliseconds(250);  // How often the engine learns the lag.

  bool operator==(const Replica&) const = default;
};

// Something that happens, from `from` to `to` or at `from`.
struct Event {
  enum class Kind : std::uint8_t {
    capacity,          // The machine has `value` of its speed; 0 is a freeze. From, to, every.
    load,              // Arrivals (of class `of`, else of all) are multiplied by `value`. From, to.
    io,                // The mean IO time of class `of`, else of all with IO, is `length`. From.
    mix,               // The weight of class `of` is `value`. From.
    cold_cache,        // Work is multiplied by `value`, decaying to 1 in `length`. From.
    restart,           // All in flight fails, connections are refused until `to`, then cold.
    connection_storm,  // `count` new backends cost `length` of processor time each. From, to.
    replica,           // The replica applies at `value` of its speed. From, to.
  };

  Kind kind = Kind::capacity;
  Duration from = {};
  Duration to = {};
  Duration every = {};  // Happens again and again. Zero: once.
  double value = 1;
  Duration length = {};
  std::uint32_t count = 0;
  std::string of = {};

  bool operator==(const Event&) const = default;
};

// In place of a load: what a recording holds (docs/recording.md).
struct ReplayOptions {
  std::string recording = {};  // Its file; relative to the scenario's.
  std::string upstream = {};   // Empty: the only one.
  Duration from = {};          // Where in the recording it begins.
  double speed = 1;            // Everything comes so many times as fast.
  // Everything comes so many times: some are left out, or come again a little earlier or later.
  double times = 1;

  bool operator==(const ReplayOptions&) const = default;
};

class Traffic;

struct Scenario {
  std::string name = "scenario";
  Duration length = std::chrono::seconds(30);
  // Work offered by the weighted classes, as a multiple of what the database can do at best.
  double load = 1;
  double rate = 0;  // Or in operations per second.
  ArrivalKind arrivals = ArrivalKind::poisson;
  std::uint32_t batch = 100;

  SpeedLaw database = {};
  std::uint32_t connections = 500;  // A further attempt fails at once.
  Clients clients = {};
  std::uint32_t tenants = 20;
  double zipf = 0.8;  // The k-th tenant has a share proportional to k^-zipf.
  Replica replica = {};
  std::vector<LoadClass> classes = {LoadClass()};
  std::vector<Event> events = {};
  std::optional<ReplayOptions> replay = {};
  std::shared_ptr<const Traffic> traffic = {};  // What is replayed. The classes follow from it.
  // When what the run is about is over and recovery begins. Unset: after the last capacity, load
  // or restart event, if there is one.
  std::optional<Duration> disturbed_until = {};

  bool operator==(const Scenario&) const = default;
};

// Bounds on what a scenario may ask of time and memory.
inline constexpr std::size_t kClassesMax = 32;
inline constexpr std::size_t kEventsMax = 64;
inline constexpr std::uint32_t kTenantsMax = 10'000;
inline constexpr std::uint32_t kRowsMax = 10'000;
inline constexpr Duration kLengthMax = std::chrono::hours(48);

// The deadline of one attempt of the class.
[[nodiscard]] Duration deadline_of(const Scenario& scenario, const LoadClass& load_class);
[[nodiscard]] std::optional<Duration> disturbance_end(const Scenario& scenario);
// Requires traffic. The classes, and the rate, of what is replayed before its present database.
void take_classes_from_traffic(Scenario& scenario);
// Operations of the weighted classes per second that keep the database just busy.
[[nodiscard]] double capacity_per_s(const Scenario& scenario);

}  // namespace loadline::simulator
