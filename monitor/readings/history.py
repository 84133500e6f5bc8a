"""The history of one series, as `history` shows it."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from monitor.domain.model import Field, Reading
from monitor.domain.rules import ThresholdLine
from monitor.domain.time import moment
from monitor.store.read import readings as read
from monitor.store.read.all_readings import archive
from monitor.store.read.incidents import incidents
from monitor.store.read.readings import Curve, curve, readings


@dataclass(frozen=True, slots=True, kw_only=True)
class HistoryQuery:
    """A query for the readings of one series, from `since` on and before `until`, both in UTC.

    Two readings further apart than `gap_after` have a gap between them."""

    series: str
    since: datetime
    until: datetime
    gap_after: timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadingsPage:
    """Some of the `count` readings of a query, oldest first, the last one before them, and the gaps."""

    asked: HistoryQuery
    readings: tuple[Reading, ...]
    count: int
    before: Reading | None
    gaps: tuple[tuple[datetime, datetime], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class TerminalChart:
    """The content of a chart. `firing`: when alerts about the series fired, each with its rule."""

    asked: HistoryQuery
    field: Field
    curve: Curve
    limits: tuple[ThresholdLine, ...]
    firing: tuple[tuple[str, datetime, datetime], ...]


def title(told: ReadingsPage) -> str:
    """Return a title: how many readings are shown, and of which time."""
    asked, shown = told.asked, len(told.readings)
    within = f"{moment(asked.since)} to {moment(asked.until)}"
    some = f"the newest {shown:,} of {told.count:,} readings" if shown < told.count else f"{shown:,} readings"
    return f"{asked.series}: {'1 reading' if told.count == 1 else some}, {within}"


def latest_page(store: Path, asked: HistoryQuery, limit: int | None) -> ReadingsPage:
    """Return the newest readings, at most `limit` (None: all)."""
    # One more than is shown: it tells whether there are older ones, and is the last reading before the first shown.
    wanted = -1 if limit is None else limit + 1
    found = readings(store, asked.series, since=asked.since, before=asked.until, limit=wanted)
    shown = found if limit is None else found[:limit]
    older = found[len(shown) :]
    first = shown[-1].observed_at if shown else asked.until
    before = older or readings(store, asked.series, before=first, limit=1)
    return ReadingsPage(
        asked=asked,
        readings=tuple(reversed(shown)),
        count=_count(store, asked) if older else len(shown),
        before=before[0] if before else None,
        gaps=read.gaps(store, asked.series, since=asked.since, until=asked.until, gap_after=asked.gap_after),
    )


def _count(path: Path, asked: HistoryQuery) -> int:
    with archive(path) as store:
        if store is None:
            return 0
        mine = [one for one in store.series() if one.name == asked.series]
        return store.count(mine, asked.since, asked.until)


def gaps(told: ReadingsPage) -> Iterator[tuple[datetime | None, timedelta]]:
    """Yield each gap: the reading after which it begins (None: before the first one shown), and how long it lasts.

    The time before the first reading ever is no gap: the series was not watched."""
    asked = told.asked
    newest = told.readings[-1] if told.readings else told.before
    if newest is None:
        return
    first = told.readings[0].observed_at if told.readings else asked.until
    for begins, ends in told.gaps:
        if ends >= first:
            yield (begins if begins >= first else None), ends - max(begins, asked.since)
    if asked.until - newest.observed_at > asked.gap_after:
        within = newest.observed_at >= asked.since
        yield (newest.observed_at if within else None), asked.until - max(newest.observed_at, asked.since)


def draw(
    store: Path, asked: HistoryQuery, field: Field, limits: Sequence[ThresholdLine], slices: int
) -> TerminalChart:
    """Return the content of a chart of so many slices."""
    thinned = curve(
        store,
        asked.series,
        field,
        since=asked.since,
        until=asked.until,
        slices=slices,
        gap_after=asked.gap_after,
    )
    return TerminalChart(
        asked=asked,
        field=field,
        curve=thinned,
        limits=tuple(limits),
        firing=tuple(_firing(store, asked)),
    )


def _firing(store: Path, asked: HistoryQuery) -> Iterator[tuple[str, datetime, datetime]]:
    for one in incidents(store, asked.since):
        ended = one.ended_at or (asked.until if one.state == "firing" else None)
        if one.subject == asked.series and one.state != "pending" and ended is not None:
            yield one.rule, max(one.began, asked.since), min(ended, asked.until)
