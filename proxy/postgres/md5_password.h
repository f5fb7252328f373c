// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstddef>
#include <string>
#include <string_view>

namespace loadline::postgres {

struct Md5Login {
  std::string_view user = {};
  std::string_view password = {};
  std::array<std::byte, 4> salt = {};  // The server's, new for every login.
};

// What a client answers to AuthenticationMD5Password: "md5" and 32 hexadecimal digits. Empty if
// this OpenSSL has no MD5 (a FIPS build).
[[nodiscard]] std::string md5_password(const Md5Login& login);

}  // namespace loadline::postgres
