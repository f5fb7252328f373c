// SPDX-License-Identifier: Apache-2.0
#include "proxy/simulator/recording_summary.h"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <numeric>

#include "shedder/names.h"

namespace loadline::simulator {
namespace {

using End = recording::OperationRecord::End;

double milliseconds(Duration duration) {
  return std::chrono::duration<double, std::milli>(duration).count();
}

}  // namespace

void RecordingSummary::begin(const recording::RecordingHeader& header) {
  header_ = header;
  upstreams_.resize(header.upstreams.size());
}

void RecordingSummary::add(const recording::OperationRecord& record) {
  if (record.end == End::gap) {
    dropped_ = std::max(dropped_, record.tenant);
    return;
  }
  ++operations_;
  last_arrival_ = std::max(last_arrival_, record.arrival);
  Row& row = upstreams_[record.upstream][static_cast<std::size_t>(record.priority.tier())];
  ++row.offered;
  switch (record.end) {
    case End::executed:
      ++row.executed;
      row.transactions += record.is_transaction ? 1 : 0;
      row.service.record(record.service);
      row.waited.record(record.waited);
      return;
    case End::shed:
      ++row.shed[static_cast<std::size_t>(record.reason)];
      return;
    case End::withdrawn:
      ++row.withdrawn;
      return;
    case End::ridden:
      ++row.ridden;
      return;
    case End::gap:
      return;
  }
}

std::string RecordingSummary::to_text() const {
  const auto started = std::chrono::floor<std::chrono::seconds>(
      std::chrono::nanoseconds(header_.started_at_unix_ns));
  std::string out = fmt::format(
      "begun {:%Y-%m-%dT%H:%M:%S}Z, last arrival after {:.3f} s\n{} operations, {} more not "
      "recorded\n\n",
      fmt::gmtime(static_cast<std::time_t>(started.count())),
      std::chrono::duration<double>(last_arrival_).count(), operations_, dropped_);
  out += fmt::format("{:<16} {:<4} {:>9} {:>9} {:>9} {:>9} {:>7} {:>8} {:>9} {:>9} {:>9}  {}\n",
                     "upstream", "tier", "offered", "executed", "shed", "withdrawn", "ridden",
                     "in trans", "p50 ms", "p99 ms", "wait p99", "shed by reason");
  for (std::size_t i = 0; i < upstreams_.size(); ++i) {
    for (std::size_t tier = 0; tier < kTierCount; ++tier) {
      const Row& row = upstreams_[i][tier];
      if (row.offered == 0) continue;
      std::string reasons;
      for (std::size_t reason = 1; reason < kShedReasonCount; ++reason) {
        if (row.shed[reason] == 0) continue;
        reasons += fmt::format("{}{} {}", reasons.empty() ? "" : ", ",
                               to_string(static_cast<ShedReason>(reason)), row.shed[reason]);
      }
      out += fmt::format(
          "{:<16} {:<4} {:>9} {:>9} {:>9} {:>9} {:>7} {:>8} {:>9.2f} {:>9.2f} {:>9.2f}  {}\n",
          header_.upstreams[i].name, to_string(static_cast<Tier>(tier)), row.offered, row.executed,
          std::accumulate(row.shed.begin(), row.shed.end(), std::uint64_t{0}), row.withdrawn,
          row.ridden, row.transactions, milliseconds(row.service.quantile(0.5)),
          milliseconds(row.service.quantile(0.99)), milliseconds(row.waited.quantile(0.99)),
          reasons);
    }
  }
  return out;
}

}  // namespace loadline::simulator
