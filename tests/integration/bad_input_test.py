# SPDX-License-Identifier: Apache-2.0
"""Clients that don't keep to the protocol, or not to good manners. Others must not notice."""

import os
import random
import socket
import struct
import threading

import pytest
from support import wire
from support.wait import PATIENCE, eventually
from support.wire import SYNC, Closed, WireClient, query, tags

MEBIBYTE = 1 << 20
# Sanitizers keep freed memory for a while and pad what is in use.
IS_SANITIZED = "asan" in os.environ.get("LOADLINE_BIN", "") or "tsan" in os.environ.get("LOADLINE_BIN", "")
MEMORY_SLACK = (256 if IS_SANITIZED else 24) * MEBIBYTE


@pytest.fixture
def proxy(make_loadline, database):
    return make_loadline(database, listener={"login_timeout": "2s"})


@pytest.fixture
def bystander(proxy):
    """Another client, which asks before and after: it must never be disturbed."""
    with proxy.connect() as connection:
        assert connection.execute("SELECT 1").fetchone() == (1,)
        yield connection
        assert connection.execute("SELECT 2").fetchone() == (2,)
        cpu = proxy.cpu_seconds()
        eventually(lambda: not _spins(proxy), "no worker spins", within=10)
        assert proxy.cpu_seconds() - cpu < 10


def _spins(proxy):
    """Whether an idle proxy uses more than a tenth of a core."""
    import time

    before, start = proxy.cpu_seconds(), time.monotonic()
    time.sleep(0.25)
    return (proxy.cpu_seconds() - before) > 0.1 * PATIENCE * (time.monotonic() - start)


def refused(client):
    """The client is sent away: at most one FATAL error of ours, then the end."""
    messages = client.receive_all()
    errors = [m for m in messages if m.tag == "E"]
    assert all(e.severity == "FATAL" for e in errors), messages
    return [e.sqlstate for e in errors]


@pytest.mark.quick
@pytest.mark.parametrize("first", [
    b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(500),  # A TLS handshake at once.
    b"\0" * 64,
    b"\xff" * 64,
    struct.pack("!II", 7, 196608),
    struct.pack("!II", 4, 196608),
    struct.pack("!II", 0x7FFFFFFF, 196608),  # A startup packet of 2 GB.
    struct.pack("!II", 10_001, 196608),
    struct.pack("!II", 20, 196608) + b"user\0no-terminators",
    struct.pack("!II", 12, 80877102) + b"\0\0\0\0",  # A cancel request that is too short.
    struct.pack("!II", 12, 80877103) + b"\0\0\0\0",  # SSLRequest with something in it.
], ids=lambda raw: raw[:10].hex())
def test_garbage_instead_of_a_startup_packet(proxy, bystander, first):
    with WireClient.to(proxy.target(), login=False) as client:
        client.send(first)
        assert set(refused(client)) <= {"08P01", "0A000"}


@pytest.mark.quick
@pytest.mark.parametrize("bad", [
    b"\0\0\0\0\0",
    b"?\0\0\0\x04",
    b"Q\0\0\0\x03",
    b"Q\0\0\0\0",
    b"Q\xff\xff\xff\xff",
    b"S\0\0\0\xff" + bytes(300),
    b"p\0\0\0\x09pass\0",  # A password that nobody asked for.
    b"T\0\0\0\x06\0\0",  # A message that only servers send.
    b"Z\0\0\0\x05I",
], ids=lambda raw: raw[:6].hex())
def test_garbage_in_a_session(proxy, bystander, bad):
    with WireClient.to(proxy.target()) as client:
        client.send(bad)
        assert refused(client) == ["08P01"]
    eventually(lambda: proxy.upstream()["backends_open"] == 1, "its backend is closed")


@pytest.mark.quick
def test_random_bytes_in_every_phase(proxy, bystander):
    generator = random.Random(20240229)
    for n in range(200):
        with WireClient.to(proxy.target(), login=n % 2 == 0) as client:
            client.send(generator.randbytes(generator.choice([1, 5, 50, 5000])))
            if n % 3 == 0:
                client.socket.shutdown(socket.SHUT_WR)
                client.receive_all()
    eventually(lambda: proxy.upstream()["backends_open"] == 1, "their backends are closed", within=10)


@pytest.mark.quick
def test_a_length_of_a_gigabyte_costs_no_memory(proxy, bystander):
    """Claims alone, on twenty connections; then one that starts to fill its claim."""
    before = proxy.resident_bytes()
    clients = []
    for tag in "QPBdFp" * 4:
        client = WireClient.to(proxy.target())
        client.send(tag.encode() + struct.pack("!I", (1 << 30) - 8))
        clients.append(client)
    chunk = b"x" * (256 << 10)
    for client in clients[:2]:
        try:
            for _ in range(160):  # 40 MiB of it.
                client.send(chunk)
        except (ConnectionError, TimeoutError):
            pass
    assert bystander.execute("SELECT 3").fetchone() == (3,)
    grown = proxy.resident_bytes() - before
    assert grown < MEMORY_SLACK, f"{grown / MEBIBYTE:.0f} MiB"
    for client in clients:
        client.vanish()
    eventually(lambda: proxy.upstream()["backends_open"] == 1, "their backends are closed", within=10)


@pytest.mark.quick
def test_long_statements_stream_through(proxy, bystander):
    """Longer than anything we would keep: forwarded as it comes, and answered."""
    before = proxy.resident_bytes()
    text = "x" * (30 * MEBIBYTE)
    with WireClient.to(proxy.target(), timeout=30) as client:
        client.send(query(f"SELECT length('{text}')"))
        assert client.receive_until()[1].row() == [str(len(text)).encode()]
        client.send(wire.statement("SELECT length($1)", [text]), SYNC)
        assert client.receive_until()[2].row() == [str(len(text)).encode()]
        grown = proxy.resident_bytes() - before
        assert grown < MEMORY_SLACK, f"{grown / MEBIBYTE:.0f} MiB"


@pytest.mark.quick
def test_truncated_startup_packets_and_sessions(proxy, bystander):
    login = wire.startup({"user": "postgres", "database": "postgres"})
    for size in range(len(login)):
        with WireClient.to(proxy.target(), login=False) as client:
            client.send(login[:size])
            client.socket.shutdown(socket.SHUT_WR)
            assert set(refused(client)) <= {"08P01"}
    request = wire.statement("SELECT $1::int", [1]) + SYNC
    for size in range(len(request)):
        with WireClient.to(proxy.target()) as client:
            client.send(request[:size])
            client.socket.shutdown(socket.SHUT_WR)
            assert "Z" not in tags(client.receive_all())
    eventually(lambda: proxy.upstream()["backends_open"] == 1, "their backends are closed", within=10)


@pytest.mark.quick
def test_a_client_that_never_finishes_logging_in_is_sent_away(proxy, bystander):
    slow = WireClient.to(proxy.target(), login=False)
    slow.send(wire.startup({"user": "postgres", "database": "postgres"})[:9])
    silent = WireClient.to(proxy.target(), login=False)
    secretive = WireClient.to(proxy.target(), login=False)
    secretive.send(wire.startup({"user": "scram_user", "database": "postgres"}))
    assert secretive.receive().tag == "R"
    for client in (slow, silent, secretive):
        refused(client)
        client.vanish()
    assert proxy.listener()["refused"]["login_timeout"] == 3


@pytest.mark.quick
def test_a_client_of_one_byte_at_a_time_gets_its_answer(proxy, bystander):
    """Slow, but within its time to log in; afterwards it may be as slow as it likes."""
    import time

    with WireClient.to(proxy.target(), login=False) as client:
        for byte in wire.startup({"user": "postgres", "database": "postgres"}):
            client.send(bytes([byte]))
            time.sleep(0.01)
        client.finish_login()
        for byte in query("SELECT 'slow'"):
            client.send(bytes([byte]))
            time.sleep(0.1)
        assert client.receive_until()[1].row() == [b"slow"]


@pytest.mark.quick
def test_a_client_that_never_reads_fills_no_memory(proxy, bystander, database):
    """Its backend is held back by the sockets; other clients, and memory, don't feel it."""
    before = proxy.resident_bytes()
    deaf = [WireClient.to(proxy.target(), receive_buffer=4096) for _ in range(4)]
    for client in deaf:
        client.send(query("SELECT repeat('x', 1000) FROM generate_series(1, 300000)"))
    eventually(
        lambda: database.query(
            "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'ClientWrite'")[0][0] == 4,
        "their backends wait to write",
    )
    for n in range(200):
        assert bystander.execute("SELECT %s::int", [n]).fetchone() == (n,)
    grown = proxy.resident_bytes() - before
    assert grown < MEMORY_SLACK, f"{grown / MEBIBYTE:.0f} MiB"
    # One of them reads after all, and gets every row.
    deaf[0].socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
    assert sum(1 for m in deaf[0].receive_until() if m.tag == "D") == 300_000
    for client in deaf:
        client.vanish()
    eventually(
        lambda: database.running_statements("repeat") == 0, "the abandoned statements end", within=10
    )


@pytest.mark.quick
def test_a_client_that_never_reads_does_not_keep_a_slot(make_loadline, database):
    """While the database waits for such a client, its place goes to those who can use it."""
    proxy = make_loadline(database, gate={"limit": 1, "wait_max": "20s", "deadline": "30s"})
    with WireClient.to(proxy.target(), receive_buffer=4096) as deaf, proxy.connect() as other:
        deaf.send(query("SELECT repeat('x', 1000) FROM generate_series(1, 300000)"))
        eventually(
            lambda: database.query(
                "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'ClientWrite'")[0][0] == 1,
            "its backend waits to write",
        )
        assert other.execute("SELECT 40 + 2").fetchone() == (42,)


@pytest.mark.quick
def test_a_client_that_sends_without_reading_is_held_back(proxy, bystander):
    """A pipeline whose answers nobody takes: at some point we stop taking statements too."""
    before = proxy.resident_bytes()
    client = WireClient.to(proxy.target(), receive_buffer=4096, timeout=60)
    count = 20_000
    sender = threading.Thread(
        target=lambda: client.send(*[query("SELECT repeat('y', 2000)")] * count))
    sender.start()
    for n in range(100):
        assert bystander.execute("SELECT %s::int", [n]).fetchone() == (n,)
    grown = proxy.resident_bytes() - before
    assert grown < MEMORY_SLACK, f"{grown / MEBIBYTE:.0f} MiB"
    for _ in range(count):
        assert tags(client.receive_until()) == "TDCZ"
    sender.join()
    client.vanish()


@pytest.mark.quick
def test_a_server_that_is_none(make_loadline):
    """Something answers on the database's port, but it doesn't speak Postgres."""
    with socket.create_server(("127.0.0.1", 0)) as impostor:
        answers = [b"HTTP/1.1 400 Bad Request\r\n\r\n", b"", b"\0" * 100, b"Z\0\0\0\x05I",
                   b"R\xff\xff\xff\xff", b"E\0\0\0\x03"]

        def serve():
            for answer in answers:
                peer, _ = impostor.accept()
                with peer:
                    peer.recv(1000)
                    peer.sendall(answer)
                    peer.shutdown(socket.SHUT_WR)
                    while peer.recv(1000):
                        pass

        server = threading.Thread(target=serve)
        server.start()
        proxy = make_loadline(f"127.0.0.1:{impostor.getsockname()[1]}")
        for _ in answers:
            with WireClient.to(proxy.target(), login=False) as client:
                client.send(wire.startup({"user": "postgres"}))
                try:
                    got = client.receive_all()
                except (Closed, ConnectionError):
                    got = []
                assert all(m.severity == "FATAL" for m in got if m.tag == "E")
                assert tags(got)[-1:] in ("", "E"), "it ends, with a word or without"
        server.join()
