"""Incidents, current and past, and one incident's story, as read beside the writer of a real store."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import partial

import pytest

from monitor.alerting import actions
from monitor.alerting.incidents import chosen, entries, resolve_prefix
from monitor.alerting.recording import record
from monitor.domain.alerts import Ack
from monitor.domain.delivery import Target
from monitor.domain.matching import Match
from monitor.domain.model import Account, Balance, PollResult
from monitor.domain.rules import Policy, Threshold
from monitor.errors import Outcome, Refused
from monitor.payloads import incidents as payloads
from monitor.store.read.incidents import Incident, Timeline, incidents, timeline
from monitor.store.writer import Store

from ..support import configured

START = datetime(2026, 2, 1, 14, 30, tzinfo=UTC)
SPOT = Account(
    provider="nami-main", job="nami-spot", name="spot", currencies=("USDT",), labels=(("team", "treasury"),)
)
OPS = Target(channel="ops", url_id="aaaa")
LOW = Threshold(name="low", below=Decimal(1000))
PATIENT = Threshold(name="patient", below=Decimal(1000), policy=Policy(for_=timedelta(hours=1)))
EVERYTHING = Match({"rule": ("*",)})


def minute(number: int) -> datetime:
    """So many minutes after the start."""
    return START + timedelta(minutes=number)


async def poll(store: Store, at: int, amount: str, *rules: Threshold) -> None:
    """One poll that read so much, so many minutes after the start."""
    balance = Balance(currency="USDT", total=Decimal(amount), available=Decimal(amount))
    result = PollResult(
        outcome=Outcome.OK, started_at=minute(at), finished_at=minute(at), attempts=1, balances=(balance,)
    )
    config = configured(*(rules or (LOW,)), accounts=[SPOT], targets=[OPS])
    await store.write(partial(record, account=SPOT, result=result, config=config))


async def deliver(store: Store, at: int, error: str = "") -> None:
    """An attempt at what waits for the one URL."""

    def attempt(tx: object) -> None:
        from monitor.store.transaction import Transaction

        assert isinstance(tx, Transaction)
        due = tx.outbox.waiting(OPS, minute(at), wait_for_group=False).due
        ids = [one.id for waiting in due for one in waiting]
        if error:
            tx.outbox.reschedule(ids, at=minute(at), until=minute(at + 1), error=error)
        else:
            tx.outbox.complete(ids, delivered=True, at=minute(at))

    await store.write(attempt)


async def silence(store: Store, begins: int, ends: int) -> None:
    """A silence of everything."""
    await store.write(
        lambda tx: tx.alerts.add_silence(
            EVERYTHING,
            starts_at=minute(begins),
            ends_at=minute(ends),
            by="lena",
            reason="upgrade",
            now=minute(begins),
        )
    )


def only(store: Store) -> Incident:
    """The one incident there is."""
    [one] = incidents(store.path)
    return one


def timeline_of(store: Store) -> Timeline:
    """The timeline of the one incident there is."""
    found = timeline(store.path, only(store).id)
    assert found is not None
    return found


def lines(told: Timeline, *types: str) -> list[str]:
    """The timeline, a line an entry: minute, what, who, text."""
    return [
        " | ".join(filter(None, (str((one.at - START) // timedelta(minutes=1)), one.what, one.who, one.text)))
        for one in entries(told, minute(10_000))
        if not types or one.type in types
    ]


async def test_the_timeline_is_in_order(store: Store) -> None:
    """Readings around it, what was told, each attempt with its error, who acknowledged, the end."""
    for at, amount in enumerate(("5000", "4000", "3000", "2000")):
        await poll(store, at, amount)
    await poll(store, 4, "500.10")
    await deliver(store, 5, error="HTTP 503")
    await deliver(store, 6)
    actions.ack(store.path, only(store).id, Ack(by="lena", reason="topping up", at=minute(7)))
    await poll(store, 8, "500.10")
    await poll(store, 9, "2000")
    await deliver(store, 9)
    await poll(store, 10, "2500")
    assert lines(timeline_of(store)) == [
        "1 | reading | available 4000",
        "2 | reading | available 3000",
        "3 | reading | available 2000",
        "4 | reading | available 500.10",
        "4 | fired (warning) | message 1 | available 500.10 < 1000",
        "5 | not delivered | ops/aaaa | message 1, attempt 1: HTTP 503",
        "6 | delivered | ops/aaaa | message 1, attempt 2",
        "7 | acknowledged | lena | topping up",
        "8 | reading | available 500.10",
        "9 | reading | available 2000",
        "9 | resolved (warning) | message 2 | available 2000, expected at least 1000",
        "9 | delivered | ops/aaaa | message 2",
        "10 | reading | available 2500",
    ]


async def test_a_long_incidents_readings_are_thinned(store: Store) -> None:
    """The first and the last ten of it are shown, and how many there are between; three before, three after."""
    for at in range(5):
        await poll(store, at, "5000")
    for at in range(5, 105):
        await poll(store, at, "10")
    for at in range(105, 110):
        await poll(store, at, "5000")
    readings = [line.split(" | ")[0] for line in lines(timeline_of(store), "reading")]
    assert readings == [str(n) for n in (2, 3, 4, *range(5, 15), *range(95, 105), 105, 106, 107)]
    assert lines(timeline_of(store), "omitted") == ["14 | … | 80 more readings"]


async def test_an_incident_within_a_silence_is_kept_and_was_not_notified(store: Store) -> None:
    """Nobody was told, yet the list has it, with what kept it quiet and how it ended."""
    await silence(store, 0, 60)
    await poll(store, 1, "500")
    await poll(store, 2, "1500")
    quiet = only(store)
    assert (quiet.rule, quiet.state, quiet.announced, quiet.messages) == ("low", "resolved", False, 0)
    assert (quiet.since, quiet.ended_at) == (minute(1), minute(2))
    assert quiet.muted == "silence 1 by lena: upgrade"
    assert lines(timeline_of(store), "note") == [
        "1 | muted | silence 1 by lena: upgrade",
        "2 | ended | available 1500, expected at least 1000",
    ]


async def test_a_pending_alert_that_fires_in_a_silence_is_kept_too(store: Store) -> None:
    """It was muted before it fired: what keeps it quiet is noted when it does."""
    await silence(store, 0, 600)
    for at, amount in ((1, "500"), (62, "500"), (63, "1500")):
        await poll(store, at, amount, PATIENT)
    assert lines(timeline_of(store), "note") == [
        "62 | muted | silence 1 by lena: upgrade",
        "63 | ended | available 1500, expected at least 1000",
    ]


async def test_a_silence_that_fits_shows_in_the_story(store: Store) -> None:
    """Its begin and its end stand in the timeline, with the mute that it brought."""
    await poll(store, 1, "500")
    await silence(store, 2, 5)
    await poll(store, 3, "500")
    await poll(store, 6, "500")
    assert lines(timeline_of(store), "silence", "note") == [
        "2 | silence 1 begins | lena | rule=*: upgrade",
        "3 | muted | silence 1 by lena: upgrade",
        "5 | silence 1 ends | rule=*: upgrade",
        "6 | unmuted | silence 1 by lena: upgrade",
    ]


async def test_a_hand_over_shows_on_both_channels(store: Store) -> None:
    """The channel that could not be reached is said to have handed over, and its fallback for whom it stands in."""
    phone = Target(channel="phone", url_id="bbbb")
    await poll(store, 1, "500")
    await deliver(store, 2, error="HTTP 503")
    await store.write(lambda tx: tx.outbox.divert_to_fallback("ops", [phone], minute(3), minute(8)))
    assert lines(timeline_of(store), "hand_over") == [
        "8 | diverted | ops/aaaa | message 1 to the channel's fallback: HTTP 503"
    ]
    shown = payloads.timeline(timeline_of(store), minute(9))
    assert [(one["channel"], one["last_error"]) for one in shown["undelivered"]] == [
        ("ops", "HTTP 503"),
        ("phone", None),
    ]


async def test_the_newest_is_first_and_an_end_that_is_not_notified_yet_is_over(store: Store) -> None:
    """By the begin of the last firing; an alert whose end a silence holds back is resolved, though not told so."""
    await poll(store, 1, "500")
    await silence(store, 2, 600)
    await poll(store, 3, "1500")
    await poll(store, 4, "1500", LOW, Threshold(name="high", above=Decimal(1)))
    high, low = incidents(store.path)
    assert (high.rule, high.state) == ("high", "firing")
    assert (low.rule, low.state, low.announced, low.ended_at) == ("low", "resolved", True, minute(3))


@pytest.mark.parametrize(
    ("state", "rule", "found"),
    [
        ("all", "*", ["patient", "low"]),
        ("firing", "*", ["low"]),
        ("pending", "*", ["patient"]),
        ("resolved", "*", []),
        ("all", "l?w", ["low"]),
        ("pending", "low", []),
    ],
    ids=["all", "what-fires", "what-is-pending", "what-is-over", "a-rule-by-its-glob", "both-have-to-fit"],
)
async def test_the_list_is_filtered(store: Store, state: str, rule: str, found: list[str]) -> None:
    """By state and by the rule's name."""
    await poll(store, 1, "500", LOW, PATIENT)
    listed = chosen(incidents(store.path), state, rule)
    assert sorted(one.rule for one in listed) == sorted(found)


async def test_since_leaves_out_what_is_over_for_longer(store: Store) -> None:
    """What goes on stays in the list however old; what ended before does not."""
    await poll(store, 1, "500", LOW)
    await poll(store, 2, "1500", LOW)
    await poll(store, 3, "1500", LOW, Threshold(name="high", above=Decimal(1)))
    assert [one.rule for one in incidents(store.path, minute(30))] == ["high"]
    assert len(incidents(store.path, minute(2))) == 2


async def test_incidents_are_data_for_programs(store: Store) -> None:
    """Amounts in reasons as they came, times RFC 3339 in UTC, what is not there null."""
    await poll(store, 1, "500.10")
    assert payloads.incident(only(store)) == {
        "id": only(store).id,
        "rule": "low",
        "series": "nami-spot/spot/USDT",
        "state": "firing",
        "severity": "warning",
        "since": "2026-02-01T14:31:00.000000Z",
        "ended_at": None,
        "reason": "available 500.10 < 1000",
        "messages": 1,
        "announced": True,
        "muted": None,
        "acknowledged": None,
        "flapping": False,
    }


KNOWN = {"2DQKVZ0QA7": "low a", "2DX7X7X7X7": "low b", "9999999999": "low c"}


@pytest.mark.parametrize(
    ("wanted", "meaning"),
    [("2DQKVZ0QA7", "2DQKVZ0QA7"), ("9", "9999999999"), ("2dq", "2DQKVZ0QA7")],
    ids=["all-of-it", "a-beginning-that-one-has", "in-small-letters"],
)
def test_an_id_may_be_shortened(wanted: str, meaning: str) -> None:
    """As long as it can only mean one."""
    assert resolve_prefix(wanted, KNOWN, "firing") == meaning


@pytest.mark.parametrize(
    ("wanted", "known", "said"),
    [
        ("2d", KNOWN, "'2d' is ambiguous: it may be 2DQKVZ0QA7 (low a), 2DX7X7X7X7 (low b)"),
        (
            "7",
            KNOWN,
            "no firing incident '7'; firing: 2DQKVZ0QA7 (low a), 2DX7X7X7X7 (low b), 9999999999 (low c)",
        ),
        ("", KNOWN, "no firing incident ''; firing: "),
        ("7", {}, "no firing incident '7'; none is firing"),
        ("7", {f"A{n}": "x" for n in range(7)}, "A4 (x) and 2 more"),
    ],
    ids=["ambiguous", "unknown", "empty", "nothing-fires", "many-are-counted"],
)
def test_an_id_that_may_mean_anything_is_refused(wanted: str, known: dict[str, str], said: str) -> None:
    """With those that may be meant."""
    with pytest.raises(Refused) as refused:
        resolve_prefix(wanted, known, "firing")
    assert said in str(refused.value)
