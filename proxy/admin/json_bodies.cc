// SPDX-License-Identifier: Apache-2.0
#include "proxy/admin/json_bodies.h"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <chrono>
#include <nlohmann/json.hpp>
#include <string>

#include "proxy/admin/labels.h"

namespace loadline::admin {
namespace {

using Json = nlohmann::ordered_json;

std::string dump(const Json& json, int indent) {
  return json.dump(indent, ' ', /*ensure_ascii=*/false, Json::error_handler_t::replace) + '\n';
}

std::string to_iso8601(std::chrono::system_clock::time_point time) {
  const auto milliseconds = std::chrono::floor<std::chrono::milliseconds>(time);
  const auto seconds = std::chrono::floor<std::chrono::seconds>(milliseconds);
  return fmt::format("{:%Y-%m-%dT%H:%M:%S}.{:03}Z",
                     fmt::gmtime(std::chrono::system_clock::to_time_t(seconds)),
                     (milliseconds - seconds).count());
}

Json to_json(const LatencySnapshot& latency) {
  std::uint64_t count = 0;
  for (const std::uint64_t bucket : latency.buckets) count += bucket;
  return {{"count", count}, {"sum_seconds", latency.sum_seconds}, {"buckets", latency.buckets}};
}

Json to_json(const std::array<std::uint64_t, kShedReasonCount>& by_reason) {
  Json json = Json::object();
  for (std::size_t index = 1; index < kShedReasonCount; ++index) {
    json[std::string(to_string(static_cast<ShedReason>(index)))] = by_reason[index];
  }
  return json;
}

Json to_json(const TierSnapshot& tier) {
  return {{"offered", tier.offered},
          {"admitted", tier.admitted},
          {"completed", tier.completed},
          {"failed", tier.failed},
          {"abandoned", tier.abandoned},
          {"shed", to_json(tier.shed)},
          {"would_shed", to_json(tier.would_shed)},
          {"wait", to_json(tier.wait)},
          {"service", to_json(tier.service)}};
}

Json to_json(const LimitSnapshot& limit) {
  return {{"limit", limit.limit},
          {"elasticity", limit.elasticity},
          {"reason", limit.reason},
          {"updates", limit.updates}};
}

Json to_json(const SignalSnapshot& signal) {
  return {
      {"name", signal.name},   {"state", to_string(signal.state)},
      {"value", signal.value}, {"age_seconds", std::chrono::duration<double>(signal.age).count()},
      {"ratio", signal.ratio}, {"dry_run", signal.dry_run},
      {"shed", signal.shed},   {"readings_refused", signal.refused}};
}

Json to_json(const ScorecardSnapshot& card) {
  return {{"name", card.name},
          {"cap", card.cap ? Json(*card.cap) : Json(nullptr)},
          {"active_parties", card.active_parties},
          {"shed", card.shed},
          {"dry_run", card.dry_run}};
}

// Of each demand and tier, the share that gets past the rejector.
Json passing_to_json(const GateSnapshot& gate) {
  Json passing = Json::object();
  for (std::size_t i = 0; i < kRejectedCount; ++i) {
    Json& tiers = passing[std::string(to_string(static_cast<Demand>(i)))] = Json::object();
    for (std::size_t tier = 0; tier < kTierCount; ++tier) {
      tiers[std::string(to_string(static_cast<Tier>(tier)))] = gate.passing[i][tier];
    }
  }
  return passing;
}

// By class of operation, the signal that sheds most of it; null if none does.
Json binding_to_json(const SignalsSnapshot& signals) {
  Json out = Json::object();
  for (std::size_t index = 0; index < kOperationClassCount; ++index) {
    const Rejection& binding = signals.binding[index];
    out[std::string(to_string(static_cast<OperationClass>(index)))] =
        binding.signal
            ? Json{{"signal", signals.signals[*binding.signal].name}, {"ratio", binding.ratio}}
            : Json();
  }
  return out;
}

Json to_json(const GateSnapshot& gate) {
  Json signals = Json::array();
  for (const SignalSnapshot& signal : gate.signals.signals) signals.push_back(to_json(signal));
  Json tiers = Json::object();
  for (std::size_t index = 0; index < kTierCount; ++index) {
    tiers[std::string(to_string(static_cast<Tier>(index)))] = to_json(gate.tiers[index]);
  }
  Json rejection_ratio = Json::object();
  for (std::size_t index = 0; index < kRejectedCount; ++index) {
    rejection_ratio[std::string(to_string(static_cast<Demand>(index)))] =
        gate.rejection_ratio[index];
  }
  Json scorecards = Json::array();
  for (const ScorecardSnapshot& card : gate.scorecards) scorecards.push_back(to_json(card));
  const Explanation explanation = explain(gate);
  return {{"binding", to_string(explanation.binding)},
          {"explanation", explanation.sentence},
          {"dry_run", gate.dry_run},
          {"active", gate.active},
          {"held", gate.held},
          {"waiting", gate.waiting},
          {"ridden", gate.ridden},
          {"under_pressure", gate.under_pressure},
          {"stalled", gate.is_stalled},
          {"draining", gate.draining},
          {"rejection_ratio", std::move(rejection_ratio)},
          {"passing", passing_to_json(gate)},
          {"scorecards", std::move(scorecards)},
          {"capped_fingerprints", gate.capped_fingerprints},
          {"limit", to_json(gate.limit)},
          {"signals", std::move(signals)},
          {"signals_binding", binding_to_json(gate.signals)},
          {"tiers", std::move(tiers)}};
}

Json to_json(const ListenerStatus& listener) {
  Json refused = Json::object();
  for (std::size_t index = 0; index < kClientRefusalCount; ++index) {
    refused[std::string(to_string(static_cast<ClientRefusal>(index)))] = listener.refused[index];
  }
  return {{"name", listener.name},         {"address", listener.address},
          {"upstream", listener.upstream}, {"clients_open", listener.clients_open},
          {"accepted", listener.accepted}, {"refused", std::move(refused)}};
}

Json to_json(const UpstreamStatus& upstream) {
  return {{"name", upstream.name},
          {"address", upstream.address},
          {"reachable", upstream.reachable},
          {"last_error", upstream.last_error},
          {"backends_open", upstream.backends_open},
          {"connects", upstream.connects},
          {"connect_failures", upstream.connect_failures},
          {"backends_lost", upstream.backends_lost},
          {"cancels_forwarded", upstream.cancels_forwarded},
          {"cancels_answered", upstream.cancels_answered},
          {"client_bytes_received", upstream.client_bytes_received},
          {"client_bytes_sent", upstream.client_bytes_sent},
          {"gate", to_json(upstream.gate)}};
}

template <typename Row>
Json to_array(const std::vector<Row>& rows) {
  Json array = Json::array();
  for (const Row& row : rows) array.push_back(to_json(row));
  return array;
}

}  // namespace

std::string status_json(const Status& status) {
  const Json json = {{"version", status.version},
                     {"started_at", to_iso8601(status.started_at)},
                     {"ready", status.ready},
                     {"draining", status.draining},
                     {"workers", status.workers},
                     {"config_path", status.config_path},
                     {"config_reloads", status.config_reloads},
                     {"config_reload_failures", status.config_reload_failures},
                     {"config_reload_error", status.config_reload_error},
                     {"recording", status.recording},
                     {"operations_recorded", status.operations_recorded},
                     {"operations_unrecorded", status.operations_unrecorded},
                     {"latency_bucket_bounds_seconds", kLatencyBucketBounds},
                     {"listeners", to_array(status.listeners)},
                     {"upstreams", to_array(status.upstreams)}};
  return dump(json, 2);
}

std::string readiness_json(const Status& status) {
  if (status.ready) return dump({{"ready", true}}, -1);
  return dump({{"ready", false}, {"reason", status.draining ? "draining" : "not_listening"}}, -1);
}

std::string problem_json(unsigned status, std::string_view title, std::string_view detail) {
  return dump({{"type", "about:blank"}, {"title", title}, {"status", status}, {"detail", detail}},
              -1);
}

}  // namespace loadline::admin
