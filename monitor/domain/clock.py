"""Judge this machine's clock: whether old data may be deleted by it, and whether it was right before a clock step."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from monitor.domain.time import compact, moment, span

GRACE = timedelta(minutes=10)
"""How long after the start, or after a clock step, nothing is deleted."""
AHEAD = timedelta(minutes=5)
"""How far stored instants may lie ahead of the clock: clocks of machines differ, and are corrected by such steps."""
JUMP = timedelta(days=1)
"""A clock this much later than the newest reading was set wrong, or the daemon was down for that long."""
CONFIRMED_AFTER = timedelta(days=1)
"""After this long with readings, a clock that jumped counts as right, even if no service confirms it."""
OFF = timedelta(hours=1)
"""A service's clock that differs by this much contradicts this machine's."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ClockEvidence:
    """What is known about this machine's clock. Instants are in UTC.

    `started_at` is when the daemon started, or the clock was set. `running` is the time since then by the monotonic
    clock. `newest` is the instant of the newest reading in the store now, `newest_before` the one at `started_at`; None
    without readings. After a jump that is not confirmed yet, `started_at` and `newest_before` are those of the start at
    which it was noticed. Failed polls are no evidence, because a wrong clock makes them fail.
    `differences` are how much later the services' clocks (`Date` headers) are than this one."""

    now: datetime
    started_at: datetime
    running: timedelta
    newest: datetime | None
    newest_before: datetime | None
    differences: tuple[timedelta, ...] = ()

    @property
    def has_run_long_enough(self) -> bool:
        """Return whether the clock has run for long enough to be judged."""
        return self.running >= GRACE

    def doubt(self) -> str:
        """Return why the clock may be wrong, for people; empty if there is no sign of it."""
        worst = max(self.differences, key=abs, default=timedelta(0))
        if abs(worst) >= OFF:
            which = "behind" if worst > timedelta(0) else "ahead of"
            return f"this machine's clock is {span(abs(worst))} {which} a service's"
        if self.differences:  # services that agree outweigh what an earlier, wrong clock left in the store
            return ""
        known = [at for at in (self.newest, self.newest_before) if at is not None]
        if known and max(known) - self.now > AHEAD:
            newest = max(known)
            return f"the newest reading is {span(newest - self.now)} ahead of this machine's clock: {moment(newest)}"
        is_jump = self.newest_before is not None and self.started_at - self.newest_before > JUMP
        is_confirmed = self.running >= CONFIRMED_AFTER and (self.newest or self.now) > self.started_at
        if self.newest_before is not None and is_jump and not is_confirmed:
            gap = span(self.started_at - self.newest_before)
            return (
                f"this machine's clock is {gap} later than the newest reading before, and no service confirms "
                f"it; it counts as right after {compact(CONFIRMED_AFTER)} with readings"
            )
        return ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ClockMark:
    """Clock steps that are not resolved yet, as the store keeps them. Instants are in UTC; None: no such step.

    The clock was set back at `set_back_at`, while the store had instants up to `ahead_until`: either the clock was
    ahead before, or it is behind now. `moved` maps each replaced instant of an alert to the one before.
    `jumped_from` and `jumped_to` are the ends of an unconfirmed jump forward of more than a day."""

    set_back_at: datetime | None = None
    ahead_until: datetime | None = None
    moved: Mapping[datetime, datetime] = field(default_factory=dict)
    jumped_from: datetime | None = None
    jumped_to: datetime | None = None

    def is_over(self, now: datetime) -> bool:
        """Return whether the clock has passed every instant that was ahead of it."""
        return self.ahead_until is not None and now >= self.ahead_until

    def is_confirmed(self, differences: Collection[timedelta]) -> bool:
        """Return whether the services' clocks show that the present clock is right, and the one before was ahead.

        `differences` are how much later theirs are. They have to be much smaller than the clock step."""
        if self.set_back_at is None or self.ahead_until is None or not differences:
            return False
        apart = self.ahead_until - self.set_back_at
        return max(map(abs, differences)) < min(OFF, apart / 2)
