"""What waits in the outbox, and where it goes once the channels are others, on a real SQLite file."""

from datetime import datetime, timedelta

import pytest

from monitor.domain.alerts import EventKind
from monitor.domain.delivery import Target
from monitor.store.transaction import Transaction
from monitor.store.writer import Store

from .support import NOW, OPS, add_event, incidents


async def test_within_an_incident_the_first_holds_back_the_others(store: Store) -> None:
    """A firing that is being put off holds back its resolve, and no other incident."""

    def prepare(tx: Transaction) -> list[str]:
        add_event(tx, "A", 1, EventKind.FIRED, NOW, OPS)
        add_event(tx, "A", 2, EventKind.RESOLVED, NOW, OPS)
        add_event(tx, "B", 1, EventKind.FIRED, NOW + timedelta(seconds=1), OPS)
        first = tx.outbox.waiting(OPS, NOW + timedelta(seconds=5)).due
        later = NOW + timedelta(seconds=5)
        tx.outbox.reschedule([first[0][0].id], at=later, until=NOW + timedelta(seconds=30), error="refused")
        return incidents(tx.outbox.waiting(OPS, later))

    assert await store.write(prepare) == ["B"]


async def test_nothing_due_says_when_something_will_be(store: Store) -> None:
    """The deliverer sleeps until then."""

    def prepare(tx: Transaction) -> datetime | None:
        add_event(tx, "A", 1, EventKind.FIRED, NOW, OPS)
        ((first,),) = tx.outbox.waiting(OPS, NOW).due
        tx.outbox.reschedule([first.id], at=NOW, until=NOW + timedelta(seconds=30), error="refused")
        return tx.outbox.waiting(OPS, NOW).next_at

    assert await store.write(prepare) == NOW + timedelta(seconds=30)


async def test_what_waits_for_an_exchanged_url_goes_to_the_channels_new_one(store: Store) -> None:
    """A rotated token loses no alert."""
    new = Target(channel="ops", url_id="ffff0000")

    def prepare(tx: Transaction) -> tuple[int, list[str], int]:
        add_event(tx, "A", 1, EventKind.FIRED, NOW, OPS)
        given_up = tx.outbox.reroute([new], lambda *_: [], NOW)
        return given_up, incidents(tx.outbox.waiting(new, NOW)), len(tx.outbox.waiting(OPS, NOW).due)

    assert await store.write(prepare) == (0, ["A"], 0)


async def test_what_waits_for_a_channel_that_is_gone_is_given_up(store: Store) -> None:
    """It is counted, so that somebody hears of it."""

    def prepare(tx: Transaction) -> tuple[int, int]:
        add_event(tx, "A", 1, EventKind.FIRED, NOW, OPS)
        return tx.outbox.reroute([Target(channel="other", url_id="1")], lambda *_: [], NOW), len(
            tx.outbox.waiting(OPS, NOW).due
        )

    assert await store.write(prepare) == (1, 0)


async def test_what_nobody_knows_goes_to_the_channels_its_rule_has_now(store: Store) -> None:
    """A channel exchanged for another loses no alert: firing and end go there, in order, once."""
    new = Target(channel="new", url_id="1")

    def prepare(tx: Transaction) -> tuple[int, list[int]]:
        add_event(tx, "A", 1, EventKind.FIRED, NOW, OPS)
        add_event(tx, "A", 2, EventKind.RESOLVED, NOW, OPS)
        given_up = tx.outbox.reroute([new], lambda *_: [new], NOW)
        return given_up, [one.report.seq for waiting in tx.outbox.waiting(new, NOW).due for one in waiting]

    assert await store.write(prepare) == (0, [1, 2])


@pytest.mark.parametrize("delivered", [pytest.param(True, id="told"), pytest.param(False, id="to-be-told")])
async def test_what_others_know_is_given_up_with_its_channel(store: Store, delivered: bool) -> None:
    """Nobody who was told by another channel, or by the old one, is told again; nobody hears of an end alone."""
    gone, new = Target(channel="gone", url_id="1"), Target(channel="new", url_id="2")

    def prepare(tx: Transaction) -> tuple[int, int]:
        add_event(tx, "A", 1, EventKind.FIRED, NOW, OPS)
        if delivered:
            [[one]] = tx.outbox.waiting(OPS, NOW).due
            tx.outbox.complete([one.id], delivered=True, at=NOW)
        add_event(tx, "A", 2, EventKind.RESOLVED, NOW, gone)
        configured = [new] if delivered else [OPS, new]
        return tx.outbox.reroute(configured, lambda *_: configured, NOW), len(tx.outbox.waiting(new, NOW).due)

    assert await store.write(prepare) == (1, 0)


async def test_what_waits_for_a_renamed_channel_goes_out_by_its_new_name(store: Store) -> None:
    """The same recipient: its notification moves as it is, and others of the channel get nothing twice."""
    renamed, other = Target(channel="oncall", url_id=OPS.url_id), Target(channel="oncall", url_id="0b0b0b0b")

    def prepare(tx: Transaction) -> tuple[int, list[str], list[str]]:
        add_event(tx, "A", 1, EventKind.FIRED, NOW, OPS)
        given_up = tx.outbox.reroute([other, renamed], lambda *_: [other, renamed], NOW)
        return given_up, incidents(tx.outbox.waiting(renamed, NOW)), incidents(tx.outbox.waiting(other, NOW))

    assert await store.write(prepare) == (0, ["A"], [])


async def test_a_recipients_former_name_is_its_own(store: Store) -> None:
    """After an upgrade: what waits is delivered once, what was delivered counts as that."""
    new = Target(channel="ops", url_id="0b0b0b0b")

    def prepare(tx: Transaction) -> tuple[list[Target], int, int]:
        add_event(tx, "A", 1, EventKind.FIRED, NOW, OPS)
        [[one]] = tx.outbox.waiting(OPS, NOW).due
        tx.outbox.complete([one.id], delivered=True, at=NOW)
        add_event(tx, "A", 2, EventKind.RESOLVED, NOW, OPS)
        tx.outbox.rename_targets([(OPS, new)])
        return (
            tx.outbox.notified_targets("A"),
            tx.outbox.reroute([new], lambda *_: [], NOW),
            len(tx.outbox.waiting(new, NOW).due),
        )

    assert await store.write(prepare) == ([new], 0, 1)


async def test_recipients_that_had_one_name_each_get_what_waits_for_it(store: Store) -> None:
    """The end goes to all of them, too; and only once, though the program starts again."""
    alice, bob = (
        Target(channel=OPS.channel, url_id="0a0a0a0a"),
        Target(channel=OPS.channel, url_id="0b0b0b0b"),
    )

    def prepare(tx: Transaction) -> tuple[list[Target], list[list[str]]]:
        add_event(tx, "A", 1, EventKind.FIRED, NOW, OPS)
        [[one]] = tx.outbox.waiting(OPS, NOW).due
        tx.outbox.complete([one.id], delivered=True, at=NOW)
        add_event(tx, "B", 1, EventKind.FIRED, NOW, OPS)
        for _ in range(2):
            tx.outbox.rename_targets([(OPS, alice), (OPS, bob)])
            tx.outbox.reroute([alice, bob], lambda *_: [], NOW)
        return tx.outbox.notified_targets("A"), [
            incidents(tx.outbox.waiting(target, NOW)) for target in (alice, bob)
        ]

    told, waiting = await store.write(prepare)
    assert (set(told), waiting) == ({alice, bob}, [["B"], ["B"]])


async def test_a_url_that_was_taken_away_and_is_back_gets_what_waits(store: Store) -> None:
    """Taken away while something waited for it, and put back before the other one took it: not lost between."""
    other = Target(channel=OPS.channel, url_id="0b0b0b0b")

    def prepare(tx: Transaction) -> list[list[str]]:
        add_event(tx, "A", 1, EventKind.FIRED, NOW, OPS)
        tx.outbox.reroute([other], lambda *_: [], NOW)
        tx.outbox.reroute([OPS], lambda *_: [], NOW)
        return [incidents(tx.outbox.waiting(target, NOW)) for target in (OPS, other)]

    assert await store.write(prepare) == [["A"], []]


async def test_a_name_that_was_taken_away_and_is_back_gets_what_waits(store: Store) -> None:
    """A channel renamed to and fro while its recipient can't be reached."""
    renamed = Target(channel="oncall", url_id=OPS.url_id)

    def prepare(tx: Transaction) -> list[list[str]]:
        add_event(tx, "A", 1, EventKind.FIRED, NOW, OPS)
        tx.outbox.reroute([renamed], lambda *_: [], NOW)
        tx.outbox.reroute([OPS], lambda *_: [], NOW)
        return [incidents(tx.outbox.waiting(target, NOW)) for target in (OPS, renamed)]

    assert await store.write(prepare) == [["A"], []]
