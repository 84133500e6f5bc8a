"""Alerts, incidents, acknowledgements and silences on the screen."""

from collections.abc import Iterable, Sequence
from datetime import datetime

from rich.console import Console
from rich.markup import escape

from monitor.alerting.incidents import Entry, entries, match_text, silence_state, waiting
from monitor.domain.alerts import Ack, Alert
from monitor.domain.model import Severity, State
from monitor.domain.mutes import Silence
from monitor.domain.time import moment, span
from monitor.store.read.incidents import Incident, OutboxEntry, Timeline
from monitor.store.read.state import AlertStatus, SilenceStatus
from monitor.terminal.tables import Column, Grid, Row, table_of

MATCHES_NOTHING = "matches nothing: its rule or account is gone"

_NAMED = 10  # names listed before the rest is counted
_SEVERITY_STYLE = {Severity.INFO: "cyan", Severity.WARNING: "yellow", Severity.CRITICAL: "bold red"}


def alerts_grid(alerts: Iterable[AlertStatus], at: datetime) -> Grid:
    """Return a table of alerts. `at`: the instant to which their ages count."""
    columns = (
        Column(name="alert", drop_priority=2, shrink="name"),
        Column(name="severity"),
        Column(name="state", drop_priority=1),
        Column(name="series", shrink="name"),
        Column(name="reason", shrink="words"),
        Column(name="for", drop_priority=4),
        Column(name="id", drop_priority=3),
        Column(name="", drop_priority=5, shrink="words"),
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
        _handling(alert, at),
    )
    return Row(cells=cells, style=_SEVERITY_STYLE[severity] if alert.state == State.FIRING else "dim")


def _handling(one: AlertStatus | Incident, at: datetime) -> str:
    """Return why an alert is quiet: acknowledged, muted or flapping. Empty: it is not."""
    notes = []
    if ack := one.ack:
        notes.append(f"acknowledged by {ack.by} {span(at - ack.at)} ago: {ack.reason}")
    notes += [one.muted] if one.muted else []
    notes += ["flapping"] if one.flapping else []
    return "; ".join(notes)


def show_incidents(console: Console, incidents: Sequence[Incident], at: datetime) -> None:
    """Print incidents as a table, one row each. `at`: the instant to which their ages count."""
    table = table_of(console, "since", "for", "severity", "state", "alert", "series", "reason", "id", "")
    for one in incidents:
        severity = Severity(one.severity)
        unnoticed = "" if one.announced or one.state == State.PENDING else "not notified"
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
            "; ".join(filter(None, (_handling(one, at), unnoticed))),
        )
        style = _SEVERITY_STYLE[severity] if one.state == State.FIRING else "dim"
        table.add_row(*map(escape, row), style=style)
    console.print(table)


def show_timeline(console: Console, timeline: Timeline, at: datetime) -> None:
    """Print an incident: a headline, its timeline in order, and the notifications that are not delivered yet."""
    one = timeline.incident
    severity = Severity(one.severity)
    fires = one.state == State.FIRING
    text = f"{severity.word.upper()} {one.rule}: {one.subject} {one.reason}"
    console.print(text, style=_SEVERITY_STYLE[severity] if fires else "bold", markup=False, soft_wrap=True)
    until = f", until {moment(one.ended_at)} ({span(one.ended_at - one.began)})" if one.ended_at else ""
    console.print(
        f"incident {one.id}, {one.state}, since {moment(one.began)}{until}", markup=False, soft_wrap=True
    )
    if handling := _handling(one, at):
        console.print(handling, style="cyan", markup=False, soft_wrap=True)
    table = table_of(console, "at", "what", "who", "")
    for happened in entries(timeline, at):
        row = (f"{happened.at:%Y-%m-%d %H:%M:%S}", happened.what, happened.who, happened.text)
        table.add_row(*map(escape, row), style=_entry_style(happened))
    console.print(table)
    for entry in waiting(timeline):
        console.print(_undelivered(entry, at), style="yellow", markup=False, soft_wrap=True)


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


def _undelivered(one: OutboxEntry, at: datetime) -> str:
    is_due = one.next_attempt_at <= at  # it waits for an earlier one, for quiet hours or for the daemon
    next_at = "due" if is_due else f"next attempt in {span(one.next_attempt_at - at)}"
    error = f", last error: {one.last_error}" if one.last_error else ""
    return f"undelivered: message {one.seq} for {one.channel}/{one.url_id}, {next_at}{error}"


def show_ack(console: Console, alert: Alert, before: Ack | None) -> None:
    """Print an acknowledgement that was given or removed, and by whom (`before`) the alert was acknowledged."""
    about = f"{alert.id} ({alert.severity.word} {alert.rule}: {alert.subject} {alert.reason})"
    given = alert.ack
    if given is None:
        text = f"{about} is no longer acknowledged: reminders and escalation resume"
    else:
        text = f"{about} is acknowledged by {given.by}: no reminders and no escalation until it worsens or resolves"
        text += f"; previously acknowledged by {before.by}: {before.reason}" if before else ""
    console.print(text, markup=False, soft_wrap=True)


def show_silenced(
    console: Console,
    silence: Silence,
    rules: Sequence[str],
    subjects: Sequence[str],
    firing: Sequence[Alert],
    at: datetime,
) -> None:
    """Print a new silence: its number and times, the rules and series that it matches, the firing alerts it mutes."""
    begins = "" if silence.starts_at <= at else f"from {moment(silence.starts_at)} "
    ends = f"{begins}until {moment(silence.ends_at)}, for {span(silence.ends_at - silence.starts_at)}"
    lines = [
        f"silence {silence.id}: {match_text(silence.match)}, {ends}",
        f"matches rules: {_some(rules)}",
        f"matches series: {_some(subjects)}",
    ]
    when = "muted" if silence.is_active(at) else "firing, muted then"
    lines += [
        f"{when}: {one.id} {one.severity.word} {one.rule}: {one.subject} {one.reason}" for one in firing
    ]
    lines += [] if firing else ["no matching alert is firing"]
    console.print("\n".join(lines), markup=False, soft_wrap=True)


def _some(names: Sequence[str]) -> str:
    more = len(names) - _NAMED
    return ", ".join(names[:_NAMED]) + (f" and {more} more" if more > 0 else "")


def show_silences(
    console: Console, silences: Sequence[SilenceStatus], idle: frozenset[int], at: datetime
) -> None:
    """Print silences as a table. `idle`: the numbers of those that match no alert of the configuration."""
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
            MATCHES_NOTHING if silence.id in idle and at < silence.ends_at else "",
        )
        table.add_row(*map(escape, row), style="" if state == "active" else "dim")
    console.print(table)
