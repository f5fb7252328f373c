# SPDX-License-Identifier: Apache-2.0
"""The command-line tools that come with Postgres: psql, pgbench, pg_dump, replication clients."""

import pathlib
import re
import subprocess

import pytest
from support.postgres import BIN
from support.shed_check import check_refusal
from support.wait import PATIENCE, eventually


def run(target, program, *arguments, script="", expect=0, timeout=60, **environment):
    result = subprocess.run(
        [str(BIN / program), *map(str, arguments)], input=script, capture_output=True, text=True,
        env={**target.environment(), **environment}, timeout=timeout * PATIENCE, check=False,
    )
    assert result.returncode == expect, f"{program}: {result.stdout[-2000:]}{result.stderr[-4000:]}"
    return result


def psql(target, script, *arguments, **options):
    return run(target, "psql", "-X", "-q", "-v", "VERBOSITY=verbose", "-P", "pager=off",
               *arguments, script=script, **options)


PSQL_TOUR = r"""
SELECT 1 AS one, 'ü–🐘' AS text, NULL AS nothing;
SELECT 1 \; SELECT 2 \; SELECT 1/0 \; SELECT 3;
SELECT 'still here';
\errverbose
CREATE TEMP TABLE t (id int PRIMARY KEY, name text);
INSERT INTO t SELECT n, 'name ' || n FROM generate_series(1, 1000) n RETURNING id LIMIT 1;
INSERT INTO t SELECT n, 'name ' || n FROM generate_series(1, 1000) n;
INSERT INTO t VALUES (1, 'again');
BEGIN;
SAVEPOINT s;
SELECT * FROM nowhere;
SELECT 'ignored';
ROLLBACK TO s;
SELECT count(*) FROM t;
COMMIT;
\set FETCH_COUNT 100
SELECT sum(id) FROM t;
SELECT id FROM t ORDER BY id LIMIT 250;
\set FETCH_COUNT 0
SELECT id, name FROM t WHERE id < 3 \gdesc
SELECT $1::int + $2::int \bind 1 2 \g
\copy t TO 'out.csv' (FORMAT csv)
TRUNCATE t;
\copy t FROM 'out.csv' (FORMAT csv)
SELECT count(*) FROM t;
COPY t FROM STDIN;
2001	one
bad	two
\.
COPY (SELECT * FROM t ORDER BY id LIMIT 2) TO STDOUT;
DO $$ BEGIN RAISE NOTICE 'a notice'; END $$;
LISTEN here;
NOTIFY here, 'payload';
PREPARE p (int) AS SELECT $1 * 2;
EXECUTE p (21);
DEALLOCATE p;
\lo_import 'out.csv' comment
\d t
;
SELECT;
"""


@pytest.mark.quick
def test_psql_tour(target, same_as_direct, tmp_path):
    result = subprocess.run(
        [str(BIN / "psql"), "-X", "-v", "VERBOSITY=verbose"], input=PSQL_TOUR, capture_output=True,
        text=True, env=target.environment(), cwd=tmp_path, timeout=60 * PATIENCE, check=False,
    )
    # Numbers that differ from session to session: large object ids and server process ids.
    out = re.sub(r'lo_import \d+|server process with PID \d+|pg_temp_\d+', "N", result.stdout)
    assert "still here" in out and 'Asynchronous notification "here"' in out
    assert "22012: division by zero" in result.stderr and "a notice" in result.stderr
    same_as_direct([result.returncode, *out.splitlines(), *result.stderr.splitlines()])


@pytest.mark.quick
@pytest.mark.parametrize("mode", ["simple", "extended", "prepared"])
def test_pgbench(target, mode):
    schema = f"bench_{target.route}_{mode}"
    options = {"PGOPTIONS": f"-c search_path={schema}"}
    psql(target, f"DROP SCHEMA IF EXISTS {schema} CASCADE; CREATE SCHEMA {schema};")
    run(target, "pgbench", "-i", "-s", "1", "-q", **options)
    result = run(target, "pgbench", "-M", mode, "-c", "4", "-j", "2", "-t", "50", **options)
    assert "number of transactions actually processed: 200/200" in result.stdout
    assert "number of failed transactions: 0" in result.stdout
    # The books balance: what was booked is what was written down, once per transaction.
    sums = psql(
        target,
        "SELECT count(*), (SELECT sum(abalance) FROM pgbench_accounts) = sum(delta) FROM pgbench_history",
        "-At", **options,
    ).stdout
    assert sums == "200|t\n"
    run(target, "pgbench", "-S", "-M", mode, "-c", "8", "-j", "2", "-t", "100", "-C", **options)
    psql(target, f"DROP SCHEMA {schema} CASCADE")


@pytest.mark.quick
@pytest.mark.parametrize("mode", ["extended", "prepared"])
def test_pgbench_pipelines(target, tmp_path, mode):
    script = tmp_path / "pipeline.sql"
    script.write_text(
        "\\startpipeline\n" + "SELECT 1;\nSELECT :client_id + 1;\n" * 50 + "\\endpipeline\n",
        encoding="utf-8",
    )
    result = run(target, "pgbench", "-n", "-f", script, "-M", mode, "-c", "4", "-j", "2", "-t", "20")
    assert "number of transactions actually processed: 80/80" in result.stdout


@pytest.mark.quick
def test_pg_dump_and_restore(target, same_as_direct, tmp_path):
    schema = "dump_me"
    psql(target, f"""
        DROP SCHEMA IF EXISTS {schema} CASCADE;
        CREATE SCHEMA {schema};
        CREATE TABLE {schema}.t AS SELECT n AS id, 'ü' || n AS name FROM generate_series(1, 5000) n;
        CREATE VIEW {schema}.v AS SELECT count(*) FROM {schema}.t;""")
    dump = run(target, "pg_dump", "-n", schema).stdout
    archive = tmp_path / "dump"
    run(target, "pg_dump", "-n", schema, "-Fd", "-j", "2", "-f", archive)
    psql(target, f"DROP SCHEMA {schema} CASCADE")
    run(target, "pg_restore", "-d", "postgres", "-j", "2", archive)
    assert psql(target, f"SELECT * FROM {schema}.v", "-At").stdout == "5000\n"
    psql(target, f"DROP SCHEMA {schema} CASCADE")
    # \\restrict takes a key that every run of pg_dump makes anew.
    same_as_direct([line for line in dump.splitlines() if "restrict " not in line])


@pytest.mark.quick
def test_replication_connections(target, same_as_direct, tmp_path):
    environment = {"PGDATABASE": "", "PGAPPNAME": "replica"}
    story = []
    for database, command in [("replication=true", "IDENTIFY_SYSTEM"),
                              ("dbname=postgres replication=database", "SHOW wal_level")]:
        got = run(target, "psql", "-X", "-At", "-c", command, database, **environment)
        story.append(got.stdout.split("|")[0])
    slot = f"tour_{target.route}"
    run(target, "pg_receivewal", "--create-slot", "--slot", slot)
    # Streams WAL (CopyBoth) up to a position ahead of the present one, then ends by itself.
    end = psql(target, "SELECT pg_current_wal_lsn() + 4 * 1024 * 1024", "-At").stdout.strip()
    folder = tmp_path / "wal"
    folder.mkdir()
    # Something to stream: the present position may be the very beginning of a segment.
    psql(target, "SELECT pg_logical_emit_message(false, 'tour', repeat('x', 1000))")
    receiver = subprocess.Popen(
        [str(BIN / "pg_receivewal"), "--slot", slot, "-D", str(folder), "--endpos", end, "--no-loop",
         "--no-sync"], env=target.environment(),
    )
    eventually(lambda: any(folder.iterdir()), "streaming has begun")
    psql(target, "SELECT txid_current(); SELECT pg_switch_wal();" * 6)
    assert receiver.wait(30 * PATIENCE) == 0
    story.append(any(folder.iterdir()))
    run(target, "pg_receivewal", "--drop-slot", "--slot", slot)
    backup = tmp_path / "backup"
    run(target, "pg_basebackup", "-D", backup, "-X", "stream", "-c", "fast", "--no-sync")
    story.append((backup / "PG_VERSION").read_text())
    assert story == [story[0], "replica\n", True, "15\n"]
    same_as_direct(story)


@pytest.mark.quick
def test_replication_is_not_gated(full_gate):
    full_gate.fill()
    got = run(full_gate.target, "psql", "-X", "-At", "-c", "IDENTIFY_SYSTEM",
              "dbname=postgres replication=true")
    assert got.stdout.count("|") == 3


@pytest.mark.quick
def test_psql_reports_a_shed_operation_and_goes_on(full_gate, tmp_path):
    full_gate.fill()
    free = tmp_path / "free"
    script = f"""
        \\echo :SQLSTATE
        SELECT 40 + 2;
        \\echo :SQLSTATE
        \\! touch {free}.asked; while [ ! -e {free} ]; do sleep 0.02; done
        SELECT 40 + 3;
    """
    client = subprocess.Popen(
        [str(BIN / "psql"), "-X", "-q", "-At", "-v", "VERBOSITY=verbose"], stdin=subprocess.PIPE,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        env=full_gate.target.environment(),
    )
    client.stdin.write(script)
    client.stdin.close()
    asked = pathlib.Path(f"{free}.asked")
    eventually(asked.exists, "psql has been refused")
    full_gate.free()
    free.touch()
    assert client.wait(30) == 0
    out, errors = client.stdout.read(), client.stderr.read()
    assert "53000" in out.split() and out.split()[-1] == "43"
    lines = dict(line.split(":  ", 1) for line in errors.splitlines() if ":  " in line)
    check_refusal("53000", lines["DETAIL"], lines["HINT"])


@pytest.mark.quick
def test_pgbench_retries_what_frameworks_retry(make_loadline, database):
    """With `refusal: {sqlstate: "40001"}`, pgbench's own retry mode survives a gate that sheds."""
    proxy = make_loadline(
        database, gate={"limit": 1, "wait_max": "1ms", "waiting_max": 1},
        upstream_keys={"refusal": {"sqlstate": "40001"}},
    )
    script = proxy.folder / "slow.sql"
    script.write_text("SELECT pg_sleep(0.005);\n", encoding="utf-8")
    result = run(proxy.target(), "pgbench", "-n", "-f", script, "-c", "8", "-j", "2", "-t", "20",
                 "--max-tries", "1000000")
    assert "number of transactions actually processed: 160/160" in result.stdout
    assert "total number of retries" in result.stdout
