"""Read all readings beside a running daemon: in pages, each a short read transaction of its own.

One transaction as long as an export would keep SQLite from emptying the write-ahead log for all that time.
"""

import json
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TypeAlias

from monitor.domain.time import to_micros
from monitor.store.read.state import connected

PAGE = 5_000
"""The largest number of readings in a page."""

ReadingRow: TypeAlias = tuple[int, str, str, str | None, int | None]
"""A reading as it is stored: observed_at, total, available, locked, updated_at. Instants are microseconds since 1970
UTC. An export of millions of readings would take twice the time with `Reading` values."""

_COLUMNS = "observed_at, total, available, locked, updated_at"


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredSeries:
    """A series in the store. `observed_at`: when it was read last, in microseconds since 1970 UTC; None: never."""

    id: int
    job: str
    account: str
    currency: str
    observed_at: int | None

    @property
    def name(self) -> str:
        """Return the name of the series: `job/account/currency`."""
        return f"{self.job}/{self.account}/{self.currency}"

    @property
    def key(self) -> tuple[str, str, str]:
        """Return job, account and currency, which identify the series."""
        return self.job, self.account, self.currency


class Archive:
    """A store that is read page by page."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db

    def series(self) -> list[StoredSeries]:
        """Return all series, in the order of their names."""
        rows = self._db.execute(
            "SELECT s.id, a.job, a.name, s.currency, s.observed_at FROM series s"
            " JOIN accounts a ON a.id = s.account_id ORDER BY a.job, a.name, s.currency"
        ).fetchall()
        return [
            StoredSeries(id=number, job=job, account=account, currency=currency, observed_at=observed_at)
            for number, job, account, currency, observed_at in rows
        ]

    def accounts(self) -> set[tuple[str, str]]:
        """Return the accounts (job, name) in the store."""
        return set(self._db.execute("SELECT job, name FROM accounts").fetchall())

    def count(self, series: Iterable[StoredSeries], since: datetime | None, before: datetime) -> int:
        """Return the number of readings that `pages` yields for the same arguments."""
        query = "SELECT count(*) FROM snapshots WHERE series_id = ? AND observed_at >= ? AND observed_at < ?"
        lower, upper = _lower(since), to_micros(before)
        counted = (self._db.execute(query, (one.id, lower, upper)).fetchone() for one in series)
        return sum(count for (count,) in counted)

    def pages(
        self, series: Iterable[StoredSeries], since: datetime | None, before: datetime
    ) -> Iterator[tuple[StoredSeries, list[ReadingRow]]]:
        """Yield the readings from `since` on (None: all) and before `before`: series by series, each oldest first."""
        for one in series:
            for page in self._pages(one, _lower(since), to_micros(before)):
                yield one, page

    def _pages(self, one: StoredSeries, lower: int, upper: int) -> Iterator[list[ReadingRow]]:
        query = (
            f"SELECT {_COLUMNS} FROM snapshots WHERE series_id = ? AND observed_at >= ? AND observed_at < ?"  # noqa: S608 -- our own text
            f" ORDER BY observed_at LIMIT {PAGE}"
        )
        while page := self._db.execute(query, (one.id, lower, upper)).fetchall():
            yield page
            lower = page[-1][0] + 1
            if len(page) < PAGE:
                return

    def last(self, one: StoredSeries, until: int) -> int | None:
        """Return when a series was read last, at an instant or before it (microseconds); None if it was not."""
        query = (
            "SELECT observed_at FROM snapshots WHERE series_id = ? AND observed_at <= ?"
            " ORDER BY observed_at DESC LIMIT 1"
        )
        found = self._db.execute(query, (one.id, until)).fetchone()
        return None if found is None else int(found[0])

    def at(self, one: StoredSeries, instants: Sequence[int]) -> list[ReadingRow]:
        """Return the readings of a series at exactly these instants (microseconds)."""
        query = (
            f"SELECT {_COLUMNS} FROM snapshots"  # noqa: S608 -- our own text
            " WHERE series_id = ? AND observed_at IN (SELECT value FROM json_each(?))"
        )
        return self._db.execute(query, (one.id, json.dumps(instants))).fetchall()


@contextmanager
def archive(path: Path) -> Iterator[Archive | None]:
    """Open the store for reading page by page; None if there is none yet. Raises StoreError if it can't be read."""
    with connected(path) as db:
        yield None if db is None else Archive(db)


def _lower(since: datetime | None) -> int:
    # SQLite's smallest integer: before every instant
    return -(2**63) if since is None else to_micros(since)
