"""Mutes: silences, maintenance windows, and alerts that explain others.

The state of a muted alert changes like that of any other. Changes are notified once nothing mutes it any more.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType

from monitor.domain.matching import Attributes, Match
from monitor.domain.model import Subject
from monitor.domain.windows import Window

AlertKey = tuple[str, Subject]
"""A rule's name and a subject."""


class MuteKind(StrEnum):
    """Why an alert is quiet."""

    SILENCE = "silence"
    """A person silenced it for a while."""
    MAINTENANCE = "maintenance"
    """A maintenance window of the configuration matches it."""
    INHIBITION = "inhibition"
    """Another alert fires that inhibits this one by the configuration's `inhibit`."""
    EXPLANATION = "explanation"
    """Another alert fires that explains this one without any configuration: an outage, or why polls fail."""
    OUTAGE = "outage"
    """Its polls still fail after an outage, but not for long enough for an alert of their own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Mute:
    """The reason that keeps an alert quiet."""

    kind: MuteKind
    source: str = ""
    """The silence's number, the window's name, or the other alert's rule and subject; empty: none of them."""
    text: str
    """Kind and source as text, for people."""

    @classmethod
    def by_alert(cls, kind: MuteKind, key: AlertKey) -> "Mute":
        """Return the mute of this kind whose source is another alert."""
        source = " ".join(key)
        return cls(kind=kind, source=source, text=f"inhibited by {source}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Silence:
    """A mute that a person set for some alerts and for a while. Instants are in UTC."""

    id: int
    match: Match
    starts_at: datetime
    ends_at: datetime
    by: str
    reason: str

    def is_active(self, now: datetime) -> bool:
        """Return whether it is active at this instant."""
        return self.starts_at <= now < self.ends_at

    @property
    def mute(self) -> Mute:
        """Return the mute of an alert that it matches."""
        text = f"silence {self.id} by {self.by}: {self.reason}"
        return Mute(kind=MuteKind.SILENCE, source=str(self.id), text=text)


@dataclass(frozen=True, slots=True, kw_only=True)
class Maintenance:
    """A maintenance window of the configuration, in which the alerts that it matches are muted."""

    name: str
    match: Match
    window: Window


@dataclass(frozen=True, slots=True, kw_only=True)
class Inhibition:
    """While an alert that `source` matches fires, matches of `target` with the same `equal` attributes are muted."""

    source: Match
    target: Match
    equal: tuple[str, ...] = ()

    def explains(self, source: Attributes, target: Attributes) -> bool:
        """Return whether the source alert mutes the target alert.

        If two alerts match both sides, neither inhibits the other: otherwise both would be muted, and an alert would
        inhibit itself."""
        if not self.source.alert(source) or not self.target.alert(target):
            return False
        if self.source.alert(target) and self.target.alert(source):
            return False
        return all(source.get(name) == target.get(name) for name in self.equal)


@dataclass(frozen=True, slots=True)
class _Sides:
    """The role of an alert in each inhibition: whether the source and the target match it, and its `equal` values.

    Two alerts with the same sides inhibit the same others, and are inhibited by the same others."""

    source: tuple[bool, ...]
    target: tuple[bool, ...]
    common: tuple[tuple[str | None, ...], ...]

    @classmethod
    def of(cls, alert: Attributes, inhibitions: Sequence[Inhibition]) -> "_Sides":
        return cls(
            tuple(one.source.alert(alert) for one in inhibitions),
            tuple(one.target.alert(alert) for one in inhibitions),
            tuple(tuple(alert.get(name) for name in one.equal) for one in inhibitions),
        )

    def explain(self, other: "_Sides") -> bool:
        """Return whether an alert with these sides inhibits one with the others; see `Inhibition.explains`."""
        return any(
            self.source[one]
            and other.target[one]
            and not (self.target[one] and other.source[one])
            and self.common[one] == other.common[one]
            for one in range(len(self.source))
        )


class Inhibitors:
    """The firing alerts that may inhibit others, indexed by the `equal` values of the inhibitions.

    A search takes no longer the more of them fire, because alerts with the same sides are checked as one."""

    def __init__(self, inhibitions: Sequence[Inhibition], firing: Iterable[Attributes] = ()) -> None:
        self._inhibitions = inhibitions
        self._sides: dict[AlertKey, _Sides] = {}
        self._by_sides: dict[_Sides, dict[AlertKey, None]] = {}
        self._by_common: dict[tuple[int, tuple[str | None, ...]], dict[_Sides, None]] = {}
        self.version = 0
        """Increases whenever the set of inhibited alerts may have changed."""
        for alert in firing:
            self.put((alert["rule"], Subject(alert["subject"])), alert)

    def put(self, key: AlertKey, alert: Attributes | None) -> None:
        """Set the attributes by which an alert inhibits others from now on; None: it no longer does."""
        before = self._sides.get(key)
        sides = _Sides.of(alert, self._inhibitions) if alert is not None else None
        if sides is not None and not any(sides.source):
            sides = None
        if sides == before:
            return
        self.version += 1
        if before is not None:
            self._remove(key, before)
        if sides is not None:
            self._add(key, sides)

    def _add(self, key: AlertKey, sides: _Sides) -> None:
        self._sides[key] = sides
        self._by_sides.setdefault(sides, {})[key] = None
        for place in self._places(sides):
            self._by_common.setdefault(place, {})[sides] = None

    def _remove(self, key: AlertKey, sides: _Sides) -> None:
        del self._sides[key], self._by_sides[sides][key]
        if self._by_sides[sides]:
            return
        del self._by_sides[sides]
        for place in self._places(sides):
            del self._by_common[place][sides]
            if not self._by_common[place]:
                del self._by_common[place]

    def explaining(
        self, alert: Attributes, updated: Mapping[AlertKey, Attributes | None] = MappingProxyType({})
    ) -> AlertKey | None:
        """Return an alert that inhibits this one, if there is any.

        `updated` holds alerts that have changed since `put`: the attributes of a firing one, None for any other."""
        if not self._inhibitions:
            return None
        target = _Sides.of(alert, self._inhibitions)
        for place in self._places(target, of_target=True):
            for source in self._by_common.get(place, ()):
                if source.explain(target) and not target.explain(source):
                    for key in self._by_sides[source]:
                        if key not in updated:
                            return key
        for key, attributes in updated.items():
            if attributes is not None:
                source = _Sides.of(attributes, self._inhibitions)
                if source.explain(target) and not target.explain(source):
                    return key
        return None

    @staticmethod
    def _places(sides: _Sides, *, of_target: bool = False) -> Iterator[tuple[int, tuple[str | None, ...]]]:
        fits = sides.target if of_target else sides.source
        return ((number, sides.common[number]) for number, fit in enumerate(fits) if fit)


@dataclass(frozen=True, slots=True, kw_only=True)
class Mutes:
    """Everything that may mute an alert."""

    silences: tuple[Silence, ...] = ()
    maintenance: tuple[Maintenance, ...] = ()
    inhibitions: tuple[Inhibition, ...] = ()
    _named: Mapping[tuple[str, str], Sequence[Silence]] = field(init=False, repr=False, compare=False)
    _others: Sequence[Silence] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Index the silences: many name one account, or a few, and need to be checked for these only."""
        named: dict[tuple[str, str], list[Silence]] = {}
        others = []
        for silence in self.silences:
            values = silence.match.named_values()
            for value in values:
                named.setdefault(value, []).append(silence)
            if not values:
                others.append(silence)
        # the class is frozen, so normal assignments are not possible
        object.__setattr__(self, "_named", named)
        object.__setattr__(self, "_others", others)

    def active(self, now: datetime) -> tuple[frozenset[int], frozenset[str]]:
        """Return the silences (by number) and maintenance windows (by name) that mute now."""
        return (
            frozenset([one.id for one in self.silences if one.starts_at <= now < one.ends_at]),
            frozenset([one.name for one in self.maintenance if one.window.covers(now)]),
        )

    def find(
        self,
        alert: Attributes,
        inhibitors: Inhibitors,
        now: datetime,
        updated: Mapping[AlertKey, Attributes | None] = MappingProxyType({}),
    ) -> Mute | None:
        """Return what mutes the alert now, if anything does. `updated` as in `Inhibitors.explaining`."""
        if self.silences:
            named = [one for pair in alert.items() for one in self._named.get(pair, ())]
            for silence in sorted([*named, *self._others], key=lambda one: one.id):
                if silence.is_active(now) and silence.match.alert(alert):
                    return silence.mute
        for one in self.maintenance:
            if one.window.covers(now) and one.match.alert(alert):
                return Mute(kind=MuteKind.MAINTENANCE, source=one.name, text=f"maintenance {one.name}")
        source = inhibitors.explaining(alert, updated)
        return Mute.by_alert(MuteKind.INHIBITION, source) if source else None


NO_MUTES = Mutes()
NO_INHIBITORS = Inhibitors(())
