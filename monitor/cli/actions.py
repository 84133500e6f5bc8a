"""The commands `ack` and `silence`, by which people acknowledge and mute alerts.

`monitor.alerting.actions` brings the writer and SQLAlchemy, which take longer to load than all the rest. The commands
that write import it themselves, so that `silence list` starts as fast as `status`."""

from datetime import UTC, datetime
from typing import Annotated

import typer

from monitor.cli.loading import load_in_force
from monitor.cli.shared import ConfigOption, JsonOption, usage_errors
from monitor.domain.alerts import Ack
from monitor.payloads import silences as payloads
from monitor.store.read.state import read
from monitor.terminal.alerts import show_ack, show_silenced, show_silences
from monitor.terminal.console import show_json, stderr, stdout

app = typer.Typer()
silence_app = typer.Typer(no_args_is_help=True)
app.add_typer(silence_app, name="silence")

ReasonOption = Annotated[str, typer.Option("--reason", metavar="TEXT", help="Reason, stored with it.")]
ByOption = Annotated[
    str | None,
    typer.Option("--by", metavar="NAME", help="Name, stored with it. Default: the logged-in user."),
]


@app.command()
def ack(
    incident: Annotated[str, typer.Argument(metavar="ID", help="Incident id or unique prefix.")],
    reason: ReasonOption,
    config: ConfigOption = None,
    by: ByOption = None,
    remove: Annotated[bool, typer.Option("--remove", help="Remove an acknowledgement.")] = False,
) -> None:
    """Acknowledge a firing alert: no reminders and no escalation until it worsens or resolves.

    Works while the daemon runs. Exit codes: 0 done; 1 refused: no such alert is firing, or the store cannot be written;
    64 a misused command line."""
    from monitor.alerting import actions

    path = load_in_force(config).store.path
    with usage_errors():
        given = Ack(by=actions.who(by), reason=actions.text("reason", reason), at=datetime.now(UTC))
    done = actions.remove_ack(path, incident, given) if remove else actions.ack(path, incident, given)
    show_ack(stdout(), done.alert, done.before)


@silence_app.callback()
def silence(context: typer.Context, config: ConfigOption = None) -> None:
    """Mute notifications for a time: add, list and expire silences. Works while the daemon runs.

    A silenced alert stays active and is shown in `status`. When the silence ends, changes since the last
    notification are sent. Exit codes: 0 done; 1 refused: no such silence, or the store cannot be written;
    64 a misused command line."""
    context.obj = config


@silence_app.command("add")
def add_silence(
    context: typer.Context,
    reason: ReasonOption,
    match: Annotated[
        list[str] | None,
        typer.Option(
            metavar="KEY=GLOB[,GLOB]",
            help="Alerts to mute, by rule, type, severity, subject, job, provider, account, currency or a label. "
            "If given several times, all must match; of several globs with commas, one.",
        ),
    ] = None,
    lasts: Annotated[str | None, typer.Option("--for", metavar="SPAN", help="Duration: 30m, 2h, 3d.")] = None,
    until: Annotated[
        str | None,
        typer.Option(
            metavar="TIME", help="End, instead of --for: 18:30, 2026-12-01T05:00, 2026-12-01T05:00Z."
        ),
    ] = None,
    begins: Annotated[str | None, typer.Option("--from", metavar="TIME", help="Start. Default: now.")] = None,
    by: ByOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Mute notifications for matching alerts. Prints the silence's number and the alerts that it mutes.

    A time without a zone is in this machine's time zone."""
    from monitor.alerting import actions

    loaded, now = load_in_force(config or context.obj), datetime.now(UTC)
    with usage_errors():
        starts_at, ends_at = actions.period(lasts, until, begins, now)
        request = actions.SilenceRequest(
            match=actions.match_of(match or ()),
            starts_at=starts_at,
            ends_at=ends_at,
            by=actions.who(by),
            reason=actions.text("reason", reason),
        )
        done = actions.silence(loaded, request, now)
    if as_json:
        show_json(payloads.new_silence(done.silence, done.rules, done.subjects, done.firing, now))
    else:
        show_silenced(stdout(), done.silence, done.rules, done.subjects, done.firing, now)


@silence_app.command("list")
def list_silences(
    context: typer.Context,
    everything: Annotated[bool, typer.Option("--all", help="Also expired ones.")] = False,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """List silences that have not expired, newest first."""
    loaded, now = load_in_force(config or context.obj), datetime.now(UTC)
    known = read(loaded.store.path)
    found = [one for one in known.silences if everything or now < one.silence.ends_at] if known else []
    upcoming = [one.silence for one in found if now < one.silence.ends_at]
    idle = loaded.idle_silences(upcoming, known.series_keys) if known else frozenset[int]()
    if as_json:
        listed = [payloads.silence(one, now, matches_nothing=one.silence.id in idle) for one in found]
        show_json(listed)
    elif found:
        show_silences(stdout(), found, idle, now)
    else:
        stderr().print("no silences" if everything else "no current silences; --all also lists past ones")


@silence_app.command("expire")
def expire_silence(
    context: typer.Context,
    number: Annotated[int, typer.Argument(metavar="ID", help="The silence's number.")],
    by: ByOption = None,
    config: ConfigOption = None,
) -> None:
    """Expire a silence now. Changes since the last notification are sent."""
    from monitor.alerting import actions

    path = load_in_force(config or context.obj).store.path
    with usage_errors():
        name = actions.who(by)
    ended = actions.expire(path, number, name, datetime.now(UTC))
    stdout().print(f"silence {ended.id} expired", markup=False)
