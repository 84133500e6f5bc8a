"""A different wall clock for a process, by preloading libfaketime."""

from pathlib import Path

_PLACES = (Path("/usr/lib"), Path("/usr/lib64"), Path("/usr/local/lib"))


def library() -> Path | None:
    """Return the path of libfaketime for programs with threads, None if it is not installed (Debian: `faketime`)."""
    found = (file for place in _PLACES for file in place.glob("**/faketime/libfaketimeMT.so.1"))
    return next(found, None)


def preloaded() -> dict[str, str]:
    """Return the variables that load it into a process. Raises FileNotFoundError if it is not installed."""
    if (found := library()) is None:
        raise FileNotFoundError("libfaketime is not installed (Debian: apt install faketime)")
    return {"LD_PRELOAD": str(found)}


def wall_clock() -> dict[str, str]:
    """Return variables that fake the wall clock only: the monotonic clock, and so every wait, stays right."""
    return {**preloaded(), "DONT_FAKE_MONOTONIC": "1", "NO_FAKE_STAT": "1"}
