"""Stores that earlier versions filled against their own sandboxes are taken on with everything in them.

`old/` holds them as SQL, one for each schema: a drain, an outage, a ban's pause, a channel that could not be reached,
from the second on silences and an acknowledgement, from the third on a clock that was ahead; each daemon was killed."""

import sqlite3
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from monitor.domain.model import State, Subject
from monitor.domain.mutes import AlertKey
from monitor.store.connection import open_engine
from monitor.store.transaction import Transaction
from monitor.store.writer import Store
from tests.store.test_migrations import RENAMED, schema

OLD = Path(__file__).parent / "old"
VERSIONS = ("0001", "0002", "0003")

Contents = dict[str, tuple[list[str], list[tuple[object, ...]]]]


def _old(version: str, path: Path) -> Path:
    with closing(sqlite3.connect(path)) as db:
        db.executescript((OLD / f"{version}.sql").read_text(encoding="utf-8"))
        db.execute("PRAGMA journal_mode = WAL")
    return path


@pytest.fixture(params=VERSIONS)
def path(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A store of each schema."""
    return _old(request.param, tmp_path / "balances.db")


def _contents(path: Path, like: Contents | None = None) -> Contents:
    """The columns and rows of every table, or of those in `like`."""
    with closing(sqlite3.connect(path)) as db:
        if like is None:
            names = [name for (name,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
            columns = {t: [row[1] for row in db.execute(f"PRAGMA table_info({t})")] for t in names}
        else:
            columns = {table: known for table, (known, _) in like.items()}
        return {
            table: (known, sorted(db.execute(f"SELECT {', '.join(known)} FROM {table}").fetchall(), key=repr))
            for table, known in columns.items()
            if table not in ("alembic_version", "sqlite_sequence")
        }


def test_every_table_has_something_in_it(path: Path) -> None:
    """Or there would be something that no upgrade is tried on."""
    assert [table for table, (_, rows) in _contents(path).items() if not rows] == []


def test_everything_in_it_is_kept(path: Path) -> None:
    """Every row of every table, in every column that there was, whatever it is called now."""
    before = {
        table: ([RENAMED.get(column, column) for column in columns], rows)
        for table, (columns, rows) in _contents(path).items()
    }
    open_engine(path).dispose()
    assert _contents(path, before) == before


def test_its_schema_is_a_new_ones(path: Path, tmp_path: Path) -> None:
    """Tables, columns, indexes."""
    open_engine(path).dispose()
    new = tmp_path / "new.db"
    open_engine(new).dispose()
    assert schema(path) == schema(new)


async def test_its_alerts_and_its_outbox_go_on(path: Path) -> None:
    """What fired fires, what was pending is, what waited for a channel waits."""
    store = Store(path)
    try:
        alerts, waiting, pauses = await store.write(_seen)
    finally:
        await store.close()
    assert alerts[("usdt-low", Subject("nami-spot/spot/USDT"))] is State.FIRING
    assert alerts[("held", Subject("nami-spot/spot/USDT"))] in (
        State.PENDING,
        State.FIRING,
    )  # the latter: two hours ahead
    assert "fired usdt-low" in waiting
    assert pauses == ["HTTP 429"]


def _seen(tx: Transaction) -> tuple[dict[AlertKey, State], list[str], list[str]]:
    later = datetime(2026, 11, 29, tzinfo=UTC)
    dead = [target for target in tx.outbox.notified_targets(_fired(tx)) if target.channel == "dead"]
    waiting = [
        f"{one.report.kind} {one.report.rule}"
        for target in dead
        for incident in tx.outbox.waiting(target, later, None, wait_for_group=False).due
        for one in incident
    ]
    alerts = {key: alert.state for key, alert in tx.alerts.all().items()}
    return alerts, waiting, [one.detail for one in tx.hosts.pauses(later - timedelta(days=3))]


def _fired(tx: Transaction) -> str:
    return tx.alerts.all()[("usdt-low", Subject("nami-spot/spot/USDT"))].id
