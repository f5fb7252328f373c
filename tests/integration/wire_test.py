# SPDX-License-Identifier: Apache-2.0
"""The protocol, byte by byte. Where it can, a test runs against Postgres itself as well."""

import struct
import threading

import psycopg
import pytest
from support import wire
from support.wait import eventually
from support.wire import SYNC, Closed, WireClient, only_error, query, statement, tags

pytestmark = pytest.mark.quick


def test_a_session_in_one_byte_pieces(target):
    with WireClient.to(target, login=False) as client:
        client.send_byte_by_byte(
            wire.startup({"user": "postgres", "database": "postgres", "application_name": "slow"})
        )
        client.finish_login()
        assert client.parameters["application_name"] == "slow"
        client.send_byte_by_byte(query("SELECT 'ü' || 1"))
        assert tags(client.receive_until()) == "TDCZ"
        client.send_byte_by_byte(statement("SELECT $1::int + 1", [41]) + SYNC)
        messages = client.receive_until()
        assert tags(messages) == "12DCZ" and messages[2].row() == [b"42"]
        client.send_byte_by_byte(query("COPY (VALUES (1), (2)) TO STDOUT") + query("SELECT 3"))
        assert tags(client.receive_until()) == "HddcCZ"
        assert tags(client.receive_until()) == "TDCZ"
        client.send_byte_by_byte(wire.TERMINATE)
        assert client.is_closed()


def test_ten_thousand_statements_without_waiting_for_an_answer(target):
    count = 10_000
    with WireClient.to(target, timeout=60) as client:
        sender = threading.Thread(
            target=lambda: client.send(*(query(f"SELECT {n} + 0") for n in range(count)))
        )
        sender.start()
        for n in range(count):
            messages = client.receive_until()
            assert tags(messages) == "TDCZ" and messages[1].row() == [str(n).encode()]
        sender.join()
        sender = threading.Thread(
            target=lambda: client.send(
                *(statement("SELECT $1::int", [n]) + (SYNC if n % 7 == 6 else b"") for n in range(count)),
                SYNC,
            )
        )
        sender.start()
        seen = []
        while len(seen) < count:
            seen += [int(m.row()[0]) for m in client.receive_until() if m.tag == "D"]
        sender.join()
        assert seen == list(range(count))


def test_an_error_in_a_pipeline_skips_to_the_next_sync_only(target):
    with WireClient.to(target) as client:
        client.send(
            statement("SELECT 1"), statement("SELECT 1/0"), statement("SELECT 2"), SYNC,
            statement("SELECT 3"), SYNC, query("SELECT 4"),
        )
        first, second, third = (client.receive_until() for _ in range(3))
        assert tags(first) == "12DC12EZ" or tags(first) == "12DC1EZ"
        assert only_error(first).sqlstate == "22012"
        assert tags(second) == "12DCZ" and tags(third) == "TDCZ"


def test_named_statements_and_portals(target):
    with WireClient.to(target) as client:
        client.send(wire.parse("SELECT generate_series(1, $1::int)", "series"),
                    wire.describe("S", "series"), SYNC)
        assert tags(client.receive_until()) == "1tTZ"
        client.send(query("BEGIN"))
        assert tags(client.receive_until()) == "CZ"
        client.send(wire.bind([10], "series", "p"), wire.execute("p", 4), wire.FLUSH)
        assert tags(client.receive_until("s")) == "2DDDDs"
        client.send(wire.execute("p", 4), wire.execute("p", 4), SYNC)
        assert tags(client.receive_until()) == "DDDDsDDCZ"
        client.send(wire.close("P", "p"), wire.close("S", "series"), SYNC)
        assert tags(client.receive_until()) == "33Z"
        client.send(wire.bind([1], "series"), wire.execute(), SYNC)
        messages = client.receive_until()
        assert only_error(messages).sqlstate == "26000" and messages[-1].body == b"E"
        assert tags(client.ask("ROLLBACK")) == "CZ"


def test_empty_statements_and_several_in_one_message(target):
    with WireClient.to(target) as client:
        assert tags(client.ask("")) == "IZ"
        assert tags(client.ask("  ; -- nothing\n /* at all */ ")) == "IZ"
        assert tags(client.ask("SELECT 1; SELECT 2; SELECT 1/0; SELECT 3")) == "TDCTDCEZ"
        client.send(statement(""), SYNC)
        assert tags(client.receive_until()) == "12IZ"
        client.send(SYNC, SYNC, SYNC)
        assert [tags(client.receive_until()) for _ in range(3)] == ["Z", "Z", "Z"]


def test_copy_in_with_errors_on_either_side(target):
    with WireClient.to(target) as client:
        client.ask("CREATE TEMP TABLE t (id int)")
        for start, end in ((query("COPY t FROM STDIN"), b""), (statement("COPY t FROM STDIN"), SYNC)):
            client.send(start, wire.copy_bytes(b"1\n2"), wire.copy_bytes(b"\n3\n"), wire.COPY_DONE, end)
            assert tags(client.receive_until()).endswith("GCZ")
            client.send(start, wire.copy_bytes(b"4\n"), wire.copy_fail("no more"), end)
            assert only_error(client.receive_until()).sqlstate == "57014"
            # What follows a failed COPY is dropped, up to its end, and isn't taken for anything else.
            client.send(start, wire.copy_bytes(b"bad\n"), *[wire.copy_bytes(b"5\n")] * 100,
                        wire.COPY_DONE, end)
            assert only_error(client.receive_until()).sqlstate == "22P02"
            assert client.value("SELECT count(*) FROM t") in ("3", "6")


def test_ssl_and_gss_encryption_are_declined(wide_proxy):
    for first, second in ((wire.SSL_REQUEST, wire.GSSENC_REQUEST), (wire.GSSENC_REQUEST, wire.SSL_REQUEST)):
        with WireClient.to(wide_proxy.target(), login=False) as client:
            for request in (first, second):
                client.send_byte_by_byte(request)
                assert client.receive_bytes(1) == b"N"
            client.login()
            assert client.value("SELECT 'clear'") == "clear"


def test_a_client_that_goes_on_asking_for_encryption_is_sent_away(wide_proxy):
    with WireClient.to(wide_proxy.target(), login=False) as client:
        client.send(wire.SSL_REQUEST)
        assert client.receive_bytes(1) == b"N"
        client.send(wire.SSL_REQUEST)
        (error,) = client.receive_all()
        assert (error.severity, error.sqlstate) == ("FATAL", "08P01")


def test_a_hasty_client_after_an_encryption_request(target):
    """Bytes sent along with SSLRequest were never encrypted, whatever the client believes.

    Postgres sends such a client away; one that goes on in clear text after its `N` is right as well.
    What must not happen is a session out of step.
    """
    with WireClient.to(target, login=False) as client:
        client.send(wire.SSL_REQUEST, wire.startup({"user": "postgres", "database": "postgres"}))
        assert client.receive_bytes(1) == b"N"
        first = client.receive()
        if first.tag == "E":
            assert (first.severity, first.sqlstate) == ("FATAL", "08P01")
            assert client.is_closed()
        else:
            assert first.tag == "R"
            client.finish_login()
            assert client.value("SELECT 'in step'") == "in step"


def test_a_newer_minor_version_is_negotiated(target):
    for version, options in ((3 << 16 | 2, {}), (3 << 16, {"_pq_.unheard_of": "1"}),
                             (3 << 16 | 9999, {"_pq_.a": "", "_pq_.b": "x"})):
        with WireClient.to(target, login=False) as client:
            messages = client.login(version=version, **options)
            assert messages[0].tag == "v"
            newest, count = struct.unpack_from("!II", messages[0].body)
            assert newest in (0, 3 << 16) and count == len(options)
            names = [name.decode() for name in messages[0].body[8:].split(b"\0") if name]
            assert names == list(options)
            assert client.value("SELECT 'negotiated'") == "negotiated"


def test_older_and_alien_protocol_versions_are_refused(target):
    # To 2.0 Postgres answers in the format of 2.0, which nobody has spoken for twenty years.
    ancient = [2 << 16] if target.route == "through" else []
    for version in (4 << 16, 259 << 16, 1234 << 16 | 5600, *ancient):
        with WireClient.to(target, login=False) as client:
            client.send(wire.startup({"user": "postgres"}, version))
            messages = client.receive_all()
            assert [m.severity for m in messages] == ["FATAL"], hex(version)
            assert messages[0].sqlstate in ("0A000", "08P01")


def test_startup_without_a_user_is_refused(target):
    with WireClient.to(target, login=False) as client:
        client.send(wire.startup({"database": "postgres"}))
        (error,) = client.receive_all()
        assert error.severity == "FATAL" and error.sqlstate == "28000"


def test_cancel_of_a_running_statement(target):
    with WireClient.to(target) as client, target.connect() as other:
        client.send(query("SELECT pg_sleep(60)"), query("SELECT 'next'"))
        eventually(
            lambda: other.execute(
                "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'PgSleep'"
            ).fetchone()[0] == 1,
            "it sleeps",
        )
        client.cancel()
        messages = client.receive_until()
        assert only_error(messages).sqlstate == "57014" and messages[-1].body == b"I"
        assert tags(client.receive_until()) == "TDCZ"


def test_cancel_with_a_wrong_key_does_nothing(target):
    with WireClient.to(target) as client, target.connect() as other:
        client.send(query("SELECT pg_sleep(0.3)"))
        for pid, key in ((client.pid, client.key ^ 1), (client.pid + 1, client.key), (0, 0)):
            with WireClient.to(target, login=False) as stranger:
                stranger.send(wire.cancel_request(pid, key))
                assert stranger.is_closed()
        assert tags(client.receive_until()) == "TDCZ"
        assert other.execute("SELECT 1").fetchone() == (1,)


def test_function_calls_pass(target):
    """FunctionCall is old, but libpq's large object functions still use it."""
    with WireClient.to(target) as client:
        oid = int(client.value("SELECT 'int4pl'::regproc::oid::int"))
        arguments = struct.pack("!IHHHiiii", oid, 1, 1, 2, 4, 40, 4, 2)
        client.send(wire.message("F", arguments + struct.pack("!H", 1)))
        messages = client.receive_until()
        assert tags(messages) == "VZ"
        assert messages[0].body == struct.pack("!ii", 4, 42)


def test_parameter_status_and_notices_between_statements(database, wide_proxy):
    """What the server says unasked reaches an idle client."""
    with WireClient.to(wide_proxy.target()) as client:
        client.ask("LISTEN unasked")
        database.query("NOTIFY unasked, 'hello'")
        got = client.receive()
        assert got.tag == "A" and b"hello" in got.body
        client.send(query("SET application_name = 'renamed'"))
        assert [client.receive().tag for _ in range(3)] == ["C", "S", "Z"]


def test_the_server_ending_a_session_reaches_the_client(database, wide_proxy):
    with WireClient.to(wide_proxy.target()) as client:
        pid = client.value("SELECT pg_backend_pid()")
        database.query("SELECT pg_terminate_backend(%s)", int(pid))
        (error,) = client.receive_all()
        assert (error.severity, error.sqlstate) == ("FATAL", "57P01")
    with wide_proxy.connect() as connection:
        assert connection.execute("SELECT 1").fetchone() == (1,)


def test_sessions_do_not_mix(wide_proxy):
    """Many clients at once, each sees its own rows only."""
    failures = []

    def work(mark):
        try:
            with wide_proxy.connect() as connection:
                connection.execute("CREATE TEMP TABLE mine AS SELECT %s AS mark", [mark])
                for n in range(50):
                    rows = connection.execute(
                        "SELECT mark || ':' || %s FROM mine, generate_series(1, 20)", [n]
                    ).fetchall()
                    assert rows == [(f"{mark}:{n}",)] * 20
        except (AssertionError, psycopg.Error) as error:
            failures.append(error)

    threads = [threading.Thread(target=work, args=(f"m{n}",)) for n in range(24)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures


def test_a_client_that_closes_its_sending_half_still_gets_its_answer(target):
    import socket

    with WireClient.to(target) as client:
        client.send(query("SELECT 'last words'"), wire.TERMINATE)
        client.socket.shutdown(socket.SHUT_WR)
        messages = client.receive_until()
        assert messages[1].row() == [b"last words"]
        with pytest.raises(Closed):
            client.receive()
