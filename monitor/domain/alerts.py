"""When to alert: one alert's life, from the first breaching reading to the resolve.

    inactive ──breached──> pending ──still breached after `for`──> firing ──ok, `keep_firing_for` over──> inactive
                              └──────────ok──────────> inactive

`step` is pure: the same alert, verdict and instant always give the same answer, so a restart between any two
steps changes nothing. An unknown verdict holds the state as it is; only reminders still go out.
"""

from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from hashlib import sha256
from typing import assert_never

from monitor.domain.model import Severity, State
from monitor.domain.rules import Breached, Ok, Policy, Unknown, Verdict


class EventKind(StrEnum):
    """What is told of an alert."""

    FIRED = "fired"
    REMINDER = "reminder"
    WORSENED = "worsened"
    RESOLVED = "resolved"
    CLOSED = "closed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Alert:
    """One rule and one subject: where it stands, and what has been told. All instants are in UTC.

    `id` names the incident, from its first breaching reading on. `since` is that reading's instant.
    `seq` counts the events so far. `announced` is False while an inhibitor keeps the firing quiet; `severity` and
    `level` are what was last told, or would have been."""

    rule: str
    subject: str
    state: State = State.INACTIVE
    id: str = ""
    since: datetime | None = None
    fired_at: datetime | None = None
    breached_at: datetime | None = None
    told_at: datetime | None = None
    seq: int = 0
    announced: bool = False
    severity: Severity = Severity.WARNING
    level: int = 0
    reason: str = ""
    expected: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """Something to tell: the alert as it stands after it, numbered within its incident."""

    kind: EventKind
    at: datetime
    alert: Alert
    reason: str

    @property
    def seq(self) -> int:
        """The message's number within its incident, from 1."""
        return self.alert.seq


Step = tuple[Alert, tuple[Event, ...]]


def step(alert: Alert, verdict: Verdict, policy: Policy, now: datetime, *, inhibited: bool = False) -> Step:
    """One verdict's effect on one alert: the alert after it, and what is to be told (nothing or one event).

    An inhibited alert lives on as any other, but quietly; it is announced if it outlives its inhibitor."""
    alert = _not_in_the_future(alert, now)
    match verdict:
        case Unknown():
            return _remind(alert, policy, now, inhibited=inhibited)
        case Ok():
            return _ok(alert, verdict, policy, now)
        case Breached():
            return _breached(alert, verdict, policy, now, inhibited=inhibited)
        case _:
            assert_never(verdict)


def close(alert: Alert, reason: str, now: datetime) -> Step:
    """Ends an alert whose rule or subject is gone from the configuration."""
    return _end(alert, EventKind.CLOSED, reason, now)


def incident_id(rule: str, subject: str, since: datetime) -> str:
    """A short name for an incident, the same whenever the same readings are judged again."""
    digest = sha256(f"{rule}\0{subject}\0{since.isoformat()}".encode()).digest()
    alphabet = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
    return "".join(alphabet[byte & 31] for byte in digest[:10])


def _breached(alert: Alert, verdict: Breached, policy: Policy, now: datetime, *, inhibited: bool) -> Step:
    since = alert.since or now
    seen = replace(
        alert,
        id=alert.id or incident_id(alert.rule, alert.subject, since),
        since=since,
        breached_at=now,
        reason=verdict.reason,
        expected=verdict.expected,
    )
    known = replace(seen, severity=policy.severity, level=verdict.level)
    if alert.state is not State.FIRING:
        if now - since < policy.hold:
            return replace(known, state=State.PENDING), ()
        seen = known = replace(known, state=State.FIRING, fired_at=now)
    if inhibited:
        return seen, ()
    if not alert.announced:
        return _tell(replace(known, announced=True), EventKind.FIRED, seen.reason, now)
    if policy.severity > alert.severity or verdict.level > alert.level:
        return _tell(known, EventKind.WORSENED, seen.reason, now)
    return _remind(known, policy, now, inhibited=False)


def _ok(alert: Alert, verdict: Ok, policy: Policy, now: datetime) -> Step:
    if alert.state is State.FIRING and alert.breached_at is not None:
        kept_until = alert.breached_at + policy.keep_firing_for
        if now < kept_until:
            return alert, ()
    return _end(alert, EventKind.RESOLVED, verdict.reason, now)


def _end(alert: Alert, kind: EventKind, reason: str, now: datetime) -> Step:
    over = Alert(rule=alert.rule, subject=alert.subject)
    if not alert.announced:
        return over, ()
    _, events = _tell(alert, kind, reason, now)
    return over, events


def _remind(alert: Alert, policy: Policy, now: datetime, *, inhibited: bool) -> Step:
    if inhibited or not alert.announced or policy.repeat_every is None or alert.told_at is None:
        return alert, ()
    if now - alert.told_at < policy.repeat_every:
        return alert, ()
    return _tell(alert, EventKind.REMINDER, alert.reason, now)


def _tell(alert: Alert, kind: EventKind, reason: str, now: datetime) -> Step:
    told = replace(alert, seq=alert.seq + 1, told_at=now)
    return told, (Event(kind=kind, at=now, alert=told, reason=reason),)


def _not_in_the_future(alert: Alert, now: datetime) -> Alert:
    """The wall clock was set back: what was noted by the wrong clock counts from now."""
    return replace(
        alert,
        since=_earlier(alert.since, now),
        fired_at=_earlier(alert.fired_at, now),
        breached_at=_earlier(alert.breached_at, now),
        told_at=_earlier(alert.told_at, now),
    )


def _earlier(at: datetime | None, now: datetime) -> datetime | None:
    return None if at is None else min(at, now)
