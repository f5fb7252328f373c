# SPDX-License-Identifier: Apache-2.0
"""CPU time of other processes, and their memory."""

import os
import pathlib
import re
import time

_CPUCLOCK_SCHED = 2


def cpu_seconds(pid):
    """User and system time of all threads of a process, those that have ended included.

    The kernel's own account, in nanoseconds: /proc/PID/stat has only ticks of 10 ms. The number of a
    process's clock is made like clock_getcpuclockid(3) makes it.
    """
    return time.clock_gettime((~pid << 3) | _CPUCLOCK_SCHED)


def tree_cpu_seconds(pid):
    """The same of a server and its children, also of those that have ended and been waited for."""
    children = pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    ended = (int(fields[13]) + int(fields[14])) / os.sysconf("SC_CLK_TCK")
    total = cpu_seconds(pid) + ended
    for child in children:
        try:
            total += cpu_seconds(int(child))
        except OSError:
            pass  # It has just ended; the next look finds it among those waited for.
    return total


def memory_kib(pid):
    """{"private": ..., "pss": ...}: pages that are the process's own, and its share of all."""
    rollup = pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text()
    found = {k: int(v) for k, v in re.findall(r"^(\w+):\s+(\d+) kB", rollup, re.MULTILINE)}
    return {"private": found["Private_Clean"] + found["Private_Dirty"], "pss": found["Pss"]}
