"""Cron expressions: what each field allows, and what is refused. When they fire is the scheduler's tests' business."""

from datetime import timedelta
from zoneinfo import ZoneInfo

import pytest

from monitor.domain.schedule import Cron, CronFields, parse


@pytest.mark.parametrize(
    ("minute", "allowed"),
    [
        ("*", set(range(60))),
        ("5", {5}),
        ("05", {5}),
        ("1-4", {1, 2, 3, 4}),
        ("1,3,59", {1, 3, 59}),
        ("*/20", {0, 20, 40}),
        ("5/20", {5, 25, 45}),
        ("10-30/10", {10, 20, 30}),
        ("0-3,30-33/2", {0, 1, 2, 3, 30, 32}),
        ("*/60", {0}),
        ("7-7", {7}),
    ],
)
def test_a_field(minute: str, allowed: set[int]) -> None:
    assert parse(f"{minute} * * * *").minutes == allowed


@pytest.mark.parametrize(
    ("weekday", "allowed"),
    [
        ("0", {0}),
        ("7", {0}),
        ("sun", {0}),
        ("SUN,Sat", {0, 6}),
        ("mon-fri", {1, 2, 3, 4, 5}),
        ("fri-sun", {5, 6, 0}),
        ("5-7", {5, 6, 0}),
        ("sun-tue", {0, 1, 2}),
        ("*", {0, 1, 2, 3, 4, 5, 6}),
        ("0-7", {0, 1, 2, 3, 4, 5, 6}),
    ],
)
def test_weekdays_count_from_sunday(weekday: str, allowed: set[int]) -> None:
    assert parse(f"0 0 * * {weekday}").weekdays == allowed


@pytest.mark.parametrize(("month", "allowed"), [("1", {1}), ("jan,DEC", {1, 12}), ("oct-dec", {10, 11, 12})])
def test_months_have_names(month: str, allowed: set[int]) -> None:
    assert parse(f"0 0 1 {month} *").months == allowed


@pytest.mark.parametrize(
    ("days", "either"),
    [("1 * 1", True), ("1 * *", False), ("* * 1", False), ("*/2 * 1", False), ("1 * */2", False)],
)
def test_one_of_day_and_weekday_is_enough_where_neither_begins_with_a_star(days: str, either: bool) -> None:
    assert parse(f"0 0 {days}").either_day is either


@pytest.mark.parametrize(
    ("expression", "reason"),
    [
        ("", "expected five fields .*, got 0"),
        ("* * * *", "got 4"),
        ("* * * * * *", "got 6"),
        ("@daily", "got 1"),
        ("60 * * * *", "minute '60': expected 0-59"),
        ("-1 * * * *", "minute '-1'"),
        ("* 24 * * *", "hour '24': expected 0-23"),
        ("* * 0 * *", "day of month '0': expected 1-31"),
        ("* * 32 * *", "day of month '32'"),
        ("* * * 0 *", "month '0': expected 1-12 or jan-dec"),
        ("* * * 13 *", "month '13'"),
        ("* * * * 8", "weekday '8': expected 0-7 or sun-sat"),
        ("* * * * monday", "weekday 'monday'"),
        ("* * * mon *", "month 'mon'"),
        ("*/0 * * * *", "a step of 0"),
        ("5-1 * * * *", "the range ends before it begins"),
        ("* * * * sat-mon", "the range ends before it begins"),
        ("1,,2 * * * *", "expected .*, a number"),
        ("1- * * * *", "expected .*, a number"),
        ("? * * * *", "expected .*, a number"),
        ("1.5 * * * *", "expected .*, a number"),
        ("٣ * * * *", "expected .*, a number"),
        ("001 * * * *", "minute '001'"),
        ("0 0 30 2 *", "never runs"),
        ("0 0 31 2,4,6 *", "never runs"),
    ],
)
def test_refused(expression: str, reason: str) -> None:
    """With the field that is wrong."""
    with pytest.raises(ValueError, match=reason):
        parse(expression)


@pytest.mark.parametrize("expression", ["0 0 29 2 *", "0 0 31 1,2 *", "0 0 30 2 1"])
def test_what_runs_at_times_is_accepted(expression: str) -> None:
    """A leap day, a month that has the day, or a weekday that is enough."""
    assert isinstance(parse(expression), CronFields)


@pytest.mark.parametrize(
    ("expression", "gap"),
    [
        ("*/5 * * * *", timedelta(minutes=5)),
        ("0 * * * *", timedelta(hours=1)),
        ("0 9 * * *", timedelta(days=1)),
        ("0 9-17 * * *", timedelta(hours=16)),
        ("50,10 * * * *", timedelta(minutes=40)),
        ("0,30 0,12 * * *", timedelta(hours=11, minutes=30)),
    ],
)
def test_the_widest_gap_of_a_day(expression: str, gap: timedelta) -> None:
    assert Cron(expression=expression, timezone=ZoneInfo("UTC")).fields.widest_gap == gap
