"""Reading all readings page by page, and writing some that were not polled, beside the writer."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from monitor.alerting.recording import record
from monitor.domain.model import Account, Balance, PollResult, Series
from monitor.domain.time import from_micros, to_micros
from monitor.errors import Outcome, StoreError, StoreLocked
from monitor.store.import_ import create, restore
from monitor.store.read import all_readings as archived
from monitor.store.read.all_readings import Archive, ReadingRow, archive
from monitor.store.read.state import read
from monitor.store.staging import Staging, staging
from monitor.store.writer import Store

from ..support import configured
from .support import add_call

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
ACCOUNT = Account(provider="nami", job="spot", name="spot", currencies=("USDT",))
SERIES = Series(account=ACCOUNT, currency="USDT")
CONFIG = configured(accounts=[ACCOUNT])


def _row(minute: int, amount: str = "1.50") -> ReadingRow:
    return to_micros(NOW + timedelta(minutes=minute)), amount, amount, None, None


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """An empty store."""
    create(tmp_path / "store.db")
    return tmp_path / "store.db"


@pytest.fixture
def small_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pages of two readings."""
    monkeypatch.setattr(archived, "PAGE", 2)


@pytest.fixture
def staged() -> Iterator[Staging]:
    """An empty place for what is imported."""
    with staging() as opened:
        yield opened


def _all(store: Archive) -> list[ReadingRow]:
    return [row for _, page in store.pages(store.series(), None, NOW + timedelta(days=1)) for row in page]


@pytest.mark.usefixtures("small_pages")
def test_pages_hold_every_reading_once_and_in_order(path: Path) -> None:
    """However many pages, and whether or not the last one is full; from an instant on, and before another."""
    restore(path, SERIES, [_row(minute) for minute in (4, 3, 2, 1)], NOW)
    restore(path, ACCOUNT.series("AAA"), [_row(1, "9")], NOW)
    with archive(path) as store:
        assert store is not None
        assert [row[0] for row in _all(store)] == [_row(minute)[0] for minute in (1, 1, 2, 3, 4)]
        between = (NOW + timedelta(minutes=2), NOW + timedelta(minutes=4))
        some = [row for _, page in store.pages(store.series(), *between) for row in page]
        assert some == [_row(2), _row(3)]
        assert store.count(store.series(), *between) == 2


@pytest.mark.usefixtures("small_pages")
async def test_a_reader_between_two_pages_holds_nothing_up(store: Store) -> None:
    """The write-ahead log is emptied while an export is under way: no read lasts from page to page."""
    await store.write(lambda tx: tx.accounts.health(ACCOUNT, NOW))
    restore(store.path, SERIES, [_row(minute) for minute in (5, 4, 3, 2, 1)], NOW)
    with archive(store.path) as reading:
        assert reading is not None
        pages = reading.pages(reading.series(), None, NOW + timedelta(days=1))
        next(pages)
        await store.write(lambda tx: add_call(tx, "host", NOW))
        with closing(sqlite3.connect(store.path)) as other:
            assert other.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone() == (0, 0, 0)
        assert sum(len(page) for _, page in pages) == 3


def test_what_is_restored_makes_its_account_and_its_series(path: Path) -> None:
    """The newest reading is the series' last; the account was never polled."""
    assert restore(path, SERIES, [_row(-1, "3"), _row(-2, "2.50")], NOW) == 2
    known = read(path)
    assert known is not None
    [account], [series] = known.accounts, known.series
    assert (account.job, account.name, account.polled_at, account.failures) == ("spot", "spot", None, 0)
    assert (series.total, series.observed_at, series.missing) == ("3", NOW - timedelta(minutes=1), 0)


def test_an_older_reading_does_not_become_the_last(path: Path) -> None:
    """Nor does one that is there already count, or change what is there."""
    restore(path, SERIES, [_row(0, "5")], NOW)
    assert restore(path, SERIES, [_row(0, "6"), _row(-9, "4")], NOW) == 1
    known = read(path)
    assert known is not None
    assert (known.series[0].total, known.series[0].observed_at) == ("5", NOW)
    with archive(path) as store:
        assert store is not None
        assert _all(store) == [_row(-9, "4"), _row(0, "5")]


async def test_a_poll_goes_on_from_what_was_restored(store: Store) -> None:
    """What was polled before is not lost, what comes after is kept: one history."""
    restore(store.path, SERIES, [_row(-1, "3"), _row(-2, "2")], NOW)
    balance = Balance(currency="USDT", total=Decimal("4"), available=Decimal("4"))
    result = PollResult(outcome=Outcome.OK, started_at=NOW, finished_at=NOW, attempts=1, balances=(balance,))
    recorded = await store.write(lambda tx: record(tx, ACCOUNT, result, CONFIG))
    assert recorded.views[0].last is not None
    with archive(store.path) as reading:
        assert reading is not None
        assert _all(reading) == [_row(-2, "2"), _row(-1, "3"), _row(0, "4")]


def test_a_store_is_made_once(path: Path) -> None:
    """Making one where there is one changes nothing, be it in use or of somebody else."""
    restore(path, SERIES, [_row(0)], NOW)
    create(path)
    known = read(path)
    assert known is not None
    assert len(known.series) == 1


def test_a_store_that_is_being_made_is_not_made_again(tmp_path: Path) -> None:
    """Its lock says who is at it."""
    Path(tmp_path / "store.db").touch()
    held = Store(tmp_path / "other.db")
    (tmp_path / "store.db.lock").hardlink_to(tmp_path / "other.db.lock")
    try:
        with pytest.raises(StoreLocked):
            create(tmp_path / "store.db")
    finally:
        held._lock.release()


def test_readings_are_not_restored_into_what_is_no_store(tmp_path: Path) -> None:
    """A database of another program stays as it is."""
    path = tmp_path / "other.db"
    with closing(sqlite3.connect(path)) as db:
        db.execute("CREATE TABLE mine (x)")
    before = path.read_bytes()
    with pytest.raises(StoreError, match="another program"):
        restore(path, SERIES, [_row(0)], NOW)
    assert path.read_bytes() == before


def test_staged_readings_come_newest_first_and_can_be_dropped(staged: Staging) -> None:
    """What a page held may go while the next one is asked for."""
    for line, minute in enumerate((3, 1, 2), 1):
        assert staged.add(0, _row(minute), line) is None
    staged.add(1, _row(9), 4)
    pages = []
    for page in staged.newest_first(0, 2):
        pages.append([line for _, line in page])
        staged.drop(0, [row[0] for row, _ in page])
    assert pages == [[1, 3], [2]]
    assert (staged.count(), staged.count(_row(9)[0])) == (1, 0)


def test_a_second_reading_of_one_instant_gives_the_first_back(staged: Staging) -> None:
    """With its line."""
    staged.add(0, _row(1, "1.5"), 7)
    assert staged.add(0, _row(1, "2"), 8) == (_row(1, "1.5"), 7)
    assert from_micros(_row(1)[0]) == NOW + timedelta(minutes=1)
