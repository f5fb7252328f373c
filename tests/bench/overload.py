# SPDX-License-Identifier: Apache-2.0
"""More load than the database can take: how much of its capacity is still of use to anybody.

Open loop, from 0.5 to 10 times the capacity. Capacity is the best goodput of any fixed concurrency,
measured in the same session straight at the database. Tier t1 always offers a quarter of the capacity,
so it fits whatever the others do; t3 and t5 share the rest. All clients have a deadline of a second
and try again up to twice when they are shed.
"""

import contextlib
import os
import pathlib
import signal
import tempfile
import threading
import time

from bench import load, rivals, workloads
from bench.clocks import cpu_seconds, tree_cpu_seconds
from bench.limit_log import LimitLog

T1_SHARE = 0.25
ATTEMPTS = 3
# More than can be answered within the deadline: with fewer, the clients' own pools would be what limits
# the load, and a benchmark of those.
CONNECTIONS = {"t1": 100, "t3": 400, "t5": 400}
BACKENDS_MAX = 950
# Room for those and for looking on. Commits reach the disk: that is how long hot rows stay locked.
SERVER_SETTINGS = {
    "max_connections": 1000, "shared_buffers": "256MB", "max_wal_size": "1GB",
    "fsync": "on", "synchronous_commit": "on",
}
TARGET_GOODPUT = 0.90
TARGET_T1 = 0.99


class _Plan:
    def __init__(self, quick):
        self.multiples = (1, 5) if quick else (0.5, 1, 1.5, 2, 3, 5, 10)
        self.sweep = (1, 4, 8, 16, 32) if quick else (1, 2, 4, 8, 16, 32, 64)
        self.sweep_time = "1s" if quick else "2s"
        self.warmup_s = 2 if quick else 3
        self.duration_s = 4 if quick else 6


@contextlib.contextmanager
def _disturbed(server, workload, warmup_s):
    """Does to the server what the workload says, at the times of a run that begins now."""
    def execute(sql):
        if sql:
            with server.connect() as connection:
                connection.execute(sql)

    def disturb():
        if done.wait(warmup_s):
            return
        execute(workload.at_start)
        if not workload.stall_s or done.wait(1):
            return
        pids = server.pids()
        for pid in pids:
            os.kill(pid, signal.SIGSTOP)
        time.sleep(workload.stall_s)
        for pid in pids:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGCONT)

    execute(workload.before_run)
    done = threading.Event()
    thread = threading.Thread(target=disturb)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()


def _classes(scripts, capacity, multiple):
    rest = (multiple - T1_SHARE) / 2
    shares = {"t1": T1_SHARE, "t3": rest, "t5": rest}
    arguments = []
    for tier, share in shares.items():
        arguments += [
            "--class",
            f"name={tier},tier={tier},rate={share * capacity:.1f},connections={CONNECTIONS[tier]},"
            f"attempts={ATTEMPTS},retry_after=shed+error,{scripts.of_class}",
        ]
    return arguments


def _digest(row, capacity):
    answered, good = row["latency_answered_ms"], row["latency_good_ms"]
    return {
        "offered": row["offered"], "good": row["good"],
        "good_share": row["good"] / row["offered"] if row["offered"] else None,
        "goodput_of_capacity": row["goodput_per_s"] / capacity,
        "goodput_per_s": row["goodput_per_s"], "offered_per_s": row["offered_per_s"],
        "outcomes": {
            key: row[key]
            for key in ("good", "late", "shed", "error", "timeout", "unsent", "unfinished")
        },
        "sqlstates": row["sqlstates"], "shed_attempts": row["shed_attempts"], "retries": row["retries"],
        "answered_p50_ms": answered["p50"], "answered_p99_ms": answered["p99"],
        "good_p99_ms": good["p99"], "time_to_shed_p99_ms": row["time_to_shed_ms"]["p99"],
    }


def _overload_one(rival, server, workload, scripts, capacity, multiple, plan):
    postmaster = server.pids()[0]
    proxy_before, database_before = cpu_seconds(rival.pid), tree_cpu_seconds(postmaster)
    is_ours = isinstance(rival, rivals.LoadlineRival)
    watch = LimitLog(rival.proxy) if is_ours else contextlib.nullcontext()
    with watch as log, _disturbed(server, workload, plan.warmup_s):
        report, command = load.bench(
            rival.target(), *_classes(scripts, capacity, multiple),
            "--phase", f"1x:{plan.duration_s}s", "--warmup", f"{plan.warmup_s}s", "--drain", "1500ms",
        )
    # Of the whole run, warm-up included, as the CPU times are.
    good_of_run = sum(row["good"] for row in report["results"] if row["class"] == "*")
    found = {
        row["class"]: _digest(row, capacity) for row in report["results"] if row["measured"]
    }
    return {
        "rival": rival.name, "multiple": multiple, "command": command, "classes": found,
        "database_cpu_ms_per_good":
            (tree_cpu_seconds(postmaster) - database_before) * 1e3 / max(good_of_run, 1),
        "proxy_cpu_ms_per_good": (cpu_seconds(rival.pid) - proxy_before) * 1e3 / max(good_of_run, 1),
        "generator": report["generator"], "connections": report["connections"],
        "limit_log": log.samples if is_ours else None, "gate_shed": log.shed if is_ours else None,
    }


def _rivals(server, stack, best):
    def enter(rival):
        stack.callback(rival.close)
        return rival

    return [
        enter(rivals.LoadlineRival(server, pool={"backends_max": BACKENDS_MAX})),
        enter(rivals.pgbouncer(
            server.port, name=f"pgbouncer, pool of {best}", mode="transaction", pool_size=best,
        )),
        enter(rivals.pgbouncer(
            server.port, name="pgbouncer, pool of 20 (default)", mode="transaction", pool_size=20,
        )),
    ]


def _measure_workload(server, workload, folder, plan, say):
    scripts = load.Scripts(workload, folder)
    if workload.setup:
        with server.connect() as connection:
            connection.execute(workload.setup)
    say(f"overload, {workload.name}: sweep of fixed concurrencies")
    sweep, sweep_command = load.closed(server, workload, scripts, plan.sweep, plan.sweep_time)
    best = max(sweep, key=sweep.get)
    capacity = sweep[best]
    say(f"overload, {workload.name}: capacity {capacity:.0f}/s at {best}")
    runs, again = [], []
    with contextlib.ExitStack() as stack:
        compared = _rivals(server, stack, best)
        for index, multiple in enumerate(plan.multiples):
            again.append(load.closed(server, workload, scripts, [best], plan.sweep_time)[0][best])
            for offset in range(len(compared)):
                rival = compared[(index + offset) % len(compared)]
                say(f"overload, {workload.name}: {multiple}x through {rival.name}")
                run = _overload_one(rival, server, workload, scripts, capacity, multiple, plan)
                run["capacity_just_before_per_s"] = again[-1]
                runs.append(run)
                say(f"  {run['classes']['*']['goodput_of_capacity']:.0%} of capacity,"
                    f" t1 {run['classes']['t1']['good_share']:.1%} good")
    return {
        "what": workload.what, "scripts": workload.scripts, "sweep": sweep,
        "sweep_command": sweep_command, "best_concurrency": best, "capacity_per_s": capacity,
        "capacity_again_per_s": again, "runs": runs,
    }


def measure(server, _binaries, quick, say):
    plan = _Plan(quick)
    with tempfile.TemporaryDirectory(prefix="loadline-bench-scripts-") as name:
        return {
            workload.name: _measure_workload(server, workload, pathlib.Path(name), plan, say)
            for workload in workloads.ALL
        }


def _percent(value):
    return "-" if value is None else f"{value:.0%}" if value < 0.995 else f"{value:.1%}"


def _ms(value):
    return "-" if not value else f"{value:.0f}"


def _row(run):
    everyone = run["classes"]["*"]
    outcomes, offered = everyone["outcomes"], everyone["offered"]
    too_late = (outcomes["late"] + outcomes["timeout"]) / offered
    kept_out = outcomes["shed"] / offered
    other = (outcomes["error"] + outcomes["unsent"] + outcomes["unfinished"]) / offered
    return (
        f"| {run['multiple']:g} | {run['rival']} | {_percent(everyone['goodput_of_capacity'])} | "
        + " | ".join(_percent(run["classes"][tier]["good_share"]) for tier in ("t1", "t3", "t5"))
        + f" | {_ms(everyone['answered_p50_ms'])} / {_ms(everyone['answered_p99_ms'])}"
        f" | {_ms(everyone['time_to_shed_p99_ms'])} | {kept_out:.0%} | {too_late:.0%} | {other:.0%}"
        f" | {run['database_cpu_ms_per_good']:.1f} |"
    )


def _limits_line(run):
    limits = [sample["limit"] for sample in run["limit_log"]]
    if not limits:
        return f"{run['multiple']:g}x: not seen"
    return f"{run['multiple']:g}x: " + " ".join(f"{limit:g}" for limit in limits[::4])


def _verdict(runs):
    ours = [run for run in runs if run["rival"] == "loadline"]
    at_five = next(run for run in ours if run["multiple"] == 5)
    share = at_five["classes"]["*"]["goodput_of_capacity"]
    worst_t1 = min(run["classes"]["t1"]["good_share"] for run in ours)
    return (
        f"Loadline at 5x: {share:.0%} of capacity, target {TARGET_GOODPUT:.0%}. Worst t1 of all its rows:"
        f" {worst_t1:.1%} good, target {TARGET_T1:.0%}."
    )


def markdown(result):
    lines = []
    for workload in result.values():
        sweep = ", ".join(f"{c}: {g:.0f}" for c, g in workload["sweep"].items())
        again = sorted(workload["capacity_again_per_s"])
        lines += [
            f"**{workload['what'][0].upper()}{workload['what'][1:]}.** Capacity"
            f" {workload['capacity_per_s']:.0f}/s at {workload['best_concurrency']} (goodput per second by"
            f" concurrency: {sweep}; the best one again between the runs: {again[0]:.0f} to"
            f" {again[-1]:.0f}).",
            "",
            "| load | through | goodput, of capacity | t1 good | t3 good | t5 good | p50 / p99 of answers, ms"
            " | p99 to a shed, ms | shed | too late | not sent, errors | database CPU ms per good answer |",
            "| --- " * 12 + "|",
            *map(_row, workload["runs"]),
            "",
            _verdict(workload["runs"]),
            "",
            "Loadline's limit, once a second: "
            + "; ".join(_limits_line(run) for run in workload["runs"] if run["limit_log"] is not None)
            + ".",
            "",
            f"Capacity: `{workload['sweep_command']}`. Load, of one row:"
            f" `{workload['runs'][-1]['command']}`.",
            "",
        ]
    return lines[:-1]
