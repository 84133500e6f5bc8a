"""The rule on changes of an amount: a fall of exactly 20 % breaches `drop: 20%`.

A percentage is one of the absolute value of the starting amount, so a fall from -100 to -120 is a drop of 20 %.
If the starting amount is zero, any change in the rule's direction exceeds every percentage.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import ClassVar, Literal

from monitor.domain.model import Field, SeriesView
from monitor.domain.money import multiply, percent_of, plain, signed, subtract
from monitor.domain.rules.base import Breached, Ok, Reads, Rule, Unknown, Verdict, no_reading
from monitor.domain.schedule import Schedule
from monitor.domain.time import compact, moment, span

_Point = tuple[Decimal, datetime]


@dataclass(frozen=True, slots=True, kw_only=True)
class Delta(Rule):
    """A change of an amount, absolute or in percent, within a window or since the reading before."""

    kind: ClassVar[str] = "delta"
    reads: ClassVar[Reads] = Reads.HISTORY

    direction: Literal["drop", "rise", "change"]
    limit: Decimal
    percent: bool = False
    within: timedelta | None = None
    field: Field = "available"

    @property
    def window(self) -> timedelta:
        """Return the widest window of its levels."""
        return max(level.within or timedelta(0) for level in self.each_level)

    def _judge(
        self, view: SeriesView, *, read: bool, firing: bool, now: datetime, schedule: Schedule | None
    ) -> Verdict:
        if not read:
            return no_reading(view)
        history = view.history
        points = [
            (value, reading.observed_at)
            for reading in history
            if (value := reading.value(self.field)) is not None
        ]
        if not points or history[-1].value(self.field) is None:
            return Unknown(f"the service does not report {self.field}")
        (value, at), before = points[-1], points[:-1]
        if not before:
            return Unknown("no earlier reading to compare with")
        start = at - self.within if self.within is not None else None
        base = self._base(value, before[-1:] if start is None else _from(before, start))
        change = subtract(value, base[0])
        falling = change < 0 if self.direction == "change" else self.direction == "drop"
        known = (
            f", only {span(at - before[0][1])} known" if start is not None and before[0][1] > start else ""
        )
        percentage = percent_of(change, base[0])
        percent = "" if percentage is None else f" ({percentage})"
        moved = f"{signed(change)}{percent} from {plain(base[0])} at {moment(base[1])}"
        reason = f"{self.field} {plain(value)}, {moved}{known}"
        broken = self._exceeds(value, base, falling=falling)
        return Breached(reason, self._allowed) if broken else Ok(reason)

    def _base(self, value: Decimal, points: Sequence[_Point]) -> _Point:
        """Return the point from which the change is measured; the latest one of several that are equally far away."""
        newest_first = points[::-1]
        peak = max(newest_first, key=lambda point: point[0])
        trough = min(newest_first, key=lambda point: point[0])
        match self.direction:
            case "drop":
                return peak
            case "rise":
                return trough
            case "change":
                # a point that breaches the limit counts before one that is only further away
                return max(
                    (peak, trough),
                    key=lambda point: (
                        self._exceeds(value, point, falling=point is peak),
                        subtract(value, point[0]).copy_abs(),
                    ),
                )

    def _exceeds(self, value: Decimal, base: _Point, *, falling: bool) -> bool:
        change = subtract(value, base[0])
        if change == 0 or (change < 0) is not falling:
            return False
        size = change.copy_abs()
        if self.percent:
            # multiplied instead of divided, because a quotient may be inexact
            return multiply(size, Decimal(100)) >= multiply(self.limit, base[0].copy_abs())
        return size >= self.limit

    @property
    def _allowed(self) -> str:
        unit = "%" if self.percent else ""
        within = f"within {compact(self.within)}" if self.within is not None else "since the reading before"
        return f"a {self.direction} of less than {plain(self.limit)}{unit} {within}"

    @property
    def _expectation(self) -> str:
        return f"{self.field}: {self._allowed}"


def _from(points: Sequence[_Point], start: datetime) -> Sequence[_Point]:
    """Return the points since `start`, and the one before them, whose amount was valid at `start`."""
    older = sum(1 for _, at in points if at <= start)
    return points[max(older - 1, 0) :]
