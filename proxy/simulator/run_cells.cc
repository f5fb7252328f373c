// SPDX-License-Identifier: Apache-2.0
#include "proxy/simulator/run_cells.h"

#include <algorithm>
#include <atomic>
#include <thread>

namespace loadline::simulator {

std::vector<ReportRow> run_cells(const std::vector<Cell>& cells, std::uint32_t jobs) {
  std::vector<ReportRow> rows(cells.size());
  std::atomic<std::size_t> next = 0;
  const auto work = [&] {
    for (std::size_t i = next++; i < cells.size(); i = next++) {
      rows[i] = {.cell = cells[i], .result = run_cell(cells[i])};
    }
  };
  std::vector<std::thread> threads;
  const std::size_t count = std::min<std::size_t>(std::max(jobs, 1U), cells.size());
  for (std::size_t i = 1; i < count; ++i) threads.emplace_back(work);
  work();
  for (std::thread& thread : threads) thread.join();
  return rows;
}

}  // namespace loadline::simulator
