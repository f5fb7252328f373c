// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

#include "proxy/admin/status.h"

// The JSON that the admin server answers with. Pure. Text that is not UTF-8 (a database's error
// message) is repaired, not refused.
namespace loadline::admin {

// Everything in Status under the names of its fields. Fields may be added; none changes its
// meaning.
[[nodiscard]] std::string status_json(const Status& status);

// {"ready":true} or {"ready":false,"reason":"draining"}; other reason: not_listening.
[[nodiscard]] std::string readiness_json(const Status& status);

// An error in the shape of RFC 9457.
[[nodiscard]] std::string problem_json(unsigned status, std::string_view title,
                                       std::string_view detail);

}  // namespace loadline::admin
