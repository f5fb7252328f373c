// SPDX-License-Identifier: Apache-2.0
#include "proxy/sql/kind_finder.h"

#include <algorithm>

namespace loadline::sql {
namespace {

// A packed word in which longer words are told by their size too. Size 9 to 15 turns the 01 that
// every ASCII letter begins with into 00, from 16 on into 1x: no long word is taken for a short
// keyword.
[[nodiscard]] constexpr std::uint64_t key_of(std::uint64_t packed, std::size_t size) noexcept {
  return size <= 8 ? packed : packed ^ (std::uint64_t{std::min<std::size_t>(size, 31)} << 59);
}
[[nodiscard]] constexpr std::uint64_t word(std::string_view text) noexcept {
  return key_of(pack_word(text), text.size());
}

[[nodiscard]] bool is_dml(std::uint64_t key) noexcept {
  return key == word("insert") || key == word("update") || key == word("delete") ||
         key == word("merge");
}

}  // namespace

void KindFinder::start(std::uint64_t packed, std::size_t size) noexcept {
  switch (key_of(packed, size)) {
    case word("select"):
    case word("declare"):
      return expect(Verb::select, StatementKind::read);
    case word("with"):
      return expect(Verb::with, StatementKind::read);
    case word("explain"):
      return expect(Verb::explain, StatementKind::read);
    case word("copy"):
      return expect(Verb::copy, StatementKind::write);
    case word("prepare"):
      return expect(Verb::prepare, StatementKind::session);
    case word("rollback"):
      return expect(Verb::rollback, StatementKind::end);

    case word("values"):
    case word("table"):
    case word("fetch"):
    case word("move"):
    case word("describe"):
    case word("desc"):
      return decide(StatementKind::read);

    case word("insert"):
    case word("update"):
    case word("delete"):
    case word("merge"):
    case word("replace"):
    case word("call"):
    case word("do"):
    case word("truncate"):
    case word("lock"):
    case word("notify"):
      return decide(StatementKind::write);

    case word("create"):
    case word("alter"):
    case word("drop"):
    case word("vacuum"):
    case word("analyze"):
    case word("analyse"):
    case word("reindex"):
    case word("cluster"):
    case word("refresh"):
    case word("grant"):
    case word("revoke"):
    case word("comment"):
    case word("security"):
    case word("reassign"):
    case word("import"):
    case word("rename"):
    case word("optimize"):
    case word("checkpoint"):
      return decide(StatementKind::ddl);

    case word("begin"):
    case word("start"):
      return decide(StatementKind::begin);
    case word("commit"):
    case word("end"):
    case word("abort"):
      return decide(StatementKind::end);

    case word("set"):
    case word("show"):
    case word("reset"):
    case word("discard"):
    case word("deallocate"):
    case word("listen"):
    case word("unlisten"):
    case word("close"):
    case word("savepoint"):
    case word("release"):
    case word("use"):
      return decide(StatementKind::session);

    default:
      return decide(StatementKind::other);
  }
}

void KindFinder::follow(std::uint64_t packed, std::size_t size) noexcept {
  const std::uint64_t key = key_of(packed, size);
  const bool was_after_for = after_for_;
  after_for_ = key == word("for");
  switch (verb_) {
    case Verb::none:
    case Verb::decided:
      return;
    case Verb::select:
    case Verb::with: {
      const bool locks = was_after_for && (key == word("update") || key == word("share") ||
                                           key == word("no") || key == word("key"));
      const bool writes = verb_ == Verb::with ? is_dml(key) : key == word("into");
      if (locks || writes) decide(StatementKind::write);
      return;
    }
    case Verb::explain:
      if (key == word("analyze") || key == word("analyse")) explain_runs_ = true;
      if (explain_runs_ && (is_dml(key) || key == word("create"))) decide(StatementKind::write);
      return;
    case Verb::copy:
      return follow_copy(packed, size);
    case Verb::prepare:  // PREPARE name AS … is the other one.
      return decide(key == word("transaction") ? StatementKind::end : StatementKind::session);
    case Verb::rollback:  // Back to a savepoint: the transaction goes on.
      if (key == word("to")) decide(StatementKind::session);
      return;
  }
}

// COPY table FROM, COPY table TO, or COPY (query) TO, whose query has words of its own.
void KindFinder::follow_copy(std::uint64_t packed, std::size_t size) noexcept {
  const std::uint64_t key = key_of(packed, size);
  if (depth_ > 0) {
    if (is_dml(key)) decide(StatementKind::write);
  } else if (key == word("to")) {
    decide(StatementKind::read);
  } else if (key == word("from")) {
    decide(StatementKind::write);
  }
}

void KindFinder::end_statement() noexcept {
  if (token_count_ > 0) {
    ++statement_count_;
    if (verb_ == Verb::none) statement_kind_ = StatementKind::other;  // Parentheses alone.
    if (is_ping_ && token_count_ == 2) statement_kind_ = StatementKind::session;
    kind_ = std::max(kind_, statement_kind_);
  }
  verb_ = Verb::none;
  is_ping_ = false;
  after_for_ = false;
  explain_runs_ = false;
  token_count_ = 0;
}

}  // namespace loadline::sql
