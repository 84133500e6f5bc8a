"""Where an alert is told: the first route that fits it, and the ones after it where that says `continue`."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta

from monitor.domain.rules import EVERYTHING, Match, Policy

GROUP_WAIT = timedelta(seconds=10)
GROUP_BY = ("rule", "provider")


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """Which alerts go where. `channels` None: every channel; `number` counts from 0, None: not of the file.

    What fires within `group_wait` and is equal in `group_by` goes out as one message a URL. After `escalate_after`
    without an acknowledgement, `escalate_to` is told too."""

    number: int | None = None
    match: Match = EVERYTHING
    channels: tuple[str, ...] | None = None
    group_by: tuple[str, ...] = GROUP_BY
    group_wait: timedelta = GROUP_WAIT
    escalate_after: timedelta | None = None
    escalate_to: tuple[str, ...] = ()
    goes_on: bool = False

    def group(self, attributes: Mapping[str, str]) -> str:
        """What has to be equal for two alerts to be told in one message."""
        return "\0".join(f"{name}={attributes.get(name, '')}" for name in self.group_by)


DEFAULT = Route()


def routes_of(routes: Sequence[Route], policy: Policy, attributes: Mapping[str, str]) -> tuple[Route, ...]:
    """The routes of an alert. A rule's `notify` is a route of its own; where none fits, every channel is told."""
    if policy.notify is not None:
        return (Route(channels=policy.notify),)
    taken = []
    for route in routes:
        if route.match.alert(attributes):
            taken.append(route)
            if not route.goes_on:
                break
    return tuple(taken) or (DEFAULT,)


def escalation(routes: Sequence[Route]) -> tuple[timedelta | None, tuple[str, ...]]:
    """After how long without an acknowledgement who else is told: by the first route that says so."""
    for route in routes:
        if route.escalate_after is not None:
            return route.escalate_after, route.escalate_to
    return None, ()
