"""What the writer remembers from one transaction to the next, so that no poll reads anew what only grows.

It is the truth only as long as nobody else has written to the file, and everything noted here was committed."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from monitor.domain.model import Account, Health, Severity
from monitor.domain.mutes import AlertKey, Silence
from monitor.store.sqlite import data_version


@dataclass(frozen=True, slots=True, kw_only=True)
class Silences:
    """Those that are not over from an instant until another, when the first of them ends."""

    of: tuple[Silence, ...]
    since: datetime
    until: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Healths:
    """How the polls of some accounts have been going: of a provider in an outage they are wanted with every poll."""

    of: Mapping[tuple[str, str], Account]
    by_account: dict[tuple[str, str], Health]


@dataclass(slots=True)
class Memory:
    """The silences and healths as they were read last, and the alerts saved since somebody last asked for these."""

    silences: Silences | None = None
    healths: list[Healths] = field(default_factory=list)
    follower: Any = None
    """What is kept up to date by `Alerts.follow`, and for whom."""
    followed_by: object = None
    saved: dict[AlertKey, Severity | None] = field(default_factory=dict)
    _version: int | None = None

    def begin(self, connection: Connection) -> None:
        """Forget everything if another connection has committed since the transaction before."""
        version = data_version(connection)
        if version != self._version:
            self.forget()
            self._version = version

    def note_health(self, health: Health) -> None:
        """Note how an account's polls have been going since the one that is recorded now."""
        key = health.account.key
        for known in [one for one in self.healths if key in one.of]:
            if known.of[key] == health.account:
                known.by_account[key] = health
            else:  # the configuration is about to be another
                self.healths.remove(known)

    def forget(self) -> None:
        """Let everything be read anew: what was noted is not in the store, or not all that is there was noted."""
        self.silences = self.follower = self.followed_by = None
        self.saved, self.healths = {}, []
