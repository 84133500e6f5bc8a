"""Mutes, routes, acknowledgements and what is remembered, from the poll to the outbox, on a real store."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from monitor.alerting.between_polls import check_time_based
from monitor.alerting.reconcile import reconcile
from monitor.alerting.recording import record
from monitor.config import Config
from monitor.domain.alerts import Ack, Event, acknowledge
from monitor.domain.delivery import Target
from monitor.domain.matching import EVERYTHING, Match
from monitor.domain.model import Account, Balance, PollResult, Severity
from monitor.domain.mutes import Inhibition
from monitor.domain.routing import Route
from monitor.domain.rules import Failing, Flapping, Policy, Rule, Stale, Threshold
from monitor.errors import Outcome
from monitor.store.transaction import Transaction
from monitor.store.writer import Store

from ..support import configured

START = datetime(2026, 2, 1, 14, 30, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
SPOT = Account(provider="nami-main", job="nami-spot", name="spot", currencies=("USDT",))
FUTURES = Account(provider="nami-main", job="nami-futures", name="futures", currencies=("USDT",))
OPS, BOSS = Target(channel="ops", url_id="aaaa"), Target(channel="boss", url_id="bbbb")
QUIET = Policy(repeat_every=None)
LOW = Threshold(name="low", below=Decimal(1000), policy=QUIET)
FAILING = Failing(name="failing", polls=3, policy=QUIET)


def watch(*rules: Rule, accounts: Sequence[Account] = (SPOT,), routes: Sequence[Route] = ()) -> Config:
    return configured(*rules, accounts=accounts, targets=[OPS, BOSS], routes=tuple(routes))


def poll(
    tx: Transaction, watched: Config, minute: float, usdt: str | Outcome, account: Account = SPOT
) -> list[str]:
    """What is told at a poll that read this amount, or failed so."""
    at = START + minute * MINUTE
    read = not isinstance(usdt, Outcome)
    amount = Decimal(usdt) if read else Decimal(0)
    result = PollResult(
        outcome=Outcome.OK if read else Outcome(usdt),
        started_at=at,
        finished_at=at,
        attempts=1,
        balances=(Balance(currency="USDT", total=amount, available=amount),) if read else (),
        detail="" if read else "no answer",
    )
    return said(record(tx, account, result, watched).events)


def tick(tx: Transaction, watched: Config, minute: float) -> list[str]:
    """What time alone brings."""
    return said(check_time_based(tx, watched, START + minute * MINUTE, set(watched.accounts)))


def said(events: Sequence[Event]) -> list[str]:
    return [f"{event.kind} {event.alert.rule} {event.alert.subject}" for event in events]


def silence(tx: Transaction, match: Match = EVERYTHING, until: float = 60) -> int:
    ends_at = START + until * MINUTE
    return tx.alerts.add_silence(
        match, starts_at=START, ends_at=ends_at, by="ann", reason="upgrade", now=START
    ).id


def waiting(tx: Transaction, target: Target) -> list[str]:
    """What waits for a URL: kinds, by incident."""
    due = tx.outbox.waiting(target, START + timedelta(days=1)).due
    return [one.report.kind for of_one in due for one in of_one]


FIRED, RESOLVED = "fired low nami-spot/spot/USDT", "resolved low nami-spot/spot/USDT"


async def test_a_silence_in_the_store_mutes_the_next_poll(store: Store) -> None:
    """And its end brings what fired meanwhile, without a poll."""

    def story(tx: Transaction) -> list[list[str]]:
        watched = watch(LOW)
        silence(tx, until=10)
        return [poll(tx, watched, 1, "5"), tick(tx, watched, 9), tick(tx, watched, 10), tick(tx, watched, 11)]

    assert await store.write(story) == [[], [], [FIRED], []]


async def test_an_expired_silence_mutes_no_more(store: Store) -> None:
    """With the next tick."""

    def story(tx: Transaction) -> list[list[str]]:
        watched = watch(LOW)
        number = silence(tx)
        told = [poll(tx, watched, 1, "5")]
        tx.alerts.expire_silence(number, by="bob", now=START + 2 * MINUTE)
        return [*told, tick(tx, watched, 2)]

    assert await store.write(story) == [[], [FIRED]]


async def test_an_end_in_a_silence_goes_where_its_firing_went(store: Store) -> None:
    """After it, though no route leads there any more."""

    def story(tx: Transaction) -> list[object]:
        only_ops = watch(LOW, routes=[Route(channels=("ops",))])
        only_boss = watch(LOW, routes=[Route(channels=("boss",))])
        poll(tx, only_ops, 0, "5")
        silence(tx, until=10)
        muted = poll(tx, only_boss, 1, "5000")
        return [muted, tick(tx, only_boss, 10), waiting(tx, OPS), waiting(tx, BOSS)]

    assert await store.write(story) == [[], [RESOLVED], ["fired", "resolved"], []]


async def test_an_outage_is_notified_after_a_silence(store: Store) -> None:
    """A provider's alert too: by the tick, once for all its accounts."""

    def story(tx: Transaction) -> list[list[str]]:
        watched = watch(FAILING, accounts=[SPOT, FUTURES])
        silence(tx, until=10)
        told = [poll(tx, watched, n, Outcome.TIMEOUT, one) for n in (1, 2, 3) for one in (SPOT, FUTURES)]
        return [[event for one in told for event in one], tick(tx, watched, 10), tick(tx, watched, 11)]

    assert await store.write(story) == [[], ["fired failing nami-main"], []]


async def test_an_outages_end_in_a_silence_is_notified_after_it(store: Store) -> None:
    """By the tick as well."""

    def story(tx: Transaction) -> list[list[str]]:
        watched = watch(FAILING)
        for minute in (-3, -2, -1):
            poll(tx, watched, minute, Outcome.TIMEOUT)
        silence(tx, until=10)
        return [poll(tx, watched, 1, "5000"), tick(tx, watched, 10)]

    assert await store.write(story) == [[], ["resolved failing nami-main"]]


async def test_accounts_that_wait_for_their_turn_after_an_outage_are_no_alerts(store: Store) -> None:
    """The endpoint refused everybody, and reads again: time alone does not tell of those not read yet, neither that
    they fail nor that they are stale."""
    accounts = [Account(provider="wdcf-main", job="c", name=f"C{n}", currencies=("USDT",)) for n in range(4)]

    def story(tx: Transaction) -> list[list[str]]:
        watched = watch(FAILING, Stale(name="stale", after=3 * MINUTE, policy=QUIET), accounts=accounts)
        for minute in range(4):
            for n, account in enumerate(accounts):
                poll(tx, watched, minute + n / 10, Outcome.REJECTED, account)
        told = [poll(tx, watched, 4, "5", accounts[0]), tick(tx, watched, 4.05)]
        told += [poll(tx, watched, 4.1, "5", account) for account in accounts[1:3]]
        return told + [poll(tx, watched, minute, Outcome.REJECTED, accounts[3]) for minute in (5, 6, 7)]

    assert await store.write(story) == [
        ["resolved failing wdcf-main"],
        [],
        [],
        [],
        [],
        [],
        ["fired failing c/C3/*"],
    ]


async def test_accounts_start_anew_after_an_outage_that_ended_muted(store: Store) -> None:
    """Whose turn has not come yet is no alert of its own, whether the end was told or not."""
    accounts = [Account(provider="wdcf-main", job="c", name=f"C{n}", currencies=("USDT",)) for n in range(4)]

    def story(tx: Transaction) -> list[list[str]]:
        watched = watch(FAILING, accounts=accounts)
        for minute in range(4):
            for n, account in enumerate(accounts):
                poll(tx, watched, minute + n / 10, Outcome.REJECTED, account)
        silence(tx, until=5)
        told = [poll(tx, watched, 4, "5", accounts[0])]
        told += [poll(tx, watched, 5.1, Outcome.REJECTED, account) for account in accounts[1:]]
        return [*told, tick(tx, watched, 6)]

    assert await store.write(story) == [[], ["resolved failing wdcf-main"], [], [], []]


async def test_an_inhibitor_resolved_by_another_accounts_poll_lets_go(store: Store) -> None:
    """With the next tick, or the next poll."""
    by = Inhibition(source=Match({"account": ("futures",)}), target=Match({"account": ("spot",)}))

    def story(tx: Transaction) -> list[list[str]]:
        watched = replace(watch(LOW, accounts=[SPOT, FUTURES]), inhibitions=(by,))
        return [
            poll(tx, watched, 0, "5", FUTURES),
            poll(tx, watched, 1, "5"),
            poll(tx, watched, 2, "5000", FUTURES),
            tick(tx, watched, 3),
        ]

    assert await store.write(story) == [
        ["fired low nami-futures/futures/USDT"],
        [],
        ["resolved low nami-futures/futures/USDT"],
        [FIRED],
    ]


async def test_an_acknowledged_alert_is_not_escalated(store: Store) -> None:
    """One that is not, is: to the channel of its route, and its end goes there too."""
    route = Route(channels=("ops",), escalate_after=15 * MINUTE, escalate_to=("boss",))

    def story(tx: Transaction) -> list[object]:
        watched = watch(LOW, accounts=[SPOT, FUTURES], routes=[route])
        poll(tx, watched, 0, "5")
        poll(tx, watched, 0, "5", FUTURES)
        [acked] = [one for one in tx.alerts.all().values() if one.subject.startswith("nami-spot")]
        tx.alerts.save(acknowledge(acked, Ack(by="ann", reason="on it", at=START)))
        told = [tick(tx, watched, 14), tick(tx, watched, 15), poll(tx, watched, 16, "5000", FUTURES)]
        return [*told, waiting(tx, BOSS)]

    assert await store.write(story) == [
        [],
        ["escalated low nami-futures/futures/USDT"],
        ["resolved low nami-futures/futures/USDT"],
        ["escalated", "resolved"],
    ]


async def test_a_worse_alert_goes_to_its_route_and_to_earlier_recipients(store: Store) -> None:
    """Warnings to the one, criticals to the other; both hear of the end."""
    routes = [
        Route(match=Match({"severity": ("critical",)}), channels=("boss",)),
        Route(channels=("ops",)),
    ]
    levels = tuple(
        Threshold(name="low", below=Decimal(limit), policy=Policy(severity=severity))
        for limit, severity in ((100, Severity.CRITICAL), (1000, Severity.WARNING))
    )
    rule = Threshold(name="low", levels=levels, policy=QUIET)

    def story(tx: Transaction) -> list[list[str]]:
        watched = watch(rule, routes=routes)
        for minute, amount in enumerate(("500", "50", "500", "5000")):
            poll(tx, watched, minute, amount)
        return [waiting(tx, OPS), waiting(tx, BOSS)]

    assert await store.write(story) == [
        ["fired", "worsened", "eased", "resolved"],
        ["worsened", "eased", "resolved"],
    ]


# What is remembered, and the configuration edited meanwhile

REMEMBERED = Policy(repeat_every=None, cooldown=60 * MINUTE, flapping=Flapping(changes=4, within=60 * MINUTE))


def over(tx: Transaction, *, muted: bool) -> Config:
    """An alert that fired and ended; where it is muted, its end is not told yet."""
    watched = watch(Threshold(name="low", below=Decimal(1000), policy=REMEMBERED))
    poll(tx, watched, 0, "5")
    if muted:
        silence(tx)
    poll(tx, watched, 1, "5000")
    return watched


async def test_a_rule_gone_in_its_cooldown_is_forgotten(store: Store) -> None:
    """Its end was told: there is nothing to close."""

    def story(tx: Transaction) -> tuple[list[str], int]:
        over(tx, muted=False)
        return said(reconcile(tx, watch(), START + 2 * MINUTE)), len(tx.alerts.all())

    assert await store.write(story) == ([], 0)


async def test_a_rule_gone_before_its_end_was_notified_is_closed_at_once(store: Store) -> None:
    """Though it be muted: nobody could tell it later. Once."""

    def story(tx: Transaction) -> list[object]:
        over(tx, muted=True)
        first = said(reconcile(tx, watch(), START + 2 * MINUTE))
        return [
            first,
            said(reconcile(tx, watch(), START + 3 * MINUTE)),
            tick(tx, watch(), 61),
            len(tx.alerts.all()),
        ]

    assert await store.write(story) == [["closed low nami-spot/spot/USDT"], [], [], 0]


async def test_an_account_gone_with_what_is_remembered_of_it(store: Store) -> None:
    """As with a rule."""

    def story(tx: Transaction) -> tuple[list[str], int]:
        rules = over(tx, muted=True).rules
        return said(reconcile(tx, watch(*rules, accounts=[FUTURES]), START + 2 * MINUTE)), len(
            tx.alerts.all()
        )

    assert await store.write(story) == (["closed low nami-spot/spot/USDT"], 0)


async def test_what_is_remembered_survives_a_reload_and_a_restart(store: Store) -> None:
    """The cooldown goes on: the next firing is the same incident, the fifth change flaps."""

    def story(tx: Transaction) -> list[object]:
        watched = over(tx, muted=False)
        told = [reconcile(tx, watched, START + 2 * MINUTE)]
        told += [poll(tx, watched, minute, amount) for minute, amount in ((3, "5"), (4, "5000"), (5, "5"))]  # type: ignore[misc]
        return [*told, len({row.incident for row in tx._db.exec_driver_sql("SELECT incident FROM events")})]

    assert await store.write(story) == [(), [FIRED], [RESOLVED], ["flapping low nami-spot/spot/USDT"], 1]


async def test_nothing_is_remembered_when_nothing_matters_any_more(store: Store) -> None:
    """By time alone, without a poll; the row is gone."""

    def story(tx: Transaction) -> list[int]:
        watched = over(tx, muted=False)
        kept = []
        for minute in (60, 62):
            tick(tx, watched, minute)
            kept.append(len(tx.alerts.all()))
        return kept

    assert await store.write(story) == [1, 0]


async def test_a_stale_alert_of_many_accounts_is_notified_after_a_silence(store: Store) -> None:
    """Each of them, with the same tick: for the outbox to gather."""
    stale = Stale(name="stale", after=10 * MINUTE, policy=QUIET)

    def story(tx: Transaction) -> list[int]:
        accounts = [
            Account(provider="wdcf-main", job="c", name=f"C{n}", currencies=("USDT",)) for n in range(20)
        ]
        watched = watch(stale, accounts=accounts)
        for account in accounts:
            poll(tx, watched, 0, "5", account)
        silence(tx, until=30)
        return [len(tick(tx, watched, minute)) for minute in (10, 29, 30, 31)]

    assert await store.write(story) == [0, 0, 20, 0]
