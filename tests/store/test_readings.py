"""Readings and their history, on a real SQLite file."""

import asyncio
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from monitor.domain.model import Balance, Reading
from monitor.store.transaction import Transaction
from monitor.store.writer import Store

from .support import ACCOUNT, NOW, USDT, history, keep, snapshot

amounts = st.decimals(allow_nan=False, allow_infinity=False, places=30) | st.integers(-(10**60), 10**60).map(
    Decimal
)


instants = st.datetimes(datetime(1990, 1, 1), datetime(2200, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001 -- with a zone


@given(total=amounts, locked=st.none() | amounts, at=instants, updated_at=st.none() | instants)
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_readings_survive_the_store_exactly(
    tmp_path_factory: pytest.TempPathFactory,
    total: Decimal,
    locked: Decimal | None,
    at: datetime,
    updated_at: datetime | None,
) -> None:
    """Every digit of an amount, trailing zeros included, and every microsecond of an instant."""

    async def round_trip() -> tuple[Reading, ...]:
        store = Store(tmp_path_factory.mktemp("exact") / "store.db")
        try:
            reading = Reading(
                observed_at=at, total=total, available=total, locked=locked, updated_at=updated_at
            )
            await store.write(lambda tx: keep(tx, reading))
            return await store.write(lambda tx: tx.readings.history(USDT, at, at, 1))
        finally:
            await store.close()

    (found,) = asyncio.run(round_trip())
    assert (found.observed_at, found.updated_at) == (at, updated_at)
    assert str(found.total.normalize()) == str(total.normalize())
    assert format(found.total, "f") == format(total, "f")
    written = [None if one is None else format(one, "f") for one in (found.locked, locked)]
    assert written[0] == written[1]


async def test_history_reaches_back_to_the_reading_before_the_window(store: Store) -> None:
    """The one before `since` tells what held when the window began."""
    readings = [snapshot(str(n), NOW + timedelta(minutes=n)) for n in range(10)]
    await store.write(lambda tx: keep(tx, *readings))
    assert await store.write(lambda tx: history(tx, NOW + timedelta(minutes=7), 1)) == ["7", "8", "9"]


async def test_history_has_as_many_as_asked_for(store: Store) -> None:
    """A message's sparkline wants some readings, however short the window is."""
    readings = [snapshot(str(n), NOW + timedelta(minutes=n)) for n in range(10)]
    await store.write(lambda tx: keep(tx, *readings))
    assert await store.write(lambda tx: history(tx, NOW + timedelta(minutes=9), 4)) == ["6", "7", "8", "9"]


async def test_history_ends_with_the_newest_reading(store: Store) -> None:
    """What a clock that was since set back put after it belongs to another time."""
    readings = [
        snapshot("1", NOW),
        snapshot("9", NOW + timedelta(hours=1)),
        snapshot("2", NOW + timedelta(minutes=1)),
    ]
    await store.write(lambda tx: keep(tx, *readings))
    newest = NOW + timedelta(minutes=1)
    found = await store.write(lambda tx: tx.readings.history(USDT, newest, NOW, 5))
    assert [str(one.total) for one in found] == ["1", "2"]


async def test_the_newest_is_the_newest_reading(store: Store) -> None:
    """A poll that failed by a wrong clock is no evidence of what time it is."""

    def prepare(tx: Transaction) -> tuple[datetime | None, datetime | None]:
        before = tx.readings.newest()
        keep(tx, snapshot("1", NOW), snapshot("2", NOW + timedelta(minutes=1)))
        return before, tx.readings.newest()

    assert await store.write(prepare) == (None, NOW + timedelta(minutes=1))


async def test_a_clock_set_back_overwrites_nothing_but_the_same_instant(store: Store) -> None:
    """The current balance is the one read last, whatever its instant says."""

    def prepare(tx: Transaction) -> Reading | None:
        keep(tx, snapshot("1", NOW), snapshot("2", NOW - timedelta(hours=1)))
        return tx.readings.views(ACCOUNT, NOW)["USDT"].last

    assert await store.write(prepare) == snapshot("2", NOW - timedelta(hours=1))


def test_balance_and_snapshot_hold_the_same_amounts() -> None:
    """A reading is the balance with an instant."""
    balance = Balance(
        currency="USDT", total=Decimal("1.50"), available=Decimal("1.20"), locked=Decimal("0.30")
    )
    reading = Reading.of(balance, NOW)
    assert (reading.total, reading.available, reading.locked) == (
        balance.total,
        balance.available,
        balance.locked,
    )
