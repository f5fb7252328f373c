# SPDX-License-Identifier: Apache-2.0
"""`loadline check`, and what `loadline run` says about a file that it can't use."""

import re

import pytest
from support.loadline import run_loadline

pytestmark = pytest.mark.quick

GOOD = """\
admin: {listen: "127.0.0.1:0"}
listeners:
  - {listen: "127.0.0.1:6432", upstream: main}
upstreams:
  main:
    primary: "127.0.0.1:5432"
"""

BAD = """\
listeners:
  - {listen: "127.0.0.1:6432", upstream: mian}
upstreams:
  main:
    primary: "127.0.0.1:543210"
    gate: {limit: 4, wait_max: 100, deadlin: 1s}
drain_timeout: soon
polices: []
"""


@pytest.fixture
def write(tmp_path):
    def write_file(text):
        path = tmp_path / "loadline.yaml"
        path.write_text(text, encoding="utf-8")
        return path

    return write_file


def test_a_good_file_passes(write):
    result = run_loadline("check", write(GOOD))
    assert result.returncode == 0, result.stdout + result.stderr


def test_every_problem_is_reported_in_one_run_with_its_place(write):
    path = write(BAD)
    result = run_loadline("check", path)
    assert result.returncode == 1
    said = result.stdout + result.stderr
    places = re.findall(re.escape(str(path)) + r":(\d+):(\d+): (.+)", said)
    by_line = {int(line): what for line, _, what in places}
    assert {2, 5, 6, 7, 8} <= set(by_line), said
    assert [int(line) for line, _, _ in places].count(6) == 2, said
    assert "mian" in by_line[2] and "main" in by_line[2]
    assert "gate.deadline" in said or "deadline" in said
    assert "policies" in by_line[8] or "policy" in by_line[8], "the nearest known name is offered"


def test_run_refuses_what_check_refuses(write):
    path = write(BAD)
    checked, ran = run_loadline("check", path), run_loadline("run", path)
    assert ran.returncode == 1
    places = r"loadline\.yaml:\d+:\d+"
    assert re.findall(places, checked.stdout + checked.stderr) == re.findall(
        places, ran.stdout + ran.stderr)


@pytest.mark.parametrize("text", [
    "", "[]", "just words", "listeners: [", "a: b: c", "\t- x", "listeners: []\nupstreams: {}\n",
    "\x00\x01\x02", "&a [*a]", GOOD + GOOD, "listeners: " + "[" * 10_000,
], ids=range(11))
def test_files_that_are_no_configuration(write, text):
    for command in ("check", "run"):
        result = run_loadline(command, write(text))
        assert result.returncode == 1, result.stdout + result.stderr
        assert re.search(r"loadline\.yaml(:\d+:\d+)?: ", result.stdout + result.stderr)


def test_files_that_cannot_be_read(tmp_path):
    for path in (tmp_path / "missing.yaml", tmp_path):
        for command in ("check", "run"):
            result = run_loadline(command, path)
            assert result.returncode > 0
            assert str(path) in result.stdout + result.stderr


def test_wrong_usage_is_told(tmp_path):
    for arguments in ([], ["unheard-of"], ["run"], ["check"], ["run", "--unheard-of", "x"]):
        result = run_loadline(*arguments)
        assert result.returncode > 0
        assert result.stdout + result.stderr
    assert run_loadline("--help").returncode == 0
    assert re.search(r"\d+\.\d+\.\d+", run_loadline("--version").stdout)
