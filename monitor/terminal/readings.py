"""The history of a series on the screen, as a table or a chart, and as CSV and JSON."""

import codecs
import json
import sys
from collections.abc import Iterator, Sequence
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


def show_history(console: Console, page: ReadingsPage, field: Field) -> None:
    """Print readings, newest last, each with the change since the one before. Gaps get a row of their own."""
    console.print(title(page), style="bold", markup=False, soft_wrap=True)
    amounts = [value_text(one, field) for one in page.readings]
    before = value_text(page.before, field) if page.before else None
    changes = [_change(old, new) for old, new in zip([before, *amounts], amounts, strict=False)]
    gap_texts = {at: f"… no reading for {span(lasting)} …" for at, lasting in gaps(page)}
    columns = (
        Column(name="at (UTC)", shrink="words"),
        Column(name=field),
        Column(name="change", drop_priority=1),
        Column(name="", shrink="words"),
    )
    rows = []
    if not page.readings and page.before is None:
        rows.append(_remark("… no reading yet …"))
    if None in gap_texts:
        rows.append(_remark(gap_texts[None]))
    shown = [one if one == "unknown" else grouped(Decimal(one)) for one in amounts]
    cells = zip(page.readings, aligned(shown), aligned(changes), strict=True)
    for reading, amount, change in cells:
        at = rfc3339(reading.observed_at, "milliseconds").replace("T", " ").removesuffix("Z")
        rows.append(Row(cells=(at, amount, change, "")))
        if reading.observed_at in gap_texts:
            rows.append(_remark(gap_texts[reading.observed_at]))
    show_grid(console, Grid(columns=columns, rows=tuple(rows)))


def _remark(text: str) -> Row:
    return Row(cells=("", "", "", text), style="magenta")


def aligned(amounts: Sequence[str]) -> list[str]:
    """Return amounts padded with blanks, so that their decimal points line up."""
    parts = [one.partition(".") for one in amounts]
    left = max((len(whole) for whole, _, _ in parts), default=0)
    right = max((len(point + rest) for _, point, rest in parts), default=0)
    return [f"{whole:>{left}}{point + rest:<{right}}" for whole, point, rest in parts]


def _change(old: str | None, new: str) -> str:
    if old is None or "unknown" in (old, new):
        return ""
    change = subtract(Decimal(new), Decimal(old))
    return f"{change:+,f}" if change else ""


def show_chart(console: Console, chart: str, heading: str, notes: Sequence[str]) -> None:
    """Print a drawn chart below its heading, with a legend."""
    console.print(heading, style="bold", markup=False, soft_wrap=True)
    print(chart)  # noqa: T201 -- it has its own colours
    for note in notes:
        console.print(note, markup=False, soft_wrap=True)


def heading(query: HistoryQuery, field: Field, readings: int) -> str:
    """Return the heading of a chart: series, amount, period (UTC), count of readings."""
    within = f"{moment(query.since)} to {moment(query.until)}"
    return f"{query.series} {field}, {within}, {readings:,} {'reading' if readings == 1 else 'readings'}"


def write_csv(pages: Iterator[Page]) -> None:
    """Write readings as `export` does: in UTF-8, or in the encoding of the terminal that shows it."""
    # piped, the bytes are those of `export`, whatever the locale: the file may be imported again
    out = sys.stdout if sys.stdout.isatty() else codecs.getwriter("utf-8")(sys.stdout.buffer)
    out.write(head(Format.CSV))
    for of, rows in pages:
        out.write(text(Format.CSV, of, rows))


def write_json(query: HistoryQuery, pages: Iterator[Page]) -> None:
    """Write one JSON document, a reading a line. Only one page of readings is in memory at a time."""
    frame = {"series": query.series, "since": rfc3339(query.since), "until": rfc3339(query.until)}
    # the object's closing brace comes last: the readings go in between, one at a time
    opening = json.dumps(frame, ensure_ascii=not encodes_everything(sys.stdout))[:-1]
    sys.stdout.write(opening + ', "readings": [')
    separator = "\n"
    for _, rows in pages:
        for row in rows:
            sys.stdout.write(separator + json.dumps(fields(row)))
            separator = ",\n"
    sys.stdout.write("\n]}\n")
