"""Whether the daemon makes progress: what the heartbeat and the readiness check report."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from monitor.domain.time import moment, span

STUCK_AFTER = timedelta(minutes=5)
"""A notification that is due for this long and was not tried is stuck. Even a slow channel takes less."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """The progress of the work at an instant. Failed polls and failed attempts are progress too. Instants are in UTC.

    `overdue` is the number of accounts whose next poll is late. `due_since` is when the oldest notification that waits
    for an attempt was due. `hanging_since` is when the oldest attempt in progress began."""

    accounts: int
    overdue: int
    due_since: datetime | None
    hanging_since: datetime | None = None

    def problem(self, now: datetime) -> str:
        """Return what makes no progress, for people; empty if everything does."""
        if self.overdue:
            return f"{self.overdue} of {self.accounts} accounts were not polled when they should have been"
        if self.due_since is not None and now - self.due_since >= STUCK_AFTER:
            waited = span(now - self.due_since)
            return f"a notification due at {moment(self.due_since)} has not been tried for {waited}"
        if self.hanging_since is not None and now - self.hanging_since >= STUCK_AFTER:
            return f"an attempt to deliver a notification has hung since {moment(self.hanging_since)}"
        return ""
