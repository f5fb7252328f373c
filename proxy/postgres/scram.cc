// SPDX-License-Identifier: Apache-2.0
#include "proxy/postgres/scram.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <cassert>
#include <charconv>
#include <cstddef>
#include <optional>
#include <stdexcept>

namespace loadline::postgres {
namespace {

constexpr std::string_view kGs2Header = "n,,";          // No channel binding, no other identity.
constexpr std::string_view kGs2HeaderEncoded = "biws";  // The same in base64.

const unsigned char* bytes_of(std::string_view text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}

std::string_view text_of(const ScramKey& key) {
  return {reinterpret_cast<const char*>(key.data()), key.size()};
}

// OpenSSL fails here only when it is out of memory or built without SHA-256.
void require(bool succeeded) {
  if (!succeeded) throw std::runtime_error("OpenSSL cannot compute SHA-256");
}

ScramKey hmac(std::string_view key, std::string_view message) {
  ScramKey out = {};
  unsigned int size = 0;
  require(HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()), bytes_of(message),
               message.size(), out.data(), &size) != nullptr);
  assert(size == out.size());
  return out;
}

ScramKey sha256(std::string_view message) {
  ScramKey out = {};
  require(EVP_Digest(message.data(), message.size(), out.data(), nullptr, EVP_sha256(), nullptr) ==
          1);
  return out;
}

// RFC 5802: a name travels with its commas and equals signs escaped.
std::string escaped_name(std::string_view name) {
  std::string out;
  for (const char c : name) {
    if (c == ',') {
      out += "=2C";
    } else if (c == '=') {
      out += "=3D";
    } else {
      out += c;
    }
  }
  return out;
}

// The value of the attribute that must come next, such as `r=...`.
std::optional<std::string_view> take_attribute(std::string_view& message, char name) {
  if (message.size() < 2 || message[0] != name || message[1] != '=') return std::nullopt;
  const std::size_t end = std::min(message.find(','), message.size());
  const auto value = message.substr(2, end - 2);
  message.remove_prefix(std::min(end + 1, message.size()));
  return value;
}

}  // namespace

std::string to_base64(std::string_view bytes) {
  std::string out((bytes.size() + 2) / 3 * 4 + 1, '\0');  // OpenSSL adds a final zero.
  const int size = EVP_EncodeBlock(reinterpret_cast<unsigned char*>(out.data()), bytes_of(bytes),
                                   static_cast<int>(bytes.size()));
  out.resize(static_cast<std::size_t>(size));
  return out;
}

std::string parse_base64(std::string_view text) {
  if (text.empty() || text.size() % 4 != 0) return {};
  std::string out(text.size() / 4 * 3, '\0');
  const int size = EVP_DecodeBlock(reinterpret_cast<unsigned char*>(out.data()), bytes_of(text),
                                   static_cast<int>(text.size()));
  if (size < 0) return {};
  // OpenSSL decodes the padding to zeros and counts them.
  const std::size_t padding = text.ends_with("==") ? 2 : text.ends_with('=') ? 1 : 0;
  out.resize(static_cast<std::size_t>(size) - padding);
  return out;
}

const ScramKey& ScramKeyMemo::salted_password(std::string_view password, std::string_view salt,
                                              std::uint32_t iterations) {
  assert(iterations > 0);
  if (iterations == iterations_ && salt == salt_ && password == password_) return key_;
  require(PKCS5_PBKDF2_HMAC(password.data(), static_cast<int>(password.size()), bytes_of(salt),
                            static_cast<int>(salt.size()), static_cast<int>(iterations),
                            EVP_sha256(), static_cast<int>(key_.size()), key_.data()) == 1);
  password_ = password;
  salt_ = salt;
  iterations_ = iterations;
  ++computed_;
  return key_;
}

ScramClient::ScramClient(const Options& options, ScramKeyMemo& memo)
    : password_(options.password),
      nonce_(options.nonce),
      first_bare_("n=" + escaped_name(options.user) + ",r=" + nonce_),
      memo_(memo) {
  assert(!nonce_.empty() && nonce_.find(',') == std::string::npos);
}

std::string ScramClient::first_message() const { return std::string(kGs2Header) + first_bare_; }

tl::expected<std::string, std::string> ScramClient::final_message(std::string_view server_first) {
  std::string_view rest = server_first;
  const auto nonce = take_attribute(rest, 'r');
  const auto salt_text = take_attribute(rest, 's');
  const auto iterations_text = take_attribute(rest, 'i');
  if (!nonce || !salt_text || !iterations_text) {
    return tl::unexpected(std::string("SCRAM: the server's first message is malformed"));
  }
  // The server only ever extends our nonce. Another one is a replay.
  if (!nonce->starts_with(nonce_) || nonce->size() == nonce_.size()) {
    return tl::unexpected(std::string("SCRAM: the server's nonce does not extend ours"));
  }
  const std::string salt = parse_base64(*salt_text);
  if (salt.empty()) return tl::unexpected(std::string("SCRAM: the salt is not base64"));

  std::uint32_t iterations = 0;
  const char* const end = iterations_text->data() + iterations_text->size();
  const auto parsed = std::from_chars(iterations_text->data(), end, iterations);
  if (parsed.ec != std::errc() || parsed.ptr != end || iterations == 0 ||
      iterations > kIterationsMax) {
    return tl::unexpected(std::string("SCRAM: the iteration count is out of bounds"));
  }

  const ScramKey& salted = memo_.salted_password(password_, salt, iterations);
  const ScramKey client_key = hmac(text_of(salted), "Client Key");
  const ScramKey stored_key = sha256(text_of(client_key));
  std::string final = "c=";
  final.append(kGs2HeaderEncoded).append(",r=").append(*nonce);

  std::string authenticated = first_bare_;
  authenticated.append(",").append(server_first).append(",").append(final);
  ScramKey proof = hmac(text_of(stored_key), authenticated);
  for (std::size_t i = 0; i < proof.size(); ++i) {
    proof[i] = static_cast<std::uint8_t>(proof[i] ^ client_key[i]);
  }
  server_signature_ = hmac(text_of(hmac(text_of(salted), "Server Key")), authenticated);
  final_sent_ = true;
  return final.append(",p=").append(to_base64(text_of(proof)));
}

tl::expected<void, std::string> ScramClient::verify(std::string_view server_final) const {
  if (!final_sent_) return tl::unexpected(std::string("SCRAM: the server is out of turn"));
  std::string_view rest = server_final;
  if (const auto refusal = take_attribute(rest, 'e')) {
    return tl::unexpected("SCRAM: the server refused: " + std::string(*refusal));
  }
  const auto signature = take_attribute(rest, 'v');
  if (!signature) {
    return tl::unexpected(std::string("SCRAM: the server's final message is malformed"));
  }
  const std::string decoded = parse_base64(*signature);
  if (decoded.size() != server_signature_.size() ||
      CRYPTO_memcmp(decoded.data(), server_signature_.data(), decoded.size()) != 0) {
    return tl::unexpected(std::string("SCRAM: the server does not know the password"));
  }
  return {};
}

}  // namespace loadline::postgres
