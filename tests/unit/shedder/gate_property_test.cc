// SPDX-License-Identifier: Apache-2.0
// Random things happen to a gate in random order, and a simple model knows what must be true.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "shedder/rng.h"
#include "tests/unit/shedder/gate_fixture.h"

namespace loadline {
namespace {

using std::chrono::microseconds;
using std::chrono::milliseconds;
using std::chrono::seconds;
using State = Operation::State;
using Kind = Verdict::Kind;

class Interleaving {
 public:
  // Hot: few kinds of statements and many slots, so that one of them gets a cap.
  enum class Mix : std::uint8_t { any, hot };

  explicit Interleaving(std::uint64_t seed, Mix mix = Mix::any)
      : rng_(seed), mix_(mix), t_(random_options()) {
    for (std::size_t i = 0; i < kOperations; ++i) {
      Client& client = clients_.emplace_back();
      client.operation = &t_.operation();
      client.operation->owner = &clients_[i];
    }
  }

  void run(int steps) {
    for (int i = 0; i < steps && !has_failed(); ++i) {
      step();
      check_counts();
      if (i % 64 == 0) check_totals();
    }
  }
  // Whatever is left ends.
  void finish() {
    for (Client& client : clients_) {
      if (client.state == State::waiting && chance(2)) abandon(client);
      check_counts();
    }
    for (int i = 0; i < 100 && count(State::waiting) > 0; ++i) {
      advance(seconds(60));
      tick();
    }
    for (Client& client : clients_) {
      if (client.state == State::active || client.state == State::held) complete(client);
    }
    // Completions may have let somebody in.
    for (Client& client : clients_) {
      if (client.state != State::idle) complete(client);
    }
    check_counts();
    check_totals();
    const GateSnapshot snapshot = t_.gate.snapshot();
    EXPECT_EQ(snapshot.active, 0U);
    EXPECT_EQ(snapshot.held, 0U);
    EXPECT_EQ(snapshot.waiting, 0U);
    for (const Client& client : clients_) EXPECT_EQ(client.operation->state(), State::idle);
    for (std::size_t tier = 0; tier < kTierCount; ++tier) {
      const Totals& totals = totals_[tier];
      EXPECT_EQ(totals.offered, totals.admitted + totals.shed + totals.abandoned_waiting);
      EXPECT_EQ(totals.admitted, totals.completed + totals.abandoned_active);
    }
  }

  [[nodiscard]] std::uint64_t digest() const { return digest_; }
  [[nodiscard]] static bool has_failed() { return ::testing::Test::HasFailure(); }

  // What has happened, so that the test of them all can say that everything has.
  std::uint64_t admitted_from_queue = 0;
  std::array<std::uint64_t, kShedReasonCount> shed = {};
  std::uint64_t ridden = 0;
  std::uint64_t stalls_seen = 0;
  std::uint64_t caps_seen = 0;

 private:
  static constexpr std::size_t kOperations = 300;

  struct Client {
    Operation* operation = nullptr;
    State state = State::idle;
    std::uint32_t riders = 0;
    OperationProfile profile;
  };
  struct Totals {
    std::uint64_t offered = 0;
    std::uint64_t admitted = 0;
    std::uint64_t completed = 0;
    std::uint64_t shed = 0;
    std::uint64_t abandoned_waiting = 0;
    std::uint64_t abandoned_active = 0;
  };

  [[nodiscard]] bool chance(std::uint64_t one_in) { return rng_.next() % one_in == 0; }
  [[nodiscard]] std::uint64_t below(std::uint64_t end) { return rng_.next() % end; }

  [[nodiscard]] GateOptions random_options() {
    GateOptions options;
    constexpr std::array kModes = {LimitMode::automatic, LimitMode::aimd, LimitMode::vegas,
                                   LimitMode::gradient2, LimitMode::correlation};
    options.limit_mode = chance(2) ? LimitMode::fixed : kModes[below(kModes.size())];
    options.limit_min = 1 + static_cast<std::uint32_t>(below(4));
    options.limit_max = options.limit_min + static_cast<std::uint32_t>(below(60));
    options.limit_initial =
        options.limit_min +
        static_cast<std::uint32_t>(below(options.limit_max - options.limit_min + 1));
    options.deadline = milliseconds(5 + below(2000));
    options.wait_max = milliseconds(below(500));
    options.pressure_after = milliseconds(below(100));
    options.rejector = chance(3) ? Enforcement::off : Enforcement::on;
    options.waiting_max = chance(2) ? 0 : 1 + static_cast<std::uint32_t>(below(100));
    options.starvation_floor_percent = static_cast<std::uint32_t>(below(50));
    if (mix_ == Mix::hot) {
      options.limit_mode = LimitMode::fixed;
      options.limit_initial = 60;
    }
    return options;
  }
  [[nodiscard]] OperationProfile random_profile() {
    OperationProfile profile;
    profile.priority = Priority(static_cast<Tier>(below(kTierCount)),
                                static_cast<std::uint32_t>(below(kCohortCount)));
    profile.operation_class = static_cast<OperationClass>(below(3));
    profile.tenant = below(5);
    // A few that are hot, and sometimes more than there are slots for.
    profile.fingerprint = chance(8) ? below(100'000) : below(5);
    if (mix_ == Mix::hot) profile.fingerprint = 2 + below(3);
    if (chance(4)) profile.deadline = microseconds(below(500'000));
    return profile;
  }

  [[nodiscard]] std::size_t count(State state) const {
    return static_cast<std::size_t>(
        std::count_if(clients_.begin(), clients_.end(),
                      [&](const Client& client) { return client.state == state; }));
  }
  [[nodiscard]] Client* random_client(State state) {
    const std::size_t start = below(kOperations);
    for (std::size_t i = 0; i < kOperations; ++i) {
      Client& client = clients_[(start + i) % kOperations];
      if (client.state == state) return &client;
    }
    return nullptr;
  }
  [[nodiscard]] Totals& totals_of(const Client& client) {
    return totals_[static_cast<std::size_t>(client.profile.priority.tier())];
  }

  void advance(Duration by) { latest_ += by; }
  // As another thread may have read it: a little behind now and then.
  [[nodiscard]] TimePoint now() {
    return chance(8) ? latest_ - microseconds(below(2000)) : latest_;
  }
  void note(std::uint64_t number) {
    digest_ = (digest_ ^ number) * 0x9e3779b97f4a7c15U;
    digest_ ^= digest_ >> 29U;
  }

  void step() {
    switch (below(16)) {
      case 0:
      case 1:
      case 2:
      case 3:
      case 4:
        if (Client* const client = random_client(State::idle)) offer(*client);
        return;
      case 5:
      case 6:
      case 7:
      case 8:
        if (Client* const client = random_client(State::active)) {
          // Some statements are slow, and some only sometimes.
          if (client->profile.fingerprint == 1 && !chance(20)) return;
          if (client->profile.fingerprint == 2 && is_row_locked_ && !chance(10)) return;
          complete(*client);
        }
        return;
      case 9:
        if (Client* const client = random_client(State::waiting); client != nullptr && chance(4)) {
          abandon(*client);
        }
        return;
      case 10:
        if (Client* const client = random_client(State::active);
            client != nullptr && client->riders == 0) {
          t_.gate.hold(*client->operation, now());
          client->state = State::held;
          hear(false);
        }
        return;
      case 11:
        if (Client* const client = random_client(State::held)) {
          if (chance(3)) {
            complete(*client);
          } else {
            t_.gate.resume(*client->operation, now());
            client->state = State::active;
            hear(false);
          }
        }
        return;
      case 12:
        ride_or_complete_ridden();
        return;
      case 13:
        tick();
        return;
      case 14:
        seldom();
        return;
      default:
        advance(chance(10) ? Duration(milliseconds(below(40))) : microseconds(below(1000)));
    }
  }
  void seldom() {
    if (chance(20)) {
      t_.gate.reconfigure(random_options(), now());
      hear(false);
    } else if (chance(20)) {
      advance(milliseconds(below(20'000)));  // Suspended, perhaps.
    } else if (chance(10)) {
      is_row_locked_ = !is_row_locked_;
    } else if (chance(4)) {
      if (Client* const client = random_client(State::idle)) {
        client->profile = random_profile();
        t_.gate.admit_unconditionally(*client->operation, client->profile, now());
        client->state = State::active;
        ++totals_of(*client).offered;
        ++totals_of(*client).admitted;
        hear(false);
      }
    }
  }

  void offer(Client& client) {
    client.profile = random_profile();
    const Verdict verdict = t_.gate.offer(*client.operation, client.profile, now());
    Totals& totals = totals_of(client);
    ++totals.offered;
    switch (verdict.kind) {
      case Kind::admit:
        client.state = State::active;
        ++totals.admitted;
        EXPECT_LE(verdict.active, verdict.limit);
        break;
      case Kind::wait:
        client.state = State::waiting;
        break;
      case Kind::shed:
        ++totals.shed;
        ++shed[static_cast<std::size_t>(verdict.reason)];
        EXPECT_NE(verdict.reason, ShedReason::none);
        EXPECT_GT(verdict.retry_after, Duration::zero());
        break;
    }
    EXPECT_EQ(client.operation->state(), client.state);
    note(static_cast<std::uint64_t>(verdict.kind) * 16 +
         static_cast<std::uint64_t>(verdict.reason));
    note(static_cast<std::uint64_t>(verdict.retry_after.count()));
    hear(false);
  }
  void complete(Client& client) {
    if (client.state == State::active) {
      while (client.riders > 0) complete_ridden(client);
    }
    const auto outcome = static_cast<Outcome>(below(5));
    Totals& totals = totals_of(client);
    ++(outcome == Outcome::abandoned ? totals.abandoned_active : totals.completed);
    client.state = State::idle;
    t_.gate.complete(*client.operation, outcome, now());
    hear(false);
  }
  void complete_ridden(Client& client) {
    --client.riders;
    ++totals_of(client).completed;
    t_.gate.complete_ridden(*client.operation, Outcome::ok, now());
    hear(false);
  }
  void ride_or_complete_ridden() {
    Client* const client = random_client(State::active);
    if (client == nullptr) return;
    if (client->riders > 0 && chance(2)) {
      complete_ridden(*client);
      return;
    }
    OperationProfile profile = random_profile();
    if (chance(2)) profile.priority = client->profile.priority;
    if (!t_.gate.ride(*client->operation, profile, now())) return;
    EXPECT_EQ(profile.priority.tier(), client->profile.priority.tier());
    EXPECT_EQ(count(State::waiting), t_.gate.snapshot().waiting);
    ++client->riders;
    ++ridden;
    ++totals_of(*client).offered;
    ++totals_of(*client).admitted;
  }
  void abandon(Client& client) {
    EXPECT_TRUE(t_.gate.abandon(*client.operation, now()));
    client.state = State::idle;
    ++totals_of(client).abandoned_waiting;
    hear(false);
  }
  void tick() {
    const TimePoint at = now();
    const TimePoint due = t_.gate.tick(at);
    EXPECT_LE(due, at + seconds(1)) << "it wants to look again";
    note(static_cast<std::uint64_t>(due.time_since_epoch().count()));
    const GateSnapshot snapshot = t_.gate.snapshot();
    if (snapshot.is_stalled) ++stalls_seen;
    caps_seen = std::max<std::uint64_t>(caps_seen, snapshot.capped_fingerprints);
    hear(snapshot.is_stalled);
    (void)t_.gate.take_wake_request();
  }

  // A stalled database gets one probe beyond the limit.
  void hear(bool may_hold_a_probe) {
    int beyond = 0;
    for (Operation* const operation : t_.sink.decided) {
      Client& client = *static_cast<Client*>(operation->owner);
      ASSERT_EQ(client.state, State::waiting) << "a verdict that nobody waited for";
      const Verdict& verdict = operation->verdict();
      Totals& totals = totals_of(client);
      client.state = operation->state();
      if (verdict.kind == Kind::admit) {
        ASSERT_EQ(client.state, State::active);
        ++totals.admitted;
        ++admitted_from_queue;
        if (verdict.active > verdict.limit) ++beyond;
      } else {
        ASSERT_EQ(verdict.kind, Kind::shed);
        ASSERT_EQ(client.state, State::idle);
        ASSERT_NE(verdict.reason, ShedReason::none);
        ++totals.shed;
        ++shed[static_cast<std::size_t>(verdict.reason)];
      }
      ASSERT_GE(verdict.waited, Duration::zero());
      note(static_cast<std::uint64_t>(&client - clients_.data()));
      note(static_cast<std::uint64_t>(verdict.waited.count()));
    }
    EXPECT_LE(beyond, may_hold_a_probe ? 1 : 0);
    t_.sink.decided.clear();
  }

  void check_counts() {
    const GateSnapshot snapshot = t_.gate.snapshot();
    ASSERT_EQ(snapshot.active, count(State::active));
    ASSERT_EQ(snapshot.held, count(State::held));
    ASSERT_EQ(snapshot.waiting, count(State::waiting));
  }
  void check_totals() {
    const GateSnapshot snapshot = t_.gate.snapshot();
    for (std::size_t tier = 0; tier < kTierCount; ++tier) {
      const TierSnapshot& said = snapshot.tiers[tier];
      const Totals& totals = totals_[tier];
      std::uint64_t said_shed = 0;
      for (const std::uint64_t number : said.shed) said_shed += number;
      ASSERT_EQ(said.offered, totals.offered);
      ASSERT_EQ(said.admitted, totals.admitted);
      ASSERT_EQ(said.completed, totals.completed);
      ASSERT_EQ(said_shed, totals.shed);
      ASSERT_EQ(said.abandoned, totals.abandoned_waiting + totals.abandoned_active);
      std::uint64_t waited = 0;
      for (const std::uint64_t bucket : said.wait.buckets) waited += bucket;
      ASSERT_EQ(waited, totals.admitted);
    }
    ASSERT_EQ(snapshot.ridden, ridden);
  }

  Rng rng_;
  Mix mix_;
  GateFixture t_;
  std::vector<Client> clients_ = reserved();
  std::array<Totals, kTierCount> totals_;
  TimePoint latest_ = kStart;
  bool is_row_locked_ = false;
  std::uint64_t digest_ = 1;

  static std::vector<Client> reserved() {
    std::vector<Client> clients;
    clients.reserve(kOperations);  // They stay where they are.
    return clients;
  }
};

TEST(GateProperty, EveryOfferEndsOnceWhateverHappens) {
  std::uint64_t admitted_from_queue = 0;
  std::array<std::uint64_t, kShedReasonCount> shed = {};
  std::uint64_t ridden = 0;
  std::uint64_t stalls_seen = 0;
  std::uint64_t caps_seen = 0;
  for (std::uint64_t seed = 1; seed <= 40 && !HasFailure(); ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    const bool is_hot = seed % 8 == 0;
    Interleaving interleaving(seed, is_hot ? Interleaving::Mix::hot : Interleaving::Mix::any);
    interleaving.run(is_hot ? 40'000 : 5'000);
    interleaving.finish();
    admitted_from_queue += interleaving.admitted_from_queue;
    for (std::size_t i = 0; i < kShedReasonCount; ++i) shed[i] += interleaving.shed[i];
    ridden += interleaving.ridden;
    stalls_seen += interleaving.stalls_seen;
    caps_seen += interleaving.caps_seen;
  }
  // Or the test would show little.
  EXPECT_GT(admitted_from_queue, 0U);
  EXPECT_GT(ridden, 0U);
  EXPECT_GT(stalls_seen, 0U);
  EXPECT_GT(caps_seen, 0U);
  for (const ShedReason reason :
       {ShedReason::overload, ShedReason::queue_timeout, ShedReason::queue_full,
        ShedReason::pushed_out, ShedReason::deadline}) {
    EXPECT_GT(shed[static_cast<std::size_t>(reason)], 0U) << static_cast<int>(reason);
  }
}

TEST(GateProperty, TheSameSeedIsTheSameRun) {
  const auto digest_of = [](std::uint64_t seed) {
    Interleaving interleaving(seed);
    interleaving.run(3000);
    interleaving.finish();
    return interleaving.digest();
  };
  for (std::uint64_t seed = 100; seed < 105; ++seed) EXPECT_EQ(digest_of(seed), digest_of(seed));
  EXPECT_NE(digest_of(1), digest_of(2));
}

}  // namespace
}  // namespace loadline
