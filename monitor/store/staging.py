"""Readings on their way from a file into the store: kept apart until all of them are known to be right.

They lie in a temporary database of SQLite's own making: in memory while they are few, else in a file without a name
in the folder for such ($SQLITE_TMPDIR, $TMPDIR, /var/tmp, /tmp), which is gone with the process.
"""

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from monitor.errors import StoreError
from monitor.store.read.all_readings import ReadingRow

_COLUMNS = "observed_at, total, available, locked, updated_at, line"


class Staging:
    """Readings by series and instant. Series are numbers that the caller gives."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db
        db.execute("PRAGMA journal_mode = OFF")
        db.execute(
            "CREATE TABLE staged (series INTEGER, observed_at INTEGER, total TEXT, available TEXT, locked TEXT,"
            " updated_at INTEGER, line INTEGER, PRIMARY KEY (series, observed_at)) WITHOUT ROWID"
        )
        db.execute("BEGIN")

    def add(self, series: int, row: ReadingRow, line: int) -> tuple[ReadingRow, int] | None:
        """Keep a reading and the line of the file that it stands in; where there is one of that series and instant
        already, return that one instead."""
        added = self._db.execute(
            "INSERT INTO staged VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING", (series, *row, line)
        )
        if added.rowcount:
            return None
        where = "WHERE series = ? AND observed_at = ?"
        there = self._db.execute(
            f"SELECT {_COLUMNS} FROM staged {where}",  # noqa: S608 -- our own text
            (series, row[0]),
        ).fetchone()
        return there[:-1], there[-1]

    def drop(self, series: int, instants: Sequence[int]) -> None:
        """Forgets the readings of a series at some instants."""
        self._db.executemany(
            "DELETE FROM staged WHERE series = ? AND observed_at = ?", [(series, at) for at in instants]
        )

    def count(self, before: int | None = None) -> int:
        """How many readings there are: all, or those earlier than an instant (microseconds)."""
        (count,) = self._db.execute(
            "SELECT count(*) FROM staged WHERE ? IS NULL OR observed_at < ?", (before, before)
        ).fetchone()
        return int(count)

    def newest(self, series: int) -> int | None:
        """The instant of the newest reading of a series; None where there is none."""
        (newest,) = self._db.execute(
            "SELECT max(observed_at) FROM staged WHERE series = ?", (series,)
        ).fetchone()
        return None if newest is None else int(newest)

    def newest_first(self, series: int, size: int) -> Iterator[list[tuple[ReadingRow, int]]]:
        """Yield the readings of a series with their lines, in pages, the newest first. What a page held may be
        dropped."""
        question = (
            f"SELECT {_COLUMNS} FROM staged WHERE series = ? AND observed_at <= ?"  # noqa: S608 -- our own text
            " ORDER BY observed_at DESC LIMIT ?"
        )
        upper = 2**63 - 1
        while page := self._db.execute(question, (series, upper, size)).fetchall():
            yield [(row[:-1], row[-1]) for row in page]
            upper = page[-1][0] - 1


@contextmanager
def staging() -> Iterator[Staging]:
    """An empty place, gone at the end. Raises StoreError where there is no room for it."""
    db = sqlite3.connect("", isolation_level=None)  # the empty name: SQLite makes a file that only it knows
    try:
        yield Staging(db)
    except sqlite3.Error as exc:
        raise StoreError(
            f"the temporary database for what is imported: {exc}; nothing was changed. Set TMPDIR to a folder with "
            f"as much room as the file takes"
        ) from exc
    finally:
        db.close()
