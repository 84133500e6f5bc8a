"""Unknown is not zero: what could not be read fires, worsens and resolves nothing but the alert that says so.

Every property is told a random story: several currencies of several accounts, some answers without some of them,
failures of every kind, and time that passes between polls. What holds is found from the story alone.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from typing import NamedTuple

from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.domain.alerts import Event, EventKind
from monitor.domain.model import Account, Severity, Subject
from monitor.domain.rules import Delta, Failing, Policy, Rule, Stale, Threshold
from monitor.errors import Outcome

from .support import MINUTE, START, World

SPOT = Account(provider="nami", job="spot", name="spot", currencies=("USDT", "VNDC"))
CLIENTS = tuple(Account(provider="wdcf", job="c", name=name, currencies=("USD",)) for name in ("A", "B"))
ACCOUNTS = (SPOT, *CLIENTS)
SERIES = tuple(str(account.series(currency)) for account in ACCOUNTS for currency in account.currencies)
AFTER = 5 * MINUTE
READINGS = (Threshold, Delta)


class Moment(NamedTuple):
    """A poll and what it gave, or, where that is None, mere time that passed."""

    account: Account
    later: timedelta
    gave: Mapping[str, str] | Outcome | None

    def read(self, series: str) -> str | None:
        """The amount of a series that this moment read, if it did."""
        if not isinstance(self.gave, Mapping):
            return None
        named = {str(self.account.series(currency)): amount for currency, amount in self.gave.items()}
        return named.get(series)


class Lived(NamedTuple):
    """A moment after it: when it was, and what was told at it."""

    moment: Moment
    at: datetime
    told: list[Event]


often = [Outcome.NOT_FOUND, Outcome.TIMEOUT] * 4
failures = st.sampled_from([*often, *(outcome for outcome in Outcome if outcome is not Outcome.OK)])
amounts = st.sampled_from(["0", "9.99", "10", "11.5", "12", "15", "50", "50.01", "-3"])
spans = st.sampled_from([timedelta(0), MINUTE, 3 * MINUTE])
policies = st.builds(
    Policy,
    severity=st.sampled_from(Severity),
    for_=spans,
    keep_firing_for=spans,
    repeat_every=st.sampled_from([None, 2 * MINUTE]),
)


def answers(account: Account) -> st.SearchStrategy[Mapping[str, str]]:
    """All of the account's currencies, some of them, or none."""
    return st.dictionaries(st.sampled_from(account.currencies), amounts)


def moments(account: Account) -> st.SearchStrategy[Moment]:
    """Half of the polls give nothing."""
    gave = st.one_of(answers(account), answers(account), failures, failures, st.none())
    return st.builds(Moment, st.just(account), st.sampled_from([MINUTE, MINUTE, 2 * MINUTE, AFTER]), gave)


def story_of(*accounts: Account) -> st.SearchStrategy[list[Moment]]:
    """Polls of these accounts; what one gives, it often gives again."""
    some = st.one_of([moments(account) for account in accounts])
    repeated = st.lists(st.tuples(some, st.integers(1, 3)), min_size=6, max_size=20)
    return repeated.map(lambda runs: [moment for moment, times in runs for _ in range(times)])


stories = story_of(*ACCOUNTS)

crowded = st.tuples(stories, st.sampled_from(SERIES))
lonely = st.tuples(story_of(CLIENTS[0]), st.just("c/A/USD"))
"""A story, and a series to look at: one of several, or the only one."""


@st.composite
def rules(draw: st.DrawFn) -> list[Rule]:
    """A rule of each kind over everything, each with a policy of its own; the last amount no service tells."""
    low, high = Decimal(10), Decimal(50)
    fall, steep = Decimal(1), Decimal(20)
    return [
        Threshold(name="low", below=low, clear=Decimal(12), above=high, policy=draw(policies)),
        Threshold(name="locked", below=low, field="locked", policy=draw(policies)),
        Delta(name="fell", direction="drop", limit=fall, policy=draw(policies)),
        Delta(
            name="moved", direction="change", limit=steep, percent=True, within=AFTER, policy=draw(policies)
        ),
        Stale(name="old", after=AFTER, policy=draw(policies)),
        Stale(name="frozen", after=AFTER, clock="provider", policy=draw(policies)),
        Failing(name="failing", polls=2, policy=draw(policies)),
    ]


def lived(told_by: list[Rule], story: list[Moment]) -> Iterator[Lived]:
    """The story, moment by moment."""
    world = World(told_by)
    for moment in story:
        if moment.gave is not None:
            told = world.poll(moment.account, moment.gave, moment.later)
        elif moment.account.key in world.healths:
            told = world.tick(moment.account, moment.later)
        else:
            world.now += moment.later
            told = []
        yield Lived(moment, world.now, told)


def judged(told: list[Event], by: list[Rule], *kinds: type[Rule]) -> list[Event]:
    """The events of rules of these kinds, without reminders: those come with time."""
    names = {rule.name for rule in by if isinstance(rule, kinds)}
    return [event for event in told if event.alert.rule in names and event.kind is not EventKind.REMINDER]


@given(rules(), stories)
@settings(max_examples=60, deadline=None)
def test_amounts_are_judged_at_readings_of_their_own_series(by: list[Rule], story: list[Moment]) -> None:
    """No threshold and no delta fires, worsens or resolves at anything else, whatever happens to its neighbours."""
    for moment, _, told in lived(by, story):
        for event in judged(told, by, *READINGS):
            assert moment.read(event.alert.subject) is not None


@given(rules(), crowded | lonely)
@settings(max_examples=150, deadline=None)
def test_without_the_failures_the_same_is_notified(by: list[Rule], of: tuple[list[Moment], str]) -> None:
    """Left with the readings of one series, thresholds and deltas tell of it what they told amid everything."""
    story, series = of
    alone, skipped = list[Moment](), timedelta(0)
    for moment in story:
        skipped += moment.later
        if (amount := moment.read(series)) is not None:
            alone.append(Moment(moment.account, skipped, {series.rpartition("/")[2]: amount}))
            skipped = timedelta(0)

    def told(moments: list[Moment]) -> list[tuple[object, ...]]:
        return [
            (event.kind, event.alert.rule, event.alert.id, event.at, event.reason)
            for one in lived(by, moments)
            for event in judged(one.told, by, *READINGS)
            if event.alert.subject == series
        ]

    assert told(alone) == told(story)


@given(rules(), stories)
@settings(max_examples=60, deadline=None)
def test_a_threshold_goes_by_the_amount_just_read(by: list[Rule], story: list[Moment]) -> None:
    """It fires at one below 10 or above 50 and resolves at one from 12 to 50; one that nobody tells does neither."""
    for moment, _, told in lived(by, story):
        for event in judged(told, by, Threshold):
            assert event.alert.rule == "low"
            amount = Decimal(moment.read(event.alert.subject) or "NaN")
            if event.kind is EventKind.RESOLVED:
                assert 12 <= amount <= 50
            else:
                assert amount < 10 or amount > 50


@given(rules(), stories)
@settings(max_examples=60, deadline=None)
def test_a_delta_fires_at_two_readings_apart(by: list[Rule], story: list[Moment]) -> None:
    """At a fall it knows the reading before, of whatever age, and what lies between counts for nothing."""
    before = dict[str, Decimal]()
    for moment, _, told in lived(by, story):
        for event in judged(told, by, Delta):
            series = event.alert.subject
            if event.alert.rule == "fell" and event.kind is EventKind.FIRED:
                assert before[series] - Decimal(moment.read(series) or "NaN") >= 1
        for one in SERIES:
            if (amount := moment.read(one)) is not None:
                before[one] = Decimal(amount)


@given(rules(), stories)
@settings(max_examples=60, deadline=None)
def test_a_reading_grows_stale_with_time_and_fresh_with_a_reading(
    by: list[Rule], story: list[Moment]
) -> None:
    """It fires when its series was not read for long enough, and resolves when it is; nothing else does either."""
    last: defaultdict[str, datetime] = defaultdict(lambda: START)
    for moment, at, told in lived(by, story):
        for event in judged(told, by, Stale):
            series = event.alert.subject
            assert event.alert.rule == "old"
            if event.kind is EventKind.RESOLVED:
                assert moment.read(series) is not None
            else:
                assert moment.read(series) is None
                assert at - last[series] >= AFTER
        last |= {series: at for series in SERIES if moment.read(series) is not None}


@given(rules(), stories)
@settings(max_examples=200, deadline=None)
def test_not_knowing_ends_when_something_is_known(by: list[Rule], story: list[Moment]) -> None:
    """An alert about failures fires while its subject gives nothing or lacks something, and resolves at a reading."""
    gave = dict[Account, Mapping[str, str] | Outcome]()
    read_at: defaultdict[str, set[datetime]] = defaultdict(set)
    for moment, at, told in lived(by, story):
        if moment.gave is not None:
            gave[moment.account] = moment.gave
        if isinstance(moment.gave, Mapping):
            read_at[Subject.of_account(moment.account)].add(at)
        for event in judged(told, by, Failing):
            subject, over = event.alert.subject, event.kind is EventKind.RESOLVED
            if subject in SERIES:
                assert isinstance(moment.gave, Mapping)
                assert (moment.read(subject) is not None) is over
            elif subject == Subject.of_account(moment.account) and over:
                assert (
                    event.alert.ended_at in read_at[subject]
                )  # told later, where the provider's alert explained it
            elif subject == Subject.of_account(moment.account):  # or once the provider's outage is over
                assert isinstance(gave[moment.account], Outcome)
            else:
                last = [one for account, one in gave.items() if account.provider == subject]
                failed = [one for one in last if isinstance(one, Outcome)]
                assert (
                    all(one.concerns_account for one in failed) and len(failed) < len(last)
                    if over
                    else failed
                )
