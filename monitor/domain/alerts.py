"""The state machine of one alert, from the first breaching reading to the resolution, and its notifications.

    inactive ──breached──> pending ──still breached after `for`──> firing ──ok, `keep_firing_for` over──> inactive
                              └──────────ok──────────> inactive

A step has two halves. `apply_verdict` changes the alert's state by a verdict; an unknown verdict changes nothing.
`next_event` compares the alert with what was last notified, and returns the difference as an event. While something
mutes the alert, the difference waits. Both are pure: the same alert, verdict and instant always give the same result,
so a restart between any two steps changes nothing.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from hashlib import sha256
from typing import assert_never

from monitor.domain.model import Severity, State, Subject
from monitor.domain.mutes import Mute
from monitor.domain.rules import Breached, Ok, Policy, Unknown, Verdict
from monitor.domain.time import compact, span, to_text


class EventKind(StrEnum):
    """Why people are notified: a transition of an alert, or a summary, which belongs to no alert."""

    FIRED = "fired"
    REMINDER = "reminder"
    WORSENED = "worsened"
    EASED = "eased"
    ESCALATED = "escalated"
    FLAPPING = "flapping"
    RESOLVED = "resolved"
    CLOSED = "closed"
    SUMMARY = "summary"


@dataclass(frozen=True, slots=True, kw_only=True)
class Ack:
    """A person's acknowledgement: no reminders and no escalation until the alert worsens or is over. `at` is in UTC."""

    by: str
    reason: str
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Alert:
    """A rule and a subject, with the state of their alert and what was notified of it. Instants are in UTC."""

    rule: str
    subject: Subject
    state: State = State.INACTIVE
    id: str = ""
    """The id of the incident, which begins with the first breaching reading."""
    since: datetime | None = None
    """The first breaching reading."""
    fired_at: datetime | None = None
    breached_at: datetime | None = None
    """The last breaching reading."""
    held_at: datetime | None = None
    """The last reading that was as severe as `severity`."""
    worse_since: datetime | None = None
    """Readings have been worse than `severity` since then, but for less than `for`."""
    ended_at: datetime | None = None
    """When it last stopped firing."""
    clearing: bool = False
    """The last reading was ok, and only `keep_firing_for` keeps the alert firing."""
    severity: Severity = Severity.WARNING
    level: int = 0
    """For a `failing` alert about a provider: how much of the provider fails."""
    reason: str = ""
    expected: str = ""
    ending: str = ""
    """Why it last stopped firing."""
    again: int = 0
    """How often the incident has fired again within its cooldown."""
    changes: tuple[datetime, ...] = ()
    """When it started or stopped firing, or its severity changed, as far as that counts for flapping."""
    flapping: bool = False
    seq: int = 0
    """Number of events of the incident so far."""
    announced: bool = False
    """Its firing was notified, and its end was not yet."""
    announced_at: datetime | None = None
    """Since when the notified incident has not been acknowledged."""
    notified_at: datetime | None = None
    """When the last event was made."""
    notified_severity: Severity = Severity.WARNING
    notified_level: int = 0
    notified_flapping: bool = False
    escalated_at: datetime | None = None
    ack: Ack | None = None
    muted: Mute | None = None
    """The reason that keeps it quiet; None: it is not muted."""

    @property
    def key(self) -> tuple[str, Subject]:
        """Return the rule and the subject, which identify the alert."""
        return self.rule, self.subject

    @property
    def is_over(self) -> bool:
        """Return whether the alert has no state left that has to be stored."""
        return self.state is State.INACTIVE and not self.id and not self.changes


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """A transition that is worth a notification, with the alert after it."""

    kind: EventKind
    at: datetime
    alert: Alert
    reason: str
    note: str = ""

    @property
    def seq(self) -> int:
        """Return the event's number within its incident, from 1."""
        return self.alert.seq


Step = tuple[Alert, tuple[Event, ...]]


def step(
    alert: Alert,
    verdict: Verdict,
    policy: Policy,
    now: datetime,
    *,
    mute: Mute | None = None,
    escalate_after: timedelta | None = None,
) -> Step:
    """Return the alert after a verdict, and the events to notify of: none or one."""
    return next_event(
        apply_verdict(alert, verdict, policy, now), policy, now, mute=mute, escalate_after=escalate_after
    )


def close(alert: Alert, reason: str, now: datetime) -> Step:
    """Close an alert whose rule or subject was removed from the configuration.

    A muted alert has this event too: afterwards nothing is left that could be notified later."""
    over = Alert(rule=alert.rule, subject=alert.subject)
    return (over, _event(alert, EventKind.CLOSED, now, reason)[1]) if alert.announced else (over, ())


def acknowledge(alert: Alert, ack: Ack) -> Alert:
    """Return the alert with an acknowledgement. Raises ValueError if it is not firing."""
    if alert.state is not State.FIRING:
        raise ValueError(f"{alert.id} is not firing: there is nothing to acknowledge")
    return replace(alert, ack=ack)


def unacknowledge(alert: Alert, at: datetime) -> Alert:
    """Return the alert without its acknowledgement: it counts as unacknowledged since this instant."""
    return replace(alert, ack=None, announced_at=at if alert.announced else None)


def incident_id(rule: str, subject: Subject, since: datetime) -> str:
    """Return the short id of an incident. The same readings always give the same id, also after a restart."""
    digest = sha256(f"{rule}\0{subject}\0{to_text(since)}".encode()).digest()
    # base 32 without I, L, O and U, which are easily confused with other characters
    alphabet = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
    return "".join(alphabet[byte & 31] for byte in digest[:10])


# The first half: the verdict


def apply_verdict(alert: Alert, verdict: Verdict, policy: Policy, now: datetime) -> Alert:
    """Return the alert after a verdict, before anything is notified."""
    alert = _not_in_the_future(alert, now)
    match verdict:
        case Unknown():
            return alert
        case Ok():
            return _ok(alert, verdict, policy, now)
        case Breached():
            return _breached(alert, verdict, policy, now)
        case _:
            assert_never(verdict)


def _breached(alert: Alert, verdict: Breached, policy: Policy, now: datetime) -> Alert:
    severity = policy.severity if verdict.severity is None else verdict.severity
    if alert.state is State.INACTIVE:
        alert = replace(_opened(alert, policy, now), severity=severity, held_at=now)
    since = alert.since or now
    updated = replace(
        _graded(alert, severity, policy, now),
        breached_at=now,
        clearing=False,
        reason=verdict.reason,
        expected=verdict.expected,
        level=verdict.level,
    )
    if updated.state is State.PENDING and now - since >= policy.for_:
        return _changed(replace(updated, state=State.FIRING, fired_at=now), policy, now)
    return updated


def _opened(alert: Alert, policy: Policy, now: datetime) -> Alert:
    """Return the alert as pending in a new incident, or in the last one again.

    It continues the last one within its cooldown, while it flaps, or before its end was notified."""
    continues = alert.ended_at is not None and (
        alert.announced or alert.flapping or now < alert.ended_at + policy.cooldown
    )
    if not continues:
        new = incident_id(alert.rule, alert.subject, now)
        alert = Alert(rule=alert.rule, subject=alert.subject, changes=alert.changes, id=new)
    return replace(alert, state=State.PENDING, since=now, worse_since=None)


def _graded(alert: Alert, severity: Severity, policy: Policy, now: datetime) -> Alert:
    """Return the alert at a new severity: worse once that has lasted for `for`, milder after `keep_firing_for`."""
    if severity > alert.severity:
        since = alert.worse_since or now
        if now - since >= policy.for_:
            return _regraded(alert, severity, policy, now)
        # a worse reading also counts as one of the present severity
        return replace(alert, held_at=now, worse_since=since)
    alert = replace(alert, worse_since=None)
    if severity == alert.severity:
        return replace(alert, held_at=now)
    if alert.state is State.FIRING and now < (alert.held_at or now) + policy.keep_firing_for:
        return alert
    return _regraded(alert, severity, policy, now)


def _regraded(alert: Alert, severity: Severity, policy: Policy, now: datetime) -> Alert:
    graded = replace(alert, severity=severity, held_at=now, worse_since=None)
    return _changed(graded, policy, now) if alert.state is State.FIRING else graded


def _ok(alert: Alert, verdict: Ok, policy: Policy, now: datetime) -> Alert:
    match alert.state:
        case State.INACTIVE:
            return alert
        case State.PENDING:
            if alert.ended_at is None:  # a new incident: it never fired, so nothing of it is kept
                return Alert(rule=alert.rule, subject=alert.subject, changes=alert.changes)
            return _as_it_ended(alert)
        case State.FIRING:
            if now < (alert.breached_at or now) + policy.keep_firing_for:
                return replace(alert, clearing=True, worse_since=None)
            over = replace(alert, state=State.INACTIVE, ended_at=now, ending=verdict.reason, worse_since=None)
            return _changed(replace(over, clearing=False), policy, now)
        case _:
            assert_never(alert.state)


def _as_it_ended(alert: Alert) -> Alert:
    """Return the alert as it was when its incident ended, before it became pending again."""
    return replace(
        alert,
        state=State.INACTIVE,
        since=alert.fired_at,
        severity=alert.notified_severity,
        worse_since=None,
    )


def _changed(alert: Alert, policy: Policy, now: datetime) -> Alert:
    if policy.flapping is None:
        return replace(alert, changes=(), flapping=False)
    # one more than allowed is enough to decide, so older changes are not kept
    changes = (*_recent(alert, policy, now), now)[-(policy.flapping.changes + 1) :]
    return replace(alert, changes=changes, flapping=alert.flapping or len(changes) > policy.flapping.changes)


def _recent(alert: Alert, policy: Policy, now: datetime) -> tuple[datetime, ...]:
    if policy.flapping is None:
        return ()
    return tuple(at for at in alert.changes if now - at < policy.flapping.within)


# The second half: the notification


def next_event(
    alert: Alert,
    policy: Policy,
    now: datetime,
    *,
    mute: Mute | None = None,
    escalate_after: timedelta | None = None,
) -> Step:
    """Return the alert and its next event: a difference from what was notified, or what becomes due with time alone.

    While `mute` is given, there is no event and the difference waits. After `escalate_after` without an acknowledgement
    the alert is escalated."""
    alert = _without_old_changes(replace(_not_in_the_future(alert, now), muted=mute), policy, now)
    if mute is not None:
        return _muted(alert, policy, now), ()
    if alert.ack is not None and alert.announced and _is_worse(alert):
        alert = replace(alert, ack=None, announced_at=now)  # what was acknowledged was milder
    if alert.flapping:
        return _flapping(alert, policy, now)
    match alert.state:
        case State.INACTIVE:
            over, events = _resolved(alert, now) if alert.announced else (alert, ())
            return _remembered(over, policy, now), events
        case State.PENDING:
            return _resolved_while_pending(alert, policy, now) if alert.announced else (alert, ())
        case State.FIRING:
            return _firing_event(alert, policy, now, escalate_after)
        case _:
            assert_never(alert.state)


def due_times(alert: Alert, policy: Policy, escalate_after: timedelta | None) -> Iterator[datetime]:
    """Yield every instant (UTC) at which time alone may change an alert or cause an event.

    At some of them nothing changes. Between two of them nothing changes either, as long as its mutes are the same."""
    if alert.notified_at is not None and policy.repeat_every is not None:
        yield alert.notified_at + policy.repeat_every
    if alert.announced_at is not None and escalate_after is not None:
        yield alert.announced_at + escalate_after
    if alert.ended_at is not None:
        yield alert.ended_at + policy.cooldown
    for began in (alert.since, alert.worse_since):
        if began is not None:
            yield began + policy.for_
    if policy.flapping is not None:
        yield from (at + policy.flapping.within for at in alert.changes)


def _firing_event(alert: Alert, policy: Policy, now: datetime, escalate_after: timedelta | None) -> Step:
    if not alert.announced:
        if alert.clearing:  # the last reading was ok: too late for a first notification
            return alert, ()
        return _event(alert, EventKind.FIRED, now, alert.reason, _again(alert, now))
    no_longer_flaps = "it no longer flaps" if alert.notified_flapping else ""
    if _is_worse(alert):
        return _event(alert, EventKind.WORSENED, now, alert.reason, no_longer_flaps)
    alert = replace(alert, notified_level=alert.level)  # a lower level is no event; reaching it again is one
    if no_longer_flaps:
        return _event(alert, EventKind.REMINDER, now, alert.reason, f"{no_longer_flaps}, and is firing")
    if alert.severity < alert.notified_severity:
        return _event(alert, EventKind.EASED, now, alert.reason)
    if alert.ack is not None:
        return alert, ()
    if escalate_after is not None and alert.announced_at is not None and alert.escalated_at is None:
        waited = now - alert.announced_at
        if waited >= escalate_after:
            note = f"not acknowledged for {span(waited)}"
            return _event(replace(alert, escalated_at=now), EventKind.ESCALATED, now, alert.reason, note)
    if not alert.clearing and _reminder_is_due(alert, policy, now):
        return _event(alert, EventKind.REMINDER, now, alert.reason)
    return alert, ()


def _resolved(alert: Alert, now: datetime) -> Step:
    note = "it no longer flaps" if alert.notified_flapping else ""
    over, events = _event(alert, EventKind.RESOLVED, now, alert.ending, note)
    return replace(over, announced=False, announced_at=None), events


def _resolved_while_pending(pending: Alert, policy: Policy, now: datetime) -> Step:
    """Return the resolution that a mute delayed, as an event, although the alert is pending again by now.

    Within the cooldown the pending alert continues the same incident, as if its end had been notified in time."""
    over, events = _resolved(_as_it_ended(pending), now)
    again = _opened(replace(over, ack=None, escalated_at=None), policy, pending.since or now)
    after = replace(
        again,
        severity=pending.severity,
        level=pending.level,
        reason=pending.reason,
        expected=pending.expected,
        breached_at=pending.breached_at,
        held_at=pending.held_at,
        worse_since=pending.worse_since,
    )
    return after, events


def _flapping(alert: Alert, policy: Policy, now: datetime) -> Step:
    if policy.flapping is None or (alert.notified_flapping and not _is_worse(alert)):
        return alert, ()
    if alert.notified_flapping:
        return _event(alert, EventKind.WORSENED, now, alert.reason)
    last = alert.ending if alert.state is State.INACTIVE else alert.reason
    often = f"changed more than {policy.flapping.changes} times within {compact(policy.flapping.within)}"
    return _event(
        alert, EventKind.FLAPPING, now, last, f"{often}; no notifications until it stops flapping or worsens"
    )


def _without_old_changes(alert: Alert, policy: Policy, now: datetime) -> Alert:
    """Return the alert without changes that are too old to count for flapping.

    Flapping ends when at most half of the allowed changes are left in the window."""
    recent = _recent(alert, policy, now)
    still = policy.flapping is not None and len(recent) > policy.flapping.changes // 2
    return replace(alert, changes=recent, flapping=alert.flapping and still)


def _muted(alert: Alert, policy: Policy, now: datetime) -> Alert:
    """Return the alert after a step in which it was muted.

    A reminder that comes due meanwhile is skipped: when the mute ends, only changes are worth a notification."""
    if _reminder_is_due(alert, policy, now):
        return replace(alert, notified_at=now)
    return _remembered(alert, policy, now)


def _remembered(alert: Alert, policy: Policy, now: datetime) -> Alert:
    """Return the alert, or a blank one if nothing of its last incident matters any more.

    An acknowledgement ends with the notified incident. An end that was not notified leaves it in place."""
    if alert.state is not State.INACTIVE or alert.announced or alert.flapping:
        return alert
    if alert.ended_at is not None and now < alert.ended_at + policy.cooldown:
        return replace(alert, ack=None, escalated_at=None)
    return Alert(rule=alert.rule, subject=alert.subject, changes=alert.changes)


def _is_worse(alert: Alert) -> bool:
    return alert.state is State.FIRING and (
        alert.severity > alert.notified_severity or alert.level > alert.notified_level
    )


def _reminder_is_due(alert: Alert, policy: Policy, now: datetime) -> bool:
    if not alert.announced or policy.repeat_every is None or alert.notified_at is None:
        return False
    return now - alert.notified_at >= policy.repeat_every


def _again(alert: Alert, now: datetime) -> str:
    if not alert.seq:
        return ""
    after = span((alert.fired_at or now) - (alert.ended_at or now))
    return f"again {after} after its end, firing {alert.again + 2} of this incident"


def _event(alert: Alert, kind: EventKind, now: datetime, reason: str, note: str = "") -> Step:
    notified = replace(
        alert,
        seq=alert.seq + 1,
        again=alert.again + (kind is EventKind.FIRED and alert.seq > 0),
        announced=True,
        announced_at=alert.announced_at or now,  # `escalate_after` counts from the first notification
        notified_at=now,
        notified_severity=alert.severity,
        notified_level=alert.level,
        notified_flapping=alert.flapping,
    )
    return notified, (Event(kind=kind, at=now, alert=notified, reason=reason, note=note),)


def _not_in_the_future(alert: Alert, now: datetime) -> Alert:
    """Return the alert with instants later than `now` replaced by `now`: the clock was set back since."""
    return re_dated(alert, lambda at: min(at, now))


def re_dated(alert: Alert, to: Callable[[datetime], datetime]) -> Alert:
    """Return the alert with every instant from which time is measured replaced by `to(instant)`."""
    return replace(
        alert,
        since=_converted(alert.since, to),
        fired_at=_converted(alert.fired_at, to),
        breached_at=_converted(alert.breached_at, to),
        held_at=_converted(alert.held_at, to),
        worse_since=_converted(alert.worse_since, to),
        ended_at=_converted(alert.ended_at, to),
        changes=tuple(to(at) for at in alert.changes),
        announced_at=_converted(alert.announced_at, to),
        notified_at=_converted(alert.notified_at, to),
    )


def _converted(at: datetime | None, to: Callable[[datetime], datetime]) -> datetime | None:
    return None if at is None else to(at)
