"""Maintenance windows and quiet hours. Instants are aware, in UTC.

Times of day are read in a time zone. In a night with a clock change (DST), a time that is skipped is read as if the
clocks had not been set yet. If a time comes twice, windows and quiet hours begin at the first one; quiet hours and
windows with fixed ends end at the last one."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from monitor.domain.schedule import Cron

_DAY = timedelta(days=1)
WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


@dataclass(frozen=True, slots=True, kw_only=True)
class OneOff:
    """A maintenance window from one instant to another."""

    starts_at: datetime
    ends_at: datetime

    @classmethod
    def by_the_clocks(cls, starts: datetime, ends: datetime, zone: ZoneInfo) -> "OneOff":
        """Return the window between two local times (without a time zone) in a time zone."""
        return cls(
            starts_at=_first(starts.date(), starts.time(), zone),
            ends_at=_last(ends.date(), ends.time(), zone),
        )

    def covers(self, now: datetime) -> bool:
        """Return whether the instant lies within a window."""
        return self.starts_at <= now < self.ends_at

    def edges(self, since: datetime, until: datetime) -> Iterator[datetime]:
        """Yield its start and its end, as far as they lie between two instants."""
        yield from (at for at in (self.starts_at, self.ends_at) if since < at < until)


@dataclass(frozen=True, slots=True, kw_only=True)
class Recurring:
    """Maintenance windows that begin with each run of a cron expression and last for a span."""

    cron: Cron
    lasts: timedelta

    def covers(self, now: datetime) -> bool:
        """Return whether the instant lies within a window."""
        return any(at <= now < at + self.lasts for at in self._starts(now - self.lasts, now))

    def edges(self, since: datetime, until: datetime) -> Iterator[datetime]:
        """Yield every start and end between two instants."""
        for start in self._starts(since - self.lasts, until):
            yield from (at for at in (start, start + self.lasts) if since < at < until)

    def _starts(self, since: datetime, until: datetime) -> Iterator[datetime]:
        """Yield the starts of windows on all local days from the first instant's to the second's."""
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
    """The quiet hours of a channel, from one time of day to another.

    They pass midnight if `ends` is not after `begins`. `weekdays` (Monday is 0) are the days on which they begin."""

    begins: time
    ends: time
    timezone: ZoneInfo
    weekdays: frozenset[int] = frozenset(range(7))

    def until(self, now: datetime) -> datetime | None:
        """Return the end (UTC) of the quiet hours in which the instant lies; None: it lies in none."""
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
    # if the time comes twice, fold=1 is the later one; if it is skipped, fold=0 is
    return max(local.astimezone(UTC), local.replace(fold=1).astimezone(UTC))
