"""When to retry a notification, what to send if several wait, and where to send an event."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import takewhile
from typing import assert_never

from monitor.domain.alerts import EventKind
from monitor.domain.messages import Item, Message, Report, render
from monitor.domain.routing import Route, escalation

SLOW = timedelta(seconds=60)
"""An attempt that takes longer counts as failed. The next one starts only after its end all the same."""

FIRST_RETRY = timedelta(seconds=2)
LONGEST_RETRY = timedelta(minutes=5)
LONGEST_REST = timedelta(hours=1)
"""A URL is tried again after this, even if its service asks for a longer pause."""

GIVE_UP_AFTER = timedelta(hours=24)
GIVE_UP_ATTEMPTS = 20
"""Attempts, an hour's worth, before a notification is given up: the 24 hours may be a clock step or a suspension."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """One recipient of one channel.

    `url_id` identifies the recipient, independent of the channel's name and of the URL's position in it. It is the only
    part of a URL that may be stored and shown."""

    channel: str
    url_id: str

    def __str__(self) -> str:
        return f"{self.channel}/{self.url_id}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Notification:
    """One event for one URL, in the outbox until it is delivered or given up. Instants are in UTC.

    Notifications of one `group` that are due at the same time are sent together. `instead_of` names the channel that
    failed to deliver it, if this one is for its fallback. `present_reason` is why the alert fires now; empty if it does
    not fire. `taken` are the parts of its message that the service has accepted so far."""

    id: int
    target: Target
    report: Report
    created_at: datetime
    attempts: int = 0
    failing_since: datetime | None = None
    next_attempt_at: datetime
    group: str = ""
    instead_of: str = ""
    present_reason: str = ""
    taken: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Queue:
    """Incidents of one group that wait for one URL and are decided together.

    Either all of them were tried before or none. Either all have a critical notification or none. Of an incident only
    the first notification counts, because it delays the others. Thousands of incidents make few queues, so a decision
    takes no longer the more of them wait."""

    group: str
    tried: bool
    earliest: datetime
    """When the first of them is planned to be sent."""
    latest: datetime
    critical_at: datetime | None
    """When the first critical notification is planned to be sent, regardless of what is before it in its incident."""

    @property
    def planned_at(self) -> datetime:
        """Return when the first of them is sent, not considering quiet hours.

        A critical notification waits no longer than its own route's `group_wait`, even if one before it would wait
        longer. After a failure it waits for the next attempt all the same."""
        if self.tried or self.critical_at is None:
            return self.earliest
        return min(self.earliest, self.critical_at)


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """Which of the incidents that wait for a URL are sent now, as one message: those of `group`.

    Of those that were tried before, only the ones planned until `due_until` or after `misdated_after`."""

    group: str
    only_critical: bool
    due_until: datetime
    misdated_after: datetime


def next_turn(
    queues: Iterable[Queue],
    now: datetime,
    quiet_until: datetime | None = None,
    *,
    wait_for_group: bool = True,
) -> Turn | datetime | None:
    """Return what is sent to a URL now; if nothing is due, the instant at which something will be (None: never).

    `queues` are ordered by their oldest notification. The first that is due has its turn; groups do not delay each
    other. Incidents of its group that were not tried yet are sent with it, even if they have not waited for as long. In
    quiet hours, which end at `quiet_until`, only incidents with a critical notification are sent. Without
    `wait_for_group`, no group waits for more notifications."""
    # an attempt planned later than any rest can last was planned by a clock that was set back since
    misdated_after = now + LONGEST_REST
    next_at: datetime | None = None
    for queue in queues:
        passes = quiet_until is None or queue.critical_at is not None
        due = queue.planned_at <= now or queue.latest > misdated_after
        if passes and (due or not (queue.tried or wait_for_group)):
            return Turn(
                group=queue.group,
                only_critical=quiet_until is not None,
                due_until=now,
                misdated_after=misdated_after,
            )
        at = queue.planned_at if passes or quiet_until is None else max(queue.planned_at, quiet_until)
        next_at = at if next_at is None else min(next_at, at)
    return next_at


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """What to send now: one message that completes all of `covers`."""

    covers: tuple[Notification, ...]
    items: tuple[Item, ...]
    instead_of: str = ""

    @property
    def message(self) -> Message:
        """Return the message with the built-in texts."""
        return render(self.items, self.instead_of)

    @property
    def attempts(self) -> int:
        """Return how many attempts the most tried of its notifications had."""
        return max(notification.attempts for notification in self.covers)

    @property
    def taken(self) -> frozenset[str]:
        """Return the parts that the service accepted in earlier attempts."""
        return frozenset[str]().union(*(notification.taken for notification in self.covers))


def plan(incidents: Sequence[Sequence[Notification]]) -> Delivery:
    """Return the next message for one URL. `incidents` holds what waits for it, by incident in the order of its events.

    A firing and an end that waits behind it become one item. A firing that was not tried yet is sent with its present
    severity. A reminder with something newer behind it is replaced by that. Everything else is sent one by one."""
    parts = [_next_of(waiting) for waiting in incidents]
    covers = tuple(notification for covered, _ in parts for notification in covered)
    instead_of = next((one.instead_of for one in covers if one.instead_of), "")
    return Delivery(covers=covers, items=tuple(item for _, item in parts), instead_of=instead_of)


def _next_of(waiting: Sequence[Notification]) -> tuple[Sequence[Notification], Item]:
    first, last = waiting[0], waiting[-1]
    if first.report.kind is EventKind.FIRED and _ends(last):
        return waiting, Item(last=last.report, fired=first.report)
    if first.report.kind is EventKind.FIRED and not first.attempts:
        changes = (EventKind.WORSENED, EventKind.EASED)
        untried = takewhile(lambda one: one.report.kind in changes and not one.attempts, waiting[1:])
        covered = [first, *untried]
        present = replace(_present(covered[-1]), kind=EventKind.FIRED, note=first.report.note)
        return covered, Item(last=present, first=first.report.seq if len(covered) > 1 else None)
    # reminders are dropped for whatever comes after them, which is newer and reports as much
    reminders = len(list(takewhile(lambda one: one.report.kind is EventKind.REMINDER, waiting[:-1])))
    return waiting[: reminders + 1], Item(last=_present(waiting[reminders]))


def _present(one: Notification) -> Report:
    """Return its facts with the present reason of the alert.

    While a notification waits, the number of accounts in an outage changes. An event with a reading keeps its own
    reason, which belongs to that reading."""
    if not one.present_reason or one.report.reading or _ends(one):
        return one.report
    return replace(one.report, reason=one.present_reason)


def _ends(notification: Notification) -> bool:
    return notification.report.kind in (EventKind.RESOLVED, EventKind.CLOSED)


def retry_at(attempts: int, now: datetime, jitter: float) -> datetime:
    """Return when to try again after this many failed attempts: after 2 s at first, doubling up to 5 minutes.

    `jitter` from 0 to 1 shortens the delay by up to half, so that many retries do not coincide."""
    return now + _backoff(attempts, jitter)


def _backoff(attempts: int, jitter: float) -> timedelta:
    doublings = min(max(attempts - 1, 0), 20)  # limited, because more would overflow a timedelta
    delay = min(FIRST_RETRY * (1 << doublings), LONGEST_RETRY)
    return delay * (1 - jitter / 2)


def rest_of(retry_after: timedelta | None, refusals: int, jitter: float) -> timedelta:
    """Return the pause of a URL whose service throttles: what `Retry-After` asks for, an hour at most.

    Without it, or if it is 0, the pause is as long as a notification waits after this many refusals in a row."""
    if retry_after:
        return min(retry_after, LONGEST_REST)
    return _backoff(refusals, jitter)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rest:
    """The pause of a recipient whose service throttles, after this many refusals in a row. Instants are in UTC."""

    began_at: datetime
    until: datetime
    refusals: int

    def left(self, now: datetime) -> timedelta:
        """Return how much of it is left: never more than its whole length, even if the clock was set back."""
        return max(min(self.until - now, self.until - self.began_at), timedelta(0))


def given_up(failed: Sequence[Notification], now: datetime) -> tuple[Notification, ...]:
    """Return the notifications of a failed attempt that are not tried again: of each incident all or none.

    They have been failing for GIVE_UP_AFTER and GIVE_UP_ATTEMPTS. The newest notification of an incident decides.
    Waiting in quiet hours, or while the daemon was down, is not failing; and a clock set forward by a day does not make
    a day of failures."""
    newest = {one.report.incident: one for one in failed}
    for_long = {
        incident
        for incident, one in newest.items()
        if now - (one.failing_since or now) >= GIVE_UP_AFTER and one.attempts + 1 >= GIVE_UP_ATTEMPTS
    }
    return tuple(one for one in failed if one.report.incident in for_long)


@dataclass(frozen=True, slots=True, kw_only=True)
class Addressed:
    """A recipient to notify, the group of its notification, and how long that group waits for more."""

    target: Target
    group: str
    group_wait: timedelta


def address(
    kind: EventKind,
    routes: Sequence[Route],
    attributes: Mapping[str, str],
    channels: Mapping[str, Sequence[Target]],
    notified_targets: Sequence[Target],
) -> list[Addressed]:
    """Return the recipients of an event, each once: by the channel that notified it before, or else by the first.

    - fired, summary: the channels of the routes;
    - escalated: the `escalate_to` of the first route that has one;
    - reminder: the channels of the routes now, and those that the alert was escalated to;
    - worsened, flapping: the channels of the routes now, and everyone notified of the incident (`notified_targets`);
    - eased, resolved, closed: everyone notified of the incident, or the channels of the routes if none of them is left.

    docs/alerting.md, "When channels change", describes what becomes of a removed URL."""
    by_route = _by_route(routes, attributes, channels)
    wanted = list(by_route)
    notified = still_reached(notified_targets, channels)
    match kind:
        case EventKind.FIRED | EventKind.SUMMARY:
            goes_to = wanted
        case EventKind.WORSENED | EventKind.FLAPPING:
            goes_to = [*wanted, *notified]
        case EventKind.ESCALATED:
            goes_to = _escalated(routes, channels)
        case EventKind.REMINDER:
            escalated = {target.url_id for target in _escalated(routes, channels)}
            goes_to = [*wanted, *(target for target in notified if target.url_id in escalated)]
        case EventKind.EASED | EventKind.RESOLVED | EventKind.CLOSED:
            goes_to = notified if notified or not notified_targets else wanted
        case _:
            assert_never(kind)
    first = routes[0]
    return [
        Addressed(target=target, group=route.group(attributes), group_wait=route.group_wait)
        for target in _once_each(goes_to, notified)
        for route in (by_route.get(target, first),)
    ]


def _escalated(routes: Sequence[Route], channels: Mapping[str, Sequence[Target]]) -> list[Target]:
    return [target for name in escalation(routes)[1] for target in channels.get(name, ())]


def _once_each(goes_to: Sequence[Target], notified: Sequence[Target]) -> list[Target]:
    """Return one target for each recipient.

    An incident stays with the channel that notified it first: only within a channel are its messages kept in order."""
    # reversed, so that the first target of a recipient overwrites the later ones
    by_id = {target.url_id: target for target in reversed([*notified, *goes_to])}
    return [by_id[url_id] for url_id in dict.fromkeys(target.url_id for target in goes_to)]


def _by_route(
    routes: Sequence[Route], attributes: Mapping[str, str], channels: Mapping[str, Sequence[Target]]
) -> dict[Target, Route]:
    """Return the targets of the routes, each with the first route that leads to it."""
    found: dict[Target, Route] = {}
    for route in routes:
        for name in channels if route.channels is None else route.channels:
            for target in channels.get(name, ()):
                found.setdefault(target, route)
    return found


def still_reached(notified: Sequence[Target], channels: Mapping[str, Sequence[Target]]) -> list[Target]:
    """Return the present targets of the recipients that were notified before.

    A recipient that is now in another channel is reached by that one. A removed URL is replaced by the URLs of its
    channel that the incident was not sent to yet."""
    configured = {target: target for urls in channels.values() for target in urls}
    by_id = {target.url_id: target for target in reversed(configured)}
    known = {target.url_id for target in notified}
    reached: list[Target] = []
    for target in notified:
        there = configured.get(target) or by_id.get(target.url_id)
        if there is not None:
            reached.append(there)
        else:
            reached += [new for new in channels.get(target.channel, ()) if new.url_id not in known]
    return list({target.url_id: target for target in reversed(reached)}.values())[::-1]
