// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

#include "proxy/admin/http_server.h"
#include "proxy/admin/status.h"

namespace loadline::admin {

// Answers one request. Asks the source at most once.
[[nodiscard]] HttpResponse route(const HttpRequest& request, const StatusSource& source);

}  // namespace loadline::admin
