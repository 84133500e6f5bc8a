"""A series' past on the screen: readings in a table, or drawn."""

import codecs
import json
import sys
from collections.abc import Iterator, Sequence
from datetime import datetime
from decimal import Decimal

from rich.console import Console

from monitor.domain.model import Field, value_text
from monitor.domain.money import grouped, subtract
from monitor.domain.time import moment, rfc3339, span
from monitor.log.encoding import encodes_everything
from monitor.readings.file import Format, fields, head, text
from monitor.readings.history import HistoryQuery, ReadingsPage, gaps, title
from monitor.store.read.all_readings import ReadingRow, StoredSeries
from monitor.terminal.tables import Column, Grid, Row, show_grid

Page = tuple[StoredSeries, Sequence[ReadingRow]]


def show_history(console: Console, told: ReadingsPage, field: Field) -> None:
    """The newest reading last, each with the change from the one before it; gaps between them in words."""
    console.print(title(told), style="bold", markup=False, soft_wrap=True)
    amounts = [value_text(one, field) for one in told.readings]
    before = value_text(told.before, field) if told.before else None
    changes = [_change(old, new) for old, new in zip([before, *amounts], amounts, strict=False)]
    silent = {at: f"… no reading for {span(lasting)} …" for at, lasting in gaps(told)}
    columns = (
        Column(name="at (UTC)", shrink="words"),
        Column(name=field),
        Column(name="change", drop_priority=1),
        Column(name="", shrink="words"),
    )
    rows = []
    if not told.readings and told.before is None:
        rows.append(_remark("… no reading yet …"))
    if None in silent:
        rows.append(_remark(silent[None]))
    cells = zip(told.readings, aligned([_shown(one) for one in amounts]), aligned(changes), strict=True)
    for reading, amount, change in cells:
        rows.append(Row(cells=(_at(reading.observed_at), amount, change, "")))
        if reading.observed_at in silent:
            rows.append(_remark(silent[reading.observed_at]))
    show_grid(console, Grid(columns=columns, rows=tuple(rows)))


def _remark(text: str) -> Row:
    return Row(cells=("", "", "", text), style="magenta")


def aligned(amounts: Sequence[str]) -> list[str]:
    """Amounts with blanks around them, so that their points stand below each other."""
    parts = [one.partition(".") for one in amounts]
    left = max((len(whole) for whole, _, _ in parts), default=0)
    right = max((len(point + rest) for _, point, rest in parts), default=0)
    return [f"{whole:>{left}}{point + rest:<{right}}" for whole, point, rest in parts]


def _at(at: datetime) -> str:
    """Write an instant to the millisecond, since polls are seconds apart: `2026-02-01 14:30:00.250`."""
    return rfc3339(at, "milliseconds").replace("T", " ").removesuffix("Z")


def _shown(amount: str) -> str:
    return amount if amount == "unknown" else grouped(Decimal(amount))


def _change(old: str | None, new: str) -> str:
    if old is None or "unknown" in (old, new):
        return ""
    change = subtract(Decimal(new), Decimal(old))
    return f"{change:+,f}" if change else ""


def show_chart(console: Console, picture: str, heading: str, notes: Sequence[str]) -> None:
    """What was drawn, with what it means."""
    console.print(heading, style="bold", markup=False, soft_wrap=True)
    print(picture)  # noqa: T201 -- it has its own colours
    for note in notes:
        console.print(note, markup=False, soft_wrap=True)


def heading(asked: HistoryQuery, field: Field, readings: int) -> str:
    """Above a chart."""
    within = f"{moment(asked.since)} to {moment(asked.until)}"
    return f"{asked.series} {field}, {within}, {readings:,} {'reading' if readings == 1 else 'readings'}"


def write_csv(pages: Iterator[Page]) -> None:
    """As `export` writes it: in UTF-8, unless a terminal of another encoding is to show it."""
    out = sys.stdout if sys.stdout.isatty() else codecs.getwriter("utf-8")(sys.stdout.buffer)
    out.write(head(Format.CSV))
    for of, rows in pages:
        out.write(text(Format.CSV, of, rows))


def write_json(asked: HistoryQuery, pages: Iterator[Page]) -> None:
    """One document, a line for each reading: however many they are, no more than a page is in memory."""
    frame = {"series": asked.series, "since": rfc3339(asked.since), "until": rfc3339(asked.until)}
    sys.stdout.write(
        json.dumps(frame, ensure_ascii=not encodes_everything(sys.stdout))[:-1] + ', "readings": ['
    )
    separator = "\n"
    for _, rows in pages:
        for row in rows:
            sys.stdout.write(separator + json.dumps(fields(row)))
            separator = ",\n"
    sys.stdout.write("\n]}\n")
