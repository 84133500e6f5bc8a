"""What all commands share: exit codes, options, and how a command line is refused.

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
EX_USAGE = 64  # not the usual 2, which means "critical" to Nagios
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
        readable=False,  # else typer checks it, and an unreadable file would exit with 64 instead of 78
        help="Configuration file. Default: $BALANCE_MONITOR_CONFIG, ./config.yaml, /etc/balance-monitor/config.yaml.",
    ),
]
JsonOption = Annotated[
    bool, typer.Option("--json", help="Print JSON: amounts as strings, times in RFC 3339, UTC.")
]


@contextmanager
def usage_errors() -> Iterator[None]:
    """Turn ValueError within the block into a refused command line: its text on stderr, exit code 64."""
    try:
        yield
    except ValueError as exc:
        refuse(str(exc))


def discard_stdout() -> None:
    """Discard output that is still buffered, because the reader of the pipe is gone.

    Python flushes stdout at exit, and would print a traceback for the broken pipe then."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def span_of(option: str, given: str) -> timedelta:
    """Return the span that an option gives. Refuse the command line if it is not one."""
    try:
        return duration(given)
    except ValueError as exc:
        refuse(f"--{option}: {exc}, got {given!r}")


def refuse(reason: str) -> NoReturn:
    """Print why the command line is refused, and exit with 64."""
    print_error(f"balance-monitor: {reason}")
    raise typer.Exit(EX_USAGE)


def print_error(*lines: str) -> None:
    """Print lines on stderr."""
    print(*lines, sep="\n", file=sys.stderr)  # noqa: T201 -- stderr is where this goes
