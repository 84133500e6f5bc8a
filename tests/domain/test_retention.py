"""When old data may be deleted: each kind of evidence for or against this machine's clock."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from monitor.domain.retention import ClockEvidence

NOW = datetime(2026, 2, 1, 14, 30, tzinfo=UTC)
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
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
            "later than all that was stored before",
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
        pytest.param(
            AFTER_A_MONTH, "later than all that was stored before", id="a-jump-that-nobody-confirms"
        ),
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
    assert replace(FINE, running=running).has_settled is settled
