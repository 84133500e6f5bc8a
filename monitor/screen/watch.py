"""`status` that stays on screen: as much of it as fits, what fires on top."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from rich.cells import cell_len
from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

from monitor.domain.units import moment, span
from monitor.screen import CHECK_STYLE, alerts_table, balances_table, headline, jobs_table, notices
from monitor.status import Status

_BETWEEN = 2  # blanks between columns
_NARROWEST = 10  # columns
_SPARED = 3  # rows that each of the other sections keeps, however much fires


@dataclass(frozen=True, slots=True)
class Seen:
    """What was read last, and why nothing newer could be read, where that is so."""

    status: Status | None = None
    problem: str = ""


def picture(console: Console, seen: Seen, every: str, now: datetime) -> RenderableType:
    """A screenful."""
    height = console.size.height
    lines: list[RenderableType] = [_line(_age(seen, every, now), "dim")]
    if seen.problem:
        lines.append(_line(seen.problem, "bold red"))
    if seen.status is not None:
        lines.append(_line(headline(seen.status), CHECK_STYLE[seen.status.check]))
        lines += _sections(console, seen.status, now, height - len(lines))
    return Group(*lines[:height])


def _age(seen: Seen, every: str, now: datetime) -> str:
    if seen.status is None:
        return f"{moment(now)}, nothing read yet, tried every {every}, Ctrl-C ends"
    read = f"as of {moment(seen.status.at)}, {span(now - seen.status.at)} ago"
    return f"{read}, read every {every}, Ctrl-C ends"


def _sections(console: Console, status: Status, now: datetime, room: int) -> Iterator[RenderableType]:
    """Each section has a line of column names and one that counts what is left out."""
    notes, width = list(notices(status)), console.width
    sizes = [len(status.alerts), len(status.jobs), len(status.balances), len(notes)]
    alerts, jobs, balances, noted = shares(sizes, room)
    if alerts:
        yield from _table(
            alerts_table(console, status.alerts[:alerts], now), len(status.alerts) - alerts, width
        )
    if jobs:
        shown = sorted(status.jobs, key=lambda job: job.outcome == "ok" and not job.overdue)
        yield from _table(jobs_table(console, shown[:jobs], now), len(status.jobs) - jobs, width)
    if balances:
        yield from _table(
            balances_table(console, status.balances[:balances], now), len(status.balances) - balances, width
        )
    for text, style in notes[-noted:] if noted else ():
        yield _line(text, style)


def shares(sizes: Sequence[int], room: int) -> list[int]:
    """How many rows of each section fit into so many lines; the last section is lines without a heading.

    Earlier ones take what they need, as long as the later ones keep a few."""
    *tables, notes = sizes
    left = room - min(notes, _SPARED)
    given = []
    for number, size in enumerate(tables):
        others = sum(_lines(min(other, _SPARED), other) for other in tables[number + 1 :])
        rows = _fitting(size, left - others)
        left -= _lines(rows, size)
        given.append(rows)
    return [*given, max(0, min(notes, left + min(notes, _SPARED)))]


def _lines(rows: int, size: int) -> int:
    """What so many rows of a section take: with its heading, and the count of the rest."""
    return 0 if rows == 0 else 1 + rows + (rows < size)


def _fitting(size: int, room: int) -> int:
    return size if _lines(size, size) <= room else max(0, room - 2)


def _table(table: Table, more: int, width: int) -> Iterator[RenderableType]:
    """One line a row; where that is too wide, the widest column, such as an alert's reason, gives way."""
    widths = []
    for column in table.columns:
        column.no_wrap, column.overflow = True, "ellipsis"
        widths.append(max(cell_len(str(cell)) for cell in (column.header, *column.cells)))
    widest = max(range(len(widths)), key=widths.__getitem__)
    rest = sum(widths) - widths[widest] + _BETWEEN * len(widths)
    table.columns[widest].max_width = max(width - rest, _NARROWEST)
    yield table
    if more > 0:
        yield _line(f"… {more:,} more", "dim")


def _line(text: str, style: str) -> Text:
    return Text(text, style=style, no_wrap=True, overflow="ellipsis")
