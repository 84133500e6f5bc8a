"""The store's files taken away while it is open: noticed at the next write, and nothing of it lost."""

import logging
import os
import sqlite3
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from monitor.domain.model import NotedCall
from monitor.errors import StoreError, StoreLocked, StoreReplaced
from monitor.store import connection
from monitor.store.connection import Lock
from monitor.store.transaction import Transaction
from monitor.store.writer import Store

NOW = datetime(2026, 2, 1, 14, 30, tzinfo=UTC)
HOST = "https://nami.exchange:443"


async def add_call(store: Store, number: int) -> None:
    """Writes something that `calls` shows."""
    at = NOW + timedelta(seconds=number)
    call = NotedCall(caller="daemon", at=at, ends_by=at)
    await store.write(lambda tx: tx.hosts.add_call(HOST, call))


def calls(path: Path) -> list[int]:
    """The numbers of what was written, as another program reads them from the disk."""
    with closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True)) as reader:
        assert reader.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        found = reader.execute("SELECT at FROM calls ORDER BY at").fetchall()
    return [(at // 1_000_000) - int(NOW.timestamp()) for (at,) in found]


def all_files(path: Path) -> list[Path]:
    """Everything that lies there under the store's name."""
    return sorted(path.parent.glob(f"{path.name}*"))


@pytest.mark.parametrize(
    "endings",
    [[""], ["-wal"], ["-shm"], [".lock"], ["-wal", "-shm"], ["", "-wal", "-shm", ".lock"]],
    ids=["the-database", "its-log", "the-logs-index", "the-lock", "both-of-the-log", "everything"],
)
async def test_what_is_deleted_is_there_again_with_all_it_held(
    store: Store, endings: list[str], caplog: pytest.LogCaptureFixture
) -> None:
    """What was written before, and what was written between the deletion and its discovery, is in the new file."""
    await add_call(store, 1)
    for ending in endings:
        store.path.with_name(store.path.name + ending).unlink()
    await add_call(store, 2)
    assert calls(store.path) == [1, 2]
    await add_call(store, 3)
    assert calls(store.path) == [1, 2, 3]
    with pytest.raises(StoreLocked):
        Lock(store.path)
    assert [record.levelno for record in caplog.records] == [logging.ERROR]
    assert {file.stat().st_mode & 0o777 for file in all_files(store.path)} == {0o600}


async def test_a_deletion_right_before_the_end_is_made_good_too(tmp_path: Path) -> None:
    """The last write may lie before the deletion: the close looks once more."""
    store = Store(tmp_path / "store.db")
    await add_call(store, 1)
    store.path.unlink()
    await store.close()
    assert calls(store.path) == [1]


async def test_a_file_moved_away_is_whole_and_the_store_goes_on_in_its_place(store: Store) -> None:
    """Whoever moved it has all up to then; what comes after is in the new file only."""
    await add_call(store, 1)
    moved = store.path.rename(store.path.with_name("moved.db"))
    await add_call(store, 2)
    assert (calls(moved), calls(store.path)) == ([1], [1, 2])


async def test_another_file_in_the_stores_place_is_left_alone(tmp_path: Path) -> None:
    """What was open is saved beside it, once; nothing more is written anywhere."""
    store = Store(tmp_path / "store.db")
    await add_call(store, 1)
    other = store.path.with_name("other.db")
    with closing(sqlite3.connect(other)) as foreign:
        foreign.execute("CREATE TABLE invoices (id INTEGER PRIMARY KEY)")
    there = other.read_bytes()
    other.replace(store.path)
    for number in (2, 3):
        with pytest.raises(StoreReplaced, match=r"store\.db\.displaced-1, and the next start uses"):
            await add_call(store, number)
    await store.close()
    saved = store.path.with_name("store.db.displaced-1")
    assert calls(saved) == [1]
    assert saved.stat().st_mode & 0o777 == 0o600
    with closing(sqlite3.connect(store.path)) as foreign:
        assert foreign.execute("SELECT name FROM sqlite_master").fetchall() == [("invoices",)]
    assert store.path.read_bytes() == there
    assert not store.path.with_name("store.db.displaced-2").exists()


async def test_a_directory_that_is_gone_is_waited_for(store: Store) -> None:
    """While there is no place to write to, writing fails and says so; once there is, all of it is there again."""
    await add_call(store, 1)
    directory = store.path.parent.rename(store.path.parent.with_name("elsewhere"))
    with pytest.raises(StoreError, match="No such file or directory"):
        await add_call(store, 2)
    store.path.parent.mkdir()
    await add_call(store, 3)
    assert calls(store.path) == [1, 3]
    assert directory.is_dir()


async def test_a_place_that_another_process_took_meanwhile_is_not_written_to(store: Store) -> None:
    """With the lock's file gone, a second process may have begun before the first noticed."""
    await add_call(store, 1)
    for file in all_files(store.path):
        file.unlink()
    second = Lock(store.path)
    with pytest.raises(StoreLocked, match=f"process {os.getpid()}"):
        await add_call(store, 2)
    assert not store.path.exists()
    second.release()
    await add_call(store, 3)
    assert calls(store.path) == [1, 3]


async def test_work_under_a_long_read_waits_until_it_is_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A reader holds the log: nothing is written anew under it, and nothing is lost once it has ended."""

    def count(tx: Transaction) -> int:
        return len(tx.hosts.calls(HOST, NOW))

    monkeypatch.setattr(connection, "BUSY_TIMEOUT_MS", 100)
    store = Store(tmp_path / "store.db")
    await add_call(store, 1)
    with closing(sqlite3.connect(f"{store.path.as_uri()}?mode=ro", uri=True, isolation_level=None)) as reader:
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM calls").fetchone()
        await add_call(store, 2)
        store.path.unlink()
        with pytest.raises(StoreError, match="another program reads it"):
            await store.write(count)
    assert await store.write(count) == 2
    await store.close()
    assert calls(store.path) == [1, 2]
