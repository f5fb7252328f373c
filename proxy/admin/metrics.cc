// SPDX-License-Identifier: Apache-2.0
#include "proxy/admin/metrics.h"

#include <prometheus/collectable.h>
#include <prometheus/metric_family.h>
#include <prometheus/text_serializer.h>

#include <limits>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "proxy/admin/labels.h"
#include "proxy/admin/metric_families.h"

namespace loadline::admin {
namespace {

using prometheus::ClientMetric;
using Exported = prometheus::MetricFamily;
using Families = std::vector<Exported>;
using Labels = std::vector<ClientMetric::Label>;

ClientMetric::Label label(std::string_view name, std::string_view value) {
  return {std::string(name), std::string(value)};
}

Exported exported(std::string_view name, std::string_view help, prometheus::MetricType type) {
  return {std::string(name), std::string(help), type, {}};
}

prometheus::MetricType to_type(MetricKind kind) noexcept {
  switch (kind) {
    case MetricKind::counter:
      return prometheus::MetricType::Counter;
    case MetricKind::gauge:
      return prometheus::MetricType::Gauge;
  }
  return prometheus::MetricType::Untyped;
}

// Adds the series of one row to a family.
template <typename Row>
void add_series(Exported& out, const MetricFamily<Row>& family, const Row& row,
                const Labels& labels) {
  for (std::size_t index = family.label.first; index < family.label.count; ++index) {
    ClientMetric& metric = out.metric.emplace_back();
    metric.label = labels;
    if (!family.label.name.empty()) {
      metric.label.push_back(label(family.label.name, family.label.value_of(index)));
    }
    const double value = family.value(row, index);
    switch (family.kind) {
      case MetricKind::counter:
        metric.counter.value = value;
        break;
      case MetricKind::gauge:
        metric.gauge.value = value;
        break;
    }
  }
}

template <typename Row>
void add_text(Exported& out, const TextFamily<Row>& family, const Row& row, Labels labels) {
  labels.push_back(label(family.label, family.text(row)));
  ClientMetric& metric = out.metric.emplace_back();
  metric.label = std::move(labels);
  metric.gauge.value = 1;
}

void add_histogram(Exported& out, const LatencySnapshot& latency, Labels labels) {
  ClientMetric& metric = out.metric.emplace_back();
  metric.label = std::move(labels);
  metric.histogram.sample_sum = latency.sum_seconds;
  std::uint64_t cumulative = 0;
  for (std::size_t index = 0; index < latency.buckets.size(); ++index) {
    cumulative += latency.buckets[index];
    const double bound = index < kLatencyBucketBounds.size()
                             ? kLatencyBucketBounds[index]
                             : std::numeric_limits<double>::infinity();
    metric.histogram.bucket.push_back({cumulative, bound});
  }
  metric.histogram.sample_count = cumulative;
}

Labels labels_of(const ListenerStatus& listener) { return {label("listener", listener.name)}; }
Labels labels_of(const UpstreamStatus& upstream) { return {label("upstream", upstream.name)}; }
Labels labels_of(const UpstreamStatus& upstream, std::size_t tier) {
  return {label("upstream", upstream.name), label("tier", to_string(static_cast<Tier>(tier)))};
}

template <typename Row>
void collect_one(Families& out, std::span<const MetricFamily<Row>> families, const Row& row) {
  for (const auto& family : families) {
    add_series(out.emplace_back(exported(family.name, family.help, to_type(family.kind))), family,
               row, {});
  }
}

template <typename Row>
void collect_each(Families& out, std::span<const MetricFamily<Row>> families,
                  const std::vector<Row>& rows) {
  for (const auto& family : families) {
    auto& to = out.emplace_back(exported(family.name, family.help, to_type(family.kind)));
    for (const Row& row : rows) add_series(to, family, row, labels_of(row));
  }
}

void collect_tiers(Families& out, const std::vector<UpstreamStatus>& upstreams) {
  for (const auto& family : tier_families()) {
    auto& to = out.emplace_back(exported(family.name, family.help, to_type(family.kind)));
    for (const auto& upstream : upstreams) {
      for (std::size_t tier = 0; tier < kTierCount; ++tier) {
        add_series(to, family, upstream.gate.tiers[tier], labels_of(upstream, tier));
      }
    }
  }
  for (const auto& family : histogram_families()) {
    auto& to =
        out.emplace_back(exported(family.name, family.help, prometheus::MetricType::Histogram));
    for (const auto& upstream : upstreams) {
      for (std::size_t tier = 0; tier < kTierCount; ++tier) {
        add_histogram(to, upstream.gate.tiers[tier].*family.field, labels_of(upstream, tier));
      }
    }
  }
}

void collect_signals(Families& out, const std::vector<UpstreamStatus>& upstreams) {
  for (const auto& family : signal_families()) {
    auto& to = out.emplace_back(exported(family.name, family.help, to_type(family.kind)));
    for (const auto& upstream : upstreams) {
      for (const SignalSnapshot& signal : upstream.gate.signals.signals) {
        add_series(to, family, signal,
                   {label("upstream", upstream.name), label("signal", signal.name)});
      }
    }
  }
}

void collect_scorecards(Families& out, const std::vector<UpstreamStatus>& upstreams) {
  for (const auto& family : scorecard_families()) {
    auto& to = out.emplace_back(exported(family.name, family.help, to_type(family.kind)));
    for (const auto& upstream : upstreams) {
      for (const ScorecardSnapshot& card : upstream.gate.scorecards) {
        add_series(to, family, card,
                   {label("upstream", upstream.name), label("scorecard", card.name)});
      }
    }
  }
}

Families collect(const Status& status, const ProcessUsage& usage) {
  Families out;
  constexpr auto kGauge = prometheus::MetricType::Gauge;
  for (const auto& family : status_text_families()) {
    add_text(out.emplace_back(exported(family.name, family.help, kGauge)), family, status, {});
  }
  collect_one(out, status_families(), status);
  collect_one(out, process_families(), usage);
  collect_each(out, listener_families(), status.listeners);
  collect_each(out, upstream_families(), status.upstreams);
  for (const auto& family : upstream_text_families()) {
    auto& to = out.emplace_back(exported(family.name, family.help, kGauge));
    for (const auto& row : status.upstreams) add_text(to, family, row, labels_of(row));
  }
  collect_tiers(out, status.upstreams);
  collect_signals(out, status.upstreams);
  collect_scorecards(out, status.upstreams);
  return out;
}

// Holds nothing between scrapes: every one asks anew.
class StatusCollector final : public prometheus::Collectable {
 public:
  explicit StatusCollector(const StatusSource& source) : source_(&source) {}

  std::vector<Exported> Collect() const override {
    return collect(source_->status(), read_process_usage());
  }

 private:
  const StatusSource* source_;
};

}  // namespace

std::string render_metrics(const Status& status, const ProcessUsage& usage) {
  return prometheus::TextSerializer().Serialize(collect(status, usage));
}

std::string scrape(const StatusSource& source) {
  return prometheus::TextSerializer().Serialize(StatusCollector(source).Collect());
}

}  // namespace loadline::admin
