// SPDX-License-Identifier: Apache-2.0
#include "proxy/postgres/md5_password.h"

#include <openssl/evp.h>

#include <cstdint>

namespace loadline::postgres {
namespace {

std::string md5_hex(std::string_view message) {
  std::array<std::uint8_t, 16> digest = {};
  if (EVP_Digest(message.data(), message.size(), digest.data(), nullptr, EVP_md5(), nullptr) != 1) {
    return {};
  }
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string out;
  for (const std::uint8_t byte : digest) {
    out += kDigits[byte >> 4];
    out += kDigits[byte & 15];
  }
  return out;
}

}  // namespace

std::string md5_password(const Md5Login& login) {
  std::string salted = md5_hex(std::string(login.password).append(login.user));
  if (salted.empty()) return {};
  for (const std::byte byte : login.salt) salted += static_cast<char>(byte);
  return "md5" + md5_hex(salted);
}

}  // namespace loadline::postgres
