// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "proxy/loadgen/histogram.h"
#include "proxy/recording/operation_record.h"
#include "proxy/recording/recording_header.h"
#include "shedder/verdict.h"

namespace loadline::simulator {

// What is in a recording, for people: counted record by record.
class RecordingSummary {
 public:
  void begin(const recording::RecordingHeader& header);
  // After begin().
  void add(const recording::OperationRecord& record);
  [[nodiscard]] std::string to_text() const;

 private:
  struct Row {
    std::uint64_t offered = 0;
    std::uint64_t executed = 0;
    std::array<std::uint64_t, kShedReasonCount> shed = {};
    std::uint64_t withdrawn = 0;
    std::uint64_t ridden = 0;
    std::uint64_t transactions = 0;
    loadgen::Histogram service;
    loadgen::Histogram waited;
  };
  using Rows = std::array<Row, kTierCount>;

  recording::RecordingHeader header_;
  std::vector<Rows> upstreams_;
  std::uint64_t operations_ = 0;
  std::uint64_t dropped_ = 0;
  Duration last_arrival_ = {};
};

}  // namespace loadline::simulator
