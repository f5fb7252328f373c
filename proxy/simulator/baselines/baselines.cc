// SPDX-License-Identifier: Apache-2.0
#include "proxy/simulator/baselines/baselines.h"

#include <limits>

#include "proxy/simulator/baselines/cinnamon.h"
#include "proxy/simulator/baselines/dagor.h"
#include "proxy/simulator/baselines/envoy.h"
#include "proxy/simulator/baselines/gradient2.h"
#include "proxy/simulator/baselines/pool.h"
#include "proxy/simulator/baselines/token_bucket.h"
#include "proxy/simulator/baselines/vegas.h"

namespace loadline::simulator {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr double kPoolLimit = 100;
constexpr double kTokenShare = 0.9;

std::unique_ptr<Admitter> make_pool(const Pool::Options& options) {
  return std::make_unique<Pool>(options);
}

// Operations per second that the database can do, whatever classes there are.
double rate_possible(const Scenario& scenario) {
  const double weighted = capacity_per_s(scenario);
  if (weighted > 0) return weighted;
  const LoadClass& first = scenario.classes.front();
  return knee_of(scenario.database).speed /
         (std::chrono::duration<double>(first.work).count() * first.statements);
}

}  // namespace

std::unique_ptr<Admitter> make_baseline(std::string_view name, const Scenario& scenario,
                                        std::uint64_t seed) {
  if (name == "none") return make_pool({.limit = std::numeric_limits<double>::infinity()});
  if (name == "fifo-long") return make_pool({.limit = kPoolLimit, .wait_max = seconds(120)});
  if (name == "fifo-short") {
    const double knee = knee_of(scenario.database).jobs;
    return make_pool({.limit = knee, .wait_max = milliseconds(100)});
  }
  if (name == "codel-lifo") {
    return make_pool({.limit = kPoolLimit, .wait_max = milliseconds(100), .adaptive_lifo = true});
  }
  if (name == "token-bucket") {
    return std::make_unique<TokenBucket>(kTokenShare * rate_possible(scenario));
  }
  if (name == "gradient2") return std::make_unique<Gradient2>();
  if (name == "envoy") return std::make_unique<Envoy>(seed);
  if (name == "vegas") return std::make_unique<Vegas>(seed);
  if (name == "dagor") return std::make_unique<Dagor>();
  if (name == "cinnamon") return std::make_unique<Cinnamon>(scenario.clients.deadline);
  return nullptr;
}

}  // namespace loadline::simulator
