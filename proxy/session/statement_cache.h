// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "proxy/session/classifier.h"
#include "proxy/sql/scan.h"

namespace loadline::session {

// What is known of a statement when it is about to run.
struct KnownStatement {
  sql::StatementKind kind = sql::StatementKind::other;
  Classification classification;
};

// Remembers what the text of a prepared statement said, for when it is executed by its name: the
// comment with the tags is in the text only. Bounded: when it is full, a new statement takes the
// place of another, which is then classified by its connection alone. Allocates as it grows, up to
// 256 statements; a client that prepares nothing costs nothing.
class StatementCache {
 public:
  static constexpr std::size_t kStatementsMax = 256;

  // `name_hash` must not be 0.
  void put(std::uint64_t name_hash, const KnownStatement& statement);
  // Null if unknown. Valid until the next put().
  [[nodiscard]] const KnownStatement* find(std::uint64_t name_hash) const noexcept;

 private:
  struct Slot {
    std::uint64_t name_hash = 0;  // 0: free.
    KnownStatement statement;
  };

  void grow();
  [[nodiscard]] Slot& slot_for(std::uint64_t name_hash) noexcept;

  std::vector<Slot> slots_;  // A power of two; a statement sits in one of two neighbouring slots.
};

}  // namespace loadline::session
