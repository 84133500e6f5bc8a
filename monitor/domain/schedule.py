"""When jobs run: an interval apart, or at the times of a cron expression.

Cron expressions have the five fields of crontab(5); weekday 0 or 7 is Sunday. Nights with a clock change (DST):
- An expression with every hour of the day runs in every hour that passes.
- Any other expression runs once for each time that it names.
- If a time comes twice, the first one counts.
- If a time is skipped, the run is later by the size of the change.

The library cronsim differs: when clocks go forward it omits half of the runs of `*/20 1,2 * * *`, and when they go back
it runs `0 */2 * * *` an hour apart."""

import re
from bisect import bisect_right
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import cache, lru_cache
from itertools import pairwise
from typing import assert_never
from zoneinfo import ZoneInfo

_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_WEEKDAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
_HOURS = 24
_DAY = timedelta(days=1)
_CALENDAR_BEGINS = date(2001, 1, 1)
_CALENDAR_DAYS = 28 * 365 + 7  # after 28 years, weekdays and leap days fall on the same dates again
_LONGEST_MONTHS = {**dict.fromkeys((1, 3, 5, 7, 8, 10, 12), 31), **dict.fromkeys((4, 6, 9, 11), 30), 2: 29}
_PART = re.compile(r"(?:\*|(?P<first>\w+)(?:-(?P<last>\w+))?)(?:/(?P<step>\d{1,4}))?", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class CronFields:
    """The values that each field allows. Weekdays: 0 is Sunday, 6 is Saturday.

    A day must match `days` and `weekdays`. With `either_day`, one of them is enough: that is cron's rule for an
    expression in which neither of the two fields begins with `*`."""

    minutes: frozenset[int]
    hours: frozenset[int]
    days: frozenset[int]
    months: frozenset[int]
    weekdays: frozenset[int]
    either_day: bool

    def runs_on(self, day: date) -> bool:
        """Return whether there are runs on a day, which is one of the cron's time zone."""
        by_day, by_weekday = day.day in self.days, day.isoweekday() % 7 in self.weekdays
        fits = by_day or by_weekday if self.either_day else by_day and by_weekday
        return fits and day.month in self.months

    @property
    def widest_gap(self) -> timedelta:
        """Return the longest time between two runs on consecutive days. If some days have no runs, gaps are longer."""
        minutes = sorted(60 * hour + minute for hour in self.hours for minute in self.minutes)
        gaps = (later - earlier for earlier, later in pairwise([*minutes, minutes[0] + 24 * 60]))
        return timedelta(minutes=max(gaps))

    @property
    def gaps(self) -> tuple[timedelta, ...]:
        """Return every possible time between two runs, the shortest first, not considering clock changes."""
        return _gaps(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Field:
    name: str
    range: range
    names: tuple[str, ...] = ()
    names_from: int = 0


_FIELDS = (
    _Field(name="minute", range=range(60)),
    _Field(name="hour", range=range(24)),
    _Field(name="day of month", range=range(1, 32)),
    _Field(name="month", range=range(1, 13), names=_MONTHS, names_from=1),
    _Field(name="weekday", range=range(8), names=_WEEKDAYS),
)


@cache
def parse(expression: str) -> CronFields:
    """Return the fields of a cron expression. Raises ValueError, naming the field that is wrong."""
    texts = expression.split()
    if len(texts) != len(_FIELDS):
        names = ", ".join(field.name for field in _FIELDS)
        raise ValueError(f"expected five fields ({names}), got {len(texts)}")
    minutes, hours, days, months, weekdays = map(_values, _FIELDS, texts)
    parsed = CronFields(
        minutes=minutes,
        hours=hours,
        days=days,
        months=months,
        weekdays=frozenset(day % len(_WEEKDAYS) for day in weekdays),
        either_day=not texts[2].startswith("*") and not texts[4].startswith("*"),
    )
    if not parsed.either_day and all(_LONGEST_MONTHS[month] < min(days) for month in months):
        raise ValueError(f"never runs: no such month has a day {min(days)}")
    return parsed


def next_run(fields: CronFields, timezone: ZoneInfo, after: datetime) -> datetime | None:
    """Return when a cron expression runs next after an instant (aware), in UTC; None: not before the year 9999."""
    day = after.astimezone(timezone).date()
    while day < date.max:
        if fields.runs_on(day):
            runs = _runs(fields, timezone, day)
            index = bisect_right(runs, after)
            if index < len(runs):
                return runs[index]
        day += _DAY
    return None


def _last_run(fields: CronFields, timezone: ZoneInfo, at: datetime) -> datetime | None:
    """Return when a cron expression ran last, at or before an instant (aware), in UTC; None: never."""
    day = at.astimezone(timezone).date()
    while day > date.min:
        if fields.runs_on(day):
            runs = _runs(fields, timezone, day)
            index = bisect_right(runs, at)
            if index > 0:
                return runs[index - 1]
        day -= _DAY
    return None


@lru_cache(maxsize=4096)
def _around(
    fields: CronFields, timezone: ZoneInfo, minute: datetime
) -> tuple[datetime | None, datetime | None]:
    """Return the last run at or before a whole minute, and the next one after it."""
    return _last_run(fields, timezone, minute), next_run(fields, timezone, minute)


@cache
def _gaps(fields: CronFields) -> tuple[timedelta, ...]:
    minutes = sorted(60 * hour + minute for hour in fields.hours for minute in fields.minutes)
    overnight = minutes[0] - minutes[-1]
    days = [day for day in range(_CALENDAR_DAYS) if fields.runs_on(_CALENDAR_BEGINS + day * _DAY)]
    within = {later - earlier for earlier, later in pairwise(minutes)}
    between = {24 * 60 * (later - earlier) + overnight for earlier, later in pairwise(days)}
    return tuple(timedelta(minutes=gap) for gap in sorted(within | between))


@lru_cache(maxsize=64)
def _runs(fields: CronFields, timezone: ZoneInfo, day: date) -> list[datetime]:
    """Return every run on a day that has runs, in UTC and in order."""
    runs = set()
    for shown in (time(hour, minute) for hour in fields.hours for minute in fields.minutes):
        first = datetime.combine(day, shown, timezone)
        runs.add(first.astimezone(UTC))
        if len(fields.hours) == _HOURS and _is_shown_twice(first):
            runs.add(first.replace(fold=1).astimezone(UTC))
    return sorted(runs)


def _is_shown_twice(first: datetime) -> bool:
    """Return whether the clocks go back over this local time: the offset from UTC then decreases."""
    ahead, afterwards = first.utcoffset(), first.replace(fold=1).utcoffset()
    return ahead is not None and afterwards is not None and afterwards < ahead


def _values(field: _Field, text: str) -> frozenset[int]:
    return frozenset(value for part in text.split(",") for value in _part(field, part))


def _part(field: _Field, text: str) -> range:
    match = _PART.fullmatch(text)
    if match is None:
        raise ValueError(
            f"{field.name} {text!r}: expected *, a number, a range 1-5, a list 1,3 or a step */5"
        )
    step = int(match["step"] or 1)
    if step == 0:
        raise ValueError(f"{field.name} {text!r}: a step of 0")
    first, last = _bounds(field, match)
    if first > last:
        raise ValueError(f"{field.name} {text!r}: the range ends before it begins")
    return range(first, last + 1, step)


def _bounds(field: _Field, match: re.Match[str]) -> tuple[int, int]:
    if match["first"] is None:
        return field.range[0], field.range[-1]
    first = _number(field, match["first"])
    if match["last"] is not None:
        last = _number(field, match["last"])
        sunday_ends = field.names == _WEEKDAYS and last == 0 < first
        return first, 7 if sunday_ends else last
    return first, field.range[-1] if match["step"] else first


def _number(field: _Field, text: str) -> int:
    if text.lower() in field.names:
        return field.names.index(text.lower()) + field.names_from
    if text.isdigit() and len(text) <= 2 and int(text) in field.range:
        return int(text)
    names = f" or {field.names[0]}-{field.names[-1]}" if field.names else ""
    raise ValueError(f"{field.name} {text!r}: expected {field.range[0]}-{field.range[-1]}{names}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Every:
    """A schedule with an interval between runs."""

    interval: timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class Cron:
    """A schedule by a cron expression in a time zone."""

    expression: str
    timezone: ZoneInfo

    @property
    def fields(self) -> CronFields:
        """Return the parsed expression."""
        return parse(self.expression)


Schedule = Every | Cron


def gap_after(schedule: Schedule) -> timedelta:
    """Return the time without readings that counts as a gap: one missed poll makes no gap, two do."""
    match schedule:
        case Every():
            pause = schedule.interval
        case Cron():
            pause = schedule.fields.widest_gap
        case _:
            assert_never(schedule)
    return pause * 5 / 2


def shortest_gap(schedule: Schedule) -> timedelta:
    """Return the shortest time between two runs."""
    return schedule.interval if isinstance(schedule, Every) else schedule.fields.gaps[0]


def passed_at(schedule: Schedule, since: datetime, after: timedelta) -> datetime:
    """Return the instant (UTC) at which `after` has passed since another one, without the rests of the schedule.

    A schedule rests between two runs that are `after` or more apart. Of a rest, only as much counts as the longest gap
    of the schedule that is shorter than `after`.
    `* * * * mon-fri`, 3m, since Friday 23:59 -> Monday 00:02; since Friday 12:00 -> 12:03.
    """
    if isinstance(schedule, Every):
        return since + after
    before, following = _around(
        schedule.fields, schedule.timezone, since.astimezone(UTC).replace(second=0, microsecond=0)
    )
    if before is None or following is None or following - before < after:
        return since + after
    counted = max((gap for gap in schedule.fields.gaps if gap < after), default=timedelta(0))
    # The rest begins with the run, not with its reading: after a late reading the instant is as much later. If the
    # reading, or the start of the monitoring, lies within the rest, only the remainder of the rest is left out.
    return since + after + min(following - before - counted, following - since)
