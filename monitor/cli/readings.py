"""The commands `history` and `export`."""

import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import Annotated, BinaryIO

import typer

from monitor.cli.loading import load_in_force, quietly
from monitor.cli.shared import (
    EX_OK,
    ConfigOption,
    JsonOption,
    discard_stdout,
    print_error,
    refuse,
    usage_errors,
)
from monitor.config import Config
from monitor.domain.model import Field
from monitor.domain.time import between
from monitor.readings import export as exporting
from monitor.readings import query
from monitor.readings.file import Format
from monitor.readings.history import HistoryQuery, draw, latest_page
from monitor.store.read.all_readings import archive
from monitor.store.read.readings import readings
from monitor.terminal.console import progress, stdout
from monitor.terminal.plot import Size, legend, plot
from monitor.terminal.readings import Page, heading, show_chart, show_history, write_csv, write_json

app = typer.Typer()

MOST_SHOWN = 500
_BAR_FROM = 2_000  # readings; fewer are written before anybody sees a bar

SinceOption = Annotated[
    str | None,
    typer.Option(metavar="SPAN|TIME", help="Start: 24h, 7d, 2026-12-01T05:00Z."),
]
UntilOption = Annotated[
    str | None, typer.Option(metavar="SPAN|TIME", help="End, in the same forms. Default: now.")
]


class FieldChoice(StrEnum):
    """The amounts of a reading that can be shown."""

    AVAILABLE = "available"
    TOTAL = "total"
    LOCKED = "locked"


class HistoryFormat(StrEnum):
    """The formats of `history`."""

    TABLE = "table"
    CSV = "csv"
    JSON = "json"


@app.command()
def history(
    series: Annotated[
        str,
        typer.Argument(
            metavar="SERIES", help="job/account/currency, or a glob or prefix that matches only one."
        ),
    ],
    config: ConfigOption = None,
    since: SinceOption = "24h",
    until: UntilOption = None,
    field: Annotated[FieldChoice, typer.Option(help="Amount shown in the table and the chart.")] = (
        FieldChoice.AVAILABLE
    ),
    chart: Annotated[
        bool, typer.Option("--chart", help="Draw a chart with the thresholds of rules. Gaps stay empty.")
    ] = False,
    form: Annotated[
        HistoryFormat, typer.Option("--format", help="A table, or all data for programs.")
    ] = HistoryFormat.TABLE,
    limit: Annotated[
        int | None,
        typer.Option(min=1, help=f"Only the newest N. Default: {MOST_SHOWN} in a table, otherwise all."),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Show the readings of one series: the newest last, each with the change since the one before. Gaps are marked.

    Uses no network and needs no secrets. Times are in UTC. Exit codes: 0; 1 if the store cannot be read; 64 if
    SERIES matches none or several."""
    form = HistoryFormat.JSON if as_json else form
    if chart and form is not HistoryFormat.TABLE:
        refuse(f"--chart can't be combined with --format {form.value}")
    loaded, now = load_in_force(config), datetime.now(UTC)
    quietly(loaded)
    with usage_errors():
        begins, ends = between(since, until, now)
        history_query = query.ask(loaded, series, begins or ends - timedelta(days=1), ends)
    with _until_pipe_closes():
        if chart:
            _show_chart(loaded, history_query, field.value)
        elif form is HistoryFormat.TABLE:
            _show_table(loaded, history_query, field.value, limit or MOST_SHOWN)
        else:
            _write_history(loaded, history_query, form, limit)


def _show_table(loaded: Config, history_query: HistoryQuery, field: Field, limit: int) -> None:
    page = latest_page(loaded.store.path, history_query, limit)
    show_history(stdout(), page, field)
    if len(page.readings) < page.count:
        print_error(
            f"only the newest {len(page.readings):,} of {page.count:,} readings are shown; "
            f"for all: --limit {page.count}, or --format csv"
        )


def _show_chart(loaded: Config, history_query: HistoryQuery, field: Field) -> None:
    console = stdout()
    columns, lines = shutil.get_terminal_size((100, 30))
    limits = query.limits_of(loaded, history_query.series, field)
    notes = list(legend(limits))
    size = Size(columns, min(lines - len(notes) - 3, 40))
    chart = draw(loaded.store.path, history_query, field, limits, size.slices)
    notes += sorted({f"▲ {rule} fired" for rule, _, _ in chart.firing})
    above = heading(history_query, field, chart.curve.readings)
    try:
        drawn = plot(chart, size, colour=console.is_terminal and console.color_system is not None)
    except ValueError as exc:
        drawn = f"({exc})"
    show_chart(console, drawn, above, notes)


def _write_history(
    loaded: Config, history_query: HistoryQuery, form: HistoryFormat, limit: int | None
) -> None:
    since = history_query.since
    if limit is not None:
        newest = readings(
            loaded.store.path, history_query.series, since=since, before=history_query.until, limit=limit
        )
        # readings are written oldest first, page by page: a limit becomes a later start
        since = newest[-1].observed_at if newest else since
    with archive(loaded.store.path) as store:
        mine = (
            [one for one in store.series() if one.name == history_query.series] if store is not None else []
        )
        pages: Iterator[Page] = (
            store.pages(mine, since, history_query.until) if store is not None else iter(())
        )
        if form is HistoryFormat.CSV:
            write_csv(pages)
        else:
            write_json(history_query, pages)


@app.command()
def export(
    config: ConfigOption = None,
    form: Annotated[
        Format, typer.Option("--format", help="CSV with a header line, or one JSON object per line.")
    ] = Format.CSV,
    since: SinceOption = None,
    until: UntilOption = None,
    series: Annotated[
        list[str] | None,
        typer.Option(metavar="GLOB", help="Only matching series. May be given several times."),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output", "-o", metavar="FILE", help="Write to this file. It appears when it is complete."
        ),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace FILE if it exists.")] = False,
) -> None:
    """Write all readings, series by series, oldest first, with exact amounts and times, for `import` or a spreadsheet.

    Works beside the daemon without blocking it. Uses no network and needs no secrets. Amounts and names are written
    unchanged: import the columns into a spreadsheet as text, or it rounds amounts and reads a name that begins with =
    as a formula. Exit codes: 0; 1 if the store cannot be read or FILE cannot be written; 64 a misused command line."""
    loaded, now = load_in_force(config), datetime.now(UTC)
    quietly(loaded)
    with usage_errors():
        begins, ends = between(since, until, now)
        wanted = exporting.Wanted(form=form, since=begins, until=ends, globs=tuple(series or ()))
        with exporting.export(loaded.store.path, wanted) as made:
            if output is None or str(output) == "-":
                with _until_pipe_closes():
                    _export(made, sys.stdout.buffer, beside=not sys.stdout.isatty())
                return
            with exporting.whole_file(output, overwrite=force) as file:
                written = _export(made, file, beside=True)
    print_error(f"{output}: {counted_readings(written.readings)} of {written.series:,} series")


def _export(made: exporting.Export, out: BinaryIO, *, beside: bool) -> exporting.Written:
    shows = beside and sys.stderr.isatty()
    total = made.count() if shows else 0  # counted only for the bar: counting reads the whole index
    with progress("exporting", total, shown=shows and total >= _BAR_FROM) as advance:
        return made.write(out, advance)


@contextmanager
def _until_pipe_closes() -> Iterator[None]:
    """End the command with exit code 0 as soon as the reader of its output is gone, as in `export | head`."""
    try:
        yield
        sys.stdout.flush()
    except BrokenPipeError as exc:
        discard_stdout()
        raise typer.Exit(EX_OK) from exc


def counted_readings(count: int) -> str:
    """Return a count of readings with its noun: `1 reading`, `1,234 readings`."""
    return "1 reading" if count == 1 else f"{count:,} readings"
