// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <bit>
#include <cstdint>

namespace loadline::sql {

// What the shape of a statement is made of. Values fit four bits, see ShapeHash.
enum class Token : std::uint8_t {
  none,
  name,  // A word, a quoted identifier; also ], because like them it ends an operand.
  value,
  comma,
  open,
  close,
  semicolon,
  symbol,
};

// Hash of a stream of tokens in which `?, ?` counts as `?` and `(?), (?)` as `(?)`, so that lists
// of any length have one shape. Every token is mixed in as it comes; when the last ones turn out to
// repeat what stood before them, the hash goes back to what it was then.
//
// The mixing is a multiply and a rotate per token, quick rather than unpredictable: who crafts a
// collision only spoils the latency statistics of their own statement.
class ShapeHash {
 public:
  void add(Token token, std::uint64_t value) noexcept {
    if (token == Token::semicolon) {
      if (last() == Token::semicolon || last() == Token::none) return;
      before_semicolon_ = hash_;
    }
    hash_ = (std::rotl(hash_, 5) ^ (value + static_cast<std::uint64_t>(token))) * kMultiplier;
    history_ = history_ << 4 | static_cast<std::uint64_t>(token);
    if (token == Token::value) {
      fold_value();
    } else if (token == Token::close) {
      fold_row();
    }
  }

  [[nodiscard]] Token last() const noexcept { return static_cast<Token>(history_ & 0xf); }

  // 0 only if there were no tokens.
  [[nodiscard]] std::uint64_t finish() const noexcept {
    if (last() == Token::none) return 0;
    std::uint64_t hash = last() == Token::semicolon ? before_semicolon_ : hash_;
    hash = (hash ^ (hash >> 32)) * kMultiplier;
    hash ^= hash >> 29;
    return hash == 0 ? 1 : hash;
  }

 private:
  // 2^64 divided by the golden ratio.
  static constexpr std::uint64_t kMultiplier = 0x9e3779b97f4a7c15;

  [[nodiscard]] static constexpr std::uint64_t pattern(auto... tokens) noexcept {
    std::uint64_t bits = 0;
    ((bits = bits << 4 | static_cast<std::uint64_t>(tokens)), ...);
    return bits;
  }

  void fold_value() noexcept {
    constexpr std::uint64_t kPair = pattern(Token::value, Token::comma, Token::value);
    if ((history_ & 0xfff) == kPair) {
      hash_ = after_value_;
      history_ >>= 8;
    } else {
      after_value_ = hash_;
    }
  }

  void fold_row() noexcept {
    constexpr std::uint64_t kRow = pattern(Token::open, Token::value, Token::close);
    constexpr std::uint64_t kRows = kRow << 16 | pattern(Token::comma) << 12 | kRow;
    if ((history_ & 0xfff'ffff) == kRows) {
      hash_ = after_row_;
      history_ >>= 16;
    } else if ((history_ & 0xfff) == kRow) {
      after_row_ = hash_;
    }
  }

  std::uint64_t hash_ = kMultiplier;
  std::uint64_t history_ = 0;  // The last 16 tokens, four bits each, the newest lowest.
  std::uint64_t after_value_ = 0;
  std::uint64_t after_row_ = 0;
  std::uint64_t before_semicolon_ = 0;
};

}  // namespace loadline::sql
