"""When cron expressions run by clocks that are set twice a year: nothing is skipped, nothing doubled."""

from datetime import UTC, datetime, timedelta
from itertools import islice, pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.domain.schedule import next_run, parse

BERLIN = ZoneInfo("Europe/Berlin")
SPRING = datetime(2026, 3, 28, 23, tzinfo=UTC)
"""Midnight: two hours later the clocks of Berlin go from 2:00 to 3:00."""
AUTUMN = datetime(2026, 10, 24, 22, tzinfo=UTC)
"""Midnight: three hours later they go from 3:00 back to 2:00."""


def runs(expression: str, zone: ZoneInfo, after: datetime, count: int) -> list[datetime]:
    """The next runs after an instant, in UTC."""
    found: list[datetime] = []
    while len(found) < count:
        at = next_run(parse(expression), zone, found[-1] if found else after)
        assert at is not None
        found.append(at)
    return found


@pytest.mark.parametrize(
    ("night", "expression", "expected"),
    [
        (SPRING, "30 * * * *", ["23:30", "00:30", "01:30", "02:30"]),
        (AUTUMN, "30 * * * *", ["22:30", "23:30", "00:30", "01:30", "02:30"]),
        (SPRING, "*/20 1,2 * * *", ["00:00", "00:20", "00:40", "01:00", "01:20", "01:40", "23:00"]),
        (SPRING, "30 2 * * *", ["01:30", "00:30"]),
        (AUTUMN, "30 2 * * *", ["00:30", "01:30"]),
        (SPRING, "0 2 * * *", ["01:00", "00:00"]),
        (AUTUMN, "0 2 * * *", ["00:00", "01:00"]),
        (SPRING, "30 2,3 * * *", ["01:30", "00:30", "01:30"]),
        (AUTUMN, "30 2,3 * * *", ["00:30", "02:30", "01:30", "02:30"]),
        (SPRING, "0 3 * * *", ["01:00", "01:00"]),
        (AUTUMN, "0 3 * * *", ["02:00", "02:00"]),
        (SPRING, "0 */2 * * *", ["01:00", "02:00", "04:00"]),
        (AUTUMN, "0 */2 * * *", ["00:00", "03:00", "05:00"]),
    ],
    ids=lambda value: "" if isinstance(value, list) else value if isinstance(value, str) else f"{value:%b}",
)
def test_the_nights_on_which_the_clocks_are_set(
    night: datetime, expression: str, expected: list[str]
) -> None:
    """What runs each hour goes on each hour. A time that there is not comes an hour later, one there is twice once."""
    assert [f"{at:%H:%M}" for at in runs(expression, BERLIN, night, len(expected))] == expected


def test_clocks_that_are_set_by_half_an_hour() -> None:
    """Lord Howe Island: 2:00 becomes 1:30 again."""
    midnight = datetime(2026, 4, 4, 13, tzinfo=UTC)
    found = runs("*/30 * * * *", ZoneInfo("Australia/Lord_Howe"), midnight, 6)
    assert {later - earlier for earlier, later in pairwise(found)} == {timedelta(minutes=30)}


def test_a_date_that_hardly_ever_comes_is_found() -> None:
    """The 29th of February."""
    assert runs("0 0 29 2 *", ZoneInfo("UTC"), datetime(2096, 3, 1, tzinfo=UTC), 1) == [
        datetime(2104, 2, 29, tzinfo=UTC)
    ]


def test_the_end_of_time_is_no_error() -> None:
    """No run after the last day that can be told."""
    assert next_run(parse("0 0 * * *"), ZoneInfo("UTC"), datetime(9999, 12, 31, 12, tzinfo=UTC)) is None


ZONES = st.sampled_from(
    [ZoneInfo(name) for name in ("UTC", "Europe/Berlin", "America/St_Johns", "Asia/Kolkata", "Africa/Cairo")]
)
MINUTES = st.lists(st.integers(0, 59), min_size=1, max_size=4, unique=True)


@given(ZONES, MINUTES, st.datetimes(datetime(2024, 1, 1), datetime(2027, 1, 1)))  # noqa: DTZ001 -- made aware below
def test_what_runs_each_hour_runs_whenever_its_minute_is_shown(
    zone: ZoneInfo, minutes: list[int], start: datetime
) -> None:
    """Twice where the clocks show an hour twice: held against every minute there is."""
    after = start.replace(tzinfo=UTC)
    expression = f"{','.join(map(str, minutes))} * * * *"
    first = after.replace(second=0, microsecond=0)
    every = (first + timedelta(minutes=number) for number in range(1, 60 * 6))
    expected = list(islice((at for at in every if at.astimezone(zone).minute in minutes), 3))
    assert runs(expression, zone, after, len(expected)) == expected


@given(ZONES, MINUTES, st.integers(0, 23), st.datetimes(datetime(2024, 1, 1), datetime(2027, 1, 1)))  # noqa: DTZ001
def test_what_runs_at_one_hour_runs_as_often_as_there_are_days(
    zone: ZoneInfo, minutes: list[int], hour: int, start: datetime
) -> None:
    """Each minute of the hour once a day, 23 to 25 hours apart but for the nights on which the clocks are set."""
    expression = f"{','.join(map(str, minutes))} {hour} * * *"
    found = runs(expression, zone, start.replace(tzinfo=UTC), 3 * len(minutes) + 1)
    assert all(earlier < later for earlier, later in pairwise(found))
    assert timedelta(days=3, hours=-2) < found[-1] - found[0] < timedelta(days=3, hours=2)
