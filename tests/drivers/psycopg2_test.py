# SPDX-License-Identifier: Apache-2.0
"""psycopg2: simple protocol, large objects, asynchronous mode."""

import io
import select

import psycopg2
import psycopg2.errors
import psycopg2.extensions
import psycopg2.extras
import pytest
from support.shed_check import check_refusal


def connect(target, **options):
    connection = psycopg2.connect(target.dsn(), **options)
    return connection


def one(connection, statement, parameters=None):
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters)
        return cursor.fetchone() if cursor.description else None


@pytest.mark.quick
def test_tour(target, same_as_direct):
    story = []
    connection = connect(target)
    connection.autocommit = True
    story.append(one(connection, "SELECT 1, 'ü–🐘', NULL, ARRAY[1,2], 1.5::numeric, true"))
    story.append(one(connection, "SELECT 1; SELECT 2; SELECT 3"))
    for statement, code in [("SELECT 1/0", "22012"), ("SELEC", "42601"), ("SELECT 1; SELECT 1/0; SELECT 2", "22012")]:
        with pytest.raises(psycopg2.Error) as caught:
            one(connection, statement)
        assert caught.value.pgcode == code
        story.append((code, caught.value.diag.message_primary))
    connection.autocommit = False
    one(connection, "CREATE TEMP TABLE t (id int, name text)")
    with connection.cursor() as cursor:
        psycopg2.extras.execute_values(
            cursor, "INSERT INTO t VALUES %s", [(n, f"n{n}") for n in range(2000)], page_size=500
        )
        psycopg2.extras.execute_batch(cursor, "UPDATE t SET name = %s WHERE id = %s",
                                      [("changed", n) for n in range(100)])
    connection.commit()
    story.append(one(connection, "SELECT count(*), count(*) FILTER (WHERE name = 'changed') FROM t"))
    one(connection, "SAVEPOINT s")
    with pytest.raises(psycopg2.errors.UndefinedTable):
        one(connection, "SELECT * FROM nowhere")
    one(connection, "ROLLBACK TO s")
    story.append(connection.get_transaction_status())
    connection.rollback()
    with connection.cursor() as cursor:
        cursor.copy_from(io.StringIO("".join(f"{n}\tcopied\n" for n in range(5000))), "t")
        out = io.StringIO()
        cursor.copy_expert("COPY (SELECT * FROM t ORDER BY id, name) TO STDOUT (FORMAT csv)", out)
        story.append((len(out.getvalue()), out.getvalue()[:40]))
        with pytest.raises(psycopg2.errors.BadCopyFileFormat):
            cursor.copy_from(io.StringIO("1\ta\tb\n"), "t")
    connection.rollback()
    with connection.cursor("named") as cursor:
        cursor.itersize = 100
        cursor.execute("SELECT generate_series(1, 1000)")
        story.append(sum(row[0] for row in cursor))
    connection.rollback()
    connection.autocommit = True
    one(connection, "DO $$ BEGIN RAISE NOTICE 'seen'; END $$")
    story.append(connection.notices)
    connection.close()
    assert (2000, 100) in story and 500500 in story
    same_as_direct(story)


@pytest.mark.quick
def test_large_objects(target, same_as_direct):
    story = []
    connection = connect(target)
    raw = bytes(range(256)) * 8192
    big = connection.lobject(0, "wb")
    big.write(raw)
    oid = big.oid
    big.close()
    connection.commit()
    big = connection.lobject(oid, "rwb")
    story.append(big.read(300) == raw[:300])
    big.seek(1_000_000)
    story.append(big.read(16))
    big.truncate(1_000_010)
    big.seek(0, 2)
    story.append(big.tell())
    big.close()
    connection.commit()
    connection.lobject(oid).unlink()
    connection.commit()
    with pytest.raises(psycopg2.OperationalError):
        connection.lobject(oid, "rb")
    connection.rollback()
    story.append(connection.get_transaction_status())
    connection.close()
    assert story[0] is True and story[2] == 1_000_010
    same_as_direct(story)


@pytest.mark.quick
def test_asynchronous_mode_and_notifications(target, same_as_direct):
    story = []
    connection = psycopg2.connect(target.dsn(), async_=True)

    def finish():
        while (state := connection.poll()) != psycopg2.extensions.POLL_OK:
            reading = state == psycopg2.extensions.POLL_READ
            ready = select.select([connection][: int(reading)], [connection][: int(not reading)], [], 10)
            assert any(ready), "no answer within 10 s"

    finish()
    cursor = connection.cursor()
    for statement in ("SELECT 1", "LISTEN async_tour", "NOTIFY async_tour, 'hello'", "SELECT 2"):
        cursor.execute(statement)
        finish()
        story.append(cursor.fetchall() if cursor.description else cursor.statusmessage)
    story.append([n.payload for n in connection.notifies])
    connection.close()
    assert story[-1] == ["hello"]
    same_as_direct(story)


@pytest.mark.quick
def test_two_phase_commit_functions_are_passed_on(target, same_as_direct):
    """The server has prepared transactions off: the error must be the server's."""
    connection = connect(target)
    connection.tpc_begin(connection.xid(1, "gtrid", "bqual"))
    one(connection, "SELECT 1")
    with pytest.raises(psycopg2.Error) as caught:
        connection.tpc_prepare()
    story = [caught.value.pgcode, connection.status, connection.closed,
             caught.value.diag.message_primary]
    connection.close()
    same_as_direct(story)


@pytest.mark.quick
def test_a_shed_operation_is_an_ordinary_error(full_gate):
    connection = connect(full_gate.target)
    connection.autocommit = True
    full_gate.fill()
    for _ in range(3):
        with pytest.raises(psycopg2.errors.InsufficientResources) as caught:
            one(connection, "SELECT 40 + 2")
        diagnostic = caught.value.diag
        check_refusal(caught.value.pgcode, diagnostic.message_detail, diagnostic.message_hint)
    assert connection.closed == 0
    full_gate.free()
    assert one(connection, "SELECT 40 + 2") == (42,)
    connection.close()
