# SPDX-License-Identifier: Apache-2.0
"""Comparing A and B on a machine that isn't quiet: in turns, as ratios of neighbours in time."""

import statistics


def in_turns(measure, names, rounds):
    """{name: [result per round]}. Every round measures each name once; who begins changes."""
    results = {name: [] for name in names}
    for index in range(rounds):
        start = index % len(names)
        for name in names[start:] + names[:start]:
            results[name].append(measure(name))
    return results


def spread(values):
    return {
        "median": statistics.median(values), "least": min(values), "most": max(values),
        "values": list(values),
    }


def ratio(tops, bottoms):
    """Of each round's pair. A pair whose denominator isn't positive says nothing and is left out."""
    pairs = [top / bottom for top, bottom in zip(tops, bottoms) if bottom > 0]
    return spread(pairs) if pairs else None
