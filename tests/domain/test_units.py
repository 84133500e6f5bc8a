"""Spans and instants: as the configuration writes them, as people read them, as programs do."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.domain.units import compact, duration, exact, moment, rfc3339, span

HANOI = timezone(timedelta(hours=7))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("0s", timedelta(0)),
        ("30s", timedelta(seconds=30)),
        ("5m", timedelta(minutes=5)),
        ("4h", timedelta(hours=4)),
        ("90d", timedelta(days=90)),
        ("007m", timedelta(minutes=7)),
        ("90m", timedelta(hours=1, minutes=30)),
        ("3650d", timedelta(days=3650)),
    ],
)
def test_durations_accepted(text: str, expected: timedelta) -> None:
    assert duration(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "",
        "60",
        "m",
        "-5m",
        "+5m",
        "1y",
        "1w",
        "1M",
        "5 m",
        " 5m",
        "5m ",
        "5m\n",
        "1h30m",
        "1.5h",
        "1e3s",
        "5min",
        "5ms",
        "\u0665m",
        "\uff15m",
        "²s",
        "3651d",
        "999999999d",
        "9999999999s",
    ],
)
def test_durations_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"expected a whole number and a unit|is longer than 3650d"):
        duration(text)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (timedelta(0), "0s"),
        (timedelta(milliseconds=999), "0s"),
        (timedelta(seconds=59), "59s"),
        (timedelta(seconds=60), "1m"),
        (timedelta(hours=2, minutes=5), "2h 5m"),
        (timedelta(hours=2, minutes=5, seconds=7), "2h 5m"),
        (timedelta(hours=2, seconds=7), "2h 7s"),
        (timedelta(days=3), "3d"),
        (timedelta(days=400, hours=1), "400d 1h"),
        (-timedelta(minutes=5), "-5m"),
        (-timedelta(milliseconds=5), "0s"),
    ],
)
def test_span(value: timedelta, expected: str) -> None:
    """Its two largest units."""
    assert span(value) == expected


@pytest.mark.parametrize("text", ["30s", "90s", "5m", "90m", "4h", "36h", "1d", "90d"])
def test_compact_is_the_configurations_notation(text: str) -> None:
    """In the largest unit that divides it."""
    assert compact(duration(text)) == text


@given(st.integers(0, 3650 * 86400))
def test_compact_can_be_read_back(seconds: int) -> None:
    """Whatever the span."""
    value = timedelta(seconds=seconds)
    assert duration(compact(value)) == value


def test_a_moment_is_in_utc() -> None:
    """Whatever zone it comes in, to the second."""
    at = datetime(2026, 2, 1, 21, 30, 0, 999_999, tzinfo=HANOI)
    assert moment(at) == "2026-02-01 14:30:00 UTC"


def test_rfc3339_is_in_utc_with_microseconds() -> None:
    """Whatever zone it comes in, always of one length."""
    assert rfc3339(datetime(2026, 2, 1, 21, 30, tzinfo=HANOI)) == "2026-02-01T14:30:00.000000Z"


@given(st.datetimes(min_value=datetime(1970, 1, 1), max_value=datetime(2200, 1, 1), timezones=st.just(HANOI)))  # noqa: DTZ001 -- hypothesis wants bounds without a zone
def test_rfc3339_can_be_read_back(at: datetime) -> None:
    """To the microsecond."""
    assert datetime.fromisoformat(rfc3339(at)) == at.astimezone(UTC)


@pytest.mark.parametrize(
    ("seconds", "written"),
    [(45, "45s"), (90 * 60, "90m"), (425, "7m 5s"), (3725, "1h 2m 5s"), (86400, "1d"), (0, "0s")],
)
def test_a_span_to_the_second(seconds: int, written: str) -> None:
    """Nothing is rounded off, and what the configuration would write in one unit is so."""
    assert exact(timedelta(seconds=seconds)) == written
