"""Amounts below or above a limit: the boundaries, the hysteresis, the reasons, and every digit."""

from decimal import Decimal, localcontext

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.domain.model import NO_STREAK, Field, Reading, Severity
from monitor.domain.money import plain
from monitor.domain.rules import Breached, Ok, Threshold, Unknown, Verdict
from monitor.errors import Outcome
from tests.domain.support import MINUTE, START, reading, view


def rule(
    below: str | None = None, above: str | None = None, clear: str | None = None, field: Field = "available"
) -> Threshold:
    return Threshold(
        name="low",
        field=field,
        below=None if below is None else Decimal(below),
        above=None if above is None else Decimal(above),
        clear=None if clear is None else Decimal(clear),
    )


def said(of: Threshold, last: Reading, *, firing: bool = False) -> Verdict:
    severity = Severity.WARNING if firing else None
    return of.judge(view(last), read=True, firing=severity, now=START)


def case(limits: Threshold, available: str, broken: bool, meaning: str, firing: bool = False) -> object:
    return pytest.param(limits, available, firing, broken, id=meaning)


@pytest.mark.parametrize(
    ("limits", "available", "firing", "broken"),
    [
        case(rule(below="1000"), "999.99", True, "less-than-below-breaks-it"),
        case(rule(below="1000"), "1000", False, "below-itself-does-not"),
        case(rule(below="1000"), "1000.00", False, "nor-with-zeros-behind"),
        case(rule(below="1000"), "1000.01", False, "more-than-below-does-not"),
        case(rule(above="1000"), "1000.01", True, "more-than-above-breaks-it"),
        case(rule(above="1000"), "1000", False, "above-itself-does-not"),
        case(rule(above="1000"), "999", False, "less-than-above-does-not"),
        case(rule(below="10", above="20"), "9", True, "below-of-both"),
        case(rule(below="10", above="20"), "15", False, "between-both"),
        case(rule(below="10", above="20"), "21", True, "above-of-both"),
        case(rule(below="0"), "0", False, "zero-is-not-below-zero"),
        case(rule(below="0"), "-0", False, "nor-is-minus-zero"),
        case(rule(below="0"), "-0.00000001", True, "the-least-debt-is"),
        case(rule(above="0"), "0", False, "zero-is-not-above-zero"),
        case(rule(below="-100"), "-100.5", True, "a-limit-may-be-negative"),
        case(
            rule(below="0.3"), "0.30000000000000000000000000000000000001", False, "a-float-would-not-see-it"
        ),
        case(rule(below="0.3"), "0.29999999999999999999999999999999999999", True, "nor-this"),
        case(
            rule(below="1234567890123456789012345678901234567890"),
            "1234567890123456789012345678901234567889",
            True,
            "40-digits-and-the-last-one-counts",
        ),
        case(rule(below="1000", clear="1200"), "1199.99", True, "firing-until-clear", firing=True),
        case(rule(below="1000", clear="1200"), "1200", False, "clear-itself-clears", firing=True),
        case(rule(below="1000", clear="1200"), "1100", False, "clear-means-nothing-until-it-fires"),
        case(rule(above="1000", clear="800"), "800.01", True, "firing-until-back-under-clear", firing=True),
        case(rule(above="1000", clear="800"), "800", False, "clear-of-above-itself-clears", firing=True),
        case(rule(above="1000", clear="800"), "900", False, "under-above-and-not-firing"),
        case(rule(below="1000"), "1000", False, "without-clear-the-limit-clears", firing=True),
        case(rule(below="0", clear="0"), "0", False, "clear-at-zero", firing=True),
    ],
)
def test_limits(limits: Threshold, available: str, firing: bool, broken: bool) -> None:
    assert isinstance(said(limits, reading(available), firing=firing), Breached) is broken


@pytest.mark.parametrize(
    ("limits", "available", "firing", "expected"),
    [
        pytest.param(
            rule(below="5.00"),
            "4.10",
            False,
            Breached("available 4.10 < 5.00", "at least 5.00"),
            id="below",
        ),
        pytest.param(
            rule(above="5"), "5.000001", False, Breached("available 5.000001 > 5", "at most 5"), id="above"
        ),
        pytest.param(
            rule(below="1000", clear="1200"),
            "1100.0",
            True,
            Breached("available 1100.0 is not back at 1200", "at least 1000 (clears at 1200)"),
            id="not-back",
        ),
        pytest.param(
            rule(below="1000", clear="1200"),
            "1200.5",
            True,
            Ok("available 1200.5, expected at least 1000 (clears at 1200)"),
            id="back",
        ),
        pytest.param(
            rule(below="1", above="9"),
            "5",
            False,
            Ok("available 5, expected at least 1 and at most 9"),
            id="ok",
        ),
        pytest.param(
            rule(below="0.0000001"),
            "0.00000001",
            False,
            Breached("available 0.00000001 < 0.0000001", "at least 0.0000001"),
            id="no-exponent",
        ),
    ],
)
def test_reasons(limits: Threshold, available: str, firing: bool, expected: Verdict) -> None:
    assert said(limits, reading(available), firing=firing) == expected


@pytest.mark.parametrize(
    ("field", "reason"),
    [("available", "available 3 < 10"), ("total", "total 5 < 10"), ("locked", "locked 2 < 10")],
)
def test_the_field_that_is_asked_for(field: Field, reason: str) -> None:
    """`available`, `total` and `locked` are three numbers."""
    verdict = said(rule(below="10", field=field), reading("3", total="5", locked="2"))
    assert verdict == Breached(reason, "at least 10")


def test_a_missing_locked_is_unknown() -> None:
    """A service without locked amounts does not have zero of them."""
    assert said(rule(below="10", field="locked"), reading("3")) == Unknown(
        "the service does not report locked"
    )


def test_a_reading_of_before_is_not_judged_again() -> None:
    """A failed poll leaves the last reading known, and unknown is not that."""
    verdict = rule(below="10").judge(view(reading("3")), read=False, firing=None, now=START + MINUTE)
    assert verdict == Unknown("no reading")


def test_a_missing_currency_says_that_it_is_missing() -> None:
    """Unknown, with the reason."""
    lacked = NO_STREAK.failed(Outcome.OK, "the response lacks this currency", START)
    verdict = rule(below="10").judge(view(missing=lacked), read=False, firing=Severity.WARNING, now=START)
    assert verdict == Unknown("the response lacks this currency")


amounts = st.decimals(allow_nan=False, allow_infinity=False, places=18, min_value=-(10**20), max_value=10**20)


@given(amounts, amounts)
@settings(max_examples=60, deadline=None)
def test_a_limit_is_compared_with_every_digit(value: Decimal, limit: Decimal) -> None:
    """Whatever the precision of the thread's decimal context."""
    with localcontext() as context:
        context.prec = 3
        verdict = said(rule(below=plain(limit)), reading(plain(value)))
    assert isinstance(verdict, Breached) is (value < limit)
