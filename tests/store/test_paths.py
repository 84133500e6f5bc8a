"""One path, one store: whatever the file and its folder are called."""

import sqlite3
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest

from monitor.store import connection
from monitor.store.connection import open_engine, reading
from monitor.store.read.state import read
from monitor.store.writer import Store, amend

from .support import add_call

NOW = datetime(2026, 2, 1, 14, 30, tzinfo=UTC)
NAMES = [
    "bal%41nces.db",
    "we%2Fird/%00/100%.db",
    "q?mark/a?mode=memory.db",
    "ha#sh/#.db",
    "sp ace/ two  .db",
    "quo'te/do\"uble.db",
    "Ünïcödé/余额.db",
    "co:lon/file:x.db",
    "plus+and&amp;/=.db",
    "back\\slash/;semi.db",
]


@pytest.mark.parametrize("name", NAMES)
async def test_what_is_written_is_what_is_read(tmp_path: Path, name: str) -> None:
    """By the daemon, beside it and by every reader; and no other file comes into being."""
    path = tmp_path / name
    path.parent.mkdir(exist_ok=True, parents=True)
    store = Store(path)
    await store.write(lambda tx: add_call(tx, "host", NOW))
    amend(path, lambda tx: add_call(tx, "host", NOW, caller="beside"))
    assert len(await store.read(lambda tx: tx.hosts.calls("host", NOW))) == 2
    known = read(path)
    await store.close()
    assert known is not None
    with reading(path) as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM calls").scalar_one() == 2
    with closing(sqlite3.connect(path)) as db:
        assert db.execute("SELECT count(*) FROM calls").fetchone() == (2,)
    made = {one for one in tmp_path.rglob("*") if one.is_file()}
    assert {one for one in made if not one.name.startswith(path.name)} == set()


@pytest.mark.parametrize("name", NAMES)
def test_an_upgrade_and_its_backup_are_of_the_same_file(tmp_path: Path, name: str) -> None:
    """The file itself is upgraded, and the copy lies beside it."""
    path = tmp_path / name
    path.parent.mkdir(exist_ok=True, parents=True)
    open_engine(path).dispose()
    with closing(sqlite3.connect(path)) as db:
        head = db.execute("SELECT version_num FROM alembic_version").fetchone()[0]
    connection._back_up(path, head)
    with closing(sqlite3.connect(path.with_name(f"{path.name}.backup-{head}"))) as copy:
        assert copy.execute("SELECT version_num FROM alembic_version").fetchone()[0] == head


def test_the_program_may_lie_where_a_percent_sign_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Alembic takes its options for templates."""
    here = tmp_path / "100%(done)s %41"
    here.mkdir()
    (here / "migrations").symlink_to(Path(connection.__file__).parent / "migrations")
    monkeypatch.setattr(connection, "__file__", str(here / "database.py"))
    open_engine(tmp_path / "store.db").dispose()
    assert read(tmp_path / "store.db") is not None
