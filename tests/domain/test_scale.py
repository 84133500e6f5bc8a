"""What is written beside an axis is what its ticks stand for."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.domain.scale import drawable, ticks, widened


@pytest.mark.parametrize(
    ("low", "high", "labels"),
    [
        pytest.param(
            0, 1000, ["0", "200", "400", "600", "800", "1,000"], id="whole amounts have no decimals"
        ),
        pytest.param(
            0, 1, ["0.0", "0.2", "0.4", "0.6", "0.8", "1.0"], id="as many decimals as the step needs"
        ),
        pytest.param(
            999999999.5,
            1000000000.5,
            ["999,999,999.6", "999,999,999.8", "1,000,000,000.0", "1,000,000,000.2", "1,000,000,000.4"],
            id="a billion and a half",
        ),
        pytest.param(-3, 3, ["-2", "0", "2"], id="zero has no sign"),
        pytest.param(-0.3, 0.25, ["-0.2", "0.0", "0.2"], id="zero between fractions neither"),
        pytest.param(0.9e-9, 2.1e-9, ["0.0000000010", "0.0000000015", "0.0000000020"], id="tiny amounts"),
        pytest.param(
            1e29,
            1.9e29,
            ["1.0e+29", "1.2e+29", "1.4e+29", "1.6e+29", "1.8e+29"],
            id="amounts too long to be written out",
        ),
        pytest.param(0, 5.2e-20, ["0", "2e-20", "4e-20"], id="and too small"),
    ],
)
def test_a_label_has_the_digits_that_distinguish_it_from_the_next(
    low: float, high: float, labels: list[str]
) -> None:
    """No more, and never fewer."""
    assert [label for _, label in ticks(low, high, 5)] == labels


AMOUNTS = st.floats(min_value=-1e300, max_value=1e300)


@given(AMOUNTS, AMOUNTS)
def test_no_label_lies(one: float, other: float) -> None:
    """Different ticks have different places and labels, each label is its tick's amount, and one is there at least."""
    low, high = widened(min(one, other), max(one, other))
    found = ticks(low, high, 5)
    assert 1 <= len(found) <= 6
    assert len({at for at, _ in found}) == len({label for _, label in found}) == len(found)
    assert [float(Decimal(label.replace(",", ""))) for _, label in found] == [at for at, _ in found]
    assert "-0" not in {label for _, label in found}


@pytest.mark.parametrize("amount", [0.0, 1.0, -26058942.333333325, 1e300])
def test_values_that_are_equal_as_floats_are_not_spread_over_an_axis(amount: float) -> None:
    """Two amounts a float's last digit apart are drawn at one height."""
    low, high = widened(amount, amount)
    assert low < amount < high


@pytest.mark.parametrize(
    ("amount", "value"),
    [
        pytest.param("0.10", 0.1, id="the nearest float"),
        pytest.param("9" * 400, 1e300, id="the farthest beyond all"),
        pytest.param("-" + "9" * 400, -1e300, id="below zero too"),
        pytest.param("0." + "0" * 400 + "1", 0.0, id="and zero for next to nothing"),
        pytest.param(float("-inf"), -1e300, id="infinity is not in JSON"),
    ],
)
def test_what_is_drawn_is_far_from_infinity(amount: str | float, value: float) -> None:
    """Spans and margins are computed of it."""
    assert drawable(amount) == value
