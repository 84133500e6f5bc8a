"""When to try a notification again, what to send of several that wait, and where an event goes."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import takewhile

from monitor.domain.alerts import EventKind
from monitor.domain.messages import Message, Report, render

FIRST_RETRY = timedelta(seconds=2)
LONGEST_RETRY = timedelta(minutes=5)
GIVE_UP_AFTER = timedelta(hours=24)
GIVE_UP_ATTEMPTS = 20
"""Attempts (an hour's worth) below which nothing is given up: the day may be an error of the clock, or a standstill."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """One URL of a channel, by apprise's `url_id`: what may be stored and shown of it."""

    channel: str
    url_id: str

    def __str__(self) -> str:
        return f"{self.channel}/{self.url_id}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Notification:
    """One message for one URL, in the outbox until it is delivered or given up. Instants are in UTC."""

    id: int
    target: Target
    report: Report
    created_at: datetime
    attempts: int = 0
    next_attempt_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """What to send now: one message that settles all of `covers`."""

    covers: tuple[Notification, ...]
    message: Message

    @property
    def attempts(self) -> int:
        """How often the oldest of what it covers was tried."""
        return max(notification.attempts for notification in self.covers)


def plan(waiting: Sequence[Notification]) -> Delivery:
    """What to send next of one incident's notifications that wait for one URL, in the order of their numbers.

    A firing whose end waits behind it goes out with it, as one message. A reminder that something newer
    waits behind goes out as that. Everything else goes out one by one."""
    first, last = waiting[0], waiting[-1]
    if first.report.kind == EventKind.FIRED and _ends(last):
        return Delivery(covers=tuple(waiting), message=render(last.report, fired=first.report))
    reminders = len(list(takewhile(_reminds, waiting[:-1])))
    return Delivery(covers=tuple(waiting[: reminders + 1]), message=render(waiting[reminders].report))


def _reminds(notification: Notification) -> bool:
    return notification.report.kind == EventKind.REMINDER


def _ends(notification: Notification) -> bool:
    return notification.report.kind in (EventKind.RESOLVED, EventKind.CLOSED)


def retry_at(attempts: int, now: datetime, jitter: float) -> datetime:
    """When to try again after so many failed attempts: 2 s at first, doubling up to 5 minutes.

    `jitter` from 0 to 1 takes away up to half, so that many do not come at once."""
    doublings = min(max(attempts - 1, 0), 20)
    delay = min(FIRST_RETRY * (1 << doublings), LONGEST_RETRY)
    return now + delay * (1 - jitter / 2)


def given_up(created_at: datetime, now: datetime, attempts: int) -> bool:
    """Whether a notification that has just failed, for the `attempts`th time, has been failing for long enough."""
    return now - created_at >= GIVE_UP_AFTER and attempts >= GIVE_UP_ATTEMPTS


def is_due(next_attempt_at: datetime, now: datetime) -> bool:
    """Whether to try now. An attempt further off than any backoff was planned by a clock since set back."""
    return next_attempt_at <= now or next_attempt_at > now + LONGEST_RETRY


def targets(kind: EventKind, wanted: Sequence[Target], told_to: Sequence[Target]) -> list[Target]:
    """Where an event goes: a firing everywhere wanted, all else only where something of its incident went.

    A channel whose URLs have all been exchanged since then counts as a place where it went."""
    if kind is EventKind.FIRED:
        return list(wanted)
    went = set(told_to)
    kept = {target.channel for target in wanted if target in went}
    channels = {target.channel for target in told_to}
    return [
        target
        for target in wanted
        if target in went or (target.channel in channels and target.channel not in kept)
    ]
