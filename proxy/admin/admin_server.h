// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <system_error>

#include "config/config.h"
#include "proxy/admin/http_server.h"
#include "proxy/admin/status.h"

namespace loadline::admin {

// What operators and Prometheus read, over HTTP, from a thread of its own. Only reads: it changes
// nothing and stops no worker. start, stop and address are for one thread, the owner's.
class AdminServer {
 public:
  // `source` must outlive the server.
  explicit AdminServer(const StatusSource& source);

  // Errors as HttpServer::start().
  [[nodiscard]] std::error_code start(const config::Endpoint& endpoint);
  // As bound, with the port that was chosen for port 0. Empty while stopped.
  [[nodiscard]] std::string address() const;
  void stop();

 private:
  HttpServer http_;
};

}  // namespace loadline::admin
