// SPDX-License-Identifier: Apache-2.0
#include "proxy/admin/json_bodies.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "tests/unit/proxy/admin/sample_status.h"

namespace loadline::admin {
namespace {

using nlohmann::json;

TEST(StatusJson, HoldsTheProcess) {
  const auto status = json::parse(status_json(sample_status()));
  EXPECT_EQ(status["version"], "0.1.0");
  EXPECT_EQ(status["started_at"], "2026-11-21T10:00:00.123Z");
  EXPECT_EQ(status["ready"], true);
  EXPECT_EQ(status["draining"], false);
  EXPECT_EQ(status["workers"], 2);
  EXPECT_EQ(status["config_path"], "/etc/loadline.yaml");
  EXPECT_EQ(status["config_reloads"], 3);
  EXPECT_EQ(status["config_reload_failures"], 4);
  EXPECT_EQ(status["config_reload_error"], "loadline.yaml:2:14: expected an integer");
  EXPECT_EQ(status["recording"], true);
  EXPECT_EQ(status["operations_recorded"], 5);
  EXPECT_EQ(status["operations_unrecorded"], 6);
  EXPECT_EQ(status["latency_bucket_bounds_seconds"].size(), kLatencyBucketBounds.size());
}

TEST(StatusJson, HoldsEachListener) {
  const auto status = json::parse(status_json(sample_status()));
  EXPECT_EQ(status["listeners"], json::parse(R"([{
    "name": "orders", "address": "127.0.0.1:6432", "upstream": "orders-db",
    "clients_open": 11, "accepted": 12,
    "refused": {"too_many_clients": 20, "too_many_backends": 21, "draining": 22,
                "login_timeout": 23, "protocol_error": 24, "upstream_unreachable": 25,
                "out_of_descriptors": 26}}])"));
}

TEST(StatusJson, HoldsEachUpstreamAndItsGate) {
  auto upstream = json::parse(status_json(sample_status()))["upstreams"][0];
  const auto tiers = upstream["gate"]["tiers"];
  upstream["gate"].erase("tiers");
  EXPECT_EQ(upstream, json::parse(R"({
    "name": "orders-db", "address": "10.0.0.5:5432", "reachable": true,
    "last_error": "connection refused", "backends_open": 31, "connects": 32,
    "connect_failures": 33, "backends_lost": 34, "cancels_forwarded": 35,
    "cancels_answered": 36, "client_bytes_received": 37, "client_bytes_sent": 38,
    "gate": {"binding": "stalled",
             "explanation": "the database answers nothing: 41 active at a limit of 45.5 (rising), 43 waiting, 42 held; 48 kinds of statement are capped",
             "dry_run": false, "active": 41, "held": 42, "waiting": 43, "ridden": 44, "under_pressure": true,
             "stalled": true, "draining": false,
             "rejection_ratio": {"read": 0.25, "write": 0.5, "heavy": 0.75},
             "passing": {"read": {"t0": 1.0, "t1": 1.0, "t2": 1.0, "t3": 1.0, "t4": 1.0, "t5": 1.0},
                         "write": {"t0": 1.0, "t1": 1.0, "t2": 1.0, "t3": 1.0, "t4": 1.0, "t5": 0.5},
                         "heavy": {"t0": 1.0, "t1": 1.0, "t2": 1.0, "t3": 1.0, "t4": 1.0, "t5": 1.0}},
             "scorecards": [{"name": "per-tenant", "cap": 72, "active_parties": 71.0, "shed": 73,
                             "dry_run": true}],
             "capped_fingerprints": 48,
             "limit": {"limit": 45.5, "elasticity": 0.46, "reason": "rising", "updates": 47},
             "signals": [{"name": "replica_lag", "state": "ok", "value": 61.5,
                          "age_seconds": 0.625, "ratio": 0.63, "dry_run": false, "shed": 65,
                          "readings_refused": 64}],
             "signals_binding": {"read": null, "write": {"signal": "replica_lag", "ratio": 0.63},
                                 "ddl": null}}})"));

  ASSERT_EQ(tiers.size(), kTierCount);
  EXPECT_EQ(tiers["t1"], json::parse(R"({
    "offered": 2001, "admitted": 2002, "completed": 2003, "failed": 2004, "abandoned": 2005,
    "shed": {"overload": 2011, "queue_timeout": 2012, "fingerprint": 2013, "queue_full": 2014,
             "pushed_out": 2015, "deadline": 2016, "draining": 2017, "signal": 2018,
             "scorecard": 2019},
    "would_shed": {"overload": 2031, "queue_timeout": 2032, "fingerprint": 2033, "queue_full": 2034,
                   "pushed_out": 2035, "deadline": 2036, "draining": 2037, "signal": 2038,
                   "scorecard": 2039},
    "wait": {"count": 34, "sum_seconds": 2000.25,
             "buckets": [2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2]},
    "service": {"count": 340, "sum_seconds": 2000.5,
                "buckets": [20, 20, 20, 20, 20, 20, 20, 20, 20, 20, 20, 20, 20, 20, 20, 20, 20]}
    })"));
}

TEST(StatusJson, AnEmptyStatusHasEmptyLists) {
  const auto status = json::parse(status_json({}));
  EXPECT_EQ(status["listeners"], json::array());
  EXPECT_EQ(status["upstreams"], json::array());
  EXPECT_EQ(status["started_at"], "1970-01-01T00:00:00.000Z");
}

// Databases answer in the encoding they were set up with.
TEST(StatusJson, TextThatIsNotUtf8IsRepaired) {
  Status status = sample_status();
  status.upstreams.front().last_error = "Verbindung abgew\xfcrgt\n\"";
  EXPECT_EQ(json::parse(status_json(status))["upstreams"][0]["last_error"],
            "Verbindung abgew\uFFFDrgt\n\"");
}

TEST(ReadinessJson, SaysWhyNot) {
  Status status = sample_status();
  EXPECT_EQ(json::parse(readiness_json(status)), json({{"ready", true}}));
  status.ready = false;
  EXPECT_EQ(json::parse(readiness_json(status)),
            json({{"ready", false}, {"reason", "not_listening"}}));
  status.draining = true;
  EXPECT_EQ(json::parse(readiness_json(status)), json({{"ready", false}, {"reason", "draining"}}));
}

TEST(ProblemJson, HasTheFieldsOfRfc9457) {
  EXPECT_EQ(json::parse(problem_json(404, "Not Found", "Nothing here.")),
            json({{"type", "about:blank"},
                  {"title", "Not Found"},
                  {"status", 404},
                  {"detail", "Nothing here."}}));
}

}  // namespace
}  // namespace loadline::admin
