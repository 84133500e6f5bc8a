"""The summary that is sent once a day or a week: what is held, what moved, what happened, and how the work went."""

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
"""Balances in a summary; more are counted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BalanceChange:
    """A series' available amount now and at the period's start; None: not known."""

    series: str
    now: Decimal | None
    read_at: datetime | None
    before: Decimal | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Period:
    """What a summary reports. Instants are in UTC; `firing` are rule, subject and reason of what still fires.

    `missed` are the runs that were not made, or made late in one, since the accounts are known."""

    since: datetime
    until: datetime
    standings: Sequence[BalanceChange]
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
    """Return the summary as a report, to be delivered like any event."""
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
    unknown = sum(one.read_at is None or one.read_at < period.since for one in period.standings)
    moved = sum(_moved(one) for one in period.standings)
    parts = [f"{_count(len(period.standings), 'balance')}, {moved} moved"]
    if unknown:
        parts.append(f"{unknown} unknown")
    firing = len(period.firing)
    parts.append(
        f"{_count(firing, 'alert')} {'fires' if firing == 1 else 'fire'}" if firing else "nothing fires"
    )
    return ", ".join(parts)


def _count(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"


def _details(period: Period) -> list[tuple[str, str]]:
    length = span(period.until - period.since)
    lines = [("Period", f"{moment(period.since)} to {moment(period.until)} ({length})")]
    lines += [("Fires", f"{rule}: {subject}: {reason}") for rule, subject, reason in period.firing[:LISTED]]
    if len(period.firing) > LISTED:
        lines.append(("and", f"{len(period.firing) - LISTED} more; `balance-monitor status` lists them"))
    by_change = sorted(period.standings, key=lambda one: (not _moved(one), one.series))
    lines += [(one.series, _standing(one, period.since)) for one in by_change[:LISTED]]
    if len(by_change) > LISTED:
        lines.append(("and", f"{len(by_change) - LISTED} more balances"))
    lines += [
        ("Incidents", f"{period.fired} fired, {period.resolved} ended"),
        ("Messages", f"{period.delivered} delivered, {period.waiting} wait, {period.given_up} given up"),
        ("Polls", f"{period.polls} made, {period.polls_failed} failed" + _missed(period.missed)),
    ]
    return lines


def _missed(runs: int) -> str:
    return f"; {_count(runs, 'run')} missed since the accounts are known" if runs else ""


def _moved(one: BalanceChange) -> bool:
    return one.now is not None and one.before is not None and one.now != one.before


def _standing(one: BalanceChange, since: datetime) -> str:
    if one.now is None:
        return "unknown: never read"
    if one.read_at is not None and one.read_at < since:
        return f"unknown: {plain(one.now)} when last read, {moment(one.read_at)}"
    if one.before is None:
        return f"{plain(one.now)}, new"
    change = subtract(one.now, one.before)
    if change == 0:
        return f"{plain(one.now)}, as before"
    percentage = percent_of(change, one.before)
    moved = f"{plain(one.before)} → {plain(one.now)}, {signed(change)}"
    return moved + (f" ({percentage})" if percentage else "")
