"""What a poll's result becomes: readings, alerts and notifications in one transaction, on a real store."""

import logging
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import partial
from zoneinfo import ZoneInfo

import pytest

from monitor.alerting.between_polls import check_time_based
from monitor.alerting.reconcile import reconcile
from monitor.alerting.recording import Recorded, log_poll, record
from monitor.config import Config
from monitor.domain.delivery import Target
from monitor.domain.matching import Match
from monitor.domain.model import Account, Balance, Pause, PollResult
from monitor.domain.rules import Delta, Failing, Policy, Rule, Stale, Threshold
from monitor.domain.schedule import Cron
from monitor.errors import Outcome
from monitor.store.writer import Store

from ..support import configured

START = datetime(2026, 2, 1, 14, 30, tzinfo=UTC)
SPOT = Account(provider="nami-main", job="nami-spot", name="spot", currencies=("USDT", "VNDC"))
OPS = Target(channel="ops", url_id="aaaa")
LOG = Target(channel="log", url_id="bbbb")
LOW = Threshold(name="low", below=Decimal(1000), match=Match({"currency": ("USDT",)}))
FAILING = Failing(name="failing", polls=3)


def watch(
    *rules: Rule, accounts: tuple[Account, ...] = (SPOT,), targets: tuple[Target, ...] = (OPS, LOG)
) -> Config:
    """What is judged, with two channels of one URL each."""
    return configured(*rules, accounts=accounts, targets=targets)


def read(seconds: int, **amounts: str) -> PollResult:
    """A poll that read these amounts, so many seconds after the start."""
    at = START + timedelta(seconds=seconds)
    balances = tuple(
        Balance(currency=name, total=Decimal(text), available=Decimal(text)) for name, text in amounts.items()
    )
    return PollResult(outcome=Outcome.OK, started_at=at, finished_at=at, attempts=1, balances=balances)


def failed(seconds: int, outcome: Outcome = Outcome.TIMEOUT, pause: Pause | None = None) -> PollResult:
    """A poll that gave nothing."""
    at = START + timedelta(seconds=seconds)
    return PollResult(
        outcome=outcome, started_at=at, finished_at=at, attempts=1, detail="no answer", pause=pause
    )


async def played(
    store: Store, watched: Config, *results: PollResult, account: Account = SPOT
) -> list[Recorded]:
    """The results recorded one after the other."""
    return [
        await store.write(partial(record, account=account, result=result, config=watched))
        for result in results
    ]


def notified(recorded: list[Recorded]) -> list[str]:
    """What was told over all of them: `kind rule subject seq`."""
    return [f"{e.kind} {e.alert.rule} {e.alert.subject} {e.seq}" for one in recorded for e in one.events]


async def waiting(store: Store, target: Target) -> list[str]:
    """What waits for a URL, as kinds."""
    due = (await store.write(lambda tx: tx.outbox.waiting(target, START + timedelta(days=1)))).due
    return [one.report.kind for of_one in due for one in of_one]


async def test_the_first_reading_is_judged(store: Store) -> None:
    """A balance that is low when the daemon starts is told at once, to every channel."""
    recorded = await played(store, watch(LOW), read(0, USDT="999.99", VNDC="1"))
    assert notified(recorded) == ["fired low nami-spot/spot/USDT 1"]
    assert (await waiting(store, OPS), await waiting(store, LOG)) == (["fired"], ["fired"])


async def test_a_rule_notifies_only_its_channels(store: Store) -> None:
    """`notify` names them."""
    rule = Threshold(name="low", below=Decimal(1000), policy=Policy(notify=("ops",)))
    await played(store, watch(rule), read(0, USDT="1", VNDC="1000"))
    assert (await waiting(store, OPS), await waiting(store, LOG)) == (["fired"], [])


async def test_a_failed_poll_changes_no_balance_and_no_threshold(store: Store) -> None:
    """Unknown is not zero: the alert stays as it is, and so does the last reading."""
    results = read(0, USDT="999.5", VNDC="1"), failed(60), failed(120)
    recorded = await played(store, watch(LOW), *results)
    assert notified(recorded) == ["fired low nami-spot/spot/USDT 1"]
    views = await store.write(lambda tx: tx.readings.views(SPOT, START))
    assert [format(view.last.total, "f") for view in views.values() if view.last] == ["999.5", "1"]


async def test_a_missing_currency_is_an_alert_of_its_own(store: Store) -> None:
    """An answer without a configured currency counts as a failure of that series, of no other."""
    results = [
        read(0, USDT="5000", VNDC="1"),
        *(read(60 * n, VNDC="1") for n in (1, 2, 3, 4)),
        read(300, USDT="5000", VNDC="1"),
    ]
    recorded = await played(store, watch(LOW, FAILING), *results)
    assert notified(recorded) == [
        "fired failing nami-spot/spot/USDT 1",
        "resolved failing nami-spot/spot/USDT 2",
    ]


async def test_a_currency_never_seen_is_reported_missing(store: Store) -> None:
    """A mistyped id shows as unknown, not as nothing."""
    (recorded,) = await played(store, watch(LOW), read(0, VNDC="1"))
    assert [str(view.series) for view in recorded.missing] == ["nami-spot/spot/USDT"]
    assert [view.last for view in recorded.missing] == [None]


async def test_without_configured_currencies_all_of_the_answer_is_kept(store: Store) -> None:
    """And one that later vanishes from it is missed."""
    everything = Account(provider="nami-main", job="all", name="spot")
    watched = watch(FAILING, accounts=(everything,))
    first, second = await played(
        store, watched, read(0, **{"1": "7", "22": "8"}), read(60, **{"1": "7"}), account=everything
    )
    assert [str(view.series) for view in first.views] == ["all/spot/1", "all/spot/22"]
    assert [str(view.series) for view in second.missing] == ["all/spot/22"]


async def test_an_outage_of_many_accounts_is_one_message(store: Store) -> None:
    """And its end another; the stale alerts it explains stay quiet."""
    clients = tuple(
        Account(provider="wdcf-main", job="clients", name=f"C{n}", currencies=("USD",)) for n in range(20)
    )
    stale = Stale(name="stale", after=timedelta(seconds=150))
    watched = watch(FAILING, stale, accounts=clients)
    recorded: list[Recorded] = []
    for minute, ok in enumerate([True, False, False, False, False, True, True]):
        for n, client in enumerate(clients):
            at = 60 * minute + n
            result = read(at, USD="5") if ok else failed(at, Outcome.CONNECT)
            recorded += await played(store, watched, result, account=client)
    assert notified(recorded) == ["fired failing wdcf-main 1", "resolved failing wdcf-main 2"]
    assert await waiting(store, OPS) == ["fired", "resolved"]


async def test_an_endpoint_that_refused_everybody_ends_as_one_alert(store: Store) -> None:
    """While it comes back, those whose turn has not come yet are no alerts of their own; who stays refused is."""
    clients = tuple(
        Account(provider="wdcf-main", job="c", name=f"C{n}", currencies=("USD",)) for n in range(5)
    )
    watched = watch(FAILING, accounts=clients)
    recorded: list[Recorded] = []
    for minute in range(9):
        for n, client in enumerate(clients):
            refused = minute < 4 or n == 4
            at = 60 * minute + n
            result = failed(at, Outcome.REJECTED) if refused else read(at, USD="5")
            recorded += await played(store, watched, result, account=client)
    assert notified(recorded) == [
        "fired failing wdcf-main 1",
        "resolved failing wdcf-main 2",
        "fired failing c/C4/* 1",
    ]


async def test_a_provider_recovers_though_the_account_that_failed_is_no_longer_configured(
    store: Store,
) -> None:
    """An alert about a provider does not outlive its cause because a reload took that cause away."""
    gone = Account(provider="nami-main", job="gone", name="spot", currencies=("USDT",))
    both = watch(FAILING, accounts=(SPOT, gone))
    recorded = await played(store, both, read(0, USDT="1", VNDC="1"))
    recorded += await played(store, both, *(failed(n) for n in (1, 2, 3)), account=gone)
    recorded += await played(store, watch(FAILING), read(60, USDT="1", VNDC="1"))
    assert notified(recorded) == ["fired failing nami-main 1", "resolved failing nami-main 2"]


async def test_a_delta_inspects_the_stored_window(store: Store) -> None:
    """The peak that counts may have been read before a restart."""
    rule = Delta(
        name="drained", direction="drop", limit=Decimal(20), percent=True, within=timedelta(minutes=15)
    )
    results = [read(60 * n, USDT=amount, VNDC="1") for n, amount in enumerate(["100", "90", "85", "80"])]
    recorded = await played(store, watch(rule), *results)
    assert notified(recorded) == ["fired drained nami-spot/spot/USDT 1"]


async def test_a_pause_is_kept_with_the_poll_that_met_it(store: Store) -> None:
    """A restart waits it out too."""
    pause = Pause(
        host="https://nami.exchange:443",
        until=START + timedelta(hours=1),
        outcome=Outcome.BANNED,
        detail="HTTP 418",
    )
    await played(store, watch(), failed(0, Outcome.BANNED, pause))
    assert await store.write(lambda tx: tx.hosts.pauses(START)) == [pause]
    assert await store.write(lambda tx: tx.hosts.pauses(pause.until)) == []


async def test_time_alone_brings_staleness(store: Store) -> None:
    """A series that is not read any more is told though no poll ends; only once."""
    stale = watch(Stale(name="stale", after=timedelta(minutes=10)))
    await played(store, stale, read(0, USDT="1", VNDC="1"))
    looks = [
        await store.write(
            partial(check_time_based, config=stale, now=START + timedelta(minutes=at), polled={SPOT.key})
        )
        for at in (9, 10, 11)
    ]
    assert [[str(event.alert.subject) for event in look] for look in looks] == [
        [],
        ["nami-spot/spot/USDT", "nami-spot/spot/VNDC"],
        [],
    ]


async def test_after_a_long_stop_nothing_is_stale_before_the_first_poll(store: Store) -> None:
    """The stop was ours: no alert about it, and none that the first poll would take back."""
    stale = watch(Stale(name="stale", after=timedelta(minutes=10)))
    await played(store, stale, read(0, USDT="1", VNDC="1"))
    started = START + timedelta(hours=5)
    assert await store.write(lambda tx: check_time_based(tx, stale, started, set())) == ()


async def test_time_alone_brings_no_staleness_while_a_schedule_rests(store: Store) -> None:
    """A Sunday without runs; on Monday it is as stale as on any other day."""
    workdays = Cron(expression="*/5 * * * mon-fri", timezone=ZoneInfo("UTC"))
    rule = Stale(name="stale", after=timedelta(minutes=10))
    watched = configured(rule, accounts=[SPOT], targets=[OPS, LOG], schedules={SPOT.job: workdays})
    friday = START - timedelta(days=2)
    last = replace(read(0, USDT="1", VNDC="1"), finished_at=friday.replace(hour=23, minute=55))
    await played(store, watched, last)
    midnight = friday.replace(hour=0, minute=0) + timedelta(days=1)
    looks = [
        await store.write(
            partial(
                check_time_based,
                config=watched,
                now=midnight + timedelta(days=days, minutes=minutes),
                polled={SPOT.key},
            )
        )
        for days, minutes in ((0, 5), (1, 0), (2, 4), (2, 5), (2, 6))
    ]
    assert [len(look) for look in looks] == [0, 0, 0, 2, 0]


async def test_time_alone_brings_reminders(store: Store) -> None:
    """At `repeat_every`, also while nothing can be read; of an alert about a provider one, not one an account."""
    again = Policy(repeat_every=timedelta(hours=4))
    rule, failing = (
        Threshold(name="low", below=Decimal(1000), policy=again),
        Failing(name="failing", policy=again),
    )
    futures = Account(provider="nami-main", job="nami-futures", name="futures", currencies=("USDT",))
    watched = watch(rule, failing, accounts=(SPOT, futures))
    await played(store, watched, read(0, USDT="1", VNDC="5000"))
    for account in (SPOT, futures):
        await played(store, watched, *(failed(n) for n in (60, 120, 180)), account=account)
    later = START + timedelta(hours=5)
    look = await store.write(lambda tx: check_time_based(tx, watched, later, {SPOT.key, futures.key}))
    assert sorted(f"{e.kind} {e.alert.subject}" for e in look) == [
        "reminder nami-main",
        "reminder nami-spot/spot/USDT",
    ]


async def test_a_rule_that_is_gone_closes_its_alert(store: Store) -> None:
    """Told where its firing went; the other alerts stay as they are."""
    keep, drop = Threshold(name="keep", below=Decimal(5)), Threshold(name="drop", below=Decimal(5))
    await played(store, watch(keep, drop), read(0, USDT="1", VNDC="9"))
    events = await store.write(lambda tx: reconcile(tx, watch(keep), START + timedelta(minutes=1)))
    assert [(event.kind, event.alert.rule) for event in events] == [("closed", "drop")]
    assert list(await store.write(lambda tx: tx.alerts.all())) == [("keep", "nami-spot/spot/USDT")]


async def test_an_edited_rule_keeps_its_alert(store: Store) -> None:
    """A new limit is judged with the next reading; until then nothing is told."""
    await played(store, watch(LOW), read(0, USDT="999", VNDC="9"))
    edited = Threshold(name="low", below=Decimal(900), match=LOW.match)
    assert await store.write(lambda tx: reconcile(tx, watch(edited), START)) == ()
    recorded = await played(store, watch(edited), read(60, USDT="999", VNDC="9"))
    assert notified(recorded) == ["resolved low nami-spot/spot/USDT 2"]


async def test_without_send_resolved_the_end_is_kept_but_not_sent(store: Store) -> None:
    """The rule's own wish."""
    rule = Threshold(name="low", below=Decimal(1000), match=LOW.match, policy=Policy(send_resolved=False))
    recorded = await played(store, watch(rule), read(0, USDT="1", VNDC="1"), read(60, USDT="2000", VNDC="1"))
    assert notified(recorded) == ["fired low nami-spot/spot/USDT 1", "resolved low nami-spot/spot/USDT 2"]
    assert await waiting(store, OPS) == ["fired"]


async def test_a_resolve_goes_only_where_its_firing_went(store: Store) -> None:
    """A channel added meanwhile hears nothing of an incident it never heard of."""
    await played(store, watch(LOW, targets=(OPS,)), read(0, USDT="1", VNDC="1"))
    await played(store, watch(LOW, targets=(OPS, LOG)), read(60, USDT="2000", VNDC="1"))
    assert (await waiting(store, OPS), await waiting(store, LOG)) == (["fired", "resolved"], [])


async def test_only_changes_are_logged(store: Store, caplog: pytest.LogCaptureFixture) -> None:
    """The first failure, another kind of it, the recovery; no line for each poll."""
    caplog.set_level(logging.INFO)
    ok = {"USDT": "5000", "VNDC": "1"}
    results = read(0, **ok), failed(1), failed(2), failed(3, Outcome.AUTH), read(4, **ok), read(5, **ok)
    for recorded in await played(store, watch(), *results):
        log_poll(recorded)
    assert [record.getMessage() for record in caplog.records] == [
        "poll failed",
        "poll failed",
        "polls recovered",
    ]
