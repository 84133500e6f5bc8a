"""Readings that are being imported: kept apart from the store until the whole file is checked.

They are in a temporary database of SQLite: in memory while they are few, otherwise in a file without a name in
$SQLITE_TMPDIR, $TMPDIR, /var/tmp or /tmp, which disappears with the process.
"""

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from monitor.errors import StoreError
from monitor.store.read.all_readings import ReadingRow

_COLUMNS = "observed_at, total, available, locked, updated_at, line"


class Staging:
    """The staged readings, by series and instant. The caller numbers the series. Instants are microseconds in UTC."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db
        db.execute("PRAGMA journal_mode = OFF")  # nothing here is ever rolled back
        db.execute(
            "CREATE TABLE staged (series INTEGER, observed_at INTEGER, total TEXT, available TEXT, locked TEXT,"
            " updated_at INTEGER, line INTEGER, PRIMARY KEY (series, observed_at)) WITHOUT ROWID"
        )
        db.execute("BEGIN")

    def add(self, series: int, row: ReadingRow, line: int) -> tuple[ReadingRow, int] | None:
        """Add a reading and the number of its line in the file.

        If one of this series and instant is there, leave it and return it with its line."""
        added = self._db.execute(
            "INSERT INTO staged VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING", (series, *row, line)
        )
        if added.rowcount:
            return None
        where = "WHERE series = ? AND observed_at = ?"
        there = self._db.execute(
            f"SELECT {_COLUMNS} FROM staged {where}",  # noqa: S608 -- constant text
            (series, row[0]),
        ).fetchone()
        return there[:-1], there[-1]

    def drop(self, series: int, instants: Sequence[int]) -> None:
        """Remove the readings of a series at some instants."""
        self._db.executemany(
            "DELETE FROM staged WHERE series = ? AND observed_at = ?", [(series, at) for at in instants]
        )

    def count(self, before: int | None = None) -> int:
        """Return the number of readings: of all, or of those before an instant."""
        (count,) = self._db.execute(
            "SELECT count(*) FROM staged WHERE ? IS NULL OR observed_at < ?", (before, before)
        ).fetchone()
        return int(count)

    def newest(self, series: int) -> int | None:
        """Return the instant of the newest reading of a series; None if there is none."""
        (newest,) = self._db.execute(
            "SELECT max(observed_at) FROM staged WHERE series = ?", (series,)
        ).fetchone()
        return None if newest is None else int(newest)

    def newest_first(self, series: int, size: int) -> Iterator[list[tuple[ReadingRow, int]]]:
        """Yield the readings of a series with their lines in pages, newest first. A page's readings may be dropped."""
        query = (
            f"SELECT {_COLUMNS} FROM staged WHERE series = ? AND observed_at <= ?"  # noqa: S608 -- constant text
            " ORDER BY observed_at DESC LIMIT ?"
        )
        upper = 2**63 - 1
        while page := self._db.execute(query, (series, upper, size)).fetchall():
            yield [(row[:-1], row[-1]) for row in page]
            upper = page[-1][0] - 1


@contextmanager
def staging() -> Iterator[Staging]:
    """Create an empty staging area for the block. Raises StoreError if there is no room for it."""
    db = sqlite3.connect("", isolation_level=None)  # SQLite takes an empty name for a temporary file
    try:
        yield Staging(db)
    except sqlite3.Error as exc:
        raise StoreError(
            f"the temporary database of the import: {exc}; nothing was changed. Set TMPDIR to a folder with as much "
            f"free space as the file takes"
        ) from exc
    finally:
        db.close()
