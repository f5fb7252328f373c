// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstddef>
#include <functional>
#include <memory>
#include <string>

#include "proxy/net/counter.h"
#include "proxy/net/upstream.h"
#include "proxy/session/client_refusal.h"
#include "proxy/session/environment.h"
#include "proxy/wire/dialogue.h"

namespace loadline::net {

// What the acceptor and all workers share of one listener. Thread-safe.
struct ListenerCounters {
  SharedCounter open;
  SharedCounter accepted;
  std::array<SharedCounter, session::kClientRefusalCount> refused;

  void count(session::ClientRefusal why) noexcept { refused[static_cast<std::size_t>(why)].add(); }
};

using DialogueFactory = std::function<std::unique_ptr<wire::Dialogue>()>;

// One listener's clients on one worker. Belongs to that worker's thread but for the counters.
struct Route {
  Route(ListenerCounters& counters, Upstream& shared, DialogueFactory factory,
        session::Environment sessions)
      : listener(counters),
        upstream(shared),
        make_dialogue(std::move(factory)),
        environment(std::move(sessions)) {}

  ListenerCounters& listener;
  Upstream& upstream;
  DialogueFactory make_dialogue;
  session::Environment environment;
  Duration connect_timeout = {};
  WorkerCounter client_bytes_received;
  WorkerCounter client_bytes_sent;
};

}  // namespace loadline::net
