"""What keeps an alert quiet: a silence, a maintenance window, or another alert that explains it.

A muted alert lives on as any other. What differs from what was notified before is notified once nothing mutes it.
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
"""A rule's name and a subject's."""


class MuteKind(StrEnum):
    """Why an alert is quiet."""

    SILENCE = "silence"
    """A person silenced it for a while."""
    MAINTENANCE = "maintenance"
    """It fits a window of the configuration's `maintenance`."""
    INHIBITION = "inhibition"
    """Another alert fires, and the configuration's `inhibit` says that it explains this one."""
    EXPLANATION = "explanation"
    """Another alert fires that explains this one without any configuration: an outage, or why a series is not read."""
    OUTAGE = "outage"
    """Its polls still fail after an outage, but not for long enough yet that another alert says so."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Mute:
    """What keeps an alert quiet."""

    kind: MuteKind
    source: str = ""
    """The silence's number, the window's name, or the other alert's rule and subject; empty: there is none."""
    text: str
    """Kind and source in words, for people."""

    @classmethod
    def by_alert(cls, kind: MuteKind, key: AlertKey) -> "Mute":
        """Return the mute of this kind whose source is another alert."""
        source = " ".join(key)
        return cls(kind=kind, source=source, text=f"inhibited by {source}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Silence:
    """A person's wish for no notifications of some alerts for a while. Instants are in UTC."""

    id: int
    match: Match
    starts_at: datetime
    ends_at: datetime
    by: str
    reason: str

    def is_active(self, now: datetime) -> bool:
        """Return whether it mutes now."""
        return self.starts_at <= now < self.ends_at

    @property
    def mute(self) -> Mute:
        """Return what it does to an alert that it fits."""
        text = f"silence {self.id} by {self.by}: {self.reason}"
        return Mute(kind=MuteKind.SILENCE, source=str(self.id), text=text)


@dataclass(frozen=True, slots=True, kw_only=True)
class Maintenance:
    """A window in the configuration, in which some alerts are quiet."""

    name: str
    match: Match
    window: Window


@dataclass(frozen=True, slots=True, kw_only=True)
class Inhibition:
    """While an alert that fits `source` fires, those that fit `target` and are equal in these attributes are quiet."""

    source: Match
    target: Match
    equal: tuple[str, ...] = ()

    def explains(self, source: Attributes, target: Attributes) -> bool:
        """Return whether the one alert keeps the other quiet. If two fit both sides, neither inhibits the other: else
        each would wait for the other, as one would for itself."""
        if not self.source.alert(source) or not self.target.alert(target):
            return False
        if self.source.alert(target) and self.target.alert(source):
            return False
        return all(source.get(name) == target.get(name) for name in self.equal)


@dataclass(frozen=True, slots=True)
class _Sides:
    """How an alert stands to each inhibition: whether it fits the source, the target, and what has to be equal.

    Two alerts of the same sides inhibit, and are inhibited by, the same others."""

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
        """Return whether an alert of these sides inhibits one of others, by any inhibition; see `explains`."""
        return any(
            self.source[one]
            and other.target[one]
            and not (self.target[one] and other.source[one])
            and self.common[one] == other.common[one]
            for one in range(len(self.source))
        )


class Inhibitors:
    """The firing alerts that may inhibit others, found by what these have in common with them.

    However many fire, finding one takes as long: alerts of the same sides are looked at as one."""

    def __init__(self, inhibitions: Sequence[Inhibition], firing: Iterable[Attributes] = ()) -> None:
        self._inhibitions = inhibitions
        self._sides: dict[AlertKey, _Sides] = {}
        self._by_sides: dict[_Sides, dict[AlertKey, None]] = {}
        self._by_common: dict[tuple[int, tuple[str | None, ...]], dict[_Sides, None]] = {}
        self.version = 0
        """Differs whenever others may be inhibited than before."""
        for alert in firing:
            self.put((alert["rule"], Subject(alert["subject"])), alert)

    def put(self, key: AlertKey, alert: Attributes | None) -> None:
        """Note by which attributes an alert may inhibit others from now on; None: it does not."""
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
        self, alert: Attributes, judged: Mapping[AlertKey, Attributes | None] = MappingProxyType({})
    ) -> AlertKey | None:
        """Return an alert that inhibits another one, if there is any. The `judged` have changed since they were put
        here: they fire with these attributes, or (None) do not fire."""
        if not self._inhibitions:
            return None
        target = _Sides.of(alert, self._inhibitions)
        for place in self._places(target, of_target=True):
            for source in self._by_common.get(place, ()):
                if source.explain(target) and not target.explain(source):
                    for key in self._by_sides[source]:
                        if key not in judged:
                            return key
        for key, attributes in judged.items():
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
    """All that may keep an alert quiet at one instant."""

    silences: tuple[Silence, ...] = ()
    maintenance: tuple[Maintenance, ...] = ()
    inhibitions: tuple[Inhibition, ...] = ()
    _named: Mapping[tuple[str, str], Sequence[Silence]] = field(init=False, repr=False, compare=False)
    _others: Sequence[Silence] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Sort the silences: many name one account, or a few, and need be looked at for these alone."""
        named: dict[tuple[str, str], list[Silence]] = {}
        others = []
        for silence in self.silences:
            values = silence.match.named_values()
            for value in values:
                named.setdefault(value, []).append(silence)
            if not values:
                others.append(silence)
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
        judged: Mapping[AlertKey, Attributes | None] = MappingProxyType({}),
    ) -> Mute | None:
        """Return what keeps the alert quiet now, if anything does. `judged` as in `Inhibitors.explaining`."""
        if self.silences:
            named = [one for pair in alert.items() for one in self._named.get(pair, ())]
            for silence in sorted([*named, *self._others], key=lambda one: one.id):
                if silence.is_active(now) and silence.match.alert(alert):
                    return silence.mute
        for one in self.maintenance:
            if one.window.covers(now) and one.match.alert(alert):
                return Mute(kind=MuteKind.MAINTENANCE, source=one.name, text=f"maintenance {one.name}")
        source = inhibitors.explaining(alert, judged)
        return Mute.by_alert(MuteKind.INHIBITION, source) if source else None


NO_MUTES = Mutes()
NO_INHIBITORS = Inhibitors(())
