# SPDX-License-Identifier: Apache-2.0
"""Drivers that aren't Python: node-postgres and JDBC, each a small program that tells what it saw."""

import json
import pathlib
import subprocess

import pytest
from support.shed_check import check_refusal
from support.wait import PATIENCE

HERE = pathlib.Path(__file__).parent
JDBC_JAR = "/usr/share/java/postgresql.jar"


def node(target, mode):
    return {"args": ["node", str(HERE / "node/tour.js"), mode], "env": target.environment()}


@pytest.fixture(scope="session")
def jdbc_classes(scratch):
    folder = scratch / "jdbc"
    subprocess.run(
        ["javac", "-d", str(folder), "-cp", JDBC_JAR, str(HERE / "jdbc/Tour.java")], check=True
    )
    return folder


def jdbc(target, mode, classes):
    url = f"jdbc:postgresql://{target.host}:{target.port}/{target.dbname}?user={target.user}"
    command = ["java", "-XX:TieredStopAtLevel=1", "-Dfile.encoding=UTF-8",
               "-cp", f"{classes}:{JDBC_JAR}", "Tour", url, mode]
    return {"args": command, "env": target.environment()}


def tell_story(program):
    result = subprocess.run(
        **program, capture_output=True, encoding="utf-8", timeout=80 * PATIENCE, check=False,
        stdin=subprocess.DEVNULL,
    )
    assert result.returncode == 0, result.stdout[-2000:] + result.stderr[-4000:]
    return result.stdout.splitlines()


class Asker:
    """A driver program that waits for our word between its operations."""

    def __init__(self, program):
        self._process = subprocess.Popen(
            **program, stdin=subprocess.PIPE, stdout=subprocess.PIPE, encoding="utf-8"
        )
        assert "ready" in self._process.stdout.readline()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._process.kill()
        self._process.wait()
        self._process.stdout.close()

    def ask(self, what):
        self._process.stdin.write(what + "\n")
        self._process.stdin.flush()
        return self._process.stdout.readline().rstrip("\n")

    def end(self):
        self._process.stdin.close()
        assert self._process.wait(30 * PATIENCE) == 0


@pytest.mark.quick
def test_node_postgres_tour(target, same_as_direct):
    story = tell_story(node(target, "tour"))
    assert json.loads(story[-1]) == ["pool", True]
    same_as_direct(story)


def test_jdbc_tour(target, same_as_direct, jdbc_classes):
    story = tell_story(jdbc(target, "tour", jdbc_classes))
    assert story[-1] == f"large row\t{50 << 20}"
    same_as_direct(story)


@pytest.mark.quick
def test_node_postgres_takes_a_shed_operation_for_an_ordinary_error(full_gate):
    with Asker(node(full_gate.target, "ask")) as asker:
        full_gate.fill()
        for mode in ("simple", "extended"):
            step, error = json.loads(asker.ask(mode))
            assert step == "refused" and error["severity"] == "ERROR"
            check_refusal(error["code"], error["detail"], error["hint"])
        full_gate.free()
        for mode in ("simple", "extended"):
            assert json.loads(asker.ask(mode)) == ["answer", 42]
        asker.end()


def test_jdbc_takes_a_shed_operation_for_an_ordinary_error(full_gate, jdbc_classes):
    with Asker(jdbc(full_gate.target, "ask", jdbc_classes)) as asker:
        full_gate.fill()
        for mode in ("one", "batch", "one"):
            step, _, told = asker.ask(mode).partition("\t")
            assert step == "refused", told
            code, detail, hint, closed = told.split("|")
            check_refusal(code, detail, hint)
            assert closed == "false"
        full_gate.free()
        assert asker.ask("one") == "answer\t42"
        assert asker.ask("batch") == "answer\t42"
        asker.end()
