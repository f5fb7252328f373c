# SPDX-License-Identifier: Apache-2.0
"""What is compared: each has a name, a host, a port and, unless it is the database, a process."""

import pathlib
import socket
import subprocess
import tempfile

from support.loadline import Loadline
from support.ports import free_port
from support.postgres import Target, as_postgres, give_to_postgres
from support.wait import eventually


class Direct:
    """The database itself."""

    name = "direct"
    pid = None

    def __init__(self, server):
        self._server = server

    def target(self):
        return self._server.target(user="trusted")

    def close(self):
        pass


class _Process:
    """A proxy that is a program of its own, listening on a port of its own."""

    host = "127.0.0.1"

    def __init__(self, name, command, port, log_path, probe):
        self.name = name
        self.port = port
        with open(log_path, "ab") as log:
            self._process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd="/"
            )
        self.pid = self._process.pid
        try:
            eventually(lambda: self._answers(probe), f"{name} up; its log: {log_path}", within=10)
        except BaseException:
            self.close()
            raise

    def _answers(self, probe):
        assert self._process.poll() is None, f"{self.name} ended with {self._process.returncode}"
        try:
            probe(self.target())
            return True
        except OSError:
            return False

    def target(self):
        return Target(self.name, self.host, self.port, user="trusted")

    def close(self):
        self._process.kill()
        self._process.wait()


def _connects(target):
    socket.create_connection((target.host, target.port), timeout=5).close()


def relay(binary, upstream_port):
    port = free_port()
    log_path = pathlib.Path(tempfile.mkdtemp(prefix="loadline-bench-relay-")) / "log"
    return _Process("relay", [str(binary), str(port), str(upstream_port)], port, log_path, _connects)


def pgbouncer(upstream_port, *, name="pgbouncer", mode="session", pool_size=100, clients_max=1000):
    """Debian's, as installed, but for what is written here."""
    port = free_port()
    folder = pathlib.Path(tempfile.mkdtemp(prefix="loadline-bench-pgbouncer-"))
    folder.chmod(0o755)
    (folder / "users.txt").write_text('"trusted" ""\n')
    (folder / "pgbouncer.ini").write_text(
        "[databases]\n"
        f"* = host=127.0.0.1 port={upstream_port}\n"
        "[pgbouncer]\n"
        f"listen_addr = 127.0.0.1\nlisten_port = {port}\nunix_socket_dir =\n"
        f"auth_type = trust\nauth_file = {folder}/users.txt\n"
        f"pool_mode = {mode}\ndefault_pool_size = {pool_size}\nmax_client_conn = {clients_max}\n"
        "log_connections = 0\nlog_disconnections = 0\n"
    )
    give_to_postgres(folder)
    command = as_postgres(["pgbouncer", "-q", str(folder / "pgbouncer.ini")])
    return _Process(name, command, port, folder / "log", _connects)


class LoadlineRival:
    """Loadline with its defaults, but for what is given."""

    def __init__(self, server, *, name="loadline", workers="auto", limit="auto", pool=None):
        self.name = name
        self.proxy = Loadline(
            server, pathlib.Path(tempfile.mkdtemp(prefix="loadline-bench-loadline-")),
            gate={"limit": limit}, pool=pool, top={"workers": workers},
        )
        self.proxy.start()
        self.pid = self.proxy.process.pid

    def target(self):
        return self.proxy.target(user="trusted")

    def close(self):
        problems = self.proxy.close()
        if problems:
            print("loadline: " + "\n".join(problems))
