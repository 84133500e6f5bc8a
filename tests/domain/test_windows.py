"""Windows of maintenance and quiet hours, by the clocks of a time zone, also in the nights that change them."""

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.domain.schedule import Cron
from monitor.domain.windows import OneOff, QuietHours, Recurring, Window

BERLIN = ZoneInfo("Europe/Berlin")
SAIGON = ZoneInfo("Asia/Ho_Chi_Minh")
SECOND = timedelta(seconds=1)


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


# One-off

NIGHT = OneOff.by_the_clocks(
    datetime.fromisoformat("2026-12-01T02:00"), datetime.fromisoformat("2026-12-01T05:00"), SAIGON
)


@pytest.mark.parametrize(
    ("at", "within"),
    [
        pytest.param("2026-11-30T18:59:59", False, id="a-second-before"),
        pytest.param("2026-11-30T19:00:00", True, id="from-its-first-second"),
        pytest.param("2026-11-30T21:59:59", True, id="to-its-last"),
        pytest.param("2026-11-30T22:00:00", False, id="and-no-longer"),
        pytest.param("2026-12-01T19:00:00", False, id="once"),
    ],
)
def test_a_one_off_window_is_by_the_clocks_of_its_zone(at: str, within: bool) -> None:
    assert NIGHT.covers(utc(at)) is within


# Recurring


def recurring(cron: str, hours: float, zone: ZoneInfo = BERLIN) -> Recurring:
    return Recurring(cron=Cron(expression=cron, timezone=zone), lasts=timedelta(hours=hours))


@pytest.mark.parametrize(
    ("cron", "hours", "zone", "at", "within"),
    [
        pytest.param("0 2 * * sun", 2, BERLIN, "2026-02-01T00:59:59", False, id="not-before"),
        pytest.param("0 2 * * sun", 2, BERLIN, "2026-02-01T01:00:00", True, id="from-its-start"),
        pytest.param("0 2 * * sun", 2, BERLIN, "2026-02-01T02:59:59", True, id="to-its-end"),
        pytest.param("0 2 * * sun", 2, BERLIN, "2026-02-01T03:00:00", False, id="and-no-longer"),
        pytest.param("0 2 * * sun", 2, BERLIN, "2026-02-08T01:30:00", True, id="every-week"),
        pytest.param("0 2 * * sun", 2, BERLIN, "2026-02-02T01:30:00", False, id="on-its-weekday-alone"),
        pytest.param("0 2 * * sun", 2, SAIGON, "2026-01-31T19:30:00", True, id="which-is-its-zones-weekday"),
        pytest.param("0 23 * * *", 2, BERLIN, "2026-02-01T23:30:00", True, id="over-midnight"),
        pytest.param("0 23 * * sat", 2, BERLIN, "2026-01-31T23:30:00", True, id="into-the-next-day"),
        pytest.param("0 23 * * sat", 2, BERLIN, "2026-02-01T23:30:00", False, id="not-from-the-next-day"),
        pytest.param("0 12 * * mon", 72, BERLIN, "2026-02-05T10:59:59", True, id="for-days"),
        pytest.param("0 12 * * mon", 72, BERLIN, "2026-02-05T11:00:00", False, id="and-then-over"),
        pytest.param("*/30 * * * *", 0.25, BERLIN, "2026-02-01T10:44:59", True, id="twice-an-hour"),
        pytest.param("*/30 * * * *", 0.25, BERLIN, "2026-02-01T10:45:00", False, id="and-not-between"),
        pytest.param("0 0 29 feb *", 24, BERLIN, "2028-02-29T12:00:00", True, id="on-a-leap-day"),
        # 29 March 2026: at 02:00 the clocks of Berlin are put forward to 03:00
        pytest.param(
            "30 2 * * *", 1, BERLIN, "2026-03-29T01:29:59", False, id="a-start-left-out-is-not-early"
        ),
        pytest.param(
            "30 2 * * *", 1, BERLIN, "2026-03-29T01:30:00", True, id="but-an-hour-later-by-the-clocks"
        ),
        pytest.param(
            "30 1 * * *", 2, BERLIN, "2026-03-29T02:29:59", True, id="a-short-night-takes-no-time-away"
        ),
        # 25 October 2026: at 03:00 they are put back to 02:00
        pytest.param(
            "30 2 * * *", 1, BERLIN, "2026-10-25T00:30:00", True, id="a-start-that-comes-twice-is-the-first"
        ),
        pytest.param("30 2 * * *", 1, BERLIN, "2026-10-25T01:30:00", False, id="and-not-the-second"),
        pytest.param(
            "30 1 * * *", 2, BERLIN, "2026-10-25T01:30:00", False, id="a-long-night-gives-no-time-more"
        ),
    ],
)
def test_a_recurring_window(cron: str, hours: float, zone: ZoneInfo, at: str, within: bool) -> None:
    assert recurring(cron, hours, zone).covers(utc(at)) is within


@given(
    st.datetimes(datetime(2026, 1, 1), datetime(2027, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001 -- with a zone
    st.integers(0, 23),
    st.integers(0, 59),
    st.integers(1, 30),
)
def test_a_daily_window_covers_what_lies_so_long_after_a_start(
    at: datetime, hour: int, minute: int, hours: int
) -> None:
    """Counted by hand, in a zone whose clocks are never changed."""
    starts = [datetime(2025, 12, 29, hour, minute, tzinfo=UTC) + timedelta(days=day) for day in range(370)]
    expected = any(start <= at < start + timedelta(hours=hours) for start in starts)
    assert recurring(f"{minute} {hour} * * *", hours, ZoneInfo("UTC")).covers(at) is expected


# Quiet hours


def quiet(
    begins: str, ends: str, zone: ZoneInfo = BERLIN, days: range | tuple[int, ...] = range(7)
) -> QuietHours:
    return QuietHours(
        begins=time.fromisoformat(begins),
        ends=time.fromisoformat(ends),
        timezone=zone,
        weekdays=frozenset(days),
    )


WORKDAYS = range(5)


@pytest.mark.parametrize(
    ("hours", "at", "until"),
    [
        pytest.param(quiet("22:00", "07:00"), "2026-02-01T20:59:59", None, id="not-before"),
        pytest.param(
            quiet("22:00", "07:00"), "2026-02-01T21:00:00", "2026-02-02T06:00:00", id="from-then-on"
        ),
        pytest.param(
            quiet("22:00", "07:00"), "2026-02-02T05:59:59", "2026-02-02T06:00:00", id="after-midnight"
        ),
        pytest.param(quiet("22:00", "07:00"), "2026-02-02T06:00:00", None, id="and-no-longer"),
        pytest.param(
            quiet("12:00", "13:00"), "2026-02-01T11:30:00", "2026-02-01T12:00:00", id="within-a-day"
        ),
        pytest.param(quiet("12:00", "13:00"), "2026-02-01T12:00:00", None, id="lunch-is-over"),
        pytest.param(
            quiet("22:00", "07:00", SAIGON),
            "2026-02-01T15:00:00",
            "2026-02-02T00:00:00",
            id="by-its-zones-clocks",
        ),
        pytest.param(
            quiet("22:00", "07:00", days=WORKDAYS),
            "2026-02-06T22:00:00",
            "2026-02-07T06:00:00",
            id="into-the-day-after-its-weekday",
        ),
        pytest.param(
            quiet("22:00", "07:00", days=WORKDAYS), "2026-02-07T22:00:00", None, id="not-on-other-days"
        ),
        pytest.param(
            quiet("22:00", "07:00", days=WORKDAYS),
            "2026-02-09T05:00:00",
            None,
            id="nor-in-the-morning-after-those",
        ),
        pytest.param(
            quiet("00:00", "00:00"), "2026-02-01T12:00:00", "2026-02-01T23:00:00", id="the-whole-day"
        ),
        pytest.param(
            quiet("22:00", "07:00"),
            "2026-03-28T23:00:00",
            "2026-03-29T05:00:00",
            id="the-short-night-is-shorter",
        ),
        pytest.param(
            quiet("22:00", "07:00"),
            "2026-10-24T23:00:00",
            "2026-10-25T06:00:00",
            id="the-long-night-is-longer",
        ),
        pytest.param(
            quiet("22:00", "02:30"),
            "2026-03-29T01:15:00",
            "2026-03-29T01:30:00",
            id="an-end-left-out-is-an-hour-later-by-the-clocks",
        ),
        pytest.param(
            quiet("22:00", "02:30"),
            "2026-10-25T01:00:00",
            "2026-10-25T01:30:00",
            id="an-end-that-comes-twice-is-the-second",
        ),
        pytest.param(
            quiet("02:30", "06:00"),
            "2026-10-25T00:30:00",
            "2026-10-25T05:00:00",
            id="a-start-that-comes-twice-is-the-first",
        ),
    ],
)
def test_quiet_hours(hours: QuietHours, at: str, until: str | None) -> None:
    assert hours.until(utc(at)) == (None if until is None else utc(until))


@given(
    st.datetimes(datetime(2026, 1, 1), datetime(2027, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001 -- with a zone
    st.times().map(lambda at: at.replace(second=0, microsecond=0)),
    st.times().map(lambda at: at.replace(second=0, microsecond=0)),
)
def test_quiet_hours_end(at: datetime, begins: time, ends: time) -> None:
    """Later than now, within a day and an hour, and at the time of day they say; whatever the night."""
    until = QuietHours(begins=begins, ends=ends, timezone=BERLIN).until(at)
    if until is not None:
        assert at < until <= at + timedelta(hours=25)
        shown = until.astimezone(BERLIN).time()
        assert shown == ends or until.date().month in (3, 10)


# When windows begin and end


@pytest.mark.parametrize(
    ("window", "since", "until", "edges"),
    [
        pytest.param(NIGHT, "2026-11-30T18:00", "2026-12-01T00:00", ["19:00", "22:00"], id="a-one-off"),
        pytest.param(
            NIGHT, "2026-11-30T19:00", "2026-11-30T22:00", [], id="neither-at-its-begin-nor-at-its-end"
        ),
        pytest.param(
            Recurring(cron=Cron(expression="30 1,2 * * *", timezone=BERLIN), lasts=timedelta(minutes=45)),
            "2026-12-01T00:00",
            "2026-12-01T02:00",
            ["00:30", "01:15", "01:30"],
            id="a-recurring-one",
        ),
        pytest.param(
            Recurring(cron=Cron(expression="0 0 * * sat", timezone=BERLIN), lasts=timedelta(days=2)),
            "2026-12-06T00:00",
            "2026-12-08T00:00",
            ["23:00"],
            id="one-that-began-days-ago",
        ),
    ],
)
def test_when_a_window_begins_and_ends(window: Window, since: str, until: str, edges: list[str]) -> None:
    assert sorted(f"{at:%H:%M}" for at in window.edges(utc(since), utc(until))) == edges
