// SPDX-License-Identifier: Apache-2.0
#include "proxy/loadgen/tally.h"

#include <algorithm>
#include <cassert>

namespace loadline::loadgen {
namespace {

void add(std::map<std::string, std::uint64_t>& to,
         const std::map<std::string, std::uint64_t>& from) {
  for (const auto& [name, count] : from) to[name] += count;
}

}  // namespace

void Tally::merge(const Tally& other) {
  offered += other.offered;
  for (std::size_t i = 0; i < kOutcomeCount; ++i) outcomes[i] += other.outcomes[i];
  attempts += other.attempts;
  retries += other.retries;
  shed_attempts += other.shed_attempts;
  add(sqlstates, other.sqlstates);
  good.merge(other.good);
  answered.merge(other.answered);
  shed.merge(other.shed);
}

void SecondTally::merge(const SecondTally& other) {
  offered += other.offered;
  for (std::size_t i = 0; i < kOutcomeCount; ++i) outcomes[i] += other.outcomes[i];
  retries += other.retries;
  shed_attempts += other.shed_attempts;
  good.merge(other.good);
}

RunTally::RunTally(std::size_t class_count, std::size_t phase_count)
    : class_count_(class_count), tallies_(class_count * phase_count) {}

Tally& RunTally::of(std::size_t class_index, std::size_t phase_index) {
  assert(class_index < class_count_);
  return tallies_[phase_index * class_count_ + class_index];
}

const Tally& RunTally::of(std::size_t class_index, std::size_t phase_index) const {
  assert(class_index < class_count_);
  return tallies_[phase_index * class_count_ + class_index];
}

SecondTally& RunTally::second(std::size_t class_index, Duration since_start) {
  assert(class_index < class_count_ && since_start >= Duration::zero());
  const auto index = static_cast<std::size_t>(since_start / std::chrono::seconds(1));
  while (seconds_.size() <= index) seconds_.emplace_back(class_count_);
  return seconds_[index][class_index];
}

const SecondTally& RunTally::second_at(std::size_t class_index, std::size_t index) const {
  return seconds_[index][class_index];
}

void RunTally::merge(const RunTally& other) {
  assert(class_count_ == other.class_count_ && tallies_.size() == other.tallies_.size());
  for (std::size_t i = 0; i < tallies_.size(); ++i) tallies_[i].merge(other.tallies_[i]);
  while (seconds_.size() < other.seconds_.size()) seconds_.emplace_back(class_count_);
  for (std::size_t i = 0; i < other.seconds_.size(); ++i) {
    for (std::size_t c = 0; c < class_count_; ++c) seconds_[i][c].merge(other.seconds_[i][c]);
  }
  connections.opened += other.connections.opened;
  connections.lost += other.connections.lost;
  connections.cancels += other.connections.cancels;
  add(connections.failed, other.connections.failed);
  lag.merge(other.lag);
}

}  // namespace loadline::loadgen
