"""The command `import`."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from monitor.cli.loading import load_in_force, quietly
from monitor.cli.readings import counted_readings
from monitor.cli.shared import EX_FAILED, ConfigOption, JsonOption, print_error
from monitor.config import Config
from monitor.errors import NotImported, Refused
from monitor.readings.file import LONGEST_LINE, Format
from monitor.readings.import_ import Checked, check, counted, write
from monitor.store.staging import Staging, staging
from monitor.terminal.console import progress, show_json, stdout

app = typer.Typer()


@app.command("import")
def import_(
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="As `export` writes it; - for stdin.", allow_dash=True)
    ],
    config: ConfigOption = None,
    form: Annotated[
        Format | None,
        typer.Option("--format", help="Format of FILE. Default: by the ending of its name, otherwise CSV."),
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only check the file; write nothing.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Import readings that `export` wrote. Every line is checked before anything is written.

    Works beside the daemon. Readings that the store holds already are skipped and counted; one that differs from the
    store's is refused, as is one from the future or of a job that is not configured. Rules evaluate imported readings
    with the next poll, as if they had been read then. Exit codes: 0; 1 if a line is invalid, the file cannot be read,
    or the store cannot be written."""
    loaded, now = load_in_force(config), datetime.now(UTC)
    quietly(loaded)
    by_name = Format.JSONL if file.suffix in (".jsonl", ".ndjson") else Format.CSV
    source = "stdin" if str(file) == "-" else str(file)
    with staging() as staged:
        try:
            with _lines(file) as lines:
                checked = check(loaded, staged, source, form or by_name, lines, now)
        except NotImported as exc:
            print_error(*exc.lines(), f"{source}: nothing was imported")
            raise typer.Exit(EX_FAILED) from exc
        for warning in checked.warnings:
            print_error(f"warning: {warning}")
        added = 0 if dry_run else _import(loaded, staged, checked, now)
    _show_imported(checked, added, dry_run=dry_run, as_json=as_json)


@contextmanager
def _lines(file: Path) -> Iterator[Iterator[bytes]]:
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


def _import(loaded: Config, staged: Staging, checked: Checked, now: datetime) -> int:
    os.umask(0o077)  # a store that this creates, with its log, is for its owner only
    added = 0
    try:
        with progress("importing", checked.new, shown=sys.stderr.isatty()) as advance:
            for more in write(loaded.store.path, staged, checked, now):
                added += more
                advance(more)
    except BaseException:
        print_error(
            f"interrupted: at least {added:,} of {checked.new:,} readings were written; "
            "import the same file again for the rest"
        )
        raise
    return added


def _show_imported(checked: Checked, added: int, *, dry_run: bool, as_json: bool) -> None:
    if as_json:
        counts = {"imported": added, "new": checked.new, "known": checked.known, "repeated": checked.repeated}
        show_json({**counts, "series": len(checked.series), "warnings": list(checked.warnings)})
        return
    text = f"{counted_readings(checked.new)} to import" if dry_run else f"{counted_readings(added)} imported"
    text += f", of {len(checked.series):,} series" if checked.series else ""
    text += f"; already stored: {checked.known:,}" if checked.known else ""
    text += f"; repeated lines skipped: {checked.repeated:,}" if checked.repeated else ""
    stdout().print(text, markup=False, soft_wrap=True)
