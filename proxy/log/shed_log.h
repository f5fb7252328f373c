// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstddef>
#include <string>
#include <string_view>

#include "proxy/log/log.h"
#include "proxy/log/rate_limit.h"
#include "shedder/priority.h"
#include "shedder/verdict.h"

namespace loadline::log {

// A sample of the operations that one upstream shed: a few lines per second and reason, each with
// how many of that reason went unlogged before it, so that the lines add up to the metric.
// Thread-safe.
class ShedLog {
 public:
  // Overload sheds thousands per second; two lines say what kind they are.
  static constexpr RateLimit::Options kRate = {.interval = std::chrono::milliseconds(500),
                                               .burst = 2};

  explicit ShedLog(std::string upstream);

  // Who was shed; text may come from the client.
  struct Subject {
    Tier tier = Tier::t3;
    std::string_view tenant = {};
    std::string_view client = {};  // Its address.
  };
  // Requires a verdict that sheds, or would but for a dry run.
  void write(const Verdict& verdict, const Subject& subject, TimePoint now);

 private:
  std::string upstream_;
  std::array<RateLimitedLog, kShedReasonCount> by_reason_;
  std::array<RateLimitedLog, kShedReasonCount> rehearsed_by_reason_;
};

}  // namespace loadline::log
