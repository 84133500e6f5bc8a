"""Judge this machine's clock: may old data be deleted by it, and which of two clocks that differ was right."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from monitor.domain.time import compact, moment, span

SETTLING = timedelta(minutes=10)
"""A clock that was just started with, or just set, deletes nothing for so long."""
AHEAD = timedelta(minutes=5)
"""What is stored may lie so far ahead of the clock: machines' clocks differ, and are corrected by such steps."""
JUMP = timedelta(days=1)
"""A clock that is so much later than all that is stored was set wrong, or the daemon was down for so long."""
CONFIRMED_AFTER = timedelta(days=1)
"""A clock by which balances were read for so long after a jump is believed, though no service confirms it."""
OFF = timedelta(hours=1)
"""A service's clock that differs by so much contradicts this machine's."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ClockEvidence:
    """What is known about this machine's clock. Instants are in UTC.

    `started_at` is when the daemon started, or the clock was set, and `running` the time since then by a clock that
    nobody sets. `newest` is the newest reading's instant in the store now, `newest_before` the newest one's at
    `started_at`; None where there was none. Of a jump that is not confirmed yet, both are of the start at which it was
    noticed. Polls that failed are no evidence: a wrong clock makes them fail.
    `differences` say how much later the services' clocks (`Date` headers) are than this one."""

    now: datetime
    started_at: datetime
    running: timedelta
    newest: datetime | None
    newest_before: datetime | None
    differences: tuple[timedelta, ...] = ()

    @property
    def has_run_long_enough(self) -> bool:
        """Return whether the clock has run for long enough to be judged at all."""
        return self.running >= SETTLING

    def doubt(self) -> str:
        """Return why the clock may be wrong, for people; empty where nothing says so."""
        worst = max(self.differences, key=abs, default=timedelta(0))
        if abs(worst) >= OFF:
            which = "behind" if worst > timedelta(0) else "ahead of"
            return f"this machine's clock is {span(abs(worst))} {which} a service's"
        if self.differences:  # services that agree outweigh what an earlier, wrong clock left in the store
            return ""
        known = [at for at in (self.newest, self.newest_before) if at is not None]
        if known and max(known) - self.now > AHEAD:
            newest = max(known)
            return f"the store knows of {moment(newest)}, {span(newest - self.now)} ahead of this machine's clock"
        is_jump = self.newest_before is not None and self.started_at - self.newest_before > JUMP
        is_confirmed = self.running >= CONFIRMED_AFTER and (self.newest or self.now) > self.started_at
        if self.newest_before is not None and is_jump and not is_confirmed:
            gap = span(self.started_at - self.newest_before)
            return (
                f"this machine's clock is {gap} later than all that was stored before, and no service says what "
                f"time it is; it is believed after {compact(CONFIRMED_AFTER)} with readings"
            )
        return ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ClockMark:
    """What was noticed of the clock and is not settled yet, as the store keeps it. Instants are in UTC; None: nothing.

    The clock was set back at `set_back_at`, while the store knew of instants up to `ahead_until`: either the clock was
    ahead before, or it is behind now. `moved` holds the alerts' instants that lay ahead: what each became, and what it
    was. From `jumped_from` to `jumped_to` the clock went on by more than a day, unconfirmed so far."""

    set_back_at: datetime | None = None
    ahead_until: datetime | None = None
    moved: Mapping[datetime, datetime] = field(default_factory=dict)
    jumped_from: datetime | None = None
    jumped_to: datetime | None = None

    def is_over(self, now: datetime) -> bool:
        """Return whether nothing lies ahead of the clock any more."""
        return self.ahead_until is not None and now >= self.ahead_until

    def is_confirmed(self, differences: Collection[timedelta]) -> bool:
        """Return whether the services' clocks say that the present clock is right, and the one before was ahead.

        `differences` say how much later theirs are. They have to be much nearer than the earlier clock was."""
        if self.set_back_at is None or self.ahead_until is None or not differences:
            return False
        apart = self.ahead_until - self.set_back_at
        return max(map(abs, differences)) < min(OFF, apart / 2)
