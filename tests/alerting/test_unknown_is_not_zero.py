"""Unknown is not zero, on a real database: polls recorded as the daemon does, with restarts between any two of them.

A story goes through `monitor.alerting.recording.record` and `check_time_based` into a file. What is told, what waits
in the outbox and what is shown as balance are compared with the story itself, with the story without its failures, and
with the story on a store that was closed and opened again.
"""

import asyncio
import shutil
import sqlite3
import tempfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import NamedTuple

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from monitor.alerting.between_polls import check_time_based
from monitor.alerting.reconcile import reconcile
from monitor.alerting.recording import record
from monitor.domain.alerts import Event, EventKind
from monitor.domain.delivery import Target
from monitor.domain.model import Account, Balance, PollResult
from monitor.domain.money import plain, subtract
from monitor.domain.rules import Delta, Failing, Policy, Rule, Stale, Threshold
from monitor.errors import Outcome
from monitor.store.read.state import read
from monitor.store.writer import Store

from ..support import configured

START = datetime(2026, 2, 1, 14, 30, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
SPOT = Account(provider="nami", job="spot", name="spot", currencies=("USDT", "VNDC"))
CLIENTS = tuple(Account(provider="wdcf", job="c", name=name, currencies=("USD",)) for name in ("A", "B"))
ACCOUNTS = (SPOT, *CLIENTS)
SERIES = tuple(account.series(currency) for account in ACCOUNTS for currency in account.currencies)
TARGETS = [Target(channel=name, url_id=name * 2) for name in ("ops", "log")]


class Moment(NamedTuple):
    """A poll and what it gave, or, where that is None, a look between polls; after a restart, if there is one."""

    account: Account
    later: timedelta
    gave: tuple[Balance, ...] | Outcome | None
    restart: bool

    def read(self, series: str) -> Balance | None:
        """The reading of a series that this moment brought, if it did."""
        if not isinstance(self.gave, tuple):
            return None
        named = {str(self.account.series(balance.currency)): balance for balance in self.gave}
        return named.get(series)


@dataclass(slots=True)
class Life:
    """What became of a story: what was told at each moment, the amounts shown after it, and the outbox at its end."""

    told: list[list[Event]] = field(default_factory=list)
    shown: list[Mapping[str, str]] = field(default_factory=list)
    outbox: list[tuple[object, ...]] = field(default_factory=list)

    def facts(self) -> list[list[tuple[object, ...]]]:
        """All that a message of it would be made of."""
        return [
            [(event.kind, event.at, event.reason, event.alert) for event in events] for events in self.told
        ]


spans = st.sampled_from([timedelta(0), MINUTE, 3 * MINUTE])
policies = st.builds(
    Policy, for_=spans, keep_firing_for=spans, repeat_every=st.sampled_from([None, 2 * MINUTE, 4 * MINUTE])
)
amounts = st.sampled_from([Decimal(text) for text in ("0", "9.99", "10.00", "12", "50", "1E+2", "-3.10")])
moved = st.none() | st.sampled_from([START - timedelta(days=1), START, START + 9 * MINUTE])
often = [Outcome.NOT_FOUND, Outcome.TIMEOUT] * 4
failures = st.sampled_from([*often, *(outcome for outcome in Outcome if outcome is not Outcome.OK)])


def balances(currency: str) -> st.SearchStrategy[Balance]:
    """A balance of a currency, with or without a locked part and a time of its own."""

    def balance(total: Decimal, locked: Decimal | None, updated_at: datetime | None) -> Balance:
        available = subtract(total, locked or Decimal(0))
        return Balance(
            currency=currency, total=total, available=available, locked=locked, updated_at=updated_at
        )

    return st.builds(balance, amounts, st.none() | amounts, moved)


def moments(account: Account) -> st.SearchStrategy[Moment]:
    """Half of the polls give nothing; an answer holds all of the account's currencies, some of them, or none."""
    some = st.tuples(*(st.none() | balances(currency) for currency in account.currencies))
    answer = some.map(lambda found: tuple(balance for balance in found if balance is not None))
    gave = st.one_of(answer, answer, failures, failures, st.none())
    later = st.sampled_from([MINUTE, MINUTE, 2 * MINUTE, 6 * MINUTE])
    return st.builds(Moment, st.just(account), later, gave, st.booleans())


def story_of(*accounts: Account) -> st.SearchStrategy[list[Moment]]:
    """Polls of these accounts; what one gives, it often gives again."""
    some = st.one_of([moments(account) for account in accounts])
    repeated = st.lists(st.tuples(some, st.integers(1, 3)), min_size=4, max_size=10)
    return repeated.map(lambda runs: [moment for moment, times in runs for _ in range(times)])


stories = story_of(*ACCOUNTS)


@st.composite
def rules(draw: st.DrawFn) -> tuple[Rule, ...]:
    """A rule of each kind over everything, each with a policy of its own."""
    ten, steep, after = Decimal(10), Decimal(20), 5 * MINUTE
    return (
        Threshold(name="low", below=ten, clear=Decimal(12), above=Decimal(50), policy=draw(policies)),
        Threshold(name="locked", above=ten, field="locked", policy=draw(policies)),
        Delta(name="fell", direction="drop", limit=Decimal(1), policy=draw(policies)),
        Delta(
            name="moved", direction="change", limit=steep, percent=True, within=after, policy=draw(policies)
        ),
        Stale(name="old", after=after, policy=draw(policies)),
        Stale(name="frozen", after=after, clock="provider", policy=draw(policies)),
        Failing(name="failing", polls=2, policy=draw(policies)),
    )


@pytest.fixture(scope="module")
def empty() -> Iterator[Path]:
    """A database as a first start leaves it, to be copied: creating one takes longer than the stories do."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "empty.db"
        asyncio.run(_closed(Store(path)))
        yield path


async def _closed(store: Store) -> None:
    await store.close()


def lived(empty: Path, by: tuple[Rule, ...], story: list[Moment], *, restarts: bool = False) -> Life:
    """The story on a database of its own."""
    with tempfile.TemporaryDirectory(dir=empty.parent) as folder:
        path = Path(folder) / "balances.db"
        shutil.copy(empty, path)
        return asyncio.run(_lived(path, by, story, restarts=restarts))


async def _lived(path: Path, by: tuple[Rule, ...], story: list[Moment], *, restarts: bool) -> Life:
    config = configured(*by, accounts=ACCOUNTS, targets=TARGETS)
    life, store, now, polled = Life(), Store(path), START, set[tuple[str, str]]()
    for moment in story:
        if restarts and moment.restart:
            await store.close()
            store = Store(path)
            assert await store.write(partial(reconcile, config=config, now=now)) == ()
        now += moment.later
        if moment.gave is None:
            # A daemon just started waits for an account's first poll before it looks; here it does not.
            work = partial(check_time_based, config=config, now=now, polled=polled)
            life.told.append([*await store.write(work)])
        else:
            result = _result(moment.gave, now)
            recorded = await store.write(
                partial(record, account=moment.account, result=result, config=config)
            )
            life.told.append([*recorded.events])
            polled.add(moment.account.key)
        life.shown.append(_shown(path))
    await store.close()
    life.outbox = _outbox(path)
    return life


def _result(gave: tuple[Balance, ...] | Outcome, at: datetime) -> PollResult:
    outcome, found = (gave, ()) if isinstance(gave, Outcome) else (Outcome.OK, gave)
    return PollResult(
        outcome=outcome, started_at=at, finished_at=at, attempts=1, balances=found, detail=f"it is {outcome}"
    )


def _shown(path: Path) -> Mapping[str, str]:
    """The balances as `status` reads them, digit for digit, with the time of their reading."""
    known = read(path)
    assert known is not None
    return {
        f"{one.job}/{one.account}/{one.currency}": _text(
            one.total, one.available, one.locked, one.observed_at, one.updated_at
        )
        for one in known.series
        if one.total is not None
    }


def _text(*values: object) -> str:
    return " ".join(plain(value) if isinstance(value, Decimal) else str(value) for value in values)


def _outbox(path: Path) -> list[tuple[object, ...]]:
    with sqlite3.connect(path) as db:
        rows = db.execute(
            "SELECT incident, seq, channel, status, created_at FROM notifications ORDER BY 1, 2, 3"
        )
        return rows.fetchall()


def a_run_with_restarts_tells_the_same(
    empty: Path, by: tuple[Rule, ...], story: list[Moment], _: str
) -> None:
    """Every event with every field of its alert, every amount shown, and every message to every URL."""
    without, restarted = lived(empty, by, story), lived(empty, by, story, restarts=True)
    assert restarted.facts() == without.facts()
    assert restarted.shown == without.shown
    assert restarted.outbox == without.outbox


def what_is_shown_is_what_was_read_last(
    empty: Path, by: tuple[Rule, ...], story: list[Moment], _: str
) -> None:
    """A balance is shown digit for digit with its time, from its reading until its next; never before, never else."""
    shown, now = dict[str, str](), START
    for moment, after in zip(story, lived(empty, by, story, restarts=True).shown, strict=True):
        now += moment.later
        for series in map(str, SERIES):
            if (balance := moment.read(series)) is not None:
                shown[series] = _text(
                    balance.total, balance.available, balance.locked, now, balance.updated_at
                )
        assert after == shown


def amounts_are_judged_by_readings_alone(
    empty: Path, by: tuple[Rule, ...], story: list[Moment], series: str
) -> None:
    """Thresholds, deltas and the wallet's own clock tell at readings only, and of one series the same as if there were
    nothing but those."""
    alone, skipped = list[Moment](), timedelta(0)
    for moment in story:
        skipped += moment.later
        if (balance := moment.read(series)) is not None:
            alone.append(Moment(moment.account, skipped, (balance,), restart=False))
            skipped = timedelta(0)
    amid = lived(empty, by, story, restarts=True)
    for moment, events in zip(story, _of_amounts(amid), strict=True):
        assert all(moment.read(event.alert.subject) is not None for event in events)
    assert _told_of(series, lived(empty, by, alone)) == _told_of(series, amid)


def _of_amounts(life: Life) -> list[list[Event]]:
    """The events of rules that go by what was read, without reminders: those come with time."""
    return [
        [
            event
            for event in events
            if event.alert.rule in ("low", "locked", "fell", "moved", "frozen")
            and event.kind is not EventKind.REMINDER
        ]
        for events in life.told
    ]


def _told_of(series: str, life: Life) -> list[tuple[object, ...]]:
    return [
        (event.kind, event.alert.rule, event.alert.id, event.at, event.reason)
        for events in _of_amounts(life)
        for event in events
        if event.alert.subject == series
    ]


Holds = Callable[[Path, tuple[Rule, ...], list[Moment], str], None]
each = pytest.mark.parametrize(
    "holds",
    [
        a_run_with_restarts_tells_the_same,
        what_is_shown_is_what_was_read_last,
        amounts_are_judged_by_readings_alone,
    ],
    ids=lambda holds: holds.__name__,
)
random_stories = given(by=rules(), story=stories, series=st.sampled_from(SERIES).map(str))
few = settings(max_examples=5, deadline=None)
many = settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@each
@random_stories
@few
def test_of_any_story(
    empty: Path, holds: Holds, by: tuple[Rule, ...], story: list[Moment], series: str
) -> None:
    """What is named holds for a few stories that are drawn anew each time."""
    holds(empty, by, story, series)


@pytest.mark.campaign
@each
@random_stories
@many
def test_of_many_stories(
    empty: Path, holds: Holds, by: tuple[Rule, ...], story: list[Moment], series: str
) -> None:
    """What is named holds for a hundred stories."""
    holds(empty, by, story, series)
