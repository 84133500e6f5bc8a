"""Every account that keeps failing is in a firing alert, its own or its provider's: for any polls of a few accounts.

What holds is found from the polls and the events alone."""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import NamedTuple

from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.domain.alerts import Alert, Event, EventKind
from monitor.domain.model import Account, State, Subject
from monitor.domain.mutes import AlertKey
from monitor.domain.rules import Failing
from monitor.errors import Outcome

from .support import World, clients, kinds, policy

FEW = (Outcome.OK, Outcome.TIMEOUT, Outcome.REJECTED)
KINDS = st.sampled_from([*FEW, *FEW, *FEW, Outcome.CONNECT, Outcome.NOT_FOUND, Outcome.AUTH])

Polls = list[tuple[int, Outcome]]


@st.composite
def stories(draw: st.DrawFn) -> tuple[int, int, Polls]:
    """So many accounts, `polls`, and which account gave what; what one gives, it often gives again."""
    accounts, polls = draw(st.integers(1, 4)), draw(st.integers(1, 4))
    run = st.tuples(st.integers(0, accounts - 1), KINDS, st.integers(1, 5))
    runs = st.lists(run, max_size=12).map(
        lambda given: [(who, what) for who, what, times in given for _ in range(times)]
    )
    rounds = st.lists(st.lists(KINDS, min_size=accounts, max_size=accounts), max_size=12).map(
        lambda given: [one for outcomes in given for one in enumerate(outcomes)]
    )
    return accounts, polls, draw(runs | rounds)


class Step(NamedTuple):
    """A world after one poll of an account, what was told at it, and the alerts as they were before."""

    world: World
    account: Account
    outcome: Outcome
    told: list[Event]
    before: dict[AlertKey, Alert]


def lived(accounts: int, polls: int, story: Polls) -> Iterator[Step]:
    """Every poll of the story, one after the other."""
    world, known = World([Failing(name="failing", polls=polls, policy=policy())]), clients(accounts)
    for who, outcome in story:
        before = dict(world.alerts)
        told = world.poll(known[who], {"VND": "5"} if outcome is Outcome.OK else outcome)
        yield Step(world, known[who], outcome, told, before)


def fires(alerts: Mapping[AlertKey, Alert], subject: Subject) -> bool:
    """Whether the alert about this subject fires."""
    alert = alerts.get(("failing", subject))
    return alert is not None and alert.state is State.FIRING


@given(stories())
@settings(max_examples=200, deadline=None)
def test_an_account_whose_last_polls_all_failed_is_covered(story: tuple[int, int, Polls]) -> None:
    """By its own alert or its provider's, in whatever way they failed; polls that an outage covered, and those that
    led to it, count for that outage."""
    uncovered: defaultdict[Account, list[datetime]] = defaultdict(list)
    began: dict[Account, datetime] = {}
    for world, account, outcome, _, before in lived(*story):
        covered, outage = (
            fires(alerts, Subject.of_provider(account.provider)) for alerts in (before, world.alerts)
        )
        if outcome is Outcome.OK:
            uncovered[account].clear()
            began.pop(account, None)
        else:
            began.setdefault(account, world.now)
            uncovered[account] += [world.now] * (not covered)
        if outage and not covered:
            first = min(began.values())
            uncovered = defaultdict(
                list, {who: [at for at in ats if at < first] for who, ats in uncovered.items()}
            )
        if len(uncovered[account]) >= story[1]:
            assert outage or fires(world.alerts, Subject.of_account(account))


@given(stories())
@settings(max_examples=200, deadline=None)
def test_what_fires_is_over_before_it_fires_again(story: tuple[int, int, Polls]) -> None:
    """Of each alert: fired, perhaps worse, resolved, and so on."""
    told: defaultdict[str, str] = defaultdict(str)
    for step in lived(*story):
        for event in step.told:
            told[event.alert.subject] += kinds([event]).replace("W", "")
    for kinds_of_one in told.values():
        assert kinds_of_one == ("FR" * len(kinds_of_one))[: len(kinds_of_one)]


@given(stories())
@settings(max_examples=200, deadline=None)
def test_a_worsened_alert_got_worse_with_that_poll(story: tuple[int, int, Polls]) -> None:
    """More severe, or nothing is read where something was; never at the poll at which it fires."""
    for step in lived(*story):
        for event in step.told:
            if event.kind is EventKind.WORSENED:
                before = step.before[event.alert.key]
                assert (event.alert.level, event.alert.severity) > (before.level, before.severity)
