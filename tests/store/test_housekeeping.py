"""What is deleted, and what stays, on a real SQLite file."""

from datetime import datetime, timedelta

from monitor.domain.alerts import EventKind
from monitor.domain.delivery import Target
from monitor.store.transaction import Transaction
from monitor.store.writer import Store

from .support import ALERT, NOW, OPS, add_call, add_event, history, keep, snapshot


async def test_pruning_goes_by_small_steps_and_keeps_the_last_reading(store: Store) -> None:
    """No more than the limit at a time, nothing newer than the border, and a series keeps what it knows."""
    readings = [snapshot(str(n), NOW + timedelta(minutes=n)) for n in range(10)]
    await store.write(lambda tx: keep(tx, *readings))
    border = NOW + timedelta(minutes=8)
    gone = [await store.write(lambda tx: tx.housekeeping.prune(border, 3)) for _ in range(4)]
    assert gone == [3, 3, 2, 0]
    assert await store.write(lambda tx: history(tx, NOW - timedelta(days=1), 99)) == ["8", "9"]


async def test_what_is_set_aside_is_kept_as_long_as_all_else(store: Store) -> None:
    """Counted from when it was, whatever instant it was given by the wrong clock."""
    readings = [snapshot("1", NOW), snapshot("2", NOW + timedelta(days=200))]

    def prepare(tx: Transaction) -> list[int]:
        keep(tx, *readings)
        tx.clock.set_back(NOW + timedelta(minutes=1))
        moved = tx.clock.set_aside_ahead(NOW + timedelta(minutes=1), 10)
        tx.clock.forget(NOW + timedelta(minutes=1))
        later = [tx.housekeeping.prune(NOW + timedelta(minutes=minute), 10) for minute in (-1, 1, 2)]
        return [moved, *later]

    assert await store.write(prepare) == [1, 0, 2, 1]


async def test_calls_on_record_are_bounded_whatever_time_it_is(store: Store) -> None:
    """While the clock is in doubt none is too old; each host keeps its newest."""

    def prepare(tx: Transaction) -> list[tuple[str, datetime]]:
        for minute in range(5):
            add_call(tx, "a", NOW + timedelta(minutes=minute))
        add_call(tx, "b", NOW)
        tx.housekeeping.prune_all_calls_but(2)
        since = NOW - timedelta(days=1)
        return [(host, call.at) for host in ("a", "b") for call in tx.hosts.calls(host, since, besides="")]

    assert await store.write(prepare) == [
        ("a", NOW + timedelta(minutes=3)),
        ("a", NOW + timedelta(minutes=4)),
        ("b", NOW),
    ]


async def test_pruning_spares_incidents_that_last(store: Store) -> None:
    """However long ago an alert fired, what was told of it stays until it is over."""

    def prepare(tx: Transaction) -> list[Target]:
        tx.alerts.save(ALERT)
        add_event(tx, ALERT.id, 1, EventKind.FIRED, NOW, OPS)
        ((waiting,),) = tx.outbox.waiting(OPS, NOW).due
        tx.outbox.complete([waiting.id], delivered=True, at=NOW)
        tx.housekeeping.prune(NOW + timedelta(days=400), 100)
        return tx.outbox.notified_targets(ALERT.id)

    assert await store.write(prepare) == [OPS]
