"""The commands that try the configuration out: `check`, `poll`, `notify`, `route` and `test`."""

import asyncio
import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from monitor.alerting.explain_route import explain
from monitor.cli.loading import load, quietly
from monitor.cli.shared import (
    EX_FAILED,
    EX_OK,
    EX_UNKNOWN,
    PLUGIN_EXIT_CODES,
    ConfigOption,
    JsonOption,
    refuse,
    usage_errors,
)
from monitor.cli.status import print_status
from monitor.config import Config, warnings
from monitor.config.problems import unknown
from monitor.daemon import poll_once
from monitor.daemon.runtime import open_channels, require_tls
from monitor.domain.model import Account, PollResult, Severity
from monitor.errors import ConfigError
from monitor.payloads import polls, routes
from monitor.payloads import rule_tests as tests
from monitor.ruletests.report import run_files, summary
from monitor.terminal.console import show_json, stderr, stdout
from monitor.terminal.status import show_poll

app = typer.Typer()


@app.command()
def check(
    config: ConfigOption = None,
    live: Annotated[
        bool,
        typer.Option(
            "--live",
            help="Also poll every account once. Stores no readings; the calls count towards the service's limits.",
        ),
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Validate the configuration: every problem at once, with file, line and column.

    Exit codes: 0 ok, 78 invalid; with --live also 3 when a balance could not be read."""
    with _problems_as_data(as_json=as_json):
        loaded = load(config)
        open_channels(loaded)
        require_tls(loaded)
    warned = warnings(loaded, datetime.now(UTC))
    accounts = sum(len(job.accounts) for job in loaded.jobs)
    if as_json and not live:
        show_json({"file": str(loaded.path), "problems": [], "warnings": warned})
    if not as_json:
        for warning in warned:
            stderr().print(f"warning: {warning}", style="yellow", markup=False, soft_wrap=True)
        sizes = {"job": len(loaded.jobs), "account": accounts, "rule": len(loaded.rules)}
        counts = ", ".join(
            f"{count} {name}" if count == 1 else f"{count} {name}s" for name, count in sizes.items()
        )
        stdout().print(f"{loaded.path}: ok, {counts}", style="green", markup=False, soft_wrap=True)
    if live:
        raise typer.Exit(_check_live(loaded, warned, as_json=as_json))


def _check_live(loaded: Config, warned: list[str], *, as_json: bool) -> int:
    console = stdout()
    results: list[tuple[Account, PollResult]] = []

    def progress(account: Account, result: PollResult) -> None:
        results.append((account, result))
        if not as_json:
            show_poll(console, account, result)

    quietly(loaded)
    asyncio.run(poll_once.check_live(loaded, progress))
    if as_json:
        polled = [polls.poll(account, result) for account, result in results]
        show_json({"file": str(loaded.path), "problems": [], "warnings": warned, "polls": polled})
    incomplete = any(result.lacking(account) for account, result in results)
    return EX_OK if all(result.ok for _, result in results) and not incomplete else EX_UNKNOWN


@app.command(epilog=PLUGIN_EXIT_CODES)
def poll(
    config: ConfigOption = None,
    job: Annotated[str | None, typer.Option("--job", metavar="NAME", help="Only this job.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Poll every job once, evaluate rules, send notifications, and show the result.

    For cron, Icinga or a manual check. Refused while the daemon runs on the same store: use `status` then."""
    loaded = load(config)
    names = [one.name for one in loaded.jobs]
    if job is not None and job not in names:
        refuse(unknown("job", job, names))
    quietly(loaded)
    os.umask(0o077)  # a store that this creates, with its log, is for its owner only
    console = stderr()

    def progress(account: Account, result: PollResult) -> None:
        if console.is_terminal:  # some monitoring agents read stderr as the first line of the result
            show_poll(console, account, result)

    asyncio.run(poll_once.poll(loaded, job, progress))
    raise typer.Exit(print_status(loaded, job, as_json=as_json))


@app.command()
def notify(
    config: ConfigOption = None,
    channel: Annotated[str | None, typer.Argument(help="Only this channel.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Send a test notification through every channel and report the result for each URL.

    Exit codes: 0 all accepted it, 1 at least one did not."""
    loaded = load(config)
    if channel is not None and channel not in loaded.channels:
        refuse(unknown("channel", channel, loaded.channels))
    quietly(loaded)
    tried = asyncio.run(poll_once.try_channels(loaded, channel))
    if as_json:
        show_json(
            [{"channel": one.target.channel, "url": one.target.url_id, "error": one.error} for one in tried]
        )
    else:
        for one in tried:
            line = f"✗ {one.target}: {one.error}" if one.error else f"✓ {one.target}: accepted"
            stdout().print(line, style="red" if one.error else "green", markup=False, soft_wrap=True)
        if not tried:
            stderr().print("no channels are configured")
    raise typer.Exit(EX_FAILED if any(one.error for one in tried) else EX_OK)


class SeverityChoice(StrEnum):
    """The severities of an alert."""

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
        str | None, typer.Option(metavar="NAME", help="Only this rule. Default: every rule for the series.")
    ] = None,
    severity: Annotated[SeverityChoice | None, typer.Option(help="Only this severity.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Explain where alerts of a series would be sent now, and why: routes, channels, grouping, mutes.

    Decides like the daemon, and sends nothing. Exit codes: 0; 64 for an unknown series or rule."""
    loaded, now = load(config), datetime.now(UTC)
    wanted = Severity[severity.name] if severity is not None else None
    with usage_errors():
        opened, _ = open_channels(loaded)
        explained = explain(opened, series, rule, wanted, now)
    if as_json:
        show_json([routes.explained(one) for one in explained])
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
            help="The configuration whose rules are tested. Default: the file's `config`, else the usual places.",
        ),
    ] = None,
    as_json: JsonOption = False,
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="Also show tests that passed.")] = False,
) -> None:
    """Run tests of rules: files with readings and the events expected from them.

    Runs the daemon's own rules, routes and alert states on the time of the test. Nothing is polled, stored or sent,
    and no secret is needed. See docs/rules.test.yaml.

    Exit codes: 0 all passed, 1 some did not, 78 a file is invalid."""

    def load_named(named: Path | None) -> Config:
        return load(config or named, need_secrets=False)

    with _problems_as_data(as_json=as_json):
        tested = run_files(files, load_named)
    passed = all(verdict.passed for one in tested for verdict in one.verdicts)
    if as_json:
        show_json({"passed": passed, "files": [tests.file(one) for one in tested]})
    else:
        console = stdout()
        for line, style in (shown for one in tested for shown in one.lines(verbose=verbose)):
            console.print(line, style=style, markup=False, soft_wrap=True)
        console.print(summary(tested), style="green" if passed else "bold red", markup=False)
    raise typer.Exit(EX_OK if passed else EX_FAILED)


@contextmanager
def _problems_as_data(*, as_json: bool) -> Iterator[None]:
    try:
        yield
    except ConfigError as exc:
        if as_json:
            problems = [
                {
                    "file": one.source or exc.source,
                    "line": one.line,
                    "column": one.column,
                    "path": one.path,
                    "reason": one.reason,
                }
                for one in exc.problems
            ]
            show_json({"file": exc.source, "problems": problems, "warnings": []})
        raise
