"""The commands `ack` and `silence`, by which people quiet alerts."""

from datetime import UTC, datetime
from typing import Annotated

import typer

from monitor.alerting import actions
from monitor.alerting.incidents import silence_json
from monitor.cli.loading import load_in_force
from monitor.cli.shared import ConfigOption, JsonOption, usage_errors
from monitor.config.coverage import idle_silences
from monitor.domain.alerts import Ack
from monitor.store.read.state import read
from monitor.terminal.alerts import show_ack, show_silenced, show_silences, silenced_json
from monitor.terminal.console import show_json, stderr, stdout

app = typer.Typer()
silence_app = typer.Typer(no_args_is_help=True)
app.add_typer(silence_app, name="silence")

ReasonOption = Annotated[str, typer.Option("--reason", metavar="TEXT", help="Why. It is kept.")]
ByOption = Annotated[
    str | None, typer.Option("--by", metavar="NAME", help="Who. It is kept; without it, who is logged in.")
]


@app.command()
def ack(
    incident: Annotated[
        str, typer.Argument(metavar="ID", help="The incident's id, or the beginning of it that no other has.")
    ],
    reason: ReasonOption,
    config: ConfigOption = None,
    by: ByOption = None,
    remove: Annotated[bool, typer.Option("--remove", help="Take an acknowledgement back.")] = False,
) -> None:
    """Acknowledge an alert that fires: no reminders and no escalation until it gets worse or is over.

    Works while the daemon runs. Exit codes: 0 done; 1 refused: no such alert fires, or the store can't be written;
    64 a misused command line."""
    path = load_in_force(config).store.path
    with usage_errors():
        given = Ack(by=actions.who(by), reason=actions.text("reason", reason), at=datetime.now(UTC))
    done = actions.take_back(path, incident, given) if remove else actions.ack(path, incident, given)
    show_ack(stdout(), done.alert, done.before)


@silence_app.callback()
def silence(context: typer.Context, config: ConfigOption = None) -> None:
    """Keep alerts quiet for a while, see what is kept quiet, end it. Works while the daemon runs.

    A silenced alert lives on and shows in `status`; after the silence, what differs from what was told before is
    told. Exit codes: 0 done; 1 refused: no such silence, or the store can't be written; 64 a misused command line."""
    context.obj = config


@silence_app.command("add")
def add_silence(
    context: typer.Context,
    reason: ReasonOption,
    match: Annotated[
        list[str] | None,
        typer.Option(
            metavar="KEY=GLOB[,GLOB]",
            help="Which alerts, by rule, type, severity, subject, job, provider, account, currency or a label. "
            "Given several times, all have to fit; of globs with a comma, one.",
        ),
    ] = None,
    lasts: Annotated[str | None, typer.Option("--for", metavar="SPAN", help="How long: 30m, 2h, 3d.")] = None,
    until: Annotated[
        str | None,
        typer.Option(metavar="TIME", help="Or until when: 18:30, 2026-12-01T05:00, 2026-12-01T05:00Z."),
    ] = None,
    begins: Annotated[str | None, typer.Option("--from", metavar="TIME", help="From when on; now.")] = None,
    by: ByOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Tell nobody of some alerts for a while. Prints the silence's number, and what it keeps quiet.

    A time without a zone is by this machine's clock."""
    loaded, now = load_in_force(config or context.obj), datetime.now(UTC)
    with usage_errors():
        starts_at, ends_at = actions.period(lasts, until, begins, now)
        wish = actions.SilenceRequest(
            match=actions.match_of(match or ()),
            starts_at=starts_at,
            ends_at=ends_at,
            by=actions.who(by),
            reason=actions.text("reason", reason),
        )
        done = actions.silence(loaded, wish, now)
    if as_json:
        show_json(silenced_json(done.silence, done.rules, done.subjects, done.firing, now))
    else:
        show_silenced(stdout(), done.silence, done.rules, done.subjects, done.firing, now)


@silence_app.command("list")
def list_silences(
    context: typer.Context,
    everything: Annotated[bool, typer.Option("--all", help="Also those that are over.")] = False,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """List the silences that are not over, the newest first."""
    loaded, now = load_in_force(config or context.obj), datetime.now(UTC)
    known = read(loaded.store.path)
    found = [one for one in known.silences if everything or now < one.silence.ends_at] if known else []
    idle = idle_silences(known, loaded, now)
    if as_json:
        listed = [silence_json(one, now, matches_nothing=one.silence.id in idle) for one in found]
        show_json(listed)
    elif found:
        show_silences(stdout(), found, idle, now)
    else:
        stderr().print("no silences" if everything else "no silences; --all shows those that are over")


@silence_app.command("expire")
def expire_silence(
    context: typer.Context,
    number: Annotated[int, typer.Argument(metavar="ID", help="The silence's number.")],
    by: ByOption = None,
    config: ConfigOption = None,
) -> None:
    """End a silence now. What differs from what was told before it is told."""
    path = load_in_force(config or context.obj).store.path
    with usage_errors():
        name = actions.who(by)
    ended = actions.expire(path, number, name, datetime.now(UTC))
    stdout().print(f"silence {ended.id} is over", markup=False)
