"""How a store of this version is recognised, and the errors for everything else that may be at its path."""

import sqlite3
from pathlib import Path

from monitor.errors import StoreError

APPLICATION_ID = 0x42414C4D
"""SQLite's `application_id` of a store: the letters "BALM"."""

SCHEMA = "0005"
"""The revision of the newest migration."""

FOREIGN = "a database of another program; nothing was changed. Set store.url to another path"
NEWER = (
    "written by a newer balance-monitor (schema {}); nothing was changed. Install that version again, "
    "or set store.url to another path"
)
OLDER = "of an older version; `balance-monitor run` or `poll` upgrades it"
DAMAGED = (
    "damaged or not a SQLite database ({}); nothing was changed. Move it away and restore a backup, try "
    "`sqlite3 FILE .recover`, or start with a new file"
)
HALF_WRITTEN = (
    "half written: the process that wrote it was killed; nothing was changed. If it is a store, the next "
    "`balance-monitor run` or `poll` rolls that back by itself"
)


def is_empty(db: sqlite3.Connection) -> bool:
    """Return whether a database has no tables: its creation was interrupted."""
    (tables,) = db.execute("SELECT count(*) FROM sqlite_master").fetchone()
    return not tables


def check_identity(path: Path, db: sqlite3.Connection) -> None:
    """Raise StoreError, with a remedy, for anything but a store of exactly this version."""
    (application,) = db.execute("PRAGMA application_id").fetchone()
    if application != APPLICATION_ID:
        raise StoreError(f"{path}: {FOREIGN}")
    (revision,) = db.execute("SELECT version_num FROM alembic_version").fetchone()
    if revision > SCHEMA:
        raise StoreError(f"{path}: {NEWER.format(revision)}")
    if revision < SCHEMA:
        raise StoreError(f"{path}: {OLDER}")
