# SPDX-License-Identifier: Apache-2.0
"""What one decision of the gate costs, from gate_bench."""

import json
import subprocess

# Nanoseconds, by benchmark.
TARGETS = {"BM_OfferAndComplete": 200, "BM_OfferAndComplete/real_time/threads:2": 1000}


def measure(_server, binaries, quick, say):
    say("decision: gate_bench")
    command = [
        str(binaries / "gate_bench"), "--benchmark_format=json",
        f"--benchmark_repetitions={3 if quick else 7}", f"--benchmark_min_time={0.1 if quick else 0.3}",
    ]
    result = subprocess.run(command, capture_output=True, text=True, check=True)
    runs = {}
    for run in json.loads(result.stdout)["benchmarks"]:
        if run["run_type"] != "aggregate" or run["aggregate_name"] not in ("median", "stddev"):
            continue
        entry = runs.setdefault(run["run_name"], {"threads": run["threads"]})
        assert run["time_unit"] == "ns", run
        # Wall time is per iteration of all threads together: a thread waits for that times threads.
        entry[run["aggregate_name"]] = {
            "cpu_ns": run["cpu_time"], "wall_ns": run["real_time"] * run["threads"],
            "allocations": run["allocations"],
        }
    return {"command": " ".join(["gate_bench", *command[1:]]), "runs": runs}


def markdown(result):
    lines = [
        f"`{result['command']}`, medians. A thread's CPU time per iteration, and the wall time that it"
        " took.",
        "",
        "| benchmark | threads | CPU ns | wall ns | allocations | target |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    for name, run in result["runs"].items():
        median = run["median"]
        target = f"< {TARGETS[name]} ns, none allocated" if name in TARGETS else ""
        lines.append(
            f"| {name.removeprefix('BM_')} | {run['threads']} | {median['cpu_ns']:.0f} |"
            f" {median['wall_ns']:.0f} | {median['allocations']:.3f} | {target} |"
        )
    return lines
