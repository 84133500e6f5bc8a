"""Compare amounts with their written digits, character by character, so that no `Decimal` judges a `Decimal`."""

import re
from decimal import Decimal

_WRITTEN = re.compile(r"([+-]?)(\d*)\.?(\d*)(?:[eE]([+-]?\d+))?", re.ASCII)


def is_exactly(value: Decimal, text: str) -> bool:
    """Return whether `value` has the sign, the digits and the decimal places of `text`."""
    match = _WRITTEN.fullmatch(text)
    if match is None:
        return False
    sign, whole, decimals, exponent = match.groups()
    places = int(exponent or 0) - len(decimals)
    digits = (whole + decimals).lstrip("0") or "0"
    kept = value.as_tuple()
    return (
        bool(kept.sign) is (sign == "-")
        and "".join(map(str, kept.digits)) == digits
        and kept.exponent == places
    )


def written_out(value: Decimal) -> bool:
    """Return whether the plain notation, used in messages and in the store, is exactly the same amount."""
    again = Decimal(format(value, "f"))
    return again == value and (value.as_tuple() == again.as_tuple() or value.adjusted() >= 0)
