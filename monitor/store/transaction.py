"""Every query of the daemon, within one transaction. Takes and hands out domain values."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from typing import Any

from sqlalchemy import (
    Column,
    ColumnElement,
    Connection,
    Row,
    TableClause,
    delete,
    func,
    insert,
    select,
    tuple_,
    update,
)
from sqlalchemy.dialects.sqlite import insert as upsert

from monitor.domain.alerts import Alert, Event
from monitor.domain.delivery import Notification, Target, is_due
from monitor.domain.messages import Report
from monitor.domain.model import (
    NO_STREAK,
    Account,
    Health,
    Pause,
    PollResult,
    Series,
    SeriesView,
    Severity,
    Snapshot,
    State,
    Streak,
)
from monitor.errors import Outcome
from monitor.store import statements
from monitor.store.tables import (
    accounts,
    alerts,
    calls,
    events,
    notifications,
    pauses,
    polls,
    series,
    snapshots,
)

_NEW_ACCOUNT = {"outcome": Outcome.OK, "detail": "", "failures": 0, "failures_alike": 0, "missed_runs": 0}


@dataclass(frozen=True, slots=True)
class Waiting:
    """What to deliver to a URL now, in order; where nothing is due, when something will be (None: never)."""

    due: tuple[Notification, ...]
    next_at: datetime | None


class Transaction:
    """What can be read and written within one commit. Instants are aware UTC datetimes."""

    def __init__(self, connection: Connection) -> None:
        self._db = connection
        self._account_ids: dict[tuple[str, str], int | None] = {}
        self._series_ids: dict[tuple[str, str, str], int] = {}

    # Accounts and their polls

    def health(self, account: Account, now: datetime) -> Health:
        """How the account's polls have been going; an account not known yet is known from now on."""
        key = {"job": account.job, "name": account.name}
        row = self._db.execute(statements.ACCOUNT, key).one_or_none()
        if row is None:
            new = {**key, **_NEW_ACCOUNT, "provider": account.provider, "added_at": now}
            self._db.execute(statements.ADD_ACCOUNT, new)
            row = self._db.execute(statements.ACCOUNT, key).one()
        elif row.provider != account.provider:
            self._db.execute(statements.SET_PROVIDER, {"row_id": row.id, "to": account.provider})
        self._account_ids[account.key] = row.id
        return _health(
            account,
            row.polled_at,
            row.ok_at,
            row.outcome,
            row.detail,
            row.failures,
            row.failures_alike,
            row.failing_since,
        )

    def healths(self, of: Mapping[tuple[str, str], Account]) -> list[Health]:
        """How the polls of these accounts have been going; those never polled are left out."""
        rows = self._db.execute(statements.HEALTHS, {"jobs": sorted({job for job, _ in of})})
        return [_health(account, *rest) for job, name, *rest in rows if (account := of.get((job, name)))]

    def add_poll(self, health: Health, result: PollResult, overdue_at: datetime | None) -> None:
        """Keeps a poll's outcome, the account's health after it, and from when on the next one is overdue."""
        streak, account_id = health.streak, self._account_id(health.account)
        self._db.execute(
            statements.SET_HEALTH,
            {
                "row_id": account_id,
                "row_polled_at": health.last_poll_at,
                "row_ok_at": health.last_ok_at,
                "row_outcome": streak.outcome,
                "row_detail": streak.detail,
                "row_failures": streak.count,
                "row_failures_alike": streak.alike,
                "row_failing_since": streak.since,
                "row_overdue_at": overdue_at,
            },
        )
        self._db.execute(
            statements.ADD_POLL,
            {
                "account_id": account_id,
                "started_at": result.started_at,
                "finished_at": result.finished_at,
                "outcome": result.outcome,
                "detail": result.detail,
                "attempts": result.attempts,
            },
        )

    def count_refusals_anew(self, provider: str) -> None:
        """Failures in a row up to now no longer count as an account's own: the whole provider had them."""
        self._db.execute(update(accounts).where(accounts.c.provider == provider).values(failures_alike=0))

    def add_missed_runs(self, account: Account, count: int) -> None:
        """Counts scheduled runs that were not made, or made late in one."""
        self._db.execute(
            update(accounts).where(_is(account)).values(missed_runs=accounts.c.missed_runs + count)
        )

    def add_call(self, host: str, at: datetime) -> None:
        """Notes a call that is about to be sent to a host with a limit."""
        self._db.execute(statements.ADD_CALL, {"host": host, "at": at})

    def calls(self, since: datetime) -> list[tuple[str, datetime]]:
        """The calls (host, when) since an instant: what limits have to count after a restart."""
        rows = self._db.execute(select(calls).where(calls.c.at >= since))
        return [(row.host, row.at) for row in rows]

    # Series and their readings

    def views(self, account: Account, now: datetime) -> dict[str, SeriesView]:
        """The account's series by currency: all it should hold, and where it names none, all it ever held."""
        rows = self._db.execute(statements.SERIES, {"account_id": self._account_id(account)}).all()
        self._series_ids.update({(*account.key, row.currency): row.id for row in rows})
        known = {row.currency: _view(account, row) for row in rows}
        wanted = account.currencies or known
        return {
            currency: known.get(currency) or SeriesView(series=account.series(currency), watched_since=now)
            for currency in wanted
        }

    def save_views(self, views: Sequence[SeriesView]) -> None:
        """Keeps what is now known of an account's series."""
        if not views:
            return
        account_id = self._account_id(views[0].series.account)
        self._db.execute(statements.SAVE_SERIES, [_view_values(account_id, view) for view in views])

    def add_snapshots(self, readings: Sequence[SeriesView]) -> None:
        """Keeps the last reading of each series. `save_views` has to have seen the series before."""
        rows = [_snapshot_values(self._series_id(view.series), view.last) for view in readings if view.last]
        if rows:
            self._db.execute(statements.SAVE_SNAPSHOT, rows)

    def end_history_with(self, series_: Series, last: Snapshot) -> None:
        """Makes a reading the last of its series: what lies after it goes."""
        series_id = self._series_id(series_)
        later = (snapshots.c.series_id == series_id) & (snapshots.c.observed_at > last.observed_at)
        self._db.execute(delete(snapshots).where(later))
        self._db.execute(statements.SAVE_SNAPSHOT, [_snapshot_values(series_id, last)])

    def history(
        self, series_: Series, newest: datetime, since: datetime, at_least: int
    ) -> tuple[Snapshot, ...]:
        """The readings of a series up to the newest, oldest first: all since an instant, the one before it, and so
        many in any case."""
        which = {"series_id": self._series_id(series_), "newest": newest, "since": since}
        within = self._db.execute(statements.SNAPSHOTS_SINCE, which).all()
        count = max(at_least - len(within), 1)
        older = self._db.execute(statements.SNAPSHOTS_BEFORE, {**which, "count": count}).all()
        return tuple(_snapshot(row) for row in reversed([*within, *older]))

    def _account_id(self, account: Account) -> int | None:
        """The account's row; None where it has none yet."""
        if account.key not in self._account_ids:
            row = self._db.execute(
                statements.ACCOUNT, {"job": account.job, "name": account.name}
            ).one_or_none()
            self._account_ids[account.key] = None if row is None else row.id
        return self._account_ids[account.key]

    def _series_id(self, series_: Series) -> int:
        if series_.key not in self._series_ids:
            rows = self._db.execute(statements.SERIES, {"account_id": self._account_id(series_.account)})
            self._series_ids.update({(*series_.account.key, row.currency): row.id for row in rows})
        return self._series_ids[series_.key]

    # Alerts and what is told of them

    def alerts(self, subjects: Iterable[str] | None = None) -> dict[tuple[str, str], Alert]:
        """The alerts that are not inactive, of these subjects or of all."""
        if subjects is None:
            rows = self._db.execute(select(alerts))
        else:
            rows = self._db.execute(statements.ALERTS_ABOUT, {"subjects": list(subjects)})
        return {(row.rule, row.subject): _alert(row) for row in rows}

    def save_alert(self, alert: Alert) -> None:
        """Keeps an alert as it stands; an inactive one is forgotten."""
        if alert.state is State.INACTIVE:
            self._db.execute(
                delete(alerts).where(alerts.c.rule == alert.rule, alerts.c.subject == alert.subject)
            )
            return
        values = {column.name: getattr(alert, column.name) for column in alerts.c}
        self._db.execute(statements.SAVE_ALERT, values)

    def add_event(self, event: Event, report: Report, targets: Sequence[Target]) -> None:
        """Keeps an event, and puts one notification per target into the outbox."""
        self._db.execute(
            insert(events).values(
                incident=event.alert.id,
                seq=event.seq,
                rule=event.alert.rule,
                subject=event.alert.subject,
                kind=event.kind,
                at=event.at,
                report=report.to_json(),
            )
        )
        self._add_notifications([(event.alert.id, event.seq, event.at, target) for target in targets])

    def told_to(self, incident: str) -> list[Target]:
        """Where something was told of an incident, or still waits to be; not where all of it was given up."""
        rows = self._db.execute(
            select(notifications.c.channel, notifications.c.url_id)
            .where(notifications.c.incident == incident, notifications.c.status != "failed")
            .distinct()
        )
        return [Target(channel=row.channel, url_id=row.url_id) for row in rows]

    # The outbox

    def waiting(self, target: Target, now: datetime) -> Waiting:
        """What waits for one URL: the notifications of the incident whose turn it is, in order.

        Within an incident the first holds back the others; incidents don't hold back each other."""
        rows = self._db.execute(
            select(notifications.c.id, notifications.c.incident, notifications.c.next_attempt_at)
            .where(_pending_for(target))
            .order_by(notifications.c.incident, notifications.c.seq)
        ).all()
        heads = {incident: next(group) for incident, group in groupby(rows, key=lambda row: row.incident)}
        if not heads:
            return Waiting((), None)
        due = [row for row in heads.values() if is_due(row.next_attempt_at, now)]
        if not due:
            return Waiting((), min(row.next_attempt_at for row in heads.values()))
        first = min(due, key=lambda row: row.id)
        return Waiting(self._pending(target, first.incident), now)

    def _pending(self, target: Target, incident: str) -> tuple[Notification, ...]:
        rows = self._db.execute(
            select(notifications, events.c.report)
            .join(
                events,
                (events.c.incident == notifications.c.incident) & (events.c.seq == notifications.c.seq),
            )
            .where(_pending_for(target), notifications.c.incident == incident)
            .order_by(notifications.c.seq)
        )
        return tuple(
            Notification(
                id=row.id,
                target=target,
                report=Report.from_json(row.report),
                created_at=row.created_at,
                attempts=row.attempts,
                next_attempt_at=row.next_attempt_at,
            )
            for row in rows
        )

    def settle(self, ids: Sequence[int], *, delivered: bool, at: datetime, error: str = "") -> None:
        """Ends notifications: the last attempt took them there, or they are given up."""
        self._db.execute(
            update(notifications)
            .where(notifications.c.id.in_(ids), notifications.c.status == "pending")
            .values(
                status="delivered" if delivered else "failed",
                settled_at=at,
                attempts=notifications.c.attempts + 1,
                last_error=error,
            )
        )

    def put_off(self, ids: Sequence[int], *, until: datetime, error: str) -> None:
        """Records a failed attempt that will be followed by another."""
        self._db.execute(
            update(notifications)
            .where(notifications.c.id.in_(ids), notifications.c.status == "pending")
            .values(next_attempt_at=until, attempts=notifications.c.attempts + 1, last_error=error)
        )

    def readdress(
        self, targets: Sequence[Target], wanted: Mapping[str, Sequence[Target]], now: datetime
    ) -> int:
        """Fits the outbox to the channels as configured now; returns how many notifications had to be given up.

        What waits for a URL that a channel no longer has goes to the URLs it has instead. What waits for a channel
        that is gone goes where its rule is told now (`wanted`, by the rule's name), if nobody else knows of the
        incident; otherwise it is given up."""
        channels = {target.channel for target in targets}
        rows, known = self._waiting_elsewhere(targets), self._known(targets)
        given_up = 0
        for row in rows:
            if row.channel in channels:
                gone, instead = "URL", [target for target in targets if target.channel == row.channel]
            else:
                gone, instead = "channel", [] if row.incident in known else [*wanted.get(row.rule, ())]
            self._add_notifications([(row.incident, row.seq, row.created_at, target) for target in instead])
            why = f"its {gone} is gone from the configuration" + (", sent to others" if instead else "")
            self.settle([row.id], delivered=False, at=now, error=why)
            given_up += not instead
        return given_up

    def _waiting_elsewhere(self, targets: Sequence[Target]) -> Sequence[Row[Any]]:
        """What waits for URLs other than these."""
        columns: tuple[ColumnElement[Any], ...] = (
            notifications.c.id,
            notifications.c.incident,
            notifications.c.seq,
            notifications.c.channel,
            notifications.c.created_at,
            events.c.rule,
        )
        of_event = (events.c.incident == notifications.c.incident) & (events.c.seq == notifications.c.seq)
        return self._db.execute(
            select(*columns)
            .join(events, of_event)
            .where(_pending_elsewhere(targets))
            .order_by(notifications.c.id)
        ).all()

    def _known(self, targets: Sequence[Target]) -> set[str]:
        """The incidents that wait for other URLs, and of which somebody was told or will be at one of these."""
        waiting = select(notifications.c.incident).where(_pending_elsewhere(targets))
        told = (notifications.c.status != "failed") & ~_pending_elsewhere(targets)
        rows = self._db.execute(
            select(notifications.c.incident).where(notifications.c.incident.in_(waiting), told)
        )
        return set(rows.scalars())

    def _add_notifications(self, new: Sequence[tuple[str, int, datetime, Target]]) -> None:
        if not new:
            return
        self._db.execute(
            upsert(notifications).on_conflict_do_nothing(),
            [
                {
                    "incident": incident,
                    "seq": seq,
                    "channel": target.channel,
                    "url_id": target.url_id,
                    "created_at": at,
                    "next_attempt_at": at,
                    "status": "pending",
                    "attempts": 0,
                    "last_error": "",
                }
                for incident, seq, at, target in new
            ],
        )

    # Pauses of hosts

    def save_pause(self, pause: Pause) -> None:
        """Keeps a host's pause, so that a restart waits it out too."""
        values = {"until": pause.until, "outcome": pause.outcome, "detail": pause.detail}
        self._db.execute(
            upsert(pauses)
            .values(host=pause.host, **values)
            .on_conflict_do_update(index_elements=["host"], set_=values)
        )

    def pauses(self, now: datetime) -> list[Pause]:
        """The pauses that are not over."""
        rows = self._db.execute(select(pauses).where(pauses.c.until > now))
        return [
            Pause(host=row.host, until=row.until, outcome=Outcome(row.outcome), detail=row.detail)
            for row in rows
        ]

    # Between polls

    def told_until(self, at: datetime, rule: str) -> list[str]:
        """The subjects of a rule's announced alerts of which nothing was told after an instant."""
        mine = (alerts.c.rule == rule) & alerts.c.announced & (alerts.c.told_at <= at)
        return list(self._db.execute(select(alerts.c.subject).where(mine)).scalars())

    def not_read_since(self, at: datetime, rule: str) -> list[tuple[str, str, str]]:
        """The series (job, account, currency) not read after an instant, without those that a rule fires for."""
        name = accounts.c.job + "/" + accounts.c.name + "/" + series.c.currency
        fires = (alerts.c.rule == rule) & (alerts.c.subject == name) & (alerts.c.state == State.FIRING)
        rows = self._db.execute(
            select(accounts.c.job, accounts.c.name, series.c.currency)
            .join(series, series.c.account_id == accounts.c.id)
            .where(
                func.coalesce(series.c.observed_at, series.c.added_at) <= at,
                ~select(alerts.c.rule).where(fires).exists(),
            )
        )
        return [(row.job, row.name, row.currency) for row in rows]

    def prune(self, before: datetime, limit: int) -> int:
        """Deletes some of what is older than `before`, about `limit` rows at most; returns how many went.

        Incidents stay as long as they last, and the last reading of a series stays in its own row."""
        gone = self._prune_clustered(
            snapshots.c.series_id, snapshots.c.observed_at, series.c.id, before, limit
        )
        gone += self._prune_clustered(polls.c.account_id, polls.c.started_at, accounts.c.id, before, limit)
        gone += self._prune_some(notifications, (notifications.c.id,), _settled_before(before), limit)
        gone += self._prune_some(events, (events.c.incident, events.c.seq), _over_before(before), limit)
        self._db.execute(delete(pauses).where(pauses.c.until < before))
        return gone

    def prune_calls(self, before: datetime) -> None:
        """Forgets calls that no limit counts any more."""
        self._db.execute(delete(calls).where(calls.c.at < before))

    def _prune_clustered(
        self, owner: Column[int], at: Column[datetime], owners: Column[int], before: datetime, limit: int
    ) -> int:
        """Goes by the owner, along the key: a scan of the whole table would take long whatever it finds."""
        has_old = select(owner).where(owner == owners, at < before).exists()
        gone = 0
        for (one,) in self._db.execute(select(owners).where(has_old)).all():
            if gone >= limit:
                break
            gone += self._prune_some(owner.table, (owner, at), (owner == one) & (at < before), limit - gone)
        return gone

    def _prune_some(
        self, table: TableClause, key: tuple[Column[Any], ...], old: ColumnElement[bool], limit: int
    ) -> int:
        some = select(*key).where(old).limit(limit)
        return self._db.execute(delete(table).where(tuple_(*key).in_(some))).rowcount

    def release_pages(self, pages: int) -> None:
        """Gives free pages at the end of the file back to the disk."""
        self._db.exec_driver_sql(f"PRAGMA incremental_vacuum({pages})")


def _is(account: Account) -> ColumnElement[bool]:
    return (accounts.c.job == account.job) & (accounts.c.name == account.name)


def _pending_for(target: Target) -> ColumnElement[bool]:
    return (
        (notifications.c.status == "pending")
        & (notifications.c.channel == target.channel)
        & (notifications.c.url_id == target.url_id)
    )


def _pending_elsewhere(targets: Sequence[Target]) -> ColumnElement[bool]:
    """Whether it waits for a URL other than these."""
    here = [(target.channel, target.url_id) for target in targets]
    return (notifications.c.status == "pending") & tuple_(
        notifications.c.channel, notifications.c.url_id
    ).not_in(here)


def _settled_before(before: datetime) -> ColumnElement[bool]:
    alive = select(alerts.c.id).where(alerts.c.id == notifications.c.incident).exists()
    return (notifications.c.settled_at < before) & ~alive


def _over_before(before: datetime) -> ColumnElement[bool]:
    alive = select(alerts.c.id).where(alerts.c.id == events.c.incident).exists()
    told = select(notifications.c.id).where(notifications.c.incident == events.c.incident).exists()
    return (events.c.at < before) & ~alive & ~told


def _health(
    account: Account,
    polled_at: datetime | None,
    ok_at: datetime | None,
    outcome: str,
    detail: str,
    failures: int,
    alike: int,
    since: datetime | None,
) -> Health:
    streak = NO_STREAK
    if failures:
        streak = Streak(count=failures, alike=alike, since=since, outcome=Outcome(outcome), detail=detail)
    return Health(account=account, streak=streak, last_poll_at=polled_at, last_ok_at=ok_at)


def _view(account: Account, row: Row[Any]) -> SeriesView:
    missing = NO_STREAK
    if row.missing:
        missing = Streak(
            count=row.missing, alike=row.missing, since=row.missing_since, detail=row.missing_detail
        )
    return SeriesView(
        series=account.series(row.currency),
        watched_since=row.added_at,
        last=None if row.observed_at is None else _snapshot(row),
        missing=missing,
    )


def _snapshot(row: Row[Any]) -> Snapshot:
    return Snapshot(
        observed_at=row.observed_at,
        total=row.total,
        available=row.available,
        locked=row.locked,
        updated_at=row.updated_at,
    )


def _view_values(account_id: int | None, view: SeriesView) -> dict[str, Any]:
    last, missing = view.last, view.missing
    return {
        "account_id": account_id,
        "currency": view.series.currency,
        "added_at": view.watched_since,
        "observed_at": last.observed_at if last else None,
        "total": last.total if last else None,
        "available": last.available if last else None,
        "locked": last.locked if last else None,
        "updated_at": last.updated_at if last else None,
        "missing": missing.count,
        "missing_since": missing.since,
        "missing_detail": missing.detail,
    }


def _snapshot_values(series_id: int, reading: Snapshot) -> dict[str, Any]:
    return {
        "series_id": series_id,
        "observed_at": reading.observed_at,
        "total": reading.total,
        "available": reading.available,
        "locked": reading.locked,
        "updated_at": reading.updated_at,
    }


def _alert(row: Row[Any]) -> Alert:
    return Alert(
        rule=row.rule,
        subject=row.subject,
        state=State(row.state),
        id=row.id,
        since=row.since,
        fired_at=row.fired_at,
        breached_at=row.breached_at,
        told_at=row.told_at,
        seq=row.seq,
        announced=row.announced,
        severity=Severity(row.severity),
        level=row.level,
        reason=row.reason,
        expected=row.expected,
    )
