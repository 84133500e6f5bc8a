"""This machine's clock: when old data may be deleted by it, and which of two clocks that differ was right."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from monitor.domain.clock import ClockEvidence, ClockMark

NOW = datetime(2026, 2, 1, 14, 30, tzinfo=UTC)
SECOND, MINUTE, HOUR, DAY = (timedelta(**{unit: 1}) for unit in ("seconds", "minutes", "hours", "days"))
FINE = ClockEvidence(
    now=NOW,
    started_at=NOW - HOUR,
    running=HOUR,
    newest=NOW - MINUTE,
    newest_before=NOW - HOUR - MINUTE,
    differences=(timedelta(seconds=1),),
)
ALONE = replace(FINE, differences=())
AFTER_A_MONTH = replace(ALONE, newest_before=NOW - HOUR - 30 * DAY)


@pytest.mark.parametrize(
    ("evidence", "doubt"),
    [
        pytest.param(FINE, "", id="all-agree"),
        pytest.param(
            replace(FINE, newest=NOW + 200 * DAY), "", id="services-outweigh-what-a-wrong-clock-left"
        ),
        pytest.param(
            replace(
                ALONE,
                running=DAY,
                started_at=NOW - DAY,
                newest=NOW - 31 * DAY,
                newest_before=NOW - 31 * DAY,
            ),
            "later than the newest reading before",
            id="a-jump-that-lasts-without-a-reading",
        ),
        pytest.param(ALONE, "", id="no-service-says-what-time-it-is"),
        pytest.param(replace(ALONE, newest=None, newest_before=None), "", id="a-new-store"),
        pytest.param(
            replace(FINE, differences=(-200 * DAY,)),
            "200d ahead of a service's",
            id="200-days-ahead-of-a-service",
        ),
        pytest.param(
            replace(FINE, differences=(MINUTE, 30 * DAY)),
            "30d behind a service's",
            id="30-days-behind-one-of-two",
        ),
        pytest.param(
            replace(ALONE, newest_before=NOW + 30 * DAY), "30d ahead of this machine's", id="store-is-ahead"
        ),
        pytest.param(
            replace(ALONE, newest=NOW + 30 * DAY), "30d ahead of this machine's", id="a-reading-is-ahead"
        ),
        pytest.param(replace(ALONE, newest=NOW + 4 * MINUTE), "", id="a-small-correction"),
        pytest.param(AFTER_A_MONTH, "later than the newest reading before", id="a-jump-that-nobody-confirms"),
        pytest.param(replace(AFTER_A_MONTH, differences=(MINUTE,)), "", id="a-jump-that-a-service-confirms"),
        pytest.param(
            replace(AFTER_A_MONTH, running=DAY, started_at=NOW - DAY, newest_before=NOW - 31 * DAY),
            "",
            id="a-jump-that-lasts",
        ),
        pytest.param(replace(ALONE, newest_before=NOW - HOUR - DAY), "", id="down-for-a-day"),
    ],
)
def test_doubt(evidence: ClockEvidence, doubt: str) -> None:
    """Which contradiction is named, if there is one."""
    found = evidence.doubt()
    assert doubt in found
    assert bool(doubt) == bool(found)


@pytest.mark.parametrize(("running", "settled"), [(9 * MINUTE, False), (10 * MINUTE, True)])
def test_a_start_of_a_few_minutes_decides_nothing(running: timedelta, settled: bool) -> None:
    assert replace(FINE, running=running).has_run_long_enough is settled


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
