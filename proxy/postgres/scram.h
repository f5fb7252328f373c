// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <tl/expected.hpp>

namespace loadline::postgres {

using ScramKey = std::array<std::uint8_t, 32>;

// Remembers the last salted password. It costs thousands of hashes, and every connection of one
// user to one server asks for the same. Not thread-safe: one per thread.
class ScramKeyMemo {
 public:
  [[nodiscard]] const ScramKey& salted_password(std::string_view password, std::string_view salt,
                                                std::uint32_t iterations);
  // How often a key had to be computed.
  [[nodiscard]] std::uint64_t computed() const noexcept { return computed_; }

 private:
  std::string password_;
  std::string salt_;
  std::uint32_t iterations_ = 0;
  ScramKey key_ = {};
  std::uint64_t computed_ = 0;
};

// The client's half of SCRAM-SHA-256 (RFC 5802, RFC 7677) without channel binding. Three messages,
// in the order of the members. Passwords are used as given: printable ASCII is its own SASLprep
// form, other text must arrive normalised. Errors are texts for a person.
class ScramClient {
 public:
  struct Options {
    std::string_view user = {};  // Postgres reads the name from the startup packet: may be empty.
    std::string_view password = {};
    std::string_view nonce = {};  // Printable, no comma, new for every login.
  };

  // A server that asks for more would keep a client busy for seconds per login.
  static constexpr std::uint32_t kIterationsMax = 10'000'000;

  ScramClient(const Options& options, ScramKeyMemo& memo);

  [[nodiscard]] std::string first_message() const;
  [[nodiscard]] tl::expected<std::string, std::string> final_message(std::string_view server_first);
  // Whether the server knows the password too.
  [[nodiscard]] tl::expected<void, std::string> verify(std::string_view server_final) const;

 private:
  std::string password_;
  std::string nonce_;
  std::string first_bare_;
  ScramKey server_signature_ = {};
  bool final_sent_ = false;
  ScramKeyMemo& memo_;
};

[[nodiscard]] std::string to_base64(std::string_view bytes);
// Empty if `text` is not base64, or is nothing.
[[nodiscard]] std::string parse_base64(std::string_view text);

}  // namespace loadline::postgres
