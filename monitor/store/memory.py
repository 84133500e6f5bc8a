"""A cache of the writer from one transaction to the next, so that a poll does not read again what seldom changes.

It is valid only while no other process has written to the file, and everything noted in it was committed."""

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
    """The silences that have not ended, valid from an instant until another, at which the first of them ends."""

    of: tuple[Silence, ...]
    since: datetime
    until: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Healths:
    """The healths of some accounts: during an outage of a provider, every poll needs those of all its accounts."""

    of: Mapping[tuple[str, str], Account]
    by_account: dict[tuple[str, str], Health]


@dataclass(slots=True)
class Memory:
    """The cached silences and healths, and the alerts saved since the last call of `Alerts.follow`."""

    silences: Silences | None = None
    healths: list[Healths] = field(default_factory=list)
    follower: Any = None
    """The value that `Alerts.follow` keeps up to date, and below, for whom."""
    followed_by: object = None
    saved: dict[AlertKey, Severity | None] = field(default_factory=dict)
    _version: int | None = None

    def begin(self, connection: Connection) -> None:
        """Forget everything if another connection has committed since the last transaction."""
        version = data_version(connection)
        if version != self._version:
            self.forget()
            self._version = version

    def note_health(self, health: Health) -> None:
        """Replace the cached health of an account by the one that is being recorded."""
        key = health.account.key
        for known in [one for one in self.healths if key in one.of]:
            if known.of[key] == health.account:
                known.by_account[key] = health
            else:  # a reload has changed the account: its healths are read again
                self.healths.remove(known)

    def forget(self) -> None:
        """Forget everything: the cache and the store may differ, after a rollback or another process's commit."""
        self.silences = self.follower = self.followed_by = None
        self.saved, self.healths = {}, []
