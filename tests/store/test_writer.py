"""The writer: work committed together, and what it survives."""

import asyncio
import sqlite3
from datetime import timedelta
from functools import partial
from pathlib import Path

import pytest

from monitor.domain.model import Reading
from monitor.errors import StoreError
from monitor.store.transaction import Transaction
from monitor.store.writer import Store

from .support import NOW, history, keep, snapshot


async def test_a_failing_piece_of_work_takes_no_other_with_it(store: Store) -> None:
    """Work committed together has a savepoint each."""

    def broken(tx: Transaction) -> None:
        keep(tx, snapshot("1"))
        raise ValueError("broken")

    one, two, three = await asyncio.gather(
        store.write(lambda tx: keep(tx, snapshot("2", NOW + timedelta(seconds=2)))),
        store.write(broken),
        store.write(lambda tx: keep(tx, snapshot("3", NOW + timedelta(seconds=3)))),
        return_exceptions=True,
    )
    assert (one, three) == (None, None)
    assert isinstance(two, ValueError)
    assert await store.write(lambda tx: history(tx, NOW - timedelta(days=1), 9)) == ["2", "3"]


def _keep_one(reading: Reading, tx: Transaction) -> None:
    keep(tx, reading)


async def test_work_handed_over_before_the_close_is_written(tmp_path: Path) -> None:
    """`close` is the end of the queue, not the end of what is in it."""
    store = Store(tmp_path / "store.db")
    readings = [snapshot(str(n), NOW + timedelta(seconds=n)) for n in range(50)]
    writes = [asyncio.create_task(store.write(partial(_keep_one, one))) for one in readings]
    await asyncio.sleep(0)
    await store.close()
    await asyncio.gather(*writes)
    connection = sqlite3.connect(tmp_path / "store.db")
    assert connection.execute("SELECT count(*) FROM snapshots").fetchone() == (50,)
    connection.close()


async def test_who_gives_up_waiting_does_not_undo_the_write(store: Store) -> None:
    """A cancelled task's work is committed all the same: it may have been already."""
    task = asyncio.create_task(store.write(lambda tx: keep(tx, snapshot("5"))))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert await store.write(lambda tx: history(tx, NOW, 1)) == ["5"]


async def test_a_reader_is_not_blocked_by_the_writer(store: Store) -> None:
    """WAL: what was committed can be read while a transaction is under way."""
    await store.write(lambda tx: keep(tx, snapshot("5")))

    def look_from_outside(tx: Transaction) -> int:
        keep(tx, snapshot("6", NOW + timedelta(seconds=1)))
        connection = sqlite3.connect(f"file:{store.path}?mode=ro", uri=True, timeout=0)
        try:
            (count,) = connection.execute("SELECT count(*) FROM snapshots").fetchone()
        finally:
            connection.close()
        return int(count)

    assert await store.write(look_from_outside) == 1


async def test_a_full_disk_is_said_and_passes(store: Store) -> None:
    """Nothing of the transaction is kept, the words say what to do, and the store works again with space."""
    await store.write(lambda tx: keep(tx, snapshot("5")))

    def limit(tx: Transaction, pages: int) -> None:
        tx._db.exec_driver_sql(f"PRAGMA max_page_count = {pages}")

    def much(tx: Transaction) -> None:
        keep(tx, *(snapshot("9" * 900, NOW + timedelta(seconds=n)) for n in range(1, 200)))

    await store.write(lambda tx: limit(tx, 1))
    with pytest.raises(StoreError, match="the disk is full; free some space"):
        await store.write(much)
    assert await store.write(lambda tx: history(tx, NOW - timedelta(days=1), 9)) == ["5"]
    await store.write(lambda tx: limit(tx, 1_000_000))
    await store.write(much)
