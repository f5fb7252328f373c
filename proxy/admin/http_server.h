// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <system_error>

#include "config/config.h"

namespace loadline::admin {

// Views into the connection's buffer, valid during the call.
struct HttpRequest {
  std::string_view method = {};
  std::string_view target = {};  // As sent: not decoded, with its query.
  std::string_view body = {};
};

struct HttpResponse {
  unsigned status = 200;
  std::string_view content_type = {};  // Static text.
  std::string body = {};
  std::string_view allow = {};  // Static text; empty: no Allow header.
};

// An error as application/problem+json.
[[nodiscard]] HttpResponse problem(unsigned status, std::string_view title,
                                   std::string_view detail);

// HTTP/1.1 for a few local readers, on one thread of its own. Everything is bounded: the size of a
// request, the connections at once, and how long each may keep us waiting.
class HttpServer {
 public:
  struct Options {
    std::size_t header_size_max = std::size_t{8} * 1024;
    std::size_t body_size_max = std::size_t{64} * 1024;
    // One beyond it takes the place of the connection that has been silent longest, or is closed if
    // none is: a prober must get through while somebody hoards connections.
    std::size_t connections_max = 64;
    // From connecting to the first byte; from a request's first byte to its end; for the client to
    // read the response.
    std::chrono::milliseconds request_timeout = std::chrono::seconds(5);
    // Between two requests. Longer than the usual scrape interval, to spare reconnecting.
    std::chrono::milliseconds idle_timeout = std::chrono::seconds(90);
  };
  // Called on the server's thread, one request at a time.
  using Answer = std::function<HttpResponse(const HttpRequest&)>;

  HttpServer(Answer answer, const Options& options);
  ~HttpServer();  // Stops.
  HttpServer(const HttpServer&) = delete;
  HttpServer& operator=(const HttpServer&) = delete;

  // Binds, listens and starts the thread. A name as host is resolved, which may block. An error,
  // such as a port that is taken, leaves the server stopped. A Unix socket file that nobody listens
  // on is replaced. Requires a stopped server.
  [[nodiscard]] std::error_code start(const config::Endpoint& endpoint);
  // As bound: "127.0.0.1:9930", "[::1]:9930", "unix:/path". Empty while stopped.
  [[nodiscard]] const std::string& address() const noexcept { return address_; }
  // Closes everything and joins the thread; does nothing if stopped. Not from within Answer.
  void stop();

 private:
  class Loop;

  Answer answer_;
  Options options_;
  std::string address_;
  std::unique_ptr<Loop> loop_;
};

}  // namespace loadline::admin
