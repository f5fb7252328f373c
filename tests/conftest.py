# SPDX-License-Identifier: Apache-2.0
"""Fixtures that every end-to-end test may use. What they hand out lives in tests/support."""

import pathlib
import tempfile

import pytest

from support.loadline import PATIENT_GATE, FullGate, Loadline
from support.postgres import ClusterTemplate, PostgresServer


@pytest.fixture(scope="session")
def scratch():
    """A short path outside the repository: Unix socket names have to fit into 107 bytes."""
    with tempfile.TemporaryDirectory(prefix="loadline-test-") as path:
        folder = pathlib.Path(path)
        folder.chmod(0o755)
        yield folder


@pytest.fixture(scope="session")
def cluster_template(scratch):
    return ClusterTemplate(scratch / "template")


@pytest.fixture(scope="session")
def database(cluster_template, scratch):
    """The server most tests share. A test that harms its server takes `make_database` instead."""
    with PostgresServer(cluster_template, scratch / "shared") as server:
        yield server


@pytest.fixture
def make_database(cluster_template, scratch):
    servers = []

    def make(**options):
        folder = pathlib.Path(tempfile.mkdtemp(dir=scratch, prefix="pg"))
        server = PostgresServer(cluster_template, folder, **options)
        servers.append(server)
        return server

    yield make
    for server in servers:
        server.close()


@pytest.fixture
def make_loadline(scratch):
    """Starts Loadline as often as the test likes. Each one must end cleanly, or the test fails."""
    proxies = []

    def make(upstream, **options):
        folder = pathlib.Path(tempfile.mkdtemp(dir=scratch, prefix="ll"))
        proxy = Loadline(upstream, folder, **options)
        proxies.append(proxy)
        if options.get("start", True):
            proxy.start()
        return proxy

    yield make
    problems = []
    for proxy in proxies:
        problems += proxy.close()
    assert not problems, "\n".join(problems)


@pytest.fixture(scope="module")
def wide_proxy(database, scratch):
    """A Loadline whose limit no test of the module reaches, for everything that isn't about shedding."""
    folder = pathlib.Path(tempfile.mkdtemp(dir=scratch, prefix="ll"))
    proxy = Loadline(database, folder, gate={"limit": 64})
    proxy.start()
    yield proxy
    problems = proxy.close()
    assert not problems, "\n".join(problems)


@pytest.fixture(params=["direct", "through"])
def target(request, database):
    """Both routes to the shared server: what a test says of one must hold for the other."""
    if request.param == "direct":
        return database.target()
    return request.getfixturevalue("wide_proxy").target()


@pytest.fixture
def full_gate(make_loadline, database):
    """A Loadline with one slot that fill() takes and free() gives back. Meanwhile all else is shed."""
    gate = FullGate(make_loadline(database, gate={"limit": 1, "wait_max": "20ms"}), database)
    yield gate
    gate.free()


@pytest.fixture
def patient_gate(make_loadline, database):
    """Like full_gate, but whoever finds it full waits for far longer than any test takes."""
    gate = FullGate(make_loadline(database, gate=PATIENT_GATE), database)
    yield gate
    gate.free()
