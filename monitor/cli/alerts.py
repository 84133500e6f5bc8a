"""The command `alerts`: incidents, current and past."""

from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated

import typer

from monitor.alerting.incidents import chosen, resolve_prefix
from monitor.cli.loading import load_in_force
from monitor.cli.shared import ConfigOption, JsonOption, span_of
from monitor.payloads import incidents as payloads
from monitor.store.read.incidents import incidents, timeline
from monitor.terminal.alerts import show_incidents, show_timeline
from monitor.terminal.console import show_json, stderr, stdout

app = typer.Typer()
alerts_app = typer.Typer(invoke_without_command=True)
app.add_typer(alerts_app, name="alerts")


class StateFilter(StrEnum):
    """The states by which incidents are filtered."""

    FIRING = "firing"
    PENDING = "pending"
    RESOLVED = "resolved"
    ALL = "all"


@alerts_app.callback()
def alerts(
    context: typer.Context,
    config: ConfigOption = None,
    state: Annotated[StateFilter, typer.Option(help="Only incidents in this state.")] = StateFilter.ALL,
    rule: Annotated[str, typer.Option(metavar="GLOB", help="Only rules that match.")] = "*",
    since: Annotated[
        str | None,
        typer.Option(
            metavar="SPAN",
            help="Only incidents that are ongoing or had an event within this time: 24h. Default: all.",
        ),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """List incidents, current and past, the newest first. `alerts show ID` shows one incident.

    Uses no network and needs no secrets. Exit codes: 0, also while alerts fire (see `status`); 1 if the store
    cannot be read."""
    context.obj = config
    if context.invoked_subcommand is not None:
        return
    loaded, now = load_in_force(config), datetime.now(UTC)
    earliest = None if since is None else now - span_of("since", since)
    found = chosen(incidents(loaded.store.path, earliest), state, rule)
    if as_json:
        show_json([payloads.incident(one) for one in found])
    elif found:
        show_incidents(stdout(), found, now)
    else:
        stderr().print("no matching incidents" if loaded.store.path.exists() else "no store yet")


@alerts_app.command("show")
def show_alert(
    context: typer.Context,
    incident: Annotated[str, typer.Argument(metavar="ID", help="Incident id or unique prefix.")],
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show the timeline of an incident: readings, events, delivery attempts, actions of people.

    Exit codes: 0; 1 if there is no such incident."""
    path = load_in_force(config or context.obj).store.path
    found = timeline(path, incident.upper())
    if found is None:
        known = {one.id: f"{one.rule} {one.subject}" for one in incidents(path)}
        found = timeline(path, resolve_prefix(incident, known, "known"))
    if found is None:
        return  # pruned between the two reads
    now = datetime.now(UTC)
    if as_json:
        show_json(payloads.timeline(found, now))
    else:
        show_timeline(stdout(), found, now)
