"""The store's files in their place: noticed when somebody takes them away, and made good from what is still open.

A file that was deleted lives on for who has it open, so that everything would go on being written, to where nobody
will ever find it. What is open is whole, though: where the place is empty, it is written there again, and nothing
is lost. Where another file lies there, whose it is can't be known: what is open is saved beside it.
"""

import logging
import os
import sqlite3
from contextlib import closing
from itertools import count
from pathlib import Path

from monitor.errors import StoreError, StoreReplaced
from monitor.store.connection import Lock

log = logging.getLogger(__name__)

_OTHERS = ("-wal", "-shm", ".lock")


class Place:
    """Which files lay in the store's place when it was opened."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._files = [path, *(path.with_name(path.name + ending) for ending in _OTHERS)]
        self._found = self._identities()

    def is_kept(self) -> bool:
        """Whether they are still the same."""
        there = self._identities()
        self._found = [
            was or now for was, now in zip(self._found, there, strict=True)
        ]  # the log's come later
        return there == self._found

    def make_good(self, database: sqlite3.Connection, lock: Lock) -> None:
        """Puts in its place again what was taken away, from the open database, which has to be opened anew then.

        Raises StoreReplaced where another file lies there, StoreError where it can't be done (yet)."""
        there = _identity(self._path)
        if there in (None, self._found[0]):
            lock.renew()
        self._empty_log(database)
        if there is None:
            self._write_anew(database)
            log.error("store file was deleted; written again, nothing is lost", extra=self._fields())
        elif there != self._found[0]:
            raise StoreReplaced(
                f"{self._path}: another file was put in the store's place while the daemon ran; what it knew is in "
                f"{self._save(database)}, and the next start takes the file that is there"
            )
        else:
            log.error("files beside the store were deleted; nothing is lost", extra=self._fields())

    def _identities(self) -> list[tuple[int, int] | None]:
        return [_identity(file) for file in self._files]

    def _fields(self) -> dict[str, dict[str, object]]:
        return {"fields": {"store": self._path}}

    def _empty_log(self, database: sqlite3.Connection) -> None:
        """Moves all into the database's own file: a log that stays behind would be taken for the next file's."""
        busy, *_ = database.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        if busy:
            raise StoreError(f"{self._path}: was taken away while another program reads it; end that program")

    def _write_anew(self, database: sqlite3.Connection) -> None:
        copy = self._path.with_name(f"{self._path.name}.part")
        copy.unlink(missing_ok=True)
        try:
            _copy(database, copy)
            os.link(copy, self._path)  # unlike a rename it never takes the place of a file
        finally:
            copy.unlink(missing_ok=True)
        _sync(self._path.parent)

    def _save(self, database: sqlite3.Connection) -> Path:
        names = (self._path.with_name(f"{self._path.name}.displaced-{number}") for number in count(1))
        copy = next(name for name in names if not name.exists())
        _copy(database, copy)
        _sync(copy.parent)
        return copy


def _identity(file: Path) -> tuple[int, int] | None:
    """What tells this file from any other; None where there is none."""
    try:
        found = file.stat()
    except FileNotFoundError:
        return None
    return found.st_dev, found.st_ino


def _copy(database: sqlite3.Connection, to: Path) -> None:
    os.close(os.open(to, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
    with closing(sqlite3.connect(to)) as target:
        database.backup(target)


def _sync(directory: Path) -> None:
    """A name survives a power cut only once its directory is on the disk."""
    file = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(file)
    finally:
        os.close(file)
