"""The axis of a chart: which amounts are written beside it.

Charts are drawn with floats. Labels are exact nevertheless: each is the exact amount of its tick, and ticks are so far
apart that they are different floats.
"""

import math
from collections.abc import Iterator
from decimal import Decimal
from fractions import Fraction

_SMALLEST_SPAN = 1e-12  # of the larger end: some thousand of the smallest steps between floats
_TINIEST = 1e-300  # below, floats lose digits
_LONGEST = 20  # characters of a label; longer ones are written with an exponent
_FARTHEST = 1e300  # drawing computes spans and margins, which must not become infinite


def drawable(amount: str | float) -> float:
    """Return the float nearest to an amount, limited to ±1e300, which is the most that a chart can show."""
    return max(-_FARTHEST, min(_FARTHEST, float(amount)))


def widened(low: float, high: float) -> tuple[float, float]:
    """Return the ends of an axis, so far apart that the ticks between them are different floats."""
    missing = max(max(abs(low), abs(high)) * _SMALLEST_SPAN, _TINIEST) - (high - low)
    return (low - missing / 2, high + missing / 2) if missing > 0 else (low, high)


def ticks(low: float, high: float, most: int) -> list[tuple[float, str]]:
    """Return round amounts from `low` to `high` (from `widened`), about `most` of them, each with its label."""
    step = _step(Decimal(high - low) / most)
    amounts = list(_multiples(step, low, high))
    labels = [format(amount, ",f") for amount in amounts]
    if any(len(label) > _LONGEST for label in labels):
        labels = [_scientific(amount, step) for amount in amounts]
    return list(zip(map(float, amounts), labels, strict=True))


def _step(least: Decimal) -> Decimal:
    power = Decimal(1).scaleb(least.adjusted())
    return next(step for step in (power, 2 * power, 5 * power, power.scaleb(1)) if step >= least)


def _multiples(step: Decimal, low: float, high: float) -> Iterator[Decimal]:
    first, last = math.ceil(Fraction(low) / Fraction(step)), math.floor(Fraction(high) / Fraction(step))
    for number in range(first, last + 1):
        yield number * step


def _scientific(amount: Decimal, step: Decimal) -> str:
    """Return an amount with an exponent, and with enough digits to differ from the next tick."""
    return f"{amount:.{amount.adjusted() - step.adjusted()}e}" if amount else "0"
