// SPDX-License-Identifier: Apache-2.0
#include "proxy/admin/admin_server.h"

#include "proxy/admin/routes.h"

namespace loadline::admin {

AdminServer::AdminServer(const StatusSource& source)
    : http_([&source](const HttpRequest& request) { return route(request, source); }, {}) {}

std::error_code AdminServer::start(const config::Endpoint& endpoint) {
  return http_.start(endpoint);
}

std::string AdminServer::address() const { return http_.address(); }

void AdminServer::stop() { http_.stop(); }

}  // namespace loadline::admin
