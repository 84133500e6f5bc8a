"""What the commands show: tables and colour on a terminal, the same words plain where the output is piped."""

import json
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from monitor.alerting.incidents import Entry, match_text, silence_json, silence_state, timeline, waiting
from monitor.alerting.status import Check, JobStatus, Status
from monitor.domain.alerts import Ack, Alert
from monitor.domain.model import Account, PollResult, Severity, State
from monitor.domain.money import grouped, plain
from monitor.domain.mutes import Silence
from monitor.domain.units import moment, rfc3339, span
from monitor.errors import Outcome
from monitor.log.encoding import takes_everything
from monitor.store.read.incidents import Incident, OutboxEntry, Timeline
from monitor.store.read.state import AlertStatus, SeriesStatus, SilenceStatus, Undelivered
from monitor.terminal.tables import Column, Grid, Row, lay_out, shown

_SOON = timedelta(minutes=1)  # what waits for less is on its way
_NOTHING = "matches nothing: its rule or account is gone"
_NAMED = 10  # names listed before the rest is counted
_PIPED_WIDTH = 1000  # columns: a line for a program to read is not folded

CHECK_STYLE = {
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


@contextmanager
def progress(what: str, total: int, *, shown: bool) -> Iterator[Callable[[int], None]]:
    """A bar on stderr for as long as something lasts, advanced by what is yielded; nothing where it is not shown."""
    if not shown:
        yield lambda _: None
        return
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.percentage:.0f} %"))
    with Progress(*columns, TimeRemainingColumn(), console=stderr(), transient=True) as bar:
        task = bar.add_task(what, total=total)
        yield lambda more: bar.advance(task, more)


def show_json(data: Any) -> None:
    """Data for programs: one JSON document."""
    print(json.dumps(data, indent=2, ensure_ascii=not takes_everything(sys.stdout)))  # noqa: T201 -- this is the command's output


def show_status(console: Console, status: Status) -> None:
    """All of `status`: a line to read first, then what fires, the balances, the jobs, and the outbox."""
    console.print(headline(status), style=CHECK_STYLE[status.check])
    if status.alerts:
        show_grid(console, alerts_grid(status.alerts, status.at))
    if status.balances:
        show_grid(console, balances_grid(status.balances, status.at))
    show_grid(console, jobs_grid(status.jobs, status.at))
    for text, style in notices(status):
        console.print(text, style=style, markup=False)


def show_grid(console: Console, grid: Grid) -> None:
    """A table as wide as the terminal at most; piped, a row stays a line."""
    for part in shown(grid, lay_out(grid, console.width, flat=not console.is_terminal)):
        console.print(part)


def notices(status: Status) -> Iterator[tuple[str, str]]:
    """What stands below the tables of `status`, a line each with its style; the last one counts the outbox."""
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
        yield (f"{text}; it {_NOTHING}", "yellow") if idle else (text, "cyan")
    for window in status.maintenance:
        yield f"maintenance {window.name}: {match_text(window.match)}", "cyan"
    for undelivered in status.undelivered:
        if undelivered.last_error or status.at - undelivered.since > _SOON:
            yield _undelivered(undelivered, status.at), "yellow"
    counts = status.notifications
    sums = ", ".join(f"{counts[name]} {name}" for name in ("pending", "failed", "delivered"))
    yield f"notifications: {sums}", "yellow" if counts["pending"] or counts["failed"] else "dim"


def _refused(status: Status) -> str:
    kept = status.configuration
    since = f" since {moment(kept.refused_at)}" if kept is not None and kept.refused_at is not None else ""
    first, *others = status.problems
    more = f" (and {len(others)} more)" if others else ""
    in_force = f"; in force is the one of {moment(kept.accepted_at)}" if kept is not None else ""
    return f"configuration refused{since}: {first}{more}{in_force}"


def _undelivered(one: Undelivered, at: datetime) -> str:
    error = f", last error: {one.last_error}" if one.last_error else ""
    return f"undelivered: {one.count} for {one.channel}, for {span(at - one.since)}{error}"


def headline(status: Status) -> str:
    """What a plugin for Nagios says in its first line."""
    return f"{status.check.name}: {status.headline}"


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


def alerts_grid(alerts: Iterable[AlertStatus], at: datetime) -> Grid:
    """A row an alert."""
    columns = (
        Column(name="alert", rank=2, bends="name"),
        Column(name="severity"),
        Column(name="state", rank=1),
        Column(name="series", bends="name"),
        Column(name="reason", bends="words"),
        Column(name="for", rank=4),
        Column(name="id", rank=3),
        Column(name="", rank=5, bends="words"),
    )
    return Grid(columns=columns, rows=tuple(_alert_row(one, at) for one in alerts))


def _alert_row(alert: AlertStatus, at: datetime) -> Row:
    severity = Severity(alert.severity)
    cells = (
        alert.rule,
        severity.word,
        alert.state,
        alert.subject,
        alert.reason,
        span(at - alert.since),
        alert.id,
        _quiet(alert, at),
    )
    return Row(cells=cells, style=_SEVERITY_STYLE[severity] if alert.state == State.FIRING else "dim")


def _quiet(one: AlertStatus | Incident, at: datetime) -> str:
    """What keeps people from hearing of it."""
    notes = [_acknowledged(one.ack, at)] if one.ack else []
    notes += [one.muted] if one.muted else []
    notes += ["flapping"] if one.flapping else []
    return "; ".join(notes)


def _acknowledged(ack: Ack, at: datetime) -> str:
    return f"acknowledged by {ack.by} {span(at - ack.at)} ago: {ack.reason}"


def show_incidents(console: Console, incidents: Sequence[Incident], at: datetime) -> None:
    """A line an incident."""
    table = table_of(console, "since", "for", "severity", "state", "alert", "series", "reason", "id", "")
    for one in incidents:
        severity = Severity(one.severity)
        row = (
            moment(one.since),
            ""
            if one.state == "resolved" and one.ended_at is None
            else span((one.ended_at or at) - one.since),
            severity.word,
            one.state,
            one.rule,
            one.subject,
            one.reason,
            one.id,
            _quiet(one, at) + ("" if one.announced or one.state == State.PENDING else ", not told"),
        )
        style = _SEVERITY_STYLE[severity] if one.state == State.FIRING else "dim"
        table.add_row(*map(escape, row), style=style)
    console.print(table)


def show_story(console: Console, story: Timeline, at: datetime) -> None:
    """An incident in a line, then all that happened, in order, then what is not delivered yet."""
    one = story.incident
    severity = Severity(one.severity)
    fires = one.state == State.FIRING
    text = f"{severity.word.upper()} {one.rule}: {one.subject} {one.reason}"
    console.print(text, style=_SEVERITY_STYLE[severity] if fires else "bold", markup=False, soft_wrap=True)
    until = f", until {moment(one.ended_at)} ({span(one.ended_at - one.began)})" if one.ended_at else ""
    console.print(
        f"incident {one.id}, {one.state}, since {moment(one.began)}{until}", markup=False, soft_wrap=True
    )
    if quiet := _quiet(one, at):
        console.print(quiet, style="cyan", markup=False, soft_wrap=True)
    table = table_of(console, "at", "what", "who", "")
    for entry in timeline(story, at):
        row = (f"{entry.at:%Y-%m-%d %H:%M:%S}", entry.what, entry.who, entry.text)
        table.add_row(*map(escape, row), style=_entry_style(entry))
    console.print(table)
    for posting in waiting(story):
        console.print(_posting(posting, at), style="yellow", markup=False, soft_wrap=True)


def _entry_style(entry: Entry) -> str:
    match entry.type:
        case "event":
            over = entry.facts["kind"] in ("resolved", "closed")
            return "green" if over else _SEVERITY_STYLE[Severity[entry.facts["severity"].upper()]]
        case "attempt":
            return "yellow" if entry.facts["error"] else ""
        case "note" | "silence" | "hand_over":
            return "cyan"
        case _:
            return "dim"


def _posting(one: OutboxEntry, at: datetime) -> str:
    is_due = one.next_attempt_at <= at  # and waits for one before it, for quiet hours or for the daemon
    next_at = "due" if is_due else f"next attempt in {span(one.next_attempt_at - at)}"
    error = f", last error: {one.last_error}" if one.last_error else ""
    return f"undelivered: message {one.seq} for {one.channel}/{one.url_id}, {next_at}{error}"


def show_ack(console: Console, alert: Alert, before: Ack | None) -> None:
    """An acknowledgement that was given or taken back."""
    about = f"{alert.id} ({alert.severity.word} {alert.rule}: {alert.subject} {alert.reason})"
    given = alert.ack
    if given is None:
        text = f"{about} is no longer acknowledged: reminders and escalation go on"
    else:
        text = (
            f"{about} is acknowledged by {given.by}: no reminders and no escalation until it is worse or over"
        )
        text += f"; it was, by {before.by}: {before.reason}" if before else ""
    console.print(text, markup=False, soft_wrap=True)


def silenced_json(
    silence: Silence, rules: Sequence[str], subjects: Sequence[str], firing: Sequence[Alert], at: datetime
) -> dict[str, Any]:
    """The contract of `silence add --json`: keys are added, never renamed."""
    known = SilenceStatus(silence=silence, created_at=at, expired_by="")
    return {
        **silence_json(known, at),
        "rules": list(rules),
        "series": list(subjects),
        "firing": [{"id": one.id, "rule": one.rule, "series": one.subject} for one in firing],
    }


def show_silenced(
    console: Console,
    silence: Silence,
    rules: Sequence[str],
    subjects: Sequence[str],
    firing: Sequence[Alert],
    at: datetime,
) -> None:
    """A new silence: its number and time, what of the configuration it fits, and what it keeps quiet now."""
    begins = "" if silence.starts_at <= at else f"from {moment(silence.starts_at)} "
    ends = f"{begins}until {moment(silence.ends_at)}, for {span(silence.ends_at - silence.starts_at)}"
    lines = [
        f"silence {silence.id}: {match_text(silence.match)}, {ends}",
        f"fits rules: {_some(rules)}",
        f"fits series: {_some(subjects)}",
    ]
    when = "quiet now" if silence.is_active(at) else "fires now, quiet then"
    lines += [
        f"{when}: {one.id} {one.severity.word} {one.rule}: {one.subject} {one.reason}" for one in firing
    ]
    lines += [] if firing else ["nothing that it fits fires now"]
    console.print("\n".join(lines), markup=False, soft_wrap=True)


def _some(names: Sequence[str]) -> str:
    more = len(names) - _NAMED
    return ", ".join(names[:_NAMED]) + (f" and {more} more" if more > 0 else "")


def show_silences(
    console: Console, silences: Sequence[SilenceStatus], idle: frozenset[int], at: datetime
) -> None:
    """A line a silence. `idle` are the numbers of those that match no alert that there can be."""
    table = table_of(console, "id", "state", "match", "from", "until", "by", "reason", "")
    for one in silences:
        silence, state = one.silence, silence_state(one, at)
        row = (
            str(silence.id),
            f"expired by {one.expired_by}" if state == "expired" else state,
            match_text(silence.match),
            moment(silence.starts_at),
            moment(silence.ends_at),
            silence.by,
            silence.reason,
            _NOTHING if silence.id in idle and at < silence.ends_at else "",
        )
        table.add_row(*map(escape, row), style="" if state == "active" else "dim")
    console.print(table)


def balances_grid(balances: Iterable[SeriesStatus], at: datetime) -> Grid:
    """A row a series."""
    columns = (
        Column(name="series", bends="name"),
        Column(name="available", is_amount=True),
        Column(name="total", rank=3, is_amount=True),
        Column(name="locked", rank=2, is_amount=True),
        Column(name="read", rank=1, bends="words"),
    )
    return Grid(columns=columns, rows=tuple(_balance_row(one, at) for one in balances))


def _balance_row(one: SeriesStatus, at: datetime) -> Row:
    read = f"{span(at - one.observed_at)} ago" if one.observed_at else "never"
    if one.missing:
        read += f", missing from {one.missing} answers since"
    amounts = (_amount(one.available), _amount(one.total), "" if one.locked is None else _amount(one.locked))
    return Row(cells=(f"{one.job}/{one.account}/{one.currency}", *amounts, read))


def _amount(text: str | None) -> str:
    return "unknown" if text is None else grouped(Decimal(text))


def jobs_grid(jobs: Iterable[JobStatus], at: datetime) -> Grid:
    """A row a job."""
    columns = (
        Column(name="job", bends="name"),
        Column(name="provider", rank=4),
        Column(name="accounts", rank=3),
        Column(name="last poll", rank=2),
        Column(name="outcome"),
        Column(name="", rank=1, bends="words"),
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


def table_of(console: Console, *columns: str) -> Table:
    """An empty table, plain enough to be read by programs where it is piped."""
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
    for column in columns:
        table.add_column(column, overflow="fold", no_wrap=not console.is_terminal)
    return table
