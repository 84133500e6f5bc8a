"""Amounts are exact: read, written, added, multiplied and compared to the last digit."""

from decimal import Decimal, localcontext
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.domain.money import (
    MAX_DIGITS,
    MAX_EXPONENT,
    amount,
    grouped,
    multiply,
    percent_of,
    plain,
    signed,
    sparkline,
    subtract,
)

moderate = settings(max_examples=50, deadline=None)


@st.composite
def amounts(draw: st.DrawFn) -> Decimal:
    """Amounts as endpoints might send them: up to 60 digits, on either side of the point."""
    return Decimal(f"{draw(st.integers(-(10**60), 10**60))}E-{draw(st.integers(0, 60))}")


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("0", "0"),
        ("1500.50", "1500.50"),
        ("-3", "-3"),
        ("+3", "3"),
        ("007", "7"),
        (".5", "0.5"),
        ("5.", "5"),
        ("-0", "-0"),
        ("0.00000010", "0.00000010"),
        ("1e-8", "0.00000001"),
        ("1E+3", "1000"),
        ("26058942.333333325", "26058942.333333325"),
        ("1234567890123456789012345678901234567890", "1234567890123456789012345678901234567890"),
        ("9" * MAX_DIGITS, "9" * MAX_DIGITS),
        ("0." + "9" * MAX_DIGITS, "0." + "9" * MAX_DIGITS),
        (f"1E-{MAX_EXPONENT}", "0." + "0" * (MAX_EXPONENT - 1) + "1"),
        (f"1E+{MAX_EXPONENT}", "1" + "0" * MAX_EXPONENT),
    ],
)
def test_accepted(text: str, written: str) -> None:
    """Every digit is kept, zeros at the end too; no exponent comes out."""
    assert plain(amount(text)) == written


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        " 1",
        "1 ",
        "1\n",
        "1_000",
        "1,000",
        "1'000",
        "NaN",
        "sNaN",
        "Infinity",
        "-inf",
        "0x10",
        "1e",
        "e5",
        ".",
        "-",
        "+",
        "--1",
        "1.2.3",
        "٣",
        "\uff11",
        "²",
        "1E+999999999",
        "1E-999999999",
        "0E+999999999",
        "1E+9999999999",
        "1E+101",
        "1E-101",
        "1e400",
        "9" * (MAX_DIGITS + 1),
        "0." + "0" * (MAX_DIGITS + 1),
        "true",
        "null",
        "5 USDT",
        "$5",
    ],
)
def test_refused(text: str) -> None:
    """Neither numbers nor amounts of money."""
    with pytest.raises(
        ValueError, match=r"is not a number|has more than 10000 digits|has an exponent beyond 100"
    ):
        amount(text)


def test_a_refusal_does_not_repeat_a_megabyte() -> None:
    """What is told of it is short."""
    with pytest.raises(ValueError, match="is not a number") as caught:
        amount("x" * 10**6)
    assert len(str(caught.value)) < 100


@given(amounts())
@moderate
def test_an_amount_written_and_read_is_the_same(value: Decimal) -> None:
    """Its digits and its zeros at the end, however coarse the thread's decimal context."""
    with localcontext() as context:
        context.prec = 3
        again = amount(plain(value))
    assert again.as_tuple() == value.as_tuple()


@given(amounts(), amounts())
@moderate
def test_differences_are_exact(left: Decimal, right: Decimal) -> None:
    """As fractions have them, however coarse the thread's decimal context."""
    with localcontext() as context:
        context.prec = 3
        difference = subtract(left, right)
    assert Fraction(difference) == Fraction(left) - Fraction(right)


@given(amounts(), amounts())
@moderate
def test_products_are_exact(left: Decimal, right: Decimal) -> None:
    """As fractions have them, however coarse the thread's decimal context."""
    with localcontext() as context:
        context.prec = 3
        product = multiply(left, right)
    assert Fraction(product) == Fraction(left) * Fraction(right)


def test_the_largest_amounts_can_be_subtracted_and_multiplied() -> None:
    """Ten thousand digits before the point, and ten thousand behind it."""
    large, small = amount("9" * MAX_DIGITS), amount("0." + "0" * (MAX_DIGITS - 1) + "1")
    assert Fraction(subtract(large, small)) == Fraction(large) - Fraction(small)
    widest = amount("9" * MAX_DIGITS + "." + "9" * MAX_DIGITS)
    assert Fraction(multiply(widest, widest)) == Fraction(widest) ** 2


@pytest.mark.parametrize(
    ("text", "expected"), [("12.5", "+12.5"), ("-3", "-3"), ("0", "0"), ("0.00", "0.00"), ("1E+3", "+1000")]
)
def test_signed(text: str, expected: str) -> None:
    assert signed(Decimal(text)) == expected


@pytest.mark.parametrize(
    ("part", "whole", "expected"),
    [
        ("20", "100", "+20.00 %"),
        ("-20", "100", "-20.00 %"),
        ("20", "-100", "+20.00 %"),
        ("-20", "-100", "-20.00 %"),
        ("0", "100", "0.00 %"),
        ("1", "3", "+33.33 %"),
        ("-2", "3", "-66.67 %"),
        ("-0.00001", "3", "0.00 %"),
        ("5", "0", None),
        ("5", "-0.00", None),
        ("1E+100", "1E-100", "+1" + "0" * 202 + ".00 %"),
    ],
)
def test_percent_of(part: str, whole: str, expected: str | None) -> None:
    """Of the absolute value, to two places; of nothing, none."""
    assert percent_of(Decimal(part), Decimal(whole)) == expected


@pytest.mark.parametrize(
    ("values", "line"),
    [
        ([], ""),
        (["5"], "▁"),
        (["5", "5", "5"], "▁▁▁"),
        (["0", "7"], "▁█"),
        (["0", "1", "2", "3", "4", "5", "6", "7"], "▁▂▃▄▅▆▇█"),
        (["7", "0"], "█▁"),
        (["-1", "0", "1"], "▁▄█"),
        (["1000000000000000000000000000000000000000", "1000000000000000000000000000000000000007"], "▁█"),
    ],
)
def test_sparkline(values: list[str], line: str) -> None:
    """The lowest at the bottom, the highest at the top."""
    assert sparkline([Decimal(value) for value in values]) == line


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1234567.50", "1,234,567.50"),
        ("-1234", "-1,234"),
        ("999", "999"),
        ("0.00000010", "0.00000010"),
        ("1E+6", "1,000,000"),
    ],
)
def test_grouped(text: str, expected: str) -> None:
    """For a screen, with every digit."""
    assert grouped(Decimal(text)) == expected


def test_forty_digits_keep_their_order() -> None:
    """Where floats are all the same."""
    low, high = amount("0." + "3" * 39 + "1"), amount("0." + "3" * 39 + "2")
    assert low < high
    assert float(low) == float(high)
