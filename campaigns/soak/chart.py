"""Draw the figures of a run: `python -m campaigns.soak.chart samples.csv soak.svg`."""

import argparse
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from html import escape
from itertools import groupby, pairwise
from pathlib import Path

from campaigns.soak.samples import Sample, cost, read

_MIB = 1024 * 1024
_WIDTH, _HEIGHT = 480, 150
_LEFT, _TOP, _BELOW, _COLUMNS = 60, 34, 26, 2
_POINTS = 300
"""At most so many in a panel; those between them are averaged."""

Point = tuple[float, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Panel:
    """A small chart of its own: its lines, one a process, from zero up."""

    title: str
    lines: list[list[Point]]


def draw(samples: Sequence[Sample]) -> str:
    """Return an SVG of all figures, over the polls made. Each restart is a grey line."""
    panels = _panels(samples)
    polls = samples[-1].polls
    restarts = [after.polls for before, after in pairwise(samples) if after.life != before.life]
    rows = -(-len(panels) // _COLUMNS)
    width, height = _COLUMNS * _WIDTH, rows * (_HEIGHT + _TOP + _BELOW)
    drawn = "".join(
        _placed(panel, n % _COLUMNS * _WIDTH, n // _COLUMNS * (_HEIGHT + _TOP + _BELOW), polls, restarts)
        for n, panel in enumerate(panels)
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" font-family="sans-serif" '
        f'font-size="11" fill="#444"><rect width="{width}" height="{height}" fill="#fff"/>{drawn}</svg>\n'
    )


def _panels(samples: Sequence[Sample]) -> list[Panel]:
    lives = [list(group) for _, group in groupby(samples, key=lambda one: one.life)]

    def panel(title: str, value: Callable[[Sample], float]) -> Panel:
        return Panel(title=title, lines=[[(one.polls, value(one)) for one in life] for life in lives])

    return [
        panel("resident memory, MiB", lambda one: one.rss / _MIB),
        Panel(title="CPU of a poll, ms", lines=[cost(life) for life in lives]),
        panel("file descriptors", lambda one: one.fds),
        panel("threads", lambda one: one.threads),
        panel("database, MiB", lambda one: one.file / _MIB),
        panel("write-ahead log, MiB", lambda one: one.wal / _MIB),
        panel("rows: polls, readings, events, notifications", lambda one: one.rows),
        panel("messages waiting", lambda one: one.pending),
    ]


def _placed(panel: Panel, x: float, y: float, polls: int, restarts: Sequence[int]) -> str:
    return f'<g transform="translate({x + _LEFT},{y + _TOP})">{"".join(_parts(panel, polls, restarts))}</g>'


def _parts(panel: Panel, polls: int, restarts: Sequence[int]) -> Iterator[str]:
    across, top = _WIDTH - _LEFT - 30, _nice(max((y for line in panel.lines for _, y in line), default=1.0))
    yield f'<text x="0" y="-12" font-weight="bold">{escape(panel.title)}</text>'
    for share in (0.0, 0.5, 1.0):
        up = _HEIGHT * (1 - share)
        yield f'<path d="M0 {up:.1f}H{across}" stroke="#ddd"/>'
        yield f'<text x="-6" y="{up + 4:.1f}" text-anchor="end">{top * share:,.10g}</text>'
    for quarter in range(5):
        at = across * quarter / 4
        yield f'<text x="{at:.1f}" y="{_HEIGHT + 16}" text-anchor="middle">{polls * quarter / 4000:,.0f}k</text>'
    for restart in restarts:
        yield f'<path d="M{across * restart / polls:.1f} 0V{_HEIGHT}" stroke="#ccc" stroke-dasharray="2 3"/>'
    for line in panel.lines:
        if points := _thinned(line, max(len(line) * _POINTS // sum(map(len, panel.lines)), 2)):
            path = " ".join(f"{across * a / polls:.1f},{_HEIGHT * (1 - b / top):.1f}" for a, b in points)
            yield f'<polyline points="{path}" fill="none" stroke="#0b63a5" stroke-width="1.2"/>'


def _thinned(line: Sequence[Point], count: int) -> list[Point]:
    """Return at most so many points, each the mean of those that it replaces."""
    size = -(-len(line) // count) if line else 1
    chunks = [line[start : start + size] for start in range(0, len(line), size)]
    return [(sum(x for x, _ in part) / len(part), sum(y for _, y in part) / len(part)) for part in chunks]


def _nice(value: float) -> float:
    """Return a round number that is not below this one."""
    step = 1.0
    while step > value:
        step /= 10
    while step * 10 <= value:
        step *= 10
    return next(
        step * factor for factor in (1, 1.2, 1.5, 2, 2.5, 3, 4, 5, 6, 8, 10) if step * factor >= value
    )


def main() -> int:
    """Draw the samples that the command line names."""
    parser = argparse.ArgumentParser(prog="python -m campaigns.soak.chart", description=__doc__)
    parser.add_argument("samples", type=Path, help="the samples of a run, as CSV")
    parser.add_argument("svg", type=Path, help="the SVG to write")
    arguments = parser.parse_args()
    arguments.svg.write_text(draw(read(arguments.samples)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
