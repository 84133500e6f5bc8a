"""Schedules that rest, at weekends, at night or between two dates: time without a run makes nothing stale."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.domain.rules import Breached, Stale, Unknown
from monitor.domain.schedule import Cron, Every, next_run, passed_at, shortest_gap
from tests.domain.support import reading, view

MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
ZONES = {zone: ZoneInfo(zone) for zone in ("UTC", "Europe/Berlin", "Asia/Ho_Chi_Minh")}
WORKDAYS = "* * * * mon-fri"


def cron(expression: str, zone: str = "UTC") -> Cron:
    return Cron(expression=expression, timezone=ZONES[zone])


def instant(text: str) -> datetime:
    """2026-01-02 is a Friday."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def _row(expression: str, since: str, after: timedelta, stale: str, *, zone: str = "UTC", id: str) -> object:
    return pytest.param(cron(expression, zone), instant(since), after, instant(stale), id=id)


@pytest.mark.parametrize(
    ("schedule", "since", "after", "stale"),
    [
        pytest.param(
            Every(interval=5 * MINUTE),
            instant("2026-01-02T23:59"),
            10 * MINUTE,
            instant("2026-01-03T00:09"),
            id="an-interval-never-rests",
        ),
        _row(WORKDAYS, "2026-01-01T12:00", 3 * MINUTE, "2026-01-01T12:03", id="a-workday"),
        _row(WORKDAYS, "2026-01-02T23:59", 3 * MINUTE, "2026-01-05T00:02", id="a-weekend"),
        _row(
            WORKDAYS, "2026-01-02T23:57", 3 * MINUTE, "2026-01-03T00:00", id="runs-failed-before-the-weekend"
        ),
        _row(WORKDAYS, "2026-01-03T12:00", 3 * MINUTE, "2026-01-05T00:03", id="watched-since-a-saturday"),
        _row(WORKDAYS, "2026-01-03T00:00:20", 3 * MINUTE, "2026-01-05T00:03", id="read-late-on-friday"),
        _row(
            WORKDAYS,
            "2026-01-02T22:59",
            3 * MINUTE,
            "2026-01-04T23:02",
            zone="Europe/Berlin",
            id="a-weekend-by-the-clocks-of-its-zone",
        ),
        _row("0 9 * * mon-fri", "2026-01-02T09:00", 25 * HOUR, "2026-01-05T10:00", id="once-each-workday"),
        _row(
            "0 9 * * mon-fri",
            "2026-01-02T09:10",
            25 * HOUR,
            "2026-01-05T10:10",
            id="an-account-whose-turn-comes-ten-minutes-later",
        ),
        _row(
            "0 9 * * mon-fri", "2026-01-02T09:00", 73 * HOUR, "2026-01-05T10:00", id="longer-than-the-weekend"
        ),
        _row("*/5 8-18 * * *", "2026-01-01T18:55", 15 * MINUTE, "2026-01-02T08:10", id="a-night"),
        _row("0,5 9 * * *", "2026-01-01T09:05", 25 * HOUR, "2026-01-02T10:05", id="a-day-is-no-rest-for-25h"),
        _row("0 9 1 * *", "2026-01-01T09:00", 30 * DAY + HOUR, "2026-02-01T10:00", id="a-long-month"),
        _row("0 9 1 jan,jul *", "2026-01-01T09:00", 182 * DAY, "2026-07-02T09:00", id="two-months-a-year"),
        _row("0 9 1 * mon", "2026-01-05T09:00", 5 * DAY, "2026-01-13T09:00", id="one-of-day-and-weekday"),
        _row(
            "0 9 * * *",
            "2026-10-24T07:00",
            24 * HOUR + 30 * MINUTE,
            "2026-10-25T08:30",
            zone="Europe/Berlin",
            id="the-day-of-25-hours",
        ),
        _row(
            "0 9 * * *",
            "2026-03-28T08:00",
            24 * HOUR + 30 * MINUTE,
            "2026-03-29T08:30",
            zone="Europe/Berlin",
            id="the-day-of-23-hours",
        ),
        _row("0 0 29 2 *", "2028-02-29T00:00", 30 * DAY, "2032-03-30T00:00", id="less-than-every-gap"),
    ],
)
def test_when_a_series_is_stale(
    schedule: Cron | Every, since: datetime, after: timedelta, stale: datetime
) -> None:
    """`after` since the last reading, the schedule's rest left out."""
    assert passed_at(schedule, since, after) == stale


@pytest.mark.parametrize(
    ("now", "expected"),
    [("2026-01-03T00:02", Unknown), ("2026-01-05T00:01:59", Unknown), ("2026-01-05T00:02", Breached)],
)
@pytest.mark.parametrize("known", ["last-read", "never-read"])
def test_a_stale_rule_waits_for_monday(known: str, now: str, expected: type[object]) -> None:
    friday = instant("2026-01-02T23:59")
    series = view(reading("5", friday)) if known == "last-read" else view(watched_since=friday)
    rule = Stale(name="old", after=3 * MINUTE)
    verdict = rule.judge(series, read=False, firing=None, now=instant(now), schedule=cron(WORKDAYS))
    assert isinstance(verdict, expected)


def test_the_reason_says_how_long_the_schedule_rested() -> None:
    """Or two days would look like a bug, where a reading is expected every three minutes."""
    friday, monday = instant("2026-01-02T23:59"), instant("2026-01-05T00:03")
    rule = Stale(name="old", after=3 * MINUTE)
    series = view(reading("5", friday))
    verdict = rule.judge(series, read=False, firing=None, now=monday, schedule=cron(WORKDAYS))
    assert verdict == Breached(
        "last read 2026-01-02 23:59:00 UTC, 2d 4m ago, 2d of it without a scheduled run",
        "a reading at least every 3m",
    )


def test_by_the_wallets_clock_a_weekend_counts() -> None:
    """The wallet changes or does not, whenever it is polled."""
    friday, monday = instant("2026-01-02T23:00"), instant("2026-01-05T00:00")
    rule = Stale(name="frozen", after=DAY, clock="provider")
    series = view(reading("5", monday, updated_at=friday))
    verdict = rule.judge(series, read=True, firing=None, now=monday, schedule=cron(WORKDAYS))
    assert isinstance(verdict, Breached)


EXPRESSIONS = [
    "* * * * mon-fri",
    "*/7 8-18 * * 1-5",
    "0 9 * * mon",
    "30 2 * * *",
    "0 0,12 1,15 * *",
    "0 9 1 3,9 *",
]


@given(
    expression=st.sampled_from(EXPRESSIONS),
    zone=st.sampled_from(sorted(ZONES)),
    since=st.datetimes(datetime(2026, 1, 1), datetime(2028, 12, 31), timezones=st.just(UTC)),  # noqa: DTZ001
    later=st.timedeltas(timedelta(0), 3 * DAY),
    over=st.timedeltas(timedelta(microseconds=1), 40 * DAY),
)
def test_nothing_is_stale_before_a_run_could_have_read_it(
    expression: str, zone: str, since: datetime, later: timedelta, over: timedelta
) -> None:
    """Never before `after`, nor before the next run; and what was read later is stale no earlier."""
    schedule = cron(expression, zone)
    after = shortest_gap(schedule) + over
    stale = passed_at(schedule, since, after)
    run = next_run(schedule.fields, schedule.timezone, since)
    assert run is not None
    assert stale >= since + after
    assert stale > run
    assert passed_at(schedule, since + later, after) >= stale
