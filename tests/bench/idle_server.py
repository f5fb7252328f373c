# SPDX-License-Identifier: Apache-2.0
"""Stands in for a Postgres that could have thousands of sessions: logs everyone in, answers every
query with one empty result, and otherwise waits. Run as: idle_server.py PORT"""

import asyncio
import struct
import sys


def _message(tag, body=b""):
    return tag + struct.pack("!I", len(body) + 4) + body


_READY = _message(b"Z", b"I")
_WELCOME = (
    _message(b"R", struct.pack("!I", 0))
    + b"".join(
        _message(b"S", f"{key}\0{value}\0".encode())
        for key, value in {
            "server_version": "15.0", "server_encoding": "UTF8", "client_encoding": "UTF8",
            "DateStyle": "ISO, MDY", "TimeZone": "UTC", "integer_datetimes": "on",
            "standard_conforming_strings": "on", "application_name": "", "is_superuser": "off",
            "session_authorization": "trusted", "IntervalStyle": "postgres",
        }.items()
    )
    + _message(b"K", struct.pack("!II", 1, 1))
    + _READY
)
_ANSWER = _message(b"C", b"SELECT 0\0") + _READY


class _Backend(asyncio.Protocol):
    def __init__(self):
        self._received = b""
        self._logged_in = False

    def connection_made(self, transport):
        self._transport = transport

    def data_received(self, data):
        self._received += data
        while True:
            header = 1 if self._logged_in else 0
            if len(self._received) < header + 4:
                return
            (length,) = struct.unpack_from("!I", self._received, header)
            if len(self._received) < header + length:
                return
            tag = self._received[:header]
            self._received = self._received[header + length :]
            if not self._logged_in:
                self._logged_in = True
                self._transport.write(_WELCOME)
            elif tag == b"Q":
                self._transport.write(_ANSWER)
            elif tag == b"X":
                self._transport.close()


async def _serve(port):
    server = await asyncio.get_running_loop().create_server(
        _Backend, "127.0.0.1", port, backlog=4096
    )
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(_serve(int(sys.argv[1])))
