// SPDX-License-Identifier: Apache-2.0
#include "proxy/net/upstream.h"

namespace loadline::net {

void Upstream::on_connected() {
  connects.add();
  if (!reachable.exchange(true, std::memory_order_relaxed)) {
    log::info(log::Component::pool, "database can be reached again", {{"upstream", name_}});
  }
}

void Upstream::on_connect_failed(const std::string& error, TimePoint now) {
  connect_failures.add();
  reachable.store(false, std::memory_order_relaxed);
  {
    const std::lock_guard lock(mutex_);
    last_error_ = error;
  }
  connect_failed_log_.write(now, {{"upstream", name_}, {"error", error}});
}

void Upstream::on_backend_lost(TimePoint now) {
  backends_lost.add();
  backend_lost_log_.write(now, {{"upstream", name_}});
}

}  // namespace loadline::net
