// SPDX-License-Identifier: Apache-2.0
#include "proxy/admin/routes.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <iterator>

#include "proxy/admin/json_bodies.h"
#include "proxy/admin/metrics.h"

namespace loadline::admin {
namespace {

constexpr std::string_view kJson = "application/json";
constexpr std::string_view kText = "text/plain; charset=utf-8";
constexpr std::string_view kMetrics = "text/plain; version=0.0.4; charset=utf-8";
constexpr std::string_view kHtml = "text/html; charset=utf-8";

HttpResponse index_page(const StatusSource& source);

HttpResponse metrics(const StatusSource& source) {
  return {.status = 200, .content_type = kMetrics, .body = scrape(source)};
}

// Asks nobody: it says that the process lives, even if a source were slow.
HttpResponse healthz(const StatusSource& /*source*/) {
  return {.status = 200, .content_type = kText, .body = "ok\n"};
}

HttpResponse readyz(const StatusSource& source) {
  const Status status = source.status();
  return {
      .status = status.ready ? 200U : 503U, .content_type = kJson, .body = readiness_json(status)};
}

HttpResponse status(const StatusSource& source) {
  return {.status = 200, .content_type = kJson, .body = status_json(source.status())};
}

struct Route {
  std::string_view path;
  std::string_view description;  // For people; HTML-safe.
  HttpResponse (*answer)(const StatusSource& source);
};

constexpr std::array kRoutes = {
    Route{"/", "this page", index_page},
    Route{"/metrics", "for Prometheus", metrics},
    Route{"/status", "everything that is known, as JSON", status},
    Route{"/healthz", "200 while the process lives", healthz},
    Route{"/readyz", "200 while new clients are welcome, otherwise 503 and why", readyz},
};

HttpResponse index_page(const StatusSource& /*source*/) {
  std::string body =
      "<!doctype html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n<title>Loadline</title>\n"
      "<h1>Loadline</h1>\n<ul>\n";
  for (const Route& listed : kRoutes) {
    fmt::format_to(std::back_inserter(body), "<li><a href=\"{0}\">{0}</a> {1}</li>\n", listed.path,
                   listed.description);
  }
  body += "</ul>\n</html>\n";
  return {.status = 200, .content_type = kHtml, .body = std::move(body)};
}

}  // namespace

HttpResponse route(const HttpRequest& request, const StatusSource& source) {
  const std::string_view path = request.target.substr(0, request.target.find('?'));
  const auto* const found = std::find_if(kRoutes.begin(), kRoutes.end(),
                                         [path](const Route& each) { return each.path == path; });
  if (found == kRoutes.end()) {
    return problem(404, "Not Found", "There is nothing at this path. / lists what there is.");
  }
  if (request.method != "GET" && request.method != "HEAD") {
    auto response = problem(405, "Method Not Allowed", "This path can only be read.");
    response.allow = "GET, HEAD";
    return response;
  }
  return found->answer(source);
}

}  // namespace loadline::admin
