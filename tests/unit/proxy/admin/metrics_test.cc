// SPDX-License-Identifier: Apache-2.0
#include "proxy/admin/metrics.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <set>
#include <string>

#include "proxy/admin/metric_families.h"
#include "tests/unit/proxy/admin/sample_status.h"

namespace loadline::admin {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

constexpr ProcessUsage kUsage = {
    .cpu_seconds = 51.5, .resident_bytes = 52, .virtual_bytes = 53, .open_fds = 54, .max_fds = 55};

std::string rendered() { return render_metrics(sample_status(), kUsage); }

TEST(Metrics, EveryFamilyIsRenderedWithHelpAndType) {
  const auto text = rendered();
  for (const auto name : metric_names()) {
    EXPECT_THAT(text, HasSubstr("# HELP " + std::string(name) + " ")) << name;
    EXPECT_THAT(text, HasSubstr("# TYPE " + std::string(name) + " ")) << name;
  }
}

TEST(Metrics, EveryValueIsWhereItBelongs) {
  const auto text = "\n" + rendered();
  for (
      const std::string line : {
          R"(loadline_build_info{version="0.1.0"} 1)",
          "loadline_start_time_seconds 1795255200.123",
          "loadline_ready 1",
          "loadline_draining 0",
          "loadline_workers 2",
          "loadline_config_reloads_total 3",
          "loadline_config_reload_failures_total 4",
          "loadline_recording 1",
          "loadline_operations_recorded_total 5",
          "loadline_operations_unrecorded_total 6",
          "process_cpu_seconds_total 51.5",
          "process_resident_memory_bytes 52",
          "process_virtual_memory_bytes 53",
          "process_open_fds 54",
          "process_max_fds 55",
          R"(loadline_clients_open{listener="orders"} 11)",
          R"(loadline_clients_accepted_total{listener="orders"} 12)",
          R"(loadline_clients_refused_total{listener="orders",reason="too_many_clients"} 20)",
          R"(loadline_clients_refused_total{listener="orders",reason="out_of_descriptors"} 26)",
          R"(loadline_upstream_reachable{upstream="orders-db"} 1)",
          R"(loadline_backends_open{upstream="orders-db"} 31)",
          R"(loadline_backend_connects_total{upstream="orders-db"} 32)",
          R"(loadline_backend_connect_failures_total{upstream="orders-db"} 33)",
          R"(loadline_backends_lost_total{upstream="orders-db"} 34)",
          R"(loadline_cancels_total{upstream="orders-db",how="forwarded"} 35)",
          R"(loadline_cancels_total{upstream="orders-db",how="answered"} 36)",
          R"(loadline_client_received_bytes_total{upstream="orders-db"} 37)",
          R"(loadline_client_sent_bytes_total{upstream="orders-db"} 38)",
          R"(loadline_operations_active{upstream="orders-db"} 41)",
          R"(loadline_operations_held{upstream="orders-db"} 42)",
          R"(loadline_operations_waiting{upstream="orders-db"} 43)",
          R"(loadline_operations_ridden_total{upstream="orders-db"} 44)",
          R"(loadline_queue_under_pressure{upstream="orders-db"} 1)",
          R"(loadline_rejection_ratio{upstream="orders-db",demand="write"} 0.5)",
          R"(loadline_rejection_ratio{upstream="orders-db",demand="heavy"} 0.75)",
          R"(loadline_upstream_stalled{upstream="orders-db"} 1)",
          R"(loadline_capped_fingerprints{upstream="orders-db"} 48)",
          R"(loadline_limit{upstream="orders-db"} 45.5)",
          R"(loadline_limit_elasticity{upstream="orders-db"} 0.46)",
          R"(loadline_limit_reason_info{upstream="orders-db",reason="rising"} 1)",
          R"(loadline_limit_updates_total{upstream="orders-db"} 47)",
          R"(loadline_operations_offered_total{upstream="orders-db",tier="t0"} 1001)",
          R"(loadline_operations_admitted_total{upstream="orders-db",tier="t1"} 2002)",
          R"(loadline_operations_completed_total{upstream="orders-db",tier="t2"} 3003)",
          R"(loadline_operations_failed_total{upstream="orders-db",tier="t3"} 4004)",
          R"(loadline_operations_abandoned_total{upstream="orders-db",tier="t5"} 6005)",
          R"(loadline_operations_shed_total{upstream="orders-db",tier="t4",reason="overload"} 5011)",
          R"(loadline_operations_shed_total{upstream="orders-db",tier="t4",reason="draining"} 5017)",
          R"(loadline_operations_shed_total{upstream="orders-db",tier="t4",reason="signal"} 5018)",
          R"(loadline_operations_would_shed_total{upstream="orders-db",tier="t4",reason="overload"} 5031)",
          R"(loadline_dry_run{upstream="orders-db"} 0)",
          R"(loadline_scorecard_cap{upstream="orders-db",scorecard="per-tenant"} 72)",
          R"(loadline_scorecard_active_parties{upstream="orders-db",scorecard="per-tenant"} 71)",
          R"(loadline_scorecard_shed_total{upstream="orders-db",scorecard="per-tenant"} 73)",
          R"(loadline_scorecard_dry_run{upstream="orders-db",scorecard="per-tenant"} 1)",
          R"(loadline_signal_value{upstream="orders-db",signal="replica_lag"} 61.5)",
          R"(loadline_signal_age_seconds{upstream="orders-db",signal="replica_lag"} 0.625)",
          R"(loadline_signal_state{upstream="orders-db",signal="replica_lag",state="ok"} 1)",
          R"(loadline_signal_state{upstream="orders-db",signal="replica_lag",state="stale"} 0)",
          R"(loadline_signal_ratio{upstream="orders-db",signal="replica_lag"} 0.63)",
          R"(loadline_signal_dry_run{upstream="orders-db",signal="replica_lag"} 0)",
          R"(loadline_signal_shed_total{upstream="orders-db",signal="replica_lag"} 65)",
          R"(loadline_signal_readings_refused_total{upstream="orders-db",signal="replica_lag"} 64)",
      }) {
    EXPECT_THAT(text, HasSubstr("\n" + line + "\n"));
  }
}

TEST(Metrics, HistogramsAreCumulativeAndEndInInfinity) {
  const auto text = rendered();
  EXPECT_THAT(text, HasSubstr("# TYPE loadline_wait_seconds histogram\n"));
  const std::string series = R"({upstream="orders-db",tier="t1")";
  EXPECT_THAT(text, HasSubstr("loadline_wait_seconds_bucket" + series + R"(,le="0.00025"} 2)"));
  EXPECT_THAT(text, HasSubstr("loadline_wait_seconds_bucket" + series + R"(,le="30"} 32)"));
  EXPECT_THAT(text, HasSubstr("loadline_wait_seconds_bucket" + series + R"(,le="+Inf"} 34)"));
  EXPECT_THAT(text, HasSubstr("loadline_wait_seconds_count" + series + "} 34\n"));
  EXPECT_THAT(text, HasSubstr("loadline_wait_seconds_sum" + series + "} 2000.25\n"));
  EXPECT_THAT(text, HasSubstr("loadline_service_seconds_count" + series + "} 340\n"));
  EXPECT_THAT(text, HasSubstr("loadline_service_seconds_sum" + series + "} 2000.5\n"));
}

TEST(Metrics, WhatWasNotShedIsNoShedReason) {
  EXPECT_THAT(rendered(), Not(HasSubstr(R"(reason="none")")));
}

TEST(Metrics, ManyUpstreamsShareAFamily) {
  Status status = sample_status();
  status.upstreams.push_back(status.upstreams.front());
  status.upstreams.back().name = "other";
  const auto text = render_metrics(status, kUsage);
  EXPECT_THAT(text, HasSubstr(R"(loadline_limit{upstream="orders-db"} 45.5)"
                              "\n"
                              R"(loadline_limit{upstream="other"} 45.5)"
                              "\n"));
  const std::string type = "# TYPE loadline_limit gauge\n";
  EXPECT_EQ(text.find(type, text.find(type) + 1), std::string::npos);
}

TEST(Metrics, LabelValuesAreEscaped) {
  Status status = sample_status();
  status.listeners.front().name = "a\"b\\c\nd";
  EXPECT_THAT(render_metrics(status, kUsage),
              HasSubstr(R"(loadline_clients_open{listener="a\"b\\c\nd"} 11)"));
}

TEST(Metrics, NoSeriesAppearsTwice) {
  const auto text = rendered();
  std::set<std::string> seen;
  for (std::size_t begin = 0; begin < text.size();) {
    const auto end = text.find('\n', begin);
    const auto line = text.substr(begin, end - begin);
    begin = end + 1;
    if (line.starts_with('#')) continue;
    EXPECT_TRUE(seen.insert(line.substr(0, line.rfind(' '))).second) << line;
  }
}

TEST(Metrics, AScrapeAsksTheSourceOnce) {
  const FixedStatus source(sample_status());
  const auto text = scrape(source);
  EXPECT_EQ(source.asked, 1);
  EXPECT_THAT(text, HasSubstr(R"(loadline_limit{upstream="orders-db"} 45.5)"));
  EXPECT_THAT(text, Not(HasSubstr("process_open_fds 0\n")));
}

// Prometheus' own judge of syntax, names, types and help.
TEST(Metrics, PromtoolFindsNothingToComplainAbout) {
  char path[] = "/tmp/loadline-metrics-XXXXXX";
  const int fd = mkstemp(path);
  ASSERT_GE(fd, 0);
  close(fd);
  std::ofstream(path) << rendered();

  std::FILE* const pipe =
      popen(("promtool check metrics 2>&1 < " + std::string(path)).c_str(), "r");
  ASSERT_NE(pipe, nullptr);
  std::string said;
  std::array<char, 256> part;
  while (std::fgets(part.data(), part.size(), pipe) != nullptr) said += part.data();
  const int status = pclose(pipe);
  std::remove(path);
  EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0) << "status=" << status;
  EXPECT_EQ(said, "");
}

}  // namespace
}  // namespace loadline::admin
