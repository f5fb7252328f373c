# SPDX-License-Identifier: Apache-2.0
"""Shed operations and waiting ones, as a client sees them on the wire."""

import pytest
from support import wire
from support.loadline import SlotHolder
from support.shed_check import check_refusal
from support.wait import eventually
from support.wire import SYNC, WireClient, only_error, query, statement, tags

pytestmark = pytest.mark.quick


def assert_refused(messages, state="I", **expected):
    """Exactly one error, the refusal, then exactly one ReadyForQuery with the true state."""
    assert tags(messages) == "EZ"
    fields = messages[0].fields()
    assert fields["S"] == fields["V"] == "ERROR"
    check_refusal(fields["C"], fields["D"], fields["H"], **expected)
    assert messages[1].body == state.encode()


@pytest.fixture
def table(database):
    """A table that outlives the sessions of the test, to see what was really committed."""
    database.query("DROP TABLE IF EXISTS seen")
    database.query("CREATE TABLE seen (id int)")
    return lambda: sorted(row[0] for row in database.query("SELECT id FROM seen"))


def test_a_simple_query_is_refused_and_the_connection_stays(full_gate, table):
    with WireClient.to(full_gate.target) as client:
        full_gate.fill()
        for n in range(5):
            assert_refused(client.ask(f"INSERT INTO seen VALUES ({n})"), reason="queue_timeout")
        full_gate.free()
        assert tags(client.ask("INSERT INTO seen VALUES (100)")) == "CZ"
    assert table() == [100]


def test_an_extended_batch_is_refused_whole(full_gate, table):
    """A statement sent earlier in the same batch must not commit when the client saw an error."""
    with WireClient.to(full_gate.target) as client:
        full_gate.fill()
        client.send(statement("INSERT INTO seen VALUES ($1)", [1]), statement("SELECT count(*) FROM seen"),
                    statement("INSERT INTO seen VALUES (2)"), SYNC)
        assert_refused(client.receive_until())
        # With a Flush in the middle, the error comes at once and ReadyForQuery only after Sync.
        client.send(statement("INSERT INTO seen VALUES (3)"), wire.FLUSH)
        assert client.receive().sqlstate == "53000"
        client.send(statement("INSERT INTO seen VALUES (4)"), wire.FLUSH, wire.describe("S"),
                    wire.close("S", "x"))
        assert client.stays_silent()
        client.send(SYNC)
        assert tags(client.receive_until()) == "Z"
        full_gate.free()
        client.send(statement("INSERT INTO seen VALUES (5)"), SYNC)
        assert tags(client.receive_until()) == "12CZ"
    assert table() == [5]


def test_a_batch_is_gated_whatever_comes_before_its_first_statement(full_gate, table):
    """Drivers put the Close of an old statement in front of the next one: no way around the gate."""
    with WireClient.to(full_gate.target) as client:
        full_gate.fill()
        for first in (wire.close("S", "old"), wire.close("P", "old"), wire.FLUSH,
                      wire.close("S", "a") + wire.close("S", "b")):
            client.send(first, statement("INSERT INTO seen VALUES (1)"), SYNC)
            messages = client.receive_until()
            assert tags(messages).lstrip("3") == "EZ"
            assert only_error(messages).sqlstate == "53000"
        full_gate.free()
        client.send(wire.close("S", "old"), statement("INSERT INTO seen VALUES (2)"), SYNC)
        assert tags(client.receive_until()) == "312CZ"
    assert table() == [2]


def test_a_batch_that_was_begun_is_not_shed_further_on(full_gate, table, database):
    with WireClient.to(full_gate.target) as client, WireClient.to(full_gate.target) as other:
        client.send(statement("INSERT INTO seen VALUES (1)"), wire.FLUSH)
        assert tags(client.receive_until("C")) == "12C"
        # It keeps its slot for a moment, and gives it up while the rest of the batch is awaited.
        eventually(lambda: full_gate.proxy.gate()["held"] == 1, "the batch is held")
        assert table() == []
        holder = full_gate.fill() if full_gate.proxy.gate()["active"] == 0 else None
        assert_refused(other.ask("SELECT count(*) FROM seen"))
        client.send(statement("INSERT INTO seen VALUES (2)"), SYNC)
        assert tags(client.receive_until()) == "12CZ"
        if holder:
            full_gate.free()
    assert table() == [1, 2]


def test_a_refused_parse_is_not_recorded(full_gate):
    with WireClient.to(full_gate.target) as client:
        client.send(wire.parse("SELECT $1::int", "kept"), SYNC)
        assert tags(client.receive_until()) == "1Z"
        full_gate.fill()
        client.send(wire.parse("SELECT $1::int * 2", "refused"), wire.bind([1], "refused"),
                    wire.execute(), SYNC)
        assert_refused(client.receive_until())
        client.send(wire.bind([1], "kept"), wire.execute(), SYNC)
        assert_refused(client.receive_until())
        full_gate.free()
        client.send(wire.bind([1], "refused"), wire.execute(), SYNC)
        assert only_error(client.receive_until()).sqlstate == "26000"
        client.send(wire.bind([7], "kept"), wire.execute(), SYNC)
        assert client.receive_until()[1].row() == [b"7"]
        client.send(wire.parse("SELECT $1::int * 2", "refused"), wire.bind([4], "refused"),
                    wire.execute(), SYNC)
        assert client.receive_until()[2].row() == [b"8"]


def test_a_refusal_in_the_middle_of_a_pipeline_keeps_its_place(make_loadline, database):
    """Behind a running statement of the same client, and in front of a control message."""
    proxy = make_loadline(database, gate={"limit": 1, "wait_max": "300ms", "pressure_after": "20s",
                                          "deadline": "20s"})
    with database.connect() as keeper, WireClient.to(proxy.target()) as client, \
            WireClient.to(proxy.target()) as rival:
        keeper.execute("SELECT pg_advisory_lock(1), pg_advisory_lock(2)")
        client.send(query("SELECT pg_advisory_lock(1)"))
        eventually(lambda: proxy.gate()["active"] == 1, "the first statement runs")
        rival.send(query("SELECT pg_advisory_lock(2)"))
        eventually(lambda: proxy.gate()["waiting"] == 1, "the rival waits")
        # The rival gets the slot when the first is done, so these two find the gate full.
        client.send(query("SELECT 'second'"), statement("SELECT 'third'"), SYNC, query("SET work_mem = '5MB'"),
                    query("SHOW work_mem"))
        keeper.execute("SELECT pg_advisory_unlock(1)")
        assert tags(client.receive_until()) == "TDCZ"
        assert_refused(client.receive_until())
        assert_refused(client.receive_until())
        assert tags(client.receive_until()) == "CZ"
        assert client.receive_until()[1].row() == [b"5MB"]
        keeper.execute("SELECT pg_advisory_unlock(2)")
        assert tags(rival.receive_until()) == "TDCZ"


def test_a_pipeline_of_refusals_answers_each_once(full_gate, table):
    with WireClient.to(full_gate.target) as client:
        full_gate.fill()
        for n in range(10):
            client.send(query(f"INSERT INTO seen VALUES ({n})"),
                        statement("INSERT INTO seen VALUES ($1)", [n]), SYNC)
        for _ in range(20):
            assert_refused(client.receive_until())
        assert client.stays_silent()
    assert table() == []


def test_an_open_transaction_goes_on_while_others_are_shed(full_gate, table):
    with WireClient.to(full_gate.target) as inside, WireClient.to(full_gate.target) as outside:
        assert tags(inside.ask("BEGIN")) == "CZ"
        assert tags(inside.ask("INSERT INTO seen VALUES (1)")) == "CZ"
        eventually(lambda: full_gate.proxy.gate()["held"] == 1, "the idle transaction holds no slot")
        full_gate.fill()
        for n in range(2, 12):
            assert tags(inside.ask(f"INSERT INTO seen VALUES ({n})")) == "CZ"
            inside.send(statement("SELECT count(*) FROM seen"), SYNC)
            assert tags(inside.receive_until()) == "12DCZ"
            assert_refused(outside.ask("INSERT INTO seen VALUES (1000)"))
        inside.ask("SAVEPOINT s")
        assert tags(inside.ask("SELECT 1/0")) == "EZ"
        failed = inside.ask("SELECT count(*) FROM seen")
        assert only_error(failed).sqlstate == "25P02" and failed[-1].body == b"E"
        assert tags(inside.ask("ROLLBACK TO s")) == "CZ"
        assert tags(inside.ask("COMMIT")) == "CZ"
        assert_refused(inside.ask("INSERT INTO seen VALUES (1000)"))
    assert table() == list(range(1, 12))


def test_a_whole_transaction_is_refused_at_its_begin(full_gate, table):
    with WireClient.to(full_gate.target) as client:
        full_gate.fill()
        assert_refused(client.ask("BEGIN"))
        assert_refused(client.ask("BEGIN; INSERT INTO seen VALUES (1); COMMIT"))
        full_gate.free()
        assert tags(client.ask("BEGIN; INSERT INTO seen VALUES (2); COMMIT")) == "CCCZ"
    assert table() == [2]


@pytest.mark.parametrize("control", [
    "COMMIT", "ROLLBACK", "SET work_mem = '5MB'", "SHOW work_mem", "RESET ALL", "DISCARD PLANS", "SELECT 1",
    "/* pool check */ select 1;", "DEALLOCATE ALL", "LISTEN x", "UNLISTEN *", "",
])
def test_control_passes_a_full_gate(full_gate, control):
    with WireClient.to(full_gate.target) as client:
        full_gate.fill()
        assert "E" not in tags(client.ask(control))
        client.send(statement(control), SYNC)
        assert "E" not in tags(client.receive_until())


def test_logging_in_passes_a_full_gate(full_gate):
    full_gate.fill()
    with full_gate.proxy.target().with_user("scram_user").connect() as connection:
        assert connection.execute("SHOW is_superuser").fetchone() == ("on",)


def test_cancel_of_a_waiting_operation_is_answered_here(patient_gate, table):
    """57014 by Loadline, and the database never sees the statement."""
    proxy = patient_gate.proxy
    with WireClient.to(patient_gate.target) as client:
        for send, count in ((query("INSERT INTO seen VALUES (1)"), 1),
                            (statement("INSERT INTO seen VALUES (2)") + SYNC, 2)):
            patient_gate.fill()
            client.send(send)
            patient_gate.wait_for_waiting(1)
            client.cancel()
            messages = client.receive_until()
            assert tags(messages) == "EZ" and messages[-1].body == b"I"
            assert (messages[0].severity, messages[0].sqlstate) == ("ERROR", "57014")
            assert proxy.upstream()["cancels_answered"] == count
            assert proxy.gate()["waiting"] == 0
            patient_gate.free()
            assert client.value("SELECT count(*) FROM seen") == "0"
        assert proxy.upstream()["cancels_forwarded"] == 0
    assert table() == []


def test_what_waits_runs_once_a_slot_is_free(patient_gate, table):
    clients = [WireClient.to(patient_gate.target) for _ in range(8)]
    patient_gate.fill()
    for n, client in enumerate(clients):
        client.send(query(f"INSERT INTO seen VALUES ({n})"))
        patient_gate.wait_for_waiting(n + 1)
    assert table() == []
    patient_gate.free()
    for client in clients:
        assert tags(client.receive_until()) == "CZ"
        client.vanish()
    assert table() == list(range(8))


def test_a_waiting_client_that_leaves_never_runs(patient_gate, table):
    leavers = [WireClient.to(patient_gate.target) for _ in range(6)]
    patient_gate.fill()
    for n, client in enumerate(leavers):
        client.send(query(f"INSERT INTO seen VALUES ({n})"))
    patient_gate.wait_for_waiting(6)
    for n, client in enumerate(leavers):
        client.reset() if n % 2 else client.vanish()
    patient_gate.wait_for_waiting(0)
    patient_gate.free()
    with WireClient.to(patient_gate.target) as client:
        assert client.value("SELECT count(*) FROM seen") == "0"


def test_the_configured_sqlstate_is_used(make_loadline, database):
    proxy = make_loadline(database, gate={"limit": 1, "wait_max": "10ms"},
                          upstream_keys={"refusal": {"sqlstate": "40001"}})
    with WireClient.to(proxy.target()) as client, SlotHolder(proxy, database):
        assert only_error(client.ask("SELECT now()")).sqlstate == "40001"


def test_a_deadline_bounds_the_wait(make_loadline, database):
    """A client that will have given up isn't kept: neither by the gate's deadline nor by its own tag."""
    proxy = make_loadline(database, gate={"limit": 1, "wait_max": "40s", "deadline": "50s",
                                          "pressure_after": "40s"})
    with WireClient.to(proxy.target()) as client, SlotHolder(proxy, database):
        assert_refused(client.ask("SELECT now() /* deadline='100ms' */"), reason="deadline")


def test_retry_hints_are_spread(full_gate):
    """Clients refused together must not come back together."""
    import re

    with WireClient.to(full_gate.target) as client:
        full_gate.fill()
        hints = {
            re.search(r"retry_after_ms=(\d+)", only_error(client.ask("SELECT now()")).fields()["H"])[1]
            for _ in range(20)
        }
    assert len(hints) > 1
