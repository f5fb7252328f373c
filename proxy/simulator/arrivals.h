// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <vector>

#include "proxy/simulator/scenario.h"
#include "proxy/simulator/timeline.h"
#include "shedder/rng.h"

namespace loadline::simulator {

// The parties of a scenario: those of the Zipf law first, then each class's own.
class Tenants {
 public:
  explicit Tenants(const Scenario& scenario);

  [[nodiscard]] std::uint32_t draw(std::size_t class_index, Rng& rng) const;
  [[nodiscard]] std::size_t count() const { return count_; }
  // What the engine knows a tenant by, and the cohort that one of its hosts belongs to for good.
  static constexpr std::uint32_t kHosts = 16;
  [[nodiscard]] static std::uint64_t hash(std::uint32_t tenant);
  [[nodiscard]] static std::uint32_t cohort(std::uint32_t tenant, std::uint32_t host);

 private:
  std::vector<double> cumulative_;    // Of the Zipf law, the last one 1.
  std::vector<std::int32_t> own_of_;  // By class: its own tenant, or -1.
  std::size_t count_ = 0;
};

// What a client wants, however many attempts it takes.
struct Request {
  std::uint32_t class_index = 0;
  Tier tier = Tier::t3;
  std::uint32_t tenant = 0;
  std::uint32_t host = 0;  // Of the tenant's, below Tenants::kHosts.
  std::uint32_t row = 0;
  Duration work = {};  // Of each statement, whenever the cache is warm.
  std::uint32_t statements = 1;
  Duration pause = {};                         // Of a replay: between two of them.
  const OperationProfile* recorded = nullptr;  // Of a replay: as what it was offered.
  TimePoint arrived = {};
  std::uint32_t attempts = 0;
};

// When requests of one class arrive and what they want: the same for every policy, since nothing
// else draws from this generator. A process of rate 1 is drawn and its time is stretched by the
// rate in force, which is exact across changes of the rate.
class Arrivals {
 public:
  Arrivals(const Scenario& scenario, const Timeline& timeline, const Tenants& tenants,
           std::size_t class_index, std::uint64_t seed);

  // Since the start; Duration::max() if there are no more.
  [[nodiscard]] Duration next();
  // How many come together.
  [[nodiscard]] std::uint32_t batch() const { return batch_; }
  [[nodiscard]] Request draw(TimePoint now);

 private:
  struct Step {
    double begin_s = 0;
    double end_s = 0;
    double per_s = 0;
  };

  const LoadClass& class_;
  const Tenants& tenants_;
  std::uint32_t class_index_;
  ArrivalKind kind_;
  std::uint32_t batch_;
  Rng rng_;
  TierShares tiers_until_ = {};  // Cumulative, the last one 1.
  std::vector<Step> steps_;
  std::size_t step_ = 0;
  double position_s_ = 0;
};

}  // namespace loadline::simulator
