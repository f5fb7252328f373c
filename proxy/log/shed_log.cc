// SPDX-License-Identifier: Apache-2.0
#include "proxy/log/shed_log.h"

#include <cassert>
#include <utility>

#include "shedder/names.h"

namespace loadline::log {
namespace {

template <std::size_t... kIndex>
std::array<RateLimitedLog, sizeof...(kIndex)> make_logs(
    std::index_sequence<kIndex...> /*reasons*/) {
  return {((void)kIndex,
           RateLimitedLog(Component::gate, Level::info, "operation shed", ShedLog::kRate))...};
}

}  // namespace

ShedLog::ShedLog(std::string upstream)
    : upstream_(std::move(upstream)),
      by_reason_(make_logs(std::make_index_sequence<kShedReasonCount>())) {}

void ShedLog::write(const Verdict& verdict, const Subject& subject, TimePoint now) {
  assert(verdict.kind == Verdict::Kind::shed);
  by_reason_[static_cast<std::size_t>(verdict.reason)].write(
      now, {{"upstream", upstream_},
            {"reason", loadline::to_string(verdict.reason)},
            {"tier", loadline::to_string(subject.tier)},
            {"tenant", subject.tenant},
            {"client", subject.client},
            {"active", verdict.active},
            {"waiting", verdict.waiting},
            {"limit", verdict.limit},
            {"waited", verdict.waited},
            {"retry_after", verdict.retry_after}});
}

}  // namespace loadline::log
