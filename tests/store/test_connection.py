"""Opening the file: created, upgraded, refused, locked."""

import os
import shutil
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from monitor.errors import StoreError, StoreLocked
from monitor.store.connection import open_engine
from monitor.store.identity import APPLICATION_ID, SCHEMA
from monitor.store.read import state
from monitor.store.tables import Table
from monitor.store.writer import Store


def pragma(path: Path, name: str) -> object:
    """A pragma's value, by a connection of our own."""
    connection = sqlite3.connect(path)
    try:
        return connection.execute(f"PRAGMA {name}").fetchone()[0]
    finally:
        connection.close()


def test_migrations_make_the_tables_as_declared(tmp_path: Path) -> None:
    """A column added to a table without its migration shows here."""
    engine = open_engine(tmp_path / "store.db")
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": False})
        differences = compare_metadata(context, Table.metadata)
    engine.dispose()
    assert differences == []


def test_the_schema_that_readers_expect_is_the_newest_migration(tmp_path: Path) -> None:
    """`status` knows the version without importing Alembic."""
    path = tmp_path / "store.db"
    open_engine(path).dispose()
    connection = sqlite3.connect(path)
    assert connection.execute("SELECT version_num FROM alembic_version").fetchall() == [(SCHEMA,)]
    connection.close()


def test_snapshots_lie_in_the_order_of_series_and_instant(tmp_path: Path) -> None:
    """The table is clustered by its key, which makes the value at an instant as cheap in a large file."""
    path = tmp_path / "store.db"
    open_engine(path).dispose()
    connection = sqlite3.connect(path)
    (sql,) = connection.execute("SELECT sql FROM sqlite_master WHERE name = 'snapshots'").fetchone()
    plan = connection.execute(
        "EXPLAIN QUERY PLAN SELECT * FROM snapshots WHERE series_id = 1 AND observed_at <= 2"
        " ORDER BY observed_at DESC LIMIT 1"
    ).fetchall()
    connection.close()
    assert "WITHOUT ROWID" in sql
    assert [row[3] for row in plan] == ["SEARCH snapshots USING PRIMARY KEY (series_id=? AND observed_at<?)"]


@pytest.mark.parametrize(
    ("name", "value"),
    [("journal_mode", "wal"), ("application_id", APPLICATION_ID), ("auto_vacuum", 2)],
    ids=["readers-never-wait", "known-as-ours", "space-can-be-given-back"],
)
def test_a_new_file_is_set_up(tmp_path: Path, name: str, value: object) -> None:
    """What has to be decided when a file is created is."""
    path = tmp_path / "store.db"
    open_engine(path).dispose()
    assert pragma(path, name) == value


async def test_every_file_is_for_its_owner_only(tmp_path: Path) -> None:
    """Balances are nobody else's business: 0600, the write-ahead log and the lock included."""
    store = Store(tmp_path / "store.db")
    modes = {path.name: path.stat().st_mode & 0o777 for path in tmp_path.iterdir()}
    await store.close()
    assert {"store.db", "store.db.lock", "store.db-wal"} <= modes.keys()
    assert set(modes.values()) == {0o600}


def test_opening_again_changes_nothing(tmp_path: Path) -> None:
    """A store of this version is taken as it is, without a backup."""
    path = tmp_path / "store.db"
    open_engine(path).dispose()
    open_engine(path).dispose()
    assert [one.name for one in tmp_path.iterdir() if "backup" in one.name] == []


def foreign(path: Path) -> None:
    """Another program's database."""
    connection = sqlite3.connect(path)
    connection.execute("CREATE TABLE customers (id INTEGER PRIMARY KEY)")
    connection.commit()
    connection.close()


def newer(path: Path) -> None:
    """A store that a later version has migrated."""
    open_engine(path).dispose()
    connection = sqlite3.connect(path)
    connection.execute("UPDATE alembic_version SET version_num = '9999'")
    connection.commit()
    connection.close()


def garbage(path: Path) -> None:
    """Not a database at all."""
    path.write_bytes(b"id,amount\n1,2.5\n" * 400)


def torn(path: Path) -> None:
    """A store with a page overwritten."""
    open_engine(path).dispose()
    page = b"\xff" * 4096
    with path.open("r+b") as file:
        file.seek(2 * 4096)
        file.write(page)


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (foreign, "a database of another program; nothing was changed"),
        (newer, r"written by a newer balance-monitor \(schema 9999\); nothing was changed"),
        (garbage, "damaged or not a SQLite database"),
        (torn, "damaged or not a SQLite database"),
    ],
    ids=["another-program's", "newer-version's", "no-database", "damaged-page"],
)
def test_a_file_that_cannot_be_used_is_refused_and_left_alone(
    tmp_path: Path, make: object, says: str
) -> None:
    """One line says what it is and what to do; not a byte of it changes."""
    path = tmp_path / "store.db"
    assert callable(make)
    make(path)
    before = path.read_bytes()
    with pytest.raises(StoreError, match=says):
        open_engine(path)
    assert path.read_bytes() == before


def test_a_directory_that_does_not_exist_is_named(tmp_path: Path) -> None:
    """A mistyped store.url makes no directory."""
    with pytest.raises(StoreError, match=r"nowhere: no such directory; create it, or set store.url"):
        Store(tmp_path / "nowhere" / "store.db")


def test_a_directory_in_place_of_the_file_is_named(tmp_path: Path) -> None:
    """No lock file is left beside it."""
    (tmp_path / "store.db").mkdir()
    with pytest.raises(StoreError, match=r"store.db: is a directory; set store.url to a file"):
        Store(tmp_path / "store.db")
    assert [one.name for one in tmp_path.iterdir()] == ["store.db"]


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (foreign, "a database of another program; nothing was changed"),
        (newer, r"written by a newer balance-monitor \(schema 9999\)"),
        (garbage, "damaged or not a SQLite database"),
    ],
    ids=["another-program's", "newer-version's", "no-database"],
)
def test_a_reader_says_the_same_of_it(tmp_path: Path, make: object, says: str) -> None:
    """`status` does not promise that `run` would mend what `run` refuses."""
    path = tmp_path / "store.db"
    assert callable(make)
    make(path)
    with pytest.raises(StoreError, match=says):
        state.read(path)


def half_written(path: Path) -> None:
    """A database whose maker was killed within a transaction: its journal has to be rolled back."""
    made = path.with_name("made.db")
    connection = sqlite3.connect(made, isolation_level=None)
    connection.execute("CREATE TABLE padding (bytes)")
    connection.execute("PRAGMA cache_size = 1")
    connection.execute("BEGIN")
    connection.executemany("INSERT INTO padding VALUES (?)", [(b"x" * 4000,)] * 50)
    for ending in ("", "-journal"):
        shutil.copy(f"{made}{ending}", f"{path}{ending}")
    connection.close()


def test_a_reader_does_not_blame_the_user_for_a_journal_left_behind(tmp_path: Path) -> None:
    """Another user could not read it either; what helps is the next start of who may write it."""
    path = tmp_path / "store.db"
    half_written(path)
    before = path.read_bytes()
    with pytest.raises(
        StoreError, match=r"half written: .* If it is a store, the next `balance-monitor run` or"
    ):
        state.read(path)
    assert path.read_bytes() == before


def of_no_length(path: Path) -> None:
    """A file that was created and no more."""
    path.touch()


def without_tables(path: Path) -> None:
    """A database turned to WAL before anything was put into it."""
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.close()


@pytest.mark.parametrize("make", [of_no_length, without_tables])
def test_a_reader_takes_a_store_cut_off_in_the_making_for_none(
    tmp_path: Path, make: Callable[[Path], None]
) -> None:
    """The next start makes a store of it, so it is no other program's."""
    path = tmp_path / "store.db"
    make(path)
    assert (state.read(path), state.pauses(path)) == (None, [])
    open_engine(path).dispose()
    assert state.read(path) is not None


async def test_the_error_of_a_second_process_names_the_first(tmp_path: Path) -> None:
    """The lock names the process that holds it."""
    store = Store(tmp_path / "store.db")
    with pytest.raises(
        StoreLocked, match=rf"store.db: in use by another balance-monitor \(process {os.getpid()}\)"
    ):
        Store(tmp_path / "store.db")
    await store.close()


async def test_the_lock_goes_with_its_holder(tmp_path: Path) -> None:
    """After a close the store is free."""
    await Store(tmp_path / "store.db").close()
    await Store(tmp_path / "store.db").close()


def test_an_upgrade_keeps_a_copy_of_what_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Before a migration runs, the whole file is copied beside it, readable by its owner only."""
    path = tmp_path / "store.db"
    open_engine(path).dispose()
    connection = sqlite3.connect(path)
    connection.execute("INSERT INTO pauses VALUES ('kept', 1, 'banned', '', NULL)")
    connection.commit()
    connection.close()
    _add_migration(tmp_path, monkeypatch)
    open_engine(path).dispose()
    copy = tmp_path / f"store.db.backup-{SCHEMA}"
    backup = sqlite3.connect(copy)
    assert backup.execute("SELECT host FROM pauses").fetchall() == [("kept",)]
    backup.close()
    assert copy.stat().st_mode & 0o777 == 0o600
    assert pragma(path, "user_version") == 7


def _add_migration(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A next version of the schema, as a later release would bring it."""
    from shutil import copytree

    from monitor.store import connection

    scripts = tmp_path / "scripts" / "migrations"
    copytree(Path(connection.__file__).parent / "migrations", scripts)
    (scripts / "versions" / "next.py").write_text(
        f"from alembic import op\n\nrevision = 'next'\ndown_revision = '{SCHEMA}'\n\n\n"
        "def upgrade():\n    op.execute('PRAGMA user_version = 7')\n"
    )
    monkeypatch.setattr(connection, "__file__", str(tmp_path / "scripts" / "database.py"))
