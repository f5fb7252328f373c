// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <vector>

#include "proxy/simulator/admitter.h"
#include "proxy/simulator/arrivals.h"
#include "proxy/simulator/database.h"
#include "proxy/simulator/record.h"
#include "proxy/simulator/replay.h"
#include "proxy/simulator/replica.h"
#include "proxy/simulator/ring.h"
#include "proxy/simulator/scenario.h"
#include "proxy/simulator/time_heap.h"
#include "proxy/simulator/timeline.h"

namespace loadline::simulator {

// One run in virtual time: clients arrive whether or not earlier ones were answered, give up at
// their deadline, and try again. The same scenario, admitter and seed give the same record, on any
// machine whose log() and exp() agree. Runs once.
class Simulation {
 public:
  // Both must outlive it.
  Simulation(const Scenario& scenario, Admitter& admitter, std::uint64_t seed);
  [[nodiscard]] Record run();

 private:
  // A client's attempt: from the offer until neither the client nor the database knows of it.
  struct Attempt {
    enum class State : std::uint8_t { idle, waiting, executing, thinking, held };

    State state = State::idle;
    bool gone = false;      // The client gave up: nobody waits for it.
    std::uint32_t use = 0;  // Tells an event of an earlier attempt in this place.
    Request request = {};   // A copy: the client may have gone on to another attempt.
    std::uint32_t request_index = 0;
    std::uint32_t statements_done = 0;
    Duration statement_work = {};
    double work_s = 0;
    TimePoint offered = {};
  };
  struct Happening {
    enum class Kind : std::uint8_t {
      arrival,     // Of class `index`.
      replayed,    // The replay's next operation arrives.
      give_up,     // The client of attempt `index` gives up. Of a replay: see give_ups_.
      retry,       // Of request `index`.
      next,        // Attempt `index` sends its next statement.
      hold,        // Attempt `index` has kept its slot idle for long enough.
      cancel,      // Attempt `index` is cancelled at the database.
      change,      // Something about the machine changes.
      restart,     // The database restarts.
      background,  // Event `index` costs the processors something.
      poll,        // The engine learns the replica's lag.
      sample,
    };
    Kind kind = Kind::sample;
    std::uint32_t index = 0;
    std::uint32_t use = 0;
  };
  struct GiveUp {
    TimePoint at = {};
    std::uint32_t attempt = 0;
    std::uint32_t use = 0;
  };

  void plan_events();
  void step(TimePoint now);
  void on_happening(const Happening& happening, TimePoint now);
  void on_arrival(std::uint32_t class_index, TimePoint now);
  void on_replayed(TimePoint now);
  void arrive(const Request& request, TimePoint now);
  void await_answer(std::uint32_t index, const Request& request, TimePoint now);
  void on_change(TimePoint now);
  void on_restart(TimePoint now);
  void on_sample(TimePoint now);
  void on_give_up(const GiveUp& give_up, TimePoint now);

  void offer(std::uint32_t request_index, TimePoint now);
  void on_verdict(std::uint32_t index, const Verdict& verdict, bool is_late, TimePoint now);
  void dispatch(std::uint32_t index, TimePoint now);
  void start_statement(std::uint32_t index, TimePoint now);
  void on_statement_done(std::uint32_t index, TimePoint now);
  void on_hold(std::uint32_t index, TimePoint now);
  void think(std::uint32_t index, TimePoint now);
  // The database is done with the attempt, one way or the other.
  void end(std::uint32_t index, Outcome outcome, TimePoint now);
  void hear(TimePoint now);

  void succeed(const Attempt& attempt, TimePoint now);
  // The client's attempt came to nothing: it tries again, or not.
  void fail(const Attempt& attempt, Duration retry_after, TimePoint now);
  // The request is over: nobody tries again.
  void forget(const Attempt& attempt);
  [[nodiscard]] std::uint32_t take_attempt();
  void free_attempt(std::uint32_t index);
  [[nodiscard]] std::uint32_t take_request(const Request& request);
  [[nodiscard]] Moment& moment(TimePoint now);
  [[nodiscard]] GroupCount& tier_of_second(const Request& request);
  [[nodiscard]] const LoadClass& class_of(const Attempt& attempt) const {
    return scenario_.classes[attempt.request.class_index];
  }
  [[nodiscard]] Duration since(TimePoint now) const;
  void push(TimePoint at, Happening::Kind kind, std::uint32_t index = 0, std::uint32_t use = 0) {
    happenings_.push(at, {kind, index, use});
  }

  const Scenario& scenario_;
  Admitter& admitter_;
  Timeline timeline_;
  Tenants tenants_;
  std::vector<Arrivals> arrivals_;  // By class. None of a replay.
  std::optional<Replay> replay_;
  std::vector<OperationProfile> profiles_;   // By class, less what the request adds.
  std::vector<std::int32_t> first_lock_of_;  // By class.
  std::vector<Duration> io_of_;              // By class, now.
  Database database_;
  ReplicaModel replica_;
  Rng rng_;  // Of everything but the arrivals.
  Record record_;

  TimeHeap<Happening> happenings_;
  // By class: of one deadline, so in order. In a replay each operation has its own: there they are
  // happenings.
  std::vector<Ring<GiveUp>> give_ups_;
  TimePoint give_up_at_ = TimePoint::max();  // The first of all.
  std::size_t give_up_class_ = 0;
  TimePoint tick_at_ = {};

  std::vector<Attempt> attempts_;
  std::vector<std::uint32_t> attempts_free_;
  std::vector<Request> requests_;
  std::vector<std::uint32_t> requests_free_;
  std::vector<Admitter::Late> late_;
  std::uint32_t waiting_ = 0;
  std::uint32_t active_ = 0;
  std::uint32_t at_database_ = 0;  // Connections that are in use.
  std::uint64_t live_ = 0;         // Requests whose client hopes.
  double retry_tokens_ = 0;
};

}  // namespace loadline::simulator
