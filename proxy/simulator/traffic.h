// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <tl/expected.hpp>
#include <vector>

#include "proxy/recording/operation_record.h"
#include "proxy/simulator/scenario.h"
#include "proxy/simulator/speed_law.h"

namespace loadline::simulator {

// An operation of a recording, as far as it can come again.
struct RecordedOperation {
  Duration at = {};  // Of its offer, since the beginning of what is replayed.
  OperationProfile profile = {};
  Duration service = {};     // At the database; zero if it was never there.
  bool is_whole = false;     // Served to its end: the service is all that it takes.
  std::uint32_t active = 1;  // How many were executing when it began, itself included.
  std::uint32_t statements = 1;
  Duration pause = {};            // Between two of them.
  std::uint32_t tenant = 0;       // Index, below Traffic::tenant_count.
  std::uint32_t class_index = 0;  // Of the classes of Traffic.
  // Index of a group of whole operations that one which was not served resembles.
  std::uint32_t like = 0;
};

// What a recording holds of one upstream: the load of a replay. It is the same for every policy and
// every modelled database; what work it was is a question to the database's law.
class Traffic {
 public:
  [[nodiscard]] const std::vector<RecordedOperation>& operations() const { return operations_; }
  [[nodiscard]] std::size_t tenant_count() const { return tenant_count_; }

  // What an operation whose service is known asks of the processors: its service, less what the
  // others who were active had of it by that law.
  [[nodiscard]] static Duration work_of(const RecordedOperation& operation, const SpeedLaw& law);
  // Whole operations like this one, never none: indices of operations(). The same fingerprint's if
  // there are any, or those of its class, or all.
  [[nodiscard]] const std::vector<std::uint32_t>& like(const RecordedOperation& operation) const {
    return groups_[operation.like];
  }
  // The replay's classes, by that law: for the oracle and for reports. The kinds of statement with
  // the most work have their own, the rest is a class of reads, of writes, and of DDL.
  [[nodiscard]] std::vector<LoadClass> classes(const SpeedLaw& law) const;

 private:
  friend class TrafficBuilder;

  std::vector<RecordedOperation> operations_;  // By time.
  std::size_t tenant_count_ = 0;
  std::vector<std::vector<std::uint32_t>> groups_;
  std::vector<std::string> class_names_;
};

// Makes it, record by record in any order.
class TrafficBuilder {
 public:
  // Records of that upstream's from `from` to `to` of the recording.
  struct Options {
    std::uint16_t upstream = 0;
    Duration from = {};
    Duration to = Duration::max();
  };
  explicit TrafficBuilder(const Options& options) : options_(options) {}

  void add(const recording::OperationRecord& record);
  // Or why there is nothing to replay.
  [[nodiscard]] tl::expected<Traffic, std::string> build();

 private:
  [[nodiscard]] std::uint32_t tenant_of(std::uint64_t hash);
  void name_classes(Traffic& traffic) const;
  [[nodiscard]] static bool find_likes(Traffic& traffic);

  Options options_;
  Traffic traffic_;
  std::map<std::uint64_t, std::uint32_t> tenants_;
};

// More operations than that, all copies included, are refused: a replay holds them in memory.
inline constexpr std::size_t kReplayedMax = 50'000'000;

}  // namespace loadline::simulator
