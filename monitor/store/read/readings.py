"""Read the history beside a running daemon, with plain `sqlite3` as in `state`.

Amounts have the digits of the response. To find the lowest and the highest one, SQLite compares them as floats: a chart
looks the same whichever of two amounts that differ only beyond the fifteenth digit it shows.
"""

import sqlite3
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path

from monitor.domain.model import FIELDS, Reading, Subject
from monitor.domain.time import from_micros, to_micros
from monitor.store.read.state import connected, instant_or_none


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """One amount of a reading, with the digits of the response, and its instant (UTC): a point of a chart."""

    at: datetime
    amount: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Curve:
    """A series over a span, thinned for a chart: of each slice the first and the last reading, the lowest and highest.

    `gaps` go from the last reading before each to the first one after it. `readings` is the number of readings before
    thinning."""

    points: tuple[Point, ...]
    gaps: tuple[tuple[datetime, datetime], ...]
    readings: int


def readings(
    path: Path, series: str, *, since: datetime | None = None, before: datetime | None = None, limit: int = -1
) -> list[Reading]:
    """Return the newest `limit` readings (-1: all) from `since` on and earlier than `before`, the newest first.

    Raises StoreError if the store can't be read."""
    with connected(path) as db:
        number = None if db is None else series_id(db, series)
        if db is None or number is None:
            return []
        rows = db.execute(
            "SELECT observed_at, total, available, locked, updated_at FROM snapshots"
            " WHERE series_id = ? AND observed_at >= ? AND observed_at < ? ORDER BY observed_at DESC LIMIT ?",
            (
                number,
                # SQLite's smallest and largest integers
                -(2**63) if since is None else to_micros(since),
                2**63 - 1 if before is None else to_micros(before),
                limit,
            ),
        )
        return [reading(*row) for row in rows]


def curve(
    path: Path,
    series: str,
    field: str,
    *,
    since: datetime,
    until: datetime,
    slices: int,
    gap_after: timedelta,
) -> Curve:
    """Return an amount of a series from `since` to `until`, in at most four points a slice: no low or high is lost.

    Two readings further apart than `gap_after` have a gap between them; the first one may begin with the last reading
    before `since`. Raises StoreError if the store can't be read."""
    with connected(path) as db:
        number = None if db is None else series_id(db, series)
        if db is None or number is None:
            return Curve(points=(), gaps=(), readings=0)
        db.execute("BEGIN")  # the points and the gaps are of one state of the store
        lower, upper = to_micros(since), to_micros(until)
        width = max(1, -(-(upper - lower) // slices))  # microseconds of a slice, rounded up
        points = tuple(_thinned(db, number, field, lower, upper, width))
        gaps = tuple(_gaps(db, number, lower, upper, gap_after))
        (count,) = db.execute(
            "SELECT count(*) FROM snapshots WHERE series_id = ? AND observed_at BETWEEN ? AND ?",
            (number, lower, upper),
        ).fetchone()
    return Curve(points=points, gaps=gaps, readings=count)


def gaps(
    path: Path, series: str, *, since: datetime, until: datetime, gap_after: timedelta
) -> tuple[tuple[datetime, datetime], ...]:
    """Return the gaps of a series, as in a `Curve`. Raises StoreError if the store can't be read."""
    with connected(path) as db:
        number = None if db is None else series_id(db, series)
        if db is None or number is None:
            return ()
        return tuple(_gaps(db, number, to_micros(since), to_micros(until), gap_after))


def before(path: Path, at: datetime, no_older_than: datetime) -> dict[str, Reading]:
    """Return the last reading of every series at an instant or before it, by name. Leave out those older than
    `no_older_than`.

    Raises StoreError if the store can't be read."""
    with connected(path) as db:
        if db is None:
            return {}
        rows = db.execute(
            "SELECT a.job || '/' || a.name || '/' || s.currency, p.observed_at, p.total, p.available, p.locked"
            " FROM series s JOIN accounts a ON a.id = s.account_id CROSS JOIN snapshots p ON p.series_id = s.id"
            " AND p.observed_at = (SELECT q.observed_at FROM snapshots q WHERE q.series_id = s.id"
            " AND q.observed_at BETWEEN ? AND ? ORDER BY q.observed_at DESC LIMIT 1)",
            (to_micros(no_older_than), to_micros(at)),
        )
        return {name: reading(*row) for name, *row in rows}


Outline = list[tuple[int, float, float] | None]
"""The number of a slice of time, and the lowest and highest amount in it; None between two slices with a gap."""


def outlines(
    path: Path, gaps_after: Mapping[str, timedelta], *, since: datetime, until: datetime, slices: int
) -> dict[str, Outline]:
    """Return the lowest and highest available amount of each series in every slice in which it was read, by name.

    `gaps_after` names the series, and the span without readings after which each has a gap. If none of them has
    readings from `since` on, the slices begin with the first reading. Amounts are floats: they are drawn some sixty
    pixels wide. Raises StoreError if the store can't be read."""
    with connected(path) as db:
        if db is None:
            return {}
        found = {name: number for name in gaps_after if (number := series_id(db, name)) is not None}
        firsts = [
            first for number in found.values() if (first := _first(db, number, to_micros(since))) is not None
        ]
        lower = min(firsts, default=to_micros(since))
        width = max(1, -(-(to_micros(until) + 1 - lower) // slices))
        return {name: _outline(db, number, lower, width, gaps_after[name]) for name, number in found.items()}


def series_id(db: sqlite3.Connection, name: str) -> int | None:
    """Return the id of a series in the store; None if it is not in it."""
    found = db.execute(
        "SELECT s.id FROM accounts a JOIN series s ON s.account_id = a.id"
        " WHERE a.job = ? AND a.name = ? AND s.currency = ?",
        Subject(name).key,
    ).fetchone()
    return None if found is None else int(found[0])


def reading(
    at: int, total: str, available: str, locked: str | None, updated_at: int | None = None
) -> Reading:
    """Return the reading that a row of the table holds."""
    return Reading(
        observed_at=from_micros(at),
        total=Decimal(total),
        available=Decimal(available),
        locked=None if locked is None else Decimal(locked),
        updated_at=instant_or_none(updated_at),
    )


def _thinned(
    db: sqlite3.Connection, number: int, field: str, lower: int, upper: int, width: int
) -> Iterator[Point]:
    """Yield the first and the last reading of each slice, and those with the lowest and the highest amount.

    SQLite takes bare columns from the row in which it found min() or max(): lang_select.html, "Bare columns in an
    aggregate query"."""
    if field not in FIELDS:
        raise ValueError(f"no such field: {field}")
    within = f"FROM snapshots WHERE series_id = :series AND observed_at BETWEEN :lower AND :upper AND {field} NOTNULL"
    group = "GROUP BY (observed_at - :lower) / :width"
    picks = (
        "min(observed_at)",
        "max(observed_at)",
        f"min(CAST({field} AS REAL))",
        f"max(CAST({field} AS REAL))",
    )
    selects = (
        f"SELECT observed_at AS at, {field} AS amount, {pick} AS pick {within} {group}" for pick in picks
    )
    union = " UNION ".join(f"SELECT at, amount FROM ({select}) WHERE pick NOTNULL" for select in selects)  # noqa: S608 -- our own text
    values = {"series": number, "lower": lower, "upper": upper, "width": width}
    for at, amount in db.execute(f"{union} ORDER BY at", values):
        yield Point(at=from_micros(at), amount=amount)


def _gaps(
    db: sqlite3.Connection, number: int, lower: int, upper: int, gap_after: timedelta
) -> Iterator[tuple[datetime, datetime]]:
    """Yield the spans between two readings longer than `gap_after` in which a poll brought no reading, or that are more
    than 2.5 times as long as the three before and after.

    The second condition is for readings before a change of the schedule, and imported ones: their interval was another,
    and `gap_after` is that of today."""
    rows = db.execute(
        "WITH readings AS (SELECT observed_at AS at, lag(observed_at) OVER (ORDER BY observed_at) AS previous"
        " FROM snapshots WHERE series_id = :series AND observed_at BETWEEN coalesce((SELECT max(observed_at)"
        " FROM snapshots WHERE series_id = :series AND observed_at < :lower), :lower) AND :upper),"
        " pauses AS (SELECT previous, at,"
        " min(at - previous) OVER (ORDER BY at ROWS BETWEEN 3 PRECEDING AND 1 PRECEDING) AS before,"
        " min(at - previous) OVER (ORDER BY at ROWS BETWEEN 1 FOLLOWING AND 3 FOLLOWING) AS after"
        " FROM readings WHERE previous NOTNULL)"
        " SELECT previous, at FROM pauses WHERE at - previous > :gap_after"
        " AND (coalesce(before, after) ISNULL"
        " OR at - previous > 2.5 * max(coalesce(before, after), coalesce(after, before))"
        " OR EXISTS (SELECT 1 FROM polls WHERE account_id = (SELECT account_id FROM series WHERE id = :series)"
        " AND started_at >= previous AND started_at < at AND finished_at < at)) ORDER BY at",
        {
            "series": number,
            "lower": lower,
            "upper": upper,
            "gap_after": gap_after // timedelta(microseconds=1),
        },
    )
    for previous, at in rows:
        yield from_micros(previous), from_micros(at)


def _first(db: sqlite3.Connection, number: int, lower: int) -> int | None:
    found = db.execute(
        "SELECT observed_at FROM snapshots WHERE series_id = ? AND observed_at >= ? ORDER BY observed_at LIMIT 1",
        (number, lower),
    ).fetchone()
    return None if found is None else int(found[0])


def _outline(db: sqlite3.Connection, number: int, lower: int, width: int, gap_after: timedelta) -> Outline:
    outline: Outline = []
    rows = db.execute(
        "SELECT (observed_at - ?) / ? AS slice, min(CAST(available AS REAL)), max(CAST(available AS REAL))"
        " FROM snapshots WHERE series_id = ? AND observed_at >= ? GROUP BY slice",
        (lower, width, number, lower),
    )
    before = None
    for slice_, low, high in rows:
        if before is not None and (slice_ - before - 1) * width > gap_after // timedelta(microseconds=1):
            outline.append(None)
        outline.append((slice_, low, high))
        before = slice_
    return outline
