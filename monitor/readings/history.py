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
    """Some of the `count` readings of a query, oldest first, with the last one before them, and the gaps."""

    query: HistoryQuery
    readings: tuple[Reading, ...]
    count: int
    before: Reading | None
    gaps: tuple[tuple[datetime, datetime], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class TerminalChart:
    """The content of a chart. `firing`: when alerts about the series fired, each with its rule."""

    query: HistoryQuery
    field: Field
    curve: Curve
    limits: tuple[ThresholdLine, ...]
    firing: tuple[tuple[str, datetime, datetime], ...]


def title(page: ReadingsPage) -> str:
    """Return the title of a page: how many readings it shows, and their period."""
    query, shown = page.query, len(page.readings)
    within = f"{moment(query.since)} to {moment(query.until)}"
    some = f"the newest {shown:,} of {page.count:,} readings" if shown < page.count else f"{shown:,} readings"
    return f"{query.series}: {'1 reading' if page.count == 1 else some}, {within}"


def latest_page(store: Path, query: HistoryQuery, limit: int | None) -> ReadingsPage:
    """Return the newest readings, at most `limit` (None: all). Raises StoreError if the store can't be read."""
    # One more than is shown: if it exists, there are older ones, and it is the last reading before the first shown.
    wanted = -1 if limit is None else limit + 1
    found = readings(store, query.series, since=query.since, before=query.until, limit=wanted)
    shown = found if limit is None else found[:limit]
    older = found[len(shown) :]
    first = shown[-1].observed_at if shown else query.until
    before = older or readings(store, query.series, before=first, limit=1)
    return ReadingsPage(
        query=query,
        readings=tuple(reversed(shown)),
        count=_count(store, query) if older else len(shown),
        before=before[0] if before else None,
        gaps=read.gaps(store, query.series, since=query.since, until=query.until, gap_after=query.gap_after),
    )


def _count(path: Path, query: HistoryQuery) -> int:
    with archive(path) as store:
        if store is None:
            return 0
        mine = [one for one in store.series() if one.name == query.series]
        return store.count(mine, query.since, query.until)


def gaps(page: ReadingsPage) -> Iterator[tuple[datetime | None, timedelta]]:
    """Yield each gap: the instant of the reading before it (None: before the first one shown), and its length.

    The time before the first reading of all is no gap: the series was not watched then."""
    query = page.query
    newest = page.readings[-1] if page.readings else page.before
    if newest is None:
        return
    first = page.readings[0].observed_at if page.readings else query.until
    for begins, ends in page.gaps:
        if ends >= first:
            yield (begins if begins >= first else None), ends - max(begins, query.since)
    if query.until - newest.observed_at > query.gap_after:
        within = newest.observed_at >= query.since
        yield (newest.observed_at if within else None), query.until - max(newest.observed_at, query.since)


def draw(
    store: Path, query: HistoryQuery, field: Field, limits: Sequence[ThresholdLine], slices: int
) -> TerminalChart:
    """Return the content of a chart with so many slices. Raises StoreError if the store can't be read."""
    thinned = curve(
        store,
        query.series,
        field,
        since=query.since,
        until=query.until,
        slices=slices,
        gap_after=query.gap_after,
    )
    return TerminalChart(
        query=query,
        field=field,
        curve=thinned,
        limits=tuple(limits),
        firing=tuple(_firing(store, query)),
    )


def _firing(store: Path, query: HistoryQuery) -> Iterator[tuple[str, datetime, datetime]]:
    for one in incidents(store, query.since):
        ended = one.ended_at or (query.until if one.state == "firing" else None)
        if one.subject == query.series and one.state != "pending" and ended is not None:
            yield one.rule, max(one.began, query.since), min(ended, query.until)
