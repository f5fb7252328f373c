// SPDX-License-Identifier: Apache-2.0
#include "proxy/postgres/client_dialogue.h"

#include <fmt/format.h>

#include <algorithm>
#include <cassert>
#include <utility>

#include "proxy/postgres/client_messages.h"
#include "proxy/postgres/md5_password.h"
#include "proxy/wire/byte_order.h"

namespace loadline::postgres {
namespace {

constexpr std::uint32_t kLengthSize = 4;          // The length counts itself but not the tag.
constexpr std::uint32_t kMessageMax = 1U << 30U;  // The server's own bound on one allocation.
constexpr std::string_view kScramSha256 = "SCRAM-SHA-256";

enum AuthenticationRequest : std::uint32_t {
  ok = 0,
  cleartext_password = 3,
  md5_salted_password = 5,
  sasl = 10,
  sasl_continue = 11,
  sasl_final = 12,
};

bool is_read(char tag) noexcept { return tag == 'R' || tag == 'K' || tag == 'E' || tag == 'Z'; }

// The list of mechanisms: texts with a zero after each, and one more at the end.
bool offers_scram(std::string_view list) {
  while (!list.empty() && list[0] != '\0') {
    const std::string_view name = list.substr(0, list.find('\0'));
    if (name == kScramSha256) return true;
    list.remove_prefix(std::min(name.size() + 1, list.size()));
  }
  return false;
}

wire::ServerError own_error(std::string_view sqlstate, std::string message) {
  return {.sqlstate = std::string(sqlstate), .message = std::move(message)};
}

class Dialogues final : public wire::ClientDialogues {
 public:
  std::unique_ptr<wire::ClientDialogue> open(const wire::ClientLogin& login,
                                             const wire::Entropy& entropy) override {
    return std::make_unique<ClientDialogue>(login, entropy, memo_);
  }

 private:
  ScramKeyMemo memo_;
};

}  // namespace

ClientDialogue::ClientDialogue(const wire::ClientLogin& login, const wire::Entropy& entropy,
                               ScramKeyMemo& memo)
    : login_(login),
      nonce_(to_base64({reinterpret_cast<const char*>(entropy.data()), entropy.size()})),
      memo_(memo) {
  put_startup(login_, output_);
}

void ClientDialogue::on_bytes(std::span<const std::byte> bytes) {
  while (state_ != State::closed && !bytes.empty()) {
    if (header_size_ < header_.size()) {
      header_[header_size_++] = bytes.front();
      bytes = bytes.subspan(1);
      if (header_size_ == header_.size() && !begin_message()) return;
    } else {
      const auto part = bytes.first(std::min<std::size_t>(bytes.size(), body_left_));
      bytes = bytes.subspan(part.size());
      body_left_ -= static_cast<std::uint32_t>(part.size());
      if (gathering_) {
        const std::size_t kept = std::min(part.size(), kGatheredMax - body_.size());
        body_.append(reinterpret_cast<const char*>(part.data()), kept);
      }
    }
    if (header_size_ == header_.size() && body_left_ == 0) {
      header_size_ = 0;
      on_message();
    }
  }
}

bool ClientDialogue::begin_message() {
  const std::uint32_t length = wire::load_be32(std::span(header_).last<4>());
  if (length < kLengthSize || length > kMessageMax) {
    close(own_error("08P01", "the server sent a message of an impossible length"));
    return false;
  }
  body_left_ = length - kLengthSize;
  gathering_ = is_read(std::to_integer<char>(header_[0]));
  body_.clear();
  return true;
}

void ClientDialogue::on_message() {
  switch (std::to_integer<char>(header_[0])) {
    case 'R':
      return on_authentication();
    case 'K':
      cancel_key_ = body_;
      return;
    case 'E':
      return on_error();
    case 'Z':
      return on_ready();
    case 'D':
      ++rows_;
      return;
    case '1':  // ParseComplete
      if (!preparing_.empty()) {
        prepared_.emplace(std::exchange(preparing_, {}), fmt::format("b{}", names_given_));
      }
      return;
    case 'G':
      return on_copy_in();
    case 'W':
      return close(own_error("0A000", "replication is not spoken here"));
    default:
      return;  // Descriptions, tags, notices, parameters, copied rows: nothing of ours.
  }
}

void ClientDialogue::on_authentication() {
  if (state_ != State::logging_in || body_.size() < 4) {
    return close(own_error("08P01", "the server asked for authentication out of turn"));
  }
  const std::uint32_t request = load_be32(body_);
  const std::string_view body = std::string_view(body_).substr(4);
  if (request == ok) {
    // A server that skips its half of SCRAM hasn't shown that it knows the password.
    if (scram_ && !server_verified_) fail_login("the server broke SCRAM off");
    return;
  }
  if (login_.password.empty()) return fail_login("the server asks for a password, none is given");

  switch (request) {
    case cleartext_password:
      return put_authentication(login_.password + '\0', output_);
    case md5_salted_password: {
      if (body.size() < 4) return fail_login("the server sent no salt");
      Md5Login login = {.user = login_.user, .password = login_.password};
      std::copy_n(std::as_bytes(std::span(body)).begin(), login.salt.size(), login.salt.begin());
      const std::string answer = md5_password(login);
      if (answer.empty()) return fail_login("this OpenSSL has no MD5");
      return put_authentication(answer + '\0', output_);
    }
    case sasl:
    case sasl_continue:
    case sasl_final:
      return on_sasl(request, body);
    default:
      return fail_login(fmt::format("unsupported authentication request {}", request));
  }
}

void ClientDialogue::on_sasl(std::uint32_t request, std::string_view body) {
  if (request == sasl) {
    if (!offers_scram(body)) return fail_login("the server offers no SCRAM-SHA-256");
    scram_.emplace(ScramClient::Options{.password = login_.password, .nonce = nonce_}, memo_);
    return put_sasl_initial(kScramSha256, scram_->first_message(), output_);
  }
  if (!scram_) return fail_login("SCRAM: the server is out of turn");
  if (request == sasl_continue) {
    const auto answer = scram_->final_message(body);
    if (!answer) return fail_login(answer.error());
    return put_authentication(*answer, output_);
  }
  const auto verified = scram_->verify(body);
  if (!verified) return fail_login(verified.error());
  server_verified_ = true;
}

void ClientDialogue::on_error() {
  ParsedError parsed = parse_error(body_);
  if (parsed.error.sqlstate.empty()) parsed.error.sqlstate = "08P01";
  preparing_.clear();  // A text that failed to parse has no name.
  if (parsed.fatal || state_ == State::logging_in) return close(std::move(parsed.error));
  // An error between statements belongs to none of them, as a notice.
  if (state_ != State::busy) return;
  events_.push_back({.kind = wire::ClientEvent::Kind::error, .error = std::move(parsed.error)});
}

void ClientDialogue::on_ready() {
  if (body_.size() != 1 || state_ == State::ready) {
    return close(own_error("08P01", "the server reported itself ready out of turn"));
  }
  preparing_.clear();
  state_ = State::ready;
  const auto transaction = body_[0] == 'T'   ? wire::TransactionState::open
                           : body_[0] == 'E' ? wire::TransactionState::failed
                                             : wire::TransactionState::idle;
  events_.push_back({.kind = wire::ClientEvent::Kind::ready,
                     .transaction = transaction,
                     .rows = std::exchange(rows_, 0)});
}

void ClientDialogue::on_copy_in() {
  put_copy_fail("COPY FROM STDIN is not supported in scripts", output_);
  // The Sync that followed Execute was swallowed by the copy.
  if (login_.mode != wire::QueryMode::simple) put_sync(output_);
}

void ClientDialogue::on_peer_closed() {
  if (state_ == State::closed) return;
  close(own_error("08006", "the server closed the connection"));
}

void ClientDialogue::close(wire::ServerError error) {
  state_ = State::closed;
  events_.push_back({.kind = wire::ClientEvent::Kind::closed, .error = std::move(error)});
}

void ClientDialogue::fail_login(std::string_view why) {
  close(own_error("28000", std::string(why)));
}

wire::ClientEvent ClientDialogue::next_event() {
  if (events_.empty()) return {};
  wire::ClientEvent event = std::move(events_.front());
  events_.pop_front();
  return event;
}

void ClientDialogue::take_output(std::string& out) {
  out += output_;
  output_.clear();
}

void ClientDialogue::query(std::string_view sql, std::span<const std::string> parameters) {
  assert(state_ == State::ready);
  assert(login_.mode != wire::QueryMode::simple || parameters.empty());
  if (state_ != State::ready) return;
  state_ = State::busy;
  if (login_.mode == wire::QueryMode::simple) {
    put_query(sql, output_);
  } else {
    send_parsed(sql, parameters);
  }
}

void ClientDialogue::send_parsed(std::string_view sql, std::span<const std::string> parameters) {
  std::string name;
  const auto known = prepared_.find(sql);
  if (known != prepared_.end()) {
    name = known->second;
  } else {
    if (login_.mode == wire::QueryMode::prepared && prepared_.size() < kPreparedMax) {
      name = fmt::format("b{}", ++names_given_);
      preparing_ = sql;
    }
    put_parse({.name = name, .sql = sql}, output_);
  }
  put_bind(name, parameters, output_);
  put_execute(output_);
  put_sync(output_);
}

void ClientDialogue::end() {
  if (state_ == State::closed) return;
  state_ = State::closed;
  put_terminate(output_);
}

std::string ClientDialogue::cancel_request() const {
  std::string out;
  if (!cancel_key_.empty()) put_cancel_request(cancel_key_, out);
  return out;
}

const wire::ClientProtocol& client_protocol() {
  static const wire::ClientProtocol protocol = {
      .schemes = {"postgres", "postgresql"},
      .port_default = 5432,
      .password_variable = "PGPASSWORD",
      // Loadline's sheds and caps, "too many connections", a configured limit, and a server that
      // is starting up or draining.
      .shed_sqlstates = {"53000", "53300", "53400", "57P03"},
      .socket_name = [](std::uint16_t port) { return fmt::format(".s.PGSQL.{}", port); },
      .dialogues = []() -> std::unique_ptr<wire::ClientDialogues> {
        return std::make_unique<Dialogues>();
      },
  };
  return protocol;
}

}  // namespace loadline::postgres
