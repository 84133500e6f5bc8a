"""Polls that fail in every way, through a real store: who is notified, of what, and with which words.

A story gives each account a row in the notation of rule tests, a poll a minute; accounts are polled in the order of the
rows."""

import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.alerting.recording import record
from monitor.config import Config
from monitor.domain.alerts import Event
from monitor.domain.delivery import Target
from monitor.domain.matching import Match
from monitor.domain.model import Account, Balance, PollResult
from monitor.domain.rules import Failing, Policy, Rule
from monitor.errors import Outcome
from monitor.ruletests.notation import Failure, Gap, samples
from monitor.store.scratch import scratch
from monitor.store.transaction import Transaction

from ..domain.support import World
from ..support import configured

START = datetime(2026, 1, 1, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
ONCE = Policy(repeat_every=None)


def watching(names: list[str], *rules: Rule) -> Config:
    accounts = [Account(provider="wdcf", job="c", name=name, currencies=("USD",)) for name in names]
    return configured(*rules, accounts=accounts, targets=[Target(channel="ops", url_id="aaaa")])


def polls_of(story: Mapping[str, str]) -> Iterator[tuple[int, str, Outcome]]:
    """Which account is polled in which minute, and what comes of it."""
    rows = {name: samples(text) for name, text in story.items()}
    for minute in range(max(map(len, rows.values()))):
        for name, row in rows.items():
            sample = row[minute] if minute < len(row) else Gap()
            if not isinstance(sample, Gap):
                yield minute, name, sample.outcome if isinstance(sample, Failure) else Outcome.OK


def lived(
    tx: Transaction, config: Config, story: Mapping[str, str], *, restarts: bool = False
) -> Iterator[tuple[int, Event]]:
    """What is told, with the minute. `restarts`: nothing but the tables lasts from one poll to the next."""
    read = Balance(currency="USD", total=Decimal(5), available=Decimal(5))
    for minute, name, outcome in polls_of(story):
        at = START + minute * MINUTE
        result = PollResult(
            outcome=outcome,
            started_at=at,
            finished_at=at,
            attempts=1,
            balances=(read,) if outcome is Outcome.OK else (),
            detail=f"what {outcome} looks like",
        )
        tx = Transaction(tx._db) if restarts else tx
        for event in record(tx, config.accounts["c", name], result, config).events:
            yield minute, event


def notified(polls: int, story: Mapping[str, str], *rules: Rule) -> list[str]:
    """Each event: its minute, its kind, and the account or the provider that it is about."""
    watch = watching(list(story), *(rules or (Failing(name="failing", polls=polls, policy=ONCE),)))
    with scratch() as tx:
        return [f"{minute} {event.kind} {_about(event)}" for minute, event in lived(tx, watch, story)]


def _about(event: Event) -> str:
    return re.sub(r"c/(\w+)/\*", r"\1", event.alert.subject)


def status(polls: int, story: Mapping[str, str]) -> list[tuple[str, str, str, str]]:
    """What `status` has of each alert at the end: its subject, state, what mutes it, and the reason."""
    watch = watching(list(story), Failing(name="failing", polls=polls, policy=ONCE))
    with scratch() as tx:
        list(lived(tx, watch, story))
        return [
            (one.subject, one.state.value, one.muted.text if one.muted else "", one.reason)
            for _, one in sorted(tx.alerts.all().items())
        ]


def reasons(polls: int, story: Mapping[str, str]) -> list[str]:
    watch = watching(list(story), Failing(name="failing", polls=polls, policy=ONCE))
    with scratch() as tx:
        return [event.reason for _, event in lived(tx, watch, story)]


@pytest.mark.parametrize(
    ("polls", "story", "expected"),
    [
        pytest.param(
            3,
            {"GONE": "5 !not_foundx19 !connectx9", "A": "100x19 !connectx9", "B": "100x19 !connectx9"},
            ["3 fired GONE", "22 fired wdcf"],
            id="an-unknown-account-and-then-an-outage-of-all-is-one-message-more",
        ),
        pytest.param(
            4,
            {"A": "!rejected !rejected !unavailable !rejected !rejected !unavailable", "B": "5x5"},
            ["3 fired A"],
            id="refusals-with-outages-of-one-poll-between-them-are-the-accounts",
        ),
        pytest.param(
            3,
            {"A": "5 5 5 !not_found !tls !tls !tls 5 5", "B": "5 5 5 5 !connect !connect !connect !connect 5"},
            ["5 fired wdcf", "8 resolved wdcf"],
            id="an-outage-that-begins-with-a-refusal-is-one-message",
        ),
        pytest.param(
            3,
            {"A": "5 !timeoutx4 5", "B": "5 5 !timeoutx4 5"},
            ["3 fired wdcf", "6 resolved wdcf"],
            id="an-outage-that-begins-raggedly-is-one-message",
        ),
        pytest.param(
            3,
            {"A": "5 !timeoutx9 5", "B": "5x3 !timeoutx6 5x2"},
            ["3 fired wdcf", "6 worsened wdcf", "10 resolved wdcf"],
            id="an-outage-that-spreads-while-it-fires-is-worse",
        ),
        pytest.param(
            3,
            {"A": "5 5 !auth !auth !auth 5x4", "B": "!rejectedx9", "C": "5x9"},
            ["2 fired wdcf", "5 resolved wdcf", "5 fired B"],
            id="an-account-refused-before-an-outage-is-told-when-that-is-over",
        ),
        pytest.param(
            3,
            {"A": "!auth 5 !auth 5 !auth 5 !auth 5", "B": "!not_foundx8"},
            [
                *("0 fired wdcf", "1 resolved wdcf", "2 fired wdcf", "3 resolved wdcf"),
                *("3 fired B", "4 fired wdcf", "5 resolved wdcf", "6 fired wdcf", "7 resolved wdcf"),
            ],
            id="an-account-refused-all-along-is-told-at-the-end-of-the-next-outage",
        ),
        pytest.param(
            3,
            {"A": "5 !timeoutx3 !rejectedx4 5 5", "B": "5x4 5x6", "C": "5x10"},
            ["3 fired wdcf", "4 resolved wdcf", "6 fired A", "8 resolved A"],
            id="refused-after-its-outage-it-is-the-accounts-own",
        ),
        pytest.param(
            3,
            {f"A{n}": "5 !rejected !timeout !timeout !rejected !timeout !rejected 5" for n in range(9)}
            | {"B": "5 !timeout !rejected !timeout !rejected !rejected !timeout 5"},
            ["3 fired wdcf", "7 resolved wdcf"],
            id="where-all-fail-in-mixed-ways-it-is-one-message",
        ),
        pytest.param(
            3,
            {"A": "!not_foundx20", "B": "5x10 !not_found !not_found 5x4"},
            ["2 fired A"],
            id="two-failures-beside-an-unknown-account-are-no-outage",
        ),
        pytest.param(
            3,
            {"A": "!rejectedx4 5", "B": "!rejectedx4 5", "C": "!rejectedx8"},
            ["2 fired wdcf", "4 resolved wdcf", "6 fired C"],
            id="who-stays-refused-after-an-outage-is-told-at-the-third",
        ),
    ],
)  # fmt: skip
def test_who_is_notified(polls: int, story: Mapping[str, str], expected: list[str]) -> None:
    assert notified(polls, story) == expected


def test_each_kind_of_failure_is_counted_by_itself() -> None:
    """The outage of all began at 00:20, whatever an account failed of before."""
    story = {"GONE": "5 !not_foundx19 !connectx3", "A": "100x19 !connectx3", "B": "100x19 !connectx3"}
    unknown, outage = reasons(3, story)
    assert unknown.endswith(", 3 polls failed in a row since 2026-01-01 00:01:00 UTC")
    assert outage.startswith("connect: what connect looks like, 3 polls failed so in a row since")
    assert outage.endswith("since 2026-01-01 00:20:00 UTC (3 of 3 accounts, e.g. c/GONE)")


def test_an_alert_says_what_fails_now() -> None:
    """A single account: first an outage, then the service does not know it any more."""
    found = {about: rest for about, *rest in status(3, {"A": "5 !timeoutx3 !not_foundx20"})}
    state, muted, reason = found["wdcf"]
    assert (state, muted) == ("firing", "")
    assert reason.startswith("not_found: what not_found looks like, 20 polls failed so in a row since")


def test_an_account_is_covered_by_the_outages_of_its_own_rule_alone() -> None:
    """A key that is refused now and then is of the other rule: here three refusals are three."""
    rules = [
        Failing(name=name, polls=3, policy=ONCE, match=Match({"account": (name,)})) for name in ("A", "B")
    ]
    story = {"A": "!auth 5 !auth 5", "B": "!rejectedx4"}
    assert notified(3, story, *rules)[2:4] == ["2 fired wdcf", "2 fired B"]


POLLED = st.lists(
    st.lists(
        st.sampled_from([*["5", "!timeout", "!rejected"] * 3, "!auth", "!not_found", "_"]),
        min_size=3,
        max_size=10,
    ).map(" ".join),
    min_size=1,
    max_size=3,
)


@given(POLLED, st.integers(1, 3))
@settings(max_examples=25, deadline=None)
def test_the_store_keeps_all_that_failures_are_judged_by(rows: list[str], polls: int) -> None:
    """With a daemon that is new at every poll, the very same is told as by one that never stopped."""
    story = dict(zip("ABC", rows, strict=False))
    watch = watching(list(story), Failing(name="failing", polls=polls, policy=ONCE))
    with scratch() as tx:
        stored = [event for _, event in lived(tx, watch, story, restarts=True)]
    world = World([*watch.rules], START)
    for minute, name, outcome in polls_of(story):
        later = START + minute * MINUTE - world.now
        world.poll(watch.accounts["c", name], {"USD": "5"} if outcome is Outcome.OK else outcome, later)
    assert [_facts(event) for event in stored] == [_facts(event) for event in world.events]


def _facts(event: Event) -> tuple[object, ...]:
    return event.kind, event.at, event.alert.id, event.alert.level
