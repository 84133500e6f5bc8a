"""Summaries: their events, and the numbers in them, counted over all tables."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta

from sqlalchemy import Column, ColumnElement, Connection, func, insert, select

from monitor.domain.alerts import EventKind
from monitor.domain.delivery import Addressed, Target
from monitor.domain.messages import Report
from monitor.domain.model import Account, Severity, State
from monitor.domain.summary import BalanceChange, Period
from monitor.errors import Outcome
from monitor.store.alerts import Alerts
from monitor.store.outbox import Outbox
from monitor.store.readings import Readings
from monitor.store.tables import accounts, events, notifications, polls


class Summaries:
    """The queries about summaries, within a transaction."""

    def __init__(self, connection: Connection, readings: Readings, alerts: Alerts, outbox: Outbox) -> None:
        self._db = connection
        self._readings = readings
        self._alerts = alerts
        self._outbox = outbox

    def add(self, report: Report, targets: Sequence[Target]) -> None:
        """Store a summary and its notifications, one per URL. It is never grouped with others."""
        values = {"incident": report.incident, "seq": report.seq, "rule": report.rule, "subject": ""}
        self._db.execute(
            insert(events).values(**values, kind=report.kind, at=report.at, report=report.to_json())
        )
        addressed = [
            Addressed(target=target, group=report.incident, group_wait=timedelta(0)) for target in targets
        ]
        self._outbox.add(report.incident, report.seq, report.at, Severity.INFO, addressed)

    def last_at(self) -> datetime | None:
        """Return the instant of the last summary; None if there was none."""
        made = select(func.max(events.c.at)).where(events.c.kind == EventKind.SUMMARY)
        at: datetime | None = self._db.execute(made).scalar_one()
        return at

    def period(self, since: datetime, now: datetime, of: Mapping[tuple[str, str], Account]) -> Period:
        """Return the numbers that a summary of these accounts reports, from `since` to `now`."""
        happened = self._count_by(events.c.kind, events.c.at >= since)
        completed = self._count_by(notifications.c.status, notifications.c.settled_at >= since)
        waiting = self._count_by(notifications.c.status, notifications.c.status == "pending")
        # per account, so that SQLite uses the clustered key: a scan of all stored polls takes long
        of_any = polls.c.account_id.in_(select(accounts.c.id))
        outcomes = self._count_by(polls.c.outcome, of_any & (polls.c.started_at >= since))
        missed = self._db.execute(select(accounts.c.job, accounts.c.name, accounts.c.missed_runs))
        firing = [alert for alert in self._alerts.all().values() if alert.state is State.FIRING]
        return Period(
            since=since,
            until=now,
            balances=[one for account in of.values() for one in self._balance_changes(account, since, now)],
            firing=[
                (one.rule, one.subject, one.reason) for one in sorted(firing, key=lambda one: -one.severity)
            ],
            fired=happened.get(EventKind.FIRED, 0),
            resolved=happened.get(EventKind.RESOLVED, 0) + happened.get(EventKind.CLOSED, 0),
            delivered=completed.get("delivered", 0),
            given_up=completed.get("failed", 0),
            waiting=waiting.get("pending", 0),
            polls=sum(outcomes.values()),
            polls_failed=sum(count for outcome, count in outcomes.items() if outcome != Outcome.OK),
            missed=sum(row.missed_runs for row in missed if (row.job, row.name) in of),
        )

    def _count_by(self, column: Column[str], which: ColumnElement[bool]) -> dict[str, int]:
        rows = self._db.execute(select(column, func.count()).where(which).group_by(column))
        return {row[0]: row[1] for row in rows}

    def _balance_changes(self, account: Account, since: datetime, now: datetime) -> Iterator[BalanceChange]:
        for view in self._readings.views(account, now).values():
            before = self._readings.history(view.series, since, since, 1) if view.last else ()
            yield BalanceChange(
                series=str(view.series),
                now=view.last.available if view.last else None,
                read_at=view.last.observed_at if view.last else None,
                before=before[-1].available if before else None,
            )
