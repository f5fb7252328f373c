# SPDX-License-Identifier: Apache-2.0
"""The state file: what was learned about a database outlives the process."""

import json
import os
import shutil
import stat
import subprocess
import time

import pytest
from support.loadline import SlotHolder, run_loadline
from support.wait import eventually
from support.wire import WireClient, only_error, tags

AUTOMATIC = {"limit": {"law": "aimd", "min": 4, "max": 200, "initial": 20}}
# One client at a time uses half of its limit, so it rises to 3.
LEARNING = {"limit": {"law": "aimd", "min": 1, "max": 200, "initial": 2}}
WARNING = "no saved state: limits begin at limit.initial"
quick = pytest.mark.quick


@pytest.fixture
def make_stateful(make_loadline, database, tmp_path):
    """A Loadline with a state file, which is in place before it starts if `text` says how."""
    path = tmp_path / "state.json"

    def make(text=None, state_file=path, **options):
        if text is not None:
            path.write_bytes(text)
        options.setdefault("gate", AUTOMATIC)
        return make_loadline(database, top={"state_file": str(state_file)}, **options), path

    return make


def state_of(proxy, limit, age=0, **fields):
    upstream = {"name": "main", "address": proxy["address"], "limit": limit, **fields}
    return json.dumps({"format": "loadline-state-1", "saved_at_unix_seconds": int(time.time()) - age,
                       "upstreams": [upstream]}).encode()


@pytest.fixture
def saved(database):
    return lambda limit, **more: state_of({"address": database.address}, limit, **more)


def limit_of(proxy):
    return proxy.gate()["limit"]["limit"]


def restart(proxy):
    proxy.terminate()
    assert proxy.wait() == 0
    proxy.start()


@quick
def test_a_limit_that_was_found_is_begun_from(make_stateful):
    proxy, path = make_stateful(gate=LEARNING)
    assert proxy.log_text().count(WARNING) == 1  # There is no file yet.
    assert limit_of(proxy) == 2
    with WireClient.to(proxy.target()) as client:
        def has_learned():
            for _ in range(20):
                assert tags(client.ask("SELECT now()")) == "TDCZ"
            return proxy.gate()["limit"]["updates"] > 0

        eventually(has_learned, "the law has seen a window", within=20)
    # So that the limit isn't where it would begin anyway.
    proxy.config["upstreams"]["main"]["gate"] = {"limit": {**LEARNING["limit"], "min": 33, "initial": 33}}
    proxy.write_config()
    proxy.reload()
    eventually(lambda: proxy.status()["config_reloads"] == 1, "the file is taken")
    found = limit_of(proxy)
    assert found >= 33
    proxy.config["upstreams"]["main"]["gate"] = LEARNING
    proxy.write_config()
    restart(proxy)
    written = json.loads(path.read_text())
    assert [u["name"] for u in written["upstreams"]] == ["main"]
    assert written["upstreams"][0]["limit"] == pytest.approx(found)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert os.listdir(path.parent) == ["state.json"]
    assert limit_of(proxy) == round(found)
    assert proxy.log_text().count("limit begins where it was") == 1
    # And once more, though nothing was learned in between.
    restart(proxy)
    assert limit_of(proxy) == round(found)


@quick
def test_a_limit_that_learned_nothing_is_not_kept(make_stateful):
    """Or a later limit.initial would never count."""
    proxy, path = make_stateful()
    restart(proxy)
    assert json.loads(path.read_text())["upstreams"] == []
    assert proxy.log_text().count(WARNING) == 1


@quick
def test_the_saved_limit_of_a_file_counts(make_stateful, saved):
    proxy, _ = make_stateful(saved(57.6))
    assert limit_of(proxy) == 58
    assert WARNING not in proxy.log_text()


@quick
def test_a_fixed_limit_is_what_is_configured(make_stateful, saved):
    proxy, path = make_stateful(saved(57), gate={"limit": 9})
    assert limit_of(proxy) == 9
    restart(proxy)
    assert json.loads(path.read_text())["upstreams"] == []


@quick
@pytest.mark.parametrize("limit", [3, 201, -5, 0])
def test_a_limit_beyond_the_bounds_is_not_used(make_stateful, saved, limit):
    proxy, _ = make_stateful(saved(limit))
    assert limit_of(proxy) == 20
    assert "saved limit is not used" in proxy.log_text()


@quick
@pytest.mark.parametrize("other", [{"name": "other"}, {"address": "10.9.9.9:5432"}])
def test_the_limit_of_another_database_is_not_used(make_stateful, saved, other):
    proxy, _ = make_stateful(saved(57, **other))
    assert limit_of(proxy) == 20


@quick
@pytest.mark.parametrize("bad", ["empty", "truncated", "nonsense", "binary", "huge", "too_old", "future",
                                 "no_number"])
def test_a_bad_file_is_one_warning(make_stateful, saved, bad):
    whole = saved(57)
    text = {
        "empty": b"",
        "truncated": whole[:-9],
        "nonsense": b'{"upstreams": 5}',
        "binary": os.urandom(4096),
        "huge": b" " * (3 << 20) + whole,
        "too_old": saved(57, age=24 * 3600 + 5),
        "future": saved(57, age=-3600),
        "no_number": whole.replace(b"57", b"NaN"),
    }[bad]
    proxy, path = make_stateful(text)
    assert limit_of(proxy) == 20
    assert proxy.log_text().count(WARNING) == 1
    with WireClient.to(proxy.target()) as client:
        assert tags(client.ask("SELECT now()")) == "TDCZ"
    restart(proxy)  # The stop has put a good one in its place.
    assert proxy.log_text().count(WARNING) == 1
    assert json.loads(path.read_text())["upstreams"] == []


@quick
@pytest.mark.parametrize("kind", ["folder", "fifo", "link_to_itself"])
def test_what_is_no_file_is_one_warning(make_stateful, kind):
    def make(path):
        if kind == "folder":
            path.mkdir()
        elif kind == "fifo":
            os.mkfifo(path)
        else:
            path.symlink_to(path)

    proxy, path = make_stateful()
    proxy.terminate()
    assert proxy.wait() == 0
    path.unlink()
    make(path)
    proxy.start()
    assert proxy.log_text().count(WARNING) == 2
    assert limit_of(proxy) == 20


@quick
@pytest.mark.parametrize("state_file", ["/nowhere/at/all/state.json", "/proc/state.json"])
def test_a_file_that_can_not_be_written_is_one_warning(make_stateful, state_file):
    proxy, _ = make_stateful(state_file=state_file)
    proxy.terminate()
    assert proxy.wait() == 0
    assert proxy.log_text().count("state can't be saved") == 1


@quick
def test_a_full_disk_leaves_the_old_file(make_stateful, saved):
    """The size that a file may have stands for the disk: nothing is in the place of the file's name but it."""
    whole = saved(57)
    proxy, path = make_stateful(whole, limit_fsize=10)
    proxy.terminate()
    proxy.wait()
    assert path.read_bytes() == whole
    assert os.listdir(path.parent) == ["state.json"]


@quick
def test_the_leftover_of_a_kill_is_no_obstacle(make_stateful, tmp_path):
    proxy, path = make_stateful()
    (tmp_path / "elsewhere").write_text("untouched")
    (tmp_path / "state.json.tmp").symlink_to(tmp_path / "elsewhere")
    proxy.terminate()
    assert proxy.wait() == 0
    assert json.loads(path.read_text())["format"] == "loadline-state-1"
    assert (tmp_path / "elsewhere").read_text() == "untouched"
    assert sorted(os.listdir(tmp_path)) == ["elsewhere", "state.json"]


@quick
def test_the_configuration_is_not_overwritten(make_loadline, database):
    proxy = make_loadline(database, start=False)
    proxy.config["state_file"] = str(proxy.config_path)
    proxy.write_config()
    before = proxy.config_path.read_text()
    result = run_loadline("run", proxy.config_path)
    assert result.returncode == 1
    assert "state_file" in result.stderr
    assert proxy.config_path.read_text() == before


def test_it_is_saved_while_it_runs(make_stateful, tmp_path):
    """Every 30 s, so that a kill -9 costs little."""
    proxy, path = make_stateful(gate=LEARNING)
    with WireClient.to(proxy.target()) as client:
        def is_saved():
            for _ in range(20):
                client.ask("SELECT now()")
            return path.exists()

        eventually(is_saved, "the file is there", within=45, every=0.1)
    assert json.loads(path.read_text())["upstreams"][0]["limit"] >= 3


HANGING_FSYNC = """
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>
int fsync(int fd) {
  if (access(getenv("HANG_FILE"), F_OK) == 0) for (;;) pause();
  return (int)syscall(SYS_fsync, fd);
}
"""


@pytest.mark.skipif(shutil.which("cc") is None, reason="no C compiler")
@pytest.mark.skipif("san" in os.environ.get("LOADLINE_BIN", ""), reason="sanitizers want to be preloaded first")
def test_a_disk_that_hangs_stops_nobody(make_stateful, database, tmp_path, monkeypatch):
    """Neither ticks, which expire what waits, nor statements; a stop waits for it a little."""
    source, library, hang = (tmp_path / name for name in ("hang.c", "hang.so", "hang"))
    source.write_text(HANGING_FSYNC)
    subprocess.run(["cc", "-shared", "-fPIC", "-o", library, source], check=True)
    hang.touch()
    with monkeypatch.context() as environment:
        environment.setenv("LD_PRELOAD", str(library))
        environment.setenv("HANG_FILE", str(hang))
        proxy, path = make_stateful(
            gate={"limit": {"law": "aimd", "min": 1, "max": 1, "initial": 1}, "wait_max": "20ms"})
    with WireClient.to(proxy.target()) as client:
        def is_saving():
            for _ in range(20):
                assert tags(client.ask("SELECT now()")) == "TDCZ"
            return path.with_suffix(".json.tmp").exists()

        eventually(is_saving, "the disk hangs", within=45, every=0.1)
        with SlotHolder(proxy, database):
            for _ in range(10):
                assert "reason=queue_timeout" in only_error(client.ask("SELECT now()")).fields()["D"]
    start = time.monotonic()
    proxy.terminate()
    assert proxy.wait() == 0
    assert time.monotonic() - start < 6
    assert "the disk doesn't answer" in proxy.log_text()
    assert not path.exists()
