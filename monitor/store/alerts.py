"""Alerts, their events and notes, and the silences that mute them."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

from sqlalchemy import Connection, Row, bindparam, delete, func, insert, select, update

from monitor.domain.alerts import Ack, Alert, Event
from monitor.domain.delivery import Addressed
from monitor.domain.matching import Match
from monitor.domain.messages import Report
from monitor.domain.model import Severity, State, Subject
from monitor.domain.mutes import AlertKey, Mute, MuteKind, Silence
from monitor.domain.time import from_micros, to_micros
from monitor.store.memory import Memory, Silences
from monitor.store.outbox import Outbox
from monitor.store.sqlite import insert_or_update
from monitor.store.tables import alerts, events, notes, silences

F = TypeVar("F")

_ABOUT = select(alerts).where(alerts.c.subject.in_(bindparam("subjects", expanding=True)))

_SAVE = insert_or_update(
    alerts,
    ("rule", "subject"),
    tuple(column.name for column in alerts.c if not column.primary_key),
)

_SILENCES = select(silences).where(silences.c.ends_at > bindparam("now"))

_FIRING = (
    select(alerts.c.rule, alerts.c.subject, alerts.c.severity)
    .where(alerts.c.state == "firing")
    .order_by(alerts.c.fired_at)
)

_MUTED = alerts.c.mute_kind != ""

_MUTABLE = select(
    alerts.c.rule,
    alerts.c.subject,
    alerts.c.state,
    alerts.c.severity,
    alerts.c.mute_kind,
    alerts.c.mute_source,
    alerts.c.muted,
).where((alerts.c.state == State.FIRING) | _MUTED)


class Alerts:
    """The queries about alerts, within a transaction."""

    def __init__(self, connection: Connection, memory: Memory, outbox: Outbox) -> None:
        self._db = connection
        self._memory = memory
        self._outbox = outbox

    def all(self) -> dict[AlertKey, Alert]:
        """Return all stored alerts by rule and subject: pending, firing, or remembered for a while."""
        return {(row.rule, Subject(row.subject)): _alert(row) for row in self._db.execute(select(alerts))}

    def about(self, subjects: Iterable[Subject]) -> dict[AlertKey, Alert]:
        """Return the stored alerts about these subjects, by rule and subject."""
        rows = self._db.execute(_ABOUT, {"subjects": list(subjects)})
        return {(row.rule, Subject(row.subject)): _alert(row) for row in rows}

    def follow(
        self, by: object, begin: Callable[[], F]
    ) -> tuple[F, Iterable[tuple[AlertKey, Severity | None]]]:
        """Return a value that the caller (`by`) keeps from one transaction to the next, and the alerts by which it is
        out of date: those saved since the last call, each with its severity, or None if it does not fire.

        At the first call, and whenever another process or a rollback may have changed the store, the value is a new
        one (`begin`), and the alerts are all that fire."""
        memory = self._memory
        if memory.followed_by is not by:
            memory.forget()
            memory.follower, memory.followed_by = begin(), by
            rows = self._db.execute(_FIRING)
            return memory.follower, [
                ((row.rule, Subject(row.subject)), Severity(row.severity)) for row in rows
            ]
        saved, memory.saved = memory.saved, {}
        return memory.follower, saved.items()

    def save(self, alert: Alert) -> None:
        """Store an alert; delete it if nothing of it matters any more (`Alert.is_over`)."""
        self._memory.saved[alert.key] = alert.severity if alert.state is State.FIRING else None
        if alert.is_over:
            self._db.execute(
                delete(alerts).where(alerts.c.rule == alert.rule, alerts.c.subject == alert.subject)
            )
            return
        self._db.execute(_SAVE, _alert_values(alert))

    def count(self) -> int:
        """Return the number of stored alerts."""
        count: int = self._db.execute(select(func.count()).select_from(alerts)).scalar_one()
        return count

    def of_incident(self, incident: str) -> Alert | None:
        """Return the alert of an incident; None if the incident is over and no longer remembered."""
        row = self._db.execute(select(alerts).where(alerts.c.id == incident)).one_or_none()
        return None if row is None else _alert(row)

    def changing_with_time(self, ended_before: datetime) -> list[Subject]:
        """Return the subjects of the alerts that time alone may change.

        Those are alerts whose current state was not notified yet and that are not muted, flapping alerts, and
        remembered ones that ended before an instant."""
        fires = alerts.c.state == State.FIRING
        moved = (alerts.c.severity != alerts.c.notified_severity) | (
            alerts.c.level != alerts.c.notified_level
        )
        differs = (fires != alerts.c.announced) | (alerts.c.announced & moved)
        waits = ~_MUTED & differs | alerts.c.flapping | alerts.c.notified_flapping
        waits |= ~fires & ~alerts.c.announced & (alerts.c.ended_at <= ended_before)
        return [
            Subject(name)
            for name in self._db.execute(select(alerts.c.subject).where(waits).distinct()).scalars()
        ]

    def unacknowledged_since(
        self, at: datetime, wait: timedelta, seen_at: datetime | None
    ) -> list[tuple[str, Subject, Severity]]:
        """Return the alerts (rule, subject, severity) announced at least `wait` before `at`, and not muted,
        acknowledged or escalated.

        `seen_at` is the instant of an earlier call: alerts that it returned and that were not notified since are left
        out."""
        known = alerts.c.acked_at.is_not(None) | alerts.c.escalated_at.is_not(None) | _MUTED
        waits = (alerts.c.announced_at <= at - wait) & ~known
        if seen_at is not None:
            waits &= (alerts.c.announced_at > seen_at - wait) | (alerts.c.notified_at >= seen_at)
        rows = self._db.execute(select(alerts.c.rule, alerts.c.subject, alerts.c.severity).where(waits))
        return [(row.rule, Subject(row.subject), Severity(row.severity)) for row in rows]

    def mutable(self) -> Iterator[Alert]:
        """Yield the alerts that fire or are muted, without the fields that no mute depends on: those keep their
        defaults."""
        for row in self._db.execute(_MUTABLE):
            state, severity = State(row.state), Severity(row.severity)
            yield Alert(
                rule=row.rule,
                subject=Subject(row.subject),
                state=state,
                severity=severity,
                muted=_mute(row.mute_kind, row.mute_source, row.muted),
            )

    def notified_until(self, at: datetime, rule: str) -> list[Subject]:
        """Return the subjects of a rule's announced and unacknowledged alerts whose last notification was at an instant
        or earlier."""
        mine = (alerts.c.rule == rule) & alerts.c.announced & (alerts.c.notified_at <= at)
        mine &= alerts.c.acked_at.is_(None)
        return [Subject(name) for name in self._db.execute(select(alerts.c.subject).where(mine)).scalars()]

    def add_event(self, event: Event, report: Report, addressed: Sequence[Addressed]) -> None:
        """Store an event, and put one notification per URL into the outbox."""
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
        self._outbox.add(event.alert.id, event.seq, event.at, event.alert.severity, addressed)

    def add_note(self, alert: Alert, kind: str, at: datetime, by: str, text: str) -> None:
        """Store a note on an incident: what was done, by whom and why."""
        about = {"incident": alert.id, "rule": alert.rule, "subject": alert.subject}
        what = {"severity": alert.severity, "at": at, "kind": kind, "by": by, "text": text}
        self._db.execute(insert(notes).values(**about, **what))

    def was_notified(self, incident: str) -> bool:
        """Return True if an incident, ongoing or over, was ever notified."""
        first = select(events.c.seq).where(events.c.incident == incident).limit(1)
        return self._db.execute(first).one_or_none() is not None

    def silences(self, now: datetime) -> tuple[Silence, ...]:
        """Return the silences that have not ended, also those that have not begun."""
        known = self._memory.silences
        if known is None or not known.since <= now < known.until:
            rows = self._db.execute(_SILENCES, {"now": now})
            read = tuple(_silence(row) for row in rows)
            until = min((one.ends_at for one in read), default=datetime.max.replace(tzinfo=UTC))
            self._memory.silences = known = Silences(of=read, since=now, until=until)
        return known.of

    def add_silence(
        self, match: Match, *, starts_at: datetime, ends_at: datetime, by: str, reason: str, now: datetime
    ) -> Silence:
        """Store a new silence, and return it with its number."""
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
        """End a silence now, and return it; return None if no silence of this number is left to end."""
        self._memory.silences = None
        row = self._db.execute(
            update(silences)
            .where(silences.c.id == number, silences.c.ends_at > now)
            .values(ends_at=now, expired_by=by)
            .returning(silences)
        ).one_or_none()
        return None if row is None else _silence(row)


_TRANSLATED = frozenset(
    {"changes", "acked_at", "acked_by", "ack_reason", "mute_kind", "mute_source", "muted"}
)
"""Columns that do not hold the value of the field of the same name, or have no such field."""


def _alert_values(alert: Alert) -> dict[str, Any]:
    values: dict[str, Any] = {
        column.name: getattr(alert, column.name) for column in alerts.c if column.name not in _TRANSLATED
    }
    ack, mute = alert.ack, alert.muted
    return values | {
        "changes": [to_micros(at) for at in alert.changes],
        "acked_at": ack.at if ack else None,
        "acked_by": ack.by if ack else "",
        "ack_reason": ack.reason if ack else "",
        "mute_kind": mute.kind if mute else "",
        "mute_source": mute.source if mute else "",
        "muted": mute.text if mute else "",
    }


def _alert(row: Row[Any]) -> Alert:
    ack = Ack(by=row.acked_by, reason=row.ack_reason, at=row.acked_at) if row.acked_at else None
    return Alert(
        rule=row.rule,
        subject=Subject(row.subject),
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
        muted=_mute(row.mute_kind, row.mute_source, row.muted),
    )


def _mute(kind: str, source: str, text: str) -> Mute | None:
    return Mute(kind=MuteKind(kind), source=source, text=text) if kind else None


def _silence(row: Row[Any]) -> Silence:
    return Silence(
        id=row.id,
        match=Match({key: tuple(globs) for key, globs in row.match.items()}),
        starts_at=row.starts_at,
        ends_at=row.ends_at,
        by=row.by,
        reason=row.reason,
    )
