// SPDX-License-Identifier: Apache-2.0
#include "proxy/session/refusal_text.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cstddef>

#include "shedder/names.h"

namespace loadline::session {
namespace {

long long to_ms(Duration duration) noexcept {
  return std::chrono::duration_cast<std::chrono::milliseconds>(duration).count();
}

}  // namespace

RefusalText::RefusalText(const Verdict& verdict, const Classification& operation) noexcept {
  const bool is_signal = verdict.reason == ShedReason::signal;
  const auto detail =
      fmt::format_to_n(buffer_.data(), buffer_.size(),
                       "reason={}{}{} tier={} tenant={} limit={:.1f} active={} waiting={} "
                       "waited_ms={}",
                       to_string(verdict.reason), is_signal ? " signal=" : "", verdict.signal,
                       to_string(operation.profile.priority.tier()), operation.tenant.view(),
                       verdict.limit, verdict.active, verdict.waiting, to_ms(verdict.waited));
  const auto detail_size = std::min(detail.size, buffer_.size());
  detail_ = {buffer_.data(), detail_size};

  const auto room = buffer_.size() - detail_size;
  const auto hint = fmt::format_to_n(buffer_.data() + detail_size, room, "retry_after_ms={}",
                                     std::max(1LL, to_ms(verdict.retry_after)));
  hint_ = {buffer_.data() + detail_size, std::min(hint.size, room)};
}

}  // namespace loadline::session
