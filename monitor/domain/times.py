"""Instants as people write them on a command line. Raises ValueError, saying what is accepted."""

import re
from datetime import datetime, timedelta

from monitor.domain.units import duration, moment

_TIME_OF_DAY = re.compile(r"([01]?\d|2[0-3]):([0-5]\d)", re.ASCII)
_TIME = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d(\.\d{1,6})?)?( ?UTC|Z|[+-]\d\d:\d\d)?", re.ASCII)
_DATES = "2026-12-01T05:00 (by this machine's clock), 2026-12-01T05:00Z, 2026-12-01T05:00+07:00"


def upcoming(option: str, given: str, now: datetime) -> datetime:
    """An instant, or the next time of day; without a time zone, by the clock of this machine."""
    if (of_day := _TIME_OF_DAY.fullmatch(given)) is not None:
        here = now.astimezone()
        at = here.replace(hour=int(of_day[1]), minute=int(of_day[2]), second=0, microsecond=0, tzinfo=None)
        return (at if at.astimezone() > now else at + timedelta(days=1)).astimezone(now.tzinfo)
    return _instant(option, given, now, f"{_DATES} or 18:30 (the next)")


def past(option: str, given: str, now: datetime) -> datetime:
    """An instant, or one so long ago; without a time zone, by the clock of this machine."""
    if _TIME.fullmatch(given):
        return _instant(option, given, now, _DATES)
    try:
        return now - duration(given)
    except ValueError as exc:
        raise ValueError(f"--{option}: {exc}; or {_DATES}; got {given!r}") from exc


def between(since: str | None, until: str | None, now: datetime) -> tuple[datetime | None, datetime]:
    """What `--since` and `--until` mean: from when on (None: the beginning) and before when."""
    begins = None if since is None else past("since", since, now)
    ends = now if until is None else past("until", until, now)
    if begins is not None and begins >= ends:
        raise ValueError(f"--since {moment(begins)} is not before --until {moment(ends)}")
    return begins, ends


def _instant(option: str, given: str, now: datetime, accepted: str) -> datetime:
    if not _TIME.fullmatch(given):
        raise ValueError(f"--{option}: expected {accepted}, got {given!r}")
    try:
        return datetime.fromisoformat(re.sub(" ?UTC", "Z", given)).astimezone(now.tzinfo)
    except (ValueError, OverflowError) as exc:
        raise ValueError(f"--{option}: {given!r} is not in the calendar") from exc
