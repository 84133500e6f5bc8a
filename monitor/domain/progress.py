"""Whether the daemon gets on with its work: what a heartbeat may say."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from monitor.domain.time import moment, span

STUCK_AFTER = timedelta(minutes=5)
"""A notification that is due for so long, and was not tried again, is stuck: a slow channel takes less."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """How the work stands at an instant. Polls that fail are made all the same, and attempts that fail are attempts.

    `overdue`: how many of the accounts should have been polled again by now. `due_since`: when the oldest
    notification was due that waits for an attempt. `hanging_since`: when the oldest attempt began that goes
    on."""

    accounts: int
    overdue: int
    due_since: datetime | None
    hanging_since: datetime | None = None

    def trouble(self, now: datetime) -> str:
        """What does not get on, for people; empty where everything does."""
        if self.overdue:
            return f"{self.overdue} of {self.accounts} accounts were not polled when they should have been"
        if self.due_since is not None and now - self.due_since >= STUCK_AFTER:
            waited = span(now - self.due_since)
            return f"a notification due at {moment(self.due_since)} has not been tried for {waited}"
        if self.hanging_since is not None and now - self.hanging_since >= STUCK_AFTER:
            return f"an attempt to deliver a notification hangs since {moment(self.hanging_since)}"
        return ""
