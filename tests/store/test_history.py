"""The past, as charts and pages read it beside the writer."""

import sqlite3
from collections.abc import Sequence
from contextlib import closing
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from monitor.domain.money import plain
from monitor.store.read import readings
from monitor.store.writer import Store

START = datetime(2026, 2, 1, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
NAME = "spot/main/USDT"
Rows = Sequence[tuple[datetime, str]]


@pytest.fixture
async def path(tmp_path: Path) -> Path:
    """A store in which nothing was read."""
    store = Store(tmp_path / "balances.db")
    await store.close()
    return tmp_path / "balances.db"


def micros(at: datetime) -> int:
    """As the store keeps instants."""
    return (at - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)


def fill(path: Path, rows: Rows, name: str = NAME) -> None:
    """Readings in place of all there were of a series."""
    job, account, currency = name.split("/")
    with closing(sqlite3.connect(path)) as db, db:
        db.execute(
            "INSERT OR IGNORE INTO accounts (provider, job, name, added_at, outcome, detail, failures, failures_alike,"
            " missed_runs) VALUES ('p', ?, ?, 0, 'ok', '', 0, 0, 0)",
            (job, account),
        )
        (number,) = db.execute(
            "SELECT id FROM accounts WHERE job = ? AND name = ?", (job, account)
        ).fetchone()
        db.execute(
            "INSERT OR IGNORE INTO series (account_id, currency, added_at, missing, missing_detail)"
            " VALUES (?, ?, 0, 0, '')",
            (number, currency),
        )
        (series,) = db.execute("SELECT id FROM series WHERE account_id = ?", (number,)).fetchone()
        db.execute("DELETE FROM snapshots WHERE series_id = ?", (series,))
        db.executemany(
            "INSERT INTO snapshots (series_id, observed_at, total, available) VALUES (?, ?, ?, ?)",
            [(series, micros(at), amount, amount) for at, amount in rows],
        )


def curve(
    path: Path, *, minutes: int, slices: int = 600, gap_after: timedelta = 5 * MINUTE
) -> readings.Curve:
    """The available amount from START on."""
    until = START + minutes * MINUTE
    return readings.curve(
        path, NAME, "available", since=START, until=until, slices=slices, gap_after=gap_after
    )


def test_a_spike_of_one_reading_in_thirty_days_is_kept_with_its_digits(path: Path) -> None:
    """43,200 readings in 600 slices, and the one that matters is among what is left of them."""
    month = 30 * 24 * 60
    rows = [(START + minute * MINUTE, f"{1000 + minute % 7}.50") for minute in range(month)]
    rows[31_234] = (rows[31_234][0], "123456789012345678.000000000000000001")
    rows[9_999] = (rows[9_999][0], "-0.000000000000000001")
    fill(path, rows)
    thinned = curve(path, minutes=month)
    kept = {(point.at, point.amount) for point in thinned.points}
    assert {rows[31_234], rows[9_999], rows[0], rows[-1]} <= kept
    assert thinned.readings == month
    assert len(thinned.points) <= 4 * 600


@given(
    st.lists(
        st.tuples(st.integers(0, 5000), st.decimals(-1000, 1000, places=2)),
        unique_by=lambda one: one[0],
        max_size=60,
    ),
    st.integers(1, 12),
)
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_each_slice_keeps_its_first_its_last_its_lowest_and_its_highest(
    path: Path, read: list[tuple[int, Decimal]], slices: int
) -> None:
    """Whatever was read when; and nothing is kept that was not read."""
    rows = sorted((START + second * timedelta(seconds=1), f"{amount:f}") for second, amount in read)
    fill(path, rows)
    until = START + timedelta(seconds=5000)
    found = readings.curve(
        path, NAME, "available", since=START, until=until, slices=slices, gap_after=MINUTE
    ).points
    width = max(1, -(-(micros(until) - micros(START)) // slices))
    by_slice: dict[int, list[tuple[datetime, str]]] = {}
    for at, amount in rows:
        by_slice.setdefault((micros(at) - micros(START)) // width, []).append((at, amount))
    kept = {(point.at, point.amount) for point in found}
    assert kept <= set(rows)
    assert [point.at for point in found] == sorted(point.at for point in found)
    for inside in by_slice.values():
        mine = [one for one in inside if one in kept]
        amounts = [Decimal(amount) for _, amount in inside]
        assert {inside[0], inside[-1]} <= set(mine)
        assert {min(amounts), max(amounts)} <= {Decimal(amount) for _, amount in mine}


def test_a_gap_is_exact_to_the_reading_with_any_number_of_slices(path: Path) -> None:
    """Two readings further apart than a gap begins: from the one to the other nothing is known, even within a slice."""
    minutes = [*range(20), *range(30, 50), *range(54, 60)]
    fill(path, [(START + minute * MINUTE, "5") for minute in minutes])
    for slices in (3, 600):
        found = curve(path, minutes=60, slices=slices, gap_after=4 * MINUTE)
        assert found.gaps == (
            (START + 19 * MINUTE, START + 30 * MINUTE),
            (START + 49 * MINUTE, START + 54 * MINUTE),
        )


def test_a_gap_that_began_before_the_time_shown_is_one(path: Path) -> None:
    """The last reading before it is looked for as well."""
    fill(path, [(START - 30 * MINUTE, "5"), (START + 10 * MINUTE, "6")])
    assert curve(path, minutes=20).gaps == ((START - 30 * MINUTE, START + 10 * MINUTE),)


def test_of_a_series_that_was_never_read_there_is_no_curve(path: Path) -> None:
    """No points, no gaps, and no error."""
    assert curve(path, minutes=60) == readings.Curve(points=(), gaps=(), readings=0)


def test_where_there_is_no_store_there_is_no_past(tmp_path: Path) -> None:
    """The daemon makes it with its first start."""
    nowhere = tmp_path / "none.db"
    assert readings.readings(nowhere, NAME) == []
    assert readings.before(nowhere, START, START) == {}
    assert readings.outlines(nowhere, {NAME: MINUTE}, since=START, until=START, slices=4) == {}
    assert curve(nowhere, minutes=60).points == ()


def test_readings_come_newest_first_and_in_pages(path: Path) -> None:
    """The next page begins before the last reading of this one: nothing twice, nothing left out."""
    fill(path, [(START + minute * MINUTE, str(minute)) for minute in range(10)])
    first = readings.readings(path, NAME, limit=4)
    second = readings.readings(path, NAME, before=first[-1].observed_at, limit=100)
    assert [plain(one.available) for one in (*first, *second)] == [
        str(minute) for minute in reversed(range(10))
    ]
    since = readings.readings(path, NAME, since=START + 8 * MINUTE)
    assert [plain(one.available) for one in since] == ["9", "8"]


def test_what_was_before_is_the_last_reading_at_that_instant_unless_it_is_too_old(path: Path) -> None:
    """A reading at the very instant counts, one a microsecond older than the limit does not."""
    other = "spot/other/USDT"
    fill(path, [(START, "1"), (START + 5 * MINUTE, "2"), (START + 6 * MINUTE, "3")])
    fill(path, [(START - timedelta(microseconds=1), "9")], other)
    found = readings.before(path, START + 5 * MINUTE, START)
    assert {name: plain(one.available) for name, one in found.items()} == {NAME: "2"}


def test_an_outline_begins_with_the_first_reading_and_shows_gaps(path: Path) -> None:
    """A series that is known for an hour fills the picture; what was not read for long is no line."""
    minutes = (0, 1, 2, 3, 40, 41, 59)
    fill(path, [(START + minute * MINUTE, str(100 - minute)) for minute in minutes])
    until = START + 60 * MINUTE - timedelta(microseconds=1)
    found = readings.outlines(path, {NAME: 20 * MINUTE}, since=START - 9999 * MINUTE, until=until, slices=6)
    assert found == {NAME: [(0, 97.0, 100.0), None, (4, 59.0, 60.0), (5, 41.0, 41.0)]}


def test_only_what_the_table_has_can_be_asked_for(path: Path) -> None:
    """A field's name goes into SQL as it is."""
    fill(path, [(START, "1")])
    with pytest.raises(ValueError, match="no such field"):
        readings.curve(
            path, NAME, "1; DROP TABLE x", since=START, until=START + MINUTE, slices=1, gap_after=MINUTE
        )


def test_readings_of_another_rhythm_are_no_gaps(path: Path) -> None:
    """A job that is polled every second now was polled every minute, or its past was imported: that was a line then,
    and is one now. What stands out among its own is a gap."""
    minutes = [*range(20), *range(25, 45)]
    fill(path, [(START + minute * MINUTE, "5") for minute in minutes])
    found = curve(path, minutes=60, gap_after=timedelta(seconds=3))
    assert found.gaps == ((START + 19 * MINUTE, START + 25 * MINUTE),)


def test_a_schedule_that_was_shortened_makes_no_gaps_of_what_was_before(path: Path) -> None:
    """Nor does a quick reading in between, as after a start."""
    slow = [START + number * MINUTE for number in range(20)]
    quick = [slow[-1] + number * timedelta(seconds=2) for number in range(1, 40)]
    fill(path, [(at, "5") for at in (*slow[:5], slow[4] + timedelta(seconds=1), *slow[5:], *quick)])
    assert curve(path, minutes=60, gap_after=timedelta(seconds=5)).gaps == ()


def test_polls_that_brought_nothing_make_a_gap_of_any_pause(path: Path) -> None:
    """Where only each tenth poll succeeds, nothing is known in between, however regular that is."""
    fill(path, [(START + 10 * number * MINUTE, "5") for number in range(6)])
    with closing(sqlite3.connect(path)) as db, db:
        db.executemany(
            "INSERT INTO polls (account_id, started_at, finished_at, outcome, detail, attempts)"
            " VALUES (1, ?, ?, ?, '', 1)",
            [
                (
                    micros(START + minute * MINUTE) - 1,
                    micros(START + minute * MINUTE),
                    "timeout" if minute % 10 else "ok",
                )
                for minute in range(51)
            ],
        )
    assert len(curve(path, minutes=60, gap_after=2 * MINUTE).gaps) == 5
