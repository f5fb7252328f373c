// SPDX-License-Identifier: Apache-2.0

// Property: two sessions at one gate with a single slot, fed with any interleaving of bytes,
// deaths, cancels, verdicts and time, keep every promise that can be seen from outside: no slot,
// waiter or backend is left behind, and whatever reaches the database of one client was sent by
// that client.

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "tests/fuzz/require.h"
#include "tests/support/scripted_session.h"

namespace {

using loadline::fuzz::require;
using namespace loadline::test;  // NOLINT(google-build-using-namespace): messages read like a
                                 // script.

// Pieces that get somewhere; the raw bytes of the input are mixed in between.
const std::vector<std::string>& client_pieces() {
  static const std::vector<std::string> kPieces = {query("SELECT 1 FROM t"),
                                                   query("BEGIN"),
                                                   query("COMMIT"),
                                                   query("SET x = 1"),
                                                   parse("s", "INSERT"),
                                                   bind("", "s"),
                                                   execute(),
                                                   loadline::test::sync(),
                                                   flush(),
                                                   close_statement("s"),
                                                   query("COPY t FROM STDIN"),
                                                   copy_data("1\n"),
                                                   copy_done(),
                                                   terminate(),
                                                   query(std::string(300, 'x'))};
  return kPieces;
}

const std::vector<std::string>& server_pieces() {
  static const std::vector<std::string> kPieces = {command_complete() + ready('I'),
                                                   ready('T'),
                                                   ready('E'),
                                                   error_response("53100"),
                                                   copy_in_response(),
                                                   message('1', {}),
                                                   message('2', {}),
                                                   data_row("row"),
                                                   parameter("application_name", "x"),
                                                   message('N', "notice")};
  return kPieces;
}

void step(ScriptedProxy& proxy, ScriptedSession& session, std::uint8_t what, std::uint8_t detail) {
  if (session.finished) return;
  switch (what % 10) {
    case 0:
    case 1:
    case 2:
      return session.client(client_pieces()[detail % client_pieces().size()]);
    case 3:
      // Half a message: the rest comes with the next piece, or never.
      return session.client(client_pieces()[detail % client_pieces().size()].substr(0, detail / 8));
    case 4:
    case 5:
      return session.server(server_pieces()[detail % server_pieces().size()]);
    case 6:
      proxy.now += std::chrono::milliseconds(detail);
      proxy.gate.tick(proxy.now);
      if (session.session->deadline() <= proxy.now) {
        session.session->on_timeout(proxy.now);
        session.drain();
      }
      return;
    case 7:
      (void)session.take_verdict();
      return;
    case 8:
      if (detail % 4 == 0) session.session->on_cancel(proxy.now);
      if (detail % 4 == 1) session.session->on_client_stalled(proxy.now);
      if (detail % 4 == 2) session.session->on_client_drained(proxy.now);
      if (detail % 4 == 3) session.session->on_drain();
      return session.drain();
    case 9:
      if (detail % 8 == 0) return session.client_closes();
      if (detail % 8 == 1) return session.server_closes();
      return session.client(std::string(1, static_cast<char>(detail)));
    default:
      return;
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  ScriptedProxy proxy(ScriptedProxy::fixed_limit(1));
  {
    ScriptedSession first(proxy);
    ScriptedSession second(proxy);
    first.log_in();
    second.log_in();
    for (std::size_t at = 0; at + 1 < size; at += 2) {
      ScriptedSession& session = data[at] < 128 ? first : second;
      step(proxy, session, data[at] % 128, data[at + 1]);
      require(proxy.gate.snapshot().waiting <= 2);
    }
  }
  const auto left = proxy.gate.snapshot();
  require(left.active == 0 && left.held == 0 && left.waiting == 0);
  require(proxy.quota.taken() == 0);
  return 0;
}
