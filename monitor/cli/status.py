"""The command `status`, with `--watch`."""

import sys
from datetime import UTC, datetime
from typing import Annotated, NoReturn

import typer

from monitor.alerting.status import assemble
from monitor.cli.loading import load_in_force, quietly
from monitor.cli.shared import PLUGIN_EXIT_CODES, ConfigOption, JsonOption, refuse, span_of
from monitor.config import Config
from monitor.payloads import status as payloads
from monitor.store.read.state import read
from monitor.terminal.console import show_json, stdout
from monitor.terminal.status import show_status
from monitor.terminal.watch import watch as keep_watching

app = typer.Typer()


@app.command(epilog=PLUGIN_EXIT_CODES)
def status(
    config: ConfigOption = None,
    as_json: JsonOption = False,
    watch: Annotated[
        bool, typer.Option("--watch", help="Refresh the screen until Ctrl-C. Needs a terminal.")
    ] = False,
    every: Annotated[
        str | None,
        typer.Option(metavar="SPAN", help="Refresh interval of --watch. Default: 2s."),
    ] = None,
) -> None:
    """Show the stored state: balances, alerts, last polls, outbox. Uses no network and needs no secrets.

    Acknowledged and silenced alerts are marked. They count for the exit code like any other: the system that runs
    the check has acknowledgements and downtimes of its own."""
    loaded = load_in_force(config)
    quietly(loaded)
    if watch or every is not None:
        _watch(loaded, every, watch=watch, as_json=as_json)
    raise typer.Exit(print_status(loaded, None, as_json=as_json))


def print_status(loaded: Config, job: str | None, *, as_json: bool) -> int:
    """Print the stored state of one job or of all (None), and return the exit code of a Nagios plugin."""
    found = assemble(read(loaded.store.path), loaded, datetime.now(UTC), job=job)
    if as_json:
        show_json(payloads.status(found))
    else:
        show_status(stdout(), found)
    return found.check


def _watch(loaded: Config, every: str | None, *, watch: bool, as_json: bool) -> NoReturn:
    if not watch:
        refuse("--every is only allowed with --watch")
    if as_json:
        refuse("--watch can't be combined with --json; run `status --json` repeatedly instead")
    if not sys.stdout.isatty():
        refuse("--watch needs a terminal; use `status` where the output is piped")
    pause = span_of("every", every or "2s")
    if not pause:
        refuse("--every: must be greater than zero")
    keep_watching(loaded, pause)
