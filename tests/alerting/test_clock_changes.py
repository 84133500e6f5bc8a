"""The wall clock set back under a real store: what was read before is neither compared with again nor waited for."""

import sqlite3
from contextlib import closing
from datetime import timedelta
from decimal import Decimal

import pytest

from monitor.alerting.between_polls import check_time_based
from monitor.alerting.clock_changes import fit_to_clock, resolve_clock
from monitor.alerting.recording import Recorded
from monitor.config import Config
from monitor.domain.matching import Match
from monitor.domain.rules import Delta, Policy, Stale, Threshold
from monitor.store.writer import Store

from .test_recording import OPS, SPOT, START, failed, notified, played, read, watch

HOUR = 3600
DROP = Delta(name="drop", direction="drop", limit=Decimal(20), percent=True)
DROP_WITHIN = Delta(
    name="drop-within", direction="drop", limit=Decimal(20), percent=True, within=timedelta(minutes=15)
)


async def test_a_drop_notified_once_is_not_notified_again_when_the_clock_is_set_back(store: Store) -> None:
    """The reading before the first one after the step is the last one by the old clock, not one of an hour ago."""
    before = [read(0, USDT="5000"), read(HOUR, USDT="1000"), read(HOUR + 60, USDT="1000")]
    after = [read(30, USDT="1000"), read(90, USDT="1000")]
    assert notified(await played(store, watch(DROP), *before, *after)) == [
        "fired drop nami-spot/spot/USDT 1",
        "resolved drop nami-spot/spot/USDT 2",
    ]


async def test_readings_of_before_and_after_the_step_do_not_mix(store: Store) -> None:
    """Once the clock has caught up, what was read by the wrong clock would else lie between what is read now."""
    before = [read(minute * 60, USDT="5000") for minute in range(60)]
    back = [read(minute * 60 + 30, USDT="4900") for minute in range(60)]
    drained = [read(HOUR + 30, USDT="4000"), read(HOUR + 90, USDT="4000")]
    recorded = await played(store, watch(DROP, DROP_WITHIN), *before, *back, *drained)
    assert notified(recorded) == []


async def test_a_drop_over_the_step_is_notified(store: Store) -> None:
    """What was read last by the old clock still is what the first reading by the new one is compared with."""
    recorded = await played(store, watch(DROP, DROP_WITHIN), read(HOUR, USDT="5000"), read(0, USDT="1000"))
    assert notified(recorded) == [
        "fired drop nami-spot/spot/USDT 1",
        "fired drop-within nami-spot/spot/USDT 1",
    ]


async def test_a_wallet_that_is_not_read_after_the_step_grows_stale_in_time(store: Store) -> None:
    """The age counts from the step at the latest, not from when the clock will have caught up."""
    watched = watch(Stale(name="stale", after=timedelta(hours=2)))
    await played(store, watched, read(24 * HOUR, USDT="1"), failed(0))

    async def seen(seconds: int) -> list[str]:
        at = START + timedelta(seconds=seconds)
        events = await store.write(lambda tx: check_time_based(tx, watched, at, {SPOT.key}))
        return [event.kind for event in events]

    assert (await seen(2 * HOUR - 60), await seen(2 * HOUR)) == ([], ["fired"])


MONTH = 30 * 24 * HOUR
AGREE = (timedelta(0),)
"""How much later a service's clock is that agrees with ours."""


async def started(store: Store, seconds: int) -> str:
    """A start, or a step that is noticed, so many seconds after START by the clock then; what is noticed."""
    return await store.write(lambda tx: fit_to_clock(tx, START + timedelta(seconds=seconds)))


async def settled(store: Store, seconds: int, differences: tuple[timedelta, ...] = ()) -> None:
    """All looks at the clock that there is something to do for."""
    at = START + timedelta(seconds=seconds)
    while (await store.write(lambda tx: resolve_clock(tx, at, differences, 2)))[0]:
        pass


async def history(store: Store) -> list[tuple[int, str]]:
    """All readings in the history of USDT: seconds after START, and what was read."""
    far = START + timedelta(days=4000)
    found = await store.write(
        lambda tx: tx.readings.history(SPOT.series("USDT"), far, START - timedelta(days=4000), 1)
    )
    return [(round((one.observed_at - START).total_seconds()), str(one.total)) for one in found]


def rows(store: Store, table: str) -> int:
    with closing(sqlite3.connect(store.path)) as db:
        (count,) = db.execute(f"SELECT count(*) FROM {table}").fetchone()
    return int(count)


BEFORE = [(0, "6200"), (MONTH - 1200, "5000"), *((MONTH + minute * 60, "5000") for minute in range(5))]
"""Readings of a month ago, and of now."""


async def read_before(store: Store, watched: Config) -> list[Recorded]:
    return await played(store, watched, *(read(seconds, USDT=amount) for seconds, amount in BEFORE))


async def test_one_start_a_month_behind_changes_nothing(store: Store) -> None:
    """The readings of before are the history again, and what was read meanwhile is set aside. Nothing is told: the
    first reading is compared with the last one, not with that of a month ago, nor is the next one by the right
    clock."""
    watched = watch(DROP, DROP_WITHIN)
    await read_before(store, watched)
    assert "30d 3m ahead of this machine's clock" in await started(store, 60)
    wrong = await played(store, watched, read(63, USDT="4900"), read(66, USDT="4900"))
    await settled(store, 66)
    assert "it was behind" in await started(store, MONTH + 300)
    await settled(store, MONTH + 300)
    right = await played(store, watched, read(MONTH + 301, USDT="4900"))
    assert notified([*wrong, *right]) == []
    assert await history(store) == [*BEFORE, (MONTH + 301, "4900")]
    assert rows(store, "set_aside") == 3  # two, and the last one, which counted as read just before them


async def test_a_drop_after_a_start_a_month_behind_is_notified(store: Store) -> None:
    """The last reading by the right clock is what the next one is compared with."""
    watched = watch(DROP, DROP_WITHIN)
    await read_before(store, watched)
    await started(store, 60)
    await played(store, watched, read(63, USDT="4900"))
    await started(store, MONTH + 300)
    assert notified(await played(store, watched, read(MONTH + 301, USDT="3000"))) == [
        "fired drop nami-spot/spot/USDT 1",
        "fired drop-within nami-spot/spot/USDT 1",
    ]


async def test_an_hour_twenty_hours_behind_keeps_the_history_of_that_hour(store: Store) -> None:
    """Time passes over readings of that hour; they are back when the clock is right."""
    watched = watch(DROP, DROP_WITHIN)
    before = [(hour * HOUR + minute * 60, "5000") for hour in range(21) for minute in range(0, 60, 10)]
    await started(store, 0)
    await played(store, watched, *(read(seconds, USDT=amount) for seconds, amount in before))
    await started(store, HOUR)
    wrong = await played(store, watched, *(read(HOUR + minute * 60, USDT="4000") for minute in range(1, 60)))
    await settled(store, 2 * HOUR)
    await started(store, 22 * HOUR)
    await settled(store, 22 * HOUR)
    right = await played(store, watched, read(22 * HOUR, USDT="4000"))
    assert await history(store) == [*before, (22 * HOUR, "4000")]
    assert notified(wrong)[:2] == [
        "fired drop nami-spot/spot/USDT 1",
        "fired drop-within nami-spot/spot/USDT 1",
    ]
    assert [one for one in notified(right) if "drop-within" not in one] == [
        "fired drop nami-spot/spot/USDT 1"
    ]


async def test_one_start_far_ahead_leaves_its_readings_aside(store: Store) -> None:
    """As soon as the services' clocks agree with the present one. What was read before is the history."""
    watched = watch(DROP, DROP_WITHIN)
    await read_before(store, watched)
    ahead = MONTH + 200 * 24 * HOUR
    await started(store, ahead)
    wrong = await played(store, watched, read(ahead + 3, USDT="5000"), read(ahead + 6, USDT="5000"))
    await started(store, MONTH + 300)
    right = await played(store, watched, read(MONTH + 301, USDT="4900"))
    await settled(store, MONTH + 301, AGREE)
    assert notified([*wrong, *right]) == []
    assert await history(store) == [*BEFORE, (MONTH + 300, "5000"), (MONTH + 301, "4900")]
    assert rows(store, "set_aside") == 2


async def test_services_that_differ_as_much_confirm_nothing(store: Store) -> None:
    """Theirs say that the present clock is the wrong one: the readings ahead stay where they are."""
    watched = watch()
    await read_before(store, watched)
    await started(store, 60)
    await settled(store, 66, (timedelta(days=30),))
    assert rows(store, "set_aside") == 0


async def test_what_a_clock_was_ahead_of_stays_out_of_the_history(store: Store) -> None:
    """Without any service's clock: time passes over what was read by the wrong one, and leaves it aside."""
    watched = watch()
    await played(store, watched, read(HOUR, USDT="1"), read(HOUR + 60, USDT="2"))
    await started(store, 60)
    await played(store, watched, *(read(seconds, USDT="3") for seconds in range(600, HOUR + 1200, 600)))
    await settled(store, HOUR + 600)
    kept = [(seconds, "3") for seconds in range(600, HOUR + 1200, 600)]
    assert await history(store) == [(60, "2"), *kept]
    assert rows(store, "set_aside") == 2


# Alerts

USDT = Match({"currency": ("USDT",)})
REMINDED = Policy(repeat_every=timedelta(hours=4), for_=timedelta(minutes=10))
BELOW = Threshold(name="low", below=Decimal(6000), policy=REMINDED, match=USDT)


async def notified_between_polls(store: Store, watched: Config, seconds: int) -> list[str]:
    at = START + timedelta(seconds=seconds)
    events = await store.write(lambda tx: check_time_based(tx, watched, at, {SPOT.key}))
    return [f"{event.kind} {event.seq}" for event in events]


WRONG = [pytest.param(60, id="a-month-behind"), pytest.param(MONTH + 200 * 24 * HOUR, id="200-days-ahead")]


@pytest.mark.parametrize("wrong", WRONG)
async def test_an_alert_goes_on_after_a_start_by_a_wrong_clock(store: Store, wrong: int) -> None:
    """It began when it began, and its reminder comes four hours after the last message."""
    watched = watch(BELOW)
    await started(store, MONTH)
    fires = [read(MONTH + minute * 60, USDT="5000") for minute in range(0, 31, 10)]
    assert notified(await played(store, watched, *fires)) == ["fired low nami-spot/spot/USDT 1"]
    await started(store, wrong)
    await played(store, watched, read(wrong + 3, USDT="5000"), read(wrong + 6, USDT="5000"))
    await started(store, MONTH + 1860)
    after = await played(store, watched, read(MONTH + 1861, USDT="5000"))
    await settled(store, MONTH + 1862, AGREE)
    [alert] = (await store.write(lambda tx: tx.alerts.all())).values()
    since = alert.since and (alert.since - START).total_seconds()
    assert notified(after) == []
    assert (since, alert.seq) == (MONTH, 2 if wrong > MONTH else 1)
    reminded = MONTH + (1861 if wrong > MONTH else 600) + 4 * HOUR
    assert await notified_between_polls(store, watched, reminded - 60) == []
    assert await notified_between_polls(store, watched, reminded) == [f"reminder {alert.seq + 1}"]


async def test_what_pends_does_not_fire_early_after_a_start_a_month_behind(store: Store) -> None:
    """`for` goes on where it was."""
    watched = watch(BELOW)
    await started(store, MONTH)
    await played(store, watched, read(MONTH, USDT="5000"), read(MONTH + 120, USDT="5000"))
    await started(store, 60)
    await played(store, watched, read(63, USDT="5000"))
    await started(store, MONTH + 180)
    later = [await played(store, watched, read(MONTH + s, USDT="5000")) for s in (181, 599, 600)]
    assert [notified(one) for one in later] == [[], [], ["fired low nami-spot/spot/USDT 1"]]


async def test_what_begins_a_month_behind_counts_from_when_the_clock_is_right(store: Store) -> None:
    """It pends anew rather than to have pended for a month."""
    watched = watch(BELOW)
    await started(store, MONTH)
    await played(store, watched, read(MONTH, USDT="9000"))
    await started(store, 60)
    await played(store, watched, read(63, USDT="5000"))
    await started(store, MONTH + 180)
    later = [await played(store, watched, read(MONTH + s, USDT="5000")) for s in (181, 779, 780)]
    assert [notified(one) for one in later] == [[], [], ["fired low nami-spot/spot/USDT 1"]]


async def test_nothing_is_stale_after_a_start_a_month_behind(store: Store) -> None:
    """Though the first poll by the right clock fails."""
    watched = watch(Stale(name="stale", after=timedelta(hours=2), match=USDT))
    await started(store, MONTH)
    await played(store, watched, read(MONTH, USDT="1"))
    await started(store, 60)
    wrong = await played(store, watched, read(63, USDT="1"))
    await started(store, MONTH + 180)
    assert notified([*wrong, *await played(store, watched, failed(MONTH + 181))]) == []
    assert await notified_between_polls(store, watched, MONTH + 2 * HOUR - 60) == []
    assert await notified_between_polls(store, watched, MONTH + 2 * HOUR) == ["fired 1"]


async def test_what_counts_goes_on_over_a_step_forward_under_way(store: Store) -> None:
    """The step is known: neither the reminder nor the channel's failure is older by it."""
    watched = watch(BELOW)
    await started(store, 0)
    await played(store, watched, *(read(minute * 60, USDT="5000") for minute in (0, 10)))
    [one] = await due(store, 660)
    at, day = START + timedelta(seconds=660), timedelta(days=1)
    await store.write(
        lambda tx: tx.outbox.reschedule([one], at=at, until=at + timedelta(seconds=30), error="refused")
    )
    await store.write(lambda tx: fit_to_clock(tx, at + day, day))
    assert await notified_between_polls(store, watched, 24 * HOUR + 4 * HOUR) == []
    assert await store.write(lambda tx: tx.outbox.failing_since(OPS.channel)) == at + day
    assert await due(store, 24 * HOUR + 689) == []
    assert await due(store, 24 * HOUR + 690) == [one]


async def test_what_waits_is_not_given_up_by_a_jump(store: Store) -> None:
    """A start 200 days ahead is no day of failures: what failed before it has failed from the start on."""
    watched = watch(BELOW)
    await started(store, 0)
    await played(store, watched, *(read(minute * 60, USDT="5000") for minute in (0, 10)))
    [one] = await due(store, 660)
    at = START + timedelta(seconds=660)
    await store.write(lambda tx: tx.outbox.reschedule([one], at=at, until=at, error="refused"))
    await started(store, 200 * 24 * HOUR)
    assert await store.write(lambda tx: tx.outbox.failing_since(OPS.channel)) == START + timedelta(days=200)


async def test_a_failing_channel_is_not_given_up_after_a_start_a_month_behind(store: Store) -> None:
    """What failed then has failed since the clock is right, not for a month."""
    watched = watch(BELOW)
    await started(store, MONTH)
    await played(store, watched, *(read(MONTH + minute * 60, USDT="5000") for minute in (0, 10)))
    await started(store, 60)
    [one] = await due(store, 123)
    at = START + timedelta(seconds=63)
    await store.write(lambda tx: tx.outbox.reschedule([one], at=at, until=at, error="refused"))
    await started(store, MONTH + 900)
    assert await store.write(lambda tx: tx.outbox.failing_since(OPS.channel)) == START + timedelta(
        seconds=MONTH + 900
    )


async def due(store: Store, seconds: int) -> list[int]:
    """What is due for a URL, by number."""
    at = START + timedelta(seconds=seconds)
    waiting = await store.write(lambda tx: tx.outbox.waiting(OPS, at))
    return [one.id for of_one in waiting.due for one in of_one]
