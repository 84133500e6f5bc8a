"""The series that a command about past readings is about, and the thresholds that rules compare it with."""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from fnmatch import fnmatchcase

from monitor.config import Config
from monitor.config.problems import nearest
from monitor.domain.model import Field, Series, Subject
from monitor.domain.rules import ThresholdLine, threshold_lines
from monitor.domain.schedule import gap_after
from monitor.readings.history import HistoryQuery
from monitor.store.read.all_readings import archive

_LISTED = 10
_UNCONFIGURED = timedelta(hours=1)
"""The time without readings that counts as a gap, where the series belongs to no configured job."""


def ask(config: Config, wanted: str, since: datetime, until: datetime) -> HistoryQuery:
    """Return the query of a command line. Raises ValueError, listing the candidates, unless it names one series."""
    series = find_series(wanted, known(config))
    schedules = (job.schedule for job in config.jobs if job.name == Subject(series).job)
    longest = next((gap_after(schedule) for schedule in schedules), _UNCONFIGURED)
    return HistoryQuery(series=series, since=since, until=until, gap_after=longest)


def known(config: Config) -> list[str]:
    """Return the series that were ever read, and those that the configuration names."""
    with archive(config.store.path) as store:
        read = [] if store is None else [one.name for one in store.series()]
    accounts = [account for job in config.jobs for account in job.accounts]
    named = [str(account.series(currency)) for account in accounts for currency in account.currencies]
    return sorted({*read, *named})


def find_series(wanted: str, names: Sequence[str]) -> str:
    """Return the one series with this name, or else the one that matches this glob or begins with this text.

    Raises ValueError, listing the candidates, for none or several."""
    if wanted in names:
        return wanted
    found = [one for one in names if fnmatchcase(one, wanted)] or [
        one for one in names if one.startswith(wanted)
    ]
    if len(found) == 1:
        return found[0]
    if found:
        raise ValueError(f"{wanted!r} matches several series: {listed(found)}")
    raise ValueError(f"unknown series {wanted!r}{_near(wanted, names)}")


def fitting(globs: Iterable[str], names: Sequence[str]) -> set[str]:
    """Return the series that match one of the globs. Raises ValueError for a glob that matches none."""
    chosen: set[str] = set()
    for glob in globs:
        found = {one for one in names if one == glob or fnmatchcase(one, glob)}
        if not found:
            raise ValueError(f"--series {glob!r} matches no series{_near(glob, names)}")
        chosen |= found
    return chosen


def listed(names: Sequence[str]) -> str:
    """Return names as a list in a sentence: the first ten, and how many more there are."""
    more = len(names) - _LISTED
    return ", ".join(names[:_LISTED]) + (f" and {more} more" if more > 0 else "")


def _near(wanted: str, names: Sequence[str]) -> str:
    """Return a suggestion: names that contain the text, the nearest one, or all."""
    if not names:
        return "; there are no readings yet"
    holding = [one for one in names if wanted and wanted.lower() in one.lower()]
    if holding:
        return f"; did you mean {listed(holding)}?"
    return nearest(wanted, names) or f"; known: {listed(names)}"


def limits_of(config: Config, name: str, field: Field) -> list[ThresholdLine]:
    """Return the amounts that threshold rules compare a series' with; none if no configured account has it."""
    series = _configured(config, name)
    return [] if series is None else threshold_lines(config.rules, series, field)


def _configured(config: Config, name: str) -> Series | None:
    """Return the series, if one of the configured accounts has or may have it."""
    *owner, currency = Subject(name).key
    accounts = (account for job in config.jobs for account in job.accounts)
    return next((account.series(currency) for account in accounts if account.key == tuple(owner)), None)
