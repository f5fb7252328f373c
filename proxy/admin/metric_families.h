// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "proxy/admin/process_usage.h"
#include "proxy/admin/status.h"

namespace loadline::admin {

enum class MetricKind : std::uint8_t { counter, gauge };

// A label whose values are known when this is compiled. Values `first` to `count` - 1 are exported.
struct LabelSet {
  std::string_view name = {};  // Empty: one series, without this label.
  std::size_t first = 0;
  std::size_t count = 1;
  std::string_view (*value_of)(std::size_t index) = nullptr;
};

// One metric: its series per row (a listener, an upstream, …) come from `value`, asked once for
// each value of `label`.
template <typename Row>
struct MetricFamily {
  std::string_view name;
  std::string_view help;  // What to conclude from it. No backslash, no newline.
  MetricKind kind = MetricKind::gauge;
  double (*value)(const Row& row, std::size_t index) = nullptr;
  LabelSet label = {};
};

// Always 1: what it says is in a label.
template <typename Row>
struct TextFamily {
  std::string_view name;
  std::string_view help;
  std::string_view label;
  std::string_view (*text)(const Row& row) = nullptr;
};

// Latency in seconds, one series per tier.
struct HistogramFamily {
  std::string_view name;
  std::string_view help;
  LatencySnapshot TierSnapshot::*field = nullptr;
};

// The tables. All that /metrics shows is here, so docs and dashboards are checked against it.
[[nodiscard]] std::span<const TextFamily<Status>> status_text_families() noexcept;
[[nodiscard]] std::span<const MetricFamily<Status>> status_families() noexcept;
[[nodiscard]] std::span<const MetricFamily<ProcessUsage>> process_families() noexcept;
[[nodiscard]] std::span<const MetricFamily<ListenerStatus>> listener_families() noexcept;
[[nodiscard]] std::span<const MetricFamily<UpstreamStatus>> upstream_families() noexcept;
[[nodiscard]] std::span<const TextFamily<UpstreamStatus>> upstream_text_families() noexcept;
[[nodiscard]] std::span<const MetricFamily<TierSnapshot>> tier_families() noexcept;
[[nodiscard]] std::span<const MetricFamily<SignalSnapshot>> signal_families() noexcept;
[[nodiscard]] std::span<const MetricFamily<ScorecardSnapshot>> scorecard_families() noexcept;
[[nodiscard]] std::span<const HistogramFamily> histogram_families() noexcept;

// The names of all of the above. A histogram's are without _bucket, _sum and _count.
[[nodiscard]] std::vector<std::string_view> metric_names();

}  // namespace loadline::admin
