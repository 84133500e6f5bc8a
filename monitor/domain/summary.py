"""The summary, a regular message with balances, their changes, incidents, messages and polls of a period."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from monitor.domain.alerts import EventKind
from monitor.domain.messages import Report
from monitor.domain.model import Severity
from monitor.domain.money import percent_of, plain, signed, subtract
from monitor.domain.time import moment, span

LISTED = 40
"""The maximum number of alerts, and of balances, that a summary lists; the rest is counted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BalanceChange:
    """A series' available amount at the end of a period and at its start; None: unknown. `read_at` is in UTC."""

    series: str
    now: Decimal | None
    read_at: datetime | None
    before: Decimal | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Period:
    """The content of a summary. Instants are in UTC. `firing` are rule, subject and reason of the firing alerts.

    `missed` counts the scheduled polls that were skipped since the accounts were added."""

    since: datetime
    until: datetime
    balances: Sequence[BalanceChange]
    firing: Sequence[tuple[str, str, str]]
    fired: int
    resolved: int
    delivered: int
    given_up: int
    waiting: int
    polls: int
    polls_failed: int
    missed: int


def summarize(period: Period) -> Report:
    """Return the summary as a report, which is delivered like any event."""
    return Report(
        kind=EventKind.SUMMARY,
        rule="summary",
        rule_type="",
        severity=Severity.INFO,
        subject="",
        incident=f"SUMMARY-{period.until:%Y%m%dT%H%M%S}",
        seq=1,
        at=period.until,
        since=period.since,
        reason=_headline(period),
        expected="",
        details=tuple(_details(period)),
    )


def _headline(period: Period) -> str:
    unknown = sum(one.read_at is None or one.read_at < period.since for one in period.balances)
    moved = sum(_moved(one) for one in period.balances)
    parts = [f"{_count(len(period.balances), 'balance')}, {moved} changed"]
    if unknown:
        parts.append(f"{unknown} unknown")
    firing = len(period.firing)
    parts.append(f"{_count(firing, 'alert')} firing" if firing else "nothing fires")
    return ", ".join(parts)


def _count(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"


def _details(period: Period) -> list[tuple[str, str]]:
    length = span(period.until - period.since)
    lines = [("Period", f"{moment(period.since)} to {moment(period.until)} ({length})")]
    lines += [("Firing", f"{rule}: {subject}: {reason}") for rule, subject, reason in period.firing[:LISTED]]
    if len(period.firing) > LISTED:
        lines.append(("and", f"{len(period.firing) - LISTED} more; `balance-monitor status` lists them"))
    by_change = sorted(period.balances, key=lambda one: (not _moved(one), one.series))
    lines += [(one.series, _balance(one, period.since)) for one in by_change[:LISTED]]
    if len(by_change) > LISTED:
        lines.append(("and", f"{len(by_change) - LISTED} more balances"))
    missed = f"; {_count(period.missed, 'run')} missed since the accounts were added" if period.missed else ""
    lines += [
        ("Incidents", f"{period.fired} fired, {period.resolved} ended"),
        ("Messages", f"{period.delivered} delivered, {period.waiting} pending, {period.given_up} given up"),
        ("Polls", f"{period.polls} made, {period.polls_failed} failed{missed}"),
    ]
    return lines


def _moved(one: BalanceChange) -> bool:
    return one.now is not None and one.before is not None and one.now != one.before


def _balance(one: BalanceChange, since: datetime) -> str:
    if one.now is None:
        return "unknown: never read"
    if one.read_at is not None and one.read_at < since:
        return f"unknown: {plain(one.now)} when last read, {moment(one.read_at)}"
    if one.before is None:
        return f"{plain(one.now)}, new"
    change = subtract(one.now, one.before)
    if change == 0:
        return f"{plain(one.now)}, unchanged"
    percentage = percent_of(change, one.before)
    moved = f"{plain(one.before)} → {plain(one.now)}, {signed(change)}"
    return moved + (f" ({percentage})" if percentage else "")
