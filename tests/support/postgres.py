# SPDX-License-Identifier: Apache-2.0
"""Throwaway Postgres servers: own folder, own port, never the system's cluster."""

import dataclasses
import os
import pathlib
import pwd
import re
import shutil
import signal
import subprocess

import psycopg

from support.ports import free_port
from support.wait import eventually

BIN = pathlib.Path(os.environ.get("LOADLINE_PG_BIN", "/usr/lib/postgresql/15/bin"))
PASSWORD = "correct horse battery"
# One user for each way to log in. All but the trusted one must give PASSWORD.
USERS = {
    "trusted": "trust",
    "plain": "password",
    "md5_user": "md5",
    "scram_user": "scram-sha-256",
}

_METHODS = {"postgres": "trust", **USERS}
_HBA = "".join(
    f"{kind} all,replication {user} {where} {method}\n"
    for user, method in _METHODS.items()
    for kind, where in (("local", ""), ("host", "127.0.0.1/32"), ("host", "::1/128"))
)

_SETTINGS = """
fsync = off
synchronous_commit = off
full_page_writes = off
max_connections = 130
superuser_reserved_connections = 10
max_wal_senders = 4
wal_level = replica
shared_buffers = 64MB
dynamic_shared_memory_type = mmap
log_timezone = UTC
timezone = UTC
lc_messages = C
autovacuum = off
jit = off
max_locks_per_transaction = 64
"""


def as_postgres(command):
    """Postgres refuses to run as root. Anyone else runs it as themselves."""
    if os.geteuid() != 0:
        return command
    return ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups", *command]


def give_to_postgres(path):
    if os.geteuid() == 0:
        owner = pwd.getpwnam("postgres")
        for root, folders, files in os.walk(path):
            os.chown(root, owner.pw_uid, owner.pw_gid)
            for name in folders + files:
                os.chown(os.path.join(root, name), owner.pw_uid, owner.pw_gid)


@dataclasses.dataclass(frozen=True)
class Target:
    """Where a client connects: straight to a database, or to a Loadline in front of it."""

    route: str  # "direct" or "through"
    host: str
    port: int
    user: str = "postgres"
    dbname: str = "postgres"
    password: str = ""

    def with_user(self, user):
        return dataclasses.replace(self, user=user, password=PASSWORD)

    def dsn(self, **more):
        fields = {"host": self.host, "port": self.port, "user": self.user, "dbname": self.dbname}
        if self.password:
            fields["password"] = self.password
        return psycopg.conninfo.make_conninfo(**{**fields, "connect_timeout": 10, **more})

    def environment(self):
        """The libpq variables of this target, for command-line clients."""
        return {
            **os.environ,
            "PGHOST": self.host,
            "PGPORT": str(self.port),
            "PGUSER": self.user,
            "PGDATABASE": self.dbname,
            "PGPASSWORD": self.password,
            "PGCONNECT_TIMEOUT": "10",
            "LC_ALL": "C.UTF-8",
        }

    def connect(self, **options):
        """A psycopg 3 connection in autocommit mode, unless told otherwise."""
        options.setdefault("autocommit", True)
        return psycopg.connect(self.dsn(), **options)


class ClusterTemplate:
    """An initialised cluster with our users, made once and copied for each server."""

    def __init__(self, folder):
        self.folder = folder
        folder.mkdir(parents=True)
        give_to_postgres(folder)
        self._run(
            "initdb", "-D", str(folder), "-U", "postgres", "--auth=trust", "--no-sync",
            "--encoding=UTF8", "--locale=C.UTF-8", "--wal-segsize=1",
        )
        with open(folder / "postgresql.conf", "a", encoding="utf-8") as file:
            file.write(_SETTINGS)
        (folder / "pg_hba.conf").write_text(_HBA, encoding="utf-8")
        self._single_user(
            *[
                f"SET password_encryption = '{'md5' if method == 'md5' else 'scram-sha-256'}';\n"
                f"CREATE ROLE {user} LOGIN SUPERUSER PASSWORD '{PASSWORD}';"
                for user, method in USERS.items()
            ]
        )

    def _run(self, program, *arguments, **options):
        result = subprocess.run(
            as_postgres([str(BIN / program), *arguments]),
            capture_output=True, text=True, check=False, cwd="/", **options,
        )
        assert result.returncode == 0, f"{program}: {result.stdout}{result.stderr}"

    def _single_user(self, *scripts):
        """Runs SQL without starting a server: one statement a line is what single-user mode reads."""
        self._run(
            "postgres", "--single", "-D", str(self.folder), "postgres",
            input="\n".join(scripts) + "\n",
        )


class PostgresServer:
    """One throwaway server. Starts when made; everything that it started ends with close()."""

    def __init__(self, template, folder, settings=None, start=True):
        self.host = "127.0.0.1"
        self.port = free_port()
        self.folder = pathlib.Path(folder)
        self.cluster = self.folder / "cluster"
        self.log_path = self.folder / "postgres.log"
        self._postmaster = None
        self.folder.mkdir(parents=True, exist_ok=True)
        self.folder.chmod(0o755)
        shutil.copytree(template.folder, self.cluster)
        with open(self.cluster / "postgresql.conf", "a", encoding="utf-8") as file:
            file.write(f"listen_addresses = '127.0.0.1,::1'\nport = {self.port}\n")
            file.write(f"unix_socket_directories = '{self.folder}'\n")
            for name, value in (settings or {}).items():
                file.write(f"{name} = {value}\n")
        give_to_postgres(self.folder)
        if start:
            self.start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    @property
    def address(self):
        return f"{self.host}:{self.port}"

    @property
    def socket_path(self):
        return self.folder / f".s.PGSQL.{self.port}"

    def target(self, **fields):
        return Target("direct", self.host, self.port, **fields)

    def connect(self, **options):
        return self.target().connect(**options)

    def query(self, sql, *parameters):
        """Every row of one statement, past Loadline: how tests look at what really happened."""
        with self.connect() as connection:
            cursor = connection.execute(sql, parameters or None)
            return cursor.fetchall() if cursor.description else []

    def start(self):
        assert self._postmaster is None
        with open(self.log_path, "ab") as log:
            self._postmaster = subprocess.Popen(
                as_postgres([str(BIN / "postgres"), "-D", str(self.cluster)]),
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd="/", start_new_session=True,
            )
        eventually(self._answers, f"Postgres up\n{self.log_text()}", within=30)

    def _answers(self):
        assert self._postmaster.poll() is None, f"Postgres ended:\n{self.log_text()}"
        try:
            with psycopg.connect(self.target().dsn()):
                return True
        except psycopg.OperationalError:
            return False

    def stop(self, how=signal.SIGINT):
        """SIGINT: fast shutdown. Sessions are told; nothing is left behind."""
        if self._postmaster is None:
            return
        self.go_on()
        self._postmaster.send_signal(how)
        self._postmaster.wait(30)
        self._postmaster = None

    def kill(self):
        """kill -9 of the postmaster and of every child, as a power failure would."""
        pids = self.pids()
        for pid in pids:
            _signal(pid, signal.SIGKILL)
        self._postmaster.wait(30)
        self._postmaster = None
        eventually(lambda: not any(map(_is_running, pids)), "killed Postgres processes gone", within=10)

    def freeze(self):
        """SIGSTOP to all of it: sockets stay open and the kernel goes on accepting, nobody answers."""
        for pid in self.pids():
            _signal(pid, signal.SIGSTOP)

    def go_on(self):
        for pid in self.pids():
            _signal(pid, signal.SIGCONT)

    def pids(self):
        if self._postmaster is None:
            return []
        parent = self._postmaster.pid
        children = pathlib.Path(f"/proc/{parent}/task/{parent}/children")
        try:
            return [parent, *map(int, children.read_text().split())]
        except FileNotFoundError:
            return [parent]

    def log_text(self):
        return self.log_path.read_text(errors="replace") if self.log_path.exists() else ""

    def close(self):
        self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)

    def running_statements(self, pattern):
        """How many backends execute a statement whose text matches, this question left out."""
        rows = self.query(
            "SELECT query FROM pg_stat_activity WHERE state = 'active' AND pid <> pg_backend_pid()"
        )
        return sum(1 for (text,) in rows if re.search(pattern, text))


def _signal(pid, number):
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        pass


def _is_running(pid):
    try:
        state = pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"
