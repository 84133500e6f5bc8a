"""Spans and instants as text, in the notations of the configuration, the command line, programs and people.

Instants are aware datetimes; everything that is returned is in UTC, except by `wall_clock`.
"""

import re
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Literal

_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
_DURATION = re.compile(r"(\d{1,9})([smhd])", re.ASCII)
_LONGEST = timedelta(days=3650)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)

DURATION_NOTATION = "a whole number and a unit: 30s, 5m, 4h or 90d"
WALL_CLOCK = re.compile(r"2[0-9]{3}-[0-9]{2}-[0-9]{2}[T ][0-9]{2}:[0-9]{2}(:[0-9]{2})?", re.ASCII)

_RFC3339 = re.compile(
    r"\d{4}-\d\d-\d\d[Tt ]([01]\d|2[0-3]):[0-5]\d:(?P<second>[0-5]\d|60)"
    r"(\.(?P<fraction>\d+))?([Zz]|[+-]([01]\d|2[0-3]):[0-5]\d)",
    re.ASCII,
)
_TIME_OF_DAY = re.compile(r"([01]?\d|2[0-3]):([0-5]\d)", re.ASCII)
_TYPED = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d(\.\d{1,6})?)?( ?UTC|Z|[+-]\d\d:\d\d)?", re.ASCII)
_TYPED_EXAMPLES = "2026-12-01T05:00 (by this machine's clock), 2026-12-01T05:00Z, 2026-12-01T05:00+07:00"


# Spans


def duration(text: str) -> timedelta:
    """Return the span that a text writes, such as `30s`, `5m`, `4h`, `90d`.

    Raises ValueError, naming the accepted notation."""
    match = _DURATION.fullmatch(text)
    if match is None:
        raise ValueError(f"expected {DURATION_NOTATION}")
    seconds = int(match[1]) * _SECONDS[match[2]]
    if seconds > _LONGEST.total_seconds():
        raise ValueError(f"is longer than {_LONGEST.days}d")
    return timedelta(seconds=seconds)


def compact(value: timedelta) -> str:
    """Write a span in the configuration's own notation, in the largest unit that divides it: `90m`, `4h`."""
    seconds = int(value.total_seconds())
    unit, size = next((u, n) for u, n in (("d", 86400), ("h", 3600), ("m", 60), ("s", 1)) if seconds % n == 0)
    return f"{seconds // size}{unit}"


def span(value: timedelta) -> str:
    """Write a span for people, in its two largest units: `2h 5m`, `45s`, `3d`. Less than a second is `0s`."""
    seconds = int(value.total_seconds())
    sign, seconds = ("-", -seconds) if seconds < 0 else ("", seconds)
    parts = []
    for unit, size in (("d", 86400), ("h", 3600), ("m", 60), ("s", 1)):
        count, seconds = divmod(seconds, size)
        if count:
            parts.append(f"{count}{unit}")
    return sign + " ".join(parts[:2]) if parts else "0s"


def exact(value: timedelta) -> str:
    """Write a span to the second: in one unit if the minutes are whole, otherwise in several: `90m`, `1h 2m 5s`."""
    written = compact(value) if value else "0s"
    if not written.endswith("s") or value < timedelta(minutes=1):
        return written
    minutes, seconds = divmod(int(value.total_seconds()), 60)
    hours, minutes = divmod(minutes, 60)
    parts = ((hours, "h"), (minutes, "m"), (seconds, "s"))
    return " ".join(f"{count}{unit}" for count, unit in parts if count)


# Instants between programs


def parse_instant(text: str, *, exactly: bool = False) -> datetime:
    """Return the instant that a text writes in RFC 3339: `2026-02-01T14:30:00.25Z`.

    A leap second is the first second of the next minute, and digits beyond the microsecond are left out; `exactly`
    refuses both. Raises ValueError for any other text, OverflowError for an instant beyond the years 1 to 9999."""
    match = _RFC3339.fullmatch(text)
    if match is None:
        raise ValueError("is not an instant in RFC 3339")
    leap = match["second"] == "60"
    if exactly and (leap or len(match["fraction"] or "") > 6):
        raise ValueError("is more exact than can be kept")
    if text.startswith("0000"):
        raise OverflowError("the calendar begins with the year 1")
    # RFC 3339 allows a lower-case `t` and `z`, which Python does not read
    at = datetime.fromisoformat((f"{text[:17]}59{text[19:]}" if leap else text).upper()).astimezone(UTC)
    return at + timedelta(seconds=1) if leap else at


def parse_iso8601(text: str, zone: tzinfo | None = None) -> datetime:
    """Return the instant that a text writes in any form of ISO 8601. A text without an offset is read in `zone`.

    Raises ValueError for any other text, and for one without an offset if there is no `zone`."""
    try:
        at = datetime.fromisoformat(text.upper())
        zone = at.tzinfo or zone
        if zone is None:
            raise ValueError("has no time zone")
        return at.replace(tzinfo=zone).astimezone(UTC)
    except OverflowError as exc:
        raise ValueError("is beyond the calendar") from exc


def rfc3339(at: datetime, digits: Literal["auto", "milliseconds", "microseconds"] = "microseconds") -> str:
    """Write an instant for programs: `2026-02-01T14:30:00.000000Z`; `auto` omits a fraction of zero."""
    return at.astimezone(UTC).replace(tzinfo=None).isoformat(timespec=digits) + "Z"


def to_micros(at: datetime) -> int:
    """Return an instant as microseconds since 1970 UTC. Raises ValueError for one without a time zone."""
    if at.tzinfo is None:
        raise ValueError("an instant needs a time zone")
    return (at - _EPOCH) // _MICROSECOND  # integers: a float timestamp does not keep every microsecond


def from_micros(micros: int) -> datetime:
    """Return the instant this many microseconds after the start of 1970 in UTC."""
    return _EPOCH + micros * _MICROSECOND


def to_text(at: datetime) -> str:
    """Write an instant as the store keeps it in JSON: `2026-02-01T14:30:00+00:00`. `parse_instant` reads it."""
    return at.astimezone(UTC).isoformat()


# Instants for people


def moment(at: datetime) -> str:
    """Write an instant for people, to the second: `2026-02-01 14:30:00 UTC`."""
    return at.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S UTC")


def wall_clock(text: str) -> datetime:
    """Return a local date and time, without a time zone: `2026-12-01T02:00`.

    Raises ValueError, naming the accepted notation."""
    if not WALL_CLOCK.fullmatch(text):
        raise ValueError(
            "expected a date and a time, such as 2026-12-01T02:00; set its time zone with `timezone`"
        )
    try:
        return datetime.fromisoformat(text)
    except ValueError as exc:
        raise ValueError(f"is not in the calendar: {exc}") from exc


def upcoming(option: str, given: str, now: datetime) -> datetime:
    """Return the instant, or the next occurrence of a time of day, that an option of a command gives.

    Without a time zone it is in this machine's. Raises ValueError, naming the accepted notation."""
    if (of_day := _TIME_OF_DAY.fullmatch(given)) is not None:
        here = now.astimezone()
        at = here.replace(hour=int(of_day[1]), minute=int(of_day[2]), second=0, microsecond=0, tzinfo=None)
        return (at if at.astimezone() > now else at + timedelta(days=1)).astimezone(now.tzinfo)
    return _typed(option, given, now, f"{_TYPED_EXAMPLES} or 18:30 (the next)")


def past(option: str, given: str, now: datetime) -> datetime:
    """Return the instant that an option of a command gives as such, or as a span before now.

    Without a time zone it is in this machine's. Raises ValueError, naming the accepted notation."""
    if _TYPED.fullmatch(given):
        return _typed(option, given, now, _TYPED_EXAMPLES)
    try:
        return now - duration(given)
    except ValueError as exc:
        raise ValueError(f"--{option}: {exc}; or {_TYPED_EXAMPLES}; got {given!r}") from exc


def between(since: str | None, until: str | None, now: datetime) -> tuple[datetime | None, datetime]:
    """Return the instants of `--since` (None: no limit) and `--until`. Raises ValueError, naming the
    accepted notation, or if the first is not before the second."""
    begins = None if since is None else past("since", since, now)
    ends = now if until is None else past("until", until, now)
    if begins is not None and begins >= ends:
        raise ValueError(f"--since {moment(begins)} is not before --until {moment(ends)}")
    return begins, ends


def _typed(option: str, given: str, now: datetime, accepted: str) -> datetime:
    if not _TYPED.fullmatch(given):
        raise ValueError(f"--{option}: expected {accepted}, got {given!r}")
    try:
        # without an offset `astimezone` takes the time for this machine's
        return datetime.fromisoformat(re.sub(" ?UTC", "Z", given)).astimezone(now.tzinfo)
    except (ValueError, OverflowError) as exc:
        raise ValueError(f"--{option}: {given!r} is not in the calendar") from exc
