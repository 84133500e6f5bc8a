"""The commands that look back: `history`, `export`, `import`, and `status --watch`."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, BinaryIO, NoReturn

import typer

from monitor.cli.shared import (
    EX_FAILED,
    ConfigOption,
    JsonOption,
    load_in_force,
    print_error,
    quietly,
    refuse,
    usage_errors,
    while_somebody_reads,
)

if TYPE_CHECKING:
    from monitor.config import Config
    from monitor.domain.model import Field
    from monitor.readings.export import Export, Written
    from monitor.readings.history import HistoryQuery
    from monitor.readings.import_ import Checked
    from monitor.store.staging import Staging

MOST_SHOWN = 500
_BAR_FROM = 2_000  # readings; fewer are through before a bar is seen

SinceOption = Annotated[
    str | None,
    typer.Option(metavar="SPAN|TIME", help="From when on: 24h, 7d, 2026-12-01T05:00Z."),
]
UntilOption = Annotated[
    str | None, typer.Option(metavar="SPAN|TIME", help="Until when, likewise. Default: now.")
]


class FieldChoice(StrEnum):
    """What of a reading is looked at."""

    AVAILABLE = "available"
    TOTAL = "total"
    LOCKED = "locked"


class HistoryFormat(StrEnum):
    """How `history` shows readings."""

    TABLE = "table"
    CSV = "csv"
    JSON = "json"


class FileFormat(StrEnum):
    """How readings are written into files."""

    CSV = "csv"
    JSONL = "jsonl"


def add_to(app: typer.Typer) -> None:
    """Makes them commands of the program."""
    app.command()(history)
    app.command()(export)
    app.command("import")(import_)


def history(
    series: Annotated[
        str,
        typer.Argument(
            metavar="SERIES", help="job/account/currency; or a glob or a beginning that fits only one."
        ),
    ],
    config: ConfigOption = None,
    since: SinceOption = "24h",
    until: UntilOption = None,
    field: Annotated[FieldChoice, typer.Option(help="Which amount the table and the chart show.")] = (
        FieldChoice.AVAILABLE
    ),
    chart: Annotated[
        bool, typer.Option("--chart", help="Draw it, with the limits of rules; a gap is left empty.")
    ] = False,
    form: Annotated[
        HistoryFormat, typer.Option("--format", help="A table for people, or all that is known for programs.")
    ] = HistoryFormat.TABLE,
    limit: Annotated[
        int | None,
        typer.Option(min=1, help=f"Only the newest so many. Default: {MOST_SHOWN} in a table, else all."),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Show the readings of one series: the newest last, each with the change from the one before, gaps said as such.

    Opens no network and needs no secrets. Times are in UTC. Exit codes: 0; 1 where the store can't be read; 64 where
    it is not clear which series is meant."""
    from monitor.domain.times import between
    from monitor.readings import query

    form = HistoryFormat.JSON if as_json else form
    if chart and form is not HistoryFormat.TABLE:
        refuse(f"--chart is for people; without it --format {form.value} gives the data")
    loaded, now = load_in_force(config), datetime.now(UTC)
    quietly(loaded)
    with usage_errors():
        begins, ends = between(since, until, now)
        asked = query.ask(loaded, series, begins or ends - timedelta(days=1), ends)
    with while_somebody_reads():
        if chart:
            _show_chart(loaded, asked, field.value)
        elif form is HistoryFormat.TABLE:
            _show_table(loaded, asked, field.value, limit or MOST_SHOWN)
        else:
            _write_history(loaded, asked, form, limit)


def _show_table(loaded: "Config", asked: "HistoryQuery", field: "Field", limit: int) -> None:
    from monitor.readings.history import tell
    from monitor.terminal.console import stdout
    from monitor.terminal.readings import show_history

    told = tell(loaded.store.path, asked, limit)
    show_history(stdout(), told, field)
    if len(told.readings) < told.count:
        print_error(
            f"the newest {len(told.readings):,} of {told.count:,}; all: --limit {told.count}, or --format csv"
        )


def _show_chart(loaded: "Config", asked: "HistoryQuery", field: "Field") -> None:
    import shutil

    from monitor.readings import query
    from monitor.readings.history import draw
    from monitor.terminal.console import stdout
    from monitor.terminal.plot import Size, legend, plot
    from monitor.terminal.readings import heading, show_chart

    console = stdout()
    columns, lines = shutil.get_terminal_size((100, 30))
    limits = query.limits_of(loaded, asked.series, field)
    notes = list(legend(limits))
    size = Size(columns, min(lines - len(notes) - 3, 40))
    picture = draw(loaded.store.path, asked, field, limits, size.slices)
    notes += sorted({f"▲ {rule} fired" for rule, _, _ in picture.firing})
    above = heading(asked, field, picture.curve.readings)
    try:
        drawn = plot(picture, size, colour=console.is_terminal and console.color_system is not None)
    except ValueError as exc:
        drawn = f"({exc})"
    show_chart(console, drawn, above, notes)


def _write_history(loaded: "Config", asked: "HistoryQuery", form: HistoryFormat, limit: int | None) -> None:
    from monitor.store.read.all_readings import archive
    from monitor.store.read.readings import readings
    from monitor.terminal.readings import Page, write_csv, write_json

    since = asked.since
    if limit is not None:
        newest = readings(loaded.store.path, asked.series, since=since, before=asked.until, limit=limit)
        since = newest[-1].at if newest else since
    with archive(loaded.store.path) as store:
        mine = [one for one in store.series() if one.name == asked.series] if store is not None else []
        pages: Iterator[Page] = store.pages(mine, since, asked.until) if store is not None else iter(())
        if form is HistoryFormat.CSV:
            write_csv(pages)
        else:
            write_json(asked, pages)


def export(
    config: ConfigOption = None,
    form: Annotated[
        FileFormat, typer.Option("--format", help="CSV with a line of column names, or a JSON object a line.")
    ] = FileFormat.CSV,
    since: SinceOption = None,
    until: UntilOption = None,
    series: Annotated[
        list[str] | None,
        typer.Option(metavar="GLOB", help="Only series that this fits; may be given several times."),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output", "-o", metavar="FILE", help="Into this file, which appears once it is whole."
        ),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace FILE where it is there already.")] = False,
) -> None:
    """Write all readings, series after series, each oldest first: exact amounts and instants, for `import` or a sheet.

    Works beside the daemon and never holds it up. Opens no network and needs no secrets. Amounts and names are as they
    are: a spreadsheet has to import the columns as text, or it rounds amounts and takes a name that begins with = for
    a formula. Exit codes: 0; 1 where the store can't be read or FILE not be written; 64 a misused command line."""
    from monitor.domain.times import between
    from monitor.readings import export
    from monitor.readings.file import Format

    loaded, now = load_in_force(config), datetime.now(UTC)
    quietly(loaded)
    with usage_errors():
        begins, ends = between(since, until, now)
        wanted = export.Wanted(form=Format(form.value), since=begins, until=ends, globs=tuple(series or ()))
        with export.export(loaded.store.path, wanted) as made:
            if output is None or str(output) == "-":
                with while_somebody_reads():
                    _export(made, sys.stdout.buffer, beside=not sys.stdout.isatty())
                return
            with export.whole_file(output, overwrite=force) as file:
                written = _export(made, file, beside=True)
    print_error(f"{output}: {_readings(written.readings)} of {written.series:,} series")


def _export(made: "Export", out: BinaryIO, *, beside: bool) -> "Written":
    from monitor.terminal.console import progress

    shows = beside and sys.stderr.isatty()
    total = made.count() if shows else 0  # counted only for the bar: it costs a look at every reading
    with progress("exporting", total, shown=shows and total >= _BAR_FROM) as advance:
        return made.write(out, advance)


def import_(
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="As `export` writes it; - for stdin.", allow_dash=True)
    ],
    config: ConfigOption = None,
    form: Annotated[
        FileFormat | None,
        typer.Option("--format", help="What FILE is. Default: by its name, CSV where that does not tell."),
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only check the file; write nothing.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Read readings back that `export` wrote, to the last digit: every line is checked before anything is written.

    Works beside the daemon. What the store holds already is left alone and counted; a reading that differs from the
    store's is refused, as is one from the future or of a job that is not configured. Rules look at imported readings
    with the next poll, as if they had been read then. Exit codes: 0; 1 where a line is wrong, the file or the store
    can't be read or not be written."""
    from monitor.errors import NotImported
    from monitor.readings import import_
    from monitor.readings.file import Format
    from monitor.store.staging import staging

    loaded, now = load_in_force(config), datetime.now(UTC)
    quietly(loaded)
    by_name = FileFormat.JSONL if file.suffix in (".jsonl", ".ndjson") else FileFormat.CSV
    source = "stdin" if str(file) == "-" else str(file)
    with staging() as staged:
        try:
            with _lines(file) as lines:
                checked = import_.check(loaded, staged, source, Format((form or by_name).value), lines, now)
        except NotImported as exc:
            print_error(*exc.lines(), f"{source}: nothing was imported")
            raise typer.Exit(EX_FAILED) from exc
        for warning in checked.warnings:
            print_error(f"warning: {warning}")
        added = 0 if dry_run else _import(loaded, staged, checked, now)
    _show_imported(checked, added, dry_run=dry_run, as_json=as_json)


@contextmanager
def _lines(file: Path) -> Iterator[Iterator[bytes]]:
    from monitor.errors import Refused
    from monitor.readings.file import LONGEST_LINE
    from monitor.readings.import_ import counted
    from monitor.terminal.console import progress

    if str(file) == "-":
        yield iter(partial(sys.stdin.buffer.readline, LONGEST_LINE + 1), b"")
        return
    try:
        with file.open("rb") as opened:
            size = os.fstat(opened.fileno()).st_size
            with progress("checking", size, shown=sys.stderr.isatty()) as advance:
                yield counted(iter(partial(opened.readline, LONGEST_LINE + 1), b""), advance)
    except OSError as exc:
        raise Refused(f"{file}: {exc.strerror or exc}") from exc


def _import(loaded: "Config", staged: "Staging", checked: "Checked", now: datetime) -> int:
    from monitor.readings.import_ import write
    from monitor.terminal.console import progress

    os.umask(0o077)
    added = 0
    try:
        with progress("importing", checked.new, shown=sys.stderr.isatty()) as advance:
            for more in write(loaded.store.path, staged, checked, now):
                added += more
                advance(more)
    except BaseException:
        print_error(
            f"stopped with {added:,} of {checked.new:,} readings written, or a few more; "
            "importing the same file again does the rest"
        )
        raise
    return added


def _show_imported(checked: "Checked", added: int, *, dry_run: bool, as_json: bool) -> None:
    from monitor.terminal.console import show_json, stdout

    if as_json:
        counts = {"imported": added, "new": checked.new, "known": checked.known, "repeated": checked.repeated}
        show_json({**counts, "series": len(checked.series), "warnings": list(checked.warnings)})
        return
    said = f"{_readings(checked.new)} to import" if dry_run else f"{_readings(added)} imported"
    said += f", of {len(checked.series):,} series" if checked.series else ""
    said += f"; there already: {checked.known:,}" if checked.known else ""
    said += f"; left out as repeated: {checked.repeated:,}" if checked.repeated else ""
    stdout().print(said, markup=False, soft_wrap=True)


def _readings(count: int) -> str:
    return "1 reading" if count == 1 else f"{count:,} readings"


def watch(loaded: "Config", every: str | None, *, watch: bool, as_json: bool) -> NoReturn:
    """`status --watch`."""
    from monitor.domain.units import duration

    if not watch:
        refuse("--every says how often --watch reads; without that, `status` reads once")
    if as_json:
        refuse("--watch is for people; for programs, `status --json` as often as is needed")
    if not sys.stdout.isatty():
        refuse("--watch needs a terminal; piped, `status` shows how things stand once")
    try:
        pause = duration(every or "2s")
    except ValueError as exc:
        refuse(f"--every: {exc}, got {every!r}")
    if not pause:
        refuse("--every: must be greater than zero")
    from monitor.terminal.watch import watch as keep_watching

    keep_watching(loaded, pause)
