"""Write imported readings beside a running daemon, in transactions so short that it hardly waits."""

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from sqlalchemy import Connection

from monitor.domain.model import Series
from monitor.domain.time import to_micros
from monitor.store.connection import Lock, attached, check_place, open_engine
from monitor.store.read.all_readings import ReadingRow

_KEYS = "series_id, observed_at, total, available, locked, updated_at"


def create(path: Path) -> None:
    """Create an empty store, unless there is one. Raises StoreError."""
    path = path.resolve()
    check_place(path)
    if path.exists() and path.stat().st_size:
        return  # without the lock, which a running daemon holds
    lock = Lock(path)
    try:
        open_engine(path).dispose()
    finally:
        lock.release()


def restore(path: Path, series: Series, rows: Sequence[ReadingRow], now: datetime) -> int:
    """Store readings of one series, newest first, in one transaction; return how many are new.

    Creates the account and the series if they are new. The newest reading becomes the series' last one, unless there
    is a later one. Callers pass the newest page first: during the import, rules that compare with earlier readings then
    never take an old reading for the last one, and miss none between the two.
    Raises StoreError; then nothing of it was written."""
    with attached(path.resolve()) as db:
        number = _series_id(db, series, to_micros(now))
        added = db.exec_driver_sql(
            f"INSERT INTO snapshots ({_KEYS}) VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",  # noqa: S608 -- constant text
            [(number, *row) for row in reversed(rows)],
        ).rowcount
        newest = rows[0]
        db.exec_driver_sql(
            "UPDATE series SET observed_at = ?, total = ?, available = ?, locked = ?, updated_at = ?"
            " WHERE id = ? AND (observed_at IS NULL OR observed_at < ?)",
            (*newest, number, newest[0]),
        )
    return added


def _series_id(db: Connection, series: Series, now: int) -> int:
    account = series.account
    db.exec_driver_sql(
        "INSERT INTO accounts (provider, job, name, added_at, outcome, detail, failures, failures_alike, missed_runs)"
        " VALUES (?, ?, ?, ?, 'ok', '', 0, 0, 0) ON CONFLICT DO NOTHING",
        (account.provider, account.job, account.name, now),
    )
    (number,) = db.exec_driver_sql(
        "SELECT id FROM accounts WHERE job = ? AND name = ?", (account.job, account.name)
    ).one()
    db.exec_driver_sql(
        "INSERT INTO series (account_id, currency, added_at, missing, missing_detail) VALUES (?, ?, ?, 0, '')"
        " ON CONFLICT DO NOTHING",
        (number, series.currency, now),
    )
    found = db.exec_driver_sql(
        "SELECT id FROM series WHERE account_id = ? AND currency = ?", (number, series.currency)
    ).one()
    return int(found[0])
