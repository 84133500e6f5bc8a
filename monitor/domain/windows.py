"""Stretches of time: windows of maintenance, and a channel's quiet hours. Instants are aware, in UTC.

Times of day are read by the clocks of a time zone. One that a DST night leaves out is read as if the clocks had not
been put forward yet; of one that comes twice, a window begins at the first and quiet hours end at the last."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from monitor.domain.schedule import Cron

_DAY = timedelta(days=1)
WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


@dataclass(frozen=True, slots=True, kw_only=True)
class OneOff:
    """From one instant to another."""

    starts_at: datetime
    ends_at: datetime

    @classmethod
    def by_the_clocks(cls, starts: datetime, ends: datetime, zone: ZoneInfo) -> "OneOff":
        """From and until what the clocks of a time zone show; both are given without one."""
        return cls(
            starts_at=_first(starts.date(), starts.time(), zone),
            ends_at=_last(ends.date(), ends.time(), zone),
        )

    def covers(self, now: datetime) -> bool:
        """Whether the instant lies within."""
        return self.starts_at <= now < self.ends_at

    def edges(self, since: datetime, until: datetime) -> Iterator[datetime]:
        """Yield when it begins or ends after the one instant and before the other."""
        yield from (at for at in (self.starts_at, self.ends_at) if since < at < until)


@dataclass(frozen=True, slots=True, kw_only=True)
class Recurring:
    """A span of time from each run of a cron expression on."""

    cron: Cron
    lasts: timedelta

    def covers(self, now: datetime) -> bool:
        """Whether the instant lies within."""
        return any(at <= now < at + self.lasts for at in self._starts(now - self.lasts, now))

    def edges(self, since: datetime, until: datetime) -> Iterator[datetime]:
        """Yield when one begins or ends after the one instant and before the other."""
        for start in self._starts(since - self.lasts, until):
            yield from (at for at in (start, start + self.lasts) if since < at < until)

    def _starts(self, since: datetime, until: datetime) -> Iterator[datetime]:
        """When windows begin, on all days from the one instant's to the other's."""
        fields, zone = self.cron.fields, self.cron.timezone
        day, last = since.astimezone(zone).date(), until.astimezone(zone).date()
        while day <= last:
            if fields.runs_on(day):
                for hour in fields.hours:
                    for minute in fields.minutes:
                        yield _first(day, time(hour, minute), zone)
            day += _DAY


Window = OneOff | Recurring


@dataclass(frozen=True, slots=True, kw_only=True)
class QuietHours:
    """From one time of day to another, over midnight where that is earlier; on some weekdays (Monday is 0), those on
    which it begins."""

    begins: time
    ends: time
    timezone: ZoneInfo
    weekdays: frozenset[int] = frozenset(range(7))

    def until(self, now: datetime) -> datetime | None:
        """When the quiet hours that the instant lies in end; None where it lies in none."""
        today = now.astimezone(self.timezone).date()
        for day in (today - _DAY, today):
            if day.weekday() in self.weekdays:
                start = _first(day, self.begins, self.timezone)
                over_midnight = self.ends <= self.begins
                end = _last(day + _DAY if over_midnight else day, self.ends, self.timezone)
                if start <= now < end:
                    return end
        return None


def _first(day: date, at: time, zone: ZoneInfo) -> datetime:
    return datetime.combine(day, at, zone).astimezone(UTC)


def _last(day: date, at: time, zone: ZoneInfo) -> datetime:
    local = datetime.combine(day, at, zone)
    return max(local.astimezone(UTC), local.replace(fold=1).astimezone(UTC))
