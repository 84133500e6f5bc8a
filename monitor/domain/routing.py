"""Where an alert is notified: by the first route that fits it, and by later ones where that says `continue`."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta

from monitor.domain.matching import EVERYTHING, Match
from monitor.domain.rules import Policy

GROUP_WAIT = timedelta(seconds=10)
GROUP_BY = ("rule", "provider")


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """Which alerts go where. `channels` None: every channel; `number` counts from 0, None: not of the file.

    What fires within `group_wait` and is equal in `group_by` goes out as one message a URL. After `escalate_after`
    without an acknowledgement, `escalate_to` is notified too."""

    number: int | None = None
    match: Match = EVERYTHING
    channels: tuple[str, ...] | None = None
    group_by: tuple[str, ...] = GROUP_BY
    group_wait: timedelta = GROUP_WAIT
    escalate_after: timedelta | None = None
    escalate_to: tuple[str, ...] = ()
    continues: bool = False

    def group(self, attributes: Mapping[str, str]) -> str:
        """Return what has to be equal for two alerts to go out in one message."""
        return "\0".join(f"{name}={attributes.get(name, '')}" for name in self.group_by)


DEFAULT = Route()


@dataclass(frozen=True, slots=True, kw_only=True)
class Considered:
    """A route that was held against an alert; `misfits` are the keys of its `match` that do not fit."""

    route: Route
    misfits: tuple[str, ...]

    @property
    def fits(self) -> bool:
        """Return whether the alert goes there."""
        return not self.misfits

    def why(self, attributes: Mapping[str, str]) -> str:
        """Return in words what of the alert does not fit, or that it does."""
        if self.misfits:
            return f"does not fit: {'; '.join(self._misfit(key, attributes) for key in self.misfits)}"
        return "fits, and says `continue`" if self.route.continues else "fits"

    def _misfit(self, key: str, attributes: Mapping[str, str]) -> str:
        wanted = " or ".join(self.route.match.globs[key])
        return f"{key} is {attributes[key]}, not {wanted}" if key in attributes else f"it has no {key}"


def consider(routes: Sequence[Route], attributes: Mapping[str, str]) -> Iterator[Considered]:
    """Yield the routes in their order, up to the first that fits and does not say `continue`."""
    for route in routes:
        considered = Considered(route=route, misfits=route.match.misfits(attributes))
        yield considered
        if considered.fits and not route.continues:
            return


def routes_of(routes: Sequence[Route], policy: Policy, attributes: Mapping[str, str]) -> tuple[Route, ...]:
    """Return the routes of an alert; where none fits, every channel is notified.

    A rule's `notify` takes the place of the routes' channels; how they group, wait and escalate stays. With
    `notify: []` nobody is notified, and nothing is escalated."""
    taken = tuple(one.route for one in consider(routes, attributes) if one.fits) or (DEFAULT,)
    if policy.notify is None:
        return taken
    if not policy.notify:
        return (replace(taken[0], channels=(), escalate_after=None, escalate_to=()),)
    return tuple(replace(route, channels=policy.notify) for route in taken)


def escalation(routes: Sequence[Route]) -> tuple[timedelta | None, tuple[str, ...]]:
    """Return after how long without an acknowledgement who else is notified: by the first route that says so."""
    for route in routes:
        if route.escalate_after is not None:
            return route.escalate_after, route.escalate_to
    return None, ()
