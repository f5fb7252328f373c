// SPDX-License-Identifier: Apache-2.0
#include "proxy/postgres/dialogue.h"

#include <algorithm>
#include <cassert>
#include <cstring>

#include "proxy/postgres/reply.h"
#include "proxy/postgres/statement_text.h"
#include "proxy/wire/byte_order.h"
#include "proxy/wire/byte_writer.h"

namespace loadline::postgres {

using wire::ClientStep;
using wire::ServerStep;

namespace {

constexpr std::size_t kHeaderSize = 5;
constexpr std::uint32_t kLengthSize = 4;
// The server's own bounds (PQ_SMALL_MESSAGE_LIMIT, PQ_LARGE_MESSAGE_LIMIT).
constexpr std::uint32_t kSmallMessageMax = 10'000;
constexpr std::uint32_t kLargeMessageMax = 0x3fffffff;
constexpr std::uint32_t kPasswordMessageMax = 65'535;

// The longest a message of this kind may say it is; 0: there is no such message.
constexpr std::uint32_t length_max(char tag) noexcept {
  switch (tag) {
    case 'Q':  // Query
    case 'P':  // Parse
    case 'B':  // Bind
    case 'F':  // FunctionCall
    case 'd':  // CopyData
      return kLargeMessageMax;
    case 'p':  // Password, SASL, GSS
      return kPasswordMessageMax;
    case 'E':  // Execute
    case 'D':  // Describe
    case 'C':  // Close
    case 'S':  // Sync
    case 'H':  // Flush
    case 'X':  // Terminate
    case 'c':  // CopyDone
    case 'f':  // CopyFail
      return kSmallMessageMax;
    default:
      return 0;
  }
}

ErrorFields farewell_fields(wire::Farewell why) noexcept {
  using enum wire::Farewell;
  switch (why) {
    case too_many_clients:
      return {
          .severity = "FATAL", .sqlstate = "53300", .message = "sorry, too many clients already"};
    case too_many_backends:
      return {.severity = "FATAL",
              .sqlstate = "53300",
              .message = "sorry, all connections to the database are in use"};
    case draining:
      return {.severity = "FATAL",
              .sqlstate = "57P03",
              .message = "this proxy is shutting down and takes no new connections"};
    case shutting_down:
      return {.severity = "FATAL",
              .sqlstate = "57P01",
              .message = "terminating connection because this proxy is shutting down"};
    case login_timeout:
      return {.severity = "FATAL", .sqlstate = "08P01", .message = "login took too long"};
    case upstream_unreachable:
      // 57P03 makes libpq try its next host, which is what a client of a dead database should do.
      return {.severity = "FATAL",
              .sqlstate = "57P03",
              .message = "the database behind this proxy can't be reached"};
    case upstream_lost:
      return {.severity = "FATAL",
              .sqlstate = "08006",
              .message = "the connection to the database was lost"};
    case bad_bytes_from_upstream:
      return {.severity = "FATAL",
              .sqlstate = "08P01",
              .message = "the database sent bytes that are not of this protocol"};
  }
  return {};
}

}  // namespace

ClientStep Dialogue::next_client(std::span<const std::byte> input) noexcept {
  assert(!input.empty());
  if (client_body_left_ > 0) {
    const auto size = std::min<std::size_t>(input.size(), client_body_left_);
    client_body_left_ -= static_cast<std::uint32_t>(size);
    return {.kind = client_body_ == Body::forward ? ClientStep::Kind::forward
                                                  : ClientStep::Kind::discard,
            .size = size};
  }
  switch (phase_) {
    case Phase::startup:
      return next_startup(input);
    case Phase::connecting:
      return {};
    case Phase::authentication:
    case Phase::session:
      return next_message(input);
  }
  return {};
}

ClientStep Dialogue::next_startup(std::span<const std::byte> input) noexcept {
  const Startup startup = parse_startup(input);
  switch (startup.kind) {
    case Startup::Kind::need_more:
      return {};
    case Startup::Kind::ssl_request:
      return decline(ssl_asked_, startup.size);
    case Startup::Kind::gssenc_request:
      return decline(gssenc_asked_, startup.size);
    case Startup::Kind::cancel_request:
      return {.kind = ClientStep::Kind::cancel, .size = startup.size, .reply = startup.cancel_key};
    case Startup::Kind::session:
      startup_size_ = static_cast<std::uint16_t>(startup.size);
      phase_ = Phase::connecting;
      return {.kind = ClientStep::Kind::login,
              .login = {.user = startup.user,
                        .database = startup.database,
                        .application = startup.application,
                        .ungated = startup.replication}};
    case Startup::Kind::unsupported:
      return broken("0A000", "unsupported frontend protocol: this proxy speaks 3.x");
    case Startup::Kind::nobody:
      return broken("28000", "no PostgreSQL user name specified in startup packet");
    case Startup::Kind::malformed:
      return broken("08P01", "invalid startup packet");
  }
  return {};
}

// Encryption is asked for at most once of each kind; a client that goes on asking is no client.
ClientStep Dialogue::decline(bool& asked, std::size_t size) noexcept {
  if (asked) return broken("08P01", "encryption was requested twice");
  asked = true;
  reply_[0] = std::byte{'N'};
  return {.kind = ClientStep::Kind::reply, .size = size, .reply = std::span(reply_).first(1)};
}

void Dialogue::backend_connected() noexcept {
  assert(phase_ == Phase::connecting);
  phase_ = Phase::authentication;
  client_body_ = Body::forward;
  client_body_left_ = startup_size_;
}

ClientStep Dialogue::next_message(std::span<const std::byte> input) noexcept {
  if (input.size() < kHeaderSize) return {};
  const char tag = std::to_integer<char>(input[0]);
  const std::uint32_t length = wire::load_be32(input.subspan<1, kLengthSize>());
  const std::uint32_t longest = length_max(tag);
  if (longest == 0 || (tag == 'p' && phase_ == Phase::session)) {
    return broken("08P01", "invalid frontend message type");
  }
  if (length < kLengthSize || length > longest) return broken("08P01", "invalid message length");

  Message message{.tag = tag, .size = 1 + std::size_t{length}};
  message.body = input.subspan(kHeaderSize, std::min(input.size(), message.size) - kHeaderSize);
  if (tag == 'X') {
    if (input.size() < message.size) return {};
    return {.kind = ClientStep::Kind::leave, .size = message.size};
  }
  if (phase_ == Phase::authentication) {
    // Statements that a hasty client sends along wait until it is logged in.
    return tag == 'p' ? take(message, input.size(), Body::forward) : ClientStep{};
  }
  if (discard_to_sync_) return discard_to_sync(message, input.size());
  if (must_announce(tag) && !admitted_) return announce(message, input.size());
  return take(message, input.size(), Body::forward);
}

bool Dialogue::must_announce(char tag) const noexcept {
  switch (tag) {
    case 'Q':
    case 'P':
    case 'F':
      return true;
    case 'B':
    case 'E':
      return !batch_begun_;
    default:  // Describe, Close, Flush, Sync and COPY data always pass.
      return false;
  }
}

ClientStep Dialogue::announce(const Message& message, std::size_t available) noexcept {
  if (available < std::min(message.size, wire::kPeekMax)) return {};
  announced_tag_ = message.tag;
  announced_size_ = message.size;
  wire::Statement statement = read_statement(message.tag, message.body);
  statement.text_cut = message.size > available;
  statement.starts_batch = !batch_begun_;
  return {.kind = ClientStep::Kind::statement, .statement = statement};
}

void Dialogue::admit() noexcept { admitted_ = true; }

ClientStep Dialogue::take(const Message& message, std::size_t available, Body body) noexcept {
  const auto size = std::min(available, message.size);
  client_body_left_ = static_cast<std::uint32_t>(message.size - size);
  client_body_ = body;
  admitted_ = false;
  if (body == Body::discard) return {.kind = ClientStep::Kind::discard, .size = size};
  on_forwarded(message.tag);
  return {.kind = ClientStep::Kind::forward, .size = size};
}

void Dialogue::on_forwarded(char tag) noexcept {
  switch (tag) {
    case 'Q':
    case 'F':
      ++owed_;
      end_batch();
      break;
    case 'S':
      if (copy_in_) break;  // The server ignores it: it is owed another one after the copy.
      ++owed_;
      end_batch();
      break;
    case 'P':
    case 'B':
    case 'E':
      batch_begun_ = true;
      [[fallthrough]];
    case 'D':
    case 'C':
      batch_open_ = true;
      batch_flushed_ = false;
      ++batch_replies_owed_;
      break;
    case 'H':
      batch_flushed_ = true;
      break;
    case 'c':
    case 'f':
      if (copy_in_) {
        copy_in_ = false;
      } else if (!copy_end_sent_ && (owed_ > 0 || batch_open_)) {
        copy_end_sent_ = true;
        owed_at_copy_end_ = owed_;
      }
      break;
    default:
      break;
  }
}

// What is owed for it is a part of the whole reply now.
void Dialogue::end_batch() noexcept {
  batch_open_ = false;
  batch_begun_ = false;
  batch_replies_owed_ = 0;
}

ClientStep Dialogue::discard_to_sync(const Message& message, std::size_t available) noexcept {
  if (message.tag != 'S') return take(message, available, Body::discard);
  if (available < message.size) return {};
  discard_to_sync_ = false;
  // If the batch's beginning went to the server, the Sync does, too.
  if (batch_open_) return take(message, available, Body::forward);
  wire::ByteWriter out(reply_);
  write_ready_for_query(status_, out);
  return {.kind = ClientStep::Kind::reply, .size = message.size, .reply = out.written()};
}

std::span<const std::byte> Dialogue::refuse(const wire::Refusal& refusal,
                                            std::span<std::byte> out) noexcept {
  assert(!answers_due() && !batch_begun_ && !admitted_ && announced_size_ > 0);
  const bool cancelled = refusal.kind == wire::Refusal::Kind::cancelled;
  wire::ByteWriter writer(out);
  write_error({.severity = "ERROR",
               .sqlstate = cancelled ? std::string_view("57014") : refusal.code,
               .message = refusal.message,
               .detail = refusal.detail,
               .hint = refusal.hint},
              writer);
  if (announced_tag_ == 'Q' || announced_tag_ == 'F') {
    write_ready_for_query(status_, writer);
    client_body_left_ = static_cast<std::uint32_t>(announced_size_);
    client_body_ = Body::discard;
  } else {
    discard_to_sync_ = true;  // Its Sync is answered when it comes: one ReadyForQuery per Sync.
  }
  announced_size_ = 0;
  return writer.written();
}

ClientStep Dialogue::broken(std::string_view sqlstate, std::string_view what) noexcept {
  if (server_.mid_message()) return {.kind = ClientStep::Kind::broken};
  wire::ByteWriter out(reply_);
  write_error({.severity = "FATAL", .sqlstate = sqlstate, .message = what}, out);
  return {.kind = ClientStep::Kind::broken, .reply = out.written()};
}

ServerStep Dialogue::next_server(std::span<const std::byte> input) noexcept {
  ServerStep step;
  while (step.size < input.size() && step.event == ServerStep::Event::none) {
    const auto past = server_.next(input.subspan(step.size));
    if (past.malformed) return {.event = ServerStep::Event::broken};
    step.size += past.size;
    if (past.tag != 0) on_server_message(past.tag, step);
  }
  return step;
}

void Dialogue::on_server_message(char tag, ServerStep& step) noexcept {
  switch (tag) {
    case '2':
      bound_ = true;
      [[fallthrough]];
    case '1':
    case '3':
    case 'T':
    case 'n':
    case 'C':
    case 'I':
    case 's':
      // Before the replies that are owed whole are complete, it belongs to one of those.
      if (owed_ == 0 && batch_replies_owed_ > 0) --batch_replies_owed_;
      break;
    case 'G':
      on_copy_in();
      break;
    case 'K':
      cancel_key_.assign(reinterpret_cast<const char*>(server_.captured().data()),
                         server_.captured().size());
      break;
    case 'S':
      on_parameter();
      if (logged_in_) step.event = ServerStep::Event::renamed;
      break;
    case 'E':
      on_error();
      break;
    case 'Z':
      on_ready(step);
      break;
    default:
      break;
  }
}

// The server now reads data. A Sync that was sent behind the statement is ignored by it, unless the
// end of the data had been sent before that Sync.
void Dialogue::on_copy_in() noexcept {
  const std::uint32_t sent_before_end = copy_end_sent_ ? std::min(owed_at_copy_end_, owed_) : owed_;
  const std::uint32_t query = bound_ ? 0 : 1;  // A simple Query owes its own reply all the same.
  const std::uint32_t ignored = sent_before_end > query ? sent_before_end - query : 0;
  owed_ -= ignored;
  if (!copy_end_sent_) {
    copy_in_ = true;
    batch_open_ = batch_open_ || bound_;
    batch_begun_ = batch_open_;
  }
  copy_end_sent_ = false;
}

void Dialogue::on_error() noexcept {
  failed_ = true;
  copy_in_ = false;
  if (owed_ == 0 && batch_open_) {
    // The server skips to the Sync, whatever comes before that.
    batch_begun_ = true;
    batch_replies_owed_ = 0;
  }
  overload_ = overload_ || find_sqlstate(server_.captured()).starts_with("53");
}

void Dialogue::on_parameter() noexcept {
  constexpr std::string_view kName("application_name\0", 17);
  const auto captured = server_.captured();
  std::string_view text(reinterpret_cast<const char*>(captured.data()), captured.size());
  if (!text.starts_with(kName)) return;
  text.remove_prefix(kName.size());
  application_ = text.substr(0, text.find('\0'));
}

void Dialogue::on_ready(ServerStep& step) noexcept {
  if (!server_.captured().empty()) status_ = std::to_integer<char>(server_.captured()[0]);
  outcome_ = overload_ ? wire::ReplyOutcome::overload
             : failed_ ? wire::ReplyOutcome::error
                       : wire::ReplyOutcome::ok;
  failed_ = false;
  overload_ = false;
  bound_ = false;
  if (!logged_in_) {
    logged_in_ = true;
    phase_ = Phase::session;
    step.event = ServerStep::Event::logged_in;
    return;
  }
  if (owed_ > 0) --owed_;
  if (copy_end_sent_ && owed_at_copy_end_ > 0) --owed_at_copy_end_;
  if (owed_ == 0) copy_end_sent_ = false;
  step.event = ServerStep::Event::ready;
}

std::span<const std::byte> Dialogue::write_farewell(wire::Farewell why, std::string_view detail,
                                                    std::span<std::byte> out) noexcept {
  if (server_.mid_message()) return {};
  // The server has given its own reason before it went, and that is the better one.
  if (why == wire::Farewell::upstream_lost && failed_) return {};
  ErrorFields fields = farewell_fields(why);
  fields.detail = detail;
  wire::ByteWriter writer(out);
  write_error(fields, writer);
  return writer.overflowed() ? std::span<const std::byte>{} : writer.written();
}

std::span<const std::byte> Dialogue::goodbye() const noexcept {
  static constexpr std::array kTerminate = {std::byte{'X'}, std::byte{0}, std::byte{0},
                                            std::byte{0}, std::byte{4}};
  return kTerminate;
}

std::span<const std::byte> Dialogue::ask_for_answers() const noexcept {
  static constexpr std::array kFlush = {std::byte{'H'}, std::byte{0}, std::byte{0}, std::byte{0},
                                        std::byte{4}};
  return kFlush;
}

std::span<const std::byte> Dialogue::write_cancel(std::span<const std::byte> key,
                                                  std::span<std::byte> out) const noexcept {
  const std::size_t size = 8 + key.size();
  assert(out.size() >= size);
  wire::store_be32(static_cast<std::uint32_t>(size), out.first<4>());
  wire::store_be32(kCancelRequestCode, out.subspan<4, 4>());
  std::memcpy(out.data() + 8, key.data(), key.size());
  return out.first(size);
}

const sql::Dialect& Dialogue::dialect() const noexcept {
  static constexpr sql::Dialect kDialect{.dollar_quotes = true, .nested_comments = true};
  return kDialect;
}

bool Dialogue::at_rest() const noexcept {
  return phase_ == Phase::session && owed_ == 0 && !batch_open_ && status_ == 'I' &&
         client_body_left_ == 0 && !discard_to_sync_ && !server_.mid_message();
}

bool Dialogue::awaits_client() const noexcept {
  if (client_body_left_ > 0 || copy_in_) return true;
  return batch_open_ && owed_ == 0 && (!batch_flushed_ || batch_replies_owed_ == 0);
}

}  // namespace loadline::postgres
