// SPDX-License-Identifier: Apache-2.0
#include "proxy/simulator/simulation.h"

#include <algorithm>

namespace loadline::simulator {
namespace {

using std::chrono::milliseconds;

constexpr TimePoint kBegin = TimePoint(std::chrono::hours(1));
constexpr Duration kSampleEvery = milliseconds(10);
constexpr std::uint32_t kSamplesPerMoment = 10;
// The end of the run for what hasn't ended by itself.
constexpr Duration kDrainMax = std::chrono::minutes(5);
// A tick sooner than that would stop the time.
constexpr Duration kTickMin = std::chrono::microseconds(1);
constexpr double kRetryTokensMax = 10;

double to_seconds(Duration duration) { return std::chrono::duration<double>(duration).count(); }

Duration scaled(Duration duration, double factor) {
  return std::chrono::duration_cast<Duration>(duration * factor);
}

// FNV-1a: a name's hash that is the same everywhere.
std::uint64_t hash_of(std::string_view name) {
  std::uint64_t hash = 0xcbf29ce484222325U;
  for (const char c : name) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3U;
  return hash;
}

std::uint32_t lock_count(const Scenario& scenario) {
  std::uint32_t count = 0;
  for (const LoadClass& load_class : scenario.classes) count += load_class.rows;
  return count;
}

}  // namespace

Simulation::Simulation(const Scenario& scenario, Admitter& admitter, std::uint64_t seed)
    : scenario_(scenario),
      admitter_(admitter),
      timeline_(scenario),
      tenants_(scenario),
      database_(scenario.database, lock_count(scenario)),
      rng_(~seed),
      retry_tokens_(kRetryTokensMax) {
  const std::size_t count = scenario.classes.size();
  std::map<std::string, std::int32_t> locks;
  std::int32_t next_lock = 0;
  for (std::size_t i = 0; i < count; ++i) {
    const LoadClass& load_class = scenario.classes[i];
    if (!scenario.traffic) arrivals_.emplace_back(scenario, timeline_, tenants_, i, seed);
    profiles_.push_back(
        {.operation_class = load_class.operation,
         .fingerprint =
             hash_of(load_class.fingerprint.empty() ? load_class.name : load_class.fingerprint),
         .deadline = deadline_of(scenario, load_class)});
    // Classes may want the same lock; rows were checked to be as many.
    const auto [entry, is_new] = locks.try_emplace(load_class.lock, next_lock);
    if (is_new) next_lock += static_cast<std::int32_t>(load_class.rows);
    first_lock_of_.push_back(load_class.lock.empty() ? Statement::kNoLock : entry->second);
  }
  io_of_.resize(count);
  give_ups_.resize(count);
  record_.groups.resize(count * kTierCount);
  record_.shed_by_group.resize(count * kTierCount);
  const auto steps = static_cast<std::size_t>(scenario.length / kOracleStep) + 1;
  record_.arrivals.resize(count * kTierCount, std::vector<std::uint32_t>(steps));
  record_.tenants.resize(scenario.traffic ? scenario.traffic->tenant_count() : tenants_.count());
  if (scenario.traffic) replay_.emplace(scenario, seed);
}

Record Simulation::run() {
  plan_events();
  on_change(kBegin);
  tick_at_ = kBegin;
  TimePoint now = kBegin;
  const TimePoint end_at = kBegin + scenario_.length;
  while (now < end_at || live_ > 0 || at_database_ > 0) {
    now = std::max(now, std::min({happenings_.next_at(), database_.next_at(), give_up_at_,  //
                                  tick_at_}));
    if (now > end_at + kDrainMax) break;
    step(now);
    hear(now);
    if (admitter_.take_wake_request()) {
      tick_at_ = std::max(now + kTickMin, admitter_.tick(now));
      hear(now);
    }
    ++record_.events;
  }
  record_.unfinished = at_database_;
  return std::move(record_);
}

void Simulation::plan_events() {
  using Kind = Happening::Kind;
  for (const Duration change : timeline_.changes()) push(kBegin + change, Kind::change);
  for (std::uint32_t i = 0; i < scenario_.events.size(); ++i) {
    const Event& event = scenario_.events[i];
    if (event.kind == Event::Kind::restart) push(kBegin + event.from, Kind::restart);
    if (event.kind != Event::Kind::connection_storm) continue;
    for (std::uint32_t k = 0; k < event.count; ++k) {
      const Duration into = scaled(event.to - event.from, static_cast<double>(k) / event.count);
      push(kBegin + event.from + into, Kind::background, i);
    }
  }
  if (scenario_.replica.apply_speed > 0) push(kBegin, Kind::poll);
  push(kBegin + kSampleEvery, Kind::sample);
  for (std::uint32_t i = 0; i < arrivals_.size(); ++i) {
    const Duration first = arrivals_[i].next();
    if (first != Duration::max()) push(kBegin + first, Kind::arrival, i);
  }
  if (replay_ && replay_->next() != Duration::max()) push(kBegin + replay_->next(), Kind::replayed);
}

// At one moment, answers go first, then clients who give up: an answer at the last moment counts.
void Simulation::step(TimePoint now) {
  if (database_.next_at() <= now) {
    const std::uint32_t job = database_.step(now);
    if (job != Database::kNone) on_statement_done(job, now);
  } else if (give_up_at_ <= now) {
    Ring<GiveUp>& queue = give_ups_[give_up_class_];
    const GiveUp give_up = queue.front();
    queue.pop_front();
    give_up_at_ = TimePoint::max();
    for (std::size_t i = 0; i < give_ups_.size(); ++i) {
      if (give_ups_[i].empty() || give_ups_[i].front().at >= give_up_at_) continue;
      give_up_at_ = give_ups_[i].front().at;
      give_up_class_ = i;
    }
    on_give_up(give_up, now);
  } else if (happenings_.next_at() <= now) {
    on_happening(happenings_.pop(), now);
  } else {
    tick_at_ = std::max(now + kTickMin, admitter_.tick(now));
  }
}

void Simulation::on_happening(const Happening& happening, TimePoint now) {
  using Kind = Happening::Kind;
  const std::uint32_t index = happening.index;
  const auto is_current = [&] { return attempts_[index].use == happening.use; };
  switch (happening.kind) {
    case Kind::arrival:
      return on_arrival(index, now);
    case Kind::replayed:
      return on_replayed(now);
    case Kind::give_up:
      return on_give_up({.at = now, .attempt = index, .use = happening.use}, now);
    case Kind::retry:
      return offer(index, now);
    case Kind::next:
      if (is_current()) start_statement(index, now);
      return;
    case Kind::hold:
      if (is_current()) on_hold(index, now);
      return;
    case Kind::cancel:
      if (!is_current()) return;
      database_.cancel(index, now);
      return end(index, Outcome::abandoned, now);
    case Kind::change:
      return on_change(now);
    case Kind::restart:
      return on_restart(now);
    case Kind::background:
      return database_.start_background(scenario_.events[index].length, now);
    case Kind::poll:
      admitter_.on_signal("replica_lag", to_seconds(replica_.lag(now)), now);
      push(now + scenario_.replica.poll, Kind::poll);
      return;
    case Kind::sample:
      return on_sample(now);
  }
}

void Simulation::on_arrival(std::uint32_t class_index, TimePoint now) {
  Arrivals& arrivals = arrivals_[class_index];
  for (std::uint32_t i = 0; i < arrivals.batch(); ++i) {
    arrive(arrivals.draw(now), now);
  }
  const Duration next = arrivals.next();
  if (next != Duration::max()) push(kBegin + next, Happening::Kind::arrival, class_index);
}

void Simulation::on_replayed(TimePoint now) {
  arrive(replay_->draw(now), now);
  const Duration next = replay_->next();
  if (next != Duration::max()) push(kBegin + next, Happening::Kind::replayed);
}

void Simulation::arrive(const Request& request, TimePoint now) {
  const std::size_t group =
      request.class_index * kTierCount + static_cast<std::size_t>(request.tier);
  ++record_.groups[group].offered;
  ++record_.arrivals[group][static_cast<std::size_t>(since(now) / kOracleStep)];
  ++record_.tenants[request.tenant].offered;
  ++tier_of_second(request).offered;
  ++moment(now).offered;
  ++live_;
  offer(take_request(request), now);
  hear(now);
}

void Simulation::on_change(TimePoint now) {
  database_.set_capacity(timeline_.capacity(since(now)), now);
  replica_.set_speed(timeline_.replica_speed(since(now)), now);
  for (std::size_t i = 0; i < io_of_.size(); ++i) io_of_[i] = timeline_.io(i, since(now));
}

void Simulation::on_restart(TimePoint now) {
  database_.restart(now);
  for (std::uint32_t i = 0; i < attempts_.size(); ++i) {
    const Attempt::State state = attempts_[i].state;
    if (state == Attempt::State::idle || state == Attempt::State::waiting) continue;
    ++record_.failed;
    if (!attempts_[i].gone) fail(attempts_[i], Duration::zero(), now);
    attempts_[i].gone = true;
    end(i, Outcome::lost, now);
  }
}

void Simulation::on_sample(TimePoint now) {
  const auto number = since(now) / kSampleEvery;
  if (since(now) <= scenario_.length) {
    record_.waiting.record(waiting_);
    record_.at_processors = database_.station().job_seconds(now) / to_seconds(since(now));
  }
  if (number % kSamplesPerMoment == 0) {
    Moment& last = moment(now - kSampleEvery);
    last.limit = admitter_.limit();
    last.active = active_;
    last.waiting = waiting_;
    last.lag_s = to_seconds(replica_.lag(now));
  }
  push(now + kSampleEvery, Happening::Kind::sample);
}

void Simulation::on_give_up(const GiveUp& give_up, TimePoint now) {
  Attempt& attempt = attempts_[give_up.attempt];
  if (attempt.use != give_up.use || attempt.gone) return;  // It ended before.
  attempt.gone = true;
  fail(attempt, Duration::zero(), now);
  switch (attempt.state) {
    case Attempt::State::waiting:
      // If it's false the verdict is on its way.
      if (admitter_.abandon(give_up.attempt, now)) {
        --waiting_;
        free_attempt(give_up.attempt);
      }
      return;
    case Attempt::State::executing:
      if (scenario_.clients.cancel_after >= Duration::zero()) {
        push(now + scenario_.clients.cancel_after, Happening::Kind::cancel, give_up.attempt,
             give_up.use);
      }
      return;
    case Attempt::State::thinking:
    case Attempt::State::held:
      return end(give_up.attempt, Outcome::abandoned, now);
    case Attempt::State::idle:
      return;
  }
}

void Simulation::hear(TimePoint now) {
  while (!admitter_.late().empty()) {
    late_.clear();
    late_.swap(admitter_.late());
    // By index: verdicts lead to others, but not to this list.
    for (std::size_t i = 0; i < late_.size(); ++i) {
      --waiting_;
      on_verdict(late_[i].operation, late_[i].verdict, true, now);
    }
  }
}

Moment& Simulation::moment(TimePoint now) {
  const auto index = static_cast<std::size_t>(since(now) / kMomentLength);
  if (record_.moments.size() <= index) record_.moments.resize(index + 1);
  return record_.moments[index];
}

GroupCount& Simulation::tier_of_second(const Request& request) {
  const auto second = static_cast<std::size_t>(since(request.arrived) / std::chrono::seconds(1));
  if (record_.tiers_by_second.size() <= second) record_.tiers_by_second.resize(second + 1);
  return record_.tiers_by_second[second][static_cast<std::size_t>(request.tier)];
}

Duration Simulation::since(TimePoint now) const { return now - kBegin; }

}  // namespace loadline::simulator
