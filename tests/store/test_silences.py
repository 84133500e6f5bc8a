"""Silences, attempts and notes: what is kept of them, and for how long."""

from datetime import UTC, datetime, timedelta

from sqlalchemy import text

from monitor.domain.alerts import Alert, EventKind
from monitor.domain.delivery import Target
from monitor.domain.matching import Match
from monitor.domain.model import State, Subject
from monitor.domain.mutes import Silence
from monitor.store.transaction import Transaction
from monitor.store.writer import Store

from .support import add_event

NOW = datetime(2026, 2, 1, 14, 30, tzinfo=UTC)
HOUR = timedelta(hours=1)
DAYS = timedelta(days=90)
OPS = Target(channel="ops", url_id="abcd1234")
LOW = Match({"rule": ("low", "very-*"), "team": ("treasury",)})


def silence(tx: Transaction, starts_at: datetime = NOW, ends_at: datetime = NOW + HOUR) -> Silence:
    return tx.alerts.add_silence(
        LOW, starts_at=starts_at, ends_at=ends_at, by="ann", reason="upgrade", now=NOW
    )


async def test_a_silence_survives_exactly(store: Store) -> None:
    """Who, why, until when and of what; they are numbered."""
    one = await store.write(silence)
    two = await store.write(silence)
    assert (one.match, one.starts_at, one.ends_at) == (LOW, NOW, NOW + HOUR)
    assert (one.by, one.reason, one.id, two.id) == ("ann", "upgrade", 1, 2)
    assert await store.write(lambda tx: tx.alerts.silences(NOW)) == (one, two)


async def test_one_that_is_over_mutes_no_more(store: Store) -> None:
    """To the second."""
    await store.write(silence)
    almost = NOW + HOUR - timedelta(seconds=1)
    counts = [len(await store.write(lambda tx, at=at: tx.alerts.silences(at))) for at in (almost, NOW + HOUR)]  # type: ignore[misc]
    assert counts == [1, 0]


async def test_one_that_is_to_come_is_known(store: Store) -> None:
    """And not active yet."""
    await store.write(lambda tx: silence(tx, NOW + HOUR, NOW + 2 * HOUR))
    [one] = await store.write(lambda tx: tx.alerts.silences(NOW))
    assert (one.is_active(NOW), one.is_active(NOW + HOUR), one.is_active(NOW + 2 * HOUR)) == (
        False,
        True,
        False,
    )


async def test_an_expired_one_ends_at_once(store: Store) -> None:
    """By whom is kept."""
    one = await store.write(silence)
    ended = await store.write(lambda tx: tx.alerts.expire_silence(one.id, by="bob", now=NOW + HOUR / 2))
    assert ended is not None
    assert ended.ends_at == NOW + HOUR / 2
    assert await store.write(lambda tx: tx.alerts.silences(NOW + HOUR / 2)) == ()
    by = await store.write(lambda tx: tx._db.execute(text("SELECT expired_by FROM silences")).scalar_one())
    assert by == "bob"


async def test_one_that_is_to_come_can_be_taken_back(store: Store) -> None:
    """It never mutes anything."""
    one = await store.write(lambda tx: silence(tx, NOW + HOUR, NOW + 2 * HOUR))
    ended = await store.write(lambda tx: tx.alerts.expire_silence(one.id, by="bob", now=NOW))
    assert ended is not None
    assert not any(ended.is_active(NOW + minute * timedelta(minutes=1)) for minute in range(200))


async def test_what_is_over_or_never_was_cannot_be_expired(store: Store) -> None:
    """Whoever asks is told."""
    one = await store.write(silence)
    late = await store.write(lambda tx: tx.alerts.expire_silence(one.id, by="bob", now=NOW + HOUR))
    unknown = await store.write(lambda tx: tx.alerts.expire_silence(99, by="bob", now=NOW))
    assert (late, unknown) == (None, None)


def counted(tx: Transaction, table: str) -> int:
    return int(tx._db.execute(text(f"SELECT count(*) FROM {table}")).scalar_one())


async def test_silences_are_kept_as_long_as_everything(store: Store) -> None:
    """And no longer."""

    def prepare(tx: Transaction) -> list[int]:
        silence(tx)
        kept = []
        for before in (NOW + HOUR, NOW + HOUR + timedelta(seconds=1)):
            tx.housekeeping.prune(before, 100)
            kept.append(counted(tx, "silences"))
        return kept

    assert await store.write(prepare) == [1, 0]


# Attempts


async def test_every_attempt_is_kept_with_what_it_came_to(store: Store) -> None:
    """Numbered, with its time."""

    def prepare(tx: Transaction) -> list[tuple[object, ...]]:
        add_event(tx, "A", 1, EventKind.FIRED, NOW, OPS)
        ((one,),) = tx.outbox.waiting(OPS, NOW).due
        tx.outbox.reschedule([one.id], at=NOW, until=NOW + HOUR, error="refused")
        tx.outbox.reschedule([one.id], at=NOW + HOUR, until=NOW + 2 * HOUR, error="no route")
        tx.outbox.complete([one.id], delivered=True, at=NOW + 2 * HOUR)
        rows = tx._db.execute(text("SELECT number, at, error FROM attempts ORDER BY number"))
        return [tuple(row) for row in rows]

    seconds = int(NOW.timestamp())
    assert await store.write(prepare) == [
        (1, seconds * 10**6, "refused"),
        (2, (seconds + 3600) * 10**6, "no route"),
        (3, (seconds + 7200) * 10**6, ""),
    ]


async def test_what_was_settled_before_is_not_tried_again(store: Store) -> None:
    """A late result of an attempt that was given up adds nothing."""

    def prepare(tx: Transaction) -> int:
        add_event(tx, "A", 1, EventKind.FIRED, NOW, OPS)
        ((one,),) = tx.outbox.waiting(OPS, NOW).due
        tx.outbox.complete([one.id], delivered=False, at=NOW, error="refused")
        tx.outbox.complete([one.id], delivered=True, at=NOW)
        tx.outbox.reschedule([one.id], at=NOW, until=NOW + HOUR, error="refused")
        return counted(tx, "attempts")

    assert await store.write(prepare) == 1


async def test_attempts_go_with_their_notifications(store: Store) -> None:
    """And those with their incident, when that is over."""

    def prepare(tx: Transaction) -> list[tuple[int, ...]]:
        alert = Alert(rule="r", subject=Subject("s"), id="A", state=State.FIRING)
        tx.alerts.save(alert)
        add_event(tx, "A", 1, EventKind.FIRED, NOW, OPS)
        tx.alerts.add_note(alert, "acked", NOW, "ann", "on it")
        ((one,),) = tx.outbox.waiting(OPS, NOW).due
        tx.outbox.complete([one.id], delivered=True, at=NOW)
        tables, kept = ("attempts", "notifications", "events", "notes"), []
        for _ in range(2):
            tx.housekeeping.prune(NOW + DAYS, 100)
            kept.append(tuple(counted(tx, table) for table in tables))
            tx.alerts.save(Alert(rule="r", subject=Subject("s")))
        return kept

    assert await store.write(prepare) == [(1, 1, 1, 1), (0, 0, 0, 0)]


async def test_an_incident_in_its_cooldown_keeps_its_story(store: Store) -> None:
    """It may go on."""

    def prepare(tx: Transaction) -> int:
        tx.alerts.save(Alert(rule="r", subject=Subject("s"), id="A", ended_at=NOW, seq=2))
        add_event(tx, "A", 1, EventKind.FIRED, NOW, OPS)
        ((one,),) = tx.outbox.waiting(OPS, NOW).due
        tx.outbox.complete([one.id], delivered=True, at=NOW)
        tx.housekeeping.prune(NOW + DAYS, 100)
        return counted(tx, "events")

    assert await store.write(prepare) == 1


async def test_what_still_waits_is_never_pruned(store: Store) -> None:
    """However old it is."""

    def prepare(tx: Transaction) -> int:
        add_event(tx, "A", 1, EventKind.FIRED, NOW, OPS)
        tx.housekeeping.prune(NOW + DAYS, 100)
        return len(tx.outbox.waiting(OPS, NOW + DAYS).due)

    assert await store.write(prepare) == 1


async def test_pruning_many_leaves_no_attempt_without_its_notification(store: Store) -> None:
    """In steps smaller than what there is to do: foreign keys hold at each."""

    def prepare(tx: Transaction) -> list[int]:
        for number in range(25):
            add_event(tx, f"I{number}", 1, EventKind.FIRED, NOW, OPS)
        ids = [one.id for of_one in tx.outbox.waiting(OPS, NOW).due for one in of_one]
        tx.outbox.complete(ids, delivered=True, at=NOW)
        left: list[int] = []
        while not left or left[-1]:
            tx.housekeeping.prune(NOW + DAYS, 10)
            left.append(counted(tx, "notifications"))
        return left

    assert await store.write(prepare) == [15, 5, 0]
