// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "proxy/simulator/metrics.h"
#include "proxy/simulator/record.h"
#include "proxy/simulator/scenario.h"
#include "shedder/gate_options.h"
#include "shedder/gate_snapshot.h"

namespace loadline::simulator {

// What came of the engine in one run.
struct EngineRun {
  Record record = {};
  Metrics metrics = {};
  GateSnapshot end = {};  // After the last operation left.

  // Over [from, to), in seconds. Requests answered in time, by the moment of the answer.
  [[nodiscard]] double goodput(std::size_t from, std::size_t to) const;
  // Of the requests of that time, the share that was answered in time.
  [[nodiscard]] double success(Tier tier, std::size_t from, std::size_t to) const;
  [[nodiscard]] double limit_mean(std::size_t from, std::size_t to) const;
};

[[nodiscard]] EngineRun run_engine(const Scenario& scenario, std::uint64_t seed,
                                   const GateOptions& options = {});

}  // namespace loadline::simulator
