"""A series drawn in a terminal. A picture needs floats: what it shows is exact to the height of a character."""

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
"""Columns and lines below which nothing can be made out."""

_LEAST_ROOM = 0.06  # of the height, above the highest and below the lowest
_STEPS = [
    *(timedelta(seconds=n) for n in (1, 2, 5, 10, 15, 30)),
    *(timedelta(minutes=n) for n in (1, 2, 5, 10, 15, 30)),
    *(timedelta(hours=n) for n in (1, 2, 3, 6, 12)),
    *(timedelta(days=n) for n in (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000)),
]
_LABEL = 14  # columns that a time takes, with some room beside it


@dataclass(frozen=True, slots=True)
class Size:
    """Of a terminal: columns and lines."""

    width: int
    height: int

    @property
    def slices(self) -> int:
        """How finely a curve can be told apart: a braille character is two dots wide."""
        return max(self.width, SMALLEST[0]) * 2


@dataclass(frozen=True, slots=True)
class Segment:
    """Points with no gap between them, and until when the last of them held."""

    points: tuple[Point, ...]
    until: datetime


def plot(picture: TerminalChart, size: Size, *, colour: bool) -> str:
    """The curve, its gaps left empty, the limits as lines across it, what fired along the bottom.

    Raises ValueError where there is nothing to draw, or nothing that can be drawn."""
    if not picture.curve.points:
        raise ValueError("nothing to draw")
    amounts = [_float(point.amount) for point in picture.curve.points]
    low, high = _range([*amounts, *(_float(str(limit.amount)) for limit in picture.limits)])
    return _drawn(picture, size, low, high, colour=colour)


def _drawn(picture: TerminalChart, size: Size, low: float, high: float, *, colour: bool) -> str:
    import plotext  # takes as long as all the rest of the command

    asked = picture.asked
    plotext.terminal.limit(False, False)  # noqa: FBT003 -- its own way of saying that
    figure: Any = plotext.figure
    figure.clear()
    figure.theme("simple" if colour else "colorless")
    figure.plot_size(max(size.width, SMALLEST[0]), max(size.height, SMALLEST[1]))
    _axes(figure, picture, size, low, high)
    for limit in picture.limits:
        figure.line(_float(str(limit.amount)), "horizontal", pixel="red" if colour else None)
    for stretch in _stretches(picture):
        _draw_stretch(figure, picture, stretch)
    for _, begins, ends in picture.firing:
        xs = list(_along(_seconds(begins, asked.since), _seconds(ends, asked.since), picture, size))
        figure.draw(figure.signal(xs, [low] * len(xs), marker="▲"))
    lines: str = figure.build().string(colorless=not colour)
    return "\n".join(line.rstrip() for line in lines.rstrip().splitlines())


def _draw_stretch(figure: Any, picture: TerminalChart, stretch: Segment) -> None:
    """A balance stays until it is read to be another: steps. A lone reading is a dot, or nobody would see it."""
    corners = list(_steps(stretch))
    xs = [_seconds(at, picture.asked.since) for at, _ in corners]
    ys = [_float(amount) for _, amount in corners]
    signal = figure.signal(xs, ys, marker="braille")
    signal.lines()
    figure.draw(signal)
    if len(stretch.points) == 1:
        figure.draw(figure.signal(xs[:1], ys[:1], marker="●"))


def _axes(figure: Any, picture: TerminalChart, size: Size, low: float, high: float) -> None:
    asked = picture.asked
    across, up = figure.ruler("x"), figure.ruler("y")
    across.lim(0, _seconds(asked.until, asked.since))
    up.lim(low, high)
    times = list(times_between(asked.since, asked.until, max(size.width // _LABEL, 2)))
    across.ticks([_seconds(at, asked.since) for at, _ in times], [label for _, label in times])
    amounts = ticks(low, high, max(size.height // 4, 2))
    up.ticks([at for at, _ in amounts], [label for _, label in amounts])
    if picture.limits:
        beside = figure.ruler("y", "right")
        beside.lim(low, high)
        by_amount = {limit.amount: limit for limit in picture.limits}
        beside.ticks(
            [_float(str(amount)) for amount in by_amount], [_short(one.rule) for one in by_amount.values()]
        )


def legend(limits: Sequence[ThresholdLine]) -> Iterator[str]:
    """What the lines across the picture mean, exactly."""
    for one in limits:
        yield f"{one.rule} ({one.severity.word}): {one.side} {grouped(one.amount)}"


def times_between(since: datetime, until: datetime, most: int) -> Iterator[tuple[datetime, str]]:
    """Round instants (UTC), at most so many and a day apart or less where that is possible, each with its label."""
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


def _stretches(picture: TerminalChart) -> Iterator[Segment]:
    """The points between gaps: a line joins those of one stretch, and no others."""
    points, asked = picture.curve.points, picture.asked
    rest = 0
    for begins, ends in picture.curve.gaps:
        upto = bisect_left(points, ends, key=lambda point: point.at)
        if upto > rest:  # the reading beside the gap may have been thinned away: the line goes up to it
            yield Segment(points[rest:upto], max(begins, points[upto - 1].at))
        rest = max(rest, upto)
    if rest < len(points):
        newest = points[-1].at
        yield Segment(points[rest:], asked.until if asked.until - newest <= asked.gap_after else newest)


def _steps(stretch: Segment) -> Iterator[tuple[datetime, str]]:
    """The corners of the line."""
    for one, other in pairwise(stretch.points):
        yield one.at, one.amount
        yield other.at, one.amount
    last = stretch.points[-1]
    yield last.at, last.amount
    yield stretch.until, last.amount


def _along(begins: float, ends: float, picture: TerminalChart, size: Size) -> Iterator[float]:
    """Marks from one instant to another, one to a column at least."""
    step = _seconds(picture.asked.until, picture.asked.since) / max(size.width, SMALLEST[0])
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
        raise ValueError("amounts too large to be drawn; the table shows them")
    return value


def _short(name: str) -> str:
    return name if len(name) <= 20 else f"{name[:19]}…"
