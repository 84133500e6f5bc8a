"""Compare the notifications with the scenario, and judge whether the usage of the process levels off."""

import re
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from campaigns.soak.samples import Sample, Trend, cost, fitted, halves, measured_cost, trend
from campaigns.soak.service import Message

NEAR_A_STOP = 15.0
"""Seconds after a stop within which a message may come again that was being sent at the stop."""

_TITLE = re.compile(
    r"(?P<kind>(?:INFO|WARNING|CRITICAL)(?P<still> still firing)?|RESOLVED|FIRED AND RESOLVED) "
    r"(?P<rule>\S+): (?P<subject>\S+) .*"
)
_NAME = re.compile(r"Incident: (?P<id>[0-9A-Z]{10}), message (?:(?P<first>\d+)-)?(?P<last>\d+)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Notification:
    """A message, parsed. It covers the numbers from `first` to `last` of its incident."""

    at: float
    incident: str
    about: tuple[str, str]
    first: int
    last: int
    resolves: bool


@dataclass(slots=True, kw_only=True)
class Messages:
    """The counts of incidents and messages, and the violations."""

    incidents: int
    scripted: int
    messages: int
    reminders: int
    repeated: int
    wrong: list[str]


def judge(
    expected: Mapping[tuple[str, str], int], messages: Sequence[Message], stops: Sequence[float]
) -> Messages:
    """Verify that each incident was notified once, fired and then resolved, and that none was invented."""
    read = [_read(message) for message in messages]
    notifications = [one for one in read if isinstance(one, Notification)]
    wrong = [one for one in read if isinstance(one, str)]
    incidents: dict[str, list[Notification]] = defaultdict(list)
    for one in notifications:
        incidents[one.incident].append(one)
    repeated = 0
    for name, group in incidents.items():
        kept = [one for n, one in enumerate(group) if not _came_again(one, group[:n], stops)]
        repeated += len(group) - len(kept)
        wrong += [f"incident {name} of {group[0].about}: {what}" for what in _of_one(kept)]
    got = Counter(group[0].about for group in incidents.values())
    for about in sorted(expected.keys() | got.keys()):
        if expected.get(about, 0) != got[about]:
            wrong.append(
                f"{about}: {got[about]} incidents were notified, and {expected.get(about, 0)} scripted"
            )
    return Messages(
        incidents=len(incidents),
        scripted=sum(expected.values()),
        messages=len(notifications),
        reminders=sum(" still firing " in message.title for message in messages),
        repeated=repeated,
        wrong=wrong,
    )


def _came_again(one: Notification, before: Sequence[Notification], stops: Sequence[float]) -> bool:
    same = any((one.first, one.last) == (other.first, other.last) for other in before)
    return same and any(0 <= one.at - stop <= NEAR_A_STOP for stop in stops)


def _of_one(notifications: Sequence[Notification]) -> list[str]:
    """Return the violations in the notifications of one incident."""
    wrong = []
    if notifications[0].first != 1:
        wrong.append("not notified from its firing on")
    if not notifications[-1].resolves:
        wrong.append("never resolved")
    # numbers rise, but not always by one: a newer event replaces a reminder that is still waiting
    if any(after.first <= before.last for before, after in pairwise(notifications)):
        wrong.append("notified twice, or in the wrong order")
    if len({one.about for one in notifications}) != 1:
        wrong.append("notified of several subjects")
    return wrong


def _read(message: Message) -> Notification | str:
    title, name = _TITLE.fullmatch(message.title), _NAME.fullmatch(message.name)
    if title is None or name is None:
        return f"not understood: {message.title!r}, {message.name!r}"
    last = int(name["last"])
    return Notification(
        at=message.at,
        incident=name["id"],
        about=(title["rule"], title["subject"]),
        first=int(name["first"] or last),
        last=last,
        resolves=title["kind"].endswith("RESOLVED"),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """A figure that must not grow: its trend in both halves, and the share by which it may grow.

    It grows by the rise of a line through the second half. A figure that keeps its largest size, such as a file's,
    grows by the difference between the largest sizes of both halves."""

    name: str
    unit: str
    first: Trend
    second: Trend
    may_grow: float | None
    keeps_size: bool = False

    @property
    def growth(self) -> float:
        """Return the growth as a share."""
        if self.keeps_size and self.first.most:
            return self.second.most / self.first.most - 1
        return self.second.share

    @property
    def levels_off(self) -> bool:
        """Return whether it grew no further than it may."""
        return self.may_grow is None or self.growth <= self.may_grow


_MIB = 1024 * 1024
_MAY_GROW = 0.05
_COST_MAY_GROW = 0.1
"""The cost of a poll is measured on a machine that has other work to do."""


def figures(samples: Sequence[Sample]) -> list[Figure]:
    """Return all figures of a run. The cost of a poll is judged in yardsticks only."""
    first, second = halves(samples)

    def figure(name: str, unit: str, value: Callable[[Sample], float], *, keeps_size: bool = False) -> Figure:
        return Figure(
            name=name,
            unit=unit,
            first=trend(first, value),
            second=trend(second, value),
            may_grow=_MAY_GROW,
            keeps_size=keeps_size,
        )

    def cost_figure(
        unit: str, points: Callable[[Sequence[Sample]], list[tuple[float, float]]], may_grow: float | None
    ) -> Figure:
        late = fitted(points(second))
        return Figure(
            name="CPU of a poll", unit=unit, first=fitted(points(first)), second=late, may_grow=may_grow
        )

    return [
        figure("resident memory", "MiB", lambda one: one.rss / _MIB),
        figure("file descriptors", "", lambda one: one.fds),
        figure("threads", "", lambda one: one.threads),
        figure("database", "MiB", lambda one: one.file / _MIB, keeps_size=True),
        figure("write-ahead log", "MiB", lambda one: one.wal / _MIB, keeps_size=True),
        figure("rows", "", lambda one: one.rows),
        cost_figure("ms", cost, None),
        cost_figure("yardsticks", measured_cost, _COST_MAY_GROW),
    ]
