"""Whether the work gets on, as the store knows it: what a heartbeat may say."""

from datetime import UTC, datetime, timedelta

from monitor.domain.alerts import EventKind
from monitor.domain.delivery import Target
from monitor.domain.progress import Progress
from monitor.store.transaction import Transaction
from monitor.store.writer import Store

from .support import add_event

NOW = datetime(2026, 2, 1, 14, 30, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
OPS = Target(channel="ops", url_id="abcd1234")


def trouble(tx: Transaction, at: datetime, *quiet: str) -> str:
    """Return what does not get on, where there are no accounts."""
    overdue, due_since = tx.accounts.count_overdue((), at), tx.outbox.due_since(quiet)
    return Progress(accounts=0, overdue=overdue, due_since=due_since).problem(at)


async def test_what_is_due_and_not_tried_is_trouble_after_five_minutes(store: Store) -> None:
    """Not before."""

    def prepare(tx: Transaction) -> list[str]:
        add_event(tx, "A", 1, EventKind.FIRED, NOW, OPS)
        return [trouble(tx, at) for at in (NOW + 4 * MINUTE, NOW + 5 * MINUTE)]

    assert await store.write(prepare) == [
        "",
        "a notification due at 2026-02-01 14:30:00 UTC has not been tried for 5m",
    ]


async def test_what_waits_behind_one_that_is_tried_again_and_again_is_none(store: Store) -> None:
    """The channel is down, and the message before it is tried every few minutes: deliveries get on."""

    def prepare(tx: Transaction) -> str:
        add_event(tx, "A", 1, EventKind.FIRED, NOW, OPS)
        add_event(tx, "A", 2, EventKind.WORSENED, NOW + MINUTE, OPS)
        ((first, _),) = tx.outbox.waiting(OPS, NOW + MINUTE).due
        tx.outbox.reschedule([first.id], at=NOW + 9 * MINUTE, until=NOW + 14 * MINUTE, error="refused")
        return trouble(tx, NOW + 10 * MINUTE)

    assert await store.write(prepare) == ""


async def test_what_waits_in_quiet_hours_is_none(store: Store) -> None:
    """Nobody wants it tried."""

    def prepare(tx: Transaction) -> str:
        add_event(tx, "A", 1, EventKind.FIRED, NOW, OPS)
        return trouble(tx, NOW + 60 * MINUTE, "ops")

    assert await store.write(prepare) == ""
