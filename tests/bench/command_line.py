# SPDX-License-Identifier: Apache-2.0
"""scripts/bench: runs the parts asked for, keeps their figures as JSON, prints their tables."""

import argparse
import json
import pathlib
import sys
import tempfile
import time

from bench import decision, document, idle, machine, overhead, overload, tenants
from support.loadline import BINARY, ROOT
from support.postgres import ClusterTemplate, PostgresServer

PARTS = {"overhead": overhead, "idle": idle, "decision": decision, "overload": overload,
         "tenants": tenants}
OUT = ROOT / "out/bench"


def _arguments():
    parser = argparse.ArgumentParser(
        prog="scripts/bench",
        description="Compares direct, PgBouncer and Loadline. Figures go to out/bench/PART.json.",
    )
    parser.add_argument(
        "part", nargs="?", default="all", choices=[*PARTS, "all", "report"],
        help="report: measure nothing, print what out/bench has",
    )
    parser.add_argument("--quick", action="store_true", help="fewer points and rounds: some 6 minutes for all")
    parser.add_argument("--write", action="store_true", help="put the tables into docs/benchmarks.md")
    return parser.parse_args()


def _say(text):
    print(time.strftime("%H:%M:%S"), text, file=sys.stderr, flush=True)


def _measure(part, template, folder, quick):
    described = machine.description()
    neighbours = machine.Neighbours()
    # A server of its own, so that its CPU time counts as ours once it has ended.
    settings = getattr(PARTS[part], "SERVER_SETTINGS", None)
    with PostgresServer(template, folder, settings=settings) as server:
        figures = PARTS[part].measure(server, pathlib.Path(BINARY).parent, quick, _say)
    return {
        "machine": described, "quick": quick, "neighbours": neighbours.share(), "figures": figures,
    }


def _measure_all(parts, quick):
    OUT.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="loadline-bench-") as name:
        folder = pathlib.Path(name)
        folder.chmod(0o755)
        # What the parts need for a while goes there, too, and goes away with it.
        tempfile.tempdir = name
        template = ClusterTemplate(folder / "template")
        for part in parts:
            result = _measure(part, template, folder / part, quick)
            (OUT / f"{part}.json").write_text(json.dumps(result, indent=1), encoding="utf-8")


def main():
    arguments = _arguments()
    parts = list(PARTS) if arguments.part in ("all", "report") else [arguments.part]
    if arguments.part == "report":
        parts = [part for part in parts if (OUT / f"{part}.json").exists()]
    else:
        _measure_all(parts, arguments.quick)
    sections = {}
    for part in parts:
        result = json.loads((OUT / f"{part}.json").read_text(encoding="utf-8"))
        sections[part] = document.section(part, result, PARTS[part].markdown)
        print(f"\n## {part}\n\n{sections[part]}")
    if arguments.write:
        document.rewrite(sections)
    return 0


if __name__ == "__main__":
    sys.exit(main())
