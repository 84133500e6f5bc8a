"""Notice when the store's files are deleted or replaced while they are open, and restore them.

A deleted file continues to exist for the process that has it open: everything would be written to a file without a
name. That file is complete, however. If its place is empty, it is written there again, and nothing is lost. If another
file is there, that one may belong to another program: the open file is saved beside it.
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
    """The files of an open store, known by device and inode."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._files = [path, *(path.with_name(path.name + ending) for ending in _OTHERS)]
        self._found = [_identity(file) for file in self._files]

    def is_kept(self) -> bool:
        """Return whether the files are still the ones that were opened."""
        there = [_identity(file) for file in self._files]
        # SQLite creates -wal and -shm later, with the first transaction
        self._found = [was or now for was, now in zip(self._found, there, strict=True)]
        return there == self._found

    def restore(self, database: sqlite3.Connection, lock: Lock) -> None:
        """Restore missing files from the open database, which has to be opened again afterwards.

        Raises StoreReplaced if another file is in the store's place, StoreError if restoring is not possible (yet)."""
        fields = {"fields": {"store": self._path}}
        there = _identity(self._path)
        if there in (None, self._found[0]):
            lock.renew()
        # everything into the database's own file: a log left behind would be taken for the log of the next file
        busy, *_ = database.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        if busy:
            raise StoreError(f"{self._path}: was removed while another program reads it; end that program")
        if there is None:
            self._write_anew(database)
            log.error("store file was deleted; written again, nothing is lost", extra=fields)
        elif there != self._found[0]:
            raise StoreReplaced(
                f"{self._path}: another file was put in the store's place while the daemon ran; the former one is "
                f"saved as {self._save(database)}, and the next start uses the file that is there"
            )
        else:
            log.error("files beside the store were deleted; nothing is lost", extra=fields)

    def _write_anew(self, database: sqlite3.Connection) -> None:
        copy = self._path.with_name(f"{self._path.name}.part")
        copy.unlink(missing_ok=True)
        try:
            _copy(database, copy)
            os.link(copy, self._path)  # unlike a rename, it never replaces a file that somebody has put there
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
    """Return device and inode of a file; None if there is none."""
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
    """Flush a directory: a new name in it survives a power cut only then."""
    file = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(file)
    finally:
        os.close(file)
