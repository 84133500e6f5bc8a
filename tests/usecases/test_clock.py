"""The wall clock set back under a real store: what was read before is neither compared with again nor waited for."""

from datetime import timedelta
from decimal import Decimal

from monitor.domain.rules import Delta, Stale
from monitor.poll import look_between_polls
from monitor.store.store import Store

from .test_poll import SPOT, START, failed, played, read, told, watch

HOUR = 3600
DROP = Delta(name="drop", direction="drop", limit=Decimal(20), percent=True)
DROP_WITHIN = Delta(
    name="drop-within", direction="drop", limit=Decimal(20), percent=True, within=timedelta(minutes=15)
)


async def test_a_drop_told_once_is_not_told_again_when_the_clock_is_set_back(store: Store) -> None:
    """The reading before the first one after the step is the last one by the old clock, not one of an hour ago."""
    before = [read(0, USDT="5000"), read(HOUR, USDT="1000"), read(HOUR + 60, USDT="1000")]
    after = [read(30, USDT="1000"), read(90, USDT="1000")]
    assert told(await played(store, watch(DROP), *before, *after)) == [
        "fired drop nami-spot/spot/USDT 1",
        "resolved drop nami-spot/spot/USDT 2",
    ]


async def test_readings_of_before_and_after_the_step_do_not_mix(store: Store) -> None:
    """Once the clock has caught up, what was read by the wrong clock would else lie between what is read now."""
    before = [read(minute * 60, USDT="5000") for minute in range(60)]
    back = [read(minute * 60 + 30, USDT="4900") for minute in range(60)]
    drained = [read(HOUR + 30, USDT="4000"), read(HOUR + 90, USDT="4000")]
    recorded = await played(store, watch(DROP, DROP_WITHIN), *before, *back, *drained)
    assert told(recorded) == []


async def test_a_drop_over_the_step_is_told(store: Store) -> None:
    """What was read last by the old clock still is what the first reading by the new one is compared with."""
    recorded = await played(store, watch(DROP, DROP_WITHIN), read(HOUR, USDT="5000"), read(0, USDT="1000"))
    assert told(recorded) == [
        "fired drop nami-spot/spot/USDT 1",
        "fired drop-within nami-spot/spot/USDT 1",
    ]


async def test_a_wallet_that_is_not_read_after_the_step_grows_stale_in_time(store: Store) -> None:
    """The age counts from the step at the latest, not from when the clock will have caught up."""
    watched = watch(Stale(name="stale", after=timedelta(hours=2)))
    await played(store, watched, read(24 * HOUR, USDT="1"), failed(0))

    async def seen(seconds: int) -> list[str]:
        at = START + timedelta(seconds=seconds)
        events = await store.write(lambda tx: look_between_polls(tx, watched, at, {SPOT.key}))
        return [event.kind for event in events]

    assert (await seen(2 * HOUR - 60), await seen(2 * HOUR)) == ([], ["fired"])


async def test_a_clock_a_month_behind_deletes_no_reading(store: Store) -> None:
    """For one start: all that was read before is there when the clock is right again, and is compared with."""
    month = 30 * 24 * HOUR
    before = [read(month + minute * 60, USDT="5000") for minute in range(5)]
    wrong = [read(0, USDT="4900"), read(60, USDT="4900")]
    recorded = await played(store, watch(DROP, DROP_WITHIN), *before, *wrong, read(month + 600, USDT="3000"))
    kept = await store.write(lambda tx: tx.history(SPOT.series("USDT"), START + timedelta(days=31), START, 1))
    assert [str(one.total) for one in kept] == ["4900", "4900", *["5000"] * 5, "3000"]
    assert "fired drop-within nami-spot/spot/USDT 1" in told(recorded)
