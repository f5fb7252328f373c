# SPDX-License-Identifier: Apache-2.0
"""The demo's picture as SVG: what was asked for, and what each mode made of it, second by second.

Pure text from numbers. Series are {tier: {second: operations in that second}}, the best tier first.
"""

import dataclasses
from xml.sax.saxutils import escape

WIDTH, LEFT, RIGHT = 960, 84, 28
TOP, GAP, BOTTOM = 84, 62, 52
OFFERED_HEIGHT, PANEL_HEIGHT = 110, 170
# From dark to light as importance falls: they can be told apart without seeing colours.
COLOURS = ("#12366b", "#3f8ecb", "#b4d7ee")
INK, FAINT, ALARM = "#1f2933", "#d5dbe1", "#c2410c"
MUTED = "#5b6875"


@dataclasses.dataclass(frozen=True)
class Span:
    """A stretch of constant load, in seconds from the first one's start."""

    name: str
    begin_s: float
    end_s: float


@dataclasses.dataclass(frozen=True)
class Panel:
    title: str
    good: dict
    notes: list  # Lines of text for each span.


class _Frame:
    """One set of axes: the place of a value, and its decoration."""

    def __init__(self, top, height, end_s, top_value):
        self.top, self.height, self.end_s, self.top_value = top, height, end_s, top_value
        self.bottom = top + height

    def x(self, second):
        return LEFT + (WIDTH - LEFT - RIGHT) * second / self.end_s

    def y(self, value):
        return self.bottom - self.height * min(value, self.top_value) / self.top_value

    def axes(self, ticks, label):
        """Horizontal lines at `ticks`, (value, text) each, and what they count."""
        parts = []
        for value, text in ticks:
            y = self.y(value)
            parts.append(_line(LEFT, y, WIDTH - RIGHT, y, FAINT))
            parts.append(_text(LEFT - 8, y + 4, text, size=12, anchor="end", fill=MUTED))
        middle = (self.top + self.bottom) / 2
        parts.append(
            f'<text transform="translate(22 {middle:.1f}) rotate(-90)" font-size="12" '
            f'text-anchor="middle" fill="{MUTED}">{escape(label)}</text>'
        )
        return parts


def _line(x1, y1, x2, y2, colour, width=1, dash=""):
    dashes = f' stroke-dasharray="{dash}"' if dash else ""
    return (f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" stroke="{colour}" '
            f'stroke-width="{width}"{dashes}/>')


def _text(x, y, text, size=13, anchor="start", fill=INK, weight="normal"):
    return (f'<text x="{x:.1f}" y="{y:.1f}" font-size="{size}" text-anchor="{anchor}" fill="{fill}" '
            f'font-weight="{weight}">{escape(text)}</text>')


def _stack(frame, series):
    """One stepped area for each tier on top of the better one's. A second counts from its start to its end."""
    seconds = range(int(frame.end_s))
    floor = [0] * len(seconds)
    parts = []
    for colour, counts in zip(COLOURS, series.values()):
        roof = [low + counts.get(second, 0) for low, second in zip(floor, seconds)]
        there = [f"{frame.x(s + edge):.1f},{frame.y(roof[s]):.1f}" for s in seconds for edge in (0, 1)]
        back = [f"{frame.x(s + edge):.1f},{frame.y(floor[s]):.1f}" for s in reversed(seconds) for edge in (1, 0)]
        parts.append(f'<polygon points="{" ".join(there + back)}" fill="{colour}"/>')
        floor = roof
    return parts


def _round_step(top_value, count):
    """A pleasant distance between about `count` lines up to `top_value`."""
    step = 1
    while top_value / step > count:
        step *= 2.5 if str(step)[0] == "2" and str(step)[1:2] != "5" else 2
    return max(1, round(step))


def _boundaries(frame, spans):
    return [_line(frame.x(s.begin_s), frame.top, frame.x(s.begin_s), frame.bottom, "#9aa5b1", 1, "2 3")
            for s in spans[1:]]


def _legend(tiers):
    parts, x = [], LEFT
    for colour, tier in zip(COLOURS, tiers):
        parts.append(f'<rect x="{x}" y="46" width="14" height="14" fill="{colour}"/>')
        parts.append(_text(x + 20, 58, tier))
        x += 62
    parts.append(_line(x, 53, x + 26, 53, ALARM, 2, "6 4"))
    parts.append(_text(x + 34, 58, "capacity of the database, measured"))
    return parts


def draw(*, offered, panels, spans, capacity_per_s):
    end_s = spans[-1].end_s
    frames = [_Frame(TOP + 40, OFFERED_HEIGHT, end_s, _peak(offered) * 1.05)]
    # The same scale for every mode, or they could not be compared.
    shared_top = max(1.45 * capacity_per_s, *(1.3 * _peak(panel.good) for panel in panels))
    for _ in panels:
        frames.append(_Frame(frames[-1].bottom + GAP, PANEL_HEIGHT, end_s, shared_top))
    height = frames[-1].bottom + BOTTOM

    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{height}" '
        f'viewBox="0 0 {WIDTH} {height}" font-family="Helvetica, Arial, sans-serif" role="img">',
        "<title>Load on one Postgres, and what was answered in time</title>",
        f'<rect width="{WIDTH}" height="{height}" fill="#ffffff"/>',
        _text(LEFT, 30, "One Postgres, up to ten times more to do than it can", size=20, weight="bold"),
        *_legend(offered),
    ]
    parts += _offered_panel(frames[0], offered, spans, capacity_per_s)
    for frame, panel in zip(frames[1:], panels):
        parts += _mode_panel(frame, panel, spans, capacity_per_s)
    parts += _time_axis(frames[-1])
    return "\n".join([*parts, "</svg>"]) + "\n"


def _peak(series):
    seconds = {second for counts in series.values() for second in counts if second >= 0}
    return max((sum(counts.get(second, 0) for counts in series.values()) for second in seconds), default=1) or 1


def _offered_panel(frame, offered, spans, capacity_per_s):
    parts = [_text(LEFT, frame.top - 32, "What users ask for", size=15, weight="bold")]
    parts += frame.axes([(n * capacity_per_s, f"{n}x") for n in (0, 5, 10)], "x capacity")
    parts += _stack(frame, offered) + _boundaries(frame, spans)
    y = frame.y(capacity_per_s)
    parts.append(_line(LEFT, y, WIDTH - RIGHT, y, ALARM, 2, "6 4"))
    parts += [_text(frame.x((s.begin_s + s.end_s) / 2), frame.top - 10, s.name, 14, "middle", weight="bold")
              for s in spans]
    return parts


def _mode_panel(frame, panel, spans, capacity_per_s):
    parts = [_text(LEFT, frame.top - 12, panel.title, size=15, weight="bold")]
    step = _round_step(frame.top_value, 5)
    ticks = [(value, str(value)) for value in range(0, int(frame.top_value) + 1, step)]
    parts += frame.axes(ticks, "answered in time, per s")
    parts += _stack(frame, panel.good) + _boundaries(frame, spans)
    y = frame.y(capacity_per_s)
    parts.append(_line(LEFT, y, WIDTH - RIGHT, y, ALARM, 2, "6 4"))
    for span, lines in zip(spans, panel.notes):
        for number, line in enumerate(lines):
            parts.append(_text(frame.x((span.begin_s + span.end_s) / 2), frame.top + 14 + 17 * number, line,
                               13, "middle", weight="bold" if number else "normal"))
    return parts


def _time_axis(frame):
    step = _round_step(frame.end_s, 10)
    parts = [_text(frame.x(s), frame.bottom + 18, str(s), 12, "middle", MUTED)
             for s in range(0, int(frame.end_s) + 1, step)]
    parts.append(_text((LEFT + WIDTH - RIGHT) / 2, frame.bottom + 40, "seconds", 12, "middle", MUTED))
    return parts
