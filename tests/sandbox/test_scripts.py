"""Scripts as tables: what stands in a wallet at which second, and when it last moved."""

from datetime import timedelta
from decimal import Decimal
from itertools import pairwise

import pytest

from monitor.sandbox import Script, parse_script


def at(script: Script, seconds: float) -> tuple[str, float | None]:
    """The digits and, in seconds, the time of the last move."""
    level = script(timedelta(seconds=seconds))
    return str(level.amount), None if level.moved is None else level.moved.total_seconds()


@pytest.mark.parametrize(
    ("text", "seconds", "expected"),
    [
        pytest.param("constant 1009.8500524310101", 99, ("1009.8500524310101", None), id="constant-stays"),
        pytest.param("drain 1000 to 50 over 20s", 0, ("1000", None), id="drain-begins-with-its-own-digits"),
        pytest.param("drain 1000 to 50 over 20s", 0.9, ("1000", None), id="drain-has-not-moved-yet"),
        pytest.param("drain 1000 to 50 over 20s", 1.9, ("952.50", 1), id="drain-moves-each-second"),
        pytest.param(
            "drain 1000 to 50 over 20s every 5s", 14, ("525.00", 10), id="drain-moves-each-interval"
        ),
        pytest.param("drain 1 to 0.5 over 3s", 1, ("0.83", 1), id="drain-rounds"),
        pytest.param("drain 1000 to 50 over 20s", 25, ("50", 20), id="drain-ends"),
        pytest.param("drain 10 to 0 over 3s every 2s", 3, ("0", 3), id="drain-ends-between-moves"),
        pytest.param("top-up 50 by 1000.10 at 12s", 11.9, ("50", None), id="before-the-top-up"),
        pytest.param("top-up 50 by 1000.10 at 12s", 12, ("1050.10", 12), id="from-the-top-up-on"),
        pytest.param("steps 0s=1000 5s=400 20s=1500", 19, ("400", 5), id="steps"),
        pytest.param("steps 0s=1000 500ms=400 1m=1500", 61, ("1500", 60), id="steps-end"),
        pytest.param(
            "constant 9 for 5s then drain 9 to 1 over 8s", 5.5, ("9", None), id="no-move-between-equals"
        ),
        pytest.param(
            "constant 9 for 5s then drain 9 to 1 over 8s", 7, ("7.00", 7), id="second-segment-moves"
        ),
        pytest.param("constant 9 for 5s then constant 4", 6, ("4", 5), id="a-new-segment-is-a-move"),
        pytest.param(
            "drain 9 to 1 over 8s then constant 1 for 4s then constant 5",
            11,
            ("1", 8),
            id="drain-lasts-its-over",
        ),
        pytest.param(
            "drain 9 to 1 over 8s for 9s then constant 5 for 1s then constant 6",
            10,
            ("6", 10),
            id="three-segments",
        ),
    ],
)
def test_script(text: str, seconds: float, expected: tuple[str, float | None]) -> None:
    """The notation says what a wallet holds at a time, to the digit."""
    assert at(parse_script(text), seconds) == expected


def test_walk_is_the_same_whenever_one_looks() -> None:
    """A walk depends on its seed and the time only, not on what was asked before."""
    text = "walk 1000 step 5 seed 7"
    one_by_one = parse_script(text)
    levels = [at(one_by_one, second) for second in range(200)]
    assert levels == [at(parse_script(text), second) for second in range(200)]


def test_walks_with_other_seeds_differ() -> None:
    """The seed decides."""
    first, second = (parse_script(f"walk 1000 step 5 seed {seed}") for seed in (7, 8))
    assert [at(first, t) for t in range(9)] != [at(second, t) for t in range(9)]


def test_walk_takes_steps_of_at_most_the_given_size() -> None:
    """Each move is at most `step`, in units of the last decimal."""
    script = parse_script("walk 1000 step 0.005 seed 7 decimals 3")
    amounts = [script(timedelta(seconds=second)).amount for second in range(200)]
    moves = {after - before for before, after in pairwise(amounts)}
    assert moves == {Decimal(units) / 1000 for units in range(-5, 6)}


def test_walk_stays_above_zero() -> None:
    """A wallet holds nothing at worst."""
    script = parse_script("walk 1 step 5 seed 7")
    amounts = [script(timedelta(seconds=second)).amount for second in range(200)]
    assert min(amounts) == 0


def test_walk_reports_the_last_real_move() -> None:
    """A move by nothing leaves the time of the last move as it was."""
    script = parse_script("walk 1 step 0.01 seed 7")
    levels = [script(timedelta(seconds=second)) for second in range(200)]
    for before, after in pairwise(levels):
        assert (before.amount == after.amount) == (before.moved == after.moved)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("", "expected one of `constant AMOUNT`", id="nothing"),
        pytest.param("rise 1 to 2", "expected one of `constant AMOUNT`", id="unknown"),
        pytest.param(
            "drain 1000 over 5s", r"expected `drain AMOUNT to AMOUNT over DURATION", id="incomplete"
        ),
        pytest.param("constant 1e3", "expected `constant AMOUNT", id="exponent"),
        pytest.param("constant NaN", "expected `constant AMOUNT", id="not-a-number"),
        pytest.param("drain 9 to 1 over 5", "expected a duration such as `200ms`", id="no-unit"),
        pytest.param("drain 9 to 1 over 0s", "drain: expected durations above zero", id="no-time"),
        pytest.param("steps 5s=1", "expected times that ascend from 0s", id="late-beginning"),
        pytest.param("steps 0s=1 5s=2 5s=3", "expected times that ascend from 0s", id="no-ascent"),
        pytest.param(
            "walk 1 step 0.001 seed 7", "expected a step of at least 0.01", id="step-below-the-unit"
        ),
        pytest.param("constant 9 then constant 4", "'constant 9' needs a duration", id="no-length"),
    ],
)
def test_mistakes_are_explained(text: str, expected: str) -> None:
    """An error of notation says what was expected."""
    with pytest.raises(ValueError, match=expected):
        parse_script(text)
