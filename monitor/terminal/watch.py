"""`status` that stays on screen: as much of it as fits, what fires on top."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from rich.console import Console, Group, RenderableType
from rich.text import Text

from monitor.alerting.status import Status
from monitor.domain.units import moment, span
from monitor.terminal import CHECK_STYLE, alerts_grid, balances_grid, headline, jobs_grid, notices
from monitor.terminal.tables import height, lay_out, shortened, shown

_SPARED = 3  # rows that each of the other sections keeps, however much fires


@dataclass(frozen=True, slots=True)
class WatchState:
    """What was read last, and why nothing newer could be read, where that is so."""

    status: Status | None = None
    problem: str = ""


def picture(console: Console, seen: WatchState, every: str, now: datetime) -> RenderableType:
    """A screenful."""
    width, room = console.size
    lines: list[RenderableType] = [_line(_age(seen, every, now), width, "dim")]
    if seen.problem:
        lines.append(_line(seen.problem, width, "bold red"))
    if seen.status is not None:
        lines.append(_line(headline(seen.status), width, CHECK_STYLE[seen.status.check]))
        lines += _sections(console, seen.status, now, room - len(lines))
    return Group(*lines[:room])


def _age(seen: WatchState, every: str, now: datetime) -> str:
    if seen.status is None:
        return f"{moment(now)}, nothing read yet, tried every {every}, Ctrl-C ends"
    read = f"as of {moment(seen.status.at)}, {span(now - seen.status.at)} ago"
    return f"{read}, read every {every}, Ctrl-C ends"


def _sections(console: Console, status: Status, now: datetime, room: int) -> Iterator[RenderableType]:
    """Each section has a line of column names and one that counts what is left out."""
    notes = list(notices(status))
    jobs = sorted(status.jobs, key=lambda job: job.outcome == "ok" and not job.overdue)
    grids = [
        alerts_grid(status.alerts[:room], now),
        jobs_grid(jobs[:room], now),
        balances_grid(status.balances[:room], now),
    ]
    layouts = [lay_out(grid, console.width, flat=True) for grid in grids]
    heights = [height(grid, layout) for grid, layout in zip(grids, layouts, strict=True)]
    sizes = [len(status.alerts), len(status.jobs), len(status.balances), len(notes)]
    *counts, noted = shares(sizes, room, heights)
    for grid, layout, size, count in zip(grids, layouts, sizes, counts, strict=False):
        if count:
            yield from shown(grid.first(count), layout)
        if 0 < count < size:
            yield _line(f"… {size - count:,} more", console.width, "dim")
    for text, style in notes[-noted:] if noted else ():
        yield _line(text, console.width, style)


def shares(sizes: Sequence[int], room: int, heights: Sequence[int]) -> list[int]:
    """How many rows of each section fit into so many lines; `heights`: how many lines a row of each table takes.

    The last section is lines without a heading. Earlier ones take what they need, as long as later ones keep a few."""
    *tables, notes = sizes
    left = room - min(notes, _SPARED)
    given = []
    for number, size in enumerate(tables):
        others = sum(
            _lines(min(other, _SPARED), other, tall)
            for other, tall in zip(tables[number + 1 :], heights[number + 1 :], strict=True)
        )
        rows = _fitting(size, left - others, heights[number])
        left -= _lines(rows, size, heights[number])
        given.append(rows)
    return [*given, max(0, min(notes, left + min(notes, _SPARED)))]


def _lines(rows: int, size: int, tall: int) -> int:
    """What so many rows of a section take: with its heading, and the count of the rest."""
    return 0 if rows == 0 else 1 + rows * tall + (rows < size)


def _fitting(size: int, room: int, tall: int) -> int:
    return size if _lines(size, size, tall) <= room else max(0, (room - 2) // tall)


def _line(text: str, width: int, style: str) -> Text:
    return Text(shortened(text, width), style=style, no_wrap=True)
