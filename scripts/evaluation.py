# SPDX-License-Identifier: Apache-2.0
"""Runs `loadline simulate` for scripts/evaluate and writes what came of it into the document."""

import argparse
import datetime
import json
import os
import pathlib
import subprocess
import sys
import tempfile

import evaluation_tables as tables

ROOT = pathlib.Path(__file__).resolve().parent.parent
DOCUMENT = ROOT / "docs/engine-evaluation.md"
PICTURES = ROOT / "docs/pictures"
SCENARIOS = "examples/scenarios"

NINE = ("steady-2x", "spike-10x", "freeze-5s", "capacity-drop", "oltp-olap", "noisy-tenant", "hot-row",
        "low-load-batches", "io-shift")
LOADS = ("steady-1.2x", "steady-2x", "steady-5x", "steady-10x")
FURTHER = ("checkpoints", "cold-cache", "cold-start-2x", "connection-storm", "heavy-tail",
           "lock-transactions", "low-load", "mix-change", "replica-lag", "restart", "short-deadline",
           "slow-trickle")
DATABASES = "usl,cores"
SERVICES = "lognormal-0.5,exponential,lognormal-2,hyperexponential"
BASELINES = ("fifo-long", "fifo-short", "token-bucket", "codel-lifo", "gradient2", "envoy", "vegas",
             "dagor", "cinnamon")
FEW = ("default", "rejector-off", "fifo-long", "gradient2")
LOCK_LOADS = (0.5, 1, 2, 5, 9)  # Of the plain operations beside the transactions.
DRIFT_LOADS = (1.2, 1.5)
REPLICA = ("replica-lag", "replica-slow")
REPLICA_POLICIES = ("default", "examples/5-replica-lag.yaml")
PICTURED = ("steady-2x", "spike-10x", "io-shift")

REJECTOR_OFF = """\
listeners:
  - {listen: "127.0.0.1:6432", upstream: main}
upstreams:
  main: {primary: "127.0.0.1:5432", gate: {rejector: off}}
"""


class Simulator:
    def __init__(self, binary, folder, jobs):
        self.binary, self.folder, self.jobs = binary, folder, str(jobs)
        (folder / "rejector-off.yaml").write_text(REJECTOR_OFF)
        self.commands = []

    def cells(self, policy, scenarios, seeds, *flags, keep_series=False):
        """The cells of one policy, as in the JSON, without what is long and not asked for."""
        arguments = [*self._files(scenarios), "--seeds", str(seeds), *flags]
        path = self.folder / "cells.json"
        self._run(policy, [*arguments, "--jobs", self.jobs, "--json", str(path)])
        cells = json.loads(path.read_text())["cells"]
        path.unlink()
        for cell in cells:
            for run in cell["runs"]:
                if run["unfinished"]:
                    sys.exit(f"{cell['scenario']}: {run['unfinished']} attempts never ended")
                if not keep_series:
                    del run["series"]
        return cells

    def picture(self, scenario, path):
        flags = [word for name in ("fifo-long", "gradient2") for word in ("--policy", name)]
        self._run("default", [*self._files([scenario]), *flags, "--picture", str(path)])

    @staticmethod
    def _files(scenarios):
        return [f"{SCENARIOS}/{name}.yaml" for name in scenarios]

    def _run(self, policy, arguments):
        print(f"    {policy} {' '.join(arguments)}"[:110], file=sys.stderr, flush=True)
        if policy == "rejector-off":
            policy = str(self.folder / "rejector-off.yaml")
        done = subprocess.run([self.binary, "simulate", policy, *arguments], cwd=ROOT,
                              stdout=subprocess.DEVNULL, check=False)
        if done.returncode != 0:
            sys.exit(f"loadline simulate: exit code {done.returncode}")


def first_line(*command):
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    return done.stdout.strip().split("\n")[0]


def describe(arguments, seeds):
    """One line: when, of what, and with which command the results were made."""
    commit = first_line("git", "rev-parse", "--short", "HEAD") or "no commit"
    if first_line("git", "status", "--porcelain", "shedder", "proxy/simulator", "examples/scenarios"):
        commit += " and changes that are not committed"
    now = datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%d %H:%M UTC")
    flags = " --quick" if arguments.quick else ""
    count = f"{seeds} seeds" if seeds > 1 else "1 seed: too few to compare small differences"
    return f"*{now}, commit {commit}, `scripts/evaluate{flags}`, {count}.*"


def measure(simulator, arguments, seeds):
    """All cells by the part of the evaluation they belong to, each {policy: [cell]}."""
    grid = ("--database", DATABASES, "--service", SERVICES)
    both = ("--database", DATABASES)
    parts = {"nine": {}, "loads": {}, "further": {}}
    for policy in ("default", "rejector-off", *BASELINES):
        parts["nine"][policy] = simulator.cells(policy, NINE, seeds, *grid)
    # Twelve runs for each, so fewer.
    few = ("--database", DATABASES, "--service", "exponential") if arguments.quick else grid
    parts["nine"]["static-best"] = simulator.cells("static-best", NINE, (seeds + 2) // 3, *few)
    for policy in FEW:
        parts["loads"][policy] = simulator.cells(policy, LOADS, seeds, *both)
        parts["further"][policy] = simulator.cells(policy, FURTHER, seeds)
    parts["locks"] = {load: simulator.cells("default", ["lock-transactions"], seeds, "--load", str(load))
                      for load in LOCK_LOADS}
    parts["replica"] = {policy: simulator.cells(policy, REPLICA, seeds) for policy in REPLICA_POLICIES}
    length = "25m" if arguments.quick else "8h"
    parts["drift"] = {load: simulator.cells("default", ["drift"], 1, "--load", str(load), "--length",
                                            length, keep_series=True)
                      for load in DRIFT_LOADS}
    return parts


def replace_between(text, name, new):
    begin, end = f"<!-- results: {name} -->\n", f"<!-- end: {name} -->"
    before, found, rest = text.partition(begin)
    _, found_end, after = rest.partition(end)
    if not found or not found_end:
        sys.exit(f"{DOCUMENT}: no place for '{name}'")
    return f"{before}{begin}{new.strip()}\n{end}{after}"


def write_document(parts, description):
    text = DOCUMENT.read_text()
    for name, content in tables.sections(parts, description).items():
        text = replace_between(text, name, content)
    DOCUMENT.write_text(text)


def parse_arguments():
    parser = argparse.ArgumentParser(prog="scripts/evaluate", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="one seed, short drift")
    parser.add_argument("--seeds", type=int, help="10, or 1 if quick")
    parser.add_argument("--jobs", type=int, default=os.cpu_count(), help="threads: %(default)s")
    return parser.parse_args()


def main():
    arguments = parse_arguments()
    binary = os.environ.get("LOADLINE_BIN") or str(ROOT / "build/release/loadline")
    if not os.access(binary, os.X_OK):
        sys.exit(f"{binary}: not there. cmake --preset release && cmake --build --preset release")
    seeds = arguments.seeds or (1 if arguments.quick else 10)
    with tempfile.TemporaryDirectory() as folder:
        simulator = Simulator(os.path.abspath(binary), pathlib.Path(folder), arguments.jobs)
        description = describe(arguments, seeds)
        parts = measure(simulator, arguments, seeds)
        PICTURES.mkdir(exist_ok=True)
        for scenario in PICTURED:
            simulator.picture(scenario, PICTURES / f"{scenario}.svg")
    write_document(parts, description)
    print(f"written: {DOCUMENT.relative_to(ROOT)}, {PICTURES.relative_to(ROOT)}/*.svg")


if __name__ == "__main__":
    main()
