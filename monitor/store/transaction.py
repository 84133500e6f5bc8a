"""Every query of the daemon, within one transaction. Takes and hands out domain values."""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from itertools import groupby
from typing import Any, TypeVar

from sqlalchemy import (
    CTE,
    Column,
    ColumnElement,
    Connection,
    Row,
    Select,
    TableClause,
    case,
    delete,
    func,
    insert,
    literal,
    select,
    true,
    tuple_,
    type_coerce,
    update,
)
from sqlalchemy.dialects.sqlite import insert as upsert

from monitor.domain.alerts import Ack, Alert, Event, EventKind
from monitor.domain.delivery import LONGEST_REST, Addressed, Notification, Rest, Target
from monitor.domain.matching import Match
from monitor.domain.messages import Report
from monitor.domain.model import (
    NO_STREAK,
    Account,
    Health,
    NotedCall,
    Pause,
    PollResult,
    Series,
    SeriesView,
    Severity,
    Snapshot,
    State,
    Streak,
)
from monitor.domain.mutes import Silence
from monitor.domain.progress import Progress
from monitor.domain.summary import BalanceChange, Period
from monitor.domain.windows import QuietHours
from monitor.errors import Outcome
from monitor.store import statements
from monitor.store.clock import ClockRecord
from monitor.store.memory import Healths, Memory, Silences
from monitor.store.tables import (
    Instant,
    accounts,
    alerts,
    attempts,
    calls,
    configuration,
    events,
    from_micros,
    notes,
    notifications,
    pauses,
    polls,
    rests,
    series,
    set_aside,
    silences,
    snapshots,
    to_micros,
)

F = TypeVar("F")

_NEW_ACCOUNT = {
    "outcome": Outcome.OK,
    "detail": "",
    "missed_runs": 0,
    **dict.fromkeys(("failures", "failures_alike", "failures_same", "failures_own"), 0),
}


@dataclass(frozen=True, slots=True)
class Waiting:
    """What to deliver to a URL now, in order; where nothing is due, when something will be (None: never)."""

    due: tuple[tuple[Notification, ...], ...]
    next_at: datetime | None


class Transaction:
    """What can be read and written within one commit. Instants are aware UTC datetimes."""

    def __init__(self, connection: Connection, memory: Memory | None = None) -> None:
        self._db = connection
        self._memory = memory or Memory()
        self._account_ids: dict[tuple[str, str], int | None] = {}
        self._series_ids: dict[tuple[str, str, str], int] = {}
        self._clock = ClockRecord(connection)

    @property
    def clock(self) -> ClockRecord:
        """What is known of the clock. It moves instants that lie ahead: what is remembered of them is read anew."""
        self._memory.healths.clear()
        return self._clock

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
        return _health(account, row)

    def healths(self, of: Mapping[tuple[str, str], Account]) -> Collection[Health]:
        """How the polls of these accounts have been going, until the next is recorded; those never polled are left
        out."""
        if not of:
            return ()
        known = next((one for one in self._memory.healths if one.of is of), None)
        if known is None:
            rows = self._db.execute(statements.HEALTHS, {"jobs": sorted({job for job, _ in of})})
            found = {
                account.key: _health(account, row) for row in rows if (account := of.get((row.job, row.name)))
            }
            known = Healths(of=of, by_account=found)
            self._memory.healths.append(known)
        return known.by_account.values()

    def add_poll(self, health: Health, result: PollResult, overdue_at: datetime | None) -> None:
        """Keeps a poll's outcome, the account's health after it, and from when on the next one is overdue."""
        streak, account_id = health.streak, self._account_id(health.account)
        self._memory.note_health(health)
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
                "row_failures_same": streak.same,
                "row_failures_own": streak.own,
                "row_failing_since": streak.since,
                "row_failing_same_since": streak.same_since,
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

    def save_own_failures(self, healths: Iterable[Health]) -> None:
        """Keep how many failures in a row are the accounts' own: an outage covers the others."""
        rows = [
            {"of_job": one.account.job, "of_name": one.account.name, "own": one.streak.own} for one in healths
        ]
        if rows:
            self._memory.healths.clear()
            self._db.execute(statements.SET_OWN_FAILURES, rows)

    def add_missed_runs(self, account: Account, count: int) -> None:
        """Counts scheduled runs that were not made, or made late in one."""
        self._db.execute(
            update(accounts).where(_is(account)).values(missed_runs=accounts.c.missed_runs + count)
        )

    def add_call(self, host: str, call: NotedCall) -> None:
        """Notes a call that is about to be sent to a host with a limit."""
        values = {"host": host, "at": call.at, "caller": call.caller, "ends_by": call.ends_by}
        self._db.execute(statements.ADD_CALL, values)

    def end_calls(self, caller: str, ended: Mapping[tuple[str, datetime], datetime]) -> None:
        """Notes when a process's calls ended, each known by its host and the instant at which it was noted."""
        rows = [
            {"of_host": host, "noted_at": at, "of_caller": caller, "ended_at": ended_at}
            for (host, at), ended_at in ended.items()
        ]
        if rows:
            self._db.execute(statements.END_CALL, rows)

    def calls(self, host: str, since: datetime, *, besides: str = "") -> list[NotedCall]:
        """The calls to a host noted since an instant, by all processes besides one."""
        rows = self._db.execute(statements.CALLS, {"host": host, "since": since, "besides": besides})
        return [NotedCall(caller=row.caller, at=row.at, ends_by=row.ends_by) for row in rows]

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
        for view in readings:
            if view.last is not None and view.ahead_until is not None:
                self.clock.add_provisional(self._series_id(view.series), view.last.observed_at)

    def by_this_clock(self, account: Account, now: datetime) -> dict[str, SeriesView]:
        """The account's series at a poll, so that nothing known of them lies ahead of it.

        Where the clock was set back, what was read last counts as read just before. Readings that lie ahead stay
        where they are; those that time has passed over since the last poll are set aside, lest they come between
        what is read now."""
        known = self.views(account, now)
        if any(view.last is not None and view.last.observed_at > now for view in known.values()):
            self.clock.set_back(now, self._account_id(account))
            known = self.views(account, now)
        for currency, view in known.items():
            if view.last is None or view.ahead_until is None:
                continue
            number = self._series_id(view.series)
            self.clock.pass_over(number, view.last.observed_at, now)
            if now > view.ahead_until:
                self.clock.end_of_readings_ahead(number, now)
                known[currency] = replace(view, ahead_until=None)
        return known

    def history(
        self, series_: Series, newest: datetime, since: datetime, at_least: int, *, provisional: bool = False
    ) -> tuple[Snapshot, ...]:
        """The readings of a series up to the newest, oldest first: all since an instant, the one before it, and so
        many in any case. `provisional`: only those made since the clock was set back."""
        readings = statements.SNAPSHOTS_SINCE, statements.SNAPSHOTS_BEFORE
        if provisional:
            readings = statements.PROVISIONAL_SINCE, statements.PROVISIONAL_BEFORE
        which = {"series_id": self._series_id(series_), "newest": newest, "since": since}
        within = self._db.execute(readings[0], which).all()
        count = max(at_least - len(within), 1)
        older = self._db.execute(readings[1], {**which, "count": count}).all()
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
        """The alerts that are not over, or have to be remembered, of these subjects or of all."""
        if subjects is None:
            rows = self._db.execute(select(alerts))
        else:
            rows = self._db.execute(statements.ALERTS_ABOUT, {"subjects": list(subjects)})
        return {(row.rule, row.subject): _alert(row) for row in rows}

    def follow(
        self, by: object, begin: Callable[[], F]
    ) -> tuple[F, Iterable[tuple[tuple[str, str], Severity | None]]]:
        """Return what is kept for somebody from one transaction to the next, and by which firing alerts it differs from
        the store: those (rule and subject) saved since this was last asked, with their severity, None where one does
        not fire. The first time, and whenever something else may have happened, it is new, and all that fire."""
        memory = self._memory
        if memory.followed_by is not by:
            memory.forget()
            memory.follower, memory.followed_by = begin(), by
            rows = self._db.execute(statements.FIRING)
            return memory.follower, [((row.rule, row.subject), Severity(row.severity)) for row in rows]
        saved, memory.saved = memory.saved, {}
        return memory.follower, saved.items()

    def save_alert(self, alert: Alert) -> None:
        """Keeps an alert as it stands; one of which nothing matters any more is forgotten."""
        self._memory.saved[alert.key] = alert.severity if alert.state is State.FIRING else None
        if alert.is_over:
            self._db.execute(
                delete(alerts).where(alerts.c.rule == alert.rule, alerts.c.subject == alert.subject)
            )
            return
        self._db.execute(statements.SAVE_ALERT, _alert_values(alert))

    def count_alerts(self) -> int:
        """How many alerts are not over, or have to be remembered."""
        count: int = self._db.execute(select(func.count()).select_from(alerts)).scalar_one()
        return count

    def alert_of(self, incident: str) -> Alert | None:
        """The alert whose incident this is, unless that is over and forgotten."""
        row = self._db.execute(select(alerts).where(alerts.c.id == incident)).one_or_none()
        return None if row is None else _alert(row)

    def add_event(self, event: Event, report: Report, addressed: Sequence[Addressed]) -> None:
        """Keeps an event, and puts one notification per URL into the outbox."""
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
        severity = event.alert.severity
        self._add_notifications(
            [
                _notification(event.alert.id, event.seq, event.at, one.target, severity)
                | {"group_key": one.group, "next_attempt_at": event.at + one.group_wait}
                for one in addressed
            ]
        )

    def add_note(self, alert: Alert, kind: str, at: datetime, by: str, text: str) -> None:
        """Keeps what was done about an incident, by whom and why."""
        about = {"incident": alert.id, "rule": alert.rule, "subject": alert.subject}
        what = {"severity": alert.severity, "at": at, "kind": kind, "by": by, "text": text}
        self._db.execute(insert(notes).values(**about, **what))

    def was_notified(self, incident: str) -> bool:
        """Whether something was ever told of an incident, over or not."""
        first = select(events.c.seq).where(events.c.incident == incident).limit(1)
        return self._db.execute(first).one_or_none() is not None

    def addressed(self, incident: str, seq: int) -> list[Target]:
        """The URLs that one event goes to."""
        rows = self._db.execute(
            select(notifications.c.channel, notifications.c.url_id).where(
                notifications.c.incident == incident, notifications.c.seq == seq
            )
        )
        return [Target(channel=row.channel, url_id=row.url_id) for row in rows]

    def notified_targets(self, incident: str) -> list[Target]:
        """Where something was told of an incident, or still waits to be; not where all of it was given up."""
        rows = self._db.execute(
            select(notifications.c.channel, notifications.c.url_id)
            .where(notifications.c.incident == incident, notifications.c.status != "failed")
            .distinct()
        )
        return [Target(channel=row.channel, url_id=row.url_id) for row in rows]

    # The outbox

    def waiting(
        self, target: Target, now: datetime, quiet: QuietHours | None = None, *, gather: bool = True
    ) -> Waiting:
        """What waits for one URL: the notifications of the group whose turn it is, by incident, in order.

        Within an incident the first holds back the others; groups don't hold back each other. In quiet hours only
        incidents go out of which something critical waits. Without `gather`, no group waits for more."""
        heads = _heads(target, now, quiet.until(now) if quiet else None, gather=gather)
        first, next_at = self._db.execute(select(func.min(heads.c.due_id), func.min(heads.c.at))).one()
        if first is None:
            return Waiting((), next_at)
        group = select(heads.c.group_key).where(heads.c.id == first).scalar_subquery()
        # what was not tried yet goes with the first, though it has not waited for as long
        together = heads.c.passes & ((heads.c.attempts == 0) | heads.c.due_id.is_not(None))
        incidents = select(heads.c.incident).where(heads.c.group_key == group, together)
        return Waiting(self._pending(target, incidents), now)

    def _pending(self, target: Target, incidents: Select[str]) -> tuple[tuple[Notification, ...], ...]:
        rows = self._db.execute(
            select(notifications, events.c.report, alerts.c.reason.label("present_reason"))
            .join(
                events,
                (events.c.incident == notifications.c.incident) & (events.c.seq == notifications.c.seq),
            )
            .outerjoin(
                alerts,
                (alerts.c.rule == events.c.rule)
                & (alerts.c.subject == events.c.subject)
                & (alerts.c.id == events.c.incident)
                & (alerts.c.state == State.FIRING),
            )
            .where(_pending_for(target), notifications.c.incident.in_(incidents))
            .order_by(notifications.c.incident, notifications.c.seq)
        )
        by_incident = groupby(rows, key=lambda row: row.incident)
        return tuple(tuple(_waiting(row, target) for row in group) for _, group in by_incident)

    def complete(self, ids: Sequence[int], *, delivered: bool, at: datetime, error: str = "") -> None:
        """Ends notifications: the last attempt took them there, or they are given up."""
        self._note_attempt(ids, at, error)
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

    def reschedule(
        self, ids: Sequence[int], *, at: datetime, until: datetime, error: str, taken: Sequence[str] = ()
    ) -> None:
        """Record a failed attempt that will be followed by another; the parts `taken` are not sent again."""
        self._note_attempt(ids, at, error)
        self._db.execute(
            update(notifications)
            .where(notifications.c.id.in_(ids), notifications.c.status == "pending")
            .values(
                next_attempt_at=until,
                attempts=notifications.c.attempts + 1,
                failing_since=func.coalesce(notifications.c.failing_since, literal(at, Instant)),
                last_error=error,
                taken=list(taken),
            )
        )

    def hasten(self, target: Target, now: datetime) -> None:
        """Let what failed at a URL be tried again now: it has just taken something."""
        failed = (
            _pending_for(target) & (notifications.c.attempts > 0) & (notifications.c.next_attempt_at > now)
        )
        self._db.execute(update(notifications).where(failed).values(next_attempt_at=now))

    def rest(self, url_id: str) -> Rest | None:
        """How long a recipient's service wants no messages, as far as is known; also of one that is over."""
        row = self._db.execute(select(rests).where(rests.c.url_id == url_id)).one_or_none()
        if row is None:
            return None
        return Rest(began_at=row.began_at, until=row.until, refusals=row.refusals)

    def save_rest(self, url_id: str, rest: Rest) -> None:
        """Keep a recipient's rest, so that a restart waits for its end."""
        values = {"began_at": rest.began_at, "until": rest.until, "refusals": rest.refusals}
        self._db.execute(
            upsert(rests)
            .values(url_id=url_id, **values)
            .on_conflict_do_update(index_elements=["url_id"], set_=values)
        )

    def end_rest(self, url_id: str) -> None:
        """Forget a recipient's rest: it takes messages again."""
        self._db.execute(delete(rests).where(rests.c.url_id == url_id))

    def _note_attempt(self, ids: Sequence[int], at: datetime, error: str) -> None:
        number = notifications.c.attempts + 1
        tried = select(notifications.c.id, number, literal(at, Instant), literal(error)).where(
            notifications.c.id.in_(ids), notifications.c.status == "pending"
        )
        columns = ["notification_id", "number", "at", "error"]
        self._db.execute(upsert(attempts).from_select(columns, tried).on_conflict_do_nothing())

    def divert_to_fallback(
        self,
        channel: str,
        fallback: Sequence[Target],
        failing_before: datetime,
        now: datetime,
        *,
        quiet: bool = False,
    ) -> int:
        """Tells a channel's fallback all that waits for the channel and that no URL of it has taken, once something
        has failed since long enough; returns how many notifications it was. They stay in the outbox for the channel,
        too. What waits for its group or, where the channel is `quiet`, for the hours to end, is not waiting for it."""
        mine = notifications.alias()
        failed_for_long = (
            (mine.c.channel == channel)
            & (mine.c.status == "pending")
            & (mine.c.failing_since <= failing_before)
        )
        if self._db.execute(select(mine.c.id).where(failed_for_long).limit(1)).first() is None:
            return 0
        due = (mine.c.next_attempt_at <= now) & (mine.c.severity >= (Severity.CRITICAL if quiet else 0))
        stuck = select(mine.c.incident).where(
            mine.c.channel == channel, mine.c.status == "pending", mine.c.failing_since.is_not(None) | due
        )
        there = notifications.alias()
        taken = select(there.c.id).where(
            there.c.channel == channel,
            there.c.incident == notifications.c.incident,
            there.c.seq == notifications.c.seq,
            there.c.status == "delivered",
        )
        rows = self._db.execute(
            select(notifications).where(
                notifications.c.channel == channel,
                notifications.c.status == "pending",
                notifications.c.handed_over_at.is_(None),
                notifications.c.incident.in_(stuck),
                ~taken.exists(),
            )
        ).all()
        for row in rows:
            why = f"channel {channel}, which can't be reached ({row.last_error or 'as before'})"
            instead = {"group_key": row.group_key, "instead_of": why}
            self._add_notifications(
                [_notification(row.incident, row.seq, now, one, row.severity) | instead for one in fallback]
            )
        handed_over = update(notifications).where(notifications.c.id.in_([row.id for row in rows]))
        self._db.execute(handed_over.values(handed_over_at=now))
        return len(rows)

    def failing_since(self, channel: str) -> datetime | None:
        """Since when deliveries of what still waits for a channel have failed; None where none has."""
        oldest = select(func.min(notifications.c.failing_since)).where(
            notifications.c.channel == channel, notifications.c.status == "pending"
        )
        at: datetime | None = self._db.execute(oldest).scalar_one()
        return at

    def rename_targets(self, names: Iterable[tuple[Target, Target]]) -> None:
        """Let what an older version kept for a recipient count as kept for it under its name of now.

        Several recipients that had one name get each their own copy of it."""
        by_former: dict[Target, list[Target]] = {}
        for former, target in names:
            by_former.setdefault(former, []).append(target)
        for former, (first, *others) in by_former.items():
            of_former = (notifications.c.channel == former.channel) & (
                notifications.c.url_id == former.url_id
            )
            for target in others:
                kept = {"channel": literal(target.channel), "url_id": literal(target.url_id)}
                columns = [column for column in notifications.c if column.name != "id"]
                copies = select(*(kept.get(column.name, column) for column in columns)).where(of_former)
                self._db.execute(
                    upsert(notifications)
                    .from_select([column.name for column in columns], copies)
                    .on_conflict_do_nothing()
                )
            there = notifications.alias()
            taken = select(there.c.id).where(
                there.c.channel == first.channel,
                there.c.url_id == first.url_id,
                there.c.incident == notifications.c.incident,
                there.c.seq == notifications.c.seq,
            )
            self._db.execute(
                update(notifications)
                .where(of_former, ~taken.exists())
                .values(channel=first.channel, url_id=first.url_id)
            )

    def reroute(
        self,
        targets: Sequence[Target],
        wanted: Callable[[str, str, Severity], Sequence[Target]],
        now: datetime,
    ) -> int:
        """Fit the outbox to the channels as configured now; return how many notifications had to be given up.

        What waits for a recipient that another channel names now goes out by that one. What waits for a URL that its
        channel no longer has goes to the URLs it has instead. What waits for a channel that is gone goes where it
        would go now (`wanted`, by rule, subject and severity), if nobody else knows of the incident; otherwise it is
        given up. Nobody gets a message that is addressed to them already."""
        channels = {target.channel for target in targets}
        by_id = {target.url_id: target for target in reversed(targets)}
        rows, known = self._waiting_elsewhere(targets), self._known(targets)
        given_up = 0
        for row in rows:
            addressed = self._addressed_ids(row.incident, row.seq, apart_from=row.id)
            moved = by_id.get(row.url_id)
            if moved is not None and moved.url_id not in addressed:
                self._move(row.id, moved)
                continue
            if row.channel in channels:
                gone, instead = "URL", [target for target in targets if target.channel == row.channel]
            else:
                gone = "channel"
                known_elsewhere = row.incident in known
                instead = [] if known_elsewhere else [*wanted(row.rule, row.subject, Severity(row.severity))]
            kept = {"group_key": row.group_key, "instead_of": row.instead_of}
            self._add_again(
                [
                    _notification(row.incident, row.seq, row.created_at, target, row.severity) | kept
                    for target in instead
                    if target.url_id not in addressed
                ]
            )
            why = f"its {gone} is gone from the configuration" + (", sent to others" if instead else "")
            self.complete([row.id], delivered=False, at=now, error=why)
            given_up += not instead
        return given_up

    def follow_recipients(self, targets: Sequence[Target]) -> None:
        """Let what went to a recipient, of incidents that are not over, count as sent by the channel that names it now.
        A channel that is gone, one of whose recipients another names, is that one now, its other URLs included.

        A later change of that channel's URLs then finds it there, though no message went between the two changes."""
        by_id = {target.url_id: target for target in reversed(targets)}
        channels = {target.channel for target in targets}
        renamed: dict[str, str] = {}
        for former in self._known_elsewhere(targets):
            if (target := by_id.get(former.url_id)) is not None:
                self._rename(former, target)
                renamed.setdefault(former.channel, target.channel)
        for former in self._known_elsewhere(targets):
            if former.channel not in channels and former.channel in renamed:
                target = Target(channel=renamed[former.channel], url_id=former.url_id)
                self._rename(former, target)

    def _known_elsewhere(self, targets: Sequence[Target]) -> list[Target]:
        """Return where else something went, or will go, of incidents that are not over."""
        name = (notifications.c.channel, notifications.c.url_id)
        here = [(target.channel, target.url_id) for target in targets]
        rows = self._db.execute(
            select(*name).where(_of_the_living(), tuple_(*name).not_in(here)).distinct().order_by(*name)
        )
        return [Target(channel=row.channel, url_id=row.url_id) for row in rows]

    def _rename(self, former: Target, target: Target) -> None:
        """Rename a recipient where it has not got the same under its new name, in what is not over."""
        there = notifications.alias()
        taken = select(there.c.id).where(
            there.c.channel == target.channel,
            there.c.url_id == target.url_id,
            there.c.incident == notifications.c.incident,
            there.c.seq == notifications.c.seq,
        )
        of_former = (notifications.c.channel == former.channel) & (notifications.c.url_id == former.url_id)
        self._db.execute(
            update(notifications)
            .where(of_former, _of_the_living(), ~taken.exists())
            .values(channel=target.channel, url_id=target.url_id)
        )

    def _addressed_ids(self, incident: str, seq: int, *, apart_from: int) -> set[str]:
        """Return who gets, or got, one event, apart from by one notification."""
        rows = self._db.execute(
            select(notifications.c.url_id).where(
                notifications.c.incident == incident,
                notifications.c.seq == seq,
                notifications.c.id != apart_from,
                notifications.c.status != "failed",
            )
        )
        return set(rows.scalars())

    def _move(self, number: int, target: Target) -> None:
        """Let a notification go out by another channel. One that was given up there before makes room for it."""
        mine = notifications.alias()
        this = select(mine.c.incident, mine.c.seq).where(mine.c.id == number)
        there = (notifications.c.channel == target.channel) & (notifications.c.url_id == target.url_id)
        former = select(notifications.c.id).where(
            there, tuple_(notifications.c.incident, notifications.c.seq).in_(this)
        )
        self._db.execute(delete(attempts).where(attempts.c.notification_id.in_(former)))
        self._db.execute(delete(notifications).where(notifications.c.id.in_(former)))
        self._db.execute(
            update(notifications)
            .where(notifications.c.id == number)
            .values(channel=target.channel, url_id=target.url_id)
        )

    def _add_again(self, new: Sequence[Mapping[str, Any]]) -> None:
        """Put notifications into the outbox. One that was given up there before waits again: its URL had been taken
        away and is back."""
        if new:
            once_more = {"status": "pending", "settled_at": None, "failing_since": None}
            insertion = upsert(notifications)
            self._db.execute(
                insertion.on_conflict_do_update(
                    index_elements=["incident", "seq", "channel", "url_id"],
                    set_=once_more | {"next_attempt_at": insertion.excluded.next_attempt_at},
                    where=notifications.c.status == "failed",
                ),
                list(new),
            )

    def _waiting_elsewhere(self, targets: Sequence[Target]) -> Sequence[Row[Any]]:
        """What waits for URLs other than these."""
        columns: tuple[ColumnElement[Any], ...] = (
            notifications.c.id,
            notifications.c.incident,
            notifications.c.seq,
            notifications.c.channel,
            notifications.c.url_id,
            notifications.c.created_at,
            notifications.c.severity,
            notifications.c.group_key,
            notifications.c.instead_of,
            events.c.rule,
            events.c.subject,
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

    def _add_notifications(self, new: Sequence[Mapping[str, Any]]) -> None:
        if new:
            self._db.execute(upsert(notifications).on_conflict_do_nothing(), list(new))

    # Silences

    def silences(self, now: datetime) -> tuple[Silence, ...]:
        """The silences that are not over."""
        known = self._memory.silences
        if known is None or not known.since <= now < known.until:
            rows = self._db.execute(statements.SILENCES, {"now": now})
            read = tuple(_silence(row) for row in rows)
            until = min((one.ends_at for one in read), default=datetime.max.replace(tzinfo=UTC))
            self._memory.silences = known = Silences(of=read, since=now, until=until)
        return known.of

    def add_silence(
        self, match: Match, *, starts_at: datetime, ends_at: datetime, by: str, reason: str, now: datetime
    ) -> Silence:
        """Keeps a new silence, which gets the next number."""
        self._memory.silences = None
        values = {
            "match": {key: list(globs) for key, globs in match.globs.items()},
            "by": by,
            "reason": reason,
        }
        times = {"starts_at": starts_at, "ends_at": ends_at, "created_at": now}
        row = self._db.execute(
            insert(silences).values(**values, **times, expired_by="").returning(silences)
        ).one()
        return _silence(row)

    def expire_silence(self, number: int, *, by: str, now: datetime) -> Silence | None:
        """Ends a silence at once; None where there is none of this number that is not over."""
        self._memory.silences = None
        row = self._db.execute(
            update(silences)
            .where(silences.c.id == number, silences.c.ends_at > now)
            .values(ends_at=now, expired_by=by)
            .returning(silences)
        ).one_or_none()
        return None if row is None else _silence(row)

    # Pauses of hosts

    def save_pause(self, pause: Pause) -> None:
        """Keeps a host's pause, so that a restart waits it out too."""
        values = {
            "until": pause.until,
            "outcome": pause.outcome,
            "detail": pause.detail,
            "began_at": pause.began_at,
        }
        self._db.execute(
            upsert(pauses)
            .values(host=pause.host, **values)
            .on_conflict_do_update(index_elements=["host"], set_=values)
        )

    def pauses(self, now: datetime) -> list[Pause]:
        """The pauses that are not over."""
        rows = self._db.execute(statements.PAUSES, {"now": now})
        return [
            Pause(
                host=row.host,
                until=row.until,
                outcome=Outcome(row.outcome),
                detail=row.detail,
                began_at=row.began_at,
            )
            for row in rows
        ]

    # The configuration

    def accept_configuration(self, file: str, version: str, document: object, at: datetime) -> None:
        """Keep a configuration as the one in force, with the program's version that took it."""
        values = {"file": file, "version": version, "document": document}
        values |= {"accepted_at": at, "refused_at": None, "problems": []}
        self._db.execute(
            upsert(configuration)
            .values(id=1, **values)
            .on_conflict_do_update(index_elements=["id"], set_=values)
        )

    def refuse_configuration(self, problems: Sequence[str], at: datetime) -> None:
        """Note why the file was not taken, since when: the one in force stays."""
        since = func.coalesce(configuration.c.refused_at, literal(at, Instant))
        self._db.execute(update(configuration).values(refused_at=since, problems=list(problems)))

    # Between polls

    def unsettled(self, ended_before: datetime) -> list[str]:
        """The subjects of the alerts that time alone may change: told otherwise than they stand and not muted, or
        flapping; or remembered though they ended before an instant."""
        fires, muted = alerts.c.state == State.FIRING, alerts.c.muted != ""
        moved = (alerts.c.severity != alerts.c.notified_severity) | (
            alerts.c.level != alerts.c.notified_level
        )
        differs = (fires != alerts.c.announced) | (alerts.c.announced & moved)
        waits = ~muted & differs | alerts.c.flapping | alerts.c.notified_flapping
        waits |= ~fires & ~alerts.c.announced & (alerts.c.ended_at <= ended_before)
        return list(self._db.execute(select(alerts.c.subject).where(waits).distinct()).scalars())

    def unacknowledged_since(
        self, at: datetime, wait: timedelta, seen_at: datetime | None
    ) -> list[tuple[str, str, Severity]]:
        """The alerts (rule, subject, severity) announced for so long, not muted, neither acknowledged nor escalated;
        without those that were so at an earlier instant already, and of which nothing was told since."""
        known = alerts.c.acked_at.is_not(None) | alerts.c.escalated_at.is_not(None) | (alerts.c.muted != "")
        waits = (alerts.c.announced_at <= at - wait) & ~known
        if seen_at is not None:
            waits &= (alerts.c.announced_at > seen_at - wait) | (alerts.c.notified_at >= seen_at)
        rows = self._db.execute(select(alerts.c.rule, alerts.c.subject, alerts.c.severity).where(waits))
        return [(row.rule, row.subject, Severity(row.severity)) for row in rows]

    def mutable(self) -> Iterator[Alert]:
        """The alerts that fire, or were muted when they were last judged; of each no more than what mutes can match,
        and what mutes it."""
        for row in self._db.execute(statements.MUTABLE):
            state, severity = State(row.state), Severity(row.severity)
            yield Alert(rule=row.rule, subject=row.subject, state=state, severity=severity, muted=row.muted)

    def notified_until(self, at: datetime, rule: str) -> list[str]:
        """The subjects of a rule's announced alerts that nobody acknowledged and of which nothing was told after an
        instant."""
        mine = (alerts.c.rule == rule) & alerts.c.announced & (alerts.c.notified_at <= at)
        mine &= alerts.c.acked_at.is_(None)
        return list(self._db.execute(select(alerts.c.subject).where(mine)).scalars())

    def not_read_since(
        self, at: datetime, rule: str, severity: Severity
    ) -> list[tuple[str, str, str, datetime]]:
        """The series (job, account, currency, since when) not read after an instant, without those that a rule fires
        for, as badly or worse."""
        name = accounts.c.job + "/" + accounts.c.name + "/" + series.c.currency
        fires = (
            (alerts.c.rule == rule)
            & (alerts.c.subject == name)
            & (alerts.c.state == State.FIRING)
            & (alerts.c.severity >= severity)
        )
        last = func.coalesce(series.c.observed_at, series.c.added_at)
        rows = self._db.execute(
            select(accounts.c.job, accounts.c.name, series.c.currency, last.label("last"))
            .join(series, series.c.account_id == accounts.c.id)
            .where(
                last <= at,
                ~select(alerts.c.rule).where(fires).exists(),
            )
        )
        return [(row.job, row.name, row.currency, row.last) for row in rows]

    def add_summary(self, report: Report, targets: Sequence[Target]) -> None:
        """Keeps a summary, and puts one notification per URL into the outbox. It is told with nothing else."""
        at = datetime.fromisoformat(report.at)
        values = {"incident": report.incident, "seq": report.seq, "rule": report.rule, "subject": ""}
        self._db.execute(insert(events).values(**values, kind=report.kind, at=at, report=report.to_json()))
        self._add_notifications(
            [
                _notification(report.incident, report.seq, at, target, Severity.INFO)
                | {"group_key": report.incident}
                for target in targets
            ]
        )

    def last_summary_at(self) -> datetime | None:
        """When the last summary was made; None: never."""
        made = select(func.max(events.c.at)).where(events.c.kind == EventKind.SUMMARY)
        at: datetime | None = self._db.execute(made).scalar_one()
        return at

    def period(self, since: datetime, now: datetime, of: Mapping[tuple[str, str], Account]) -> Period:
        """What a summary of these accounts tells of."""
        happened = self._counted(events.c.kind, events.c.at >= since)
        settled = self._counted(notifications.c.status, notifications.c.settled_at >= since)
        waiting = self._counted(notifications.c.status, notifications.c.status == "pending")
        # by the accounts, so that SQLite goes along the clustered key: a scan of all polls kept would take long
        of_any = polls.c.account_id.in_(select(accounts.c.id))
        outcomes = self._counted(polls.c.outcome, of_any & (polls.c.started_at >= since))
        missed = self._db.execute(select(accounts.c.job, accounts.c.name, accounts.c.missed_runs))
        firing = [alert for alert in self.alerts().values() if alert.state is State.FIRING]
        return Period(
            since=since,
            until=now,
            standings=[one for account in of.values() for one in self._standings(account, since, now)],
            firing=[
                (one.rule, one.subject, one.reason) for one in sorted(firing, key=lambda one: -one.severity)
            ],
            fired=happened.get(EventKind.FIRED, 0),
            resolved=happened.get(EventKind.RESOLVED, 0) + happened.get(EventKind.CLOSED, 0),
            delivered=settled.get("delivered", 0),
            given_up=settled.get("failed", 0),
            waiting=waiting.get("pending", 0),
            polls=sum(outcomes.values()),
            polls_failed=sum(count for outcome, count in outcomes.items() if outcome != Outcome.OK),
            missed=sum(row.missed_runs for row in missed if (row.job, row.name) in of),
        )

    def _counted(self, what: Column[str], which: ColumnElement[bool]) -> dict[str, int]:
        rows = self._db.execute(select(what, func.count()).where(which).group_by(what))
        return {row[0]: row[1] for row in rows}

    def _standings(self, account: Account, since: datetime, now: datetime) -> Iterator[BalanceChange]:
        for view in self.views(account, now).values():
            before = self.history(view.series, since, since, 1) if view.last else ()
            yield BalanceChange(
                series=str(view.series),
                now=view.last.available if view.last else None,
                read_at=view.last.observed_at if view.last else None,
                before=before[-1].available if before else None,
            )

    def progress(
        self, now: datetime, of: Collection[tuple[str, str]], quiet: Collection[str] = ()
    ) -> Progress:
        """How the polls of these accounts (job, name) and the deliveries get on; channels in their quiet hours are
        left out, and messages that wait for one before them."""
        rows = self._db.execute(select(accounts.c.job, accounts.c.name).where(accounts.c.overdue_at < now))
        overdue = sum((row.job, row.name) in of for row in rows)
        before = notifications.alias()
        held_back = select(before.c.id).where(
            before.c.status == "pending",
            before.c.channel == notifications.c.channel,
            before.c.url_id == notifications.c.url_id,
            before.c.incident == notifications.c.incident,
            before.c.seq < notifications.c.seq,
        )
        due_since = self._db.execute(
            select(func.min(notifications.c.next_attempt_at)).where(
                notifications.c.status == "pending",
                notifications.c.channel.not_in(list(quiet)),
                ~held_back.exists(),
            )
        ).scalar_one()
        return Progress(accounts=len(of), overdue=overdue, due_since=due_since)

    def newest(self) -> datetime | None:
        """Return the instant of the newest reading; None where there is none."""
        known = [
            self._db.execute(select(func.max(column))).scalar_one()
            for column in (series.c.observed_at, series.c.ahead_until)
        ]
        return max((at for at in known if at is not None), default=None)

    def prune(self, before: datetime, limit: int) -> int:
        """Deletes some of what is older than `before`, about `limit` rows at most; returns how many went.

        Incidents stay as long as they last, and the last reading of a series stays in its own row."""
        gone = self._prune_clustered(
            snapshots.c.series_id, snapshots.c.observed_at, series.c.id, before, limit
        )
        gone += self._prune_clustered(polls.c.account_id, polls.c.started_at, accounts.c.id, before, limit)
        settled = select(notifications.c.id).where(_settled_before(before))
        self._db.execute(delete(attempts).where(attempts.c.notification_id.in_(settled)))
        gone += self._prune_some(notifications, (notifications.c.id,), _settled_before(before), limit)
        gone += self._prune_some(events, (events.c.incident, events.c.seq), _over_before(before), limit)
        gone += self._prune_some(notes, (notes.c.id,), _noted_before(before), limit)
        gone += self._prune_some(
            set_aside,
            (set_aside.c.series_id, set_aside.c.observed_at, set_aside.c.moved_at),
            (set_aside.c.moved_at < before) & ~set_aside.c.returns,
            limit,
        )
        self._db.execute(delete(pauses).where(pauses.c.until < before))
        self._db.execute(delete(silences).where(silences.c.ends_at < before))
        return gone

    def prune_calls(self, before: datetime) -> None:
        """Forgets calls that no limit counts any more."""
        self._db.execute(delete(calls).where(calls.c.at < before))

    def prune_all_calls_but(self, newest: int) -> None:
        """Forgets calls but so many of each host, whatever time it is."""
        number = func.row_number().over(partition_by=calls.c.host, order_by=calls.c.at.desc())
        numbered = select(calls.c.host, calls.c.at, calls.c.caller, number.label("number")).subquery()
        old = select(numbered.c.host, numbered.c.at, numbered.c.caller).where(numbered.c.number > newest)
        self._db.execute(delete(calls).where(tuple_(calls.c.host, calls.c.at, calls.c.caller).in_(old)))

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


def _heads(target: Target, now: datetime, quiet_until: datetime | None, *, gather: bool) -> CTE:
    """The first notification of each incident that waits for a URL: it holds back the others.

    `at`: when it goes out; `passes`: quiet hours do not hold it; `due_id`: its id, where it is due. All of it is found
    by SQLite: a message of one incident must not take the longer, the more of them wait."""
    critical = notifications.c.severity == Severity.CRITICAL
    of_incident = (
        select(
            notifications.c.incident,
            func.min(notifications.c.seq).label("seq"),
            func.min(case((critical, notifications.c.next_attempt_at))).label("critical_at"),
        )
        .where(_pending_for(target))
        .group_by(notifications.c.incident)
        .subquery()
    )
    tried, next_at = notifications.c.attempts > 0, notifications.c.next_attempt_at
    critical_at = of_incident.c.critical_at
    # what is critical waits no longer than its own route says, though what is before it would
    planned = case((~tried & (critical_at < next_at), critical_at), else_=next_at)
    passes = critical_at.is_not(None) if quiet_until is not None else true()
    at = case((passes, planned), else_=func.max(planned, literal(quiet_until, Instant)))
    # an attempt further off than any rest was planned by a clock since set back
    due = (planned <= now) | (planned > now + LONGEST_REST)
    if not gather:
        due |= ~tried
    return (
        select(
            notifications.c.id,
            notifications.c.incident,
            notifications.c.group_key,
            notifications.c.attempts,
            type_coerce(at, Instant).label("at"),
            passes.label("passes"),
            case((passes & due, notifications.c.id)).label("due_id"),
        )
        .join(
            of_incident,
            (of_incident.c.incident == notifications.c.incident) & (of_incident.c.seq == notifications.c.seq),
        )
        .where(_pending_for(target))
        .cte()
    )


def _of_the_living() -> ColumnElement[bool]:
    """Whether a notification's incident is not over."""
    return notifications.c.incident.in_(select(alerts.c.id))


def _pending_elsewhere(targets: Sequence[Target]) -> ColumnElement[bool]:
    """Whether it waits for a URL other than these."""
    here = [(target.channel, target.url_id) for target in targets]
    return (notifications.c.status == "pending") & tuple_(
        notifications.c.channel, notifications.c.url_id
    ).not_in(here)


def _settled_before(before: datetime) -> ColumnElement[bool]:
    alive = select(alerts.c.id).where(alerts.c.id == notifications.c.incident).exists()
    return (notifications.c.settled_at < before) & ~alive


def _noted_before(before: datetime) -> ColumnElement[bool]:
    alive = select(alerts.c.id).where(alerts.c.id == notes.c.incident).exists()
    return (notes.c.at < before) & ~alive


def _over_before(before: datetime) -> ColumnElement[bool]:
    alive = select(alerts.c.id).where(alerts.c.id == events.c.incident).exists()
    told = select(notifications.c.id).where(notifications.c.incident == events.c.incident).exists()
    return (events.c.at < before) & ~alive & ~told


def _health(account: Account, row: Row[Any]) -> Health:
    streak = NO_STREAK
    if row.failures:
        streak = Streak(
            count=row.failures,
            alike=row.failures_alike,
            same=row.failures_same,
            own=row.failures_own,
            since=row.failing_since,
            same_since=row.failing_same_since,
            outcome=Outcome(row.outcome),
            detail=row.detail,
        )
    return Health(account=account, streak=streak, last_poll_at=row.polled_at, last_ok_at=row.ok_at)


def _view(account: Account, row: Row[Any]) -> SeriesView:
    missing = NO_STREAK
    if row.missing:
        missing = Streak(count=row.missing, since=row.missing_since, detail=row.missing_detail)
    return SeriesView(
        series=account.series(row.currency),
        watched_since=row.added_at,
        last=None if row.observed_at is None else _snapshot(row),
        missing=missing,
        ahead_until=row.ahead_until,
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


def _alert_values(alert: Alert) -> dict[str, Any]:
    values: dict[str, Any] = {
        column.name: getattr(alert, column.name)
        for column in alerts.c
        if column.name not in ("changes", "acked_at", "acked_by", "ack_reason")
    }
    ack = alert.ack
    return values | {
        "changes": [to_micros(at) for at in alert.changes],
        "acked_at": ack.at if ack else None,
        "acked_by": ack.by if ack else "",
        "ack_reason": ack.reason if ack else "",
    }


def _alert(row: Row[Any]) -> Alert:
    ack = Ack(by=row.acked_by, reason=row.ack_reason, at=row.acked_at) if row.acked_at else None
    return Alert(
        rule=row.rule,
        subject=row.subject,
        state=State(row.state),
        id=row.id,
        since=row.since,
        fired_at=row.fired_at,
        breached_at=row.breached_at,
        held_at=row.held_at,
        worse_since=row.worse_since,
        ended_at=row.ended_at,
        clearing=row.clearing,
        severity=Severity(row.severity),
        level=row.level,
        reason=row.reason,
        expected=row.expected,
        ending=row.ending,
        again=row.again,
        changes=tuple(from_micros(at) for at in row.changes),
        flapping=row.flapping,
        seq=row.seq,
        announced=row.announced,
        announced_at=row.announced_at,
        notified_at=row.notified_at,
        notified_severity=Severity(row.notified_severity),
        notified_level=row.notified_level,
        notified_flapping=row.notified_flapping,
        escalated_at=row.escalated_at,
        ack=ack,
        muted=row.muted,
    )


def _notification(
    incident: str, seq: int, at: datetime, target: Target, severity: Severity
) -> dict[str, Any]:
    return {
        "incident": incident,
        "seq": seq,
        "channel": target.channel,
        "url_id": target.url_id,
        "created_at": at,
        "next_attempt_at": at,
        "status": "pending",
        "severity": severity,
        "group_key": "",
        "attempts": 0,
        "instead_of": "",
        "last_error": "",
    }


def _waiting(row: Row[Any], target: Target) -> Notification:
    return Notification(
        id=row.id,
        target=target,
        report=Report.from_json(row.report),
        created_at=row.created_at,
        attempts=row.attempts,
        failing_since=row.failing_since,
        next_attempt_at=row.next_attempt_at,
        group=row.group_key,
        instead_of=row.instead_of,
        present_reason=row.present_reason or "",
        taken=frozenset(row.taken),
    )


def _silence(row: Row[Any]) -> Silence:
    return Silence(
        id=row.id,
        match=Match({key: tuple(globs) for key, globs in row.match.items()}),
        starts_at=row.starts_at,
        ends_at=row.ends_at,
        by=row.by,
        reason=row.reason,
    )
