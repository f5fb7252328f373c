# SPDX-License-Identifier: Apache-2.0
"""Tables of the engine's evaluation: pure text from the cells that `loadline simulate` wrote."""

from statistics import mean, median

MODES = ("default", "rejector-off")  # The engine; the others are what it is compared with.
DISTURBED = ("spike-10x", "freeze-5s", "capacity-drop")
SUSTAINED = ("steady-1.2x", "steady-2x", "steady-5x", "steady-10x")
WORST_BAR, MEAN_BAR = 0.75, 0.96
SIGNALLED, REPLICA_SETPOINT_S = "examples/5-replica-lag.yaml", 2


def goodput(run):
    return run["goodput_ratio"]


def utility(run):
    return run["utility_ratio"]


def tier(name):
    return lambda run: run["tiers"].get(name, {}).get("success")


def waiters_per_limit(run):
    return run["waiting"]["p99"] / run["limit_mean"] if run["limit_mean"] else None


def rejector_ms(run):
    return run["refusals"].get("overload", {}).get("time_ms", {}).get("p99")


def refusal_ms(run):
    """p99 of all reasons."""
    time = run["refusals"]["time_ms"]
    return time["p99"] if time["count"] else None


def shed_of_class(name):
    def get(run):
        of = run["classes"][name]
        return of["shed"] / max(of["offered"], 1)
    return get


def replica(name):
    return lambda run: run["replica"][name]


def values(cells, get, scenarios=None, **wanted):
    """get(run) of each run of each cell that is wanted, by cell, without those that have none."""
    found = []
    for cell in cells:
        if scenarios and cell["scenario"] not in scenarios:
            continue
        if any(cell[key] != value for key, value in wanted.items()):
            continue
        of_cell = [value for value in map(get, cell["runs"]) if value is not None]
        if of_cell:
            found.append(of_cell)
    return found


def mean_of_medians(by_cell):
    return mean(median(of_cell) for of_cell in by_cell) if by_cell else None


def flat(by_cell):
    return [value for of_cell in by_cell for value in of_cell]


def worst(by_cell):
    return min(flat(by_cell), default=None)


def most(by_cell):
    return max(flat(by_cell), default=None)


def recovery(by_cell):
    """The longest; infinite if a run never recovered. As in Metrics, never is negative."""
    all_values = flat(by_cell)
    if not all_values:
        return None
    return float("inf") if min(all_values) < 0 else max(all_values)


def number(value, digits=3):
    if value is None:
        return "-"
    return "never" if value == float("inf") else f"{value:.{digits}f}"


def pair(by_cell, digits=3):
    """Median and worst; of a single run, what it had."""
    if not by_cell:
        return "-"
    if len(flat(by_cell)) == 1:
        return number(worst(by_cell), digits)
    return f"{mean_of_medians(by_cell):.{digits}f} ({worst(by_cell):.{digits}f})"


def table(head, rows):
    lines = [f"| {' | '.join(head)} |", f"|{' --- |' * len(head)}"]
    return "\n".join(lines + [f"| {' | '.join(row)} |" for row in rows])


def in_order(cells, key):
    return list(dict.fromkeys(cell[key] for cell in cells))


def overview(nine):
    """A row for each policy, over all 72 cells."""
    rows = []
    for policy, cells in nine.items():
        good, useful = values(cells, goodput), values(cells, utility)
        waiting = values(cells, lambda run: run["waiting"]["mean"])
        rows.append([policy, number(mean_of_medians(good)), number(worst(good)),
                     number(mean_of_medians(useful)), number(worst(useful)),
                     number(mean_of_medians(values(cells, tier("t0"), ["steady-2x"]))),
                     number(recovery(values(cells, lambda run: run["recovery_s"], DISTURBED)), 1),
                     number(mean_of_medians(values(cells, lambda run: run["false_sheds"],
                                                   ["low-load-batches"]))),
                     number(mean_of_medians(values(cells, lambda run: run["jain"],
                                                   ["noisy-tenant"])), 2),
                     number(mean_of_medians(waiting), 0)])
    return table(["policy", "goodput", "worst run", "utility", "worst run", "t0 at 2x", "recovery, s",
                  "false sheds", "Jain, noisy tenant", "waiters"], rows)


def by_scenario(nine, get):
    """Policies as columns; the mean of the cells' medians, and the worst run."""
    policies = list(nine)
    rows = [[scenario] + [pair(values(nine[policy], get, [scenario]), 2) for policy in policies]
            for scenario in in_order(nine["default"], "scenario")]
    return table(["scenario", *policies], rows)


def engine_cells(nine):
    """The engine's cells one by one."""
    rows = []
    for cell in nine["default"]:
        runs = [cell]
        rows.append([cell["scenario"], cell["database"], cell["service"], pair(values(runs, goodput)),
                     pair(values(runs, utility)), pair(values(runs, tier("t0"))),
                     pair(values(runs, tier("t1"))),
                     number(recovery(values(runs, lambda run: run["recovery_s"])), 1),
                     number(most(values(runs, lambda run: run["false_sheds"]))),
                     number(mean_of_medians(values(runs, lambda run: run["jain"])), 2),
                     number(most(values(runs, lambda run: run["waiting"]["p99"])), 0),
                     number(mean_of_medians(values(runs, lambda run: run["limit_mean"])), 0)])
    return table(["scenario", "database", "service", "goodput", "utility", "t0", "t1", "recovery, s",
                  "false sheds", "Jain", "waiters p99", "limit"], rows)


def outcomes(parts):
    """A row for each cell and policy: for the load factors and the further scenarios."""
    rows = []
    for i, first in enumerate(parts["default"]):
        for policy, cells in parts.items():
            runs = [cells[i]]
            refused = values(runs, refusal_ms)
            rows.append([f"{first['scenario']}, {first['database']}", policy, pair(values(runs, goodput)),
                         pair(values(runs, utility)), pair(values(runs, tier("t0"))),
                         pair(values(runs, tier("t1"))),
                         number(recovery(values(runs, lambda run: run["recovery_s"])), 1),
                         number(most(values(runs, lambda run: run["false_sheds"]))),
                         number(mean_of_medians(values(runs, lambda run: run["waiting"]["mean"])), 0),
                         number(mean_of_medians(refused), 1)])
    return table(["scenario", "policy", "goodput", "utility", "t0", "t1", "recovery, s", "false sheds",
                  "waiters", "time to refuse p99, ms"], rows)


def drift_parts(run, length_s):
    """Goodput per second in the first and the last hour, or fifth; without the first ten seconds."""
    per_s = 1000 / run["series"]["step_ms"]
    part = 3600 if length_s >= 7200 else length_s / 5
    good = run["series"]["good"]

    def rate(begin_s, end_s):
        steps = good[int(begin_s * per_s):int(end_s * per_s)]
        return sum(steps) / (end_s - begin_s)
    return rate(10, part + 10), rate(length_s - part, length_s)


def drift(parts):
    rows = []
    for load, cells in parts.items():
        cell = cells[0]
        first, last = drift_parts(cell["runs"][0], cell["length_s"])
        limit = [value for value in cell["runs"][0]["series"]["limit"] if value is not None]
        tenth = len(limit) // 10
        rows.append([f"{load}", f"{cell['length_s'] / 3600:.2f} h", f"{first:.0f}", f"{last:.0f}",
                     f"{last / first:.3f}", f"{mean(limit[tenth:2 * tenth]):.0f}",
                     f"{mean(limit[-tenth:]):.0f}"])
    return table(["load", "length", "goodput/s, first hour or fifth", "last", "ratio",
                  "limit, second tenth", "last tenth"], rows)


def ratio_or_none(part, whole):
    return part / whole if part is not None and whole else None


class Bar:
    """Rows of "what is asked, how it is measured, what is asked for, what was found, is it met"."""

    def __init__(self):
        self.rows = []

    def least(self, what, found, asked, digits=3):
        self._add(what, f"≥ {asked}", found, found is not None and found >= asked, digits)

    def most(self, what, found, asked, digits=3):
        self._add(what, f"≤ {asked}", found, found is not None and found <= asked, digits)

    def _add(self, what, asked, found, met, digits):
        self.rows.append([what, asked, number(found, digits), "yes" if met else "**no**"])


def bar(parts):
    nine, loads, further = (parts[name] for name in ("nine", "loads", "further"))
    own = nine["default"]
    steady = loads["default"]
    every = own + further["default"]
    b = Bar()
    b.least("goodput/oracle, mean of the 72 cells", mean_of_medians(values(own, goodput)), MEAN_BAR)
    b.least("goodput/oracle, worst run of them", worst(values(own, goodput)), WORST_BAR)
    b.least("utility/oracle, mean of the 72 cells", mean_of_medians(values(own, utility)), MEAN_BAR)
    # Shown as 1.00: the oracle's own clients are late in the last moments of a run.
    b.least("t0's success at 1.2x and 2x, worst run", worst(
        values(steady, tier("t0"), SUSTAINED[:2]) + values(own, tier("t0"), ["steady-2x"])), 0.995)
    b.least("t1's success at 1.2x, where t0 and t1 fit, worst run",
            worst(values(steady, tier("t1"), ["steady-1.2x"])), 0.99)
    b.most("recovery of spike, freeze and capacity drop, slowest run, s",
           recovery(values(own, lambda run: run["recovery_s"], DISTURBED)), 2, 1)
    b.most("recovery of cold cache, connection storm and restart, slowest run, s", recovery(
        values(further["default"], lambda run: run["recovery_s"])), 2, 1)
    b.most("false sheds at 55% load in batches, worst run",
           most(values(own, lambda run: run["false_sheds"], ["low-load-batches"])), 0.002, 4)
    b.least("Jain's index beside a noisy tenant, mean of its cells",
            mean_of_medians(values(own, lambda run: run["jain"], ["noisy-tenant"])), 0.95, 2)
    for scenario in SUSTAINED:
        b.least(f"goodput/oracle, {scenario}, worse database's median",
                min(map(median, values(steady, goodput, [scenario]))), 0.95)
    for load, cells in parts["drift"].items():
        first, last = drift_parts(cells[0]["runs"][0], cells[0]["length_s"])
        hours = cells[0]["length_s"] / 3600
        b.least(f"last part's goodput over the first's, {hours:.2f} h at {load}x", last / first, 0.98)
    b.most("p99 time to refuse by the rejector, worst run of all, ms",
           most(values(every + steady, rejector_ms)), 1, 2)
    b.most("p99 of waiters over the mean limit, sustained overload, worst run",
           most(values(steady, waiters_per_limit)), 3, 1)
    off = nine["rejector-off"]
    b.most("goodput/oracle that the rejector costs, mean of the 72 cells",
           mean_of_medians(values(off, goodput)) - mean_of_medians(values(own, goodput)), 0.01)
    waiting = [mean_of_medians(values(cells, lambda run: run["waiting"]["mean"], SUSTAINED))
               for cells in (loads["rejector-off"], steady)]
    b.least("mean of waiters without the rejector over with it, sustained overload",
            ratio_or_none(*waiting), 5, 1)
    commits = {load: median(run["goodput_per_s"] for run in cells[0]["runs"])
               for load, cells in parts["locks"].items()}
    b.least("lock-transactions at 10x: goodput over the peak of all loads",
            commits[max(commits)] / max(commits.values()), 0.95)
    signalled = parts["replica"][SIGNALLED]
    for scenario in ("replica-lag", "replica-slow"):
        # Without the signal there are those of a start whose limit isn't known yet.
        reads = [most(values(cells, shed_of_class("reads"), [scenario]))
                 for cells in (signalled, parts["replica"]["default"])]
        b.most(f"{scenario}: refusals of reads per request that a signal adds, worst run",
               reads[0] - reads[1], 0.002)
        b.most(f"{scenario} with a signal: lag in the last quarter, worst run, s",
               most(values(signalled, replica("lag_late_s"), [scenario])), REPLICA_SETPOINT_S, 2)
    b.most("replica-slow with a signal: deviation of the writes admitted in 5 s, worst run",
           most(values(signalled, replica("write_deviation"), ["replica-slow"])), 0.1)
    b.least("slow-trickle at 2x: goodput/oracle, median",
            mean_of_medians(values(further["default"], goodput, ["slow-trickle"])), 0.90)
    return table(["bar", "asked", "measured", "met"], b.rows)


def replicas(parts):
    rows = []
    for i, first in enumerate(parts["default"]):
        for policy, cells in parts.items():
            runs = [cells[i]]
            rows.append([first["scenario"], policy, number(most(values(runs, replica("lag_max_s"))), 1),
                         number(most(values(runs, replica("lag_late_s"))), 2),
                         number(most(values(runs, replica("write_deviation")))),
                         number(most(values(runs, shed_of_class("reads")))),
                         number(most(values(runs, shed_of_class("writes")))), pair(values(runs, goodput)),
                         pair(values(runs, tier("t0"))), pair(values(runs, tier("t1")))])
    return table(["scenario", "policy", "greatest lag, s", "in the last quarter, s",
                  "deviation of writes in 5 s", "refusals per read", "per write", "goodput", "t0", "t1"],
                 rows)


def locks(parts):
    rows = []
    for load, cells in parts.items():
        runs = cells[0]["runs"]
        transfers = median(run["classes"]["transfer"]["good"] for run in runs) / cells[0]["length_s"]
        rows.append([f"{load + 1:g}x", f"{median(run['goodput_per_s'] for run in runs):.0f}",
                     f"{transfers:.0f}", pair(values(cells, goodput))])
    return table(["load, transactions and others", "goodput/s", "of it transactions", "goodput/oracle"],
                 rows)


def sections(parts, description):
    """The document's texts by the name of their place."""
    content = {
        "bar": bar(parts),
        "overview": overview(parts["nine"]),
        "goodput": by_scenario(parts["nine"], goodput),
        "utility": by_scenario(parts["nine"], utility),
        "cells": engine_cells(parts["nine"]),
        "loads": outcomes(parts["loads"]),
        "further": outcomes(parts["further"]),
        "replica": replicas(parts["replica"]),
        "locks": locks(parts["locks"]),
        "drift": drift(parts["drift"]),
    }
    return {name: f"{description}\n\n{text}" if name == "bar" else text for name, text in content.items()}
