# SPDX-License-Identifier: Apache-2.0
"""psycopg 3: libpq with pipelines, binary parameters, server-side prepared statements."""

import datetime
import decimal
import json
import threading
import uuid

import psycopg
import pytest
from psycopg import sql
from psycopg.types.json import Jsonb
from support.shed_check import check_refusal
from support.wait import eventually

VALUES = [
    ("bool", True),
    ("int2", -32768),
    ("int4", 2**31 - 1),
    ("int8", -(2**63)),
    ("float8", 1.1e-300),
    ("numeric", decimal.Decimal("12345678901234567890.000000001")),
    ("text", "naïve – 日本語 🐘 'quoted' \\back"),
    ("text", ""),
    ("bytea", bytes(range(256))),
    ("date", datetime.date(1999, 12, 31)),
    ("timestamptz", datetime.datetime(2024, 2, 29, 23, 59, 59, 999999, datetime.timezone.utc)),
    ("interval", datetime.timedelta(days=3, microseconds=7)),
    ("uuid", uuid.UUID("12345678-1234-5678-1234-567812345678")),
    ("jsonb", Jsonb({"a": [1, None, "ü"]})),
    ("int4[]", [1, 2, 3]),
    ("text", None),
]


def plain(value):
    return value.obj if isinstance(value, Jsonb) else value


@pytest.mark.quick
def test_types(target, same_as_direct):
    story = []
    with target.connect() as connection:
        for binary in (False, True):
            for kind, value in VALUES:
                placeholder = sql.SQL("SELECT {}::" + kind).format(
                    sql.Placeholder(format="b" if binary else "t")
                )
                got = connection.cursor(binary=binary).execute(placeholder, [value]).fetchone()[0]
                assert got == plain(value), (kind, binary)
                story.append((kind, binary, repr(got)))
    same_as_direct(story)


@pytest.mark.quick
def test_errors_keep_the_connection(target, same_as_direct):
    story = []
    with target.connect() as connection:
        connection.execute("CREATE TEMP TABLE t (id int PRIMARY KEY, n int CHECK (n > 0))")
        connection.execute("INSERT INTO t VALUES (1, 1)")
        for statement, code in [
            ("SELEC 1", "42601"),
            ("SELECT * FROM nowhere", "42P01"),
            ("SELECT 1/0", "22012"),
            ("INSERT INTO t VALUES (1, 1)", "23505"),
            ("INSERT INTO t VALUES (2, -1)", "23514"),
            ("SELECT 'x'::int", "22P02"),
            ("DO $$ BEGIN RAISE EXCEPTION 'own' USING ERRCODE = 'LD001', DETAIL = 'd', HINT = 'h'; END $$",
             "LD001"),
        ]:
            for prepare in (False, True):
                with pytest.raises(psycopg.Error) as caught:
                    connection.execute(statement, prepare=prepare)
                diagnostic = caught.value.diag
                assert diagnostic.sqlstate == code
                story.append(
                    (code, diagnostic.severity, diagnostic.message_primary,
                     diagnostic.message_detail, diagnostic.message_hint,
                     diagnostic.statement_position, diagnostic.constraint_name)
                )
                assert connection.execute("SELECT 1").fetchone() == (1,)
    same_as_direct(story)


@pytest.mark.quick
def test_transactions_and_savepoints(target, same_as_direct):
    story = []
    with target.connect(autocommit=False) as connection:
        connection.execute("CREATE TEMP TABLE t (id int)")
        connection.commit()
        with connection.transaction():
            connection.execute("INSERT INTO t VALUES (1)")
            story.append(connection.info.transaction_status.name)
            with pytest.raises(psycopg.errors.DivisionByZero):
                with connection.transaction():
                    connection.execute("INSERT INTO t VALUES (2)")
                    connection.execute("SELECT 1/0")
            story.append(connection.info.transaction_status.name)
        with pytest.raises(psycopg.errors.DivisionByZero):
            connection.execute("SELECT 1/0")
        story.append(connection.info.transaction_status.name)
        with pytest.raises(psycopg.errors.InFailedSqlTransaction):
            connection.execute("SELECT 1")
        connection.rollback()
        story.append(connection.info.transaction_status.name)
        story.append(connection.execute("SELECT array_agg(id) FROM t").fetchone())
        connection.rollback()
        for level in psycopg.IsolationLevel:
            connection.isolation_level = level
            with connection.transaction():
                story.append(connection.execute("SHOW transaction_isolation").fetchone())
    assert ([1],) in story
    same_as_direct(story)


@pytest.mark.quick
def test_prepared_statements_many_times(target, same_as_direct):
    story = []
    with target.connect() as connection:
        connection.prepare_threshold = 2
        for n in range(500):
            assert connection.execute("SELECT %s::int + 1", [n]).fetchone() == (n + 1,)
        for n in range(150):  # More statements than the driver's cache holds: it deallocates some.
            assert connection.execute(f"SELECT {n}", prepare=True).fetchone() == (n,)
        story += connection.execute(
            "SELECT statement FROM pg_prepared_statements ORDER BY 1"
        ).fetchall()
        connection.execute("CREATE TEMP TABLE t (a int)")
        connection.execute("SELECT * FROM t", prepare=True)
        connection.execute("ALTER TABLE t ADD b int")
        with pytest.raises(psycopg.errors.FeatureNotSupported):
            connection.execute("SELECT * FROM t", prepare=True)
        connection.execute("DEALLOCATE ALL")
    same_as_direct(story)


@pytest.mark.quick
def test_pipelines(target, same_as_direct):
    story = []
    with target.connect() as connection:
        connection.execute("CREATE TEMP TABLE t (id int PRIMARY KEY)")
        with connection.pipeline():
            cursors = [connection.execute("SELECT %s::int", [n]) for n in range(1000)]
        assert [c.fetchone()[0] for c in cursors] == list(range(1000))
        # An error aborts what follows it up to the sync, and nothing of that batch stays.
        with pytest.raises(psycopg.errors.UniqueViolation):
            with connection.pipeline():
                connection.execute("INSERT INTO t VALUES (1)")
                connection.execute("INSERT INTO t VALUES (1)")
                connection.execute("INSERT INTO t VALUES (2)")
        story.append(connection.execute("SELECT count(*) FROM t").fetchone())
        with connection.pipeline() as pipeline:
            connection.execute("INSERT INTO t VALUES (3)")
            pipeline.sync()
            connection.execute("INSERT INTO t VALUES (4)")
        story.append(connection.execute("SELECT array_agg(id ORDER BY id) FROM t").fetchone())
        with connection.pipeline(), connection.transaction():
            for n in range(10, 60):
                connection.execute("INSERT INTO t VALUES (%s)", [n])
        story.append(connection.execute("SELECT count(*) FROM t").fetchone())
        connection.cursor().executemany("INSERT INTO t VALUES (%s)", [(n,) for n in range(100, 400)])
        story.append(connection.execute("SELECT count(*) FROM t").fetchone())
    assert story == [(0,), ([3, 4],), (52,), (352,)]
    same_as_direct(story)


@pytest.mark.quick
def test_cursors(target, same_as_direct):
    story = []
    with target.connect(autocommit=False) as connection:
        with connection.cursor("named", scrollable=True) as cursor:
            cursor.execute("SELECT generate_series(1, 10000)")
            story.append(cursor.fetchmany(3))
            cursor.scroll(5000)
            story.append(cursor.fetchone())
            cursor.scroll(0, mode="absolute")
            story.append(sum(row[0] for row in cursor))
        with connection.cursor("held", withhold=True) as cursor:
            cursor.execute("SELECT generate_series(1, 5)")
            connection.commit()
            story.append(cursor.fetchall())
        connection.commit()
        story.append(sum(row[0] for row in connection.cursor().stream(
            "SELECT generate_series(1, 5000)")))
    assert story[2] == 50005000 and story[4] == 12502500
    same_as_direct(story)


@pytest.mark.quick
def test_copy(target, same_as_direct):
    story = []
    with target.connect() as connection:
        connection.execute("CREATE TEMP TABLE t (id int, name text)")
        cursor = connection.cursor()
        for options in ("", "(FORMAT binary)"):
            with cursor.copy(f"COPY t FROM STDIN {options}") as copy:
                if options:
                    copy.set_types(["int4", "text"])
                for n in range(20_000):
                    copy.write_row((n, f"row\t{n} ü"))
            story.append(cursor.rowcount)
        with cursor.copy("COPY (SELECT * FROM t ORDER BY id) TO STDOUT") as copy:
            rows = [bytes(chunk) for chunk in copy]
        story.append((sum(map(len, rows)), rows[0], rows[-1]))
        # The server refuses in the middle, while the client goes on sending.
        with pytest.raises(psycopg.errors.InvalidTextRepresentation) as caught:
            with cursor.copy("COPY t FROM STDIN") as copy:
                copy.write("1\tgood\n")
                for _ in range(2000):
                    copy.write("bad\tbad\n" * 100)
        story.append((caught.value.sqlstate, caught.value.diag.context))
        # The client refuses in the middle.
        with pytest.raises(psycopg.errors.QueryCanceled):
            with cursor.copy("COPY t FROM STDIN") as copy:
                copy.write("1\tgood\n" * 1000)
                raise psycopg.errors.QueryCanceled("changed my mind")
        # The server fails in the middle of sending.
        with pytest.raises(psycopg.errors.DivisionByZero):
            with cursor.copy("COPY (SELECT 1/(5000-n) FROM generate_series(1,10000) n) TO STDOUT") as copy:
                for _ in copy:
                    pass
        # The client has seen enough in the middle and cancels the rest.
        with pytest.raises(psycopg.errors.QueryCanceled):
            with cursor.copy(
                "COPY (SELECT repeat('x', 1000) FROM generate_series(1,100000)) TO STDOUT"
            ) as copy:
                copy.read()
                connection.cancel()
                for _ in copy:
                    pass
        story.append(connection.execute("SELECT count(*) FROM t").fetchone())
    assert story[0] == story[1] == 20_000 and story[-1] == (40_000,)
    same_as_direct(story)


@pytest.mark.quick
def test_listen_and_notify(target, same_as_direct):
    story = []
    channel = f"tour_{target.route}"
    with target.connect() as listener, target.connect() as sender:
        listener.execute(f"LISTEN {channel}")
        for n in range(20):
            sender.execute("SELECT pg_notify(%s, %s)", [channel, f"message {n} ü"])
        for notify in listener.notifies():
            story.append(notify.payload)
            if len(story) == 20:
                break
        # One that arrives while the listener is idle, and nothing else is going on.
        heard = []

        def listen():
            heard.append(next(listener.notifies()).payload)

        thread = threading.Thread(target=listen)
        thread.start()
        sender.execute("SELECT pg_notify(%s, 'late')", [channel])
        thread.join(10)
        story += heard
        listener.execute("UNLISTEN *")
    assert story[-1] == "late"
    same_as_direct(story)


@pytest.mark.quick
def test_notices_arrive_in_order(target, same_as_direct):
    story = []
    with target.connect() as connection:
        connection.add_notice_handler(lambda d: story.append((d.severity, d.message_primary)))
        connection.execute(
            "DO $$ BEGIN FOR n IN 1..50 LOOP RAISE NOTICE 'notice % ü', n; END LOOP;"
            " RAISE WARNING 'last'; END $$"
        )
    assert story[0] == ("NOTICE", "notice 1 ü") and story[-1] == ("WARNING", "last")
    same_as_direct(story)


@pytest.mark.quick
def test_cancel_and_timeouts(target, same_as_direct):
    story = []
    with target.connect() as connection:
        started = threading.Event()

        def cancel():
            started.wait(10)
            with target.connect() as other:
                eventually(
                    lambda: other.execute(
                        "SELECT count(*) FROM pg_stat_activity WHERE pid = %s AND state = 'active'"
                        " AND wait_event = 'PgSleep'", [connection.info.backend_pid]
                    ).fetchone()[0] == 1,
                    "the statement to cancel is running",
                )
            connection.cancel()

        thread = threading.Thread(target=cancel)
        thread.start()
        started.set()
        with pytest.raises(psycopg.errors.QueryCanceled) as caught:
            connection.execute("SELECT pg_sleep(60)")
        thread.join(10)
        story.append(caught.value.diag.message_primary)
        connection.execute("SET statement_timeout = '30ms'")
        with pytest.raises(psycopg.errors.QueryCanceled) as caught:
            connection.execute("SELECT pg_sleep(60)")
        story.append(caught.value.diag.message_primary)
        connection.execute("RESET statement_timeout")
        connection.cancel()  # Of nothing: must not hit what comes next.
        story += [connection.execute("SELECT %s::int", [n]).fetchone() for n in range(3)]
        connection.execute("SET idle_in_transaction_session_timeout = '50ms'")
        connection.execute("BEGIN")
        eventually(lambda: connection.pgconn.socket and _is_readable(connection), "idle timeout hits")
        with pytest.raises(psycopg.OperationalError) as caught:
            connection.execute("SELECT 1")
        story.append((caught.value.sqlstate, connection.closed))
    same_as_direct(story)


def _is_readable(connection):
    import select

    return select.select([connection.fileno()], [], [], 0)[0]


@pytest.mark.quick
def test_a_row_of_50_megabytes_both_ways(target):
    size = 50 << 20
    with target.connect() as connection:
        got = connection.execute("SELECT repeat('x', %s)", [size]).fetchone()[0]
        assert len(got) == size
        raw = bytes(range(256)) * (size // 256)
        length, digest = connection.cursor(binary=True).execute(
            "SELECT length(%b::bytea), md5(%b::bytea)", [raw, raw]
        ).fetchone()
        assert length == size
        import hashlib

        assert digest == hashlib.md5(raw).hexdigest()


@pytest.mark.quick
def test_session_state_stays_with_the_session(target, same_as_direct):
    story = []
    with target.connect() as connection, target.connect() as other:
        connection.execute("SET application_name = 'mine'")
        connection.execute("SET search_path = pg_catalog")
        connection.execute("CREATE TEMP TABLE only_here (id int)")
        connection.execute("SELECT pg_advisory_lock(77)")
        story.append(other.execute("SHOW application_name").fetchone())
        story.append(other.execute("SELECT to_regclass('pg_temp.only_here')").fetchone())
        story.append(other.execute("SELECT pg_try_advisory_lock(77)").fetchone())
        story.append(connection.info.parameter_status("application_name"))
        connection.execute("DISCARD ALL")
        story.append(connection.execute("SHOW search_path").fetchone())
        story.append(other.execute("SELECT pg_try_advisory_lock(77)").fetchone())
    assert story[2] == (False,) and story[-1] == (True,)
    same_as_direct(story)


@pytest.mark.quick
def test_startup_options_reach_the_server(target, same_as_direct):
    story = []
    with psycopg.connect(
        target.dsn(application_name="tour", options="-c work_mem=5MB -c geqo=off",
                   client_encoding="LATIN1"), autocommit=True
    ) as connection:
        for name in ("work_mem", "geqo", "application_name", "client_encoding"):
            story.append(connection.execute(f"SHOW {name}").fetchone())
        story.append(connection.execute("SELECT 'ü'").fetchone())
        story.append(json.dumps(connection.info.get_parameters(), sort_keys=True).count("tour"))
    same_as_direct(story)


@pytest.mark.quick
def test_a_shed_operation_is_an_ordinary_error(full_gate):
    with full_gate.target.connect() as connection, \
            full_gate.target.connect(autocommit=False) as transactional:
        full_gate.fill()
        for prepare in (False, True):
            with pytest.raises(psycopg.errors.InsufficientResources) as caught:
                connection.execute("SELECT 40 + 2", prepare=prepare)
            diagnostic = caught.value.diag
            assert diagnostic.severity == "ERROR"
            check_refusal(diagnostic.sqlstate, diagnostic.message_detail, diagnostic.message_hint)
            assert not connection.closed
            assert connection.info.transaction_status == psycopg.pq.TransactionStatus.IDLE
        with pytest.raises(psycopg.errors.InsufficientResources):
            transactional.execute("SELECT 40 + 2")
        transactional.rollback()
        with pytest.raises(psycopg.errors.InsufficientResources):
            with connection.pipeline():
                connection.execute("SELECT 1 + 1")
                connection.execute("SELECT 1 + 2")
        full_gate.free()
        assert connection.execute("SELECT 40 + 2", prepare=True).fetchone() == (42,)
        assert transactional.execute("SELECT 40 + 2").fetchone() == (42,)
