"""An outage of many accounts: what the look between two polls costs, and what the log says of it."""

import logging
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import partial

import pytest
from sqlalchemy import event

from monitor.alerting.between_polls import check_time_based
from monitor.alerting.recording import log_poll, record
from monitor.config import Config
from monitor.domain.delivery import Target, plan
from monitor.domain.matching import Match
from monitor.domain.model import Account, Balance, PollResult
from monitor.domain.rules import Failing, Policy, Rule, Stale, Threshold
from monitor.errors import Outcome
from monitor.store.transaction import Transaction
from monitor.store.writer import Store

from ..support import configured

START = datetime(2026, 2, 1, 14, 30, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)
AGAIN = Policy(repeat_every=4 * HOUR)
LOW = Threshold(name="low", below=Decimal(1000), policy=AGAIN)
OLD = Stale(name="old", after=10 * MINUTE, policy=AGAIN)
FAILING = Failing(name="failing", polls=2, policy=AGAIN)


def clients(count: int) -> list[Account]:
    return [
        Account(provider="wdcf", job="c", name=f"C{number:03}", currencies=("USD",))
        for number in range(1, count + 1)
    ]


def watch(accounts: list[Account], *rules: Rule) -> Config:
    ops = Target(channel="ops", url_id="aaaa")
    return configured(*(rules or (LOW, OLD, FAILING)), accounts=accounts, targets=[ops])


def result(at: datetime, gave: str | Outcome) -> PollResult:
    """A reading of this amount, or a failure."""
    outcome, found = gave if isinstance(gave, Outcome) else Outcome.OK, ()
    if not isinstance(gave, Outcome):
        amount = Decimal(gave)
        found = (Balance(currency="USD", total=amount, available=amount),)  # type: ignore[assignment]
    return PollResult(
        outcome=outcome, started_at=at, finished_at=at, attempts=1, balances=found, detail="no answer"
    )


async def polled(store: Store, watched: Config, at: timedelta, gave: str | Outcome) -> list[str]:
    """A poll of each account with the same end, and what was told over all of them."""
    told = []
    for account in watched.accounts.values():
        came = result(START + at, gave)
        recorded = await store.write(partial(record, account=account, result=came, config=watched))
        log_poll(recorded)
        told += [f"{one.kind} {one.alert.rule} {one.alert.subject}" for one in recorded.events]
    return told


async def check_between_polls(store: Store, watched: Config, at: timedelta) -> tuple[list[str], int]:
    """What a look between polls tells, and with how many statements."""
    count = 0

    def counted(*_: object) -> None:
        nonlocal count
        count += 1

    def looked(tx: Transaction) -> list[str]:
        event.listen(tx._db, "before_cursor_execute", counted)
        told = check_time_based(tx, watched, START + at, watched.accounts.keys())
        event.remove(tx._db, "before_cursor_execute", counted)
        return [f"{one.kind} {one.alert.rule} {one.alert.subject}" for one in told]

    return await store.write(looked), count


async def test_a_check_reads_nothing_about_accounts_without_news(store: Store) -> None:
    """All are low, told, not read any more and explained by the outage: a few statements, whatever their number."""
    watched = watch(clients(20))
    await polled(store, watched, 0 * MINUTE, "5")
    for minute in (5, 6, 12):
        await polled(store, watched, minute * MINUTE, Outcome.CONNECT)
    told, count = await check_between_polls(store, watched, 13 * MINUTE)
    assert told == []
    assert count <= 10


async def test_a_look_reminds_of_what_is_due(store: Store) -> None:
    """Each low account, and the outage once; what is reminded of is not due again."""
    watched = watch(clients(3))
    await polled(store, watched, 0 * MINUTE, "5")
    for minute in (5, 6, 12):
        await polled(store, watched, minute * MINUTE, Outcome.CONNECT)
    told, _ = await check_between_polls(store, watched, 5 * HOUR)
    assert sorted(told) == [
        "reminder failing wdcf",
        *(f"reminder low c/C{number:03}/USD" for number in (1, 2, 3)),
    ]
    assert (await check_between_polls(store, watched, 5 * HOUR + MINUTE))[0] == []


async def test_a_look_reminds_of_an_outage_by_an_account_that_the_rule_matches(store: Store) -> None:
    """The provider's other accounts are not its concern."""
    first, second = clients(2)
    rule = Failing(name="second", polls=1, policy=AGAIN, match=Match({"account": (second.name,)}))
    watched = watch([first, second], rule)
    assert await polled(store, watched, MINUTE, Outcome.CONNECT) == ["fired second wdcf"]
    assert (await check_between_polls(store, watched, 5 * HOUR))[0] == ["reminder second wdcf"]


async def test_a_look_fires_a_pending_stale_alert_in_time(store: Store) -> None:
    """`for` is over between two polls: it is told then, once."""
    rule = Stale(name="old", after=10 * MINUTE, policy=Policy(for_=5 * MINUTE))
    watched = watch(clients(1), rule)
    await polled(store, watched, 0 * MINUTE, "5")
    told = [(await check_between_polls(store, watched, minute * MINUTE))[0] for minute in (9, 10, 14, 15, 16)]
    assert told == [[], [], [], ["fired old c/C001/USD"], []]


async def test_a_stale_alert_that_outlives_the_outage_is_notified_with_the_accounts_next_poll(
    store: Store,
) -> None:
    """What explained it is over for the others; this account is still not read, for a reason of its own."""
    accounts = clients(2)
    watched = watch(accounts, OLD, Failing(name="failing", polls=3))
    await polled(store, watched, 0 * MINUTE, "5")
    told = []
    for minute in (5, 6, 12):
        told += await polled(store, watched, minute * MINUTE, Outcome.CONNECT)
    for account, gave in zip(accounts, ("5", Outcome.NOT_FOUND), strict=True):
        alone = replace(watched)
        came = result(START + 13 * MINUTE, gave)
        recorded = await store.write(partial(record, account=account, result=came, config=alone))
        told += [f"{one.kind} {one.alert.rule} {one.alert.subject}" for one in recorded.events]
    assert told[0] == "fired failing wdcf"
    assert sorted(told[1:]) == ["fired old c/C002/USD", "resolved failing wdcf"]


async def test_an_outage_is_a_line_or_two_in_the_log(store: Store, caplog: pytest.LogCaptureFixture) -> None:
    """The first account, then how many there are, at ten and at a hundred; its end is one line."""
    caplog.set_level(logging.INFO)
    watched = watch(clients(120), FAILING)
    await polled(store, watched, 0 * MINUTE, "5")
    for minute in (1, 2):
        await polled(store, watched, minute * MINUTE, Outcome.CONNECT)
    await polled(store, watched, 3 * MINUTE, "5")
    assert [(one.getMessage(), one.__dict__["fields"].get("failing")) for one in caplog.records] == [
        ("poll failed", None),
        ("poll failed", 10),
        ("poll failed", 100),
        ("polls recovered", None),
    ]


async def test_another_cause_is_a_line_of_its_own(store: Store, caplog: pytest.LogCaptureFixture) -> None:
    """One account is unknown all along; then an outage comes and goes, and the unknown one stays."""
    caplog.set_level(logging.INFO)
    unknown, other = clients(2)
    watched = watch([unknown, other], FAILING)
    for minute, gave in enumerate(("5", Outcome.TIMEOUT, "5")):
        for account, came in ((unknown, Outcome.NOT_FOUND), (other, gave)):
            at = result(START + minute * MINUTE, came)
            log_poll(await store.write(partial(record, account=account, result=at, config=watched)))
    assert [f"{one.getMessage()} {one.__dict__['fields']['account']}" for one in caplog.records] == [
        "poll failed C001",
        "poll failed C002",
        "polls recovered C002",
    ]


async def test_the_end_of_a_refusal_of_everybody_says_what_is_known_of_the_others(store: Store) -> None:
    """The first account that is read shows that the service answers; of the others nothing newer is known."""
    accounts = clients(3)
    watched = watch(accounts, FAILING)
    for minute in (0, 1):
        await polled(store, watched, minute * MINUTE, Outcome.REJECTED)
    came = result(START + 2 * MINUTE, "5")
    recorded = await store.write(partial(record, account=accounts[0], result=came, config=watched))
    assert [one.reason for one in recorded.events] == [
        "1 of 3 accounts is read again; 2 were refused at the last poll"
    ]


async def test_the_message_of_an_outage_counts_when_it_is_sent(store: Store) -> None:
    """The first refused account fires the alert; all the others are polled while the message waits for its group."""
    [target] = (watched := watch(clients(40), replace(FAILING, polls=1))).targets["ops"]
    assert len(await polled(store, watched, MINUTE, Outcome.AUTH)) == 1
    waiting = await store.write(lambda tx: tx.outbox.waiting(target, START + 2 * MINUTE))
    assert "40 of 40" in plan(waiting.due).message.title
