# SPDX-License-Identifier: Apache-2.0
"""Where and with what a figure was measured: without it a figure means nothing."""

import datetime
import os
import pathlib
import platform
import subprocess

from support.loadline import BINARY, ROOT
from support.postgres import BIN


def _first_line(*command):
    result = subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT)
    return (result.stdout or result.stderr).strip().splitlines()[0] if result.returncode == 0 else ""


def _cpu_model():
    for line in pathlib.Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()


def _memory_gib():
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30


def description():
    """What doesn't change during a run."""
    return {
        "date": datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%d %H:%M UTC"),
        "cpu": _cpu_model(),
        "cores": len(os.sched_getaffinity(0)),
        "memory_gib": round(_memory_gib(), 1),
        "kernel": platform.release(),
        "loadline": _first_line(BINARY, "--version"),
        "commit": _first_line("git", "rev-parse", "--short", "HEAD") or "not committed",
        "postgres": _first_line(str(BIN / "postgres"), "--version"),
        "pgbouncer": _first_line("pgbouncer", "--version"),
    }


class Neighbours:
    """How much of the machine others used meanwhile."""

    def __init__(self):
        self._before = self._busy_and_total()
        self._own_before = self._own()

    @staticmethod
    def _busy_and_total():
        fields = list(map(int, pathlib.Path("/proc/stat").read_text().split("\n")[0].split()[1:9]))
        idle = fields[3] + fields[4]
        return sum(fields) - idle, sum(fields)

    @staticmethod
    def _own():
        times = os.times()
        return times.user + times.system + times.children_user + times.children_system

    def share(self):
        """0..1 of all cores, by processes that aren't descendants of this one which have ended.

        To be asked once everything that was started has been waited for.
        """
        busy, total = self._busy_and_total()
        ticks = os.sysconf("SC_CLK_TCK")
        others = (busy - self._before[0]) / ticks - (self._own() - self._own_before)
        return max(0.0, others / max((total - self._before[1]) / ticks, 1e-9))
