"""Changes: from the window's peak or trough, or since the reading before; as an amount, or in percent."""

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal, localcontext
from fractions import Fraction
from typing import Literal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.domain.model import Field, Severity
from monitor.domain.rules import Breached, Delta, Ok, Unknown, Verdict
from tests.domain.support import START, minutes, reading, readings, view

BEYOND_FLOATS = "9" * 310

Direction = Literal["drop", "rise", "change"]


def rule(text: str, within: float | None = None, field: Field = "available") -> Delta:
    """A rule as the configuration writes it: `drop 20%`, `rise 250`; `within` in minutes."""
    directions: Mapping[str, Direction] = {"drop": "drop", "rise": "rise", "change": "change"}
    direction, limit = text.split()
    return Delta(
        name="moved",
        direction=directions[direction],
        limit=Decimal(limit.removesuffix("%")),
        percent=limit.endswith("%"),
        within=None if within is None else minutes(within),
        field=field,
    )


def said(of: Delta, story: Mapping[float, str], now: datetime = START) -> Verdict:
    return of.judge(view(*readings(story)), read=True, firing=None, now=now)


def case(text: str, story: str, broken: bool, meaning: str, within: float | None = None) -> object:
    """`story`: amounts a minute apart."""
    amounts = {float(number): text for number, text in enumerate(story.split())}
    return pytest.param(rule(text, within), amounts, broken, id=meaning)


@pytest.mark.parametrize(
    ("of", "story", "broken"),
    [
        case("drop 20", "100 80", True, "a-drop-of-exactly-the-limit"),
        case("drop 20", "100 80.01", False, "a-drop-of-less"),
        case("drop 20", "100 79.99", True, "a-drop-of-more"),
        case("drop 20", "100 120", False, "a-rise-is-no-drop"),
        case("drop 20", "100 90 80", False, "since-the-reading-before-only"),
        case("rise 20", "100 120", True, "a-rise-of-exactly-the-limit"),
        case("rise 20", "100 119.99", False, "a-rise-of-less"),
        case("rise 20", "100 80", False, "a-drop-is-no-rise"),
        case("change 20", "100 120", True, "a-rise-is-a-change"),
        case("change 20", "100 80", True, "a-drop-is-a-change"),
        case("change 20", "100 119", False, "a-change-of-less"),
        case("change 20", "100 100", False, "no-change"),
        case("drop 20%", "100 80", True, "exactly-20-percent"),
        case("drop 20%", "100 80.0000000000000000000000000000000000001", False, "nearly-20-percent"),
        case("drop 20%", "100 79.9", True, "more-than-20-percent"),
        case("rise 20%", "100 120", True, "a-rise-by-20-percent"),
        case("rise 20%", "80 100", True, "a-percentage-is-taken-of-the-start"),
        case("drop 20%", "120 100", False, "and-not-of-the-end"),
        case("drop 100%", "100 0", True, "down-to-nothing"),
        case("drop 100%", "100 0.01", False, "down-to-nearly-nothing"),
        case("drop 33.3333333333333333333333333333%", "3 2", True, "a-third"),
        case("drop 33.3333333333333333333333333334%", "3 2", False, "a-little-more-than-a-third"),
        case("drop 20%", f"{BEYOND_FLOATS} 1", True, "from-beyond-every-float"),
        case("rise 20%", f"1 {BEYOND_FLOATS}", True, "to-beyond-every-float"),
        case("change 1", f"{BEYOND_FLOATS}8 {BEYOND_FLOATS}9", True, "by-the-last-digit-beyond-every-float"),
        case("rise 100%", f"-{BEYOND_FLOATS} {BEYOND_FLOATS}", True, "from-far-below-zero"),
        case("rise 100%", f"0.{'0' * 400}1 {'9' * 9_999}", True, "from-next-to-nothing-to-the-most-there-is"),
    ],
)
def test_since_the_reading_before(of: Delta, story: Mapping[float, str], broken: bool) -> None:
    assert isinstance(said(of, story), Breached) is broken


@pytest.mark.parametrize(
    ("of", "story", "broken"),
    [
        case("rise 1000%", "0 0.01", True, "any-rise-from-zero"),
        case("drop 1000%", "0 -0.01", True, "any-drop-from-zero"),
        case("change 1000%", "0 0.01", True, "any-change-from-zero"),
        case("drop 20%", "0 0", False, "zero-stays-zero"),
        case("drop 20%", "0 5", False, "a-rise-from-zero-is-no-drop"),
        case("rise 20%", "0 -5", False, "a-drop-from-zero-is-no-rise"),
        case("drop 20%", "-100 -120", True, "deeper-into-debt-by-20-percent"),
        case("drop 20%", "-100 -119", False, "deeper-into-debt-by-19-percent"),
        case("drop 20%", "-100 -80", False, "out-of-debt-is-no-drop"),
        case("rise 20%", "-100 -80", True, "out-of-debt-by-20-percent"),
        case("drop 150%", "10 -5", True, "into-debt-by-150-percent"),
        case("drop 151%", "10 -5", False, "into-debt-by-less"),
        case("rise 150%", "-10 5", True, "out-of-debt-by-150-percent"),
        case("change 20%", "-100 -120", True, "a-change-in-debt"),
    ],
)
def test_percentages_of_zero_and_of_debts(of: Delta, story: Mapping[float, str], broken: bool) -> None:
    """As the module says: of the absolute value of the start; from zero, more than any percentage."""
    assert isinstance(said(of, story), Breached) is broken


@pytest.mark.parametrize(
    ("of", "story", "broken"),
    [
        case("drop 20", "100 90 80", True, "a-slow-drop-adds-up", within=5),
        case("drop 20", "80 100 80", True, "from-the-peak-between", within=5),
        case("drop 20", "100 85 95", False, "what-came-back-is-no-drop", within=5),
        case("rise 20", "100 80 100", True, "from-the-trough-between", within=5),
        case("rise 20", "100 115 105", False, "what-went-down-again-is-no-rise", within=5),
        case("drop 20", "100 100 90 85 80", False, "a-peak-before-the-window-is-forgotten", within=2),
        case("drop 10", "100 100 90 85 80", True, "what-held-at-its-start-is-not", within=2),
        case("drop 20", "100 95 80", True, "a-reading-at-its-very-start-counts", within=2),
        case("drop 100", "200 100 100 100", False, "and-what-was-before-that-does-not", within=2),
        case("change 20", "100 120 110 100", True, "a-change-from-the-peak", within=5),
        case("change 20", "100 80 90 100", True, "a-change-from-the-trough", within=5),
        case("change 60%", "1000 10 500", True, "a-change-from-the-trough-in-percent", within=5),
        case("change 60%", "500 10 200", True, "a-change-from-the-peak-in-percent", within=5),
        case("change 90%", "0 100 20", True, "a-change-from-zero-in-percent", within=5),
        case("change 60%", "100 80 90", False, "a-small-change-in-percent", within=5),
        case("drop 20%", "50 100 85 80", True, "percent-of-the-peak", within=5),
        case("rise 20%", "100 50 60", True, "percent-of-the-trough", within=5),
        case("drop 20%", "-100 -50 -60", True, "percent-of-the-least-debt", within=5),
    ],
)
def test_within_a_window(of: Delta, story: Mapping[float, str], broken: bool) -> None:
    assert isinstance(said(of, story), Breached) is broken


@pytest.mark.parametrize("direction", ["drop", "rise", "change"])
def test_a_window_shorter_than_the_gap_compares_with_the_last_known(direction: str) -> None:
    """The reading before the window tells what held at its start, however old it is."""
    now = "50" if direction != "rise" else "150"
    assert isinstance(said(rule(f"{direction} 50%", within=15), {0: "100", 600: now}), Breached)


def test_a_reading_before_the_one_that_held_at_the_start_does_not_count() -> None:
    """Of the readings before the window only the last one does."""
    assert isinstance(said(rule("drop 50%", within=15), {0: "1000", 30: "100", 60: "90"}), Ok)


@pytest.mark.parametrize("within", [None, 15.0])
def test_the_first_reading_has_nothing_to_be_compared_with(within: float | None) -> None:
    """Unknown, not ok: it resolves nothing."""
    verdict = said(rule("drop 1", within), {0: "100"})
    assert verdict == Unknown("no earlier reading to compare with")


def test_a_failed_poll_is_no_change() -> None:
    """Between two readings nothing is said."""
    known = view(*readings({0: "100", 1: "1"}))
    verdict = rule("drop 1").judge(known, read=False, firing=Severity.WARNING, now=START + minutes(2))
    assert verdict == Unknown("no reading")


def test_a_missing_locked_is_unknown() -> None:
    """Not a fall to nothing."""
    history = reading("5", locked="3"), reading("5", START + minutes(1))
    verdict = rule("drop 1", field="locked").judge(view(*history), read=True, firing=None, now=START)
    assert verdict == Unknown("the service does not report locked")


def test_readings_without_the_field_are_skipped() -> None:
    """The reading before is the last one that told it."""
    history = (
        reading("5", locked="3"),
        reading("5", START + minutes(1)),
        reading("5", START + minutes(2), locked="2"),
    )
    verdict = rule("drop 1", field="locked").judge(view(*history), read=True, firing=None, now=START)
    assert isinstance(verdict, Breached)


# Reasons


def test_a_breach_says_the_numbers_and_from_when() -> None:
    """What it is, how far it moved, from what and when, and what was expected."""
    assert said(rule("drop 20%", within=15), {0: "100.00", 15: "75.50"}) == Breached(
        "available 75.50, -24.50 (-24.50 %) from 100.00 at 2026-02-01 14:30:00 UTC",
        "a drop of less than 20% within 15m",
    )


def test_without_a_window_it_is_since_the_reading_before() -> None:
    """And amounts have no percent sign."""
    verdict = said(rule("rise 250"), {0: "100", 1: "350"})
    assert verdict == Breached(
        "available 350, +250 (+250.00 %) from 100 at 2026-02-01 14:30:00 UTC",
        "a rise of less than 250 since the reading before",
    )


def test_a_change_from_zero_has_no_percentage() -> None:
    """Nor has it an error."""
    verdict = said(rule("rise 5%"), {0: "0", 1: "3"})
    assert verdict == Breached(
        "available 3, +3 from 0 at 2026-02-01 14:30:00 UTC", "a rise of less than 5% since the reading before"
    )


def test_a_window_only_partly_known_says_so() -> None:
    """The first readings are judged, and how far they reach is told."""
    verdict = said(rule("drop 20%", within=15), {0: "100", 5: "75"})
    assert isinstance(verdict, Breached)
    assert verdict.reason.endswith(", only 5m known")


@pytest.mark.parametrize("first", [0.0, -30.0])
def test_a_window_known_as_a_whole_says_nothing_of_it(first: float) -> None:
    """A reading at its start, or before, is enough to know it."""
    verdict = said(rule("drop 20%", within=15), {first: "100", 15: "75"})
    assert "known" not in verdict.reason


def test_the_latest_of_equal_peaks_is_the_start() -> None:
    """The fall began after the last reading at the peak."""
    verdict = said(rule("drop 20", within=15), {0: "100", 5: "100", 10: "70"})
    assert "from 100 at 2026-02-01 14:35:00 UTC" in verdict.reason


def test_an_ok_says_how_far_it_moved() -> None:
    """A resolve's reason is as good as a firing's."""
    verdict = said(rule("drop 20"), {0: "100", 1: "101.5"})
    assert verdict == Ok("available 101.5, +1.5 (+1.50 %) from 100 at 2026-02-01 14:30:00 UTC")


# Every digit

amounts = st.decimals(allow_nan=False, allow_infinity=False, places=20, min_value=-(10**20), max_value=10**20)


@given(amounts, amounts, st.decimals(min_value="0.0001", max_value=1000, places=4))
@settings(max_examples=80, deadline=None)
def test_a_percentage_is_compared_exactly(before: Decimal, after: Decimal, limit: Decimal) -> None:
    """As fractions have it, whatever the precision of the thread's decimal context."""
    with localcontext() as context:
        context.prec = 3
        verdict = said(rule(f"drop {limit}%"), {0: str(before), 1: str(after)})
    fall = Fraction(before) - Fraction(after)
    assert isinstance(verdict, Breached) is (
        fall > 0 and fall * 100 >= Fraction(limit) * abs(Fraction(before))
    )


@given(
    st.lists(st.integers(-20, 100), min_size=2, max_size=5),
    st.sampled_from(["5", "60", "10%", "60%", "90%", "200%"]),
)
@settings(max_examples=200, deadline=None)
def test_a_change_is_a_drop_or_a_rise(values: list[int], limit: str) -> None:
    """A rule about change says what two rules, about drop and rise, say between them."""
    story = {float(number): str(value) for number, value in enumerate(values)}
    drop, rise, change = (
        isinstance(said(rule(f"{direction} {limit}", within=60), story), Breached)
        for direction in ("drop", "rise", "change")
    )
    assert change is (drop or rise)


def test_40_digits_and_the_last_one_moved() -> None:
    """A float would call it no change at all, the default decimal context too."""
    before, after = "1234567890123456789012345678901234567891", "1234567890123456789012345678901234567890"
    assert isinstance(said(rule("drop 1"), {0: before, 1: after}), Breached)
    assert isinstance(said(rule("drop 1.0000000000000001"), {0: before, 1: after}), Ok)
