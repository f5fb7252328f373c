// SPDX-License-Identifier: Apache-2.0
#include "tests/simulation/simulation.h"

#include <algorithm>
#include <cmath>
#include <deque>

#include "shedder/rng.h"

namespace loadline {
namespace {

using std::chrono::milliseconds;

constexpr TimePoint kBegin = TimePoint(std::chrono::hours(1));
constexpr Duration kCapacityStep = milliseconds(10);
constexpr Duration kBackOff = milliseconds(50);

// A slot of the table of clients' attempts: used again, since operations can't move.
struct Attempt {
  Attempt(std::size_t at, VerdictSink& sink) : operation(0, sink), index(at) {
    operation.owner = this;
  }

  Operation operation;
  std::size_t index;
  std::uint64_t use = 0;  // Tells an event of an earlier attempt in this slot.
  Tier tier = Tier::t3;
  std::size_t first_second = 0;
  std::uint32_t number = 1;
  bool waits = false;
  bool gone = false;  // The client gave up.
};

// All have the same patience, so they give up in the order in which they came.
struct GiveUp {
  TimePoint at;
  std::size_t index = 0;  // The attempt, and its use of the slot.
  std::uint64_t use = 0;
};

struct Event {
  enum class Kind : std::uint8_t { arrival, retry, capacity };
  TimePoint at;
  std::uint64_t order;
  Kind kind;
  std::size_t tier = 0;  // arrival, retry.
  std::size_t first_second = 0;
  std::uint32_t number = 1;

  bool operator>(const Event& other) const {
    return at != other.at ? at > other.at : order > other.order;
  }
};

class Run final : public VerdictSink {
 public:
  Run(const Scenario& scenario, std::uint64_t seed)
      : scenario_(scenario),
        gate_(scenario.options, 1, seed),
        database_(scenario.database),
        rng_(seed) {}

  Report run();
  void on_verdict(Operation& operation) noexcept override { decided_.push_back(&operation); }

 private:
  [[nodiscard]] double exponential() { return -std::log(1 - rng_.uniform(0, 1)); }
  [[nodiscard]] Duration draw_work();
  [[nodiscard]] Second& second(TimePoint now) { return report_.seconds[second_of(now)]; }
  [[nodiscard]] std::size_t second_of(TimePoint now) {
    const auto index = static_cast<std::size_t>((now - kBegin) / std::chrono::seconds(1));
    if (report_.seconds.size() <= index) report_.seconds.resize(index + 1);
    return index;
  }

  void schedule(Event event) {
    event.order = scheduled_++;
    events_.push(event);
  }
  void schedule_arrival(Tier tier, TimePoint now);
  void on_event(const Event& event, TimePoint now);
  void on_give_up(const GiveUp& give_up, TimePoint now);
  void begin(Tier tier, std::size_t first_second, std::uint32_t number, TimePoint now);
  void on_decided(std::size_t index, TimePoint now);
  void hear(TimePoint now);
  void end(std::size_t index);
  void try_again(const Attempt& attempt, Duration retry_after, TimePoint now);

  const Scenario& scenario_;
  Gate gate_;
  ModelDatabase database_;
  Rng rng_;
  Report report_;
  std::deque<Attempt> attempts_;
  std::vector<std::size_t> free_;
  std::vector<Operation*> decided_;
  std::priority_queue<Event, std::vector<Event>, std::greater<>> events_;
  std::uint64_t scheduled_ = 0;
  std::deque<GiveUp> give_ups_;
};

Duration Run::draw_work() {
  double factor = 1;
  switch (scenario_.work) {
    case Scenario::Work::constant:
      break;
    case Scenario::Work::exponential:
      factor = exponential();
      break;
    case Scenario::Work::heavy_tailed:
      // 2% take 25 times as long as the rest.
      factor = exponential() * (rng_.uniform(0, 1) < 0.02 ? 25 : 1) / (0.98 + 0.02 * 25);
      break;
  }
  return std::chrono::duration_cast<Duration>(scenario_.work_mean * factor);
}

void Run::schedule_arrival(Tier tier, TimePoint now) {
  const double rate = scenario_.offered(now - kBegin)[static_cast<std::size_t>(tier)];
  // A tier that is silent now is asked again soon.
  const double pause = rate > 0 ? exponential() / rate : 0.1;
  schedule({.at = now + Duration(static_cast<std::int64_t>(pause * 1e9)),
            .order = 0,
            .kind = Event::Kind::arrival,
            .tier = static_cast<std::size_t>(tier)});
}

void Run::on_event(const Event& event, TimePoint now) {
  switch (event.kind) {
    case Event::Kind::arrival: {
      const Tier tier = static_cast<Tier>(event.tier);
      if (now - kBegin >= scenario_.length) return;
      if (scenario_.offered(now - kBegin)[event.tier] > 0) {
        ++second(now).requests[event.tier];
        begin(tier, second_of(now), 1, now);
      }
      return schedule_arrival(tier, now);
    }
    case Event::Kind::retry:
      return begin(static_cast<Tier>(event.tier), event.first_second, event.number, now);
    case Event::Kind::capacity:
      database_.set_capacity(scenario_.capacity(now - kBegin), now);
      if (now - kBegin < scenario_.length) {
        schedule({.at = now + kCapacityStep, .order = 0, .kind = Event::Kind::capacity});
      }
      return;
  }
}

void Run::on_give_up(const GiveUp& give_up, TimePoint now) {
  Attempt& attempt = attempts_[give_up.index];
  if (attempt.use != give_up.use) return;  // It ended before.
  attempt.gone = true;
  try_again(attempt, Duration::zero(), now);
  // If it's active, the database works on for nobody.
  if (attempt.waits && gate_.abandon(attempt.operation, now)) {
    attempt.waits = false;
    end(give_up.index);
  }
}

void Run::begin(Tier tier, std::size_t first_second, std::uint32_t number, TimePoint now) {
  if (free_.empty()) {
    free_.push_back(attempts_.size());
    attempts_.emplace_back(attempts_.size(), *this);
  }
  const std::size_t index = free_.back();
  free_.pop_back();
  Attempt& attempt = attempts_[index];
  attempt.tier = tier;
  attempt.first_second = first_second;
  attempt.number = number;
  attempt.gone = false;
  give_ups_.push_back({.at = now + scenario_.deadline, .index = index, .use = attempt.use});
  const auto cohort = static_cast<std::uint32_t>(rng_.next() % kCohortCount);
  const Verdict verdict = gate_.offer(
      attempt.operation, {.priority = Priority(tier, cohort), .deadline = scenario_.deadline}, now);
  attempt.waits = verdict.kind == Verdict::Kind::wait;
  if (!attempt.waits) on_decided(index, now);
}

void Run::on_decided(std::size_t index, TimePoint now) {
  Attempt& attempt = attempts_[index];
  if (attempt.operation.verdict().kind == Verdict::Kind::admit) {
    return database_.start(index, draw_work(), now);
  }
  if (!attempt.gone) try_again(attempt, attempt.operation.verdict().retry_after, now);
  end(index);
}

void Run::hear(TimePoint now) {
  while (!decided_.empty()) {
    std::vector<Operation*> decided;
    decided.swap(decided_);
    for (const Operation* operation : decided) {
      auto* const attempt = static_cast<Attempt*>(operation->owner);
      attempt->waits = false;
      on_decided(attempt->index, now);
    }
  }
}

void Run::end(std::size_t index) {
  ++attempts_[index].use;
  free_.push_back(index);
}

void Run::try_again(const Attempt& attempt, Duration retry_after, TimePoint now) {
  if (attempt.number >= scenario_.attempts_max) return;
  Duration pause = retry_after;
  if (!scenario_.heeds_retry_after) {
    pause = std::chrono::duration_cast<Duration>(kBackOff * (1 << attempt.number) *
                                                 rng_.uniform(0.5, 1.0));
  }
  schedule({.at = now + pause,
            .order = 0,
            .kind = Event::Kind::retry,
            .tier = static_cast<std::size_t>(attempt.tier),
            .first_second = attempt.first_second,
            .number = attempt.number + 1});
}

Report Run::run() {
  TimePoint now = kBegin;
  TimePoint tick_at = now;
  schedule({.at = now, .order = 0, .kind = Event::Kind::capacity});
  for (std::size_t tier = 0; tier < kTierCount; ++tier)
    schedule_arrival(static_cast<Tier>(tier), now);

  while (!events_.empty() || !give_ups_.empty() || database_.completion_at() != TimePoint::max()) {
    const TimePoint event_at = events_.empty() ? TimePoint::max() : events_.top().at;
    const TimePoint give_up_at = give_ups_.empty() ? TimePoint::max() : give_ups_.front().at;
    const TimePoint next = std::min({event_at, give_up_at, database_.completion_at(), tick_at});
    // The limit at the end of each second that passes.
    for (std::size_t i = second_of(now); i < second_of(next); ++i) {
      report_.seconds[i].limit = gate_.snapshot().limit.limit;
    }
    now = std::max(now, next);
    if (database_.completion_at() <= now) {
      const std::size_t index = database_.finish(now);
      Attempt& attempt = attempts_[index];
      gate_.complete(attempt.operation, attempt.gone ? Outcome::abandoned : Outcome::ok, now);
      if (!attempt.gone) {
        ++second(now).completed;
        ++report_.seconds[attempt.first_second].served[static_cast<std::size_t>(attempt.tier)];
      }
      end(index);
    } else if (give_up_at <= now) {
      const GiveUp give_up = give_ups_.front();
      give_ups_.pop_front();
      on_give_up(give_up, now);
    } else if (event_at <= now) {
      const Event event = events_.top();
      events_.pop();
      on_event(event, now);
    } else {
      tick_at = gate_.tick(now);
    }
    hear(now);
    if (gate_.take_wake_request()) tick_at = std::max(now, gate_.tick(now));
  }
  report_.end = gate_.snapshot();
  return report_;
}

}  // namespace

double Report::goodput(std::size_t from, std::size_t to) const {
  double completed = 0;
  for (std::size_t i = from; i < to; ++i) completed += static_cast<double>(seconds[i].completed);
  return completed / static_cast<double>(to - from);
}

double Report::success(Tier tier, std::size_t from, std::size_t to) const {
  double requests = 0;
  double served = 0;
  for (std::size_t i = from; i < to; ++i) {
    requests += static_cast<double>(seconds[i].requests[static_cast<std::size_t>(tier)]);
    served += static_cast<double>(seconds[i].served[static_cast<std::size_t>(tier)]);
  }
  return served / std::max(requests, 1.0);
}

double Report::mean_limit(std::size_t from, std::size_t to) const {
  double sum = 0;
  for (std::size_t i = from; i < to; ++i) sum += seconds[i].limit;
  return sum / static_cast<double>(to - from);
}

Report simulate(const Scenario& scenario, std::uint64_t seed) { return Run(scenario, seed).run(); }

}  // namespace loadline
