"""The routes of an alert: the first one that matches it, and later ones while those before have `continue`."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta

from monitor.domain.matching import EVERYTHING, Match
from monitor.domain.rules import Policy

GROUP_WAIT = timedelta(seconds=10)
GROUP_BY = ("rule", "provider")


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """A route: which alerts are sent to which channels.

    `number` counts from 0; None: not a route of the file. `channels` None: every channel. Alerts that fire within
    `group_wait` and are equal in `group_by` are sent as one message per URL. After `escalate_after` without an
    acknowledgement, the channels in `escalate_to` are notified too."""

    number: int | None = None
    match: Match = EVERYTHING
    channels: tuple[str, ...] | None = None
    group_by: tuple[str, ...] = GROUP_BY
    group_wait: timedelta = GROUP_WAIT
    escalate_after: timedelta | None = None
    escalate_to: tuple[str, ...] = ()
    continues: bool = False

    def group(self, attributes: Mapping[str, str]) -> str:
        """Return the group of an alert. Only alerts with equal groups are sent in one message."""
        return "\0".join(f"{name}={attributes.get(name, '')}" for name in self.group_by)


DEFAULT = Route()


@dataclass(frozen=True, slots=True, kw_only=True)
class Considered:
    """A route that was checked for an alert. `misfits` are the keys of its `match` that do not match."""

    route: Route
    misfits: tuple[str, ...]

    @property
    def fits(self) -> bool:
        """Return whether the route matches the alert."""
        return not self.misfits

    def why(self, attributes: Mapping[str, str]) -> str:
        """Return as text which keys do not match the alert, or that the route matches."""
        if self.misfits:
            return f"does not match: {'; '.join(self._misfit(key, attributes) for key in self.misfits)}"
        return "matches, and continues" if self.route.continues else "matches"

    def _misfit(self, key: str, attributes: Mapping[str, str]) -> str:
        wanted = " or ".join(self.route.match.globs[key])
        return f"{key} is {attributes[key]}, not {wanted}" if key in attributes else f"it has no {key}"


def consider(routes: Sequence[Route], attributes: Mapping[str, str]) -> Iterator[Considered]:
    """Yield the routes in their order, up to the first that matches and does not have `continue`."""
    for route in routes:
        considered = Considered(route=route, misfits=route.match.misfits(attributes))
        yield considered
        if considered.fits and not route.continues:
            return


def routes_of(routes: Sequence[Route], policy: Policy, attributes: Mapping[str, str]) -> tuple[Route, ...]:
    """Return the routes of an alert. If none matches, the default route notifies every channel.

    A rule's `notify` replaces the routes' channels; grouping, `group_wait` and escalation stay. With `notify: []` the
    alert has no channels and no escalation."""
    taken = tuple(one.route for one in consider(routes, attributes) if one.fits) or (DEFAULT,)
    if policy.notify is None:
        return taken
    if not policy.notify:
        # one route stays, because a notification takes its group from the first
        return (replace(taken[0], channels=(), escalate_after=None, escalate_to=()),)
    return tuple(replace(route, channels=policy.notify) for route in taken)


def escalation(routes: Sequence[Route]) -> tuple[timedelta | None, tuple[str, ...]]:
    """Return `escalate_after` and `escalate_to` of the first route that has them; None and no channels without one."""
    for route in routes:
        if route.escalate_after is not None:
            return route.escalate_after, route.escalate_to
    return None, ()
