// SPDX-License-Identifier: Apache-2.0
#include "proxy/admin/metric_families.h"

#include <array>
#include <chrono>
#include <limits>

#include "proxy/admin/labels.h"

namespace loadline::admin {
namespace {

constexpr LabelSet kByShedReason = {
    .name = "reason",
    .first = 1,  // ShedReason::none is no shed.
    .count = kShedReasonCount,
    .value_of = [](std::size_t index) { return to_string(static_cast<ShedReason>(index)); }};

constexpr LabelSet kByRefusal = {
    .name = "reason", .first = 0, .count = kClientRefusalCount, .value_of = [](std::size_t index) {
      return to_string(static_cast<ClientRefusal>(index));
    }};

constexpr LabelSet kByCancel = {
    .name = "how", .first = 0, .count = 2, .value_of = [](std::size_t index) -> std::string_view {
      return index == 0 ? "forwarded" : "answered";
    }};

constexpr LabelSet kByDemand = {
    .name = "demand", .first = 0, .count = kRejectedCount, .value_of = [](std::size_t index) {
      return to_string(static_cast<Demand>(index));
    }};

constexpr LabelSet kBySignalState = {
    .name = "state", .first = 0, .count = kSignalStateCount, .value_of = [](std::size_t index) {
      return to_string(static_cast<SignalState>(index));
    }};

// The value function of a plain number, a flag, or a member of `gate`.
template <auto kField, typename Row>
double read(const Row& row, std::size_t /*index*/) {
  return static_cast<double>(row.*kField);
}
template <auto kField>
double read_gate(const UpstreamStatus& upstream, std::size_t /*index*/) {
  return static_cast<double>(upstream.gate.*kField);
}
template <auto kField>
double read_limit(const UpstreamStatus& upstream, std::size_t /*index*/) {
  return static_cast<double>(upstream.gate.limit.*kField);
}

double start_time(const Status& status, std::size_t /*index*/) {
  return std::chrono::duration<double>(status.started_at.time_since_epoch()).count();
}

constexpr auto kCounter = MetricKind::counter;
constexpr auto kGauge = MetricKind::gauge;

constexpr std::array kStatusText = {
    TextFamily<Status>{"loadline_build_info", "Always 1; the version that runs is in the label.",
                       "version", [](const Status& s) { return std::string_view(s.version); }},
};

constexpr std::array kStatus = {
    MetricFamily<Status>{"loadline_start_time_seconds",
                         "Unix time of the start. A change means that Loadline restarted.", kGauge,
                         start_time},
    MetricFamily<Status>{"loadline_ready",
                         "1 while listening and not draining. 0: send no new clients here.", kGauge,
                         read<&Status::ready>},
    MetricFamily<Status>{"loadline_draining",
                         "1 while stopping: no new work is taken, open transactions may end.",
                         kGauge, read<&Status::draining>},
    MetricFamily<Status>{"loadline_workers", "Worker threads. Each can use one core.", kGauge,
                         read<&Status::workers>},
    MetricFamily<Status>{"loadline_config_reloads_total",
                         "Reloads of the configuration that took effect.", kCounter,
                         read<&Status::config_reloads>},
    MetricFamily<Status>{"loadline_config_reload_failures_total",
                         "Reloads that were refused: the file on disk is not what runs.", kCounter,
                         read<&Status::config_reload_failures>},
    MetricFamily<Status>{"loadline_recording",
                         "1 while run --record writes. 0 though it was asked for: it has ended.",
                         kGauge, read<&Status::recording>},
    MetricFamily<Status>{"loadline_operations_recorded_total",
                         "Operations that are in the recording's file.", kCounter,
                         read<&Status::operations_recorded>},
    MetricFamily<Status>{
        "loadline_operations_unrecorded_total",
        "Operations missing from the recording: the disk was too slow, or the recording is over.",
        kCounter, read<&Status::operations_unrecorded>},
};

// The names that Prometheus' own client libraries use, so that common dashboards and alerts work.
constexpr std::array kProcess = {
    MetricFamily<ProcessUsage>{"process_cpu_seconds_total",
                               "CPU time used. A rate near loadline_workers: add workers or cores.",
                               kCounter, read<&ProcessUsage::cpu_seconds>},
    MetricFamily<ProcessUsage>{"process_resident_memory_bytes",
                               "Memory in use. It grows with open clients and settles with them.",
                               kGauge, read<&ProcessUsage::resident_bytes>},
    MetricFamily<ProcessUsage>{"process_virtual_memory_bytes", "Address space reserved.", kGauge,
                               read<&ProcessUsage::virtual_bytes>},
    MetricFamily<ProcessUsage>{"process_open_fds",
                               "File descriptors open. Near process_max_fds clients are refused.",
                               kGauge, read<&ProcessUsage::open_fds>},
    MetricFamily<ProcessUsage>{"process_max_fds",
                               "File descriptors allowed. Every client needs one or two.", kGauge,
                               read<&ProcessUsage::max_fds>},
};

constexpr std::array kListener = {
    MetricFamily<ListenerStatus>{"loadline_clients_open",
                                 "Client connections now. Compare with the listener's clients_max.",
                                 kGauge, read<&ListenerStatus::clients_open>},
    MetricFamily<ListenerStatus>{
        "loadline_clients_accepted_total",
        "Client connections accepted. A rate near that of operations: applications do not pool.",
        kCounter, read<&ListenerStatus::accepted>},
    MetricFamily<ListenerStatus>{
        "loadline_clients_refused_total",
        "Client connections refused or cut, by reason. Any but draining needs a look.", kCounter,
        [](const ListenerStatus& s, std::size_t index) {
          return static_cast<double>(s.refused[index]);
        },
        kByRefusal},
};

constexpr std::array kUpstream = {
    MetricFamily<UpstreamStatus>{"loadline_upstream_reachable",
                                 "1 if the last attempt to connect succeeded or none was made yet.",
                                 kGauge, read<&UpstreamStatus::reachable>},
    MetricFamily<UpstreamStatus>{"loadline_backends_open",
                                 "Connections to the database now. Compare with backends_max.",
                                 kGauge, read<&UpstreamStatus::backends_open>},
    MetricFamily<UpstreamStatus>{"loadline_backend_connects_total",
                                 "Connections made to the database.", kCounter,
                                 read<&UpstreamStatus::connects>},
    MetricFamily<UpstreamStatus>{
        "loadline_backend_connect_failures_total",
        "Attempts to connect that failed: the database is down, full, or out of reach.", kCounter,
        read<&UpstreamStatus::connect_failures>},
    MetricFamily<UpstreamStatus>{
        "loadline_backends_lost_total",
        "Connections that the database closed while a client used them: restarts, kills, crashes.",
        kCounter, read<&UpstreamStatus::backends_lost>},
    MetricFamily<UpstreamStatus>{
        "loadline_cancels_total",
        "Cancel requests: forwarded to the database, or answered here while the operation waited.",
        kCounter,
        [](const UpstreamStatus& s, std::size_t index) {
          return static_cast<double>(index == 0 ? s.cancels_forwarded : s.cancels_answered);
        },
        kByCancel},
    MetricFamily<UpstreamStatus>{"loadline_client_received_bytes_total",
                                 "Bytes that clients sent to this upstream.", kCounter,
                                 read<&UpstreamStatus::client_bytes_received>},
    MetricFamily<UpstreamStatus>{"loadline_client_sent_bytes_total",
                                 "Bytes sent to clients of this upstream.", kCounter,
                                 read<&UpstreamStatus::client_bytes_sent>},
    MetricFamily<UpstreamStatus>{
        "loadline_operations_active",
        "Operations executing at the database. At loadline_limit the gate is what holds back load.",
        kGauge, read_gate<&GateSnapshot::active>},
    MetricFamily<UpstreamStatus>{"loadline_operations_held",
                                 "Open transactions idle between statements. Many: applications "
                                 "hold locks while they think.",
                                 kGauge, read_gate<&GateSnapshot::held>},
    MetricFamily<UpstreamStatus>{"loadline_operations_waiting",
                                 "Operations waiting for a slot. Above 0 for long: overload.",
                                 kGauge, read_gate<&GateSnapshot::waiting>},
    MetricFamily<UpstreamStatus>{
        "loadline_operations_ridden_total",
        "Operations that shared the slot of an earlier one in their client's pipeline.", kCounter,
        read_gate<&GateSnapshot::ridden>},
    MetricFamily<UpstreamStatus>{"loadline_queue_under_pressure",
                                 "1 while the wait queue has not been empty for a while and is "
                                 "served newest first: more is offered than the database can do.",
                                 kGauge, read_gate<&GateSnapshot::under_pressure>},
    MetricFamily<UpstreamStatus>{
        "loadline_rejection_ratio",
        "Share of the offered operations that is refused at once, worst priority first. Above 0 "
        "for long: the database is too small for what is asked of it.",
        kGauge,
        [](const UpstreamStatus& s, std::size_t index) { return s.gate.rejection_ratio[index]; },
        kByDemand},
    MetricFamily<UpstreamStatus>{
        "loadline_dry_run", "1 while verdicts are only counted, and all operations are admitted.",
        kGauge, read_gate<&GateSnapshot::dry_run>},
    MetricFamily<UpstreamStatus>{"loadline_upstream_stalled",
                                 "1 while the database answers nothing though it has work.", kGauge,
                                 read_gate<&GateSnapshot::is_stalled>},
    MetricFamily<UpstreamStatus>{
        "loadline_capped_fingerprints",
        "Kinds of statement that may only take a few slots now, because more of them would only "
        "wait for each other: a hot row, a lock.",
        kGauge, read_gate<&GateSnapshot::capped_fingerprints>},
    MetricFamily<UpstreamStatus>{"loadline_limit",
                                 "Operations that may be active at once. Falling: the database got "
                                 "slower or its work heavier.",
                                 kGauge, read_limit<&LimitSnapshot::limit>},
    MetricFamily<UpstreamStatus>{
        "loadline_limit_elasticity",
        "Relative growth of latency per relative growth of concurrency, as "
        "last measured. Near 0: room left; near 1: saturated. 0 at first.",
        kGauge, read_limit<&LimitSnapshot::elasticity>},
    MetricFamily<UpstreamStatus>{"loadline_limit_updates_total",
                                 "Decisions of the limiter. Standing still: too little traffic to "
                                 "measure, or a fixed limit.",
                                 kCounter, read_limit<&LimitSnapshot::updates>},
};

constexpr std::array kUpstreamText = {
    TextFamily<UpstreamStatus>{"loadline_limit_reason_info",
                               "Always 1; why the limit is what it is, is in the label.", "reason",
                               [](const UpstreamStatus& s) { return s.gate.limit.reason; }},
};

constexpr std::array kTier = {
    MetricFamily<TierSnapshot>{"loadline_operations_offered_total",
                               "Operations that clients asked for: the load as it really is.",
                               kCounter, read<&TierSnapshot::offered>},
    MetricFamily<TierSnapshot>{"loadline_operations_admitted_total",
                               "Operations let through to the database, at once or after a wait.",
                               kCounter, read<&TierSnapshot::admitted>},
    MetricFamily<TierSnapshot>{"loadline_operations_completed_total",
                               "Operations that the database answered, whatever the answer.",
                               kCounter, read<&TierSnapshot::completed>},
    MetricFamily<TierSnapshot>{
        "loadline_operations_failed_total",
        "Operations that the database answered with lack of resources, or whose backend was lost.",
        kCounter, read<&TierSnapshot::failed>},
    MetricFamily<TierSnapshot>{
        "loadline_operations_abandoned_total",
        "Operations whose client left or cancelled. Rising: clients give up before the answer.",
        kCounter, read<&TierSnapshot::abandoned>},
    MetricFamily<TierSnapshot>{
        "loadline_operations_shed_total",
        "Operations refused without touching the database, by reason. In a tier that must be "
        "served: add capacity or move load to a lower tier.",
        kCounter,
        [](const TierSnapshot& s, std::size_t index) { return static_cast<double>(s.shed[index]); },
        kByShedReason},
    MetricFamily<TierSnapshot>{
        "loadline_operations_would_shed_total",
        "Operations that a dry run let through and that would have been refused, by reason.",
        kCounter,
        [](const TierSnapshot& s, std::size_t index) {
          return static_cast<double>(s.would_shed[index]);
        },
        kByShedReason},
};

constexpr std::array kScorecard = {
    MetricFamily<ScorecardSnapshot>{"loadline_scorecard_cap",
                                    "Operations that a party of the usual weight may have active "
                                    "at once now. +Inf: any number.",
                                    kGauge,
                                    [](const ScorecardSnapshot& s, std::size_t /*index*/) {
                                      return s.cap ? static_cast<double>(*s.cap)
                                                   : std::numeric_limits<double>::infinity();
                                    }},
    MetricFamily<ScorecardSnapshot>{"loadline_scorecard_active_parties",
                                    "Parties with an operation in the last seconds, about.", kGauge,
                                    read<&ScorecardSnapshot::active_parties>},
    MetricFamily<ScorecardSnapshot>{"loadline_scorecard_shed_total",
                                    "Operations shed because their party was at its cap, or in a "
                                    "dry run those that came while it was.",
                                    kCounter, read<&ScorecardSnapshot::shed>},
    MetricFamily<ScorecardSnapshot>{"loadline_scorecard_dry_run",
                                    "1 for a scorecard that counts and caps nothing.", kGauge,
                                    read<&ScorecardSnapshot::dry_run>},
};

constexpr std::array kSignal = {
    MetricFamily<SignalSnapshot>{
        "loadline_signal_value",
        "Last reading of an outside signal, in the signal's own unit. 0 before the first one.",
        kGauge, read<&SignalSnapshot::value>},
    MetricFamily<SignalSnapshot>{"loadline_signal_age_seconds",
                                 "Age of that reading. Beyond the signal's ttl it counts as stale.",
                                 kGauge,
                                 [](const SignalSnapshot& s, std::size_t /*index*/) {
                                   return std::chrono::duration<double>(s.age).count();
                                 }},
    MetricFamily<SignalSnapshot>{
        "loadline_signal_state",
        "1 for the state that the signal is in. never or stale for long: nobody measures it.",
        kGauge,
        [](const SignalSnapshot& s, std::size_t index) {
          return static_cast<SignalState>(index) == s.state ? 1.0 : 0.0;
        },
        kBySignalState},
    MetricFamily<SignalSnapshot>{
        "loadline_signal_ratio",
        "Share of the operations it concerns that the signal asks to shed, in a dry run, too. 1: "
        "its hard level is reached and all of them are shed.",
        kGauge, read<&SignalSnapshot::ratio>},
    MetricFamily<SignalSnapshot>{"loadline_signal_dry_run",
                                 "1 for a signal that is computed and shown but sheds nothing.",
                                 kGauge, read<&SignalSnapshot::dry_run>},
    MetricFamily<SignalSnapshot>{
        "loadline_signal_shed_total",
        "Operations shed because of this signal: it was the tightest of those that concern them.",
        kCounter, read<&SignalSnapshot::shed>},
    MetricFamily<SignalSnapshot>{
        "loadline_signal_readings_refused_total",
        "Readings that were no number, or negative where that cannot be. Look at who measures.",
        kCounter, read<&SignalSnapshot::refused>},
};

constexpr std::array kHistogram = {
    HistogramFamily{"loadline_wait_seconds",
                    "Time that admitted operations waited for a slot. Bounded by wait_max.",
                    &TierSnapshot::wait},
    HistogramFamily{"loadline_service_seconds",
                    "Time that completed operations spent at the database. Should stay near its "
                    "calm level under overload; if it grows, the limit is too high.",
                    &TierSnapshot::service},
};

}  // namespace

std::span<const TextFamily<Status>> status_text_families() noexcept { return kStatusText; }
std::span<const MetricFamily<Status>> status_families() noexcept { return kStatus; }
std::span<const MetricFamily<ProcessUsage>> process_families() noexcept { return kProcess; }
std::span<const MetricFamily<ListenerStatus>> listener_families() noexcept { return kListener; }
std::span<const MetricFamily<UpstreamStatus>> upstream_families() noexcept { return kUpstream; }
std::span<const TextFamily<UpstreamStatus>> upstream_text_families() noexcept {
  return kUpstreamText;
}
std::span<const MetricFamily<TierSnapshot>> tier_families() noexcept { return kTier; }
std::span<const MetricFamily<SignalSnapshot>> signal_families() noexcept { return kSignal; }
std::span<const MetricFamily<ScorecardSnapshot>> scorecard_families() noexcept {
  return kScorecard;
}
std::span<const HistogramFamily> histogram_families() noexcept { return kHistogram; }

std::vector<std::string_view> metric_names() {
  std::vector<std::string_view> names;
  const auto add = [&names](const auto& families) {
    for (const auto& family : families) names.push_back(family.name);
  };
  add(kStatusText);
  add(kStatus);
  add(kProcess);
  add(kListener);
  add(kUpstream);
  add(kUpstreamText);
  add(kTier);
  add(kSignal);
  add(kScorecard);
  add(kHistogram);
  return names;
}

}  // namespace loadline::admin
