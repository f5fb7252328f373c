# SPDX-License-Identifier: Apache-2.0
"""What an operator does to a running Loadline: stop it, give it another configuration."""

import time

import psycopg
import pytest
from support.loadline import SlotHolder
from support.wait import eventually
from support.wire import Closed, WireClient, only_error, query, startup, tags

pytestmark = pytest.mark.quick


def said_goodbye(client):
    """The client gets a FATAL error that names the reason, then the end."""
    messages = client.receive_all()
    assert [m.severity for m in messages] == ["FATAL"], messages
    return messages[0].sqlstate


def test_sigterm_without_clients_ends_at_once(make_loadline, database):
    proxy = make_loadline(database, top={"drain_timeout": "30s"})
    start = time.monotonic()
    proxy.terminate()
    assert proxy.wait(10) == 0
    assert time.monotonic() - start < 5


def test_sigterm_lets_transactions_end(make_loadline, database):
    """Idle sessions go at once, an open transaction at its end, a running statement after its answer."""
    database.query("DROP TABLE IF EXISTS drained")
    database.query("CREATE TABLE drained (id int)")
    proxy = make_loadline(database, top={"drain_timeout": "60s"})
    idle, inside, running = (WireClient.to(proxy.target()) for _ in range(3))
    inside.ask("BEGIN")
    inside.ask("INSERT INTO drained VALUES (1)")
    with database.connect() as keeper:
        keeper.execute("SELECT pg_advisory_lock(5)")
        running.send(query("SELECT pg_advisory_lock(5)"))
        eventually(lambda: proxy.gate()["active"] == 1, "the statement runs")
        proxy.terminate()
        assert said_goodbye(idle) == "57P01"
        assert proxy.http_status("/readyz") == 503
        assert proxy.http_status("/healthz") == 200
        assert proxy.status()["draining"] is True
        assert tags(inside.ask("INSERT INTO drained VALUES (2)")) == "CZ"
        assert tags(inside.ask("COMMIT")) == "CZ"
        assert said_goodbye(inside) == "57P01"
    # keeper is gone, so the lock is granted now.
    messages = running.receive_until()
    assert tags(messages) == "TDCZ"
    assert said_goodbye(running) == "57P01"
    assert proxy.wait(10) == 0
    assert database.query("SELECT array_agg(id ORDER BY id) FROM drained") == [([1, 2],)]


def test_new_connections_are_refused_while_draining(make_loadline, database):
    """57P03: libpq then tries its next host."""
    proxy = make_loadline(database, top={"drain_timeout": "60s"})
    inside = WireClient.to(proxy.target())
    inside.ask("BEGIN")
    proxy.terminate()
    eventually(lambda: proxy.http_status("/readyz") == 503, "it drains")
    with WireClient.to(proxy.target(), login=False) as late:
        late.send(startup({"user": "postgres", "database": "postgres"}))
        assert said_goodbye(late) == "57P03"
    other = database.target()
    with psycopg.connect(
        f"host={proxy.host},{other.host} port={proxy.port},{other.port} user=postgres dbname=postgres"
    ) as connection:
        assert connection.info.port == other.port
    assert tags(inside.ask("COMMIT")) == "CZ"
    assert proxy.wait(10) == 0


def test_waiting_operations_are_shed_when_draining(patient_gate):
    proxy = patient_gate.proxy
    with WireClient.to(patient_gate.target) as client:
        patient_gate.fill()
        client.send(query("SELECT now()"))
        patient_gate.wait_for_waiting(1)
        proxy.terminate()
        fields = only_error([client.receive()]).fields()
        assert fields["C"] == "53000" and "reason=draining" in fields["D"]
        patient_gate.free()
        assert proxy.wait(10) == 0


def test_the_drain_is_bounded(make_loadline, database):
    """A transaction that nobody ends is cut after drain_timeout, and undone."""
    database.query("DROP TABLE IF EXISTS drained")
    database.query("CREATE TABLE drained (id int)")
    proxy = make_loadline(database, top={"drain_timeout": "500ms"})
    inside = WireClient.to(proxy.target())
    inside.ask("BEGIN")
    inside.ask("INSERT INTO drained VALUES (1)")
    proxy.terminate()
    assert proxy.wait(10) == 0
    assert said_goodbye(inside) == "57P01"
    assert database.query("SELECT count(*) FROM drained") == [(0,)]
    eventually(
        lambda: database.query(
            "SELECT count(*) FROM pg_stat_activity WHERE state LIKE 'idle in transaction%%'") == [(0,)],
        "Postgres has ended it too",
    )


def test_reload_changes_the_policy_of_sessions_that_are_there(make_loadline, database):
    proxy = make_loadline(database, gate={"limit": 1, "wait_max": "5ms"})
    with WireClient.to(proxy.target(), application_name="web") as client, SlotHolder(proxy, database):
        assert "tier=t3" in only_error(client.ask("SELECT now()")).fields()["D"]
        pid = client.value("SHOW application_name")
        proxy.config["policies"] = [{"match": {"application": "web"}, "tier": "t1", "tenant": "acme"}]
        proxy.write_config()
        proxy.reload()
        eventually(lambda: proxy.status()["config_reloads"] == 1, "the file is taken")
        detail = only_error(client.ask("SELECT now()")).fields()["D"]
        assert "tier=t1" in detail and "tenant=acme" in detail
        assert client.value("SHOW application_name") == pid


def test_reload_changes_the_limit(make_loadline, database):
    proxy = make_loadline(database, gate={"limit": 1, "wait_max": "5ms"})
    with WireClient.to(proxy.target()) as client, SlotHolder(proxy, database):
        assert tags(client.ask("SELECT now()")) == "EZ"
        proxy.config["upstreams"]["main"]["gate"]["limit"] = 2
        proxy.write_config()
        proxy.reload()
        eventually(lambda: proxy.status()["config_reloads"] == 1, "the file is taken")
        assert tags(client.ask("SELECT now()")) == "TDCZ"


def test_a_bad_file_is_refused_and_the_old_one_stays(make_loadline, database):
    proxy = make_loadline(database, gate={"limit": 1, "wait_max": "5ms"})
    good = proxy.config_path.read_text()
    with WireClient.to(proxy.target()) as client, SlotHolder(proxy, database):
        for count, bad in enumerate((good + "unheard_of: 1\n", "listeners: [", ""), start=1):
            proxy.config_path.write_text(bad)
            proxy.reload()
            eventually(lambda: proxy.status()["config_reload_failures"] == count, "it is refused")
            assert proxy.status()["config_reload_error"]
            assert tags(client.ask("SELECT now()")) == "EZ"
        proxy.config_path.unlink()
        proxy.reload()
        eventually(lambda: proxy.status()["config_reload_failures"] == 4, "a missing one too")
        assert "unheard_of" in proxy.log_text()
        proxy.config_path.write_text(good)
        proxy.reload()
        eventually(lambda: proxy.status()["config_reloads"] == 1, "a good one is taken again")
        assert proxy.status()["config_reload_error"] == ""
        assert tags(client.ask("SHOW work_mem")) == "TDCZ"


def test_what_needs_a_restart_is_said_and_left_alone(make_loadline, database):
    proxy = make_loadline(database)
    with WireClient.to(proxy.target()) as client:
        proxy.config["workers"] = 3
        proxy.write_config()
        proxy.reload()
        eventually(lambda: "workers" in proxy.log_text() and "restart" in proxy.log_text(),
                   "the log names what a reload doesn't change")
        assert tags(client.ask("SELECT now()")) == "TDCZ"
        assert proxy.status()["workers"] == 2


def test_many_reloads_under_load(make_loadline, database):
    proxy = make_loadline(database)
    clients = [WireClient.to(proxy.target()) for _ in range(4)]
    for n in range(30):
        proxy.reload()
        for client in clients:
            assert client.value(f"SELECT {n} + 0") == str(n)
    eventually(lambda: proxy.status()["config_reloads"] >= 1, "reloads are taken")
    for client in clients:
        client.vanish()


def test_sigint_stops_it_as_well(make_loadline, database):
    import signal

    proxy = make_loadline(database)
    with WireClient.to(proxy.target()) as client:
        proxy.process.send_signal(signal.SIGINT)
        assert said_goodbye(client) == "57P01"
        with pytest.raises(Closed):
            client.receive()
    assert proxy.wait(10) == 0
