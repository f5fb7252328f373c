# SPDX-License-Identifier: Apache-2.0
"""A noisy neighbour: ten tenants that fit, and one that asks for twenty times as much as each of them."""

import contextlib
import pathlib
import tempfile

from bench import load, rivals, workloads

TENANTS = 10
EACH_OF_CAPACITY = 0.05
NOISY_TIMES = 20
CONNECTIONS = {"tenant": 20, "noisy": 300}
ATTEMPTS = 3
SERVER_SETTINGS = {"max_connections": 700, "shared_buffers": "256MB"}
TARGET_OTHERS = 0.95


def _classes(scripts, capacity, *, noisy):
    each = EACH_OF_CAPACITY * capacity
    tenants = [(f"tenant{i}", each, CONNECTIONS["tenant"]) for i in range(TENANTS)]
    if noisy:
        tenants.append(("noisy", NOISY_TIMES * each, CONNECTIONS["noisy"]))
    arguments = []
    for name, rate, connections in tenants:
        arguments += [
            "--class",
            f"name={name},tenant={name},tier=t3,rate={rate:.1f},connections={connections},"
            f"attempts={ATTEMPTS},retry_after=shed+error,{scripts.of_class}",
        ]
    return arguments


def _run(rival, scripts, capacity, quick, *, noisy):
    report, command = load.bench(
        rival.target(), *_classes(scripts, capacity, noisy=noisy),
        "--phase", "1x:4s" if quick else "1x:10s", "--warmup", "2s", "--drain", "1500ms",
    )
    shares = {
        row["class"]: row["good"] / row["offered"] for row in report["results"]
        if row["measured"] and row["class"] != "*"
    }
    noisy_share = shares.pop("noisy", None)
    return {
        "rival": rival.name, "noisy": noisy, "command": command, "noisy_good": noisy_share,
        "others_good": sum(shares.values()) / len(shares), "worst_good": min(shares.values()),
    }


def measure(server, _binaries, quick, say):
    with tempfile.TemporaryDirectory(prefix="loadline-bench-scripts-") as name, contextlib.ExitStack() as stack:
        scripts = load.Scripts(workloads.CPU_BOUND, pathlib.Path(name))
        sweep, _ = load.closed(server, workloads.CPU_BOUND, scripts, (4, 8, 16), "2s")
        best = max(sweep, key=sweep.get)
        say(f"tenants: capacity {sweep[best]:.0f}/s at {best}")
        compared = [
            rivals.LoadlineRival(server, pool={"backends_max": 650}),
            rivals.pgbouncer(server.port, name=f"pgbouncer, pool of {best}", mode="transaction", pool_size=best),
        ]
        for rival in compared:
            stack.callback(rival.close)
        runs = []
        for rival in compared:
            for noisy in (False, True):
                runs.append(_run(rival, scripts, sweep[best], quick, noisy=noisy))
                say(f"  {rival.name}, {'noisy' if noisy else 'quiet'}: others {runs[-1]['others_good']:.1%}")
        return {"capacity_per_s": sweep[best], "best_concurrency": best, "runs": runs}


def _percent(value):
    return "-" if value is None else f"{value:.1%}"


def markdown(result):
    ours = {run["noisy"]: run for run in result["runs"] if run["rival"] == "loadline"}
    kept = ours[True]["others_good"] / ours[False]["others_good"]
    return [
        f"{TENANTS} tenants, each with {EACH_OF_CAPACITY:.0%} of the capacity"
        f" ({result['capacity_per_s']:.0f}/s, CPU-bound), all of them t3, and beside them one with {NOISY_TIMES}"
        " times as much as each. Good: answered within a second.",
        "",
        "| through | noisy tenant | the ten, good | the worst of them | the noisy one |",
        "| --- | --- | --- | --- | --- |",
        *(
            f"| {run['rival']} | {'there' if run['noisy'] else 'not there'} | {_percent(run['others_good'])}"
            f" | {_percent(run['worst_good'])} | {_percent(run['noisy_good'])} |"
            for run in result["runs"]
        ),
        "",
        f"Behind Loadline the ten keep {kept:.0%} of what they get without the noisy one, target"
        f" {TARGET_OTHERS:.0%}. Load: `{result['runs'][1]['command'].partition(' --class ')[0]} …`.",
    ]
