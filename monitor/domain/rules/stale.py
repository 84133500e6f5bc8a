"""The rule on the time without a reading: two hours breach `after: 2h`."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import ClassVar, Literal

from monitor.domain.model import SeriesView
from monitor.domain.rules.base import Breached, Ok, Reads, Rule, Unknown, Verdict, no_reading
from monitor.domain.schedule import Schedule, passed_at
from monitor.domain.time import compact, moment, span


@dataclass(frozen=True, slots=True, kw_only=True)
class Stale(Rule):
    """No reading for a span; or, with `clock: provider`, no change by the service's own time of last change."""

    kind: ClassVar[str] = "stale"
    reads: ClassVar[Reads] = Reads.TIME

    after: timedelta
    clock: Literal["observed", "provider"] = "observed"

    @property
    def longest_gap(self) -> timedelta | None:
        """Return `after`. None with `clock: provider`, because only a reading has the service's time."""
        return self.after if self.clock == "observed" else None

    def stale_at(self, schedule: Schedule | None, last: datetime) -> datetime | None:
        """Return when `after` has passed by this machine's clock, without the rests of the schedule."""
        if self.clock == "provider":
            return None
        return last + self.after if schedule is None else passed_at(schedule, last, self.after)

    def _judge(
        self, view: SeriesView, *, read: bool, firing: bool, now: datetime, schedule: Schedule | None
    ) -> Verdict:
        if self.clock == "provider":
            if not read or view.last is None:
                return no_reading(view)
            if view.last.updated_at is None:
                return Unknown("the service does not report when the wallet last changed")
            since, what = view.last.updated_at, "the wallet last changed"
        elif view.last is None:
            since, what = view.watched_since, "never read, watched since"
        else:
            since, what = view.last.observed_at, "last read"
        reason = f"{what} {moment(since)}, {span(now - since)} ago"
        due = self.stale_at(schedule, since) or since + self.after
        if now >= due:
            rest = due - since - self.after
            if rest:
                reason += f", {span(rest)} of it without a scheduled run"
            return Breached(reason, self._expectation)
        return Ok(reason) if read else Unknown(reason)

    @property
    def _expectation(self) -> str:
        news = "change" if self.clock == "provider" else "reading"
        return f"a {news} at least every {compact(self.after)}"
