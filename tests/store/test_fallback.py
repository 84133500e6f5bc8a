"""A channel's fallback takes over what no URL of the channel has taken for long enough."""

from datetime import UTC, datetime, timedelta

from monitor.domain.alerts import EventKind
from monitor.domain.delivery import Notification, Target
from monitor.domain.model import Severity
from monitor.store.transaction import Transaction
from monitor.store.writer import Store

from .support import add_event, incidents

NOW = datetime(2026, 2, 1, 14, 30, tzinfo=UTC)
FIVE = timedelta(minutes=5)
OPS = Target(channel="ops", url_id="abcd1234")
CHAT = Target(channel="ops", url_id="ffff0000")
PHONE = Target(channel="phone", url_id="55555555")
FIRED, WORSENED, RESOLVED = EventKind.FIRED, EventKind.WORSENED, EventKind.RESOLVED


def fail(tx: Transaction, target: Target, at: datetime) -> None:
    """An attempt to tell what waits for a URL comes to nothing."""
    ids = [one.id for of_one in tx.outbox.waiting(target, at).due for one in of_one]
    tx.outbox.reschedule(ids, at=at, until=at + timedelta(minutes=1), error="refused")


def divert_to_fallback(tx: Transaction, at: datetime) -> int:
    return tx.outbox.divert_to_fallback("ops", [PHONE], at - FIVE, at)


def for_phone(tx: Transaction, at: datetime = NOW + FIVE) -> list[Notification]:
    return [one for of_one in tx.outbox.waiting(PHONE, at).due for one in of_one]


async def test_what_fails_for_long_enough_is_handed_over(store: Store) -> None:
    """Not before, and saying which channel is down."""

    def prepare(tx: Transaction) -> tuple[int, int, list[str]]:
        add_event(tx, "A", 1, FIRED, NOW, OPS)
        fail(tx, OPS, NOW)
        early = divert_to_fallback(tx, NOW + FIVE - timedelta(seconds=1))
        due = divert_to_fallback(tx, NOW + FIVE)
        return early, due, [one.instead_of for one in for_phone(tx)]

    assert await store.write(prepare) == (0, 1, ["channel ops, which can't be reached (refused)"])


async def test_it_is_handed_over_once(store: Store) -> None:
    """However long the channel stays down."""

    def prepare(tx: Transaction) -> list[int]:
        add_event(tx, "A", 1, FIRED, NOW, OPS)
        fail(tx, OPS, NOW)
        return [divert_to_fallback(tx, NOW + FIVE), divert_to_fallback(tx, NOW + 2 * FIVE)]

    assert await store.write(prepare) == [1, 0]


async def test_it_counts_from_the_first_failure(store: Store) -> None:
    """Not from when it was put into the outbox, nor from the last attempt."""

    def prepare(tx: Transaction) -> list[int]:
        add_event(tx, "A", 1, FIRED, NOW - timedelta(hours=9), OPS)
        fail(tx, OPS, NOW)
        fail(tx, OPS, NOW + timedelta(minutes=4))
        return [divert_to_fallback(tx, NOW + timedelta(minutes=4)), divert_to_fallback(tx, NOW + FIVE)]

    assert await store.write(prepare) == [0, 1]


async def test_what_one_url_of_the_channel_took_is_not_handed_over(store: Store) -> None:
    """Somebody was told."""

    def prepare(tx: Transaction) -> int:
        add_event(tx, "A", 1, FIRED, NOW, OPS, CHAT)
        ((taken,),) = tx.outbox.waiting(CHAT, NOW).due
        tx.outbox.complete([taken.id], delivered=True, at=NOW)
        fail(tx, OPS, NOW)
        return divert_to_fallback(tx, NOW + FIVE)

    assert await store.write(prepare) == 0


async def test_what_waits_behind_it_is_handed_over_with_it(store: Store) -> None:
    """That it got worse was not tried: the firing holds it back. In order."""

    def prepare(tx: Transaction) -> list[int]:
        add_event(tx, "A", 1, FIRED, NOW, OPS)
        fail(tx, OPS, NOW)
        add_event(tx, "A", 2, WORSENED, NOW + timedelta(minutes=4), OPS, severity=Severity.CRITICAL)
        divert_to_fallback(tx, NOW + FIVE)
        return [one.report.seq for one in for_phone(tx)]

    assert await store.write(prepare) == [1, 2]


async def test_what_comes_after_it_follows(store: Store) -> None:
    """The end goes to the fallback too, once: as one it was told, or in place of the channel."""

    def prepare(tx: Transaction) -> tuple[list[Target], list[int]]:
        add_event(tx, "A", 1, FIRED, NOW, OPS)
        fail(tx, OPS, NOW)
        divert_to_fallback(tx, NOW + FIVE)
        notified_targets = sorted(tx.outbox.notified_targets("A"), key=str)
        add_event(tx, "A", 2, RESOLVED, NOW + FIVE, *notified_targets)
        divert_to_fallback(tx, NOW + 2 * FIVE)
        return notified_targets, [one.report.seq for one in for_phone(tx, NOW + 2 * FIVE)]

    assert await store.write(prepare) == ([OPS, PHONE], [1, 2])


async def test_all_that_waits_for_the_channel_is_handed_over_with_one(store: Store) -> None:
    """Others have failed for less long, or were never tried since one attempt hangs. Not what waits for its group."""

    def prepare(tx: Transaction) -> tuple[list[str], list[str]]:
        add_event(tx, "A", 1, FIRED, NOW, OPS)
        fail(tx, OPS, NOW)
        add_event(tx, "B", 1, FIRED, NOW + FIVE - timedelta(seconds=9), OPS)
        add_event(tx, "C", 1, FIRED, NOW + FIVE, OPS, wait=timedelta(seconds=10))
        divert_to_fallback(tx, NOW + FIVE)
        first = [one.report.incident for one in for_phone(tx)]
        divert_to_fallback(tx, NOW + FIVE + timedelta(seconds=10))
        return first, [one.report.incident for one in for_phone(tx, NOW + 2 * FIVE)]

    assert await store.write(prepare) == (["A", "B"], ["A", "B", "C"])


async def test_what_waits_in_quiet_hours_is_not_handed_over_with_another(store: Store) -> None:
    """It was not tried; what is critical does not wait."""

    def prepare(tx: Transaction) -> list[str]:
        add_event(tx, "A", 1, FIRED, NOW, OPS, severity=Severity.CRITICAL)
        fail(tx, OPS, NOW)
        add_event(tx, "B", 1, FIRED, NOW, OPS)
        add_event(tx, "C", 1, FIRED, NOW, OPS, severity=Severity.CRITICAL)
        tx.outbox.divert_to_fallback("ops", [PHONE], NOW, NOW + FIVE, quiet=True)
        return [one.report.incident for one in for_phone(tx)]

    assert await store.write(prepare) == ["A", "C"]


async def test_it_stays_in_the_outbox_for_the_channel(store: Store) -> None:
    """Back again, it is told what it missed."""

    def prepare(tx: Transaction) -> list[str]:
        add_event(tx, "A", 1, FIRED, NOW, OPS)
        fail(tx, OPS, NOW)
        divert_to_fallback(tx, NOW + FIVE)
        return incidents(tx.outbox.waiting(OPS, NOW + FIVE))

    assert await store.write(prepare) == ["A"]


async def test_a_fallback_that_was_notified_anyway_is_not_notified_twice(store: Store) -> None:
    """The route leads to both."""

    def prepare(tx: Transaction) -> int:
        add_event(tx, "A", 1, FIRED, NOW, OPS, PHONE)
        fail(tx, OPS, NOW)
        divert_to_fallback(tx, NOW + FIVE)
        return len(for_phone(tx))

    assert await store.write(prepare) == 1


async def test_a_channel_without_trouble_hands_nothing_over(store: Store) -> None:
    """What waits for its group, or in quiet hours, has not failed."""

    def prepare(tx: Transaction) -> int:
        add_event(tx, "A", 1, FIRED, NOW, OPS)
        return divert_to_fallback(tx, NOW + timedelta(hours=9))

    assert await store.write(prepare) == 0
