# SPDX-License-Identifier: Apache-2.0
"""Memory per idle connection: clients that have logged in, asked one query, and wait."""

import contextlib
import pathlib
import resource
import subprocess
import sys

from bench import rivals
from bench.clocks import memory_kib
from support.ports import free_port
from support.wait import eventually
from support.wire import WireClient

TARGET_KIB = 4.0
# Each client is two descriptors of the proxy, one of ours and one of the server's.
_FDS_SPARE = 200


def _raise_fd_limit(wanted):
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    limit = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
    assert limit >= wanted, f"needs {wanted} descriptors, the hard limit is {hard}"
    resource.setrlimit(resource.RLIMIT_NOFILE, (limit, hard))


@contextlib.contextmanager
def _idle_server():
    port = free_port()
    script = pathlib.Path(__file__).with_name("idle_server.py")
    server = subprocess.Popen([sys.executable, str(script), str(port)], stdin=subprocess.DEVNULL)
    try:
        eventually(lambda: _listens(port), "the idle server listens")
        yield port
    finally:
        server.kill()
        server.wait()


def _listens(port):
    try:
        WireClient("127.0.0.1", port).vanish()
        return True
    except OSError:
        return False


def _per_client(pid, before, clients):
    now = memory_kib(pid)
    return {key: (now[key] - before[key]) / clients for key in now}


def _measure_one(rival, clients):
    opened = []
    try:
        before = memory_kib(rival.pid)
        for _ in range(clients):
            opened.append(WireClient.to(rival.target()))
        logged_in = _per_client(rival.pid, before, clients)
        for client in opened:
            client.ask("SELECT 1")
        asked = _per_client(rival.pid, before, clients)
    finally:
        for client in opened:
            client.vanish()
    return {"logged_in_kib": logged_in, "asked_kib": asked, "empty_kib": before}


def measure(_server, _binaries, quick, say):
    clients = 1000 if quick else 5000
    _raise_fd_limit(2 * clients + _FDS_SPARE)
    found = {}
    with _idle_server() as port:
        makers = {
            "pgbouncer": lambda: rivals.pgbouncer(port, pool_size=clients, clients_max=clients + 10),
            "loadline": lambda: rivals.LoadlineRival(
                f"127.0.0.1:{port}", pool={"backends_max": clients + 10}
            ),
        }
        for name, make in makers.items():
            say(f"idle: {clients} clients through {name}")
            rival = make()
            try:
                found[name] = _measure_one(rival, clients)
            finally:
                rival.close()
    return {"clients": clients, "rivals": found}


def markdown(result):
    lines = [
        f"KiB of user-space memory per connection, of {result['clients']} clients that have one database"
        " connection each: growth of the proxy's private pages (`/proc/PID/smaps_rollup`), divided by the"
        f" clients. Target for Loadline: {TARGET_KIB:.0f}. Sockets' buffers in the kernel are not in it.",
        "",
        "| proxy | logged in | after a query each | without clients, whole process |",
        "| --- | --- | --- | --- |",
    ]
    for name, found in result["rivals"].items():
        lines.append(
            f"| {name} | {found['logged_in_kib']['private']:.2f} | {found['asked_kib']['private']:.2f} |"
            f" {found['empty_kib']['private']} |"
        )
    return lines
