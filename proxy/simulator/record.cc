// SPDX-License-Identifier: Apache-2.0
#include "proxy/simulator/record.h"

#include <cmath>

namespace loadline::simulator {

void Gauge::record(std::uint32_t value) {
  if (counts_.size() <= value) counts_.resize(std::size_t{value} + 1);
  ++counts_[value];
  ++count_;
}

double Gauge::mean() const {
  double sum = 0;
  for (std::size_t i = 0; i < counts_.size(); ++i) {
    sum += static_cast<double>(i) * static_cast<double>(counts_[i]);
  }
  return count_ > 0 ? sum / static_cast<double>(count_) : 0;
}

std::uint32_t Gauge::quantile(double fraction) const {
  const auto wanted = static_cast<std::uint64_t>(std::ceil(fraction * static_cast<double>(count_)));
  std::uint64_t seen = 0;
  for (std::size_t i = 0; i < counts_.size(); ++i) {
    seen += counts_[i];
    if (seen >= wanted) return static_cast<std::uint32_t>(i);
  }
  return 0;
}

std::uint32_t Gauge::max() const {
  return counts_.empty() ? 0 : static_cast<std::uint32_t>(counts_.size() - 1);
}

}  // namespace loadline::simulator
