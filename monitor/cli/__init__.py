"""The commands and their exit codes; what they do is elsewhere.

Modules that are heavy to import are imported by the commands that need them, so that `status` starts at once.
"""

import asyncio
import logging
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, cast

import typer

from monitor import __version__
from monitor.cli import readings
from monitor.cli.shared import (
    EX_CONFIG,
    EX_FAILED,
    EX_INTERRUPTED,
    EX_OK,
    EX_UNKNOWN,
    EX_USAGE,
    ConfigOption,
    JsonOption,
)
from monitor.cli.shared import load as _load
from monitor.cli.shared import load_in_force as _load_in_force
from monitor.cli.shared import print_error as _complain
from monitor.cli.shared import quietly as _quietly
from monitor.cli.shared import refuse as _refuse
from monitor.cli.shared import usage_errors as _misuse_refused
from monitor.errors import ConfigError, MonitorError, Problem, StoreReplaced
from monitor.log.encoding import write_readably

if TYPE_CHECKING:
    from monitor.config import Config

_CHECKS = ("poll", "status")
# what a misused command line raises; typer exports only this child of it
_UsageError = cast("type[typer.BadParameter]", typer.BadParameter.__base__)

_PLUGIN = "Exit codes as of a Nagios plugin: 0 ok, 1 a warning fires, 2 a critical fires, 3 unknown."

app = typer.Typer(
    name="balance-monitor",
    help="""Watches wallet balances at REST services and tells people when something is wrong.

Try it without configuring anything: balance-monitor demo

Then: copy config.example.yaml to config.yaml, edit it, `balance-monitor check --live`, `balance-monitor run`.""",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",
    context_settings={"help_option_names": ["-h", "--help"]},
)

ReasonOption = Annotated[str, typer.Option("--reason", metavar="TEXT", help="Why. It is kept.")]
ByOption = Annotated[
    str | None, typer.Option("--by", metavar="NAME", help="Who. It is kept; without it, who is logged in.")
]

alerts_app = typer.Typer(invoke_without_command=True)
silence_app = typer.Typer(no_args_is_help=True)
app.add_typer(alerts_app, name="alerts")
app.add_typer(silence_app, name="silence")


class LogFormat(StrEnum):
    """How log lines look."""

    TEXT = "text"
    JSON = "json"


class LogLevel(StrEnum):
    """What is logged."""

    DEBUG = "debug"
    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


@app.command()
def run(
    config: ConfigOption = None,
    log_format: Annotated[
        LogFormat, typer.Option(help="Lines for people, or one JSON object each.")
    ] = LogFormat.TEXT,
    log_level: Annotated[LogLevel, typer.Option(help="The least that is logged.")] = LogLevel.INFO,
) -> None:
    """Run the daemon, in the foreground.

    SIGTERM and SIGINT end it within ten seconds, with nothing lost. SIGHUP reloads the configuration; an invalid
    one is refused and the old one stays in force."""
    from monitor.daemon.daemon import Daemon
    from monitor.log.lines import set_up

    os.umask(0o077)
    redact = set_up(log_format.value, logging.getLevelNamesMapping()[log_level.value.upper()])
    loaded = _load(config)
    _warn(loaded)

    async def daemon() -> None:
        code = EX_OK
        try:
            await Daemon(loaded, environ=os.environ, redact=redact).run()
        except StoreReplaced:  # it has said so
            code = EX_FAILED
        logging.shutdown()
        os._exit(
            code
        )  # all is written and closed; a thread stuck in a name lookup would hold up any other exit

    asyncio.run(daemon())


@app.command()
def check(
    config: ConfigOption = None,
    live: Annotated[
        bool,
        typer.Option(
            "--live",
            help="Also poll every account once. Nothing is stored; the calls count with the service.",
        ),
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Validate the configuration: every problem at once, with file, line and column.

    Exit codes: 0 ok, 78 invalid; with --live also 3 when a balance could not be read."""
    from monitor.daemon.runtime import notifiers, require_tls
    from monitor.terminal.console import show_json, stderr, stdout

    with _problems_as_data(as_json=as_json):
        loaded = _load(config)
        notifiers(loaded)
        require_tls(loaded)
    warnings = _warnings(loaded)
    accounts = sum(len(job.accounts) for job in loaded.jobs)
    if as_json and not live:
        show_json({"file": str(loaded.path), "problems": [], "warnings": warnings})
    if not as_json:
        for warning in warnings:
            stderr().print(f"warning: {warning}", style="yellow", markup=False, soft_wrap=True)
        sizes = {"job": len(loaded.jobs), "account": accounts, "rule": len(loaded.rules)}
        counts = ", ".join(
            f"{count} {name}" if count == 1 else f"{count} {name}s" for name, count in sizes.items()
        )
        stdout().print(f"{loaded.path}: ok, {counts}", style="green", markup=False, soft_wrap=True)
    if live:
        raise typer.Exit(_check_live(loaded, warnings, as_json=as_json))


def _check_live(loaded: "Config", warnings: list[str], *, as_json: bool) -> int:
    from monitor.daemon.poll_once import check_live
    from monitor.domain.model import Account, PollResult
    from monitor.terminal.console import show_json, stdout
    from monitor.terminal.status import lacking, poll_json, show_poll

    console = stdout()
    results: list[tuple[Account, PollResult]] = []

    def progress(account: Account, result: PollResult) -> None:
        results.append((account, result))
        if not as_json:
            show_poll(console, account, result)

    _quietly(loaded)
    asyncio.run(check_live(loaded, progress))
    if as_json:
        polls = [poll_json(account, result) for account, result in results]
        show_json({"file": str(loaded.path), "problems": [], "warnings": warnings, "polls": polls})
    incomplete = any(lacking(account, result) for account, result in results)
    return EX_OK if all(result.ok for _, result in results) and not incomplete else EX_UNKNOWN


@app.command(epilog=_PLUGIN)
def poll(
    config: ConfigOption = None,
    job: Annotated[str | None, typer.Option("--job", metavar="NAME", help="Only this job.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Poll every job once, now, with rules and notifications, and show what came of it.

    For cron, Icinga or a look. While the daemon runs on the same store, `status` is what to use."""
    from monitor.daemon.poll_once import poll as poll_once
    from monitor.domain.model import Account, PollResult
    from monitor.terminal.console import stderr
    from monitor.terminal.status import show_poll

    loaded = _load(config)
    names = [one.name for one in loaded.jobs]
    if job is not None and job not in names:
        _refuse(f"no job {job!r}; there are {', '.join(names)}")
    _quietly(loaded)
    os.umask(0o077)
    console = stderr()

    def progress(account: Account, result: PollResult) -> None:
        if console.is_terminal:  # some that run checks take stderr for the first line of the answer
            show_poll(console, account, result)

    asyncio.run(poll_once(loaded, job, progress))
    raise typer.Exit(_show_status(loaded, job, as_json=as_json))


@app.command(epilog=_PLUGIN)
def status(
    config: ConfigOption = None,
    as_json: JsonOption = False,
    watch: Annotated[
        bool, typer.Option("--watch", help="Stay on screen and refresh, until Ctrl-C. Needs a terminal.")
    ] = False,
    every: Annotated[
        str | None,
        typer.Option(metavar="SPAN", help="With --watch: how often the store is read. Default: 2s."),
    ] = None,
) -> None:
    """Show what the store knows: balances, alerts, last polls, outbox. Opens no network and needs no secrets.

    An alert that is acknowledged or silenced is shown as such, and counts for the exit code as any other: a check
    tells how things stand, and what runs it has acknowledgements and downtimes of its own."""
    loaded = _load_in_force(config)
    _quietly(loaded)
    if watch or every is not None:
        readings.watch(loaded, every, watch=watch, as_json=as_json)
    raise typer.Exit(_show_status(loaded, None, as_json=as_json))


readings.add_to(app)  # in the order in which --help lists the commands


def _show_status(loaded: "Config", job: str | None, *, as_json: bool) -> int:
    from monitor.alerting.status import assemble
    from monitor.config.coverage import idle_silences
    from monitor.store.read.state import read
    from monitor.terminal.console import show_json, stdout
    from monitor.terminal.status import show_status

    jobs = [one for one in loaded.jobs if job in (None, one.name)]
    accounts = [account for one in jobs for account in one.accounts]
    now = datetime.now(UTC)
    providers = {one.name: one.provider for one in jobs}
    known = read(loaded.store.path)
    idle = idle_silences(known, loaded, now)
    found = assemble(known, providers, accounts, now, loaded.maintenance, loaded.problems, idle)
    if as_json:
        show_json(found.to_json())
    else:
        show_status(stdout(), found)
    return found.check


class StateFilter(StrEnum):
    """Which incidents are shown."""

    FIRING = "firing"
    PENDING = "pending"
    RESOLVED = "resolved"
    ALL = "all"


@alerts_app.callback()
def alerts(
    context: typer.Context,
    config: ConfigOption = None,
    state: Annotated[StateFilter, typer.Option(help="Only incidents in this state.")] = StateFilter.ALL,
    rule: Annotated[str, typer.Option(metavar="GLOB", help="Only those of rules that this fits.")] = "*",
    since: Annotated[
        str | None,
        typer.Option(
            metavar="SPAN", help="Only what goes on, or was told within so long: 24h. Default: all kept."
        ),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """List incidents, current and past, the newest first. `alerts show ID` tells one's story.

    Opens no network and needs no secrets. Exit codes: 0 whatever fires (that is what `status` is for), 1 where the
    store can't be read."""
    context.obj = config
    if context.invoked_subcommand is not None:
        return
    from monitor.alerting.incidents import chosen, incident_json
    from monitor.store.read.incidents import incidents
    from monitor.terminal.alerts import show_incidents
    from monitor.terminal.console import show_json, stderr, stdout

    loaded, now = _load_in_force(config), datetime.now(UTC)
    found = chosen(incidents(loaded.store.path, _ago(since, now)), state, rule)
    if as_json:
        show_json([incident_json(one) for one in found])
    elif found:
        show_incidents(stdout(), found, now)
    else:
        stderr().print("no such incident is kept" if loaded.store.path.exists() else "no store yet")


@alerts_app.command("show")
def show_alert(
    context: typer.Context,
    incident: Annotated[
        str, typer.Argument(metavar="ID", help="The incident's id, or the beginning of it that no other has.")
    ],
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Tell one incident's story: readings around it, what was told, each delivery attempt, who did what.

    Exit codes: 0, and 1 where there is no such incident."""
    from monitor.alerting.incidents import meant, story_json
    from monitor.store.read.incidents import incidents, story
    from monitor.terminal.alerts import show_timeline
    from monitor.terminal.console import show_json, stdout

    path = _load_in_force(config or context.obj).store.path
    found = story(path, incident.upper())
    if found is None:
        known = {one.id: f"{one.rule} {one.subject}" for one in incidents(path)}
        found = story(path, meant(incident, known, "known"))
    if found is None:
        return  # pruned between the two looks
    now = datetime.now(UTC)
    if as_json:
        show_json(story_json(found, now))
    else:
        show_timeline(stdout(), found, now)


def _ago(since: str | None, now: datetime) -> datetime | None:
    from monitor.domain.units import duration

    try:
        return None if since is None else now - duration(since)
    except ValueError as exc:
        _refuse(f"--since: {exc}, got {since!r}")


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
    from monitor.alerting import actions
    from monitor.domain.alerts import Ack
    from monitor.terminal.alerts import show_ack
    from monitor.terminal.console import stdout

    path = _load_in_force(config).store.path
    with _misuse_refused():
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
    from monitor.alerting import actions
    from monitor.terminal.alerts import show_silenced, silenced_json
    from monitor.terminal.console import show_json, stdout

    loaded, now = _load_in_force(config or context.obj), datetime.now(UTC)
    with _misuse_refused():
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
    from monitor.alerting.incidents import silence_json
    from monitor.config.coverage import idle_silences
    from monitor.store.read.state import read
    from monitor.terminal.alerts import show_silences
    from monitor.terminal.console import show_json, stderr, stdout

    loaded, now = _load_in_force(config or context.obj), datetime.now(UTC)
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
    from monitor.alerting import actions
    from monitor.terminal.console import stdout

    path = _load_in_force(config or context.obj).store.path
    with _misuse_refused():
        name = actions.who(by)
    ended = actions.expire(path, number, name, datetime.now(UTC))
    stdout().print(f"silence {ended.id} is over", markup=False)


@app.command()
def notify(
    config: ConfigOption = None,
    channel: Annotated[str | None, typer.Argument(help="Only this channel.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Send a test message through every channel, and say for each URL what came back.

    Exit codes: 0 all took it, 1 one did not."""
    from monitor.daemon.poll_once import try_channels
    from monitor.terminal.console import show_json, stderr, stdout

    loaded = _load(config)
    if channel is not None and channel not in loaded.channels:
        _refuse(f"no channel {channel!r}; there are {', '.join(loaded.channels) or 'none'}")
    _quietly(loaded)
    tried = asyncio.run(try_channels(loaded, channel))
    if as_json:
        show_json(
            [{"channel": one.target.channel, "url": one.target.url_id, "error": one.error} for one in tried]
        )
    else:
        for one in tried:
            said = f"✗ {one.target}: {one.error}" if one.error else f"✓ {one.target}: taken"
            stdout().print(said, style="red" if one.error else "green", markup=False, soft_wrap=True)
        if not tried:
            stderr().print("no channels are configured")
    raise typer.Exit(EX_FAILED if any(one.error for one in tried) else EX_OK)


class SeverityChoice(StrEnum):
    """How bad an alert is."""

    INFO = "info"
    WARNING = "warning"
    CRITICAL = "critical"


@app.command()
def route(
    series: Annotated[
        str,
        typer.Argument(metavar="SERIES", help="A series (job/account/currency), an account or a provider."),
    ],
    config: ConfigOption = None,
    rule: Annotated[
        str | None, typer.Option(metavar="NAME", help="Only this rule; without it, every rule about it.")
    ] = None,
    severity: Annotated[SeverityChoice | None, typer.Option(help="Only this severity.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Explain where alerts about a series would go now, and why: routes, channels, grouping, what keeps them quiet.

    Decides as the daemon would and tells nobody. Exit codes: 0, and 64 for a series or rule that there is not."""
    from monitor.daemon.explain_route import explain
    from monitor.domain.model import Severity
    from monitor.terminal.console import show_json, stdout

    loaded, now = _load(config), datetime.now(UTC)
    wanted = Severity[severity.name] if severity is not None else None
    with _misuse_refused():
        explained = explain(loaded, series, rule, wanted, now)
    if as_json:
        show_json([one.to_json() for one in explained])
    else:
        text = "\n\n".join("\n".join(one.lines()) for one in explained)
        stdout().print(text, markup=False, soft_wrap=True)


@app.command("test")
def rule_tests(
    files: Annotated[list[Path], typer.Argument(metavar="FILE", help="Files of rule tests.")],
    config: Annotated[
        Path | None,
        typer.Option(
            "--config",
            "-c",
            metavar="FILE",
            help="The configuration whose rules are tested. Without it: what the file's `config` names, else as "
            "everywhere.",
        ),
    ] = None,
    as_json: JsonOption = False,
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="Also show what passed.")] = False,
) -> None:
    """Test rules before they page anyone: stories of readings, and the events that are to come of them.

    The daemon's own rules, routes and state machine, on the story's time; nothing is polled, kept or sent, and no
    secret is needed. See docs/rules.test.yaml. Exit codes: 0 all passed, 1 some did not, 78 a file is invalid."""
    from monitor.ruletests.report import run_files, summary
    from monitor.terminal.console import show_json, stdout

    def load(named: Path | None) -> "Config":
        return _load(config or named, need_secrets=False)

    with _problems_as_data(as_json=as_json):
        tested = run_files(files, load)
    passed = all(verdict.passed for one in tested for verdict in one.verdicts)
    if as_json:
        show_json({"passed": passed, "files": [one.to_json() for one in tested]})
    else:
        console = stdout()
        for line, style in (shown for one in tested for shown in one.lines(verbose=verbose)):
            console.print(line, style=style, markup=False, soft_wrap=True)
        console.print(summary(tested), style="green" if passed else "bold red", markup=False)
    raise typer.Exit(EX_OK if passed else EX_FAILED)


@app.command()
def schema() -> None:
    """Print the configuration's JSON Schema, for editors: `balance-monitor schema > schema.json`."""
    from monitor.config import json_schema
    from monitor.terminal.console import show_json

    show_json(json_schema())


@app.command()
def version(as_json: JsonOption = False) -> None:
    """Print the versions of this program and of what it stands on."""
    import platform
    import sqlite3
    from importlib.metadata import version as installed

    from monitor.terminal.console import show_json, stdout

    names = (
        "apprise",
        "apscheduler",
        "httpx",
        "sqlmodel",
        "sqlalchemy",
        "alembic",
        "pydantic",
        "pyyaml",
        "typer",
    )
    found = {
        "balance-monitor": __version__,
        "python": platform.python_version(),
        "sqlite": sqlite3.sqlite_version,
        **{name: installed(name) for name in names},
    }
    if as_json:
        show_json(found)
    else:
        for name, number in found.items():
            stdout().print(f"{name} {number}")


@app.command()
def sandbox(
    nami_port: Annotated[int, typer.Option(min=0, max=65535, help="Nami's port; 0: any free one.")] = 0,
    wdcf_port: Annotated[int, typer.Option(min=0, max=65535, help="WDCF's port; 0: any free one.")] = 0,
    balance: Annotated[
        list[str] | None,
        typer.Option(
            metavar="STORY",
            help="A balance: 'nami/spot/USDT drain 1000 to 50 over 20s', 'wdcf/CLIENT_001 walk 1000 step 5 seed 7'.",
        ),
    ] = None,
    fault: Annotated[
        list[str] | None,
        typer.Option(
            metavar="FAULT",
            help="What goes wrong: 'wdcf reset from 12s for 6s', 'nami 429', 'wdcf latency 2s'.",
        ),
    ] = None,
    webhook: Annotated[
        bool, typer.Option("--webhook", help="Also receive notifications, and print them.")
    ] = False,
) -> None:
    """Serve both endpoints on loopback, with scripted balances and faults, and print a configuration that fits.

    The configuration goes to stdout: `balance-monitor sandbox --webhook > sandbox.yaml` and, in another terminal,
    `balance-monitor run -c sandbox.yaml`. Balances are constant, drain, top-up, steps or walk. Ctrl-C ends it."""
    from monitor.daemon.demo import serve

    asyncio.run(serve(nami_port, wdcf_port, balance or [], fault or [], webhook=webhook))


@app.command()
def demo(
    stay: Annotated[
        bool, typer.Option("--stay", help="Go on after the story, until Ctrl-C: to look around.")
    ] = False,
    port: Annotated[
        int | None,
        typer.Option(min=1, max=65535, help="The status page's. Default: 8787, or another if that is taken."),
    ] = None,
) -> None:
    """See it all within 30 seconds: readings, a drain, its alert, the resolve, an outage. Needs nothing.

    A sandbox of both endpoints, the daemon with its status page and a receiver of its notifications run on loopback
    and in a temporary folder. It ends by itself, or with Ctrl-C."""
    from monitor.daemon.demo import demonstrate

    asyncio.run(demonstrate(port, stay=stay))


# What the commands share


@contextmanager
def _problems_as_data(*, as_json: bool) -> Iterator[None]:
    try:
        yield
    except ConfigError as exc:
        if as_json:
            from monitor.terminal.console import show_json

            problems = [_problem(one, exc.source) for one in exc.problems]
            show_json({"file": exc.source, "problems": problems, "warnings": []})
        raise


def _problem(one: Problem, source: str) -> dict[str, object]:
    return {
        "file": one.source or source,
        "line": one.line,
        "column": one.column,
        "path": one.path,
        "reason": one.reason,
    }


def _warnings(loaded: "Config") -> list[str]:
    from monitor.config import warnings

    return warnings(loaded, datetime.now(UTC))


def _warn(loaded: "Config") -> None:
    for warning in _warnings(loaded):
        logging.getLogger(__name__).warning("%s", warning)


def main() -> None:
    """The command line. Foreseeable trouble ends in a line on stderr and an exit code, never in a traceback."""
    write_readably()
    sys.exit(_main(sys.argv[1:]))


def _main(arguments: list[str]) -> int:
    try:
        code = app(arguments, prog_name="balance-monitor", standalone_mode=False)
        sys.stdout.flush()
    except ConfigError as exc:
        _complain(*exc.lines())
        return EX_CONFIG
    except MonitorError as exc:
        _complain(f"balance-monitor: {exc}")
        return EX_UNKNOWN if arguments[0] in _CHECKS else EX_FAILED
    except _UsageError as exc:
        exc.show()
        return EX_USAGE
    except (KeyboardInterrupt, typer.Abort):
        return EX_INTERRUPTED
    except BrokenPipeError:
        os.dup2(
            os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno()
        )  # what is still to be flushed goes there
        return EX_OK
    except Exception as exc:
        if arguments[0] not in _CHECKS:
            raise
        # a defect; but 1, Python's own code for one, would say "a warning fires"
        sys.excepthook(type(exc), exc, exc.__traceback__)
        return EX_UNKNOWN
    return code if isinstance(code, int) else EX_OK
