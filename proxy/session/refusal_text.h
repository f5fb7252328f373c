// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <string_view>

#include "proxy/session/classifier.h"
#include "shedder/verdict.h"

namespace loadline::session {

// What a client is told of a shed: for machines, `key=value` pairs in DETAIL and HINT; both are
// part of the interface (docs/postgres.md). Holds its text in place.
class RefusalText {
 public:
  RefusalText(const Verdict& verdict, const Classification& operation) noexcept;

  [[nodiscard]] std::string_view detail() const noexcept { return detail_; }
  [[nodiscard]] std::string_view hint() const noexcept { return hint_; }

 private:
  std::array<char, 384> buffer_;
  std::string_view detail_;
  std::string_view hint_;
};

}  // namespace loadline::session
