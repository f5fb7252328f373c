// SPDX-License-Identifier: Apache-2.0
#include "proxy/log/shed_log.h"

#include <array>
#include <cassert>
#include <span>
#include <utility>

#include "shedder/names.h"

namespace loadline::log {
namespace {

template <std::size_t... kIndex>
std::array<RateLimitedLog, sizeof...(kIndex)> make_logs(
    std::string_view message, std::index_sequence<kIndex...> /*reasons*/) {
  return {((void)kIndex, RateLimitedLog(Component::gate, Level::info, message, ShedLog::kRate))...};
}

}  // namespace

ShedLog::ShedLog(std::string upstream)
    : upstream_(std::move(upstream)),
      by_reason_(make_logs("operation shed", std::make_index_sequence<kShedReasonCount>())),
      rehearsed_by_reason_(make_logs("operation would be shed, dry run",
                                     std::make_index_sequence<kShedReasonCount>())) {}

void ShedLog::write(const Verdict& verdict, const Subject& subject, TimePoint now) {
  const bool is_shed = verdict.kind == Verdict::Kind::shed;
  const ShedReason reason = is_shed ? verdict.reason : verdict.rehearsed;
  assert(reason != ShedReason::none);
  const std::array fields = {Field{"upstream", upstream_},
                             Field{"reason", loadline::to_string(reason)},
                             Field{"tier", loadline::to_string(subject.tier)},
                             Field{"tenant", subject.tenant},
                             Field{"client", subject.client},
                             Field{"active", verdict.active},
                             Field{"waiting", verdict.waiting},
                             Field{"limit", verdict.limit},
                             Field{"waited", verdict.waited},
                             Field{"retry_after", verdict.retry_after},
                             Field{loadline::to_string(reason), verdict.by}};
  auto& logs = is_shed ? by_reason_ : rehearsed_by_reason_;
  logs[static_cast<std::size_t>(reason)].write(
      now, std::span(fields).first(fields.size() - (verdict.by.empty() ? 1 : 0)));
}

}  // namespace loadline::log
