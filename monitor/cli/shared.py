"""What all commands share: exit codes, options, loading the configuration, refusing what is misused."""

import logging
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

from monitor.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from pydantic import SecretStr

    from monitor.config import Config

EX_OK = 0
EX_FAILED = 1
EX_UNKNOWN = 3
EX_USAGE = 64  # not the usual 2, which says "critical" in the convention of Nagios plugins
EX_CONFIG = 78
EX_INTERRUPTED = 130

ConfigOption = Annotated[
    Path | None,
    typer.Option(
        "--config",
        "-c",
        metavar="FILE",
        readable=False,  # else typer looks itself, and calls a file that can't be read a misused command line
        help="The configuration. Without it: $BALANCE_MONITOR_CONFIG, ./config.yaml, /etc/balance-monitor/config.yaml.",
    ),
]
JsonOption = Annotated[
    bool, typer.Option("--json", help="Data as JSON: amounts as strings, times RFC 3339 in UTC.")
]


def load(path: Path | None, *, need_secrets: bool = True) -> "Config":
    """The configuration that is meant. Raises ConfigError."""
    from monitor.config import find
    from monitor.config import load as load_file

    def refused(channels: "Mapping[str, Iterable[SecretStr]]") -> "list[tuple[str, int, str]]":
        from monitor.notify.channels import open_channels  # apprise takes a third of a second to load

        return open_channels(channels)[1]

    return load_file(
        find(path, os.environ, Path()),
        os.environ,
        need_secrets=need_secrets,
        refused=refused if need_secrets else None,
    )


def load_in_force(path: Path | None) -> "Config":
    """Return the configuration that is meant, for a command that needs no secrets. While its file is broken, return the
    one in force, with a warning. Raises ConfigError where there is neither."""
    from monitor.config import find
    from monitor.config import load as load_file

    file = None
    try:
        file = find(path, os.environ, Path())
        return load_file(file, os.environ, need_secrets=False)
    except ConfigError as exc:
        from monitor.config.in_force import in_force

        config, warning = in_force(file, os.environ, exc)
    print_error(warning)
    return config


def quietly(loaded: "Config") -> None:
    """For commands with an output of their own: only warnings are logged."""
    from monitor.log.lines import set_up

    set_up("text", logging.WARNING).set(loaded.secrets)


@contextmanager
def usage_errors() -> Iterator[None]:
    """Where ValueError says what of the command line can't be meant."""
    try:
        yield
    except ValueError as exc:
        refuse(str(exc))


@contextmanager
def while_somebody_reads() -> Iterator[None]:
    """Around much output: where its reader has had enough (`export | head`), the command ends quietly and at once."""
    try:
        yield
        sys.stdout.flush()
    except BrokenPipeError as exc:
        os.dup2(
            os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno()
        )  # what is still to be flushed goes there
        raise typer.Exit(EX_OK) from exc


def refuse(why: str) -> NoReturn:
    """Ends a command that was misused."""
    print_error(f"balance-monitor: {why}")
    raise typer.Exit(EX_USAGE)


def print_error(*lines: str) -> None:
    """Lines on stderr."""
    print(*lines, sep="\n", file=sys.stderr)  # noqa: T201 -- stderr is where this goes
