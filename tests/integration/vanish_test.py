# SPDX-License-Identifier: Apache-2.0
"""Clients that go away without a word, in every state. Nothing of theirs stays behind."""

import pytest
from support import wire
from support.wait import eventually
from support.wire import SYNC, WireClient, query, statement

pytestmark = pytest.mark.quick


@pytest.fixture
def proxy(make_loadline, database):
    """Its end checks that no descriptor of the vanished was kept."""
    return make_loadline(database, gate={"limit": 8})


@pytest.fixture(params=["vanish", "reset"])
def leave(request):
    """How the client goes: its socket closed in good order, or reset."""
    return lambda client: getattr(client, request.param)()


def assert_nothing_left(proxy, database):
    eventually(lambda: proxy.listener()["clients_open"] == 0, "no client left")
    eventually(lambda: proxy.upstream()["backends_open"] == 0, "no backend left", within=10)
    gate = proxy.gate()
    assert (gate["active"], gate["held"], gate["waiting"]) == (0, 0, 0)
    eventually(
        lambda: database.query(
            "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'vanisher'") == [(0,)],
        "no session left in Postgres", within=10,
    )


def vanisher(proxy):
    return WireClient.to(proxy.target(), application_name="vanisher")


def test_before_a_word_and_inside_the_startup_packet(proxy, database, leave):
    for size in (0, 1, 4, 8, 20):
        client = WireClient.to(proxy.target(), login=False)
        client.send(wire.startup({"user": "postgres", "database": "postgres"})[:size])
        leave(client)
    client = WireClient.to(proxy.target(), login=False)
    client.send(wire.SSL_REQUEST)
    leave(client)
    assert_nothing_left(proxy, database)


def test_while_logging_in(proxy, database, leave):
    for user in ("scram_user", "md5_user", "postgres"):
        client = WireClient.to(proxy.target(), login=False)
        client.send(wire.startup({"user": user, "database": "postgres", "application_name": "vanisher"}))
        leave(client)  # The backend may not even be connected.
        client = WireClient.to(proxy.target(), login=False)
        client.send(wire.startup({"user": user, "database": "postgres", "application_name": "vanisher"}))
        assert client.receive().tag == "R"
        leave(client)
    assert_nothing_left(proxy, database)


def test_when_idle(proxy, database, leave):
    client = vanisher(proxy)
    leave(client)
    assert_nothing_left(proxy, database)


@pytest.mark.parametrize("request_bytes", [
    query("SELECT pg_sleep(60)"),
    statement("SELECT pg_sleep(60)") + SYNC,
    statement("SELECT pg_sleep(60)") + wire.FLUSH,
    query("BEGIN; SELECT pg_sleep(60)"),
], ids=["simple", "extended", "flushed", "in-a-transaction"])
def test_while_its_statement_runs(proxy, database, leave, request_bytes):
    """Postgres itself would go on until it has something to send. We cancel."""
    client = vanisher(proxy)
    client.send(request_bytes)
    eventually(lambda: database.running_statements(r"pg_sleep\(60\)") == 1, "the statement runs")
    leave(client)
    eventually(lambda: database.running_statements(r"pg_sleep\(60\)") == 0, "it was cancelled")
    assert_nothing_left(proxy, database)


def test_in_a_transaction(proxy, database, leave):
    """What was not committed is undone, and its locks are free at once."""
    database.query("DROP TABLE IF EXISTS vanished")
    database.query("CREATE TABLE vanished (id int)")
    client = vanisher(proxy)
    client.ask("BEGIN")
    client.ask("INSERT INTO vanished VALUES (1)")
    client.ask("LOCK TABLE vanished")
    leave(client)
    eventually(lambda: proxy.upstream()["backends_open"] == 0, "its backend is gone")
    with database.connect() as connection:
        connection.execute("SET lock_timeout = '5s'")
        assert connection.execute("SELECT count(*) FROM vanished").fetchone() == (0,)
    assert_nothing_left(proxy, database)


@pytest.mark.parametrize("start", [query("COPY vanished FROM STDIN"),
                                   statement("COPY vanished FROM STDIN")], ids=["simple", "extended"])
def test_in_the_middle_of_copy_in(proxy, database, leave, start):
    """Half a COPY is no COPY: no row of it stays."""
    database.query("DROP TABLE IF EXISTS vanished")
    database.query("CREATE TABLE vanished (id int)")
    client = vanisher(proxy)
    client.send(start, *[wire.copy_bytes(b"1\n")] * 1000, wire.copy_bytes(b"2\n")[:-1])
    eventually(
        lambda: database.query(
            "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'vanisher'"
            " AND state = 'active' AND query LIKE 'COPY%%'") == [(1,)],
        "the COPY has begun",
    )
    leave(client)
    assert_nothing_left(proxy, database)
    assert database.query("SELECT count(*) FROM vanished") == [(0,)]


def test_in_the_middle_of_a_large_result(proxy, database, leave):
    for begin in ("SELECT", "COPY (SELECT"):
        end = "" if begin == "SELECT" else ") TO STDOUT"
        client = WireClient.to(proxy.target(), application_name="vanisher", receive_buffer=4096)
        client.send(query(f"{begin} repeat('z', 1000) FROM generate_series(1, 500000){end}"))
        client.receive()
        client.receive()
        leave(client)
        eventually(lambda: database.running_statements("repeat") == 0, "it was stopped", within=10)
    assert_nothing_left(proxy, database)


def test_in_the_middle_of_a_message(proxy, database, leave):
    for raw in (query("SELECT 1"), statement("SELECT 1") + SYNC, query("SELECT '" + "x" * 100_000 + "'")):
        client = vanisher(proxy)
        client.send(raw[: len(raw) // 2])
        leave(client)
    assert_nothing_left(proxy, database)


def test_in_the_wait_queue(patient_gate, database, leave):
    client = WireClient.to(patient_gate.target, application_name="vanisher")
    patient_gate.fill()
    client.send(query("SELECT now()"))
    patient_gate.wait_for_waiting(1)
    leave(client)
    patient_gate.wait_for_waiting(0)
    patient_gate.free()
    assert_nothing_left(patient_gate.proxy, database)


def test_after_saying_goodbye_behind_a_long_statement(proxy, database):
    """Terminate is no vanishing: what was asked before it is carried out."""
    database.query("DROP TABLE IF EXISTS vanished")
    database.query("CREATE TABLE vanished (id int)")
    client = vanisher(proxy)
    client.send(query("INSERT INTO vanished SELECT 1 FROM pg_sleep(0.2)"), wire.TERMINATE)
    client.receive_all()
    client.vanish()
    assert_nothing_left(proxy, database)
    assert database.query("SELECT count(*) FROM vanished") == [(1,)]
