"""One endpoint, many accounts: an outage is one alert, whatever the order of the polls."""

import random
from collections.abc import Mapping
from dataclasses import replace
from itertools import cycle, islice

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.domain.matching import Match
from monitor.domain.model import Account, Subject
from monitor.domain.rules import Failing, Stale
from monitor.errors import Outcome

from .support import World, clients, kinds, minutes, policy

ENDPOINT = [
    Outcome.TIMEOUT,
    Outcome.CONNECT,
    Outcome.TLS,
    Outcome.UNAVAILABLE,
    Outcome.RATE_LIMITED,
    Outcome.BANNED,
    Outcome.AUTH,
    Outcome.BAD_PAYLOAD,
]
FAILING = Failing(name="failing", policy=policy())
FROZEN = Stale(name="frozen", after=minutes(10), policy=policy())
PROVIDER = "wdcf-main"
OK: Mapping[str, str] = {"VND": "5"}
OK_OR_TIMEOUT: list[Mapping[str, str] | Outcome] = [OK, Outcome.TIMEOUT]
OK_OR_FAILED = [*OK_OR_TIMEOUT, Outcome.CONNECT, Outcome.TLS]
SOON = minutes(0.002)


def watched(count: int, *rules: Failing | Stale) -> tuple[World, list[Account]]:
    """So many accounts, each of which has been read."""
    world, accounts = World(list(rules or (FAILING,))), clients(count)
    for account in accounts:
        world.poll(account, OK, SOON)
    return world, accounts


def test_an_outage_of_500_accounts_is_one_firing_and_one_resolve() -> None:
    """In an order of its own each round, and on the way back with accounts that fail once more."""
    chance = random.Random(2026)
    world, accounts = watched(500, FAILING, FROZEN)
    for outcome in (Outcome.TIMEOUT, Outcome.CONNECT, Outcome.UNAVAILABLE):
        for account in chance.sample(accounts, 500):
            world.poll(account, outcome, SOON)
    for account in chance.sample(accounts, 500):
        world.poll(account, chance.choice(OK_OR_TIMEOUT), SOON)
    for account in chance.sample(accounts, 500):
        world.poll(account, OK, SOON)
    assert kinds(world.events) == "FR"


@given(st.randoms(use_true_random=False), st.integers(1, 12), st.integers(0, 3))
@settings(max_examples=60, deadline=None)
def test_an_outage_is_one_firing_and_one_resolve(chance: random.Random, count: int, rounds: int) -> None:
    """Any failures of the endpoint in any order, then recoveries between further failures."""
    world, accounts = watched(count, FAILING, FROZEN)
    for _ in range(3):
        for account in chance.sample(accounts, count):
            world.poll(account, chance.choice(ENDPOINT))
    for _ in range(rounds):
        for account in chance.sample(accounts, count):
            world.poll(account, chance.choice(OK_OR_FAILED))
            if all(known.streak.count == 0 for known in world.healths.values()):
                break
        else:
            continue
        break
    for account in chance.sample(accounts, count):
        world.poll(account, OK)
    assert world.notified("failing", PROVIDER).replace("W", "") == "FR"


@given(st.randoms(use_true_random=False), st.integers(2, 8))
@settings(max_examples=60, deadline=None)
def test_an_outage_is_over_when_the_last_suffering_account_was_read(
    chance: random.Random, count: int
) -> None:
    """Not before, and not later."""
    world, accounts = watched(count)
    for account in islice(cycle(accounts), 3 * count):
        world.poll(account, Outcome.TIMEOUT)
    told = [kinds(world.poll(account, OK)) for account in chance.sample(accounts, count)]
    assert told == [""] * (count - 1) + ["R"]


polls_of_four = st.lists(st.tuples(st.integers(0, 3), st.sampled_from(Outcome)), max_size=30)


@given(polls_of_four)
@settings(max_examples=80, deadline=None)
def test_a_provider_resolves_only_when_nothing_suffers_and_something_was_read(
    polls: list[tuple[int, Outcome]],
) -> None:
    """A refusal of one account shows that the endpoint answers; without any reading it shows no recovery."""
    world, accounts = watched(4)
    suffering, read = set[Account](), False
    for number, outcome in polls:
        account = accounts[number]
        events = world.poll(account, OK if outcome is Outcome.OK else outcome)
        began = not suffering and outcome in ENDPOINT
        suffering = suffering - {account} | ({account} if outcome in ENDPOINT else set())
        read = not began and (read or outcome is Outcome.OK)
        told = kinds(event for event in events if event.alert.subject == PROVIDER)
        assert told != "R" or (read and not suffering)


@given(polls_of_four)
@settings(max_examples=80, deadline=None)
def test_a_provider_fires_at_a_ban_a_refused_key_or_three_failures_most_of_them_the_endpoints(
    polls: list[tuple[int, Outcome]],
) -> None:
    """Failures of the endpoint, that is: an account it does not know is none of them while others are read."""
    world, accounts = watched(5)
    rows: dict[Account, list[Outcome]] = {account: [] for account in accounts}
    for number, outcome in polls:
        account = accounts[number]
        world.poll(accounts[4], OK)
        events = world.poll(account, OK if outcome is Outcome.OK else outcome)
        rows[account] = [] if outcome is Outcome.OK else [*rows[account], outcome]
        if kinds(event for event in events if event.alert.subject == PROVIDER) == "F":
            last = rows[account][-3:]
            mostly = len(last) == 3 and sum(one in ENDPOINT for one in last) >= 2
            assert outcome in (Outcome.AUTH, Outcome.BANNED) or mostly


# How bad


def test_an_outage_that_spreads_is_notified_as_worse_once() -> None:
    """First one account, while the others are read; then all of them."""
    world, accounts = watched(3)
    for _ in range(3):
        world.poll(accounts[0], Outcome.TIMEOUT)
        world.poll(accounts[1], OK)
        world.poll(accounts[2], OK)
    for _ in range(4):
        for account in accounts:
            world.poll(account, Outcome.TIMEOUT)
    assert kinds(world.events) == "FW"


@pytest.mark.parametrize("count", [2, 20])
def test_an_outage_behind_one_accounts_refusal_is_notified(count: int) -> None:
    """One client's credentials are refused, all others are read for an hour; then nobody is read any more."""
    world, accounts = watched(count)
    world.poll(accounts[0], Outcome.AUTH)
    for _ in range(3):
        for account in accounts[1:]:
            world.poll(account, OK)
    for _ in range(4):
        for account in accounts:
            world.poll(account, Outcome.AUTH if account is accounts[0] else Outcome.TIMEOUT)
    assert kinds(world.events) == "FW"


# Refusals of everybody


@pytest.mark.parametrize("outcome", [Outcome.REJECTED, Outcome.NOT_FOUND])
def test_an_endpoint_that_refuses_everybody_is_not_an_alert_an_account(outcome: Outcome) -> None:
    """It moved (a redirect), or says `maintenance`: one cause, one message."""
    world, accounts = watched(30)
    for _ in range(4):
        for account in accounts:
            world.poll(account, outcome)
    assert len(world.events) == 1


def test_a_timeout_among_refusals_of_everybody_is_no_alert_an_account() -> None:
    """The one alert fires for all of them, also while one of them fails otherwise for once."""
    world, accounts = watched(10)
    for _ in range(3):
        for account in accounts:
            world.poll(account, Outcome.REJECTED)
    for account in accounts:
        world.poll(account, Outcome.TIMEOUT if account is accounts[0] else Outcome.REJECTED)
    assert len(world.events) == 1


def test_a_rule_over_one_account_fires_when_everybody_is_refused() -> None:
    """The others are not its concern, and nobody else tells of this one."""
    world, accounts = watched(3)
    world.rules = [replace(FAILING, match=Match({"account": (accounts[0].name,)}))]
    for _ in range(4):
        for account in accounts:
            world.poll(account, Outcome.NOT_FOUND)
    assert kinds(world.events) == "F"


def test_a_few_refused_accounts_are_an_alert_each() -> None:
    """While the others are read it is these accounts' own trouble."""
    world, accounts = watched(5)
    for _ in range(3):
        for account in accounts:
            world.poll(account, Outcome.NOT_FOUND if account in accounts[:2] else OK)
    assert [event.alert.subject for event in world.events] == [
        Subject.of_account(one) for one in accounts[:2]
    ]


# Rules and accounts edited during an outage


def test_a_rule_narrowed_to_accounts_that_are_read_resolves() -> None:
    """What fails is no longer its concern."""
    world, accounts = watched(2)
    for _ in range(3):
        world.poll(accounts[0], Outcome.TIMEOUT)
    world.rules = [replace(FAILING, match=Match({"account": (accounts[1].name,)}))]
    assert kinds(world.poll(accounts[1], OK)) == "R"


def test_an_account_taken_away_does_not_hold_the_outage() -> None:
    """The last account that suffered is gone from the configuration."""
    world, accounts = watched(2)
    for _ in range(3):
        world.poll(accounts[0], Outcome.TIMEOUT)
    del world.healths[accounts[0].key]
    assert kinds(world.poll(accounts[1], OK)) == "R"
