# SPDX-License-Identifier: Apache-2.0
"""`loadline bench` against a real server: what it counts is what happened."""

import json

import pytest
from support.loadline import run_loadline
from support.postgres import PASSWORD, USERS

pytestmark = pytest.mark.quick


def bench(target, report, *arguments):
    url = f"postgres://{target.user}:{PASSWORD}@{target.host}:{target.port}/{target.dbname}"
    result = run_loadline(
        "bench", "--url", url, "--rate", "150", "--duration", "2s", "--connections", "4",
        "--deadline", "10s", "--seed", "7", "--json", report, *arguments, timeout=60)
    assert result.returncode == 0, result.stderr
    rows = [row for row in json.loads(report.read_text())["results"] if row["class"] == "*"]
    return {name: sum(row[name] for row in rows) for name in ("offered", "good", "shed", "error")}


@pytest.fixture
def table(database):
    database.query("DROP TABLE IF EXISTS counted")
    database.query("CREATE TABLE counted (id int)")
    database.query("GRANT INSERT ON counted TO PUBLIC")
    return lambda: database.query("SELECT count(*) FROM counted")[0][0]


@pytest.mark.parametrize("user", USERS)
def test_a_good_answer_is_a_row_whatever_the_login(database, table, tmp_path, user):
    counted = bench(database.target().with_user(user), tmp_path / "run.json",
                    "--sql", "INSERT INTO counted VALUES (1)")
    assert counted["good"] == counted["offered"] > 200
    assert table() == counted["good"]


def test_what_loadline_sheds_is_counted_as_shed_and_is_no_row(full_gate, table, tmp_path):
    full_gate.fill()
    counted = bench(full_gate.target, tmp_path / "run.json", "--sql", "INSERT INTO counted VALUES (1)",
                    "--class", "name=once,rate=150,attempts=1,connections=64")
    assert counted["shed"] == counted["offered"] > 200
    assert counted["error"] == counted["good"] == 0
    assert table() == 0
