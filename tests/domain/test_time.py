"""Spans and instants: as the configuration writes them, as people read them, as programs do."""

from datetime import UTC, datetime, timedelta, timezone
from typing import Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.domain.time import (
    compact,
    duration,
    exact,
    from_micros,
    moment,
    parse_instant,
    parse_iso8601,
    rfc3339,
    span,
    to_micros,
    to_text,
)

HANOI = timezone(timedelta(hours=7))
START = datetime(2026, 2, 1, 14, 30, tzinfo=UTC)


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
def test_whatever_is_written_can_be_read_back(at: datetime) -> None:
    """To the microsecond, by Python's own reader and by ours, in UTC."""
    assert datetime.fromisoformat(rfc3339(at)) == at
    for written in (rfc3339(at), rfc3339(at, "auto"), to_text(at)):
        assert parse_instant(written, exactly=True).isoformat() == at.astimezone(UTC).isoformat()
    assert from_micros(to_micros(at)).isoformat() == at.astimezone(UTC).isoformat()


@pytest.mark.parametrize(
    ("digits", "written"),
    [("auto", "2026-02-01T14:30:00Z"), ("milliseconds", "2026-02-01T14:30:00.000Z")],
)
def test_rfc3339_with_fewer_digits(digits: Literal["auto", "milliseconds"], written: str) -> None:
    """Files have no fraction that is zero; a service of the sandbox writes three digits."""
    assert rfc3339(START, digits) == written


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("2026-02-01T14:30:00Z", START, id="in-utc"),
        pytest.param("2026-02-01t14:30:00z", START, id="in-small-letters"),
        pytest.param("2026-02-01 14:30:00Z", START, id="with-a-blank"),
        pytest.param("2026-02-01T21:30:00.0000009+07:00", START, id="elsewhere-and-finer-than-a-microsecond"),
        pytest.param("2026-02-01T14:29:60Z", START, id="a-leap-second-is-the-next-ones-beginning"),
        pytest.param("2026-02-01T14:30:00.5Z", START + timedelta(milliseconds=500), id="half-a-second"),
    ],
)
def test_instants_are_read_as_rfc_3339_writes_them(text: str, expected: datetime) -> None:
    """In UTC, to the microsecond."""
    assert parse_instant(text).isoformat() == expected.isoformat()


@pytest.mark.parametrize(
    "text",
    [
        "",
        "2026-02-01",
        "2026-02-01T14:30Z",
        "2026-02-01T14:30:00",
        "2026-02-01T14:30:00 UTC",
        "2026-02-30T14:30:00Z",
        "2026-02-01T24:00:00Z",
        "2026-02-01T14:30:00+24:00",
        "2026-02-01T14:30:00.Z",
        "2026-02-01T14:30:00Z\n",
        "\u0662026-02-01T14:30:00Z",
    ],
)
def test_other_texts_are_no_instants(text: str) -> None:
    with pytest.raises(ValueError, match=r"is not an instant|day is out of range"):
        parse_instant(text)


@pytest.mark.parametrize(
    "text",
    [
        "0000-12-31T23:59:59Z",
        "0001-01-01T00:00:00+00:01",
        "9999-12-31T23:59:59-00:01",
        "9999-12-31T23:59:60Z",
    ],
)
def test_an_instant_beyond_the_calendar(text: str) -> None:
    with pytest.raises(OverflowError):
        parse_instant(text)


@pytest.mark.parametrize("text", ["2026-02-01T14:30:00.1234567Z", "2026-02-01T14:29:60Z"])
def test_what_would_not_be_kept_as_it_is(text: str) -> None:
    with pytest.raises(ValueError, match="more exact"):
        parse_instant(text, exactly=True)


@pytest.mark.parametrize(
    "text", ["2026-02-01T14:30Z", "20260201T143000+0000", "2026-02-01T21:30:00+07:00", "2026-W05-7T14:30z"]
)
def test_any_form_of_iso_8601(text: str) -> None:
    """As services and files of rule tests may write it."""
    assert parse_iso8601(text).isoformat() == START.isoformat()


def test_iso_8601_without_an_offset() -> None:
    """It is refused, unless a zone is given that it is in."""
    assert parse_iso8601("2026-02-01 21:30", HANOI).isoformat() == START.isoformat()
    for text in ("2026-02-01 21:30", "0001-01-01T00:00+01:00"):
        with pytest.raises(ValueError, match=r"time zone|calendar"):
            parse_iso8601(text)


def test_an_instant_of_the_store_needs_a_time_zone() -> None:
    with pytest.raises(ValueError, match="needs a time zone"):
        to_micros(START.replace(tzinfo=None))


@pytest.mark.parametrize(
    ("seconds", "written"),
    [(45, "45s"), (90 * 60, "90m"), (425, "7m 5s"), (3725, "1h 2m 5s"), (86400, "1d"), (0, "0s")],
)
def test_a_span_to_the_second(seconds: int, written: str) -> None:
    """Nothing is rounded off, and what the configuration would write in one unit is so."""
    assert exact(timedelta(seconds=seconds)) == written
