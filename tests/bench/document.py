# SPDX-License-Identifier: Apache-2.0
"""Figures as text: what is printed, and the marked sections of docs/benchmarks.md."""

import re

from support.loadline import ROOT

PATH = ROOT / "docs/benchmarks.md"


def section(part, result, markdown):
    """One part's lines: where and when it was measured, then its tables."""
    machine = result["machine"]
    quick = "; short run (`--quick`)" if result["quick"] else ""
    return "\n".join([
        f"*{machine['date']}, {machine['cores']} cores of {machine['cpu']}, {machine['memory_gib']} GiB,"
        f" Linux {machine['kernel']}; {machine['loadline']} ({machine['commit']}), {machine['postgres']},"
        f" {machine['pgbouncer']}. Other programs used {result['neighbours']:.0%} of the machine"
        f" meanwhile{quick}. `scripts/bench {part}`*",
        "",
        *markdown(result["figures"]),
    ])


def rewrite(sections):
    """Replaces what stands between the markers of each part."""
    text = PATH.read_text(encoding="utf-8")
    for part, content in sections.items():
        pattern = re.compile(f"(<!-- results: {part} -->\n).*?(<!-- end: {part} -->)", re.DOTALL)
        text, count = pattern.subn(lambda found: found[1] + content + "\n" + found[2], text)  # noqa: B023
        assert count == 1, f"{PATH}: no one pair of markers for {part}"
    PATH.write_text(text, encoding="utf-8")
