"""What the store knows of this machine's clock from earlier, and which of two clocks that differ was right."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from monitor.domain.retention import OFF


@dataclass(frozen=True, slots=True, kw_only=True)
class ClockMark:
    """What was noticed of the clock and is not settled yet. Instants are in UTC; None: nothing.

    The clock was set back at `set_back_at`, while the store knew of instants up to `ahead_until`: either the clock was
    ahead before, or it is behind now. `moved` holds the alerts' instants that lay ahead: what each became, and what it
    was. From `jumped_from` to `jumped_to` the clock went on by more than a day, unconfirmed so far."""

    set_back_at: datetime | None = None
    ahead_until: datetime | None = None
    moved: Mapping[datetime, datetime] = field(default_factory=dict)
    jumped_from: datetime | None = None
    jumped_to: datetime | None = None

    def is_over(self, now: datetime) -> bool:
        """Whether nothing lies ahead of the clock any more."""
        return self.ahead_until is not None and now >= self.ahead_until

    def is_confirmed(self, differences: Collection[timedelta]) -> bool:
        """Whether the services' clocks say that the present clock is right, and the one before was ahead.

        `differences` say how much later theirs are. They have to be much nearer than the earlier clock was."""
        if self.set_back_at is None or self.ahead_until is None or not differences:
            return False
        apart = self.ahead_until - self.set_back_at
        return max(map(abs, differences)) < min(OFF, apart / 2)
