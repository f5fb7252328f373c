// SPDX-License-Identifier: Apache-2.0
#include "proxy/simulator/traffic.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <optional>
#include <unordered_map>
#include <utility>

namespace loadline::simulator {
namespace {

using recording::OperationRecord;
using End = OperationRecord::End;

constexpr std::size_t kOperationClasses = 3;
constexpr std::array<std::string_view, kOperationClasses> kOthers = {"other reads", "other writes",
                                                                     "ddl"};
// Kinds of statement with a class of their own: the oracle takes time for each class.
constexpr std::size_t kOwnClassesMax = 24;
static_assert(kOwnClassesMax + kOperationClasses <= kClassesMax);

double to_seconds(Duration duration) { return std::chrono::duration<double>(duration).count(); }

std::size_t class_index(const RecordedOperation& operation) {
  return static_cast<std::size_t>(operation.profile.operation_class);
}

RecordedOperation to_operation(const OperationRecord& record, Duration from) {
  RecordedOperation operation = {.at = record.arrival - from,
                                 .profile = {.priority = record.priority,
                                             .operation_class = record.operation_class,
                                             .tenant = record.tenant,
                                             .fingerprint = record.fingerprint,
                                             .deadline = record.deadline}};
  if (record.end != End::executed) return operation;
  operation.service = record.service;
  operation.is_whole = record.service > Duration::zero() &&
                       (record.outcome == Outcome::ok || record.outcome == Outcome::error);
  operation.active = std::max(record.active, 1U);
  if (record.is_transaction && record.statements > 1) {
    operation.statements = record.statements;
    operation.pause = record.paused / (record.statements - 1);
  }
  return operation;
}

}  // namespace

Duration Traffic::work_of(const RecordedOperation& operation, const SpeedLaw& law) {
  return std::chrono::duration_cast<Duration>(operation.service * law.speed(operation.active));
}

std::vector<LoadClass> Traffic::classes(const SpeedLaw& law) const {
  std::vector<LoadClass> classes(class_names_.size());
  std::vector<double> work_s(classes.size());
  std::vector<std::size_t> whole(classes.size());
  for (std::size_t i = 0; i < classes.size(); ++i) {
    classes[i].name = class_names_[i];
    classes[i].weight = 0;
  }
  for (const RecordedOperation& operation : operations_) {
    const std::size_t index = operation.class_index;
    classes[index].weight += 1;
    classes[index].operation = operation.profile.operation_class;
    classes[index].deadline = std::max(classes[index].deadline, operation.profile.deadline);
    if (!operation.is_whole) continue;
    work_s[index] += to_seconds(work_of(operation, law));
    ++whole[index];
  }
  double all_s = 0;
  std::size_t all = 0;
  for (std::size_t i = 0; i < classes.size(); ++i) {
    all_s += work_s[i];
    all += whole[i];
  }
  for (std::size_t i = 0; i < classes.size(); ++i) {
    const double mean_s =
        whole[i] > 0 ? work_s[i] / static_cast<double>(whole[i]) : all_s / static_cast<double>(all);
    classes[i].work = std::max(
        Duration(1), std::chrono::duration_cast<Duration>(std::chrono::duration<double>(mean_s)));
  }
  return classes;
}

void TrafficBuilder::add(const OperationRecord& record) {
  if (record.end == End::gap || record.upstream != options_.upstream) return;
  if (record.arrival < options_.from || record.arrival >= options_.to) return;
  RecordedOperation operation = to_operation(record, options_.from);
  operation.tenant = tenant_of(record.tenant);
  traffic_.operations_.push_back(operation);
}

tl::expected<Traffic, std::string> TrafficBuilder::build() {
  auto& operations = traffic_.operations_;
  if (operations.empty()) return tl::unexpected(std::string("holds no operation to replay"));
  // Records come in the order in which operations ended, and from several workers.
  std::stable_sort(operations.begin(), operations.end(),
                   [](const auto& a, const auto& b) { return a.at < b.at; });
  traffic_.tenant_count_ = tenants_.size();
  name_classes(traffic_);
  if (!find_likes(traffic_)) {
    return tl::unexpected(
        std::string("holds no operation that was executed: nothing says what the work is"));
  }
  return std::move(traffic_);
}

std::uint32_t TrafficBuilder::tenant_of(std::uint64_t hash) {
  return tenants_.try_emplace(hash, static_cast<std::uint32_t>(tenants_.size())).first->second;
}

void TrafficBuilder::name_classes(Traffic& traffic) const {
  // By the time that they had at the database, since no law is known here.
  using Key = std::pair<std::uint64_t, std::size_t>;  // Fingerprint, operation class.
  std::map<Key, Duration> served;
  for (const RecordedOperation& operation : traffic.operations_) {
    if (operation.profile.fingerprint == 0 ||
        operation.profile.operation_class == OperationClass::ddl) {
      continue;
    }
    served[{operation.profile.fingerprint, class_index(operation)}] += operation.service;
  }
  std::vector<std::pair<Duration, Key>> most;
  for (const auto& [key, service] : served) most.emplace_back(service, key);
  std::sort(most.rbegin(), most.rend());
  most.resize(std::min(most.size(), kOwnClassesMax));

  std::map<Key, std::uint32_t> own;
  for (const auto& [service, key] : most) {
    own.emplace(key, static_cast<std::uint32_t>(traffic.class_names_.size()));
    traffic.class_names_.push_back(
        fmt::format("{} {:016x}", key.second == 0 ? "read" : "write", key.first));
  }
  std::array<std::optional<std::uint32_t>, kOperationClasses> others;
  for (RecordedOperation& operation : traffic.operations_) {
    const std::size_t index = class_index(operation);
    const auto found = own.find({operation.profile.fingerprint, index});
    if (found != own.end()) {
      operation.class_index = found->second;
      continue;
    }
    if (!others[index]) {
      others[index] = static_cast<std::uint32_t>(traffic.class_names_.size());
      traffic.class_names_.emplace_back(kOthers[index]);
    }
    operation.class_index = *others[index];
  }
}

bool TrafficBuilder::find_likes(Traffic& traffic) {
  // The groups: all, one per operation class, then one per fingerprint.
  auto& groups = traffic.groups_;
  groups.resize(1 + kOperationClasses);
  std::unordered_map<std::uint64_t, std::uint32_t> by_fingerprint;
  for (std::uint32_t i = 0; i < traffic.operations_.size(); ++i) {
    const RecordedOperation& operation = traffic.operations_[i];
    if (!operation.is_whole) continue;
    groups[0].push_back(i);
    groups[1 + class_index(operation)].push_back(i);
    if (operation.profile.fingerprint == 0) continue;
    const auto [entry, is_new] = by_fingerprint.try_emplace(
        operation.profile.fingerprint, static_cast<std::uint32_t>(groups.size()));
    if (is_new) groups.emplace_back();
    groups[entry->second].push_back(i);
  }
  if (groups[0].empty()) return false;
  for (RecordedOperation& operation : traffic.operations_) {
    const auto found = by_fingerprint.find(operation.profile.fingerprint);
    const auto of_class = static_cast<std::uint32_t>(1 + class_index(operation));
    if (found != by_fingerprint.end()) {
      operation.like = found->second;
    } else if (!groups[of_class].empty()) {
      operation.like = of_class;
    }
  }
  return true;
}

}  // namespace loadline::simulator
