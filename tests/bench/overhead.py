# SPDX-License-Identifier: Apache-2.0
"""What passing on a query costs: CPU of the proxy, and time added at one client."""

import re
import subprocess

from bench import rivals
from bench.clocks import cpu_seconds
from bench.ratios import in_turns, ratio, spread
from support.postgres import BIN

MODES = ("simple", "extended", "prepared")
TARGET_CPU = 1.0
TARGET_LATENCY = 1.2
# The limit is automatic, but above all clients and PgBouncer's pool: nobody is to wait or be shed here.
LIMIT = {"min": 100}
# PgBouncer keeps its connections, while others open as many.
SERVER_SETTINGS = {"max_connections": 400}


class _Plan:
    def __init__(self, quick):
        self.rounds = 2 if quick else 5
        self.client_counts = (1, 8) if quick else (1, 8, 64)
        self.queries = {1: 2000, 8: 6400, 64: 6400} if quick else {1: 5000, 8: 16000, 64: 16000}


def _pgbench_command(mode, clients, queries):
    return [
        str(BIN / "pgbench"), "-n", "-S", "-M", mode, "-c", str(clients), "-j", str(min(clients, 2)),
        "-t", str(queries // clients),
    ]


def _run(rival, mode, clients, queries):
    before = cpu_seconds(rival.pid) if rival.pid else 0
    result = subprocess.run(
        _pgbench_command(mode, clients, queries), env=rival.target().environment(),
        capture_output=True, text=True, check=False,
    )
    assert result.returncode == 0, f"pgbench through {rival.name}: {result.stderr}"
    used = cpu_seconds(rival.pid) - before if rival.pid else 0
    done = int(re.search(r"processed: (\d+)/", result.stdout)[1])
    return {
        "cpu_ms_per_1000": used * 1e6 / done,
        "latency_ms": float(re.search(r"latency average = ([\d.]+) ms", result.stdout)[1]),
        "per_s": float(re.search(r"tps = ([\d.]+)", result.stdout)[1]),
    }


def _cell(found, mode, clients):
    def of(name, key):
        return [result[key] for result in found[name]]

    cell = {"mode": mode, "clients": clients, "rivals": {}}
    for name in found:
        cell["rivals"][name] = {
            key: spread(of(name, key)) for key in ("cpu_ms_per_1000", "latency_ms", "per_s")
        }
    cpu = {name: of(name, "cpu_ms_per_1000") for name in found if name != "direct"}
    cell["cpu_ratio"] = {
        name: ratio(values, cpu["pgbouncer"]) for name, values in cpu.items() if name != "pgbouncer"
    }
    direct = of("direct", "latency_ms")
    added = {
        name: [mine - bare for mine, bare in zip(of(name, "latency_ms"), direct)] for name in cpu
    }
    cell["added_ms"] = {name: spread(values) for name, values in added.items()}
    cell["added_ratio"] = {
        name: ratio(values, added["pgbouncer"]) for name, values in added.items() if name != "pgbouncer"
    }
    return cell


def measure(server, binaries, quick, say):
    plan = _Plan(quick)
    subprocess.run(
        [str(BIN / "pgbench"), "-i", "-q", "-s", "1", "--unlogged-tables"],
        env=server.target(user="trusted").environment(), capture_output=True, check=True,
    )
    compared = []
    try:
        compared.append(rivals.Direct(server))
        compared.append(rivals.relay(binaries / "epoll_relay", server.port))
        compared.append(rivals.pgbouncer(server.port))
        compared.append(
            rivals.LoadlineRival(server, name="loadline, 1 worker", workers=1, limit=LIMIT)
        )
        compared.append(rivals.LoadlineRival(server, name="loadline, default workers", limit=LIMIT))
        by_name = {rival.name: rival for rival in compared}
        cells = []
        for mode in MODES:
            for clients in plan.client_counts:
                say(f"overhead: {mode}, {clients} clients")
                queries = plan.queries[clients]
                found = in_turns(
                    lambda name: _run(by_name[name], mode, clients, queries),  # noqa: B023
                    list(by_name), plan.rounds,
                )
                cells.append(_cell(found, mode, clients))
    finally:
        for rival in compared:
            rival.close()
    command = " ".join(_pgbench_command("MODE", 8, plan.queries[8]))
    return {"rounds": plan.rounds, "command": command, "cells": cells}


def _figure(value, digits=1):
    return f"{value['median']:.{digits}f}"


def _ratio_text(value):
    if value is None:
        return "-"
    return f"{value['median']:.2f} ({value['least']:.2f} to {value['most']:.2f})"


def markdown(result):
    ours = "loadline, 1 worker"
    names = ["relay", "pgbouncer", ours, "loadline, default workers"]
    lines = [
        f"CPU milliseconds of the proxy per 1,000 queries: median of {result['rounds']} rounds. The ratio"
        " is of Loadline with one worker to PgBouncer, pair by pair: median (least to most).",
        "",
        "| mode | clients | " + " | ".join(names) + f" | ratio, target {TARGET_CPU:.1f} |",
        "| --- " * (len(names) + 3) + "|",
    ]
    for cell in result["cells"]:
        figures = [_figure(cell["rivals"][name]["cpu_ms_per_1000"]) for name in names]
        lines.append(
            f"| {cell['mode']} | {cell['clients']} | " + " | ".join(figures)
            + f" | {_ratio_text(cell['cpu_ratio'][ours])} |"
        )
    lines += [
        "",
        "Mean latency at one client, in microseconds: direct, and what each adds.",
        "",
        "| mode | direct | " + " | ".join(names) + f" | ratio, target {TARGET_LATENCY} |",
        "| --- " * (len(names) + 3) + "|",
    ]
    for cell in result["cells"]:
        if cell["clients"] != 1:
            continue
        direct = cell["rivals"]["direct"]["latency_ms"]["median"] * 1000
        added = [f"+{cell['added_ms'][name]['median'] * 1000:.0f}" for name in names]
        lines.append(
            f"| {cell['mode']} | {direct:.0f} | " + " | ".join(added)
            + f" | {_ratio_text(cell['added_ratio'][ours])} |"
        )
    lines += ["", "Queries per second.", "", "| mode | clients | direct | " + " | ".join(names) + " |",
              "| --- " * (len(names) + 3) + "|"]
    for cell in result["cells"]:
        figures = [_figure(cell["rivals"][name]["per_s"], 0) for name in ["direct", *names]]
        lines.append(f"| {cell['mode']} | {cell['clients']} | " + " | ".join(figures) + " |")
    lines += ["", f"Each figure is from `{result['command']}`, with the mode and clients of its row."]
    return lines
