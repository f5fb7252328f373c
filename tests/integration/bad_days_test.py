# SPDX-License-Identifier: Apache-2.0
"""Databases that are down, die or freeze; machines that run out of something."""

import dataclasses
import resource
import socket
import threading
import time

import psycopg
import pytest
from support.loadline import run_loadline
from support.ports import free_port
from support.wait import eventually
from support.wire import WireClient, query, startup, tags


def login_error(target):
    """The FATAL error that refuses a login, or None if it succeeds."""
    with WireClient.to(target, login=False) as client:
        client.send(startup({"user": target.user, "database": target.dbname}))
        for message in client.receive_all_until("Z"):
            if message.tag == "E":
                assert message.severity == "FATAL"
                return message.fields()
    return None


@pytest.mark.quick
def test_a_database_that_is_down_at_start_and_comes_up(make_loadline, make_database):
    database = make_database(start=False)
    proxy = make_loadline(database)
    assert proxy.http_status("/healthz") == 200
    for _ in range(3):
        error = login_error(proxy.target())
        # 57P03 is what makes libpq try its next host.
        assert error["C"] == "57P03"
    upstream = proxy.upstream()
    assert upstream["reachable"] is False and upstream["connect_failures"] >= 3
    assert upstream["last_error"]
    database.start()
    with proxy.connect() as connection:
        assert connection.execute("SELECT 40 + 2").fetchone() == (42,)
    assert proxy.upstream()["reachable"] is True


@pytest.mark.quick
def test_an_address_that_cannot_be_resolved(make_loadline):
    proxy = make_loadline("no-such-host.invalid:5432")
    assert login_error(proxy.target())["C"] == "57P03"
    assert "no-such-host.invalid" in proxy.upstream()["last_error"] + proxy.log_text()


@pytest.mark.quick
def test_a_database_that_accepts_but_says_nothing(make_loadline):
    """Frozen before the login: the client isn't kept for longer than login_timeout."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        proxy = make_loadline(f"127.0.0.1:{silent.getsockname()[1]}", listener={"login_timeout": "1s"})
        start = time.monotonic()
        assert login_error(proxy.target()) is not None
        assert time.monotonic() - start < 8


class Writer(threading.Thread):
    """Inserts numbers that nobody else inserts, and remembers what became of each."""

    def __init__(self, target, first, stop):
        super().__init__()
        self.acknowledged, self.unsure, self.errors = set(), set(), []
        self._target, self._next, self._halt = target, first, stop

    def run(self):
        connection = None
        while not self._halt.is_set():
            number = self._next
            try:
                if connection is None:
                    connection = self._target.connect()
                self._next += 1
                connection.execute("INSERT INTO ledger VALUES (%s)", [number])
                self.acknowledged.add(number)
            except psycopg.Error as error:
                self.errors.append(error)
                if number < self._next:
                    self.unsure.add(number)
                connection = None if connection is None or connection.closed else connection
                self._halt.wait(0.01)  # A client that has just been refused doesn't come back at once.
        if connection:
            connection.close()


@pytest.mark.quick
def test_killed_under_load_and_back_nothing_is_lost_or_doubled(make_loadline, make_database):
    database = make_database(settings={"synchronous_commit": "on", "full_page_writes": "on"})
    database.query("CREATE TABLE ledger (id bigint)")
    proxy = make_loadline(database, gate={"limit": 4})
    stop = threading.Event()
    writers = [Writer(proxy.target(), n * 1_000_000, stop) for n in range(8)]
    for writer in writers:
        writer.start()

    def written():
        return sum(len(w.acknowledged) for w in writers)

    try:
        for _ in range(2):
            goal = written() + 300
            eventually(lambda: written() > goal, "writes are acknowledged", within=20)
            database.kill()
            failed = [len(w.errors) for w in writers]
            eventually(lambda: all(len(w.errors) > n for w, n in zip(writers, failed)),
                       "every writer has been told", within=10)
            database.start()
        goal = written() + 300
        eventually(lambda: written() > goal, "writes go on", within=20)
    finally:
        stop.set()
        for writer in writers:
            writer.join(30)
    rows = [row[0] for row in database.query("SELECT id FROM ledger")]
    assert len(rows) == len(set(rows)), "something ran twice"
    acknowledged = set().union(*(w.acknowledged for w in writers))
    assert acknowledged <= set(rows), "something that was committed is lost"
    assert set(rows) <= acknowledged | set().union(*(w.unsure for w in writers))
    for error in (e for w in writers for e in w.errors):
        assert isinstance(error, psycopg.OperationalError), repr(error)
    assert proxy.upstream()["backends_lost"] > 0


@pytest.mark.quick
def test_a_client_is_told_when_its_backend_dies(make_loadline, make_database):
    """In words of its protocol, not by a closed socket alone: idle, in a statement, in a transaction."""
    database = make_database()
    proxy = make_loadline(database)
    clients = [WireClient.to(proxy.target()) for _ in range(3)]
    clients[1].send(query("SELECT pg_sleep(60)"))
    clients[2].ask("BEGIN")
    eventually(lambda: database.running_statements("pg_sleep") == 1, "it sleeps")
    database.kill()
    for client in clients:
        messages = client.receive_all()
        assert [m.severity for m in messages if m.tag == "E"][-1:] == ["FATAL"], messages
        assert messages[-1].sqlstate.startswith(("08", "57P"))
        client.vanish()
    gate = proxy.gate()
    assert (gate["active"], gate["held"]) == (0, 0)
    database.start()


def test_a_frozen_database_for_three_seconds(make_loadline, make_database):
    """Nothing answers: what is in flight waits, the rest is shed soon, and all goes on afterwards."""
    database = make_database()
    database.query("CREATE TABLE ledger (id bigint)")
    proxy = make_loadline(database, gate={"limit": 2, "wait_max": "100ms"})
    clients = [WireClient.to(proxy.target()) for _ in range(10)]
    try:
        database.freeze()
        start = time.monotonic()
        for n, client in enumerate(clients):
            client.send(query(f"INSERT INTO ledger VALUES ({n})"))
        eventually(lambda: _sheds(proxy) == 8, "those beyond the limit are shed", within=3)
        assert proxy.gate()["active"] == 2
        assert proxy.http_status("/readyz") == 200
        time.sleep(max(0, 3 - (time.monotonic() - start)))
    finally:
        database.go_on()
    answers = [tags(client.receive_until()) for client in clients]
    assert sorted(answers) == ["CZ"] * 2 + ["EZ"] * 8
    for client in clients:
        assert tags(client.ask("SELECT now()")) == "TDCZ"
        client.vanish()
    assert database.query("SELECT count(*) FROM ledger") == [(2,)]


def _sheds(proxy):
    return sum(sum(tier["shed"].values()) for tier in proxy.gate()["tiers"].values())


@pytest.mark.quick
def test_clients_max_and_backends_max(make_loadline, database):
    for options, reason in (({"listener": {"clients_max": 5}}, "too_many_clients"),
                            ({"pool": {"backends_max": 5}}, "too_many_backends")):
        proxy = make_loadline(database, **options)
        inside = [WireClient.to(proxy.target()) for _ in range(5)]
        for _ in range(3):
            assert login_error(proxy.target())["C"] == "53300"
        assert proxy.listener()["refused"][reason] == 3
        for client in inside:
            assert tags(client.ask("SELECT now()")) == "TDCZ"
        # A cancel request is no client: it gets through where nobody else does.
        inside[0].send(query("SELECT pg_sleep(60)"))
        eventually(lambda: database.running_statements(r"pg_sleep\(60\)") == 1, "it sleeps")
        inside[0].cancel()
        assert tags(inside[0].receive_until()).endswith("EZ")
        inside.pop().vanish()
        eventually(lambda: login_error(proxy.target()) is None, "a place has come free")
        for client in inside:
            client.vanish()


@pytest.mark.quick
def test_the_descriptor_limit_is_reached(make_loadline, database):
    """Beyond it connections wait or are refused; those there are go on, and nothing spins."""
    proxy = make_loadline(database, limit_nofile=80)
    with proxy.connect() as bystander:
        crowd = []
        for _ in range(150):
            client = WireClient(proxy.host, proxy.port)
            client.send(startup({"user": "postgres", "database": "postgres"}))
            crowd.append(client)
        cpu = proxy.cpu_seconds()
        for n in range(100):
            assert bystander.execute("SELECT %s::int", [n]).fetchone() == (n,)
            time.sleep(0.01)
        assert proxy.cpu_seconds() - cpu < 0.7, "it spins on accept()"
        for client in crowd:
            client.vanish()
        eventually(lambda: login_error(proxy.target()) is None, "new clients get in again", within=10)
        assert bystander.execute("SELECT 1").fetchone() == (1,)


@pytest.mark.quick
def test_two_thousand_clients_log_in_at_once(make_loadline, database):
    """More than the database takes: a hundred get in, the others are told at once, and nobody hangs."""
    proxy = make_loadline(database, pool={"backends_max": 100}, limit_nofile=8192)
    clients = []
    for _ in range(2000):
        client = WireClient(proxy.host, proxy.port, timeout=30)
        client.send(startup({"user": "postgres", "database": "postgres"}))
        clients.append(client)
    outcomes = {"Z": 0, "53300": 0}
    for client in clients:
        last = client.receive_all_until("Z")[-1]
        outcomes["Z" if last.tag == "Z" else last.sqlstate] += 1
    assert outcomes == {"Z": 100, "53300": 1900}
    for client in clients:
        client.vanish()
    eventually(lambda: login_error(proxy.target()) is None, "there is room again", within=10)


def test_ten_thousand_connections_at_once(make_loadline, database):
    """Connections that never say a word cost little and disturb nobody."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    count = 10_000 if hard >= 10_500 else hard - 1000
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    proxy = make_loadline(database, limit_nofile=hard, listener={"clients_max": 20_000})
    sockets = []
    try:
        with proxy.connect() as bystander:
            before = proxy.resident_bytes()
            for _ in range(count):
                sockets.append(socket.create_connection((proxy.host, proxy.port), timeout=30))
            eventually(lambda: proxy.listener()["clients_open"] == count + 1, "all are in", within=30)
            assert bystander.execute("SELECT 1").fetchone() == (1,)
            assert (proxy.resident_bytes() - before) / count < 8192
            for each in sockets:
                each.close()
            eventually(lambda: proxy.listener()["clients_open"] == 1, "all are gone", within=30)
            assert bystander.execute("SELECT 1").fetchone() == (1,)
    finally:
        for each in sockets:
            each.close()
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@pytest.mark.quick
def test_a_port_that_is_taken(make_loadline, database):
    first = make_loadline(database)
    for taken in ("listener", "admin"):
        second = make_loadline(database, start=False)
        if taken == "listener":
            second.config["listeners"][0]["listen"] = f"127.0.0.1:{first.port}"
        else:
            second.config["admin"]["listen"] = f"127.0.0.1:{first.admin_port}"
        second.write_config()
        result = run_loadline("run", second.config_path)
        assert result.returncode not in (0, None) and result.returncode > 0
        said = result.stdout + result.stderr
        assert str(first.port if taken == "listener" else first.admin_port) in said
        assert "in use" in said
    with first.connect() as connection:
        assert connection.execute("SELECT 1").fetchone() == (1,)


@pytest.mark.quick
def test_an_address_that_is_not_ours(make_loadline, database):
    proxy = make_loadline(database, start=False)
    proxy.config["listeners"][0]["listen"] = f"192.0.2.1:{free_port()}"
    proxy.write_config()
    result = run_loadline("run", proxy.config_path)
    assert result.returncode > 0 and "192.0.2.1" in result.stdout + result.stderr


@pytest.mark.quick
def test_the_database_closing_in_the_middle_of_a_login(make_loadline, make_database):
    """max_connections reached: the server's own refusal passes through, code and all."""
    database = make_database(settings={"max_connections": 10, "superuser_reserved_connections": 3,
                                       "max_wal_senders": 0})
    database.query("CREATE ROLE ordinary LOGIN")
    with open(database.cluster / "pg_hba.conf", "a", encoding="utf-8") as file:
        file.write("host all ordinary 127.0.0.1/32 trust\n")
    database.query("SELECT pg_reload_conf()")
    proxy = make_loadline(database)
    ordinary = dataclasses.replace(proxy.target(), user="ordinary")
    eventually(lambda: login_error(ordinary) is None, "the new rule is in force")
    eventually(lambda: proxy.upstream()["backends_open"] == 0, "that one is gone")
    inside = [WireClient.to(ordinary) for _ in range(7)]
    assert login_error(ordinary)["C"] == "53300"
    for client in inside:
        assert tags(client.ask("SELECT now()")) == "TDCZ"
        client.vanish()
