"""Read incidents, ongoing and past, beside a running daemon, with plain `sqlite3` as in `state`."""

import json
import sqlite3
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from monitor.domain.alerts import Ack, EventKind
from monitor.domain.messages import Report
from monitor.domain.model import Reading, Subject
from monitor.domain.time import from_micros, to_micros
from monitor.store.read.readings import reading, series_id
from monitor.store.read.state import (
    SilenceStatus,
    ack,
    connected,
    instant_or_none,
    silences_of,
)

_BEFORE, _FIRST, _LAST, _AFTER = 3, 10, 10, 3
"""The largest numbers of readings in a timeline: before the incident, its first and last ones, and after it."""

RESOLVED = "resolved"
"""The state of an incident that is over, whatever ended it."""

_OVER = (EventKind.RESOLVED, EventKind.CLOSED)


@dataclass(frozen=True, slots=True, kw_only=True)
class Incident:
    """An incident in its present state, or as it ended. Instants are in UTC.

    - `state`: `pending`, `firing` or `resolved`.
    - `began`: the first breaching reading of the incident; `since`: that of its last firing.
    - `ended_at`: None if it is ongoing, or its end is not known.
    - `messages`: the number of its events; `notified_at`: the instant of the last one that is no reminder.
    - `announced`: it was notified that it fires."""

    id: str
    rule: str
    subject: Subject
    state: str
    severity: int
    began: datetime
    since: datetime
    ended_at: datetime | None = None
    reason: str = ""
    messages: int = 0
    notified_at: datetime | None = None
    announced: bool = False
    muted: str = ""
    ack: Ack | None = None
    flapping: bool = False

    @property
    def changed_at(self) -> datetime:
        """Return when it last fired, was notified (reminders aside), was acknowledged, or ended."""
        acked_at = None if self.ack is None else self.ack.at
        return max(at for at in (self.since, self.notified_at, self.ended_at, acked_at) if at is not None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """An attempt to deliver a notification. `seq` is the number of its event; `error` is empty if it succeeded."""

    at: datetime
    seq: int
    channel: str
    url_id: str
    number: int
    error: str


@dataclass(frozen=True, slots=True, kw_only=True)
class OutboxEntry:
    """A notification in the outbox, for one URL. `instead_of`: the channel that it was diverted from, and why."""

    seq: int
    channel: str
    url_id: str
    status: str
    created_at: datetime
    next_attempt_at: datetime
    attempts: int
    last_error: str
    handed_over_at: datetime | None
    instead_of: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Note:
    """What a person did about an incident (`by`), and why; or what muted it."""

    at: datetime
    kind: str
    by: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Readings:
    """The readings before, during and after an incident. `omitted`: how many are left out of `first` and `last`."""

    before: tuple[Reading, ...] = ()
    first: tuple[Reading, ...] = ()
    omitted: int = 0
    last: tuple[Reading, ...] = ()
    after: tuple[Reading, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Timeline:
    """All that is stored about one incident."""

    incident: Incident
    reports: tuple[Report, ...]
    attempts: tuple[Attempt, ...]
    outbox: tuple[OutboxEntry, ...]
    notes: tuple[Note, ...]
    silences: tuple[SilenceStatus, ...]
    readings: Readings


def incidents(path: Path, since: datetime | None = None) -> list[Incident]:
    """Return the ongoing incidents, and those with an event since an instant (None: all stored), the newest first.

    Raises StoreError if the store can't be read."""
    with connected(path) as db:
        if db is None:
            return []
        db.execute("BEGIN")
        return sorted(_incidents(db, since), key=lambda one: (one.since, one.id), reverse=True)


def timeline(path: Path, incident: str) -> Timeline | None:
    """Return all that is stored about an incident; None if nothing is. Raises StoreError if the store can't be read."""
    with connected(path) as db:
        if db is None:
            return None
        db.execute("BEGIN")
        found = next((one for one in _incidents(db, None, incident)), None)
        if found is None:
            return None
        events = db.execute("SELECT report FROM events WHERE incident = ? ORDER BY seq", (incident,))
        reports = tuple(Report.from_json(json.loads(text)) for (text,) in events)
        if reports:
            began = min(report.since for report in reports)
            found = replace(found, began=min(began, found.began))
        return Timeline(
            incident=found,
            reports=reports,
            attempts=tuple(_attempts(db, incident)),
            outbox=tuple(_outbox(db, incident)),
            notes=tuple(
                Note(at=from_micros(at), kind=kind, by=by, text=text)
                for at, kind, by, text in db.execute(
                    "SELECT at, kind, by, text FROM notes WHERE incident = ? ORDER BY id", (incident,)
                )
            ),
            silences=tuple(silences_of(db)),
            readings=_readings(db, found),
        )


def _incidents(db: sqlite3.Connection, since: datetime | None, only: str | None = None) -> list[Incident]:
    """Return the incidents that were notified, and those that never were because they were muted.

    Ongoing ones are in their present state."""
    by_id = {one.id: one for one in _quiet(db, since, only)}
    by_id |= {one.id: one for one in _notified(db, since, only)}
    for current in _current(db, only):
        by_id[current.id] = current
    notified_at = _notified_at(db, only)
    return [replace(one, notified_at=notified_at.get(one.id)) for one in by_id.values()]


def _notified(db: sqlite3.Connection, since: datetime | None, only: str | None) -> Iterator[Incident]:
    rows = db.execute(
        "SELECT incident, seq, rule, subject, kind, at, report FROM events AS e"
        " WHERE seq = (SELECT max(seq) FROM events WHERE incident = e.incident)"
        " AND kind != 'summary' AND at >= ? AND (? IS NULL OR incident = ?)",
        (_from(since), only, only),
    )
    for incident, seq, rule, subject, kind, at, text in rows:
        report = Report.from_json(json.loads(text))
        yield Incident(
            id=incident,
            rule=rule,
            subject=Subject(subject),
            state=RESOLVED,
            severity=report.severity,
            began=report.since,
            since=report.since,
            ended_at=from_micros(at) if kind in _OVER else None,
            reason=report.reason,
            messages=seq,
            announced=True,
        )


def _notified_at(db: sqlite3.Connection, only: str | None) -> dict[str, datetime]:
    rows = db.execute(
        "SELECT incident, max(at) FROM events WHERE kind NOT IN ('reminder', 'summary')"
        " AND (? IS NULL OR incident = ?) GROUP BY incident",
        (only, only),
    )
    return {incident: from_micros(at) for incident, at in rows}


def _quiet(db: sqlite3.Connection, since: datetime | None, only: str | None) -> Iterator[Incident]:
    """Yield the incidents that were never notified: they were muted while they lasted."""
    rows = db.execute(
        "SELECT incident, rule, subject, max(severity), min(at),"
        " max(CASE kind WHEN 'ended' THEN at END), max(CASE kind WHEN 'ended' THEN text END),"
        " max(CASE kind WHEN 'muted' THEN text END)"
        " FROM notes AS n WHERE NOT EXISTS (SELECT 1 FROM events WHERE incident = n.incident)"
        " AND (? IS NULL OR incident = ?) GROUP BY incident HAVING max(at) >= ?",
        (only, only, _from(since)),
    )
    for incident, rule, subject, severity, began, ended_at, ending, muted in rows:
        yield Incident(
            id=incident,
            rule=rule,
            subject=Subject(subject),
            state=RESOLVED,
            severity=severity,
            began=from_micros(began),
            since=from_micros(began),
            ended_at=instant_or_none(ended_at),
            reason=ending or "",
            muted=muted or "",
        )


def _current(db: sqlite3.Connection, only: str | None) -> Iterator[Incident]:
    """Yield the incidents that are ongoing, or are remembered for a while."""
    rows = db.execute(
        "SELECT id, rule, subject, state, severity, since, ended_at, reason, ending, seq, announced, muted,"
        " flapping, acked_at, acked_by, ack_reason FROM alerts WHERE id != '' AND (? IS NULL OR id = ?)",
        (only, only),
    )
    for row in rows:
        incident, rule, subject, state, severity, since, ended_at, reason, ending, seq, *rest = row
        announced, muted, flapping, *acked = rest
        over = state == "inactive"
        yield Incident(
            id=incident,
            rule=rule,
            subject=Subject(subject),
            state=RESOLVED if over else state,
            severity=severity,
            began=from_micros(since),
            since=from_micros(since),
            ended_at=instant_or_none(ended_at) if over else None,
            reason=ending if over else reason,
            messages=seq,
            announced=bool(announced) or (over and seq > 0),
            muted=muted,
            ack=ack(*acked),
            flapping=bool(flapping),
        )


def _from(since: datetime | None) -> int:
    # SQLite's smallest integer: before every instant
    return -(2**63) if since is None else to_micros(since)


def _attempts(db: sqlite3.Connection, incident: str) -> Iterator[Attempt]:
    rows = db.execute(
        "SELECT a.at, n.seq, n.channel, n.url_id, a.number, a.error FROM attempts AS a"
        " JOIN notifications AS n ON n.id = a.notification_id WHERE n.incident = ? ORDER BY a.at, n.id",
        (incident,),
    )
    for at, seq, channel, url_id, number, error in rows:
        yield Attempt(at=from_micros(at), seq=seq, channel=channel, url_id=url_id, number=number, error=error)


def _outbox(db: sqlite3.Connection, incident: str) -> Iterator[OutboxEntry]:
    rows = db.execute(
        "SELECT seq, channel, url_id, status, created_at, next_attempt_at, attempts, last_error, handed_over_at,"
        " instead_of FROM notifications WHERE incident = ? ORDER BY seq, id",
        (incident,),
    )
    for (
        seq,
        channel,
        url_id,
        status,
        created_at,
        next_at,
        attempts,
        error,
        handed_over_at,
        instead_of,
    ) in rows:
        yield OutboxEntry(
            seq=seq,
            channel=channel,
            url_id=url_id,
            status=status,
            created_at=from_micros(created_at),
            next_attempt_at=from_micros(next_at),
            attempts=attempts,
            last_error=error,
            handed_over_at=instant_or_none(handed_over_at),
            instead_of=instead_of,
        )


def _readings(db: sqlite3.Connection, incident: Incident) -> Readings:
    """Return the readings around an incident; none if it is about an account or a provider as a whole."""
    series = series_id(db, incident.subject)
    if series is None:
        return Readings()
    began = to_micros(incident.began)
    end = 2**63 - 1 if incident.ended_at is None else to_micros(incident.ended_at)
    during = (series, began, end)
    within = "observed_at >= ? AND observed_at < ?"
    (count,) = db.execute(
        f"SELECT count(*) FROM snapshots WHERE series_id = ? AND {within}",  # noqa: S608 -- our own text
        during,
    ).fetchone()
    first = _some(db, f"{within} ORDER BY observed_at LIMIT {_FIRST}", during)
    rest = max(count - len(first), 0)
    last = _some(db, f"{within} ORDER BY observed_at DESC LIMIT {min(rest, _LAST)}", during)[::-1]
    before = _some(db, f"observed_at < ? ORDER BY observed_at DESC LIMIT {_BEFORE}", (series, began))[::-1]
    return Readings(
        before=before,
        first=first,
        omitted=rest - len(last),
        last=last,
        after=_some(db, f"observed_at >= ? ORDER BY observed_at LIMIT {_AFTER}", (series, end)),
    )


def _some(db: sqlite3.Connection, which: str, values: Sequence[Any]) -> tuple[Reading, ...]:
    rows = db.execute(
        f"SELECT observed_at, total, available, locked FROM snapshots WHERE series_id = ? AND {which}",  # noqa: S608 -- our own text
        tuple(values),
    )
    return tuple(reading(*row) for row in rows)
