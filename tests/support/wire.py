# SPDX-License-Identifier: Apache-2.0
"""A Postgres client made of a socket: says exactly what a test wants, in the pieces it wants."""

import contextlib
import dataclasses
import socket
import struct

from support.wait import PATIENCE

PROTOCOL_3_0 = 3 << 16
SSL_REQUEST = struct.pack("!II", 8, 80877103)
GSSENC_REQUEST = struct.pack("!II", 8, 80877104)


class Closed(Exception):
    """The other side ended the connection."""


@dataclasses.dataclass(frozen=True)
class Message:
    tag: str
    body: bytes

    def fields(self):
        """An ErrorResponse or NoticeResponse as {field code: text}."""
        assert self.tag in "EN", self
        return {part[:1].decode(): part[1:].decode() for part in self.body.split(b"\0") if part}

    @property
    def sqlstate(self):
        return self.fields()["C"]

    @property
    def severity(self):
        return self.fields()["S"]

    def row(self):
        """A DataRow's columns as bytes, None for NULL."""
        assert self.tag == "D", self
        (count,) = struct.unpack_from("!H", self.body)
        columns, at = [], 2
        for _ in range(count):
            (size,) = struct.unpack_from("!i", self.body, at)
            at += 4
            columns.append(None if size < 0 else self.body[at : at + size])
            at += max(size, 0)
        return columns


def message(tag, body=b""):
    return tag.encode() + struct.pack("!I", len(body) + 4) + body


def text(value):
    return value.encode() + b"\0"


def startup(parameters, version=PROTOCOL_3_0):
    body = struct.pack("!I", version)
    body += b"".join(text(key) + text(value) for key, value in parameters.items()) + b"\0"
    return struct.pack("!I", len(body) + 4) + body


def cancel_request(pid, key):
    return struct.pack("!IIII", 16, 80877102, pid, key)


def query(sql):
    return message("Q", text(sql))


def parse(sql, name="", types=()):
    return message(
        "P", text(name) + text(sql) + struct.pack(f"!H{len(types)}I", len(types), *types)
    )


def bind(parameters=(), statement="", portal=""):
    body = text(portal) + text(statement) + struct.pack("!HH", 0, len(parameters))
    for value in parameters:
        raw = None if value is None else str(value).encode()
        body += struct.pack("!i", -1) if raw is None else struct.pack("!i", len(raw)) + raw
    return message("B", body + struct.pack("!H", 0))


def describe(what="P", name=""):
    return message("D", what.encode() + text(name))


def execute(portal="", rows=0):
    return message("E", text(portal) + struct.pack("!I", rows))


def close(what="S", name=""):
    return message("C", what.encode() + text(name))


def copy_bytes(raw):
    return message("d", raw)


SYNC = message("S")
FLUSH = message("H")
TERMINATE = message("X")
COPY_DONE = message("c")


def copy_fail(why):
    return message("f", text(why))


def statement(sql, parameters=()):
    """Parse, Bind and Execute of an unnamed statement, without the Sync."""
    return parse(sql) + bind(parameters) + execute()


class WireClient:
    """Connects at once; login() makes it a session. Every read has a bound in time."""

    def __init__(self, host, port, timeout=10, receive_buffer=None):
        if host.startswith("/"):
            self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            place = f"{host}/.s.PGSQL.{port}"
        else:
            family = socket.AF_INET6 if ":" in host else socket.AF_INET
            self.socket = socket.socket(family, socket.SOCK_STREAM)
            place = (host, port)
        if receive_buffer:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self.socket.settimeout(timeout * PATIENCE)
        self.socket.connect(place)
        if self.socket.family != socket.AF_UNIX:
            self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._received = bytearray()
        self.pid = self.key = None
        self.parameters = {}

    @classmethod
    def to(cls, target, login=True, application_name=None, **options):
        """A client of a Target, logged in unless told otherwise."""
        client = cls(target.host, target.port, **options)
        if login:
            more = {"application_name": application_name} if application_name else {}
            client.login(target.user, target.dbname, **more)
        return client

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.vanish()

    def send(self, *pieces):
        self.socket.sendall(b"".join(pieces))

    def send_byte_by_byte(self, raw):
        for at in range(len(raw)):
            self.socket.sendall(raw[at : at + 1])

    def _fill(self, size):
        while len(self._received) < size:
            try:
                more = self.socket.recv(65536)
            except ConnectionError as error:
                raise Closed from error
            if not more:
                raise Closed
            self._received += more

    def receive_bytes(self, count):
        self._fill(count)
        raw = bytes(self._received[:count])
        del self._received[:count]
        return raw

    def receive(self):
        self._fill(5)
        (size,) = struct.unpack_from("!I", self._received, 1)
        self._fill(size + 1)
        raw = self.receive_bytes(size + 1)
        return Message(chr(raw[0]), raw[5:])

    def receive_until(self, tag="Z"):
        """Messages up to and with the first `tag`, those that may come at any moment left out."""
        found = []
        while True:
            got = self.receive()
            if got.tag in "NAS":
                continue
            found.append(got)
            if got.tag == tag:
                return found

    def receive_all(self):
        """Every message until the other side closes."""
        found = []
        with contextlib.suppress(Closed):
            while True:
                found.append(self.receive())
        return found

    def receive_all_until(self, tag):
        """Every message up to and with the first `tag`, or until the other side closes."""
        found = []
        with contextlib.suppress(Closed):
            while not found or found[-1].tag != tag:
                found.append(self.receive())
        return found

    def is_closed(self):
        """Reads to the end of the stream: True once it is there. Times out if it stays open."""
        with contextlib.suppress(Closed):
            while True:
                self._fill(len(self._received) + 1)
        return True

    def stays_silent(self, seconds=0.2):
        """True if nothing arrives and the connection stays open that long."""
        self.socket.settimeout(seconds)
        try:
            return not self._received and self.socket.recv(1, socket.MSG_PEEK) is None
        except TimeoutError:
            return True
        finally:
            self.socket.settimeout(10 * PATIENCE)

    def login(self, user="postgres", database="postgres", version=PROTOCOL_3_0, **parameters):
        """Startup of a user that needs no password. Returns the messages up to ReadyForQuery."""
        self.send(startup({"user": user, "database": database, **parameters}, version))
        return self.finish_login()

    def finish_login(self):
        messages = []
        while True:
            got = self.receive()
            messages.append(got)
            if got.tag == "E":
                raise AssertionError(f"login refused: {got.fields()}")
            if got.tag == "K":
                self.pid, self.key = struct.unpack("!II", got.body)
            if got.tag == "S":
                key, value, _ = got.body.split(b"\0")
                self.parameters[key.decode()] = value.decode()
            if got.tag == "Z":
                return messages

    def ask(self, sql):
        """One simple query; its messages up to ReadyForQuery."""
        self.send(query(sql))
        return self.receive_until()

    def value(self, sql):
        """The only column of the only row of a simple query."""
        messages = self.ask(sql)
        rows = [m.row() for m in messages if m.tag == "D"]
        assert len(rows) == 1, [m.fields() if m.tag == "E" else m for m in messages]
        return rows[0][0].decode()

    def cancel(self):
        """Sends a cancel request for this session on a connection of its own, to its end."""
        with WireClient(*self.socket.getpeername()[:2]) as other:
            other.send(cancel_request(self.pid, self.key))
            assert other.is_closed()

    def vanish(self):
        self.socket.close()

    def reset(self):
        """Goes away with a TCP reset instead of a FIN."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.socket.close()


def tags(messages):
    return "".join(m.tag for m in messages)


def only_error(messages):
    errors = [m for m in messages if m.tag == "E"]
    assert len(errors) == 1, messages
    return errors[0]
