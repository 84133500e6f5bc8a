"""Which of two clocks that differ was right: what the services' clocks say of it."""

from datetime import UTC, datetime, timedelta

import pytest

from monitor.domain.clock import ClockMark

NOW = datetime(2026, 2, 1, 14, 30, tzinfo=UTC)
SECOND, MINUTE, HOUR, DAY = (timedelta(**{unit: 1}) for unit in ("seconds", "minutes", "hours", "days"))


@pytest.mark.parametrize(
    ("ahead", "differences", "confirmed"),
    [
        pytest.param(30 * DAY, (SECOND,), True, id="a-service-agrees"),
        pytest.param(30 * DAY, (SECOND, -MINUTE), True, id="all-services-agree"),
        pytest.param(30 * DAY, (), False, id="no-service-says"),
        pytest.param(30 * DAY, (30 * DAY,), False, id="a-service-says-that-the-earlier-clock-was-right"),
        pytest.param(30 * DAY, (SECOND, 30 * DAY), False, id="services-contradict-each-other"),
        pytest.param(30 * DAY, (2 * HOUR,), False, id="a-service-agrees-with-neither"),
        pytest.param(HOUR, (29 * MINUTE,), True, id="nearer-to-the-present-clock"),
        pytest.param(HOUR, (31 * MINUTE,), False, id="nearer-to-the-earlier-clock"),
        pytest.param(2 * SECOND, (SECOND,), False, id="a-date-header-is-no-finer-than-that"),
    ],
)
def test_confirmed(ahead: timedelta, differences: tuple[timedelta, ...], confirmed: bool) -> None:
    """Whether the present clock is right, and the one before was ahead."""
    mark = ClockMark(set_back_at=NOW, ahead_until=NOW + ahead)
    assert mark.is_confirmed(differences) is confirmed


def test_nothing_is_confirmed_where_nothing_was_noticed() -> None:
    assert not ClockMark().is_confirmed((SECOND,))


@pytest.mark.parametrize(("later", "over"), [(-SECOND, False), (0 * SECOND, True), (SECOND, True)])
def test_over(later: timedelta, over: bool) -> None:
    """Once the clock has come to what lay furthest ahead."""
    assert ClockMark(set_back_at=NOW, ahead_until=NOW + HOUR).is_over(NOW + HOUR + later) is over
