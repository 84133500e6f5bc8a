"""The output of `status` (alerts, balances, jobs, outbox), and of one poll as a line."""

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from decimal import Decimal

from rich.console import Console
from rich.markup import escape

from monitor.alerting.incidents import match_text
from monitor.alerting.status import Check, JobStatus, Status
from monitor.domain.model import Account, PollResult
from monitor.domain.money import grouped
from monitor.domain.time import moment, span
from monitor.errors import Outcome
from monitor.store.read.state import SeriesStatus
from monitor.terminal.alerts import MATCHES_NOTHING, alerts_grid
from monitor.terminal.tables import Column, Grid, Row, show_grid

_SOON = timedelta(minutes=1)  # notifications that wait for less are shown only once an attempt has failed

CHECK_STYLE = {
    Check.OK: "bold green",
    Check.WARNING: "bold yellow",
    Check.CRITICAL: "bold red",
    Check.UNKNOWN: "bold magenta",
}


def show_status(console: Console, status: Status) -> None:
    """Print `status`: a headline, then active alerts, balances, jobs and notices."""
    console.print(headline(status), style=CHECK_STYLE[status.check])
    if status.alerts:
        show_grid(console, alerts_grid(status.alerts, status.at))
    if status.balances:
        show_grid(console, balances_grid(status.balances, status.at))
    show_grid(console, jobs_grid(status.jobs, status.at))
    for text, style in notices(status):
        console.print(text, style=style, markup=False)


def notices(status: Status) -> Iterator[tuple[str, str]]:
    """Yield the lines below the tables of `status`, each with its style. The last one counts notifications."""
    for warning in status.warnings:
        yield f"warning: {warning}", "yellow"
    if status.problems:
        yield _refused(status), "yellow"
    for pause in status.pauses:
        yield f"paused: {pause.host} until {moment(pause.until)} after {pause.detail}", "magenta"
    for one in status.silences:
        silence = one.silence
        ends = f"for {span(silence.ends_at - status.at)}"
        text = f"silence {silence.id}: {match_text(silence.match)} {ends} more, by {silence.by}: {silence.reason}"
        idle = silence.id in status.idle
        yield (f"{text}; {MATCHES_NOTHING}", "yellow") if idle else (text, "cyan")
    for window in status.maintenance:
        yield f"maintenance {window.name}: {match_text(window.match)}", "cyan"
    for waiting in status.undelivered:
        age = status.at - waiting.since
        if waiting.last_error or age > _SOON:
            error = f", last error: {waiting.last_error}" if waiting.last_error else ""
            yield f"undelivered: {waiting.count} for {waiting.channel}, for {span(age)}{error}", "yellow"
    counts = status.notifications
    sums = ", ".join(f"{counts[name]} {name}" for name in ("pending", "failed", "delivered"))
    yield f"notifications: {sums}", "yellow" if counts["pending"] or counts["failed"] else "dim"


def _refused(status: Status) -> str:
    kept = status.configuration
    since = f" since {moment(kept.refused_at)}" if kept is not None and kept.refused_at is not None else ""
    first, *others = status.problems
    more = f" (and {len(others)} more)" if others else ""
    in_force = f"; the one of {moment(kept.accepted_at)} stays in force" if kept is not None else ""
    return f"configuration refused{since}: {first}{more}{in_force}"


def headline(status: Status) -> str:
    """Return the first line of `status`, as a Nagios plugin prints it."""
    return f"{status.check.name}: {status.headline}"


def show_poll(console: Console, account: Account, result: PollResult) -> None:
    """Print the result of one poll as a line."""
    if not result.ok:
        text = f"[red]✗[/] {escape(str(account))} [red]{result.outcome}[/] {escape(result.detail)}"
        console.print(text, soft_wrap=True)
        return
    amounts = [f"{grouped(one.available)} {escape(one.currency)}" for one in result.balances]
    amounts += [
        f"[magenta]{escape(name)} unknown: not in the response[/]" for name in result.lacking(account)
    ]
    console.print(f"[green]✓[/] {escape(str(account))} " + ", ".join(amounts), soft_wrap=True)


def balances_grid(balances: Iterable[SeriesStatus], at: datetime) -> Grid:
    """Return a table of balances. `at`: the instant to which their ages count."""
    columns = (
        Column(name="series", shrink="name"),
        Column(name="available", is_amount=True),
        Column(name="total", drop_priority=3, is_amount=True),
        Column(name="locked", drop_priority=2, is_amount=True),
        Column(name="read", drop_priority=1, shrink="words"),
    )
    return Grid(columns=columns, rows=tuple(_balance_row(one, at) for one in balances))


def _balance_row(one: SeriesStatus, at: datetime) -> Row:
    read = f"{span(at - one.observed_at)} ago" if one.observed_at else "never read"
    if one.missing:
        responses = "response" if one.missing == 1 else f"{one.missing} responses"
        read += f"; missing from the last {responses}"
    amounts = (_amount(one.available), _amount(one.total), "" if one.locked is None else _amount(one.locked))
    return Row(cells=(f"{one.job}/{one.account}/{one.currency}", *amounts, read))


def _amount(text: str | None) -> str:
    return "unknown" if text is None else grouped(Decimal(text))


def jobs_grid(jobs: Iterable[JobStatus], at: datetime) -> Grid:
    """Return a table of jobs. `at`: the instant to which their ages count."""
    columns = (
        Column(name="job", shrink="name"),
        Column(name="provider", drop_priority=4),
        Column(name="accounts", drop_priority=3),
        Column(name="last poll", drop_priority=2),
        Column(name="outcome"),
        Column(name="", drop_priority=1, shrink="words"),
    )
    return Grid(columns=columns, rows=tuple(_job_row(one, at) for one in jobs))


def _job_row(job: JobStatus, at: datetime) -> Row:
    notes = [job.detail] if job.detail else []
    notes += [f"{job.consecutive_failures} in a row"] if job.consecutive_failures else []
    notes += [f"{job.failing} accounts failing"] if job.failing > 1 else []
    notes += ["overdue"] if job.overdue else []
    notes += [f"{job.missed_runs} runs missed"] if job.missed_runs else []
    last_poll = f"{span(at - job.last_poll)} ago" if job.last_poll else "never"
    cells = (job.name, job.provider, str(job.accounts), last_poll, job.outcome or "unknown", ", ".join(notes))
    return Row(cells=cells, style="" if job.outcome == Outcome.OK and not job.overdue else "magenta")
