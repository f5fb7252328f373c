// SPDX-License-Identifier: Apache-2.0
#include "proxy/sql/scan.h"

#include <algorithm>
#include <cstring>

#include "proxy/sql/comment_tags.h"
#include "proxy/sql/kind_finder.h"
#include "proxy/sql/shape_hash.h"

namespace loadline::sql {
namespace {

// What a byte may begin. Bytes beyond ASCII are letters, as all databases have it.
enum class Begins : std::uint8_t {
  symbol,
  space,
  word,
  number,
  string,
  double_quoted,
  backtick_quoted,
  dollar,
  sign,
  slash,
  dot,
  hash,
  question,
  comma,
  open,
  close,
  bracket_close,
  semicolon,
};

constexpr std::array<Begins, 256> kBegins = [] {
  std::array<Begins, 256> table = {};
  for (std::size_t c = 0x80; c < 256; ++c) table[c] = Begins::word;
  for (std::size_t c = 'a'; c <= 'z'; ++c) table[c] = table[c - 'a' + 'A'] = Begins::word;
  for (std::size_t c = '0'; c <= '9'; ++c) table[c] = Begins::number;
  for (const char c : {' ', '\t', '\r', '\n', '\f', '\v', '\0'}) {
    table[static_cast<unsigned char>(c)] = Begins::space;
  }
  table['_'] = Begins::word;
  table['\''] = Begins::string;
  table['"'] = Begins::double_quoted;
  table['`'] = Begins::backtick_quoted;
  table['$'] = Begins::dollar;
  table['-'] = table['+'] = Begins::sign;
  table['/'] = Begins::slash;
  table['.'] = Begins::dot;
  table['#'] = Begins::hash;
  table['?'] = Begins::question;
  table[','] = Begins::comma;
  table['('] = Begins::open;
  table[')'] = Begins::close;
  table[']'] = Begins::bracket_close;
  table[';'] = Begins::semicolon;
  return table;
}();

// The byte in lower case if a word may go on with it, else 0.
constexpr std::array<std::uint8_t, 256> kWordByte = [] {
  std::array<std::uint8_t, 256> table = {};
  for (std::size_t c = 0; c < 256; ++c) {
    if (kBegins[c] == Begins::word || kBegins[c] == Begins::number || c == '$') {
      table[c] = static_cast<std::uint8_t>(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
    }
  }
  return table;
}();

[[nodiscard]] bool is_digit(char c) noexcept { return c >= '0' && c <= '9'; }

class Scanner {
 public:
  Scanner(std::string_view text, const Dialect& dialect) noexcept
      : at_(text.data()), end_(text.data() + text.size()), dialect_(dialect) {}

  StatementScan run(Extent extent) noexcept {
    while (at_ != end_) step();
    kind_.finish();
    out_.kind = kind_.kind();
    if (extent == Extent::prefix && is_control(out_.kind)) out_.kind = StatementKind::other;
    out_.single_statement = kind_.is_single_statement();
    out_.fingerprint = shape_.finish();
    return out_;
  }

 private:
  void step() noexcept;
  [[nodiscard]] static const char* pack(const char* p, const char* limit,
                                        std::uint64_t& packed) noexcept;
  void word() noexcept;
  void number() noexcept;
  void dollar() noexcept;
  void string(bool backslash_escapes) noexcept;
  void quoted_name(char quote) noexcept;
  void block_comment() noexcept;
  void line_comment() noexcept;
  void symbol(char c) noexcept;
  void value() noexcept;
  void skip_quoted(char quote, bool backslash_escapes) noexcept;
  [[nodiscard]] bool is_unary_sign() const noexcept;

  // The byte `offset` further on, 0 beyond the end.
  [[nodiscard]] char peek(std::size_t offset) const noexcept {
    return offset < static_cast<std::size_t>(end_ - at_) ? at_[offset] : '\0';
  }

  // memchr(): strings are the longest parts of a statement, and it looks at many bytes at once.
  [[nodiscard]] const char* find(const char* from, char c) const noexcept {
    if (from == end_) return end_;
    const void* const found = std::memchr(from, c, static_cast<std::size_t>(end_ - from));
    return found == nullptr ? end_ : static_cast<const char*>(found);
  }

  const char* at_;
  const char* end_;
  const Dialect& dialect_;
  ShapeHash shape_;
  KindFinder kind_;
  StatementScan out_;
};

// Consumes at least one byte.
void Scanner::step() noexcept {
  const char c = *at_;
  switch (kBegins[static_cast<unsigned char>(c)]) {
    case Begins::space:
      ++at_;
      return;
    case Begins::word:
      return word();
    case Begins::number:
      return number();
    case Begins::string:
      return string(dialect_.backslash_escapes);
    case Begins::double_quoted:
      return dialect_.double_quote_strings ? string(dialect_.backslash_escapes) : quoted_name(c);
    case Begins::backtick_quoted:
      return dialect_.backtick_identifiers ? quoted_name(c) : symbol(c);
    case Begins::dollar:
      return dialect_.dollar_quotes ? dollar() : symbol(c);
    case Begins::sign:
      if (c == '-' && peek(1) == '-') return line_comment();
      if (is_unary_sign()) {
        ++at_;
        return number();
      }
      return symbol(c);
    case Begins::slash:
      return peek(1) == '*' ? block_comment() : symbol(c);
    case Begins::dot:
      return is_digit(peek(1)) ? number() : symbol(c);
    case Begins::hash:
      return dialect_.hash_comments ? line_comment() : symbol(c);
    case Begins::question:
      if (!dialect_.question_parameters) return symbol(c);
      ++at_;
      return value();
    case Begins::comma:
      ++at_;
      shape_.add(Token::comma, 0);
      return kind_.on_token();
    case Begins::open:
      ++at_;
      shape_.add(Token::open, 0);
      return kind_.on_open();
    case Begins::close:
      ++at_;
      shape_.add(Token::close, 0);
      return kind_.on_close();
    case Begins::bracket_close:
      ++at_;
      shape_.add(Token::name, ']');
      return kind_.on_token();
    case Begins::semicolon:
      ++at_;
      shape_.add(Token::semicolon, 0);
      return kind_.on_semicolon();
    case Begins::symbol:
      return symbol(c);
  }
}

void Scanner::symbol(char c) noexcept {
  ++at_;
  shape_.add(Token::symbol, static_cast<unsigned char>(c));
  kind_.on_token();
}

void Scanner::value() noexcept {
  shape_.add(Token::value, 0);
  kind_.on_token();
}

// So that `x + -5` has the shape of `x + 5`.
bool Scanner::is_unary_sign() const noexcept {
  const Token last = shape_.last();
  const bool after_operator = last == Token::symbol || last == Token::comma || last == Token::open;
  return after_operator && (is_digit(peek(1)) || (peek(1) == '.' && is_digit(peek(2))));
}

// Packs the bytes of a word from `p` on, at most to `limit`; returns where it stopped.
const char* Scanner::pack(const char* p, const char* limit, std::uint64_t& packed) noexcept {
  std::uint64_t bytes = 0;
  for (; p != limit; ++p) {
    const std::uint8_t folded = kWordByte[static_cast<unsigned char>(*p)];
    if (folded == 0) break;
    bytes = bytes << 8 | folded;
  }
  packed = bytes;
  return p;
}

void Scanner::word() noexcept {
  const char* const begin = at_;
  std::uint64_t first = 0;  // The first eight bytes, as pack_word() has them.
  const char* limit = at_ + std::min<std::ptrdiff_t>(8, end_ - at_);
  at_ = pack(at_, limit, first);
  std::uint64_t hash = first;
  while (at_ == limit && at_ != end_) {
    std::uint64_t chunk = 0;
    limit = at_ + std::min<std::ptrdiff_t>(8, end_ - at_);
    const char* const chunk_end = pack(at_, limit, chunk);
    if (chunk_end == at_) break;
    at_ = chunk_end;
    hash = (hash ^ (hash >> 31)) * 0xff51afd7ed558ccd + chunk;  // Murmur3's multiplier.
  }
  const auto size = static_cast<std::size_t>(at_ - begin);

  // Prefixes of strings: E'', B'', X'', N'' and U&''; U&"" is a name.
  if (size == 1 && at_ != end_) {
    const bool is_unicode = first == 'u' && *at_ == '&';
    if (is_unicode && (peek(1) == '\'' || peek(1) == '"')) {
      ++at_;
      return *at_ == '"' ? quoted_name('"') : string(dialect_.backslash_escapes);
    }
    if (*at_ == '\'' && (first == 'e' || first == 'b' || first == 'x' || first == 'n')) {
      return string(first == 'e' || dialect_.backslash_escapes);
    }
  }
  shape_.add(Token::name, hash);
  kind_.on_word(first, size);
}

void Scanner::number() noexcept {
  while (at_ != end_) {
    const char c = *at_;
    if (kWordByte[static_cast<unsigned char>(c)] == 0 && c != '.') break;
    ++at_;
    const bool is_exponent = c == 'e' || c == 'E';
    if (is_exponent && (peek(0) == '-' || peek(0) == '+') && is_digit(peek(1))) ++at_;
  }
  shape_.add(Token::value, 0);
  kind_.on_number();
}

// $1, $$ … $$ or $tag$ … $tag$.
void Scanner::dollar() noexcept {
  const char* tag_end = at_ + 1;
  if (tag_end != end_ && is_digit(*tag_end)) {
    while (tag_end != end_ && is_digit(*tag_end)) ++tag_end;
    at_ = tag_end;
    return value();
  }
  while (tag_end != end_ && *tag_end != '$' &&
         kWordByte[static_cast<unsigned char>(*tag_end)] != 0) {
    ++tag_end;
  }
  if (tag_end == end_ || *tag_end != '$') return symbol('$');

  const auto tag_size = static_cast<std::size_t>(tag_end + 1 - at_);
  const std::string_view body(tag_end + 1, static_cast<std::size_t>(end_ - tag_end - 1));
  // Linear: a tag holds no $ inside, so no two tries overlap.
  const std::size_t close = body.find(std::string_view(at_, tag_size));
  at_ = close == std::string_view::npos ? end_ : body.data() + close + tag_size;
  value();
}

// From the opening quote to behind the closing one; a doubled quote stands for itself. If
// there is no closing one, to the end of the text.
void Scanner::skip_quoted(char quote, bool backslash_escapes) noexcept {
  const char* p = at_ + 1;
  while (true) {
    if (backslash_escapes) {
      while (p != end_ && *p != quote && *p != '\\') ++p;
    } else {
      p = find(p, quote);
    }
    const std::ptrdiff_t left = end_ - p;
    if (left == 0) break;
    const bool is_pair = *p == '\\' || (left > 1 && p[1] == quote);
    p += is_pair ? std::min<std::ptrdiff_t>(2, left) : 1;
    if (!is_pair) break;
  }
  at_ = p;
}

void Scanner::string(bool backslash_escapes) noexcept {
  skip_quoted(*at_, backslash_escapes);
  value();
}

void Scanner::quoted_name(char quote) noexcept {
  const char* const begin = at_;
  skip_quoted(quote, false);
  std::uint64_t hash = 0;
  for (const char* p = begin; p != at_; ++p) {
    hash = hash * 0x100000001b3 + static_cast<unsigned char>(*p);  // FNV's multiplier.
  }
  shape_.add(Token::name, hash);
  kind_.on_token();
}

void Scanner::block_comment() noexcept {
  at_ += 2;
  const char* const begin = at_;
  std::uint64_t depth = 1;
  while (at_ != end_) {
    if (*at_ == '*' && peek(1) == '/') {
      at_ += 2;
      if (--depth == 0) {
        read_comment_tags({begin, static_cast<std::size_t>(at_ - 2 - begin)}, out_);
        return;
      }
    } else if (*at_ == '/' && peek(1) == '*' && dialect_.nested_comments) {
      at_ += 2;
      ++depth;
    } else {
      ++at_;
    }
  }
}

void Scanner::line_comment() noexcept {
  while (at_ != end_ && *at_ != '\n' && *at_ != '\r') ++at_;
}

}  // namespace

StatementScan scan(std::string_view text, const Dialect& dialect, Extent extent) noexcept {
  return Scanner(text, dialect).run(extent);
}

}  // namespace loadline::sql
