// SPDX-License-Identifier: Apache-2.0

// Property: whatever options, events, readings and times a gate is given, every operation that is
// offered ends exactly once and in the state that the contract says; what the gate counts is what
// happened; nobody waits beyond its time, or for a slot that is free; every number it shows is one;
// nothing stays behind; and the same bytes are the same verdicts.

#include <algorithm>
#include <array>
#include <chrono>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <limits>
#include <span>
#include <string>
#include <vector>

#include "shedder/gate.h"
#include "tests/fuzz/require.h"

namespace {

using namespace loadline;  // NOLINT(google-build-using-namespace)
using loadline::fuzz::require;
using std::chrono::hours;
using std::chrono::microseconds;
using std::chrono::milliseconds;
using std::chrono::seconds;
using State = Operation::State;

constexpr std::size_t kClients = 40;
constexpr std::uint32_t kWorkers =
    1;  // A tick sums over all of them, which takes most of the time.
constexpr std::uint64_t kParties = 5;
constexpr std::size_t kSnapshotEvery = 8;         // Events.
constexpr std::size_t kBytesMax = 1024;           // Of an input: more would only take long.
constexpr std::size_t kTrafficsMax = 24;          // The same.
constexpr std::uint32_t kTickEvery = 32;          // Operations of a traffic.
constexpr Duration kBehindMax = milliseconds(3);  // What two threads' clocks may differ by.
constexpr Duration kWheelLate = milliseconds(1);  // An expiry is noticed that late.
constexpr double kExpiryJitter = 0.2;
constexpr Duration kRetryAfterMax = seconds(8);

class Bytes {
 public:
  explicit Bytes(std::span<const std::uint8_t> bytes) : bytes_(bytes) {}
  [[nodiscard]] bool empty() const { return at_ >= bytes_.size(); }
  std::uint8_t next() { return empty() ? 0 : bytes_[at_++]; }
  std::uint32_t below(std::uint32_t end) { return next() % end; }
  template <typename Value, std::size_t kCount>
  Value one_of(const std::array<Value, kCount>& values) {
    return values[next() % kCount];
  }

 private:
  std::span<const std::uint8_t> bytes_;
  std::size_t at_ = 0;
};

struct Client final : VerdictSink {
  Client() : operation(0, *this) {}
  void on_verdict(Operation& decided) noexcept override {
    require(&decided == &operation);
    ++verdicts;
  }

  Operation operation;
  State state = State::idle;
  std::uint32_t riders = 0;
  std::uint32_t verdicts = 0;  // Heard, and not looked at yet.
  std::size_t tier = 0;
  TimePoint offered_at = {};
  TimePoint deadline_at = {};
  Duration wait_max = {};
  bool saw_stall = false;  // While it waited.
};

struct Totals {
  std::uint64_t offered = 0;
  std::uint64_t admitted = 0;
  std::uint64_t completed = 0;
  std::uint64_t shed = 0;
  std::uint64_t abandoned = 0;
};

class Run {
 public:
  explicit Run(std::span<const std::uint8_t> bytes)
      : bytes_(bytes),
        is_plain_(bytes_.below(4) == 0),
        options_(next_options()),
        gate_(options_, kWorkers, bytes_.next()) {
    for (std::size_t i = 0; i < kClients; ++i) clients_.emplace_back();
  }

  std::uint64_t digest_of_all() {
    for (std::size_t i = 0; !bytes_.empty(); ++i) {
      step();
      check_states();
      // Snapshots are dear. Only a tick changes more than what one operation does.
      if (i % kSnapshotEvery == 0) check();
    }
    finish();
    return digest_;
  }

 private:
  ScorecardOptions next_scorecard(std::size_t index) {
    constexpr std::array kUnits = {ScorecardCap::Unit::operations, ScorecardCap::Unit::limit_share,
                                   ScorecardCap::Unit::fair_share};
    const auto next_cap = [&] {
      const auto unit = bytes_.one_of(kUnits);
      if (unit == ScorecardCap::Unit::operations) {
        return ScorecardCap{unit, bytes_.one_of(std::array{1.0, 2.0, 5.0, 1e6})};
      }
      return ScorecardCap{unit, bytes_.one_of(std::array{0.01, 0.5, 1.0, 2.0})};
    };
    ScorecardOptions card = {.name = "card" + std::to_string(index)};
    const std::uint32_t which = bytes_.below(3);
    if (which != 1) card.active_max = next_cap();
    if (which != 0) card.pressure_active_max = next_cap();
    card.waiting_max = bytes_.one_of(std::array{0U, 1U, 1'000'000U});
    const std::uint32_t weights = bytes_.below(kScorecardWeightsMax);
    for (std::uint32_t i = 0; i < weights; ++i) {
      card.weights.push_back(bytes_.one_of(std::array{0.01, 1.0, 1000.0}));
    }
    card.dry_run = bytes_.below(4) == 0;
    weights_known_[index] = std::max(weights_known_[index], card.weights.size());
    cards_known_ = std::max(cards_known_, index + 1);
    return card;
  }

  SignalOptions next_signal(std::size_t index) {
    SignalOptions signal = {.name = "signal" + std::to_string(index)};
    switch (bytes_.below(4)) {
      case 0:
        break;
      case 1:  // Bad when it falls.
        signal.setpoint = 10;
        signal.hard = 2;
        break;
      case 2:
        signal.setpoint = 1;
        signal.hard = 5;
        signal.plant = SignalPlant::integrating;
        break;
      default:
        signal.setpoint = -5;
        signal.hard = 5;
        signal.negative_allowed = true;
    }
    signal.tier_best = static_cast<Tier>(bytes_.below(kTierCount));
    signal.tier_worst = std::max(signal.tier_best, static_cast<Tier>(bytes_.below(kTierCount)));
    const std::uint32_t flags = bytes_.next();
    signal.reads = (flags & 1U) != 0;
    signal.writes = (flags & 2U) != 0;
    signal.ddl = (flags & 4U) != 0;
    signal.dry_run = (flags & 0x30U) == 0x30U;
    signal.stale = static_cast<SignalStale>(bytes_.below(3));
    signal.ttl = bytes_.one_of(std::array<Duration, 3>{Duration::zero(), seconds(1), hours(1)});
    signal.stale_ratio = bytes_.one_of(std::array{0.0, 0.5, 1.0});
    return signal;
  }

  GateOptions next_options() {
    using Durations = std::array<Duration, 6>;
    GateOptions options;
    options.limit_mode = static_cast<LimitMode>(bytes_.below(6));
    options.limit_max = 1 + bytes_.below(64);
    options.limit_min = 1 + bytes_.below(options.limit_max);
    options.limit_initial =
        options.limit_min + bytes_.below(options.limit_max - options.limit_min + 1);
    options.deadline = bytes_.one_of(Durations{milliseconds(1), milliseconds(10), milliseconds(100),
                                               seconds(1), seconds(60), hours(1)});
    options.wait_max = bytes_.one_of(Durations{milliseconds(1), milliseconds(20), milliseconds(100),
                                               milliseconds(500), seconds(10), seconds(60)});
    options.pressure_after =
        bytes_.one_of(std::array<Duration, 3>{milliseconds(1), milliseconds(50), seconds(60)});
    options.rejector = static_cast<Enforcement>(bytes_.below(3));
    options.tenant_share = bytes_.one_of(std::array{0.5, 1.0, 0.01});
    options.dry_run = bytes_.below(6) == 1;
    options.waiting_max = bytes_.one_of(std::array{0U, 1U, 3U, 64U});
    options.starvation_floor_percent = bytes_.one_of(std::array{3U, 0U, 50U});
    constexpr std::array<std::size_t, 6> kCardCounts = {0, 1, 2, 0, 3, kScorecardsMax};
    const std::size_t cards = is_plain_ ? 0 : bytes_.one_of(kCardCounts);
    for (std::size_t i = 0; i < cards; ++i) options.scorecards.push_back(next_scorecard(i));
    const std::size_t signals = bytes_.below(4);
    for (std::size_t i = 0; i < signals; ++i) options.signals.push_back(next_signal(i));
    wait_max_in_stall_ = std::max({wait_max_in_stall_, options.wait_max, options.deadline});
    return options;
  }

  OperationProfile next_profile() {
    OperationProfile profile;
    const std::uint8_t importance = bytes_.next();
    profile.priority = Priority(static_cast<Tier>(importance % kTierCount), importance / 2);
    const std::uint8_t kind = bytes_.next();
    profile.operation_class = static_cast<OperationClass>(kind % kOperationClassCount);
    profile.dry_run = kind / 3 % 16 == 15;
    profile.tenant = kind / 48;
    const std::uint8_t shape = bytes_.next();
    if (!is_plain_) profile.fingerprint = shape % 8;
    constexpr std::array<Duration, 6> kDeadlines = {Duration::zero(), Duration(1), milliseconds(1),
                                                    milliseconds(50), hours(1),    hours(30'000)};
    profile.deadline = kDeadlines[shape / 8 % kDeadlines.size()];
    if (cards_known_ == 0) return profile;
    // Also of a scorecard that is gone: workers may know an older configuration than the gate.
    profile.scorecard_count = static_cast<std::uint8_t>(bytes_.below(kScorecardKeysMax + 1));
    for (std::size_t i = 0; i < profile.scorecard_count; ++i) {
      const std::uint8_t key = bytes_.next();
      const std::size_t card = (key / kParties + i) % cards_known_;
      profile.scorecards[i] = {
          .party = key % kParties,
          .card = static_cast<std::uint8_t>(card),
          .weight = static_cast<std::uint8_t>(key / 64 % weights_known_[card])};
    }
    return profile;
  }

  Client* next_client(State state) {
    const std::size_t start = bytes_.next();
    for (std::size_t i = 0; i < kClients; ++i) {
      Client& client = clients_[(start + i) % kClients];
      if (client.state == state) return &client;
    }
    return nullptr;
  }

  void note(std::uint64_t number) {
    digest_ = (digest_ ^ number) * 0x9e3779b97f4a7c15U;
    digest_ ^= digest_ >> 29U;
  }
  void note(const Verdict& verdict) {
    note(static_cast<std::uint64_t>(verdict.kind) * 256 +
         static_cast<std::uint64_t>(verdict.reason) * 16 +
         static_cast<std::uint64_t>(verdict.rehearsed));
    note((std::uint64_t{verdict.active} << 32U) + verdict.waiting);
    note(static_cast<std::uint64_t>(verdict.retry_after.count()));
    note(static_cast<std::uint64_t>(verdict.waited.count()));
  }

  void step() {
    may_exceed_limit_ = 0;
    at_ = latest_;
    switch (bytes_.below(28)) {
      case 0:
      case 1:
      case 2:
      case 3:
      case 4:
      case 5:
      case 6:
        if (Client* const client = next_client(State::idle)) offer(*client, next_profile());
        break;
      case 7:
      case 8:
      case 9:
      case 10:
        if (Client* const client = next_client(State::active)) complete(*client, next_outcome());
        break;
      case 11:
        if (Client* const client = next_client(State::held)) complete(*client, next_outcome());
        break;
      case 12:
        abandon(clients_[bytes_.below(kClients)]);
        break;
      case 13:
        if (Client* const client = next_client(State::waiting)) abandon(*client);
        break;
      case 14:
        if (Client* const client = next_client(State::active)) hold(*client);
        break;
      case 15:
        if (Client* const client = next_client(State::held)) {
          gate_.resume(client->operation, at_);
          client->state = State::active;
        }
        break;
      case 16:
        if (Client* const client = next_client(State::active)) ride(*client);
        break;
      case 17:
        if (Client* const client = next_client(State::active); client && client->riders > 0) {
          complete_ridden(*client);
        }
        break;
      case 18:
      case 19:
        tick();
        break;
      case 20:
        latest_ += microseconds(bytes_.next() * 20);
        break;
      case 21:
        latest_ += milliseconds(bytes_.next());
        break;
      case 22:
        far_in_time();
        break;
      case 23:
        read_signal();
        break;
      case 24:
        if (bytes_.below(4) == 0) reconfigure();
        break;
      case 25:
      case 26:
        traffic();
        break;
      default:
        seldom();
    }
    hear();
  }

  // Much of the same, since laws and the rejector learn nothing from a few.
  void traffic() {
    if (++traffics_ > kTrafficsMax) return;
    const OperationProfile profile = next_profile();
    const std::uint32_t rounds = 2U * bytes_.next();
    const std::uint32_t offers = 1 + bytes_.below(4);  // For each that ends.
    constexpr std::array<Duration, 4> kPaces = {microseconds(1), microseconds(300), milliseconds(2),
                                                milliseconds(11)};
    const Duration pace = bytes_.one_of(kPaces);
    for (std::uint32_t i = 0; i < rounds; ++i) {
      Client& client = clients_[i % kClients];
      if (client.state == State::idle) {
        OperationProfile one = profile;
        one.priority = Priority(profile.priority.tier(), i % kCohortCount);
        offer(client, one);
        hear();
      }
      if (i % offers == 0) {
        Client& other = clients_[i / offers % kClients];
        if (other.state == State::active) complete(other, Outcome::ok);
        hear();
      }
      at_ = latest_ += pace;
      if (i % kTickEvery == 0) tick();
      may_exceed_limit_ = 0;
    }
  }

  void far_in_time() {
    const std::uint8_t how = bytes_.next();
    if (how < 64) {
      latest_ -= std::min<Duration>(microseconds(how * 50), kBehindMax);
    } else if (how < 192) {
      latest_ += seconds(how - 64);
    } else {
      latest_ += hours(how - 191);
    }
  }

  void seldom() {
    const std::uint8_t what = bytes_.next();
    if (what == 0xdd) {
      gate_.drain(at_);
      is_draining_ = true;
      for (const Client& client : clients_) {
        if (client.state != State::waiting) continue;
        require(client.verdicts == 1);
        require(client.operation.verdict().reason == ShedReason::draining);
      }
      return;
    }
    if (Client* const client = next_client(State::idle)) {
      const OperationProfile profile = next_profile();
      begin(*client, profile);
      gate_.admit_unconditionally(client->operation, profile, at_);
      client->state = State::active;
      ++totals_[client->tier].admitted;
    }
  }

  void begin(Client& client, const OperationProfile& profile) {
    client.tier = static_cast<std::size_t>(profile.priority.tier());
    client.offered_at = at_;
    client.deadline_at =
        at_ +
        std::min<Duration>(
            profile.deadline == Duration::zero() ? options_.deadline : profile.deadline, hours(24));
    client.wait_max = options_.wait_max;
    client.saw_stall = is_stalled_;
    ++totals_[client.tier].offered;
  }

  void offer(Client& client, const OperationProfile& profile) {
    begin(client, profile);
    const Verdict verdict = gate_.offer(client.operation, profile, at_);
    note(verdict);
    require(std::isfinite(verdict.limit));
    if (options_.limit_mode == LimitMode::fixed) {
      require(verdict.limit == options_.limit_initial);
    } else {
      require(verdict.limit >= options_.limit_min && verdict.limit <= options_.limit_max);
    }
    const bool rehearses = options_.dry_run || profile.dry_run;
    if (rehearses) require(verdict.kind == Verdict::Kind::admit);
    switch (verdict.kind) {
      case Verdict::Kind::admit:
        client.state = State::active;
        ++totals_[client.tier].admitted;
        require(rehearses || verdict.active <= verdict.limit);
        if (is_heard()) require(verdict.active == count(State::active));
        require(rehearses || !is_draining_);
        require(rehearses || verdict.rehearsed == ShedReason::none);
        break;
      case Verdict::Kind::wait:
        client.state = State::waiting;
        require(!is_draining_);
        break;
      case Verdict::Kind::shed:
        ++totals_[client.tier].shed;
        check_shed(verdict);
        break;
    }
    require(client.verdicts == 0);
    require(client.operation.state() == client.state);
  }

  static void check_shed(const Verdict& verdict) {
    require(verdict.kind == Verdict::Kind::shed && verdict.reason != ShedReason::none);
    require(verdict.retry_after > Duration::zero() && verdict.retry_after <= kRetryAfterMax);
    const bool is_named =
        verdict.reason == ShedReason::scorecard || verdict.reason == ShedReason::signal;
    require(verdict.by.empty() != is_named);
  }

  Outcome next_outcome() { return static_cast<Outcome>(bytes_.below(5)); }
  void complete(Client& client, Outcome outcome) {
    if (client.state == State::active) {
      while (client.riders > 0) complete_ridden(client);
    }
    Totals& totals = totals_[client.tier];
    ++(outcome == Outcome::abandoned ? totals.abandoned : totals.completed);
    client.state = State::idle;
    gate_.complete(client.operation, outcome, at_);
  }
  void complete_ridden(Client& client) {
    const auto outcome = static_cast<Outcome>(bytes_.below(5));
    Totals& totals = totals_[client.tier];
    ++(outcome == Outcome::abandoned ? totals.abandoned : totals.completed);
    --client.riders;
    gate_.complete_ridden(client.operation, outcome, at_);
  }
  void ride(Client& client) {
    const OperationProfile profile = next_profile();
    if (!gate_.ride(client.operation, profile, at_)) return;
    require(!is_draining_);
    require(static_cast<std::size_t>(profile.priority.tier()) == client.tier);
    ++client.riders;
    ++ridden_;
    ++totals_[client.tier].offered;
    ++totals_[client.tier].admitted;
  }
  void hold(Client& client) {
    if (client.riders > 0) return;  // Its session wouldn't.
    gate_.hold(client.operation, at_);
    client.state = State::held;
  }
  void abandon(Client& client) {
    require(gate_.abandon(client.operation, at_) == (client.state == State::waiting));
    if (client.state != State::waiting) return;
    ++totals_[client.tier].abandoned;
    client.state = State::idle;
    require(client.verdicts == 0);
  }

  void read_signal() {
    constexpr std::array kValues = {0.0,
                                    1.5,
                                    3.0,
                                    8.0,
                                    1e6,
                                    -3.0,
                                    std::numeric_limits<double>::quiet_NaN(),
                                    std::numeric_limits<double>::infinity(),
                                    -std::numeric_limits<double>::infinity(),
                                    std::numeric_limits<double>::max(),
                                    std::numeric_limits<double>::lowest(),
                                    std::numeric_limits<double>::denorm_min()};
    const std::size_t index = bytes_.below(4);
    const double value = bytes_.one_of(kValues);
    const bool taken = gate_.signal("signal" + std::to_string(index), value, at_);
    const bool is_good = index < options_.signals.size() && std::isfinite(value) &&
                         (value >= 0 || options_.signals[index].negative_allowed);
    require(taken == is_good);
  }

  void reconfigure() {
    const bool was_dry_run = options_.dry_run;
    options_ = next_options();
    // All that wait are let go.
    if (options_.dry_run && !was_dry_run) may_exceed_limit_ = kClients;
    gate_.reconfigure(options_, at_);
    hear();
    check();
  }

  void tick() {
    may_exceed_limit_ = 1;  // The probe of a stalled database.
    const TimePoint due = gate_.tick(at_);
    require(due <= at_ + seconds(1));
    note(static_cast<std::uint64_t>(due.time_since_epoch().count()));
    (void)gate_.take_wake_request();
    hear();
    // The wheel turns by whole milliseconds, and never back.
    const std::int64_t turned = at_.time_since_epoch() / kWheelLate;
    const bool has_turned = turned > turned_;
    turned_ = std::max(turned_, turned);
    for (const Client& client : clients_) {
      if (!has_turned || client.state != State::waiting) continue;
      const Duration budget = client.saw_stall ? wait_max_in_stall_ : client.wait_max;
      require(at_ < std::min(client.offered_at + budget, client.deadline_at) + kWheelLate);
    }
    check();
  }

  void hear() {
    std::uint32_t beyond = 0;
    for (Client& client : clients_) {
      if (client.verdicts == 0) continue;
      require(client.verdicts == 1 && client.state == State::waiting);
      client.verdicts = 0;
      const Verdict& verdict = client.operation.verdict();
      note(verdict);
      require(verdict.waited >= Duration::zero());
      if (verdict.kind == Verdict::Kind::admit) {
        client.state = State::active;
        ++totals_[client.tier].admitted;
        if (verdict.active > verdict.limit) ++beyond;
      } else {
        client.state = State::idle;
        ++totals_[client.tier].shed;
        check_shed(verdict);
        if (verdict.reason == ShedReason::queue_timeout) {
          const auto budget = std::chrono::duration<double>(client.wait_max);
          const auto waited = std::chrono::duration<double>(at_ - client.offered_at);
          require(waited.count() >= (1 - kExpiryJitter) * budget.count() - 1e-6);
        }
      }
    }
    require(beyond <= may_exceed_limit_);
    may_exceed_limit_ -= beyond;
  }

  [[nodiscard]] bool is_heard() const {
    return std::none_of(clients_.begin(), clients_.end(),
                        [](const Client& client) { return client.verdicts != 0; });
  }
  [[nodiscard]] std::size_t count(State state) const {
    return static_cast<std::size_t>(
        std::count_if(clients_.begin(), clients_.end(),
                      [&](const Client& client) { return client.state == state; }));
  }

  void check_states() const {
    for (const Client& client : clients_) {
      require(client.operation.state() == client.state);
    }
  }
  void check() {
    check_states();
    const GateSnapshot snapshot = gate_.snapshot();
    require(snapshot.active == count(State::active));
    require(snapshot.held == count(State::held));
    require(snapshot.waiting == count(State::waiting));
    require(snapshot.ridden == ridden_);
    require(snapshot.draining == is_draining_);
    require(snapshot.dry_run == options_.dry_run);
    require(!options_.dry_run || snapshot.waiting == 0);
    // A slot that is free is nobody's to wait for, where nothing else is waited for.
    if (is_plain_ && options_.limit_mode == LimitMode::fixed && snapshot.waiting > 0) {
      require(snapshot.active >= options_.limit_initial);
    }
    check_numbers(snapshot);
    is_stalled_ = snapshot.is_stalled;
    if (!is_stalled_) return;
    for (Client& client : clients_) client.saw_stall = true;
  }

  static void require_ratio(double ratio) { require(ratio >= 0 && ratio <= 1); }
  void check_numbers(const GateSnapshot& snapshot) const {
    for (const double ratio : snapshot.rejection_ratio) require_ratio(ratio);
    for (const auto& demand : snapshot.passing) {
      for (const double ratio : demand) require_ratio(ratio);
    }
    require(std::isfinite(snapshot.limit.limit) && snapshot.limit.limit > 0);
    require(std::isfinite(snapshot.limit.elasticity));
    require(snapshot.scorecards.size() == options_.scorecards.size());
    for (const ScorecardSnapshot& card : snapshot.scorecards) {
      require(std::isfinite(card.active_parties) && card.active_parties >= 0);
      require(!card.cap || *card.cap > 0);
    }
    require(snapshot.signals.signals.size() == options_.signals.size());
    for (const SignalSnapshot& signal : snapshot.signals.signals) {
      require_ratio(signal.ratio);
      require(std::isfinite(signal.value) && signal.age >= Duration::zero());
    }
    for (const TierSnapshot& tier : snapshot.tiers) {
      require(std::isfinite(tier.wait.sum_seconds) && tier.wait.sum_seconds >= 0);
      require(std::isfinite(tier.service.sum_seconds) && tier.service.sum_seconds >= 0);
    }
  }

  void finish() {
    at_ = latest_;
    for (Client& client : clients_) {
      // Completions let others in.
      if (client.state == State::active || client.state == State::held)
        complete(client, next_outcome());
      hear();
    }
    check();
    for (int i = 0; i < 3; ++i) {
      at_ = latest_ += hours(25);
      tick();
    }
    require(count(State::waiting) == 0);
    for (Client& client : clients_) {
      if (client.state != State::idle) complete(client, next_outcome());
    }
    check();
    check_totals();
    if (!is_draining_) check_that_every_cap_is_free();
  }

  void check_totals() {
    const GateSnapshot snapshot = gate_.snapshot();
    require(snapshot.active == 0 && snapshot.held == 0 && snapshot.waiting == 0);
    for (std::size_t i = 0; i < kTierCount; ++i) {
      const Totals& totals = totals_[i];
      const TierSnapshot& said = snapshot.tiers[i];
      std::uint64_t shed = 0;
      for (const std::uint64_t number : said.shed) shed += number;
      require(said.offered == totals.offered && said.admitted == totals.admitted);
      require(said.completed == totals.completed && said.abandoned == totals.abandoned);
      require(shed == totals.shed);
      require(totals.offered == totals.completed + totals.abandoned + totals.shed);
    }
  }

  // Whatever was counted under a scorecard has been taken back, or its party would have to wait.
  void check_that_every_cap_is_free() {
    options_ = GateOptions();
    options_.limit_mode = LimitMode::fixed;
    options_.rejector = Enforcement::off;
    for (std::size_t i = 0; i < kScorecardsMax; ++i) {
      options_.scorecards.push_back({.name = "last" + std::to_string(i),
                                     .active_max = ScorecardCap{ScorecardCap::Unit::operations, 1},
                                     .weights = std::vector<double>(kScorecardWeightsMax, 1)});
    }
    gate_.reconfigure(options_, at_);
    Operation& operation = clients_[0].operation;
    for (std::size_t card = 0; card < kScorecardsMax; ++card) {
      for (std::uint64_t party = 0; party < kParties; ++party) {
        OperationProfile profile;
        profile.fingerprint = party;
        profile.scorecard_count = 1;
        profile.scorecards[0] = {.party = party, .card = static_cast<std::uint8_t>(card)};
        require(gate_.offer(operation, profile, at_).kind == Verdict::Kind::admit);
        gate_.complete(operation, Outcome::ok, at_);
      }
    }
  }

  Bytes bytes_;
  bool is_plain_;  // Nothing but the limit is waited for.
  std::array<std::size_t, kScorecardsMax> weights_known_ = {};
  std::size_t cards_known_ = 0;
  Duration wait_max_in_stall_ = Duration::zero();  // Under any options so far.
  GateOptions options_;
  Gate gate_;
  std::deque<Client> clients_;
  std::array<Totals, kTierCount> totals_ = {};
  std::uint64_t ridden_ = 0;
  std::size_t traffics_ = 0;
  TimePoint latest_ = TimePoint(hours(1));
  TimePoint at_ = latest_;
  std::int64_t turned_ = 0;
  bool is_draining_ = false;
  bool is_stalled_ = false;
  std::uint32_t may_exceed_limit_ = 0;
  std::uint64_t digest_ = 1;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::span<const std::uint8_t> bytes(data, std::min(size, kBytesMax));
  const std::uint64_t digest = Run(bytes).digest_of_all();
  if (size % 4 == 0) require(Run(bytes).digest_of_all() == digest);  // Twice the time.
  return 0;
}
