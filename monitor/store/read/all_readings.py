"""All readings, read beside a running daemon: in pages, each a short read of its own.

One read that lasted as long as an export would keep SQLite from ever emptying the write-ahead log meanwhile.
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
"""Readings in a page."""

ReadingRow: TypeAlias = tuple[int, str, str, str | None, int | None]
"""A reading as it is kept: observed_at, total, available, locked, updated_at. Of millions, values of our own would
take twice the time; instants are microseconds since 1970 UTC."""

_COLUMNS = "observed_at, total, available, locked, updated_at"


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredSeries:
    """A series that the store knows, and when it was read last (microseconds), if ever."""

    id: int
    job: str
    account: str
    currency: str
    observed_at: int | None

    @property
    def name(self) -> str:
        """As `status` calls it."""
        return f"{self.job}/{self.account}/{self.currency}"

    @property
    def key(self) -> tuple[str, str, str]:
        """What tells it from every other."""
        return self.job, self.account, self.currency


class Archive:
    """A store that is read page by page."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db

    def series(self) -> list[StoredSeries]:
        """All series, in order."""
        rows = self._db.execute(
            "SELECT s.id, a.job, a.name, s.currency, s.observed_at FROM series s"
            " JOIN accounts a ON a.id = s.account_id ORDER BY a.job, a.name, s.currency"
        ).fetchall()
        return [
            StoredSeries(id=number, job=job, account=account, currency=currency, observed_at=observed_at)
            for number, job, account, currency, observed_at in rows
        ]

    def accounts(self) -> set[tuple[str, str]]:
        """The accounts (job, name) that the store knows."""
        return set(self._db.execute("SELECT job, name FROM accounts").fetchall())

    def count(self, series: Iterable[StoredSeries], since: datetime | None, before: datetime) -> int:
        """How many readings `pages` would give."""
        question = (
            "SELECT count(*) FROM snapshots WHERE series_id = ? AND observed_at >= ? AND observed_at < ?"
        )
        lower, upper = _lower(since), to_micros(before)
        counted = (self._db.execute(question, (one.id, lower, upper)).fetchone() for one in series)
        return sum(count for (count,) in counted)

    def pages(
        self, series: Iterable[StoredSeries], since: datetime | None, before: datetime
    ) -> Iterator[tuple[StoredSeries, list[ReadingRow]]]:
        """The readings from `since` on and earlier than `before`, series after series, each oldest first."""
        for one in series:
            for page in self._pages(one, _lower(since), to_micros(before)):
                yield one, page

    def _pages(self, one: StoredSeries, lower: int, upper: int) -> Iterator[list[ReadingRow]]:
        question = (
            f"SELECT {_COLUMNS} FROM snapshots WHERE series_id = ? AND observed_at >= ? AND observed_at < ?"  # noqa: S608 -- our own text
            f" ORDER BY observed_at LIMIT {PAGE}"
        )
        while page := self._db.execute(question, (one.id, lower, upper)).fetchall():
            yield page
            lower = page[-1][0] + 1
            if len(page) < PAGE:
                return

    def last(self, one: StoredSeries, until: int) -> int | None:
        """When a series was read last, up to an instant (microseconds)."""
        question = (
            "SELECT observed_at FROM snapshots WHERE series_id = ? AND observed_at <= ?"
            " ORDER BY observed_at DESC LIMIT 1"
        )
        found = self._db.execute(question, (one.id, until)).fetchone()
        return None if found is None else int(found[0])

    def at(self, one: StoredSeries, instants: Sequence[int]) -> list[ReadingRow]:
        """What is kept of a series at these very instants."""
        question = (
            f"SELECT {_COLUMNS} FROM snapshots"  # noqa: S608 -- our own text
            " WHERE series_id = ? AND observed_at IN (SELECT value FROM json_each(?))"
        )
        return self._db.execute(question, (one.id, json.dumps(instants))).fetchall()


@contextmanager
def archive(path: Path) -> Iterator[Archive | None]:
    """The store, to be read page by page; None where there is none yet. Raises StoreError where it can't be read."""
    with connected(path) as db:
        yield None if db is None else Archive(db)


def _lower(since: datetime | None) -> int:
    return -(2**63) if since is None else to_micros(since)
