"""How spans of time, percentages and call limits are written in the configuration, and back."""

import re
from datetime import UTC, datetime, timedelta

_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
_DURATION = re.compile(r"(\d{1,9})([smhd])", re.ASCII)
_LONGEST = timedelta(days=3650)
ACCEPTED = "a whole number and a unit: 30s, 5m, 4h or 90d"


def duration(text: str) -> timedelta:
    """The span that `text` writes, such as `30s`, `5m`, `4h`, `90d`.

    Raises ValueError, saying what is accepted."""
    match = _DURATION.fullmatch(text)
    if match is None:
        raise ValueError(f"expected {ACCEPTED}")
    seconds = int(match[1]) * _SECONDS[match[2]]
    if seconds > _LONGEST.total_seconds():
        raise ValueError(f"is longer than {_LONGEST.days}d")
    return timedelta(seconds=seconds)


def span(value: timedelta) -> str:
    """A span as people read it, its two largest units: `2h 5m`, `45s`, `3d`. Less than a second is `0s`."""
    seconds = int(value.total_seconds())
    sign, seconds = ("-", -seconds) if seconds < 0 else ("", seconds)
    parts = []
    for unit, size in (("d", 86400), ("h", 3600), ("m", 60), ("s", 1)):
        count, seconds = divmod(seconds, size)
        if count:
            parts.append(f"{count}{unit}")
    return sign + " ".join(parts[:2]) if parts else "0s"


def exact(value: timedelta) -> str:
    """A span to the second: in one unit where the minutes are whole, else in all it takes: `90m`, `1h 2m 5s`."""
    written = compact(value) if value else "0s"
    if not written.endswith("s") or value < timedelta(minutes=1):
        return written
    minutes, seconds = divmod(int(value.total_seconds()), 60)
    hours, minutes = divmod(minutes, 60)
    parts = ((hours, "h"), (minutes, "m"), (seconds, "s"))
    return " ".join(f"{count}{unit}" for count, unit in parts if count)


def compact(value: timedelta) -> str:
    """A span in the configuration's own notation, in the largest unit that divides it: `90m`, `4h`."""
    seconds = int(value.total_seconds())
    unit, size = next((u, n) for u, n in (("d", 86400), ("h", 3600), ("m", 60), ("s", 1)) if seconds % n == 0)
    return f"{seconds // size}{unit}"


def moment(value: datetime) -> str:
    """An instant for people, in UTC to the second: `2026-02-01 14:30:00 UTC`."""
    return value.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S UTC")


def rfc3339(value: datetime) -> str:
    """An instant for programs, in UTC with microseconds: `2026-02-01T14:30:00.000000Z`."""
    return value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
