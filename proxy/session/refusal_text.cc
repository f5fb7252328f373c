// SPDX-License-Identifier: Apache-2.0
#include "proxy/session/refusal_text.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <utility>

#include "shedder/names.h"

namespace loadline::session {
namespace {

long long to_ms(Duration duration) noexcept {
  return std::chrono::duration_cast<std::chrono::milliseconds>(duration).count();
}

}  // namespace

RefusalText::RefusalText(const Verdict& verdict, const Classification& operation) noexcept {
  const auto detail =
      fmt::format_to_n(buffer_.data(), buffer_.size(),
                       "reason={} tier={} tenant={} limit={:.1f} active={} waiting={} waited_ms={}",
                       to_string(verdict.reason), to_string(operation.profile.priority.tier()),
                       operation.tenant.view(), verdict.limit, verdict.active, verdict.waiting,
                       to_ms(verdict.waited));
  auto detail_size = std::min(detail.size, buffer_.size());
  const auto add = [&](auto format, const auto&... values) {
    const auto room = buffer_.size() - detail_size;
    const auto more =
        fmt::format_to_n(buffer_.data() + detail_size, room, std::move(format), values...);
    detail_size += std::min(more.size, room);
  };
  if (verdict.reason == ShedReason::overload) {
    add(FMT_STRING(" threshold=t{}.{}"), verdict.threshold / kCohortCount,
        verdict.threshold % kCohortCount);
  } else if (verdict.reason == ShedReason::scorecard) {
    add(FMT_STRING(" scorecard={} cap={}"), verdict.by, verdict.cap);
  } else if (verdict.reason == ShedReason::signal) {
    add(FMT_STRING(" signal={}"), verdict.by);
  }
  detail_ = {buffer_.data(), detail_size};

  const auto room = buffer_.size() - detail_size;
  const auto hint = fmt::format_to_n(buffer_.data() + detail_size, room, "retry_after_ms={}{}",
                                     std::max(1LL, to_ms(verdict.retry_after)),
                                     verdict.may_retry ? "" : " retry=no");
  hint_ = {buffer_.data() + detail_size, std::min(hint.size, room)};
}

}  // namespace loadline::session
