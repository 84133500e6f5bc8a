"""What the commands show: tables and colour on a terminal, the same words plain where the output is piped."""

import json
from collections.abc import Iterable, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from monitor.domain.model import Account, PollResult, Severity, State
from monitor.domain.money import grouped, plain
from monitor.domain.units import moment, rfc3339, span
from monitor.errors import Outcome
from monitor.status import Check, JobStatus, Status
from monitor.store.reader import AlertStatus, SeriesStatus

_PIPED_WIDTH = 1000  # columns: a line for a program to read is not folded

_CHECK_STYLE = {
    Check.OK: "bold green",
    Check.WARNING: "bold yellow",
    Check.CRITICAL: "bold red",
    Check.UNKNOWN: "bold magenta",
}
_SEVERITY_STYLE = {Severity.INFO: "cyan", Severity.WARNING: "yellow", Severity.CRITICAL: "bold red"}


class _Console(Console):
    """Leaves it to the program what to do when nobody reads any more; rich would exit with 1."""

    def on_broken_pipe(self) -> None:
        """`status | head`."""
        raise BrokenPipeError


def stdout() -> Console:
    """Where data goes."""
    return _console(stderr=False)


def stderr() -> Console:
    """Where everything else goes."""
    return _console(stderr=True)


def _console(*, stderr: bool) -> Console:
    console = _Console(stderr=stderr, highlight=False)
    return console if console.is_terminal else _Console(stderr=stderr, highlight=False, width=_PIPED_WIDTH)


def show_json(data: Any) -> None:
    """Data for programs: one JSON document."""
    print(json.dumps(data, indent=2, ensure_ascii=False))  # noqa: T201 -- this is the command's output


def show_status(console: Console, status: Status) -> None:
    """All of `status`: a line to read first, then what fires, the balances, the jobs, and the outbox."""
    console.print(headline(status), style=_CHECK_STYLE[status.check])
    if status.alerts:
        console.print(_alerts(console, status.alerts, status.at))
    if status.balances:
        console.print(_balances(console, status.balances, status.at))
    console.print(_jobs(console, status.jobs, status.at))
    for pause in status.pauses:
        text = f"paused: {pause.host} until {moment(pause.until)} after {pause.detail}"
        console.print(text, style="magenta", markup=False)
    counts = status.notifications
    style = "yellow" if counts["pending"] or counts["failed"] else "dim"
    sums = ", ".join(f"{counts[name]} {name}" for name in ("pending", "failed", "delivered"))
    console.print(f"notifications: {sums}", style=style)


def headline(status: Status) -> str:
    """What a plugin for Nagios says in its first line."""
    firing = [alert for alert in status.alerts if alert.state == State.FIRING]
    failing = [job for job in status.jobs if job.outcome != Outcome.OK]
    parts = [f"{len(firing)} firing" if firing else "nothing fires"]
    parts += [f"{job.name}: {job.outcome or 'not polled yet'}" for job in failing]
    parts += [f"{job.name}: overdue" for job in status.jobs if job.overdue]
    missing = sum(bool(balance.missing) for balance in status.balances)
    parts += [f"{missing} missing from the last answer"] if missing else []
    return f"{status.check.name}: " + ", ".join(parts)


def show_poll(console: Console, account: Account, result: PollResult) -> None:
    """One line for one poll, as it comes in."""
    if not result.ok:
        text = f"[red]✗[/] {escape(str(account))} [red]{result.outcome}[/] {escape(result.detail)}"
        console.print(text, soft_wrap=True)
        return
    amounts = [f"{grouped(one.available)} {escape(one.currency)}" for one in result.balances]
    amounts += [f"[magenta]{escape(name)} unknown: not in the answer[/]" for name in lacking(account, result)]
    console.print(f"[green]✓[/] {escape(str(account))} " + ", ".join(amounts), soft_wrap=True)


def lacking(account: Account, result: PollResult) -> list[str]:
    """The currencies that an answer should have held and did not."""
    held = {balance.currency for balance in result.balances}
    return [currency for currency in account.currencies if result.ok and currency not in held]


def poll_json(account: Account, result: PollResult) -> dict[str, Any]:
    """One poll of `check --live` for programs."""
    return {
        "job": account.job,
        "account": account.name,
        "outcome": result.outcome,
        "detail": result.detail,
        "balances": [
            {
                "currency": one.currency,
                "total": plain(one.total),
                "locked": None if one.locked is None else plain(one.locked),
                "available": plain(one.available),
                "updated_at": None if one.updated_at is None else rfc3339(one.updated_at),
            }
            for one in result.balances
        ],
        "missing": lacking(account, result),
    }


def _alerts(console: Console, alerts: Iterable[AlertStatus], at: datetime) -> Table:
    table = _table(console, "alert", "severity", "state", "series", "reason", "for", "id")
    for alert in alerts:
        severity = Severity(alert.severity)
        style = _SEVERITY_STYLE[severity] if alert.state == State.FIRING else "dim"
        row = (
            alert.rule,
            severity.word,
            alert.state,
            alert.subject,
            alert.reason,
            span(at - alert.since),
            alert.id,
        )
        table.add_row(*map(escape, row), style=style)
    return table


def _balances(console: Console, balances: Iterable[SeriesStatus], at: datetime) -> Table:
    table = _table(console, "series", "available", "total", "locked", "read")
    for column in table.columns[1:4]:
        column.justify = "right"
    for one in balances:
        amounts = [
            _amount(one.available),
            _amount(one.total),
            "" if one.locked is None else _amount(one.locked),
        ]
        read = f"{span(at - one.observed_at)} ago" if one.observed_at else "never"
        if one.missing:
            read += f", missing from {one.missing} answers since"
        table.add_row(escape(f"{one.job}/{one.account}/{one.currency}"), *amounts, read)
    return table


def _amount(text: str | None) -> str:
    return "unknown" if text is None else grouped(Decimal(text))


def _jobs(console: Console, jobs: Sequence[JobStatus], at: datetime) -> Table:
    table = _table(console, "job", "provider", "accounts", "last poll", "outcome", "")
    for job in jobs:
        ok = job.outcome == Outcome.OK and not job.overdue
        notes = [job.detail] if job.detail else []
        notes += [f"{job.consecutive_failures} in a row"] if job.consecutive_failures else []
        notes += [f"{job.failing} accounts failing"] if job.failing > 1 else []
        notes += ["overdue"] if job.overdue else []
        notes += [f"{job.missed_runs} runs missed"] if job.missed_runs else []
        table.add_row(
            job.name,
            job.provider,
            str(job.accounts),
            f"{span(at - job.last_poll)} ago" if job.last_poll else "never",
            job.outcome or "unknown",
            escape(", ".join(notes)),
            style="" if ok else "magenta",
        )
    return table


def _table(console: Console, *columns: str) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
    for column in columns:
        table.add_column(column, overflow="fold", no_wrap=not console.is_terminal)
    return table
