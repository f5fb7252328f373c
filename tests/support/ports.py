# SPDX-License-Identifier: Apache-2.0
"""Free TCP ports for servers that must be told theirs before they start."""

import socket

_given = set()


def free_port(host="127.0.0.1"):
    """A port nobody listens on, and which this run hasn't given out before."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    while True:
        with socket.socket(family, socket.SOCK_STREAM) as probe:
            probe.bind((host, 0))
            port = probe.getsockname()[1]
        if port not in _given:
            _given.add(port)
            return port
