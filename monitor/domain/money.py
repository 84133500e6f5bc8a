"""Exact amounts. Nothing here rounds, and nothing here is a float.

`Decimal`'s operators round to the thread's context (28 digits by default). So amounts are subtracted and multiplied
by this module only. Comparisons of `Decimal` are exact.
"""

import re
from collections.abc import Sequence
from decimal import Context, Decimal, Inexact, InvalidOperation, Overflow
from fractions import Fraction

MAX_DIGITS = 10_000
"""The maximum number of digits on either side of the decimal point; more is not an amount of money."""

MAX_EXPONENT = 100
"""The largest exponent of an amount: no service writes a balance as 1e400."""

_NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE]([+-]?\d+))?", re.ASCII)
# Any rounding raises Inexact. A product of two amounts has at most 4 * MAX_DIGITS digits.
_EXACT = Context(prec=8 * MAX_DIGITS, traps=[Inexact, InvalidOperation, Overflow])


def amount(text: str) -> Decimal:
    """Return the amount that `text` writes, digit for digit.

    Raises ValueError if it is not a finite number, or has more than MAX_DIGITS digits when written out."""
    match = _NUMBER.fullmatch(text)
    if match is None:
        raise ValueError(f"{text[:40]!r} is not a number")
    exponent = match[4] or "0"
    if len(exponent) > 9 or abs(int(exponent)) > MAX_EXPONENT:
        raise ValueError(f"{text[:40]!r} has an exponent beyond {MAX_EXPONENT}")
    value = Decimal(text)
    places = value.as_tuple().exponent
    if not isinstance(places, int) or value.adjusted() >= MAX_DIGITS or places < -MAX_DIGITS:
        raise ValueError(f"{text[:40]!r} has more than {MAX_DIGITS} digits written out")
    return value


def plain(value: Decimal) -> str:
    """Return an amount with all its digits and without an exponent: `1500.50`, `0.00000010`."""
    return format(value, "f")


def subtract(left: Decimal, right: Decimal) -> Decimal:
    """Return `left - right`, exactly."""
    return _EXACT.subtract(left, right)


def multiply(left: Decimal, right: Decimal) -> Decimal:
    """Return `left * right`, exactly."""
    return _EXACT.multiply(left, right)


def signed(value: Decimal) -> str:
    """Return a change with its sign: `+12.5`, `-3`, `0`."""
    return f"+{plain(value)}" if value > 0 else plain(value)


def percent_of(part: Decimal, whole: Decimal) -> str | None:
    """Return `part` as a signed percentage of the absolute value of `whole`, rounded to two places, for people.

    None if `whole` is zero: a change from zero has no percentage."""
    if whole == 0:
        return None
    ratio = Fraction(part) * 100 / abs(Fraction(whole))
    rounded = Decimal(round(ratio * 100)).scaleb(-2, _EXACT)
    return f"{signed(rounded)} %"


_BLOCKS = "▁▂▃▄▅▆▇█"


def sparkline(values: Sequence[Decimal]) -> str:
    """Return a line of block characters, from the lowest block for the lowest value to the highest."""
    if not values:
        return ""
    low, span = Fraction(min(values)), Fraction(max(values)) - Fraction(min(values))
    if span == 0:
        return _BLOCKS[0] * len(values)
    return "".join(_BLOCKS[int((Fraction(value) - low) / span * (len(_BLOCKS) - 1))] for value in values)


def grouped(value: Decimal) -> str:
    """Return an amount with all its digits and commas between thousands, for tables: `1,234,567.50`."""
    return format(value, ",f")
