// SPDX-License-Identifier: Apache-2.0
#include "proxy/admin/routes.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <string>

#include "tests/unit/proxy/admin/sample_status.h"

namespace loadline::admin {
namespace {

using nlohmann::json;
using ::testing::HasSubstr;

HttpResponse get(std::string_view target, Status status = sample_status()) {
  return route({.method = "GET", .target = target}, FixedStatus(std::move(status)));
}

TEST(Routes, MetricsAreInTheTextFormatOfPrometheus) {
  const auto response = get("/metrics");
  EXPECT_EQ(response.status, 200U);
  EXPECT_EQ(response.content_type, "text/plain; version=0.0.4; charset=utf-8");
  EXPECT_THAT(response.body, HasSubstr("\nloadline_workers 2\n"));
}

TEST(Routes, StatusIsJson) {
  const auto response = get("/status");
  EXPECT_EQ(response.status, 200U);
  EXPECT_EQ(response.content_type, "application/json");
  EXPECT_EQ(json::parse(response.body)["workers"], 2);
}

TEST(Routes, HealthIsGoodWhileReadinessIsNot) {
  Status status = sample_status();
  status.ready = false;
  status.draining = true;
  EXPECT_EQ(get("/healthz", status).status, 200U);
  const auto response = get("/readyz", status);
  EXPECT_EQ(response.status, 503U);
  EXPECT_EQ(json::parse(response.body)["reason"], "draining");
  EXPECT_EQ(get("/readyz").status, 200U);
}

TEST(Routes, HealthAsksNobody) {
  const FixedStatus source(sample_status());
  EXPECT_EQ(route({.method = "GET", .target = "/healthz"}, source).status, 200U);
  EXPECT_EQ(source.asked, 0);
}

TEST(Routes, TheIndexListsEveryRouteAndEachAnswers) {
  const auto index = get("/").body;
  for (const std::string path : {"/metrics", "/status", "/healthz", "/readyz"}) {
    EXPECT_THAT(index, HasSubstr("href=\"" + path + "\""));
    EXPECT_EQ(get(path).status, 200U) << path;
  }
}

TEST(Routes, AQueryChangesNothing) { EXPECT_EQ(get("/healthz?verbose=1").status, 200U); }

TEST(Routes, AnUnknownPathIsAProblem) {
  for (const auto* target : {"/metricsx", "/metrics/", "", "*", "/../etc/passwd", "http://x/"}) {
    const auto response = get(target);
    EXPECT_EQ(response.status, 404U) << target;
    EXPECT_EQ(response.content_type, "application/problem+json");
    EXPECT_EQ(json::parse(response.body)["status"], 404);
  }
}

TEST(Routes, OnlyReadingIsAllowed) {
  for (const auto* method : {"POST", "PUT", "DELETE", "OPTIONS", "get"}) {
    const auto response =
        route({.method = method, .target = "/status"}, FixedStatus(sample_status()));
    EXPECT_EQ(response.status, 405U) << method;
    EXPECT_EQ(response.allow, "GET, HEAD");
    EXPECT_EQ(json::parse(response.body)["title"], "Method Not Allowed");
  }
  EXPECT_EQ(route({.method = "HEAD", .target = "/status"}, FixedStatus(sample_status())).status,
            200U);
}

}  // namespace
}  // namespace loadline::admin
