# SPDX-License-Identifier: Apache-2.0
"""What Loadline says about itself has to be what its clients saw."""

import json
import subprocess
import threading
import urllib.error
import urllib.request

import pytest
from support.loadline import SlotHolder
from support.wait import eventually
from support.wire import WireClient, query, tags

pytestmark = pytest.mark.quick


@pytest.fixture
def used_proxy(make_loadline, database):
    """10 operations admitted, of them one with an error; 7 shed, by two tiers; one client still there."""
    proxy = make_loadline(database, gate={"limit": 1, "wait_max": "5ms"})
    with WireClient.to(proxy.target()) as client:
        for n in range(8):
            client.ask(f"SELECT {n} + 0")
        assert tags(client.ask("SELECT 1/0")) == "EZ"
        with SlotHolder(proxy, database):
            for _ in range(5):
                assert tags(client.ask("SELECT now()")) == "EZ"
            for _ in range(2):
                assert tags(client.ask("SELECT now() /* priority='t5' */")) == "EZ"
        eventually(lambda: proxy.listener()["clients_open"] == 1, "the holder is gone")
        yield proxy


def test_metrics_pass_promtool(used_proxy):
    code, text = used_proxy.http("/metrics")
    assert code == 200
    result = subprocess.run(
        ["promtool", "check", "metrics"], input=text, capture_output=True, text=True, check=False
    )
    assert result.returncode == 0, result.stdout + result.stderr
    assert all(line.startswith(("#", "loadline_", "process_")) for line in text.splitlines() if line)


def test_counters_equal_what_clients_saw(used_proxy):
    tiers = used_proxy.gate()["tiers"]
    assert tiers["t3"]["admitted"] == tiers["t3"]["completed"] == 10
    assert tiers["t3"]["offered"] == 15 and tiers["t5"]["offered"] == 2
    assert tiers["t3"]["shed"]["queue_timeout"] == 5
    assert tiers["t5"]["shed"]["queue_timeout"] == 2 and tiers["t5"]["admitted"] == 0
    metric = used_proxy.metric
    assert metric("loadline_operations_admitted_total", tier="t3") == 10
    assert metric("loadline_operations_shed_total", tier="t3", reason="queue_timeout") == 5
    assert metric("loadline_operations_shed_total") == 7
    listener = used_proxy.listener()
    assert listener["accepted"] == 2 and listener["clients_open"] == 1
    upstream = used_proxy.upstream()
    assert upstream["backends_open"] == 1 and upstream["connects"] == 2
    assert upstream["client_bytes_received"] > 100 and upstream["client_bytes_sent"] > 500


def test_counters_add_up_under_concurrent_load(make_loadline, database):
    proxy = make_loadline(database, gate={"limit": 2, "wait_max": "3ms"})
    seen = {"ok": 0, "shed": 0}
    lock = threading.Lock()

    def work():
        with WireClient.to(proxy.target()) as client:
            for _ in range(60):
                outcome = "ok" if tags(client.ask("SELECT pg_sleep(0.002)")) == "TDCZ" else "shed"
                with lock:
                    seen[outcome] += 1

    threads = [threading.Thread(target=work) for _ in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    tier = proxy.gate()["tiers"]["t3"]
    assert tier["admitted"] == seen["ok"]
    assert sum(tier["shed"].values()) == seen["shed"]
    assert tier["offered"] == 600
    assert seen["ok"] > 0 and seen["shed"] > 0


def test_the_gate_in_use_is_shown_as_it_is(make_loadline, database):
    proxy = make_loadline(database, gate={"limit": 1, "wait_max": "30s", "deadline": "40s",
                                          "pressure_after": "30s"})
    with WireClient.to(proxy.target()) as inside, WireClient.to(proxy.target()) as waiting:
        inside.ask("BEGIN")
        eventually(lambda: proxy.gate()["held"] == 1, "an idle transaction is held")
        with SlotHolder(proxy, database):
            waiting.send(query("SELECT now()"))
            eventually(lambda: proxy.gate()["waiting"] == 1, "one waits")
            gate = proxy.gate()
            assert (gate["active"], gate["held"]) == (1, 1)
            assert gate["limit"]["limit"] == 1
        waiting.receive_until()
        inside.ask("ROLLBACK")


def test_health_and_readiness(make_loadline, database):
    proxy = make_loadline(database)
    assert proxy.http("/healthz")[0] == 200 and proxy.http("/readyz")[0] == 200
    assert proxy.http("/unheard-of")[0] == 404
    request = urllib.request.Request(
        f"http://127.0.0.1:{proxy.admin_port}/status", data=b"x", method="POST")
    with pytest.raises(urllib.error.HTTPError) as caught:
        urllib.request.urlopen(request, timeout=5)
    with caught.value as refusal:
        assert refusal.code == 405
    status = proxy.status()
    assert status["workers"] == 2 and status["ready"] is True and status["version"]
    assert status["config_path"] == str(proxy.config_path)


def test_the_admin_server_survives_bad_clients(make_loadline, database):
    import socket

    proxy = make_loadline(database)
    raw = [b"", b"\r\n\r\n", b"GET", b"\xff" * 100, b"GET / HTTP/9.9\r\n\r\n",
           b"GET /status HTTP/1.1\r\nX: " + b"y" * 200_000 + b"\r\n\r\n",
           b"POST /status HTTP/1.1\r\nContent-Length: 99999999999\r\n\r\n"]
    for bytes_sent in raw:
        with socket.create_connection(("127.0.0.1", proxy.admin_port), timeout=5) as client:
            try:
                client.sendall(bytes_sent)
                client.shutdown(socket.SHUT_WR)
                while client.recv(65536):
                    pass
            except ConnectionError:
                pass
    idle = [socket.create_connection(("127.0.0.1", proxy.admin_port)) for _ in range(50)]
    assert proxy.http("/healthz")[0] == 200
    for client in idle:
        client.close()


def test_logs_are_lines_of_json_when_asked(make_loadline, database):
    proxy = make_loadline(database, top={"log": {"format": "json", "level": "debug"}},
                          gate={"limit": 1, "wait_max": "5ms"})
    with WireClient.to(proxy.target()) as client, SlotHolder(proxy, database):
        client.ask("SELECT 'secret in a statement', now()")
    proxy.terminate()
    assert proxy.wait() == 0
    lines = proxy.log_text().splitlines()
    assert lines
    for line in lines:
        assert isinstance(json.loads(line), dict), line
    assert any("queue_timeout" in line for line in lines), "a sample of what was shed is logged"
    assert "secret in a statement" not in proxy.log_text()
