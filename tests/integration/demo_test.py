# SPDX-License-Identifier: Apache-2.0
"""scripts/demo: what a stranger sees first, shortened."""

import os
import pathlib
import re
import signal
import subprocess
import tempfile
import xml.etree.ElementTree as xml

import pytest
from support.loadline import BINARY, ROOT
from support.wait import eventually

pytestmark = pytest.mark.timeout(180)

DEMO = ROOT / "scripts/demo"


@pytest.fixture
def start_demo(scratch):
    """Starts the demo with a temporary folder of its own, by which what it starts can be told."""
    folder = pathlib.Path(tempfile.mkdtemp(dir=scratch, prefix="demo"))
    folder.chmod(0o755)
    started = []

    def start(*arguments):
        environment = {**os.environ, "LOADLINE_BIN": BINARY, "TMPDIR": str(folder)}
        with open(folder / "output.txt", "wb") as output:
            demo = subprocess.Popen(
                [DEMO, "--seconds", "2", "--out", folder / "out", *arguments], env=environment,
                stdin=subprocess.DEVNULL, stdout=output, stderr=output, start_new_session=True,
            )
        started.append(demo)
        return demo, folder

    yield start
    for demo in started:
        if demo.poll() is None:
            demo.send_signal(signal.SIGTERM)
            demo.wait(30)


def started_from(folder):
    """Command lines of processes that name the folder, the demo itself left out."""
    found = []
    for entry in pathlib.Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                command = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode()
            except OSError:
                continue
            if str(folder) in command and "overload_demo" not in command:
                found.append(command)
    return found


def output_of(folder):
    return (folder / "output.txt").read_text(encoding="utf-8")


def nothing_is_left(folder):
    return not started_from(folder) and not list(folder.glob("loadline-demo-*"))


def test_the_demo_ends_with_figures_and_a_picture_and_leaves_nothing_running(start_demo):
    demo, folder = start_demo()
    assert demo.wait(150) == 0, output_of(folder)
    text = output_of(folder)
    rows = re.findall(r"^(?:\S.*?)? +(fixed pool|Loadline) +(\d+) +(\d+)% +([\d.]+)% +([\d.]+)%", text, re.MULTILINE)
    assert [row[0] for row in rows] == ["fixed pool", "Loadline"] * 4, text
    assert any(int(row[1]) > 0 for row in rows), text
    picture = folder / "out/demo.svg"
    assert f"picture: {picture}" in text
    root = xml.parse(picture).getroot()
    namespace = "{http://www.w3.org/2000/svg}"
    assert root.tag == f"{namespace}svg"
    # Three panels, each with an area for each of three tiers.
    assert len(root.findall(f"{namespace}polygon")) == 9
    assert nothing_is_left(folder), started_from(folder)


@pytest.mark.parametrize("moment", ["starting a throwaway Postgres", "fixed pool: ", "Loadline: "])
def test_an_interrupted_demo_cleans_up(start_demo, moment):
    demo, folder = start_demo()
    eventually(lambda: f"left] {moment}" in output_of(folder), f"{moment!r} is shown", within=60)
    demo.send_signal(signal.SIGINT)
    assert demo.wait(30) == 130, output_of(folder)
    assert nothing_is_left(folder), started_from(folder)


def test_a_kept_demo_goes_on_until_it_is_interrupted(start_demo):
    demo, folder = start_demo("--keep")
    eventually(lambda: "Still running" in output_of(folder) or demo.poll() is not None, "the demo is done", within=120)
    text = output_of(folder)
    assert "admin       http://127.0.0.1:" in text, text
    assert started_from(folder)
    demo.send_signal(signal.SIGINT)
    assert demo.wait(30) == 130, output_of(folder)
    assert nothing_is_left(folder), started_from(folder)


def test_the_demo_says_what_went_wrong(start_demo):
    demo, folder = start_demo("--seconds", "1")
    assert demo.wait(30) == 2
    assert "--seconds: expected 2 to 600" in output_of(folder)
