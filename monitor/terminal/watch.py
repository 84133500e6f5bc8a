"""`status --watch`: read the store at an interval and redraw the screen, active alerts on top."""

import signal
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import NoReturn

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.text import Text

from monitor.alerting.status import Status, assemble
from monitor.config import Config
from monitor.domain.time import compact, moment, span
from monitor.errors import StoreError
from monitor.store.read.state import read
from monitor.terminal.alerts import alerts_grid
from monitor.terminal.console import stdout
from monitor.terminal.status import CHECK_STYLE, balances_grid, headline, jobs_grid, notices
from monitor.terminal.tables import height, lay_out, shortened, shown

_REDRAWN = 1.0  # seconds: the ages on the screen grow, and the terminal may have been resized
_TERMINATED = 143
_SPARED = 3  # rows that the other sections keep, however many alerts there are


@dataclass(frozen=True, slots=True)
class WatchState:
    """The status that was read last, and the problem that keeps a newer one from being read, if any."""

    status: Status | None = None
    problem: str = ""


def watch(config: Config, every: timedelta) -> NoReturn:
    """Show the status until KeyboardInterrupt. A store that cannot be read is reported and tried again."""
    signal.signal(
        signal.SIGTERM, lambda *_: sys.exit(_TERMINATED)
    )  # unwinds `Live`, which restores the terminal
    console, state, due = stdout(), WatchState(), time.monotonic()
    with Live(console=console, screen=True, auto_refresh=False) as live:
        while True:
            if time.monotonic() >= due:
                state = refreshed(config, state, datetime.now(UTC))
                due = time.monotonic() + every.total_seconds()
            live.update(screen(console, state, compact(every), datetime.now(UTC)), refresh=True)
            time.sleep(max(0.0, min(_REDRAWN, due - time.monotonic())))


def refreshed(config: Config, before: WatchState, now: datetime) -> WatchState:
    """Return the stored status, or the one before with the problem if the store cannot be read."""
    path = config.store.path
    try:
        known = read(path)
    except StoreError as exc:
        return replace(before, problem=str(exc))
    if known is None and before.status is not None:
        # the path comes last: a line that is too long loses its end
        problem = f"the store no longer exists; this is its last known state: {path}"
        return replace(before, problem=problem)
    if known is None:
        return WatchState(problem=f"no store yet; `balance-monitor run` creates it: {path}")
    return WatchState(status=assemble(known, config, now))


def screen(console: Console, state: WatchState, every: str, now: datetime) -> RenderableType:
    """Return the screen: the age of the status, the problem, the headline, then as many rows as there is room for."""
    width, room = console.size
    lines: list[RenderableType] = [_line(_age(state, every, now), width, "dim")]
    if state.problem:
        lines.append(_line(state.problem, width, "bold red"))
    if state.status is not None:
        lines.append(_line(headline(state.status), width, CHECK_STYLE[state.status.check]))
        lines += _sections(console, state.status, now, room - len(lines))
    return Group(*lines[:room])


def _age(state: WatchState, every: str, now: datetime) -> str:
    if state.status is None:
        return f"{moment(now)}, nothing read yet, retried every {every}, Ctrl-C quits"
    read = f"as of {moment(state.status.at)}, {span(now - state.status.at)} ago"
    return f"{read}, refreshed every {every}, Ctrl-C quits"


def _sections(console: Console, status: Status, now: datetime, room: int) -> Iterator[RenderableType]:
    """Yield the sections; each has a heading, and a last line that counts the rows left out."""
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
    """Return how many rows of each section fit into `room` lines. `heights`: lines a row, for each table.

    The last section, notices, has no heading. Earlier sections take what they need but leave later ones a few rows."""
    *tables, notes = sizes
    left = room - min(notes, _SPARED)
    given = []
    for number, size in enumerate(tables):
        others = sum(
            _lines(min(other, _SPARED), other, lines)
            for other, lines in zip(tables[number + 1 :], heights[number + 1 :], strict=True)
        )
        tall, space = heights[number], left - others
        rows = size if _lines(size, size, tall) <= space else max(0, (space - 2) // tall)
        left -= _lines(rows, size, tall)
        given.append(rows)
    return [*given, max(0, min(notes, left + min(notes, _SPARED)))]


def _lines(rows: int, size: int, tall: int) -> int:
    """Return the lines that `rows` of `size` rows take, with the heading and the line that counts the rest."""
    return 0 if rows == 0 else 1 + rows * tall + (rows < size)


def _line(text: str, width: int, style: str) -> Text:
    return Text(shortened(text, width), style=style, no_wrap=True)
