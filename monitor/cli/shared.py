"""What all commands share: exit codes, options, refusing what is misused.

`--help` loads this module, so it imports nothing that is slow to load; see `loading` for the configuration."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Annotated, NoReturn

import typer

from monitor.domain.time import duration

EX_OK = 0
EX_FAILED = 1
EX_UNKNOWN = 3
EX_USAGE = 64  # not the usual 2, which says "critical" in the convention of Nagios plugins
EX_CONFIG = 78
EX_INTERRUPTED = 130
PLUGIN_EXIT_CODES = (
    "Exit codes as of a Nagios plugin: 0 ok, 1 a warning fires, 2 a critical fires, 3 unknown."
)

ConfigOption = Annotated[
    Path | None,
    typer.Option(
        "--config",
        "-c",
        metavar="FILE",
        readable=False,  # else typer looks itself, and calls a file that can't be read a misused command line
        help="Configuration file. Default: $BALANCE_MONITOR_CONFIG, ./config.yaml, /etc/balance-monitor/config.yaml.",
    ),
]
JsonOption = Annotated[
    bool, typer.Option("--json", help="Print JSON: amounts as strings, times in RFC 3339, UTC.")
]


@contextmanager
def usage_errors() -> Iterator[None]:
    """Refuse the command line where ValueError says what of it can't be meant."""
    try:
        yield
    except ValueError as exc:
        refuse(str(exc))


def discard_stdout() -> None:
    """Send what is still to be flushed nowhere: the reader of a pipe has gone."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def span_of(option: str, given: str) -> timedelta:
    """Return the span that an option gives; end a command that was misused."""
    try:
        return duration(given)
    except ValueError as exc:
        refuse(f"--{option}: {exc}, got {given!r}")


def refuse(why: str) -> NoReturn:
    """End a command that was misused."""
    print_error(f"balance-monitor: {why}")
    raise typer.Exit(EX_USAGE)


def print_error(*lines: str) -> None:
    """Print lines on stderr."""
    print(*lines, sep="\n", file=sys.stderr)  # noqa: T201 -- stderr is where this goes
