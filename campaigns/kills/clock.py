"""A wall clock that is wrong for one start: libfaketime, preloaded. The monotonic clock goes on as it is."""

from datetime import timedelta
from pathlib import Path

_PLACES = (Path("/usr/lib"), Path("/usr/lib64"), Path("/usr/local/lib"))
WRONG = (timedelta(days=200), timedelta(days=-30))
"""How far a wrong clock is ahead: so far that all readings would be old, and so far that all would be to come."""


def library() -> Path | None:
    """Return libfaketime for programs with threads; None where it is not installed."""
    found = (file for place in _PLACES for file in place.glob("**/faketime/libfaketimeMT.so.1"))
    return next(found, None)


def wrong(ahead: timedelta) -> dict[str, str]:
    """Return what gives a process this clock."""
    return {
        "LD_PRELOAD": str(library()),
        "FAKETIME": f"{ahead.total_seconds():+.0f}",
        "DONT_FAKE_MONOTONIC": "1",
        "NO_FAKE_STAT": "1",
    }
