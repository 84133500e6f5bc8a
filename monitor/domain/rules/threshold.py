"""The rule on an amount: 999.99 breaches `below: 1000` and 1000 does not; 1200 reaches `clear: 1200`."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import ClassVar, Literal

from monitor.domain.model import Field, SeriesView
from monitor.domain.money import plain
from monitor.domain.rules.base import Breached, Ok, Reads, Rule, ThresholdLine, Unknown, Verdict, no_reading
from monitor.domain.schedule import Schedule


@dataclass(frozen=True, slots=True, kw_only=True)
class Threshold(Rule):
    """An amount below or above a limit; while the alert fires, an amount that is not back at `clear`."""

    kind: ClassVar[str] = "threshold"
    reads: ClassVar[Reads] = Reads.AMOUNT

    field: Field = "available"
    below: Decimal | None = None
    above: Decimal | None = None
    clear: Decimal | None = None

    def _judge(
        self, view: SeriesView, *, read: bool, firing: bool, now: datetime, schedule: Schedule | None
    ) -> Verdict:
        if not read:
            return no_reading(view)
        value = view.history[-1].value(self.field)
        if value is None:
            return Unknown(f"the service does not report {self.field}")
        seen = f"{self.field} {plain(value)}"
        if self.below is not None and value < self.below:
            return Breached(f"{seen} < {plain(self.below)}", self._limits)
        if self.above is not None and value > self.above:
            return Breached(f"{seen} > {plain(self.above)}", self._limits)
        if firing and self.clear is not None:
            cleared = value >= self.clear if self.below is not None else value <= self.clear
            if not cleared:
                return Breached(f"{seen} is not back at {plain(self.clear)}", self._limits)
        return Ok(f"{seen}, expected {self._limits}")

    @property
    def _limits(self) -> str:
        limits = []
        if self.below is not None:
            limits.append(f"at least {plain(self.below)}")
        if self.above is not None:
            limits.append(f"at most {plain(self.above)}")
        clears = f" (clears at {plain(self.clear)})" if self.clear is not None else ""
        return " and ".join(limits) + clears

    @property
    def _expectation(self) -> str:
        return f"{self.field} {self._limits}"

    def lines(self, field: Field) -> Iterator[ThresholdLine]:
        """Yield the limits of each level."""
        if field != self.field:
            return
        for level in self.each_level:
            sides: tuple[tuple[Literal["below", "above"], Decimal | None], ...]
            sides = (("below", level.below), ("above", level.above))
            for side, amount in sides:
                if amount is not None:
                    severity = level.policy.severity
                    yield ThresholdLine(rule=self.name, severity=severity, side=side, amount=amount)

    @property
    def clears_at(self) -> Decimal | None:
        """Return `clear`; None with levels, because each level has its own."""
        return None if self.levels else self.clear
