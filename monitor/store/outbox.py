"""The outbox: notifications until they are delivered or given up, their attempts, and the rests of recipients.

A rest is a span in which a recipient's service accepts no messages, because it refused some."""

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from typing import Any

from sqlalchemy import (
    CTE,
    ColumnElement,
    Connection,
    Row,
    Select,
    case,
    delete,
    func,
    literal,
    select,
    tuple_,
    update,
)

from monitor.domain.delivery import Addressed, Notification, Queue, Rest, Target, Turn, next_turn
from monitor.domain.messages import Report
from monitor.domain.model import Severity, State, Subject
from monitor.domain.windows import QuietHours
from monitor.store.sqlite import insert_new, insert_or_update
from monitor.store.tables import Instant, alerts, attempts, events, notifications, rests

_ADD = insert_new(notifications)

_SAVE_REST = insert_or_update(rests, ("url_id",), ("began_at", "until", "refusals"))

_ADD_AGAIN = insert_or_update(
    notifications,
    ("incident", "seq", "channel", "url_id"),
    ("next_attempt_at",),
    fixed={"status": "pending", "settled_at": None, "failing_since": None},
    where=notifications.c.status == "failed",
)
"""Insert, or make pending again what was given up there before: its URL had been removed and is back."""


@dataclass(frozen=True, slots=True)
class Waiting:
    """The notifications to deliver to a URL now, by incident, in order. `next_at`: when to ask again; None: never."""

    due: tuple[tuple[Notification, ...], ...]
    next_at: datetime | None


class Outbox:
    """The queries about notifications, within a transaction."""

    def __init__(self, connection: Connection) -> None:
        self._db = connection

    def add(
        self, incident: str, seq: int, at: datetime, severity: Severity, addressed: Sequence[Addressed]
    ) -> None:
        """Put one notification of an event per URL into the outbox."""
        self._add_notifications(
            [
                _notification(incident, seq, at, one.target, severity)
                | {"group_key": one.group, "next_attempt_at": at + one.group_wait}
                for one in addressed
            ]
        )

    def waiting(
        self, target: Target, now: datetime, quiet: QuietHours | None = None, *, wait_for_group: bool = True
    ) -> Waiting:
        """Return what is pending for one URL: the notifications of the group whose turn it is, by incident, in order.

        `domain.delivery.next_turn` decides whose turn it is. `quiet` are the channel's quiet hours."""
        heads = _heads(target)
        # one row a group, and only as many read as the decision needs: a message must not take longer because thousands
        # of incidents are pending
        queues = (
            select(
                heads.c.group_key,
                heads.c.tried,
                func.min(heads.c.next_attempt_at).label("earliest"),
                func.max(heads.c.next_attempt_at).label("latest"),
                func.min(heads.c.critical_at).label("critical_at"),
            )
            .group_by(heads.c.group_key, heads.c.tried, heads.c.critical_at.is_not(None))
            .order_by(func.min(heads.c.id))
        )
        with self._db.execute(queues) as rows:
            turn = next_turn(
                (
                    Queue(
                        group=row.group_key,
                        tried=row.tried,
                        earliest=row.earliest,
                        latest=row.latest,
                        critical_at=row.critical_at,
                    )
                    for row in rows
                ),
                now,
                quiet.until(now) if quiet is not None else None,
                wait_for_group=wait_for_group,
            )
        if not isinstance(turn, Turn):
            return Waiting((), turn)
        planned_at = heads.c.next_attempt_at
        due = (planned_at <= turn.due_until) | (planned_at > turn.misdated_after)
        together = (heads.c.group_key == turn.group) & (~heads.c.tried | due)
        if turn.only_critical:
            together &= heads.c.critical_at.is_not(None)
        return Waiting(self._pending(target, select(heads.c.incident).where(together)), now)

    def complete(self, ids: Sequence[int], *, delivered: bool, at: datetime, error: str = "") -> None:
        """Record the last attempt of notifications, which delivered them or after which they are given up.

        `error` is empty if they were delivered."""
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
        """Record a failed attempt, and plan the next one at `until`. The parts `taken` are not sent again."""
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
        """Plan the failed notifications of a URL for now: it has just accepted one, so it works again."""
        failed = (
            _pending_for(target) & (notifications.c.attempts > 0) & (notifications.c.next_attempt_at > now)
        )
        self._db.execute(update(notifications).where(failed).values(next_attempt_at=now))

    def due_since(self, quiet: Collection[str] = ()) -> datetime | None:
        """Return when the first pending notification became due, or will become due; None if none is pending.

        `quiet` channels are left out: they are in their quiet hours. So are notifications with an earlier one of their
        incident before them, which is sent first."""
        before = notifications.alias()
        held_back = select(before.c.id).where(
            before.c.status == "pending",
            before.c.channel == notifications.c.channel,
            before.c.url_id == notifications.c.url_id,
            before.c.incident == notifications.c.incident,
            before.c.seq < notifications.c.seq,
        )
        at: datetime | None = self._db.execute(
            select(func.min(notifications.c.next_attempt_at)).where(
                notifications.c.status == "pending",
                notifications.c.channel.not_in(list(quiet)),
                ~held_back.exists(),
            )
        ).scalar_one()
        return at

    def addressed(self, incident: str, seq: int) -> list[Target]:
        """Return the URLs that one event is addressed to."""
        rows = self._db.execute(
            select(notifications.c.channel, notifications.c.url_id).where(
                notifications.c.incident == incident, notifications.c.seq == seq
            )
        )
        return [Target(channel=row.channel, url_id=row.url_id) for row in rows]

    def notified_targets(self, incident: str) -> list[Target]:
        """Return the URLs that were or will be notified of an incident, except those where every notification was
        given up."""
        rows = self._db.execute(
            select(notifications.c.channel, notifications.c.url_id)
            .where(notifications.c.incident == incident, notifications.c.status != "failed")
            .distinct()
        )
        return [Target(channel=row.channel, url_id=row.url_id) for row in rows]

    def rest(self, url_id: str) -> Rest | None:
        """Return the last rest of a recipient, which may be over; None if none is known."""
        row = self._db.execute(select(rests).where(rests.c.url_id == url_id)).one_or_none()
        if row is None:
            return None
        return Rest(began_at=row.began_at, until=row.until, refusals=row.refusals)

    def save_rest(self, url_id: str, rest: Rest) -> None:
        """Store a recipient's rest, so that a restarted daemon waits for its end, too."""
        values = {"began_at": rest.began_at, "until": rest.until, "refusals": rest.refusals}
        self._db.execute(_SAVE_REST, {"url_id": url_id, **values})

    def end_rest(self, url_id: str) -> None:
        """Delete a recipient's rest: it accepts messages again."""
        self._db.execute(delete(rests).where(rests.c.url_id == url_id))

    def failing_since(self, channel: str) -> datetime | None:
        """Return since when deliveries to a channel have failed, counting pending notifications only; None if none
        has failed."""
        oldest = select(func.min(notifications.c.failing_since)).where(
            notifications.c.channel == channel, notifications.c.status == "pending"
        )
        at: datetime | None = self._db.execute(oldest).scalar_one()
        return at

    def divert_to_fallback(
        self,
        channel: str,
        fallback: Sequence[Target],
        failing_before: datetime,
        now: datetime,
        *,
        quiet: bool = False,
    ) -> int:
        """Address a channel's pending notifications to its `fallback` as well; return how many were diverted.

        Nothing is done unless a delivery to the channel has been failing since `failing_before` or earlier. Left out
        is what one URL of the channel has accepted, and what is not due yet: it waits for its group or, in a `quiet`
        channel, for the end of the quiet hours, not for the channel. The channel's own notifications stay pending."""
        mine = notifications.alias()
        failed_for_long = (
            (mine.c.channel == channel)
            & (mine.c.status == "pending")
            & (mine.c.failing_since <= failing_before)
        )
        if self._db.execute(select(mine.c.id).where(failed_for_long).limit(1)).first() is None:
            return 0
        # in quiet hours only critical notifications are sent, so only these can be stuck
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
            why = f"channel {channel}, which can't be reached ({row.last_error or 'earlier messages failed'})"
            instead = {"group_key": row.group_key, "instead_of": why}
            self._add_notifications(
                [_notification(row.incident, row.seq, now, one, row.severity) | instead for one in fallback]
            )
        diverted = update(notifications).where(notifications.c.id.in_([row.id for row in rows]))
        self._db.execute(diverted.values(handed_over_at=now))
        return len(rows)

    def rename_targets(self, names: Iterable[tuple[Target, Target]]) -> None:
        """Rename recipients in the outbox that an older version stored under other names: (former, current) pairs.

        If several recipients had one former name, each gets its own copy of the notifications."""
        by_former: dict[Target, list[Target]] = {}
        for former, target in names:
            by_former.setdefault(former, []).append(target)
        for former, (first, *others) in by_former.items():
            for target in others:
                kept = {"channel": literal(target.channel), "url_id": literal(target.url_id)}
                columns = [column for column in notifications.c if column.name != "id"]
                copies = select(*(kept.get(column.name, column) for column in columns)).where(_to(former))
                self._db.execute(
                    insert_new(notifications).from_select([column.name for column in columns], copies)
                )
            self._db.execute(
                update(notifications)
                .where(_to(former), ~_is_addressed_to(first))
                .values(channel=first.channel, url_id=first.url_id)
            )

    def reroute(
        self,
        targets: Sequence[Target],
        wanted: Callable[[str, Subject, Severity], Sequence[Target]],
        now: datetime,
    ) -> int:
        """Reroute pending notifications by the current configuration; return how many had to be given up.

        - The recipient belongs to another channel now: the notification moves to that channel.
        - The channel no longer has the URL: it goes to the URLs that the channel has now.
        - The channel was removed: it goes where it would go now (`wanted`, by rule, subject and severity), unless
          another channel was or will be notified of the incident; then it is given up.

        No recipient gets an event twice."""
        channels = {target.channel for target in targets}
        # reversed, so that of several channels with one recipient the first one counts
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
                instead = (
                    []
                    if known_elsewhere
                    else [*wanted(row.rule, Subject(row.subject), Severity(row.severity))]
                )
            kept = {"group_key": row.group_key, "instead_of": row.instead_of}
            new = [
                _notification(row.incident, row.seq, row.created_at, target, row.severity) | kept
                for target in instead
                if target.url_id not in addressed
            ]
            if new:
                self._db.execute(_ADD_AGAIN, new)
            why = f"its {gone} was removed from the configuration" + (", sent to others" if instead else "")
            self.complete([row.id], delivered=False, at=now, error=why)
            given_up += not instead
        return given_up

    def follow_recipients(self, targets: Sequence[Target]) -> None:
        """Move the notifications of ongoing incidents, sent or not, to the channel that has their recipient now.

        If a channel was removed and another has one of its recipients, the notifications of its other recipients move
        to that channel as well: it counts as renamed. A later change of its URLs then finds them there, even if
        nothing was sent between the two changes."""
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

    def _add_notifications(self, new: Sequence[dict[str, Any]]) -> None:
        if new:
            self._db.execute(_ADD, new)

    def _move(self, number: int, target: Target) -> None:
        """Move a notification to another channel. Delete the one of the same event that was given up there before."""
        mine = notifications.alias()
        this = select(mine.c.incident, mine.c.seq).where(mine.c.id == number)
        former = select(notifications.c.id).where(
            _to(target), tuple_(notifications.c.incident, notifications.c.seq).in_(this)
        )
        self._db.execute(delete(attempts).where(attempts.c.notification_id.in_(former)))
        self._db.execute(delete(notifications).where(notifications.c.id.in_(former)))
        self._db.execute(
            update(notifications)
            .where(notifications.c.id == number)
            .values(channel=target.channel, url_id=target.url_id)
        )

    def _note_attempt(self, ids: Sequence[int], at: datetime, error: str) -> None:
        number = notifications.c.attempts + 1
        tried = select(notifications.c.id, number, literal(at, Instant), literal(error)).where(
            notifications.c.id.in_(ids), notifications.c.status == "pending"
        )
        columns = ["notification_id", "number", "at", "error"]
        self._db.execute(insert_new(attempts).from_select(columns, tried))

    def _waiting_elsewhere(self, targets: Sequence[Target]) -> Sequence[Row[Any]]:
        """Return the notifications that are pending for URLs other than these."""
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
        """Return the incidents pending for other URLs of which one of these URLs was or will be notified."""
        waiting = select(notifications.c.incident).where(_pending_elsewhere(targets))
        notified = (notifications.c.status != "failed") & ~_pending_elsewhere(targets)
        rows = self._db.execute(
            select(notifications.c.incident).where(notifications.c.incident.in_(waiting), notified)
        )
        return set(rows.scalars())

    def _addressed_ids(self, incident: str, seq: int, *, apart_from: int) -> set[str]:
        """Return the URLs that were or will be notified of an event by other notifications than `apart_from`."""
        rows = self._db.execute(
            select(notifications.c.url_id).where(
                notifications.c.incident == incident,
                notifications.c.seq == seq,
                notifications.c.id != apart_from,
                notifications.c.status != "failed",
            )
        )
        return set(rows.scalars())

    def _known_elsewhere(self, targets: Sequence[Target]) -> list[Target]:
        """Return the URLs other than these that were or will be notified of ongoing incidents."""
        name = (notifications.c.channel, notifications.c.url_id)
        here = [(target.channel, target.url_id) for target in targets]
        rows = self._db.execute(
            select(*name).where(_is_ongoing(), tuple_(*name).not_in(here)).distinct().order_by(*name)
        )
        return [Target(channel=row.channel, url_id=row.url_id) for row in rows]

    def _rename(self, former: Target, target: Target) -> None:
        """Rename a recipient in ongoing incidents, except for events that have a notification by the new name."""
        self._db.execute(
            update(notifications)
            .where(_to(former), _is_ongoing(), ~_is_addressed_to(target))
            .values(channel=target.channel, url_id=target.url_id)
        )


def _to(target: Target) -> ColumnElement[bool]:
    return (notifications.c.channel == target.channel) & (notifications.c.url_id == target.url_id)


def _pending_for(target: Target) -> ColumnElement[bool]:
    return (notifications.c.status == "pending") & _to(target)


def _heads(target: Target) -> CTE:
    """Select the first pending notification of each incident for a URL: the later ones are sent after it.

    `tried`: it was sent before, and failed. `critical_at`: when the incident's first critical notification is planned;
    NULL if none is pending."""
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
    return (
        select(
            notifications.c.id,
            notifications.c.incident,
            notifications.c.group_key,
            notifications.c.next_attempt_at,
            (notifications.c.attempts > 0).label("tried"),
            of_incident.c.critical_at,
        )
        .join(
            of_incident,
            (of_incident.c.incident == notifications.c.incident) & (of_incident.c.seq == notifications.c.seq),
        )
        .where(_pending_for(target))
        .cte()
    )


def _is_ongoing() -> ColumnElement[bool]:
    """Return the condition that a notification's incident is ongoing."""
    return notifications.c.incident.in_(select(alerts.c.id))


def _is_addressed_to(target: Target) -> ColumnElement[bool]:
    """Return the condition that another notification of the same event has this recipient."""
    there = notifications.alias()
    return (
        select(there.c.id)
        .where(
            there.c.channel == target.channel,
            there.c.url_id == target.url_id,
            there.c.incident == notifications.c.incident,
            there.c.seq == notifications.c.seq,
        )
        .exists()
    )


def _pending_elsewhere(targets: Sequence[Target]) -> ColumnElement[bool]:
    """Return the condition that a notification is pending for a URL other than these."""
    here = [(target.channel, target.url_id) for target in targets]
    return (notifications.c.status == "pending") & tuple_(
        notifications.c.channel, notifications.c.url_id
    ).not_in(here)


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
