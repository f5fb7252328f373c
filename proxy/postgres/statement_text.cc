// SPDX-License-Identifier: Apache-2.0
#include "proxy/postgres/statement_text.h"

#include <cstdint>
#include <string_view>

namespace loadline::postgres {
namespace {

// FNV-1a, which is fine here: a client can only make its own statements collide. Never 0, the
// unnamed statement's name included: it, too, may be parsed in one batch and executed in another.
std::uint64_t hash_name(std::string_view name) noexcept {
  std::uint64_t hash = 14695981039346656037U;
  for (const char c : name) {
    hash ^= static_cast<unsigned char>(c);
    hash *= 1099511628211U;
  }
  return hash == 0 ? 1 : hash;
}

// Up to the zero or, if the text was cut, to the end.
std::string_view take_text(std::string_view& rest) noexcept {
  const auto end = rest.find('\0');
  const auto text = rest.substr(0, end);
  rest.remove_prefix(end == std::string_view::npos ? rest.size() : end + 1);
  return text;
}

}  // namespace

wire::Statement read_statement(char tag, std::span<const std::byte> body) noexcept {
  std::string_view rest(reinterpret_cast<const char*>(body.data()), body.size());
  wire::Statement statement;
  switch (tag) {
    case 'Q':
      statement.has_text = true;
      statement.text = take_text(rest);
      break;
    case 'P':
      statement.has_text = true;
      statement.name_hash = hash_name(take_text(rest));
      statement.text = take_text(rest);
      break;
    case 'B':
      take_text(rest);  // The portal.
      statement.name_hash = hash_name(take_text(rest));
      break;
    default:  // Execute of a portal that an earlier batch bound, FunctionCall.
      break;
  }
  return statement;
}

}  // namespace loadline::postgres
