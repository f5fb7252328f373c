// SPDX-License-Identifier: Apache-2.0
#include "proxy/sql/kind_finder.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "tests/unit/proxy/sql/dialects.h"

namespace loadline::sql {
namespace {

StatementKind kind_of(std::string_view text) { return scan(text, kPostgres).kind; }

void expect_kind(StatementKind kind, const std::vector<std::string>& texts) {
  for (const std::string& text : texts) EXPECT_EQ(kind_of(text), kind) << text;
}

TEST(StatementKind, NothingButSpaceCommentsAndSemicolonsIsEmpty) {
  expect_kind(StatementKind::empty, {"", " \t\n", ";", " ; ; ", "-- ping", "/* a='b' */ ;"});
}

TEST(StatementKind, ReadsAreReads) {
  expect_kind(StatementKind::read,
              {"SELECT a FROM t", "select(1)", "(SELECT a FROM t) UNION (SELECT b FROM u)",
               "VALUES (1), (2)", "TABLE t", "WITH x AS (SELECT 1) SELECT * FROM x",
               "EXPLAIN INSERT INTO t VALUES (1)", "EXPLAIN ANALYZE SELECT 1", "FETCH 10 FROM c",
               "COPY t TO STDOUT", "COPY t (a, b) TO STDOUT", "COPY (SELECT a FROM t) TO STDOUT",
               "DECLARE c CURSOR FOR SELECT a FROM t", "SELECT substring(a for 3) FROM t"});
}

TEST(StatementKind, WritesAreWrites) {
  expect_kind(
      StatementKind::write,
      {"INSERT INTO t VALUES (1)", "update t set a = 1", "DELETE FROM t",
       "MERGE INTO t USING u ON true WHEN MATCHED THEN DO NOTHING", "CALL p()",
       "DO $$ BEGIN END $$", "TRUNCATE t", "LOCK TABLE t", "COPY t FROM STDIN",
       "COPY t (a) FROM STDIN", "COPY (DELETE FROM t RETURNING a) TO STDOUT",
       "WITH x AS (DELETE FROM t RETURNING a) SELECT * FROM x",
       "WITH x AS (SELECT 1) INSERT INTO t SELECT * FROM x", "EXPLAIN ANALYZE DELETE FROM t",
       "EXPLAIN (ANALYZE, BUFFERS) UPDATE t SET a = 1", "SELECT a INTO u FROM t"});
}

TEST(StatementKind, RowLocksAreWrites) {
  expect_kind(StatementKind::write,
              {"SELECT a FROM t FOR UPDATE", "SELECT a FROM t FOR NO KEY UPDATE",
               "SELECT a FROM t for share", "SELECT a FROM t FOR KEY SHARE",
               "WITH x AS (SELECT a FROM t FOR UPDATE SKIP LOCKED) SELECT * FROM x"});
}

TEST(StatementKind, DefinitionsAndMaintenanceAreDdl) {
  expect_kind(StatementKind::ddl,
              {"CREATE TABLE t (a int)", "alter table t add b int", "DROP TABLE t", "VACUUM t",
               "ANALYZE", "REINDEX TABLE t", "CLUSTER", "REFRESH MATERIALIZED VIEW v",
               "GRANT ALL ON t TO u", "COMMENT ON TABLE t IS 'x'", "CHECKPOINT"});
}

TEST(StatementKind, TransactionsBeginAndEnd) {
  expect_kind(StatementKind::begin, {"BEGIN", "begin;", "START TRANSACTION READ ONLY"});
  expect_kind(StatementKind::end, {"COMMIT", "commit;", "ROLLBACK", "ROLLBACK WORK", "END", "ABORT",
                                   "PREPARE TRANSACTION 'x'", "COMMIT PREPARED 'x'",
                                   "ROLLBACK PREPARED 'x'", "COMMIT AND CHAIN"});
}

TEST(StatementKind, ControlOfTheSessionIsSession) {
  expect_kind(StatementKind::session,
              {"SET a = 1", "SHOW a", "RESET ALL", "DISCARD ALL", "DEALLOCATE ALL", "LISTEN c",
               "UNLISTEN *", "CLOSE c", "SAVEPOINT s", "RELEASE s", "ROLLBACK TO s",
               "ROLLBACK TO SAVEPOINT s", "PREPARE p AS SELECT a FROM t"});
}

TEST(StatementKind, OnlyALoneSelectOfANumberIsAPing) {
  expect_kind(StatementKind::session, {"SELECT 1", "select 1;", "/* ping */ SELECT 1 ;"});
  expect_kind(StatementKind::read, {"SELECT 1, 2", "SELECT 1 FROM t", "SELECT (1)", "SELECT a",
                                    "SELECT", "SELECT 1; SELECT a"});
}

TEST(StatementKind, UnknownWordsAreOther) {
  expect_kind(StatementKind::other,
              {"EXECUTE p", "SETTINGS", "\"select\" 1", "'x'", "1", "()", "= 1", "selec t"});
}

TEST(StatementKind, LongWordsAreNotTakenForShortKeywords) {
  expect_kind(StatementKind::other, {"truncated t", "truncatetruncate t", "deallocates p",
                                     "securitysecuritysecuritysecurity x"});
}

TEST(StatementKind, OfSeveralStatementsTheHeaviestCounts) {
  EXPECT_EQ(kind_of("SET a = 1; DELETE FROM t"), StatementKind::write);
  EXPECT_EQ(kind_of("BEGIN; SELECT a FROM t; COMMIT"), StatementKind::read);
  EXPECT_EQ(kind_of("COMMIT; BEGIN"), StatementKind::begin);
  EXPECT_EQ(kind_of("SELECT 1; SELECT 1"), StatementKind::session);
  EXPECT_EQ(kind_of("DROP TABLE t; SELECT 1"), StatementKind::ddl);
}

TEST(StatementKind, CountsStatementsNotSemicolons) {
  EXPECT_TRUE(scan("SELECT a;;", kPostgres).single_statement);
  EXPECT_TRUE(scan("; SELECT a", kPostgres).single_statement);
  EXPECT_TRUE(scan("SELECT ';'", kPostgres).single_statement);
  EXPECT_TRUE(scan("CREATE RULE r AS ON INSERT TO t DO (DELETE FROM u; DELETE FROM v)", kPostgres)
                  .single_statement);
  EXPECT_FALSE(scan("SELECT a; SELECT b", kPostgres).single_statement);
}

TEST(StatementKind, APrefixIsNeverControl) {
  for (const char* text : {"", "SET a", "COMMIT", "BEGIN", "SELECT 1"}) {
    EXPECT_EQ(scan(text, kPostgres, Extent::prefix).kind, StatementKind::other) << text;
  }
  EXPECT_EQ(scan("SELECT a FROM", kPostgres, Extent::prefix).kind, StatementKind::read);
}

TEST(StatementKind, ControlIsWhatAlwaysPasses) {
  EXPECT_TRUE(is_control(StatementKind::empty));
  EXPECT_TRUE(is_control(StatementKind::session));
  EXPECT_TRUE(is_control(StatementKind::begin));
  EXPECT_TRUE(is_control(StatementKind::end));
  EXPECT_FALSE(is_control(StatementKind::read));
  EXPECT_FALSE(is_control(StatementKind::other));
}

}  // namespace
}  // namespace loadline::sql
