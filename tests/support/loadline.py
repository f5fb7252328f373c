# SPDX-License-Identifier: Apache-2.0
"""One Loadline under test: its configuration file, its life, and what it says about itself."""

import json
import os
import pathlib
import re
import signal
import subprocess
import urllib.error
import urllib.request

import psycopg
import yaml

from support.ports import free_port
from support.postgres import Target
from support.wait import PATIENCE, eventually

ROOT = pathlib.Path(__file__).resolve().parents[2]
BINARY = os.environ.get("LOADLINE_BIN", str(ROOT / "build/release/loadline"))
# Two threads share what the tests look at even where a machine has one core.
WORKERS = 2

# Nobody is shed while a test looks on: what doesn't fit waits, oldest first.
PATIENT_GATE = {"limit": 1, "wait_max": "50s", "deadline": "55s", "pressure_after": "50s"}

_SANITIZER_REPORT = re.compile(
    r"(AddressSanitizer|LeakSanitizer|ThreadSanitizer|UndefinedBehaviorSanitizer|runtime error:).*"
)


def sanitizer_environment():
    return {
        **os.environ,
        "ASAN_OPTIONS": "detect_leaks=1:abort_on_error=0:" + os.environ.get("ASAN_OPTIONS", ""),
        "UBSAN_OPTIONS": "print_stacktrace=1:" + os.environ.get("UBSAN_OPTIONS", ""),
        "TSAN_OPTIONS": "second_deadlock_stack=1:" + os.environ.get("TSAN_OPTIONS", ""),
    }


def run_loadline(*arguments, timeout=30, **options):
    """Runs the binary to its end, for commands that end."""
    return subprocess.run(
        [BINARY, *map(str, arguments)],
        capture_output=True, text=True, timeout=timeout * PATIENCE, check=False,
        stdin=subprocess.DEVNULL, env=sanitizer_environment(), **options,
    )


class Loadline:
    """A `loadline run` in front of one upstream.

    `gate`, `pool`, `policy`, `listener` and `top` are merged into the configuration at their places.
    The gate's limit is fixed unless a test asks for another, so that tests are about one thing.
    """

    def __init__(self, upstream, folder, *, gate=None, pool=None, upstream_keys=None, listener=None,
                 extra_listeners=(), top=None, limit_nofile=None, limit_fsize=None, run_options=(),
                 start=True):
        del start  # For make_loadline.
        self.folder = folder
        self.host = "127.0.0.1"
        self.port = free_port()
        self.admin_port = free_port()
        self.log_path = folder / "loadline.log"
        self.config_path = folder / "loadline.yaml"
        self.limit_nofile = limit_nofile
        self.limit_fsize = limit_fsize
        self.run_options = [str(option) for option in run_options]
        address = upstream if isinstance(upstream, str) else upstream.address
        self.config = {
            "admin": {"listen": f"127.0.0.1:{self.admin_port}"},
            "workers": WORKERS,
            "drain_timeout": "5s",
            **(top or {}),
            "listeners": [
                {"name": "main", "listen": f"{self.host}:{self.port}", "upstream": "main",
                 **(listener or {})},
                *extra_listeners,
            ],
            "upstreams": {
                "main": {
                    "primary": address,
                    **({"pool": pool} if pool else {}),
                    "gate": {"limit": 64, **(gate or {})},
                    **(upstream_keys or {}),
                }
            },
        }
        self.process = None
        self._idle_fds = 0
        self.write_config()

    def write_config(self):
        self.config_path.write_text(yaml.safe_dump(self.config, sort_keys=False), encoding="utf-8")

    def target(self, **fields):
        return Target("through", self.host, self.port, **fields)

    def connect(self, **options):
        return self.target().connect(**options)

    # Life

    def spawn(self):
        """Starts it without waiting until it is ready."""
        command = [BINARY, "run", *self.run_options, str(self.config_path)]
        if self.limit_nofile:
            command = ["prlimit", f"--nofile={self.limit_nofile}:{self.limit_nofile}", *command]
        if self.limit_fsize:
            command = ["prlimit", f"--fsize={self.limit_fsize}:{self.limit_fsize}", *command]
        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                env=sanitizer_environment(), start_new_session=True,
            )

    def start(self):
        self.spawn()
        eventually(self._is_ready, f"Loadline ready; its log: {self.log_path}", within=20)
        self._idle_fds = self.fd_count()

    def _is_ready(self):
        assert self.process.poll() is None, (
            f"loadline run ended with {self.process.returncode}:\n{self.log_text()}"
        )
        return self.http_status("/readyz") == 200

    def terminate(self):
        self.process.send_signal(signal.SIGTERM)

    def reload(self):
        self.process.send_signal(signal.SIGHUP)

    def wait(self, timeout=10):
        return self.process.wait(timeout * PATIENCE)

    def close(self):
        """Ends it the way an operator does. Returns everything that was wrong with how it ended."""
        problems = []
        if self.process is None:
            return problems
        if self.process.poll() is None:
            if self._idle_fds and not self.limit_nofile:
                try:
                    eventually(lambda: self.fd_count() <= self._idle_fds, "no descriptor leaked")
                except AssertionError:
                    problems.append(
                        f"leaked descriptors: {self._idle_fds} when ready, {self.fd_count()} at the"
                        f" end: {self.fds()}"
                    )
            self.terminate()
            try:
                self.wait(15)
            except subprocess.TimeoutExpired:
                problems.append("did not exit within 15 s of SIGTERM")
                self.process.kill()
                self.process.wait(10)
        if self.process.returncode != 0:
            problems.append(f"exit status {self.process.returncode}")
        log = self.log_text()
        report = _SANITIZER_REPORT.search(log)
        if report:  # Its first stacks tell most, and there may be many.
            problems.append(f"sanitizer: {log[report.start():report.start() + 12000]}")
        if problems:
            problems.append(f"log of {self.log_path}:\n{log[-6000:]}")
        return problems

    # What it says about itself

    def log_text(self):
        return self.log_path.read_text(errors="replace") if self.log_path.exists() else ""

    def http(self, path):
        """(status code, body) of one admin request."""
        url = f"http://127.0.0.1:{self.admin_port}{path}"
        try:
            with urllib.request.urlopen(url, timeout=5 * PATIENCE) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()

    def http_status(self, path):
        try:
            return self.http(path)[0]
        except OSError:
            return None

    def status(self):
        code, body = self.http("/status")
        assert code == 200, body
        return json.loads(body)

    def upstream(self):
        return self.status()["upstreams"][0]

    def gate(self):
        return self.upstream()["gate"]

    def listener(self):
        return self.status()["listeners"][0]

    def metrics(self):
        """{(name, (sorted label pairs)): value} of every sample."""
        code, body = self.http("/metrics")
        assert code == 200, body
        samples = {}
        for line in body.splitlines():
            if line and not line.startswith("#"):
                match = re.fullmatch(r"(\w+)(?:\{(.*)\})? (\S+)", line)
                assert match, f"not a sample: {line}"
                labels = tuple(sorted(re.findall(r'(\w+)="((?:[^"\\]|\\.)*)"', match[2] or "")))
                samples[match[1], labels] = float(match[3])
        return samples

    def metric(self, name, **labels):
        """Sum over all samples of `name` that carry these labels."""
        wanted = set(labels.items())
        values = [v for (n, have), v in self.metrics().items() if n == name and wanted <= set(have)]
        assert values, f"no sample of {name} with {labels}"
        return sum(values)

    # What the kernel says about it

    def fds(self):
        folder = f"/proc/{self.process.pid}/fd"
        found = []
        for name in os.listdir(folder):
            try:
                found.append(os.readlink(f"{folder}/{name}"))
            except FileNotFoundError:
                pass
        return sorted(found)

    def fd_count(self):
        return len(self.fds())

    def resident_bytes(self):
        pages = pathlib.Path(f"/proc/{self.process.pid}/statm").read_text().split()[1]
        return int(pages) * os.sysconf("SC_PAGE_SIZE")

    def cpu_seconds(self):
        fields = pathlib.Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


class SlotHolder:
    """Keeps one slot of a gate busy until release(), by a statement that waits for a lock.

    No timing is involved: the statement runs until the lock that `database` holds is let go.
    """

    _next_key = 1000

    def __init__(self, proxy, database, **target_fields):
        SlotHolder._next_key += 1
        self.key = SlotHolder._next_key
        self._keeper = database.connect()
        self._keeper.execute("SELECT pg_advisory_lock(%s)", [self.key])
        before = proxy.gate()["active"]
        self._client = psycopg.pq.PGconn.connect(
            proxy.target(**target_fields).dsn(application_name="slot-holder").encode()
        )
        assert self._client.status == psycopg.pq.ConnStatus.OK, self._client.error_message
        self._client.send_query(f"SELECT pg_advisory_lock({self.key})".encode())
        self._client.flush()
        eventually(lambda: proxy.gate()["active"] == before + 1, "the holder's statement is active")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.end()

    def end(self):
        self.release()
        self._client.finish()

    def release(self):
        """The statement gets its lock and ends; the slot is free."""
        if self._keeper is None:
            return
        self._keeper.close()
        self._keeper = None
        while (result := self._client.get_result()) is not None:
            assert result.status == psycopg.pq.ExecStatus.TUPLES_OK, result.error_message


class FullGate:
    """A Loadline with one slot, and the statement that takes it."""

    def __init__(self, proxy, database):
        self.proxy = proxy
        self.target = proxy.target(user="trusted")
        self._database = database
        self._holder = None

    def fill(self):
        self._holder = SlotHolder(self.proxy, self._database)
        return self._holder

    def free(self):
        if self._holder:
            self._holder.end()
            self._holder = None

    def wait_for_waiting(self, count):
        eventually(lambda: self.proxy.gate()["waiting"] == count, f"{count} operations wait")
