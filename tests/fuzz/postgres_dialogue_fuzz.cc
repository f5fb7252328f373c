// SPDX-License-Identifier: Apache-2.0

// Property: whatever two peers send and however it is cut, the dialogue is transparent as long as
// everything is admitted: the bytes it lets through are the bytes that went in, in order, without a
// gap; and how they were cut makes no difference to what it says.

#include <algorithm>
#include <cstdint>
#include <string>
#include <string_view>

#include "proxy/postgres/dialogue.h"
#include "tests/fuzz/require.h"
#include "tests/support/pg_messages.h"

namespace {

using loadline::fuzz::require;
using loadline::postgres::Dialogue;
using Kind = loadline::wire::ClientStep::Kind;
using Event = loadline::wire::ServerStep::Event;

struct Outcome {
  std::string forwarded;
  std::string events;  // One character each.
  bool broken = false;

  bool operator==(const Outcome&) const = default;
};

Outcome run_client(std::string_view stream, std::size_t chunk_size) {
  Dialogue dialogue;
  Outcome outcome;
  std::string pending;
  bool logged_in = false;
  for (std::size_t at = 0; at < stream.size() && !outcome.broken; at += chunk_size) {
    pending += stream.substr(at, chunk_size);
    while (!pending.empty() && !outcome.broken) {
      const auto step = dialogue.next_client(loadline::test::bytes_of(pending));
      require(step.size <= pending.size());
      if (step.kind == Kind::need_more) {
        // It may ask for a statement's beginning, never for more than it promised.
        require(pending.size() < loadline::wire::kPeekMax || !logged_in);
        break;
      }
      if (step.kind == Kind::forward || step.kind == Kind::leave) {
        outcome.forwarded += pending.substr(0, step.size);
      }
      if (step.kind == Kind::login) {
        outcome.events += 'L';
        dialogue.backend_connected();
        const std::string answer = loadline::test::logged_in();
        (void)dialogue.next_server(loadline::test::bytes_of(answer));
        logged_in = true;
      }
      if (step.kind == Kind::statement) {
        outcome.events += step.statement.starts_batch ? 'S' : 's';
        dialogue.admit();
      }
      if (step.kind == Kind::reply) outcome.events += 'R';
      if (step.kind == Kind::leave) outcome.events += 'X';
      if (step.kind == Kind::broken || step.kind == Kind::cancel) {
        outcome.broken = true;
        break;
      }
      pending.erase(0, step.size);
    }
  }
  return outcome;
}

Outcome run_server(std::string_view stream, std::size_t chunk_size) {
  Dialogue dialogue;
  Outcome outcome;
  for (std::size_t at = 0; at < stream.size() && !outcome.broken; at += chunk_size) {
    std::string_view chunk = stream.substr(at, chunk_size);
    while (!chunk.empty()) {
      const auto step = dialogue.next_server(loadline::test::bytes_of(chunk));
      if (step.event == Event::broken) {
        outcome.broken = true;
        break;
      }
      require(step.size > 0 && step.size <= chunk.size());
      require(step.event != Event::none || step.size == chunk.size());
      if (step.event == Event::ready) outcome.events += 'Z';
      if (step.event == Event::logged_in) outcome.events += 'L';
      if (step.event == Event::renamed) outcome.events += 'N';
      outcome.forwarded += chunk.substr(0, step.size);
      chunk.remove_prefix(step.size);
    }
  }
  return outcome;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) return 0;
  const std::size_t chunk_size = 1 + data[0] % 64;
  const bool from_client = data[1] % 2 == 0;
  const std::string_view stream(reinterpret_cast<const char*>(data) + 2, size - 2);
  const auto run = from_client ? run_client : run_server;
  const Outcome whole = run(stream, std::max<std::size_t>(stream.size(), 1));
  const Outcome cut = run(stream, chunk_size);
  require(whole.events == cut.events);
  require(whole.broken == cut.broken);
  if (!whole.broken) require(whole.forwarded == cut.forwarded);
  if (!from_client && !whole.broken) require(whole.forwarded == stream);
  return 0;
}
