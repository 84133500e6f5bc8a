"""What keeps an alert quiet: a silence, a maintenance window, or another alert that explains it.

A muted alert lives on as any other. What differs from what was told before is told once nothing mutes it.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from monitor.domain.rules import Match
from monitor.domain.windows import Window

Attributes = Mapping[str, str]
"""What of an alert can be matched: `rule`, `type` and `severity`, and its subject's names and labels."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Silence:
    """Somebody wants no messages of some alerts for a while. Instants are in UTC."""

    id: int
    match: Match
    starts_at: datetime
    ends_at: datetime
    by: str
    reason: str

    def is_active(self, now: datetime) -> bool:
        """Whether it mutes now."""
        return self.starts_at <= now < self.ends_at


@dataclass(frozen=True, slots=True, kw_only=True)
class Maintenance:
    """A window in the configuration, in which some alerts are not told."""

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
        """Whether the one alert keeps the other quiet. Two that both fit both sides tell of themselves: else each
        would wait for the other, as one would for itself."""
        if not self.source.alert(source) or not self.target.alert(target):
            return False
        if self.source.alert(target) and self.target.alert(source):
            return False
        return all(source.get(name) == target.get(name) for name in self.equal)


@dataclass(frozen=True, slots=True, kw_only=True)
class Mutes:
    """All that may keep an alert quiet at one instant. `firing`: the alerts that may explain others."""

    silences: tuple[Silence, ...] = ()
    maintenance: tuple[Maintenance, ...] = ()
    inhibitions: tuple[Inhibition, ...] = ()

    def may_mute(self, now: datetime) -> bool:
        """Whether anything could keep an alert quiet now."""
        silenced = any(one.is_active(now) for one in self.silences)
        return bool(self.inhibitions) or silenced or any(one.window.covers(now) for one in self.maintenance)

    def reason(self, alert: Attributes, firing: Iterable[Attributes], now: datetime) -> str:
        """What keeps the alert quiet now; empty where nothing does."""
        for silence in self.silences:
            if silence.is_active(now) and silence.match.alert(alert):
                return f"silence {silence.id} by {silence.by}: {silence.reason}"
        for one in self.maintenance:
            if one.window.covers(now) and one.match.alert(alert):
                return f"maintenance {one.name}"
        if self.inhibitions:
            for source in firing:
                if self._explains(source, alert) and not self._explains(alert, source):
                    return f"inhibited by {source['rule']} {source['subject']}"
        return ""

    def _explains(self, source: Attributes, target: Attributes) -> bool:
        return any(inhibition.explains(source, target) for inhibition in self.inhibitions)


NO_MUTES = Mutes()
