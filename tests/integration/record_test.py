# SPDX-License-Identifier: Apache-2.0
"""`loadline run --record`: what it writes, what it never writes, and what can be done with it."""

import collections
import json
import os
import re
import stat
import struct

import pytest
from support.loadline import SlotHolder, run_loadline
from support.wait import eventually
from support.wire import WireClient, query

pytestmark = pytest.mark.quick

EXECUTED, SHED, WITHDRAWN, RIDDEN, GAP = range(5)
Record = collections.namedtuple(
    "Record", "arrival tenant fingerprint service paused deadline waited active upstream priority"
              " statements kind end reason outcome flags")
RECORD = struct.Struct("<QQQQQIIIHHHBBBBBx")
assert RECORD.size == 64


def read(path):
    """By docs/recording.md, not by our own reader."""
    text = path.read_bytes()
    assert text[:8] == b"\x89LLREC\r\n"
    version, header_size, record_size, upstreams = struct.unpack_from("<IIII", text, 8)
    assert (version, record_size, upstreams) == (1, 64, 1)
    assert text[32 + 40:header_size] == b"main"
    assert (len(text) - header_size) % 64 == 0
    return [Record(*fields) for fields in RECORD.iter_unpack(text[header_size:])]


def stop(proxy):
    proxy.terminate()
    assert proxy.wait() == 0


@pytest.fixture
def record(make_loadline, database, tmp_path):
    """record(…): a Loadline that records, and the file."""
    def start(*options, **keys):
        path = tmp_path / "recording"
        return make_loadline(database, run_options=["--record", path, *options], **keys), path

    return start


SECRETS = [b"SELECT", b"generate_series", b"secret", b"Zebra", b"trusted", b"postgres", b"pg_sleep"]


def test_a_recording_holds_what_happened_and_can_be_replayed(record, database, tmp_path):
    proxy, path = record(gate={"limit": 1, "wait_max": "20ms"},
                         top={"tenants": {"from": ["comment.tenant", "database"]}})
    offered = collections.Counter()

    def send(client, tier, tenant, sql="SELECT count(*) FROM generate_series(1, 'secret'::text::int)"):
        client.send(query(f"{sql} /* priority='t{tier}', tenant='{tenant}' */"))
        offered[tier] += 1
        client.receive_until()

    with WireClient.to(proxy.target(user="trusted")) as client:
        for _ in range(30):
            send(client, 1, "Zebra GmbH", "SELECT count(*) FROM generate_series(1, 1000)")
        for _ in range(5):
            send(client, 1, "Zebra GmbH")  # Fails at the database.
        client.send(query("BEGIN /* priority='t0' */"))
        client.receive_until()
        client.send(query("SELECT pg_sleep(0.01)"))
        client.receive_until()
        client.send(query("COMMIT"))
        client.receive_until()
        offered[0] += 1
        with SlotHolder(proxy, database):
            offered[3] += 1  # Its own statement.
            for _ in range(7):
                send(client, 4, "other")
    stop(proxy)

    assert stat.S_IMODE(os.stat(path).st_mode) == 0o600
    text = path.read_bytes()
    for word in SECRETS:
        assert word not in text

    records = read(path)
    assert collections.Counter(r.priority // 128 for r in records) == offered
    tier = collections.defaultdict(list)
    for r in sorted(records):
        tier[r.priority // 128].append(r)
    assert {(r.end, r.outcome) for r in tier[1]} == {(EXECUTED, 0), (EXECUTED, 1)}
    assert len({r.tenant for r in tier[1]}) == 1 and len({r.tenant for r in tier[4]}) == 1
    assert tier[1][0].tenant != tier[4][0].tenant
    assert len({r.fingerprint for r in tier[1]}) == 2 and 0 not in {r.fingerprint for r in records}
    assert all(0 < r.service < 10**9 and r.active == 1 and r.kind == 0 for r in tier[1])
    [transaction] = tier[0]
    assert transaction.flags & 1 and transaction.statements == 3
    assert 10_000_000 <= transaction.service
    assert all(r.end == SHED and r.reason in (1, 2) and r.service == 0 for r in tier[4])

    described = run_loadline("recording", path)
    assert described.returncode == 0, described.stderr
    assert f"{sum(offered.values())} operations, 0 more not recorded" in described.stdout
    assert re.search(r"main +t4 +7 +0 +7 ", described.stdout), described.stdout

    scenario = tmp_path / "scenario.yaml"
    scenario.write_text("replay: {recording: recording}\ndatabase: {law: cores, cores: 2}\n")
    report = tmp_path / "report.json"
    simulated = run_loadline("simulate", "default", scenario, "--policy", "static-best",
                             "--policy", proxy.config_path, "--json", report)
    assert simulated.returncode == 0, simulated.stderr
    assert "recorded" in simulated.stdout
    cells = json.loads(report.read_text())["cells"]
    assert len(cells) == 3
    for cell in cells:
        [run] = cell["runs"]
        assert {int(t[1:]): v["offered"] for t, v in run["tiers"].items()} == offered
        assert run["attempts"] == sum(offered.values())
        assert run["unfinished"] == 0
        assert 0 < run["goodput_ratio"] <= 1.001


def test_an_operation_that_is_withdrawn_from_the_queue_is_recorded(record, database):
    proxy, path = record(gate={"limit": 1, "wait_max": "50s", "deadline": "55s",
                               "pressure_after": "50s"})
    with SlotHolder(proxy, database):
        client = WireClient.to(proxy.target())
        client.send(query("SELECT now()"))
        eventually(lambda: proxy.gate()["waiting"] == 1, "it waits")
        client.vanish()
        eventually(lambda: proxy.gate()["waiting"] == 0, "it is gone")
    stop(proxy)
    assert [r.end for r in sorted(read(path))] == [EXECUTED, WITHDRAWN]


def test_a_recording_that_exists_is_not_overwritten(record, make_loadline):
    _, path = record(start=False)
    path.write_text("mine")
    proxy, _ = record(start=False)
    proxy.spawn()
    assert proxy.process.wait(10) == 1
    assert "it exists, and is not overwritten" in proxy.log_text()
    assert path.read_text() == "mine"
    proxy.process = None


def send_many(proxy, count):
    with WireClient.to(proxy.target()) as client:
        for _ in range(count):
            client.send(query("SELECT now()"))
            client.receive_until()


def test_a_recording_ends_at_its_size_and_the_proxy_goes_on(record):
    proxy, path = record("--record-max", "2KiB")
    assert proxy.status()["recording"] is True
    send_many(proxy, 100)
    eventually(lambda: proxy.status()["recording"] is False, "the recording is full")
    send_many(proxy, 10)
    status = eventually(
        lambda: (s := proxy.status())["operations_recorded"] + s["operations_unrecorded"] == 110 and s,
        "all are counted")
    assert status["operations_recorded"] == len(read(path)) == (2048 - 76) // 64
    assert path.stat().st_size <= 2048
    assert proxy.log_text().count("recording is as large as it may be") == 1
    assert proxy.metric("loadline_operations_recorded_total") == status["operations_recorded"]
    assert proxy.metric("loadline_operations_unrecorded_total") == status["operations_unrecorded"]


def test_a_disk_that_takes_no_more_ends_the_recording_only(record):
    proxy, path = record(limit_fsize=20_000)
    send_many(proxy, 500)
    eventually(lambda: proxy.status()["recording"] is False, "the recording has failed")
    send_many(proxy, 10)
    assert proxy.log_text().count("recording can't be written") == 1
    status = proxy.status()
    assert status["operations_recorded"] == len(read(path)) > 0
    assert status["operations_recorded"] + status["operations_unrecorded"] == 510


def test_without_record_nothing_is_recorded(make_loadline, database):
    proxy = make_loadline(database)
    send_many(proxy, 3)
    status = proxy.status()
    assert status["recording"] is False and status["operations_recorded"] == 0


@pytest.mark.parametrize("size", ["1GB", "-1", "much"])
def test_a_size_that_is_none_is_refused(tmp_path, size):
    result = run_loadline("run", "--record", tmp_path / "recording", f"--record-max={size}",
                          tmp_path / "none.yaml")
    assert result.returncode == 1
    assert "--record-max" in result.stderr and "such as 512MiB" in result.stderr
    assert not (tmp_path / "recording").exists()


def test_a_recording_with_a_problem_is_refused_with_its_place(tmp_path):
    path = tmp_path / "recording"
    path.write_bytes(b"\x89LLREC\r\n" + struct.pack("<IIIIQ", 1, 36, 64, 1, 0) + b"main")
    scenario = tmp_path / "scenario.yaml"
    scenario.write_text("replay: {recording: recording}\n")
    for arguments in (["recording", path], ["simulate", "default", scenario]):
        result = run_loadline(*arguments)
        assert result.returncode in (1, 2)
        assert f"{path}: upstream 0: lies beyond the header" in result.stderr
