"""A store of the first schema, with alerts and an outbox in it, is taken on as it is."""

import json
import sqlite3
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from alembic import command
from alembic.config import Config
from sqlalchemy import create_engine

from monitor.domain.alerts import Alert, EventKind, next_event
from monitor.domain.delivery import Target
from monitor.domain.model import Account, Severity, State, Subject
from monitor.domain.mutes import AlertKey, Mute, MuteKind
from monitor.domain.rules import Policy
from monitor.domain.time import to_micros
from monitor.store import connection as store_connection
from monitor.store.connection import open_engine
from monitor.store.identity import APPLICATION_ID
from monitor.store.transaction import Transaction
from monitor.store.writer import Store

NOW = datetime(2026, 2, 1, 14, 30, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
OPS = Target(channel="ops", url_id="abcd1234")
ACCOUNT = Account(provider="nami-main", job="nami-spot", name="spot", currencies=("USDT",))

FACTS = {
    "kind": "fired",
    "rule": "usdt-low",
    "rule_type": "threshold",
    "severity": "critical",
    "subject": "nami-spot/spot/USDT",
    "incident": "ABCDEFGHJK",
    "seq": 1,
    "at": NOW.isoformat(),
    "since": (NOW - MINUTE).isoformat(),
    "reason": "available 4.10 < 5.00",
    "expected": "at least 5.00",
    "labels": [["team", "treasury"]],
    "field": "available",
    "value": "4.10",
    "value_at": NOW.isoformat(),
    "before": "6.00",
    "before_at": (NOW - MINUTE).isoformat(),
    "trend": ["6.00", "4.10"],
}
"""A report as it was then."""


def first_schema(path: Path, version: str = "0001") -> None:
    """The file as the first version made it, or another one."""
    engine = create_engine(f"sqlite:///{path}")
    scripts = Config(attributes={})
    scripts.set_main_option("script_location", str(Path(store_connection.__file__).parent / "migrations"))
    with engine.begin() as connection:
        connection.exec_driver_sql(f"PRAGMA application_id = {APPLICATION_ID}")
        scripts.attributes["connection"] = connection
        command.upgrade(scripts, version)
    engine.dispose()


def insert(db: sqlite3.Connection, table: str, **values: object) -> None:
    marks = ", ".join("?" * len(values))
    db.execute(f"INSERT INTO {table} ({', '.join(values)}) VALUES ({marks})", list(values.values()))


def filled(path: Path) -> None:
    """One alert that was told, one that is muted by an outage, one that is pending; two messages that wait."""
    at, before = to_micros(NOW), to_micros(NOW - MINUTE)
    common = {"breached_at": at, "seq": 1, "severity": 2, "level": 1, "expected": "at least 5.00"}
    with closing(sqlite3.connect(path)) as db, db:
        account = {"id": 1, "provider": "nami-main", "job": "nami-spot", "name": "spot", "added_at": before}
        health = {"outcome": "timeout", "detail": "no answer", "failures": 2, "failures_alike": 2}
        insert(db, "accounts", **account, **health, polled_at=at, ok_at=before, missed_runs=3)
        reading = {"observed_at": at, "total": "4.10", "available": "4.10"}
        insert(
            db,
            "series",
            id=1,
            account_id=1,
            currency="USDT",
            added_at=before,
            missing=0,
            missing_detail="",
            **reading,
        )
        insert(db, "snapshots", series_id=1, **reading)
        insert(
            db, "polls", account_id=1, started_at=before, finished_at=at, outcome="ok", detail="", attempts=1
        )
        insert(
            db,
            "alerts",
            rule="usdt-low",
            subject="nami-spot/spot/USDT",
            state="firing",
            id="ABCDEFGHJK",
            since=before,
            fired_at=at,
            told_at=at,
            announced=1,
            reason="available 4.10 < 5.00",
            **common,
        )
        insert(
            db,
            "alerts",
            rule="frozen",
            subject="nami-spot/spot/USDT",
            state="firing",
            id="KKKKKKKKKK",
            since=before,
            fired_at=at,
            announced=0,
            reason="old",
            **{**common, "seq": 0},
        )
        insert(
            db,
            "alerts",
            rule="slow",
            subject="nami-spot/spot/USDT",
            state="pending",
            id="PPPPPPPPPP",
            since=before,
            announced=0,
            reason="not yet",
            **{**common, "seq": 0},
        )
        event = {"incident": "ABCDEFGHJK", "rule": "usdt-low", "subject": "nami-spot/spot/USDT", "at": at}
        row = {"incident": "ABCDEFGHJK", "created_at": at, "next_attempt_at": at, "attempts": 0}
        for seq, kind, url_id, status in (
            (1, "fired", "abcd1234", "pending"),
            (1, "fired", "gone", "delivered"),
        ):
            if status == "pending":
                insert(db, "events", **event, seq=seq, kind=kind, report=json.dumps(FACTS))
            insert(
                db,
                "notifications",
                **row,
                seq=seq,
                channel="ops",
                url_id=url_id,
                status=status,
                last_error="",
            )
        insert(db, "pauses", host="https://nami.exchange", until=at, outcome="banned", detail="HTTP 418")
        insert(db, "calls", host="https://nami.exchange", at=at)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "balances.db"
    first_schema(path)
    filled(path)
    return path


OLD = ("accounts", "alerts", "calls", "events", "notifications", "pauses", "polls", "series", "snapshots")


def contents(path: Path, columns: dict[str, list[str]]) -> dict[str, list[tuple[object, ...]]]:
    """All rows of the first schema's tables, as far as it knew their columns."""
    with closing(sqlite3.connect(path)) as db:
        return {
            table: sorted(db.execute(f"SELECT {', '.join(names)} FROM {table}").fetchall(), key=repr)
            for table, names in columns.items()
        }


RENAMED = {f"told_{what}": f"notified_{what}" for what in ("at", "severity", "level", "flapping")}


def columns_of(path: Path) -> dict[str, list[str]]:
    with closing(sqlite3.connect(path)) as db:
        return {t: [row[1] for row in db.execute(f"PRAGMA table_info({t})")] for t in OLD}


def test_an_upgrade_changes_nothing_that_was_there(path: Path) -> None:
    """Not a row, not a digit, in any column that there was, whatever it is called now."""
    columns = columns_of(path)
    before = contents(path, columns)
    open_engine(path).dispose()
    now = {t: [RENAMED.get(name, name) for name in names] for t, names in columns.items()}
    assert contents(path, now) == before
    assert all(before.values())


def schema(path: Path) -> list[tuple[str, str]]:
    """What the tables and their indexes are, whatever way they came about."""
    with closing(sqlite3.connect(path)) as db:
        described = []
        for (table,) in db.execute(
            "SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name"
        ).fetchall():
            infos = ("table_info", "index_list", "foreign_key_list")
            rows = [sorted(str(row[1:4]) for row in db.execute(f"PRAGMA {info}({table})")) for info in infos]
            described.append((table, str(rows)))
        indexes = db.execute("SELECT name, sql FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL")
        return [*described, *sorted((name, " ".join(sql.split())) for name, sql in indexes)]


def test_an_upgraded_store_is_like_a_new_one(path: Path, tmp_path: Path) -> None:
    """The same tables, columns and indexes: the outbox stays as fast."""
    open_engine(path).dispose()
    new = tmp_path / "new.db"
    open_engine(new).dispose()
    assert schema(path) == schema(new)


def test_rows_that_have_to_be_clustered_still_are(path: Path) -> None:
    """Or the value at an instant would be slow to find."""
    open_engine(path).dispose()
    with closing(sqlite3.connect(path)) as db:
        made = dict(db.execute("SELECT name, sql FROM sqlite_master WHERE type = 'table'").fetchall())
    assert [name for name in ("snapshots", "polls", "calls") if "WITHOUT ROWID" not in made[name]] == []


async def test_a_pause_of_the_first_version_goes_on(path: Path) -> None:
    """Nobody noted when it began: it is bounded otherwise."""
    store = Store(path)
    try:
        [pause] = await store.write(lambda tx: tx.hosts.pauses(NOW - MINUTE))
    finally:
        await store.close()
    assert (pause.began_at, pause.left(NOW - MINUTE)) == (None, MINUTE)


async def opened(path: Path) -> dict[AlertKey, Alert]:
    store = Store(path)
    try:
        return await store.write(lambda tx: tx.alerts.all())
    finally:
        await store.close()


async def test_a_firing_alert_continues_as_it_was_notified(path: Path) -> None:
    """Nothing is told again, and its reminder comes when it is due, counted from the last message."""
    alert = (await opened(path))[("usdt-low", Subject("nami-spot/spot/USDT"))]
    assert (alert.state, alert.announced, alert.announced_at) == (State.FIRING, True, NOW)
    assert (alert.notified_severity, alert.notified_level, alert.held_at) == (Severity.CRITICAL, 1, NOW)
    by = Policy(severity=Severity.CRITICAL, repeat_every=timedelta(hours=4))
    assert next_event(alert, by, NOW + timedelta(hours=3))[1] == ()
    [reminder] = next_event(alert, by, NOW + timedelta(hours=4))[1]
    assert (reminder.kind, reminder.seq, reminder.alert.id) == (EventKind.REMINDER, 2, "ABCDEFGHJK")


async def test_what_was_held_back_is_announced(path: Path) -> None:
    """It outlives what kept it quiet."""
    alert = (await opened(path))[("frozen", Subject("nami-spot/spot/USDT"))]
    [fired] = next_event(alert, Policy(), NOW + MINUTE)[1]
    assert (fired.kind, fired.seq, fired.note) == (EventKind.FIRED, 1, "")


async def test_what_was_pending_is(path: Path) -> None:
    """Since when it was."""
    alert = (await opened(path))[("slow", Subject("nami-spot/spot/USDT"))]
    assert (alert.state, alert.since, alert.fired_at) == (State.PENDING, NOW - MINUTE, None)


async def test_what_waits_is_delivered(path: Path) -> None:
    """Each incident for itself, also in quiet hours; its end goes where its firing went."""
    store = Store(path)

    def look(tx: Transaction) -> list[object]:
        [[one]] = tx.outbox.waiting(OPS, NOW).due
        notified_targets = sorted(target.url_id for target in tx.outbox.notified_targets("ABCDEFGHJK"))
        return [one.report.reason, one.report.note, one.group, notified_targets]

    found = await store.write(look)
    await store.close()
    assert found == ["available 4.10 < 5.00", "", "ABCDEFGHJK", ["abcd1234", "gone"]]


async def test_what_is_known_of_the_account_goes_on(path: Path) -> None:
    """Its failures in a row, and its last reading."""
    store = Store(path)
    health = await store.write(lambda tx: tx.accounts.health(ACCOUNT, NOW))
    views = await store.write(lambda tx: tx.readings.views(ACCOUNT, NOW))
    await store.close()
    assert (health.streak.count, health.streak.detail, health.last_ok_at) == (2, "no answer", NOW - MINUTE)
    assert [str(view.last.available) for view in views.values() if view.last] == ["4.10"]


@pytest.mark.parametrize(
    ("words", "mute"),
    [
        pytest.param("", None, id="nothing"),
        pytest.param("silence 12 by ann: what: 3", (MuteKind.SILENCE, "12"), id="a-silence"),
        pytest.param(
            "maintenance the weekly one", (MuteKind.MAINTENANCE, "the weekly one"), id="maintenance"
        ),
        pytest.param(
            "inhibited by down clients/C 1/USD", (MuteKind.INHIBITION, "down clients/C 1/USD"), id="an-alert"
        ),
        pytest.param(
            "its polls still fail after its provider's outage, not for long enough yet",
            (MuteKind.OUTAGE, ""),
            id="the-end-of-an-outage",
        ),
    ],
)
async def test_what_muted_an_alert_has_a_kind_and_a_source(
    tmp_path: Path, words: str, mute: tuple[MuteKind, str] | None
) -> None:
    """Taken from the words of the version before, which stay as they are."""
    path = tmp_path / "balances.db"
    first_schema(path, "0004")
    flags = dict.fromkeys(("seq", "severity", "level", "announced", "notified_severity"), 0)
    with closing(sqlite3.connect(path)) as db, db:
        about = {"rule": "low", "subject": "s", "state": "firing", "id": "A", "reason": "r", "expected": "e"}
        insert(db, "alerts", **about, **flags, muted=words)
    alert = (await opened(path))[("low", Subject("s"))]
    assert alert.muted == (None if mute is None else Mute(kind=mute[0], source=mute[1], text=words))
