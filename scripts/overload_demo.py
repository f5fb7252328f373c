# SPDX-License-Identifier: Apache-2.0
"""The demo: one overloaded Postgres, first behind a fixed FIFO pool, then behind Loadline as it comes.

scripts/demo builds Loadline and starts this. Everything that is started here ends with it, also after Ctrl-C.
"""

import argparse
import contextlib
import dataclasses
import json
import os
import pathlib
import re
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time

import overload_picture
from bench.machine import Neighbours
from support.loadline import BINARY, Loadline
from support.postgres import ClusterTemplate, PostgresServer

ROOT = pathlib.Path(__file__).resolve().parents[1]

# What users ask for: each tier's share of the load, and the connections that its clients may have.
# At ten times the capacity t1 alone is still half of what the database can do: nothing has to be lost of it.
TIERS = {"t1": (5, 40), "t3": (20, 100), "t5": (75, 200)}
CONNECTIONS = sum(connections for _, connections in TIERS.values())
DEADLINE = "1s"
ATTEMPTS = 3
PHASES = (("1x", 1), ("3x", 3), ("10x", 10), ("1x again", 1))
WARMUP_S = 2
SWEEP = (1, 2, 4, 8, 16, 32)
# Two rates that differ by less are the same, in measurements as short as these.
NOISE = 0.03
# Above this share of the machine other programs make the figures doubtful: see docs/demo.md.
OTHERS_MAX = 0.1
# Long enough that the generator's own work doesn't count: ten times the capacity stays around 2,000 operations
# per second.
STATEMENT_MS = 10
# More cores than this only make the load that has to be generated larger.
DATABASE_CORES = 2

FIFO = "fixed pool"
SHEDDING = "Loadline"
TITLES = {FIFO: "Through a fixed pool, first come first served", SHEDDING: "Through Loadline with its defaults"}


class Failure(Exception):
    """The demo can't go on; the text says why."""


class Interruption:
    """Turns the first SIGINT, SIGTERM or SIGHUP into a KeyboardInterrupt; what cleans up is not interrupted again.

    While something is being started the exception waits, or a process could live that nobody knows of yet.
    """

    def __init__(self):
        self._came = self._waits = False
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, self._interrupt)

    def _interrupt(self, *_):
        if self._came:
            return
        self._came = True
        if not self._waits:
            raise KeyboardInterrupt

    @contextlib.contextmanager
    def waits(self):
        self._waits = True
        try:
            yield
        finally:
            self._waits = False
        if self._came:
            raise KeyboardInterrupt


class Progress:
    """One line that is rewritten on a terminal; elsewhere a line whenever something new begins."""

    def __init__(self, planned_s):
        self._end = time.monotonic() + planned_s
        self._is_terminal = sys.stdout.isatty()
        self._what = None

    def show(self, what, details=""):
        left = max(0, round(self._end - time.monotonic()))
        if self._is_terminal:
            columns = shutil.get_terminal_size().columns
            line = f"[{left:3} s left] {what}{'  ' if details else ''}{details}"
            print(f"\r\033[K{line[: columns - 1]}", end="", flush=True)
        elif what != self._what:
            print(f"[{left:3} s left] {what}", flush=True)
        self._what = what

    def say(self, text):
        print(("\r\033[K" if self._is_terminal else "") + text, flush=True)


class Bench:
    """Runs of `loadline bench`, one after the other. Leaving the context ends one that is under way."""

    def __init__(self, folder, progress, interruption):
        self._folder = folder
        self._progress = progress
        self._interruption = interruption
        self._running = None

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self._running and self._running.poll() is None:
            self._running.kill()
            self._running.wait()

    def run(self, what, target, sql, *arguments):
        """The report of one run; its progress lines become ours."""
        report = self._folder / "bench.json"
        url = f"postgres://{target.user}@{target.host}:{target.port}/{target.dbname}"
        command = [BINARY, "bench", "--url", url, "--sql", sql, "--json", str(report), *arguments]
        self._progress.show(what)
        said = []
        # Of its own session, so that a Ctrl-C on the terminal is ours to deal with.
        with self._interruption.waits():
            self._running = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
                text=True, start_new_session=True,
            )
        for line in self._running.stderr:
            said.append(line)
            now = re.match(r" *\d+ s  (.*?)  +offered +(\d+) good (\d+)", line)
            if now:
                phase, offered, good = now.groups()
                self._progress.show(f"{what}: {phase}", f"offered {offered}/s, in time {good}/s")
        if self._running.wait() != 0:
            raise Failure(f"{' '.join(command)}\nended with {self._running.returncode}:\n{''.join(said[-20:])}")
        return json.loads(report.read_text())


@dataclasses.dataclass(frozen=True)
class Capacity:
    per_s: float  # Statements per second at the best number of simultaneous ones.
    concurrency: int  # That number; of equals the smallest.
    sweep: dict  # Statements per second at each number.


def isolate(database):
    """Lets load and proxy run the moment they can, as on machines of their own. Returns the database's cores.

    They need a few percent of a core, but among dozens of backends that all want to compute they would get it late.
    Both modes have the same advantage, and so has the measurement of the capacity.
    """
    cores = sorted(os.sched_getaffinity(0))
    postgres = database.pids()
    try:
        os.sched_setscheduler(0, os.SCHED_RR, os.sched_param(1))  # Inherited by what is started from here on.
    except PermissionError:
        for pid in postgres:
            os.setpriority(os.PRIO_PROCESS, pid, 10)
    if len(cores) >= 2 * DATABASE_CORES:
        for pid in postgres:
            os.sched_setaffinity(pid, cores[:DATABASE_CORES])
        os.sched_setaffinity(0, cores[DATABASE_CORES:])
    return min(len(cores), DATABASE_CORES)


def calibrate(database):
    """A statement that takes about STATEMENT_MS of CPU here, and needs no table."""
    def statement(rows):
        return f"SELECT count(md5(i::text)) FROM generate_series(1, {rows}) AS i"

    rows = 5000
    with database.connect() as connection:
        times = []
        for _ in range(10):
            start = time.monotonic()
            connection.execute(statement(rows))
            times.append(time.monotonic() - start)
    # The median of the faster half: the first runs, and the machine's other work, don't count.
    typical_ms = statistics.median(sorted(times)[:5]) * 1000
    return statement(max(1000, int(rows * STATEMENT_MS / typical_ms)))


def measure_capacity(bench, database, sql, seconds):
    report = bench.run(
        "measuring the capacity, users at once", database.target(), sql, "--mode", "closed", "--rate", "1",
        "--concurrency", ",".join(map(str, SWEEP)), "--warmup", "1s", "--duration", f"{seconds}s",
        "--deadline", DEADLINE,
    )
    best = report["capacity"]["goodput_per_s"]
    if best < 1:
        raise Failure("Postgres answered nothing in time, even without overload: is this machine very busy?")
    sweep = {phase["concurrency"]: row_of(report, phase["name"], "*")["goodput_per_s"]
             for phase in report["scenario"]["phases"] if phase["measured"]}
    # Of sizes that do equally well, the smallest has the shortest service times: the best pool there is.
    size = min(users for users, per_s in sweep.items() if per_s >= (1 - NOISE) * best)
    return Capacity(best, size, sweep)


def start_loadline(stack, interruption, database, folder, **options):
    """Loadline with the given gate and top-level keys. It must end cleanly, too, or the demo has failed."""
    folder.mkdir()
    proxy = Loadline(database, folder, pool={"backends_max": CONNECTIONS + 20}, **options)

    def close():
        problems = proxy.close()
        if problems and not sys.exc_info()[0]:
            raise Failure("Loadline did not end cleanly:\n" + "\n".join(problems))

    stack.callback(close)
    with interruption.waits():
        proxy.start()
    return proxy


def fixed_pool_settings(size):
    """What makes Loadline a plain pool: so many at once, the others in one line for as long as it takes."""
    return {
        "gate": {
            "limit": size, "wait_max": "1m", "pressure_after": "1m", "deadline": "1h", "waiting_max": 1000000,
        },
        # One tier for all, whatever their tags say.
        "top": {"workers": "auto", "policies": [{"match": {}, "tier": "t3"}]},
    }


DEFAULT_SETTINGS = {"gate": {"limit": "auto"}, "top": {"workers": "auto"}}


def overload(bench, mode, proxy, sql, capacity, seconds):
    classes = []
    for tier, (share, connections) in TIERS.items():
        keys = f"name={tier},tier={tier},rate={share}%,connections={connections},attempts={ATTEMPTS}"
        classes += ["--class", f"{keys},deadline={DEADLINE}"]
    phases = [word for name, times in PHASES for word in ("--phase", f"{name}={times}x:{seconds}s")]
    return bench.run(
        f"{mode}: offering", proxy.target(), sql, "--rate", f"{capacity.per_s:.3f}", *classes, *phases,
        "--warmup", f"{WARMUP_S}s",
    )


def row_of(report, phase, tier):
    rows = [r for r in report["results"] if (r["phase"], r["class"]) == (phase, tier) and r["measured"]]
    if len(rows) != 1 or not rows[0]["offered"]:
        raise Failure(f"the report has no load of {tier} in phase {phase}")
    return rows[0]


def table(reports, capacity, seconds):
    """Aligned text. Shares are of what was offered; only an answer within the deadline is a good one."""
    head = ["offered", "", "in time/s", "of capacity", *(f"{tier} in time" for tier in TIERS),
            "p50 ms", "p99 ms", "t1 p99", "shed/s", "gave up/s", "late/s", "errors/s"]
    lines = [head]
    for phase, _ in PHASES:
        for mode, report in reports.items():
            total = row_of(report, phase, "*")
            rows = {tier: row_of(report, phase, tier) for tier in TIERS}
            latency, best = total["latency_answered_ms"], rows["t1"]["latency_answered_ms"]
            lines.append([
                phase if mode == FIFO else "", mode,
                f"{total['goodput_per_s']:.0f}", f"{total['goodput_per_s'] / capacity.per_s:.0%}",
                *(f"{row['good'] / row['offered']:.1%}" for row in rows.values()),
                *(f"{d[q]:.0f}" if d["count"] else "-"
                  for d, q in ((latency, "p50"), (latency, "p99"), (best, "p99"))),
                *(f"{count / seconds:.0f}" for count in (
                    total["shed"], total["timeout"] + total["unsent"], total["late"], total["error"])),
            ])
    widths = [max(len(line[at]) for line in lines) for at in range(len(head))]
    text = []
    for number, line in enumerate(lines):
        cells = [cell.ljust(width) if at < 2 else cell.rjust(width)
                 for at, (cell, width) in enumerate(zip(line, widths))]
        text.append("  ".join(cells).rstrip())
        if number % len(reports) == 0 and number < len(lines) - 1:
            text.append("-" * (sum(widths) + 2 * (len(widths) - 1)))
    return "\n".join(text)


def picture_of(reports, capacity):
    """What overload_picture draws, out of the reports of both modes."""
    def per_second(report, member):
        series = {tier: {} for tier in TIERS}
        for sample in report["series"]:
            if sample["class"] in series:
                series[sample["class"]][sample["second"] - WARMUP_S] = sample[member]
        return series

    any_report = next(iter(reports.values()))
    spans = [
        overload_picture.Span(p["name"], p["begin_s"] - WARMUP_S, p["begin_s"] - WARMUP_S + p["duration_s"])
        for p in any_report["scenario"]["phases"] if p["measured"]
    ]
    panels = []
    for mode, report in reports.items():
        notes = []
        for phase, _ in PHASES:
            t1 = row_of(report, phase, "t1")
            share = row_of(report, phase, "*")["goodput_per_s"] / capacity.per_s
            notes.append((f"{share:.0%} of capacity", f"t1 in time: {t1['good'] / t1['offered']:.0%}"))
        panels.append(overload_picture.Panel(TITLES[mode], per_second(report, "good"), notes))
    return overload_picture.draw(
        offered=per_second(any_report, "offered"), panels=panels, spans=spans, capacity_per_s=capacity.per_s,
    )


def explain(capacity, cores, sql, seconds):
    share = {tier: f"{percent}%" for tier, (percent, _) in TIERS.items()}
    return f"""
Postgres on {cores} core{'s' if cores > 1 else ''} answers {capacity.per_s:.0f} of these per second at best, \
{capacity.concurrency} at a time:
  {sql}
Users now ask for 1x, 3x and 10x of that, then 1x again, {seconds} s each, and don't wait for one another.
{share['t1']} of it is t1 (what must not fail), {share['t3']} t3, {share['t5']} t5: t1 alone always fits. A user leaves after \
{DEADLINE}; who is
refused tries again after a back-off, up to {ATTEMPTS} times in all.
  {FIFO}: Loadline set to do what a pool does: {capacity.concurrency} at a time (the best size of {', '.join(map(str, SWEEP))}), the others in line
  {SHEDDING}:   as it comes, with everything at its default
"""


def warn_about(reports, progress):
    for mode, report in reports.items():
        for warning in report["generator"]["warnings"]:
            progress.say(f"note ({mode}): {warning}")


def parse_arguments():
    parser = argparse.ArgumentParser(
        prog="scripts/demo", description="Shows what Loadline does to an overloaded Postgres.")
    parser.add_argument("--seconds", type=int, default=8, metavar="N",
                        help="length of each of the four stretches of load, 2 to 600 (8)")
    parser.add_argument("--keep", action="store_true",
                        help="at the end leave Postgres and Loadline running until Ctrl-C")
    parser.add_argument("--out", type=pathlib.Path, default=ROOT / "out", metavar="FOLDER",
                        help="where demo.svg and demo.json go (out)")
    arguments = parser.parse_args()
    if not 2 <= arguments.seconds <= 600:
        parser.error("--seconds: expected 2 to 600")
    return arguments


def keep_running(database, proxy):
    print(f"""
Still running, until Ctrl-C:
  admin       http://127.0.0.1:{proxy.admin_port}/   (/status, /metrics)
  Loadline    psql 'postgres://postgres@{proxy.host}:{proxy.port}/postgres'
  Postgres    psql 'postgres://postgres@{database.host}:{database.port}/postgres'
  config      {proxy.config_path}
  log         {proxy.log_path}""", flush=True)
    while proxy.process.poll() is None:
        time.sleep(0.5)
    raise Failure(f"Loadline ended with {proxy.process.returncode}:\n{proxy.log_text()[-2000:]}")


def run(arguments, interruption, stack):
    seconds = arguments.seconds
    sweep_s = max(1, min(2, seconds // 3))
    progress = Progress(9 + len(SWEEP) * sweep_s + 2 * (4 * seconds + WARMUP_S + 4))
    folder = pathlib.Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="loadline-demo-")))
    folder.chmod(0o755)  # Postgres may be another user than we.

    progress.show("starting a throwaway Postgres")
    with interruption.waits():
        neighbours = Neighbours()
        template = ClusterTemplate(folder / "template")
        others = neighbours.share()
        database = PostgresServer(
            template, folder / "postgres", start=False,
            settings={"max_connections": CONNECTIONS + 60},
        )
        stack.callback(database.close)
        database.start()
    cores = isolate(database)
    bench = stack.enter_context(Bench(folder, progress, interruption))
    sql = calibrate(database)
    capacity = measure_capacity(bench, database, sql, sweep_s)
    progress.say(explain(capacity, cores, sql, seconds))

    reports = {}
    with contextlib.ExitStack() as pool_stack:
        pool = start_loadline(pool_stack, interruption, database, folder / "pool", **fixed_pool_settings(capacity.concurrency))
        reports[FIFO] = overload(bench, FIFO, pool, sql, capacity, seconds)
    proxy = start_loadline(stack, interruption, database, folder / "loadline", **DEFAULT_SETTINGS)
    reports[SHEDDING] = overload(bench, SHEDDING, proxy, sql, capacity, seconds)

    arguments.out.mkdir(parents=True, exist_ok=True)
    picture = arguments.out / "demo.svg"
    picture.write_text(picture_of(reports, capacity), encoding="utf-8")
    (arguments.out / "demo.json").write_text(
        json.dumps({"capacity": dataclasses.asdict(capacity), "statement": sql, "reports": reports}))
    progress.say(table(reports, capacity, seconds))
    warn_about(reports, progress)
    if others > OTHERS_MAX:
        progress.say(
            f"note: other programs used {others:.0%} of this machine at the start. Postgres gets more of a busy machine the"
            " more it does\nat once, so the measured capacity may be larger than it would be on a quiet one.")
    print(f"\npicture: {picture}", flush=True)
    if arguments.keep:
        keep_running(database, proxy)


def main():
    arguments = parse_arguments()
    interruption = Interruption()
    try:
        with contextlib.ExitStack() as stack:
            try:
                run(arguments, interruption, stack)
            except KeyboardInterrupt:
                print("\nstopping what was started", flush=True)
                raise
    except KeyboardInterrupt:
        return 130
    except (Failure, AssertionError, OSError) as problem:
        print(f"\ndemo: {problem}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
