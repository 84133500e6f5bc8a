"""A chart drawn in a terminal. Amounts become floats here: a chart is exact to the height of a character only."""

import math
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

from monitor.domain.money import grouped
from monitor.domain.rules import ThresholdLine
from monitor.domain.scale import ticks, widened
from monitor.readings.history import TerminalChart
from monitor.store.read.readings import Point

SMALLEST = (40, 12)
"""Columns and lines of the smallest chart. A smaller one would show nothing."""

_LEAST_ROOM = 0.06  # of the range, above the highest amount and below the lowest
_STEPS = [
    *(timedelta(seconds=n) for n in (1, 2, 5, 10, 15, 30)),
    *(timedelta(minutes=n) for n in (1, 2, 5, 10, 15, 30)),
    *(timedelta(hours=n) for n in (1, 2, 3, 6, 12)),
    *(timedelta(days=n) for n in (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000)),
]
_LABEL = 14  # columns of a time label, with room beside it


@dataclass(frozen=True, slots=True)
class Size:
    """The size of a chart in columns and lines."""

    width: int
    height: int

    @property
    def slices(self) -> int:
        """Return the number of points that fit side by side: a braille character is two dots wide."""
        return max(self.width, SMALLEST[0]) * 2


@dataclass(frozen=True, slots=True)
class Segment:
    """Points without a gap between them, and the instant until which the last of them holds."""

    points: tuple[Point, ...]
    until: datetime


def plot(chart: TerminalChart, size: Size, *, colour: bool) -> str:
    """Draw the curve with gaps left empty, thresholds as lines across it and firing times along the bottom.

    Raises ValueError if there are no readings, or their amounts are too large for floats."""
    if not chart.curve.points:
        raise ValueError("nothing to draw")
    amounts = [_float(point.amount) for point in chart.curve.points]
    low, high = _range([*amounts, *(_float(str(limit.amount)) for limit in chart.limits)])
    import plotext  # takes as long to load as the rest of the command, and is not needed above

    query = chart.query
    # the size is chosen here: plotext would cut the chart to its own idea of the terminal
    plotext.terminal.limit(False, False)  # noqa: FBT003 -- plotext takes them by position
    figure: Any = plotext.figure
    figure.clear()
    figure.theme("simple" if colour else "colorless")
    figure.plot_size(max(size.width, SMALLEST[0]), max(size.height, SMALLEST[1]))
    _axes(figure, chart, size, low, high)
    for limit in chart.limits:
        figure.line(_float(str(limit.amount)), "horizontal", pixel="red" if colour else None)
    for segment in _segments(chart):
        _draw_segment(figure, chart, segment)
    for _, begins, ends in chart.firing:
        xs = list(_along(_seconds(begins, query.since), _seconds(ends, query.since), chart, size))
        figure.draw(figure.signal(xs, [low] * len(xs), marker="▲"))
    lines: str = figure.build().string(colorless=not colour)
    return "\n".join(line.rstrip() for line in lines.rstrip().splitlines())


def _draw_segment(figure: Any, chart: TerminalChart, segment: Segment) -> None:
    """Draw steps: a balance holds until another is read. A lone reading becomes a dot, or nobody would see it."""
    corners = list(_steps(segment))
    xs = [_seconds(at, chart.query.since) for at, _ in corners]
    ys = [_float(amount) for _, amount in corners]
    signal = figure.signal(xs, ys, marker="braille")
    signal.lines()
    figure.draw(signal)
    if len(segment.points) == 1:
        figure.draw(figure.signal(xs[:1], ys[:1], marker="●"))


def _axes(figure: Any, chart: TerminalChart, size: Size, low: float, high: float) -> None:
    query = chart.query
    across, up = figure.ruler("x"), figure.ruler("y")
    across.lim(0, _seconds(query.until, query.since))
    up.lim(low, high)
    times = list(times_between(query.since, query.until, max(size.width // _LABEL, 2)))
    across.ticks([_seconds(at, query.since) for at, _ in times], [label for _, label in times])
    amounts = ticks(low, high, max(size.height // 4, 2))
    up.ticks([at for at, _ in amounts], [label for _, label in amounts])
    if chart.limits:
        beside = figure.ruler("y", "right")
        beside.lim(low, high)
        by_amount = {limit.amount: limit for limit in chart.limits}
        names = [
            rule if len(rule) <= 20 else f"{rule[:19]}…" for rule in (one.rule for one in by_amount.values())
        ]
        beside.ticks([_float(str(amount)) for amount in by_amount], names)


def legend(limits: Sequence[ThresholdLine]) -> Iterator[str]:
    """Yield a line of text for each threshold line of the chart, with its exact amount."""
    for one in limits:
        yield f"{one.rule} ({one.severity.word}): {one.side} {grouped(one.amount)}"


def times_between(since: datetime, until: datetime, most: int) -> Iterator[tuple[datetime, str]]:
    """Yield at most `most` round instants (UTC) with their labels, a second to some years apart."""
    step = next((step for step in _STEPS if (until - since) / step <= most), _STEPS[-1])
    midnight = since.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    at = midnight + step * math.ceil((since - midnight) / step)
    form = (
        "%Y-%m-%d" if step >= timedelta(days=1) else "%H:%M" if step >= timedelta(minutes=1) else "%H:%M:%S"
    )
    while at <= until:
        starts_day = at.hour == at.minute == at.second == 0
        yield at, f"{at:%m-%d %H:%M}" if starts_day and step < timedelta(days=1) else f"{at:{form}}"
        at += step


def _segments(chart: TerminalChart) -> Iterator[Segment]:
    """Yield the points between gaps. A line joins the points of one segment and no others."""
    points, query = chart.curve.points, chart.query
    rest = 0
    for begins, ends in chart.curve.gaps:
        upto = bisect_left(points, ends, key=lambda point: point.at)
        if upto > rest:  # the reading beside the gap may have been thinned away: the line goes up to it
            yield Segment(points[rest:upto], max(begins, points[upto - 1].at))
        rest = max(rest, upto)
    if rest < len(points):
        newest = points[-1].at
        yield Segment(points[rest:], query.until if query.until - newest <= query.gap_after else newest)


def _steps(segment: Segment) -> Iterator[tuple[datetime, str]]:
    """Yield the corners of a line of steps."""
    for one, other in pairwise(segment.points):
        yield one.at, one.amount
        yield other.at, one.amount
    last = segment.points[-1]
    yield last.at, last.amount
    yield segment.until, last.amount


def _along(begins: float, ends: float, chart: TerminalChart, size: Size) -> Iterator[float]:
    """Yield marks between two instants (seconds since the start), at least one a column."""
    step = _seconds(chart.query.until, chart.query.since) / max(size.width, SMALLEST[0])
    for number in range(int((ends - begins) / step) + 1):
        yield begins + number * step


def _range(amounts: Sequence[float]) -> tuple[float, float]:
    low, high = min(amounts), max(amounts)
    room = (high - low) * _LEAST_ROOM or abs(high) * _LEAST_ROOM or 1.0
    return widened(low - room, high + room)


def _seconds(at: datetime, since: datetime) -> float:
    return (at - since) / timedelta(seconds=1)


def _float(amount: str) -> float:
    value = float(amount)
    if not math.isfinite(value) or abs(value) > 1e300:
        raise ValueError("amounts too large to draw; the table shows them")
    return value
