"""An axis of a chart: which amounts are written beside it.

Charts are drawn with floats. Labels are exact all the same: each is the amount that its tick stands for, and ticks
are so far apart that floats can tell them apart.
"""

import math
from collections.abc import Iterator
from decimal import Decimal
from fractions import Fraction

_TOLD_APART = 1e-12  # of the larger of two floats: some thousand of the smallest steps that a float can make
_TINIEST = 1e-300  # below, floats lose digits
_LONGEST = 20  # characters of a label; longer ones are written with an exponent
_FARTHEST = 1e300  # who draws computes spans and margins, and must not get to infinity


def drawable(amount: str | float) -> float:
    """Return the float nearest to an amount; for one beyond 1e300, which no chart can hold, that end."""
    return max(-_FARTHEST, min(_FARTHEST, float(amount)))


def widened(low: float, high: float) -> tuple[float, float]:
    """The ends of an axis, apart far enough that floats can tell ticks between them apart."""
    lacking = max(max(abs(low), abs(high)) * _TOLD_APART, _TINIEST) - (high - low)
    return (low - lacking / 2, high + lacking / 2) if lacking > 0 else (low, high)


def ticks(low: float, high: float, most: int) -> list[tuple[float, str]]:
    """Round amounts from `low` to `high` (as `widened` gives them), about `most` at most, each with its label."""
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
    """With as many digits as tell it from the next one."""
    return f"{amount:.{amount.adjusted() - step.adjusted()}e}" if amount else "0"
