"""A channel's quiet hours: what waits until they end, and what does not."""

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest

from monitor.domain.alerts import EventKind
from monitor.domain.delivery import Target
from monitor.domain.model import Severity
from monitor.domain.windows import QuietHours
from monitor.store.transaction import Transaction
from monitor.store.writer import Store

from .support import add_event, incidents

OPS = Target(channel="ops", url_id="abcd1234")
BERLIN = ZoneInfo("Europe/Berlin")
NIGHT = QuietHours(begins=time(22), ends=time(7), timezone=BERLIN)
TEN_PM = datetime(2026, 2, 1, 21, tzinfo=UTC)
SEVEN_AM = datetime(2026, 2, 2, 6, tzinfo=UTC)
FIRED, WORSENED, RESOLVED = EventKind.FIRED, EventKind.WORSENED, EventKind.RESOLVED


async def test_a_warning_waits_until_they_end(store: Store) -> None:
    """It is told when they do, to the minute."""

    def prepare(tx: Transaction) -> list[object]:
        add_event(tx, "A", 1, FIRED, TEN_PM, OPS)
        night = tx.outbox.waiting(OPS, TEN_PM, NIGHT)
        before = tx.outbox.waiting(OPS, SEVEN_AM - timedelta(seconds=1), NIGHT)
        return [
            incidents(night),
            night.next_at,
            incidents(before),
            incidents(tx.outbox.waiting(OPS, SEVEN_AM, NIGHT)),
        ]

    assert await store.write(prepare) == [[], SEVEN_AM, [], ["A"]]


async def test_a_critical_passes(store: Store) -> None:
    """And takes no warning with it, though they be of one group."""

    def prepare(tx: Transaction) -> list[str]:
        add_event(tx, "A", 1, FIRED, TEN_PM, OPS)
        add_event(tx, "B", 1, FIRED, TEN_PM, OPS, severity=Severity.CRITICAL)
        return incidents(tx.outbox.waiting(OPS, TEN_PM, NIGHT))

    assert await store.write(prepare) == ["B"]


async def test_a_warning_that_gets_critical_passes_with_what_is_before_it(store: Store) -> None:
    """In order: the firing that was deferred, then that it got worse."""

    def prepare(tx: Transaction) -> list[int]:
        add_event(tx, "A", 1, FIRED, TEN_PM, OPS)
        add_event(tx, "A", 2, WORSENED, TEN_PM + timedelta(hours=1), OPS, severity=Severity.CRITICAL)
        (waiting,) = tx.outbox.waiting(OPS, TEN_PM + timedelta(hours=1), NIGHT).due
        return [one.report.seq for one in waiting]

    assert await store.write(prepare) == [1, 2]


async def test_the_end_of_a_critical_passes(store: Store) -> None:
    """Whoever was woken by it may sleep again."""

    def prepare(tx: Transaction) -> list[str]:
        add_event(tx, "A", 2, RESOLVED, TEN_PM, OPS, severity=Severity.CRITICAL)
        add_event(tx, "B", 2, RESOLVED, TEN_PM, OPS)
        return incidents(tx.outbox.waiting(OPS, TEN_PM, NIGHT))

    assert await store.write(prepare) == ["A"]


async def test_what_began_and_ended_in_them_is_one_message_in_the_morning(store: Store) -> None:
    """Both wait, and go out as one."""

    def prepare(tx: Transaction) -> list[int]:
        add_event(tx, "A", 1, FIRED, TEN_PM, OPS)
        add_event(tx, "A", 2, RESOLVED, TEN_PM + timedelta(hours=1), OPS)
        (waiting,) = tx.outbox.waiting(OPS, SEVEN_AM, NIGHT).due
        return [one.report.seq for one in waiting]

    assert await store.write(prepare) == [1, 2]


async def test_hours_taken_out_of_the_file_defer_nothing_any_more(store: Store) -> None:
    """A reload shows at once: nothing was planned for the morning."""

    def prepare(tx: Transaction) -> list[str]:
        add_event(tx, "A", 1, FIRED, TEN_PM, OPS)
        tx.outbox.waiting(OPS, TEN_PM, NIGHT)
        return incidents(tx.outbox.waiting(OPS, TEN_PM))

    assert await store.write(prepare) == ["A"]


async def test_hours_that_came_into_the_file_defer_what_waits_already(store: Store) -> None:
    """It was put into the outbox before."""

    def prepare(tx: Transaction) -> list[str]:
        add_event(tx, "A", 1, FIRED, TEN_PM - timedelta(hours=5), OPS)
        return incidents(tx.outbox.waiting(OPS, TEN_PM, NIGHT))

    assert await store.write(prepare) == []


async def test_a_retry_in_them_waits_too(store: Store) -> None:
    """It failed at five to ten: the next attempt is in the morning, and not earlier than planned."""
    late = TEN_PM - timedelta(minutes=2)

    def prepare(tx: Transaction) -> list[object]:
        add_event(tx, "A", 1, FIRED, late, OPS)
        ((one,),) = tx.outbox.waiting(OPS, late, NIGHT).due
        tx.outbox.reschedule([one.id], at=late, until=TEN_PM + timedelta(minutes=1), error="refused")
        night = tx.outbox.waiting(OPS, TEN_PM + timedelta(minutes=1), NIGHT)
        return [incidents(night), night.next_at]

    assert await store.write(prepare) == [[], SEVEN_AM]


@pytest.mark.parametrize(
    ("date", "ends"),
    [
        pytest.param((2026, 3, 28), datetime(2026, 3, 29, 5, tzinfo=UTC), id="the-short-night"),
        pytest.param((2026, 10, 24), datetime(2026, 10, 25, 6, tzinfo=UTC), id="the-long-night"),
    ],
)
async def test_they_end_by_the_clocks_whatever_the_night(
    store: Store, date: tuple[int, int, int], ends: datetime
) -> None:
    """At seven in Berlin, also where the clocks were changed since ten."""
    evening = datetime(*date, 22, tzinfo=BERLIN).astimezone(UTC)

    def prepare(tx: Transaction) -> datetime | None:
        add_event(tx, "A", 1, FIRED, evening, OPS)
        return tx.outbox.waiting(OPS, evening, NIGHT).next_at

    assert await store.write(prepare) == ends
