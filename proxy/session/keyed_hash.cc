// SPDX-License-Identifier: Apache-2.0
#include "proxy/session/keyed_hash.h"

#include <bit>
#include <cstddef>

namespace loadline::session {
namespace {

struct SipState {
  std::uint64_t v0;
  std::uint64_t v1;
  std::uint64_t v2;
  std::uint64_t v3;

  // The constants spell the authors' "somepseudorandomlygeneratedbytes".
  explicit SipState(std::uint64_t key) noexcept
      : v0(key ^ 0x736f6d6570736575),
        v1(key ^ 0x646f72616e646f6d),
        v2(key ^ 0x6c7967656e657261),
        v3(key ^ 0x7465646279746573) {}

  void round() noexcept {
    v0 += v1;
    v2 += v3;
    v1 = std::rotl(v1, 13) ^ v0;
    v3 = std::rotl(v3, 16) ^ v2;
    v0 = std::rotl(v0, 32) + v3;
    v2 += v1;
    v3 = std::rotl(v3, 21) ^ v0;
    v1 = std::rotl(v1, 17) ^ v2;
    v2 = std::rotl(v2, 32);
  }

  void absorb(std::uint64_t block) noexcept {
    v3 ^= block;
    round();
    v0 ^= block;
  }

  std::uint64_t finish() noexcept {
    v2 ^= 0xff;
    for (int i = 0; i < 3; ++i) round();
    return v0 ^ v1 ^ v2 ^ v3;
  }
};

// Up to eight bytes, the first the lowest.
[[nodiscard]] std::uint64_t little_endian(std::string_view bytes) noexcept {
  std::uint64_t block = 0;
  for (std::size_t i = bytes.size(); i > 0; --i) {
    block = block << 8 | static_cast<unsigned char>(bytes[i - 1]);
  }
  return block;
}

}  // namespace

std::uint64_t keyed_hash(std::string_view text, std::uint64_t key) noexcept {
  SipState state(key);
  const std::uint64_t size_byte = std::uint64_t{text.size()} << 56;
  for (; text.size() >= 8; text.remove_prefix(8)) state.absorb(little_endian(text.substr(0, 8)));
  state.absorb(size_byte | little_endian(text));
  return state.finish();
}

}  // namespace loadline::session
