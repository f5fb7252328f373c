// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string_view>

#include "proxy/admin/status.h"
#include "shedder/names.h"

namespace loadline::admin {

using loadline::to_string;

[[nodiscard]] constexpr std::string_view to_string(ClientRefusal refusal) noexcept {
  switch (refusal) {
    case ClientRefusal::too_many_clients:
      return "too_many_clients";
    case ClientRefusal::too_many_backends:
      return "too_many_backends";
    case ClientRefusal::draining:
      return "draining";
    case ClientRefusal::login_timeout:
      return "login_timeout";
    case ClientRefusal::protocol_error:
      return "protocol_error";
    case ClientRefusal::upstream_unreachable:
      return "upstream_unreachable";
    case ClientRefusal::out_of_descriptors:
      return "out_of_descriptors";
  }
  return "";
}

}  // namespace loadline::admin
