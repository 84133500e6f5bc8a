"""When to try a notification again, what to send of several that wait, and where an event goes."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import takewhile
from typing import assert_never

from monitor.domain.alerts import EventKind
from monitor.domain.messages import Item, Message, Report, render
from monitor.domain.routing import Route, escalation

SLOW = timedelta(seconds=60)
"""An attempt that takes longer counts as failed; the next one still waits for its end."""

FIRST_RETRY = timedelta(seconds=2)
LONGEST_RETRY = timedelta(minutes=5)
LONGEST_REST = timedelta(hours=1)
"""A URL whose service asks for more is tried again after this all the same."""

GIVE_UP_AFTER = timedelta(hours=24)
GIVE_UP_ATTEMPTS = 20
"""Attempts (an hour's worth) below which nothing is given up: the day may be an error of the clock, or a standstill."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """One recipient, as a channel names it. `url_id` identifies the recipient, whatever the channel is called and
    wherever in it the URL stands: it is what may be stored and shown of a URL."""

    channel: str
    url_id: str

    def __str__(self) -> str:
        return f"{self.channel}/{self.url_id}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Notification:
    """One message for one URL, in the outbox until it is delivered or given up. Instants are in UTC.

    What is due at the same time and of one `group` goes out together. `instead_of` says which channel should have
    delivered it, where this is its fallback. `present_reason` is why the alert fires now; empty where it does not.
    `taken` are the parts of messages that cover it which the service has taken so far."""

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
    """Incidents of one group that wait for one URL and are alike: all of them were tried before or none, all have
    something critical to deliver or none.

    Of an incident only the first notification counts: it holds back the others. Thousands of incidents are few queues,
    so that a decision takes no longer the more of them wait."""

    group: str
    tried: bool
    earliest: datetime
    """When the first of them is planned to go out."""
    latest: datetime
    critical_at: datetime | None
    """When the first critical notification is planned to go out, whatever is before it in its incident."""

    @property
    def planned_at(self) -> datetime:
        """Return when the first of them goes out, were there no quiet hours.

        What is critical waits no longer than its own route says, though what is before it would. What failed waits
        for its next attempt all the same."""
        if self.tried or self.critical_at is None:
            return self.earliest
        return min(self.earliest, self.critical_at)


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """Which of the incidents that wait for a URL go out now, as one message: those of `group`, and of those that were
    tried before the ones planned until `due_until` or after `misdated_after`."""

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
    """Return what goes out now of what waits for a URL; if nothing is due, when something will be (None: never).

    `queues` come by their oldest notification; the first that is due has its turn, and groups do not hold back each
    other. What was not tried yet goes out with it, though it has not waited for as long. In quiet hours, which end at
    `quiet_until`, only incidents go out of which something critical waits. Without `wait_for_group`, no group waits
    for more."""
    # an attempt further off than any rest was planned by a clock since set back
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
        """Return the message in the built-in words."""
        return render(self.items, self.instead_of)

    @property
    def attempts(self) -> int:
        """Return how often the oldest of what it covers was tried."""
        return max(notification.attempts for notification in self.covers)

    @property
    def taken(self) -> frozenset[str]:
        """Return the parts that the service took in earlier attempts."""
        return frozenset[str]().union(*(notification.taken for notification in self.covers))


def plan(incidents: Sequence[Sequence[Notification]]) -> Delivery:
    """Return what to send next of what waits for one URL, as one message: of each incident, in the order of its events.

    A firing whose end waits behind it goes out with it, as one. A firing that was not tried yet goes out as it has
    become: worse or milder. A reminder that something newer waits behind goes out as that. Everything else goes out
    one by one."""
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
    # the last one goes out whatever it is: the reminders before it would say less
    reminders = len(list(takewhile(lambda one: one.report.kind is EventKind.REMINDER, waiting[:-1])))
    return waiting[: reminders + 1], Item(last=_present(waiting[reminders]))


def _present(one: Notification) -> Report:
    """Return its facts, with the reason for which the alert fires when it is sent: of how many accounts an outage is
    changes while it waits. An event with a reading keeps the reason that goes with it."""
    if not one.present_reason or one.report.reading or _ends(one):
        return one.report
    return replace(one.report, reason=one.present_reason)


def _ends(notification: Notification) -> bool:
    return notification.report.kind in (EventKind.RESOLVED, EventKind.CLOSED)


def retry_at(attempts: int, now: datetime, jitter: float) -> datetime:
    """Return when to try again after so many failed attempts: 2 s at first, doubling up to 5 minutes.

    `jitter` from 0 to 1 takes away up to half, so that many do not come at once."""
    return now + _backoff(attempts, jitter)


def _backoff(attempts: int, jitter: float) -> timedelta:
    doublings = min(max(attempts - 1, 0), 20)
    delay = min(FIRST_RETRY * (1 << doublings), LONGEST_RETRY)
    return delay * (1 - jitter / 2)


def rest_of(retry_after: timedelta | None, refusals: int, jitter: float) -> timedelta:
    """Return how long a URL rests whose service wants no messages: for as long as it says, an hour at most.

    Where it does not say, or says 0, as long as a notification waits after so many refusals in a row."""
    if retry_after:
        return min(retry_after, LONGEST_REST)
    return _backoff(refusals, jitter)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rest:
    """A recipient whose service wants no messages until an instant, after so many refusals in a row. In UTC."""

    began_at: datetime
    until: datetime
    refusals: int

    def left(self, now: datetime) -> timedelta:
        """Return how much of it is left: no more than there was, whatever became of the clock."""
        return max(min(self.until - now, self.until - self.began_at), timedelta(0))


def given_up(failed: Sequence[Notification], now: datetime) -> tuple[Notification, ...]:
    """Return those of what has just failed again that have been failing for long enough: of each incident all or none,
    by the newest of it.

    What only waited, in quiet hours or while the daemon was down, has not failed; and a day that the clock was set
    forward by is no day of failures."""
    newest = {one.report.incident: one for one in failed}
    for_long = {
        incident
        for incident, one in newest.items()
        if now - (one.failing_since or now) >= GIVE_UP_AFTER and one.attempts + 1 >= GIVE_UP_ATTEMPTS
    }
    return tuple(one for one in failed if one.report.incident in for_long)


@dataclass(frozen=True, slots=True, kw_only=True)
class Addressed:
    """A URL to notify, the group that its notification goes out with, and how long that waits for more."""

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
    """Return where an event goes; each recipient once, by the channel that notified it before or else by the first.

    A firing goes where the routes lead, an escalation where the first of them leads that has one. An end and a relief
    go wherever something of the incident went (`notified_targets`), or where the routes lead if none of that is left; a
    reminder where the routes lead now and where it was escalated to; what got worse or flaps goes to both. What a
    URL that is gone has become is described in docs/alerting.md, "When channels change"."""
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
    """Return one target for each recipient. An incident keeps to the channel that it went by: only there are its
    messages kept in order."""
    by_id = {target.url_id: target for target in reversed([*notified, *goes_to])}
    return [by_id[url_id] for url_id in dict.fromkeys(target.url_id for target in goes_to)]


def _by_route(
    routes: Sequence[Route], attributes: Mapping[str, str], channels: Mapping[str, Sequence[Target]]
) -> dict[Target, Route]:
    """Return the URLs that the routes lead to, each with the first route that does."""
    found: dict[Target, Route] = {}
    for route in routes:
        for name in channels if route.channels is None else route.channels:
            for target in channels.get(name, ()):
                found.setdefault(target, route)
    return found


def still_reached(notified: Sequence[Target], channels: Mapping[str, Sequence[Target]]) -> list[Target]:
    """Return where those who were notified are reached now. Whoever is named by another channel is reached by that;
    in place of a URL that is gone come the URLs of its channel that the incident has not gone to."""
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
