# SPDX-License-Identifier: Apache-2.0
"""Load from `loadline bench`, against anything that speaks Postgres."""

import json
import pathlib
import subprocess
import tempfile

from support.loadline import BINARY

DEADLINE = "1s"


class Scripts:
    """The workload's scripts as files, as a part of a --class."""

    def __init__(self, workload, folder):
        parts = []
        for index, (text, weight) in enumerate(workload.scripts):
            path = folder / f"{workload.name}-{index}.sql"
            path.write_text(text)
            parts.append(f"script={path}@{weight}")
        self.of_class = ",".join(parts)


def bench(target, *arguments):
    """Runs `loadline bench`; (its JSON, the command as one could type it)."""
    url = f"postgres://{target.user}@{target.host}:{target.port}/{target.dbname}"
    with tempfile.NamedTemporaryFile(suffix=".json") as report:
        command = [
            "bench", "--url", url, "--deadline", DEADLINE, *arguments,
            "--quiet", "--json",
        ]
        result = subprocess.run(
            [BINARY, *command, report.name], stdin=subprocess.DEVNULL, capture_output=True, text=True,
            check=False,
        )
        assert result.returncode == 0, f"{' '.join(command)}: {result.stdout}{result.stderr}"
        return json.loads(pathlib.Path(report.name).read_text()), " ".join(["loadline", *command, "OUT"])


def closed(server, workload, scripts, concurrencies, duration):
    """(goodput per second by concurrency, command)."""
    if workload.at_start:
        with server.connect() as connection:
            connection.execute(workload.at_start)
    report, command = bench(
        server.target(user="trusted"), "--class", f"name=any,{scripts.of_class}", "--mode", "closed",
        "--concurrency", ",".join(map(str, concurrencies)), "--duration", duration, "--warmup", "500ms",
    )
    phases = {index: phase["concurrency"] for index, phase in enumerate(report["scenario"]["phases"])}
    found = {
        phases[row["phase_index"]]: row["goodput_per_s"]
        for row in report["results"] if row["class"] == "*" and row["measured"]
    }
    return found, command
