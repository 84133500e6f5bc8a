"""What goes out together: of one group, for one URL, in the order of each incident."""

from datetime import UTC, datetime, timedelta

import pytest

from monitor.domain.alerts import EventKind
from monitor.domain.delivery import LONGEST_REST, Target, plan
from monitor.domain.model import Severity
from monitor.store.transaction import Transaction
from monitor.store.writer import Store

from .support import add_event, incidents

NOW = datetime(2026, 2, 1, 14, 30, tzinfo=UTC)
OPS = Target(channel="ops", url_id="abcd1234")
WAIT, MINUTE = timedelta(seconds=10), timedelta(minutes=1)
FIRED, RESOLVED, REMINDER = EventKind.FIRED, EventKind.RESOLVED, EventKind.REMINDER


def after(seconds: float) -> datetime:
    return NOW + timedelta(seconds=seconds)


async def test_a_group_waits_for_more_and_goes_out_as_one(store: Store) -> None:
    """From its first on, as long as its route says; who comes meanwhile goes with it."""

    def prepare(tx: Transaction) -> list[list[str]]:
        add_event(tx, "A", 1, FIRED, NOW, OPS, wait=WAIT)
        add_event(tx, "B", 1, FIRED, after(9), OPS, wait=WAIT)
        return [incidents(tx.outbox.waiting(OPS, after(seconds))) for seconds in (0, 9.9, 10)]

    assert await store.write(prepare) == [[], [], ["A", "B"]]


async def test_the_end_of_a_wait_is_known(store: Store) -> None:
    """The deliverer sleeps until the group's time has come."""

    def prepare(tx: Transaction) -> datetime | None:
        add_event(tx, "B", 1, FIRED, after(3), OPS, wait=WAIT)
        add_event(tx, "A", 1, FIRED, NOW, OPS, wait=WAIT)
        return tx.outbox.waiting(OPS, after(5)).next_at

    assert await store.write(prepare) == after(10)


async def test_a_group_never_waits_longer_because_more_come(store: Store) -> None:
    """One every second for a minute: six messages, not one at the end."""

    def prepare(tx: Transaction) -> list[int]:
        sent = []
        for second in range(60):
            add_event(tx, f"I{second:02}", 1, FIRED, after(second), OPS, wait=WAIT)
            if due := tx.outbox.waiting(OPS, after(second)).due:
                sent.append(len(due))
                tx.outbox.complete(
                    [one.id for of_one in due for one in of_one], delivered=True, at=after(second)
                )
        return sent

    assert await store.write(prepare) == [11, 11, 11, 11, 11]


async def test_two_groups_are_two_messages(store: Store) -> None:
    """The one that is due first goes first, and takes nothing of the other with it."""

    def prepare(tx: Transaction) -> tuple[list[str], list[str]]:
        add_event(tx, "A", 1, FIRED, after(1), OPS, group="rule=low", wait=WAIT)
        add_event(tx, "B", 1, FIRED, NOW, OPS, group="rule=high", wait=WAIT)
        first = tx.outbox.waiting(OPS, after(60))
        tx.outbox.complete([one.id for of_one in first.due for one in of_one], delivered=True, at=after(60))
        return incidents(first), incidents(tx.outbox.waiting(OPS, after(60)))

    assert sorted(await store.write(prepare)) == [["A"], ["B"]]


async def test_what_is_alone_need_not_wait(store: Store) -> None:
    """A route with `group_wait: 0s` tells at once."""

    def prepare(tx: Transaction) -> list[str]:
        add_event(tx, "A", 1, FIRED, NOW, OPS)
        return incidents(tx.outbox.waiting(OPS, NOW))

    assert await store.write(prepare) == ["A"]


async def test_draining_waits_for_nothing(store: Store) -> None:
    """`poll` tells what there is and ends; what failed before still waits for its next attempt."""

    def prepare(tx: Transaction) -> list[str]:
        add_event(tx, "A", 1, FIRED, NOW, OPS, wait=WAIT)
        add_event(tx, "B", 1, FIRED, NOW, OPS)
        ((failed,),) = [
            of_one for of_one in tx.outbox.waiting(OPS, NOW).due if of_one[0].report.incident == "B"
        ]
        tx.outbox.reschedule([failed.id], at=NOW, until=after(60), error="refused")
        return incidents(tx.outbox.waiting(OPS, after(1), wait_for_group=False))

    assert await store.write(prepare) == ["A"]


async def test_what_is_tried_again_delays_no_newcomer(store: Store) -> None:
    """The old one waits for its next attempt; the new one for its group alone, and without the old one."""

    def prepare(tx: Transaction) -> list[list[str]]:
        add_event(tx, "A", 1, FIRED, NOW, OPS)
        ((old,),) = tx.outbox.waiting(OPS, NOW).due
        tx.outbox.reschedule([old.id], at=NOW, until=after(300), error="refused")
        add_event(tx, "B", 1, FIRED, after(20), OPS, wait=WAIT)
        return [incidents(tx.outbox.waiting(OPS, after(seconds))) for seconds in (29, 30, 300)]

    assert await store.write(prepare) == [[], ["B"], ["A", "B"]]


async def test_a_retry_takes_newcomers_with_it(store: Store) -> None:
    """When its time has come, what came since goes in the same message, and need not wait for more."""

    def prepare(tx: Transaction) -> list[str]:
        add_event(tx, "A", 1, FIRED, NOW, OPS)
        ((old,),) = tx.outbox.waiting(OPS, NOW).due
        tx.outbox.reschedule([old.id], at=NOW, until=after(30), error="refused")
        add_event(tx, "B", 1, FIRED, after(29), OPS, wait=WAIT)
        return incidents(tx.outbox.waiting(OPS, after(30)))

    assert await store.write(prepare) == ["A", "B"]


async def test_an_incident_keeps_its_order_whatever_groups_it_goes_through(store: Store) -> None:
    """Its route was edited between the firing and the end: the end still waits for the firing."""

    def prepare(tx: Transaction) -> list[list[str]]:
        add_event(tx, "A", 1, EventKind.FLAPPING, NOW, OPS, group="old", wait=WAIT)
        add_event(tx, "A", 2, RESOLVED, after(1), OPS, group="new")
        add_event(tx, "B", 1, FIRED, after(1), OPS, group="new")
        sent = []
        for seconds in (2, 10, 10):
            delivery = plan(tx.outbox.waiting(OPS, after(seconds)).due)
            tx.outbox.complete([one.id for one in delivery.covers], delivered=True, at=after(seconds))
            sent.append([f"{one.report.incident}{one.report.seq}" for one in delivery.covers])
        return sent

    assert await store.write(prepare) == [["B1"], ["A1"], ["A2"]]


async def test_groups_are_of_one_url(store: Store) -> None:
    """What one URL took another still has to be told."""
    other = Target(channel="ops", url_id="ffff0000")

    def prepare(tx: Transaction) -> list[str]:
        add_event(tx, "A", 1, FIRED, NOW, OPS, other)
        ((mine,),) = tx.outbox.waiting(OPS, NOW).due
        tx.outbox.complete([mine.id], delivered=True, at=NOW)
        return incidents(tx.outbox.waiting(other, NOW))

    assert await store.write(prepare) == ["A"]


@pytest.mark.parametrize("kind", [FIRED, RESOLVED])
async def test_500_of_one_cause_are_one_message(store: Store, kind: EventKind) -> None:
    """A headline with the count, the worst first, ten of them listed, the others counted; at the end too."""

    def prepare(tx: Transaction) -> tuple[str, list[str], int]:
        for number in range(500):
            severity = Severity.CRITICAL if number == 321 else Severity.WARNING
            add_event(tx, f"I{number:03}", 2, kind, NOW, OPS, severity=severity, wait=WAIT)
        delivery = plan(tx.outbox.waiting(OPS, after(10)).due)
        tx.outbox.complete([one.id for one in delivery.covers], delivered=True, at=after(10))
        left = len(tx.outbox.waiting(OPS, after(60)).due)
        return delivery.message.title, delivery.message.plain.splitlines(), left

    title, lines, left = await store.write(prepare)
    counted = "1 CRITICAL, 499 WARNING" if kind is FIRED else "500 RESOLVED"
    assert title == f"{counted}: r: job/account/I321 available 1 < 2"
    assert lines[0] == f"{counted}: r"
    assert lines[1].startswith(f"{counted.split()[1].rstrip(',')} job/account/I321: available 1 < 2")
    assert [line.split(":")[0] for line in lines[-1:]] == ["and 490 more"]
    assert (len(lines), left) == (12, 0)


async def test_a_failed_group_is_tried_again_as_a_whole(store: Store) -> None:
    """Every notification of it has one more attempt, and none is lost."""

    def prepare(tx: Transaction) -> tuple[list[str], set[int]]:
        for name in "ABC":
            add_event(tx, name, 1, FIRED, NOW, OPS)
        ids = [one.id for of_one in tx.outbox.waiting(OPS, NOW).due for one in of_one]
        tx.outbox.reschedule(ids, at=NOW, until=after(2), error="refused")
        due = tx.outbox.waiting(OPS, after(2))
        return incidents(due), {one.attempts for of_one in due.due for one in of_one}

    assert await store.write(prepare) == (["A", "B", "C"], {1})


async def test_reminders_put_off_pile_up_to_one(store: Store) -> None:
    """Of three that wait the newest is told, and the others with it."""

    def prepare(tx: Transaction) -> list[int]:
        for seq in (2, 3, 4):
            add_event(tx, "A", seq, REMINDER, after(seq), OPS)
        return [one.report.seq for one in plan(tx.outbox.waiting(OPS, after(60)).due).covers]

    assert await store.write(prepare) == [2, 3, 4]


async def test_a_notification_knows_its_group(store: Store) -> None:
    """As the outbox keeps it."""

    def prepare(tx: Transaction) -> str:
        add_event(tx, "A", 1, FIRED, NOW, OPS, group="rule=r\0provider=p")
        ((one,),) = tx.outbox.waiting(OPS, NOW).due
        return one.group

    assert await store.write(prepare) == "rule=r\0provider=p"


@pytest.mark.parametrize(
    ("ahead", "due"),
    [
        pytest.param(-MINUTE, True, id="past"),
        pytest.param(timedelta(0), True, id="now"),
        pytest.param(MINUTE, False, id="later"),
        pytest.param(LONGEST_REST, False, id="as-late-as-any-backoff"),
        pytest.param(LONGEST_REST + MINUTE, True, id="planned-by-a-clock-since-set-back"),
    ],
)
async def test_a_clock_set_back_delays_nothing_for_long(store: Store, ahead: timedelta, due: bool) -> None:
    """What was planned further ahead than any backoff was so by a clock that ran ahead: it is due at once."""

    def prepare(tx: Transaction) -> list[str]:
        add_event(tx, "A", 1, FIRED, NOW + ahead, OPS)
        return incidents(tx.outbox.waiting(OPS, NOW))

    assert await store.write(prepare) == (["A"] if due else [])
