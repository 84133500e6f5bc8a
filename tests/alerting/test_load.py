"""Many alerts at once: what a poll, and a look between two polls, cost is the same with ten and with two thousand.

Counted, not timed: the functions that Python calls, and the steps of SQLite's machine."""

import asyncio
import gc
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import partial
from pathlib import Path
from types import FrameType

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Connection, create_engine
from sqlalchemy.pool import StaticPool

from monitor.alerting.between_polls import check_providers
from monitor.alerting.recording import record
from monitor.config import Config
from monitor.domain.alerts import Alert
from monitor.domain.delivery import Target
from monitor.domain.matching import Match
from monitor.domain.model import Account, Balance, PollResult, Subject
from monitor.domain.mutes import AlertKey, Inhibition, Inhibitors
from monitor.domain.routing import Route
from monitor.domain.rules import Failing, Policy, Threshold
from monitor.domain.time import to_micros
from monitor.errors import Outcome
from monitor.store.memory import Memory
from monitor.store.tables import Table
from monitor.store.transaction import Transaction
from monitor.store.writer import Store, amend

from ..support import configured

START = datetime(2026, 2, 1, 14, 30, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)
FEW, MANY = 10, 2000
OPS = Target(channel="ops", url_id="aaaa")
ESCALATES = Route(escalate_after=15 * MINUTE, escalate_to=("ops",), match=Match({"severity": ("critical",)}))
"""Does not fit what fires here: no look may ask anew whether it does."""
EVERY_WAY = (
    Inhibition(
        source=Match({"rule": ("failing",)}), target=Match({"severity": ("warning",)}), equal=("provider",)
    ),
    Inhibition(source=Match({"severity": ("warning",)}), target=Match({"severity": ("info",)})),
    Inhibition(source=Match({"type": ("threshold",)}), target=Match({"type": ("*",)}), equal=("account",)),
)
"""What fires here fits sources, targets, and both sides of one."""


def clients(count: int) -> list[Account]:
    return [
        Account(provider="wdcf", job="c", name=f"C{number:05}", currencies=("USD",))
        for number in range(count)
    ]


def watching(accounts: list[Account], *inhibitions: Inhibition) -> Config:
    return configured(
        Threshold(name="low", below=Decimal(1000), policy=Policy(repeat_every=4 * HOUR)),
        Failing(name="failing", polls=3),
        accounts=accounts,
        targets=[OPS],
        routes=(ESCALATES, Route()),
        inhibitions=inhibitions,
    )


def reading(at: datetime, amount: str) -> PollResult:
    balance = Balance(currency="USD", total=Decimal(amount), available=Decimal(amount))
    return PollResult(outcome=Outcome.OK, started_at=at, finished_at=at, attempts=1, balances=(balance,))


@dataclass(frozen=True, slots=True)
class Cost:
    """How much was done: calls of Python's own functions, and steps of SQLite's machine."""

    calls: int
    steps: int


def cost(connection: Connection, work: Callable[[], object]) -> Cost:
    """What a piece of work costs."""
    calls = steps = 0

    def called(frame: FrameType, what: str, _: object) -> None:
        nonlocal calls
        calls += what == "call"

    def stepped() -> int:
        nonlocal steps
        steps += 1
        return 0

    raw = connection.connection.driver_connection
    assert raw is not None
    raw.set_progress_handler(stepped, 1)
    gc.collect()
    gc.disable()  # what it finalizes was left by other tests
    sys.setprofile(called)
    try:
        work()
    finally:
        sys.setprofile(None)
        gc.enable()
        raw.set_progress_handler(None, 1)
    return Cost(calls - steps, steps)  # each step was a call of ours


class World:
    """A store in which as many alerts fire, incidents wait for a channel, and accounts are silenced as are wanted."""

    def __init__(self, connection: Connection, count: int, *inhibitions: Inhibition) -> None:
        self.connection, self.memory = connection, Memory()
        Table.metadata.create_all(connection)
        self.accounts = clients(count)
        self.config = watching(self.accounts, *inhibitions)
        for account in self.accounts[:2]:
            record(self.tx, account, reading(START, "5"), self.config)
        match = Match({"account": (self.accounts[1].name,)})
        self.tx.alerts.add_silence(
            match, starts_at=START, ends_at=START + 9 * HOUR, by="ann", reason="", now=START
        )
        for account in self.accounts[2:]:
            self.copy("alerts", subject=str(account.series("USD")), id=account.name)
            self.copy("events", subject=str(account.series("USD")), incident=account.name)
            self.copy("notifications", id=None, incident=account.name)
            self.copy("silences", id=None, match=f'{{"account": ["{account.name}"]}}')
        self.memory.forget()
        self.look(START + MINUTE)

    def copy(self, table: str, **values: object) -> None:
        """Has another account what the one before it has in a table."""
        columns = Table.metadata.tables[table].columns.keys()
        into = ", ".join(f'"{name}"' for name in columns)
        taken = ", ".join(f":{name}" if name in values else f'"{name}"' for name in columns)
        copy = f"INSERT INTO {table} ({into}) SELECT {taken} FROM {table} ORDER BY rowid DESC LIMIT 1"
        self.connection.exec_driver_sql(copy, values)

    @property
    def tx(self) -> Transaction:
        self.memory.begin(self.connection)
        return Transaction(self.connection, self.memory)

    def poll(self, at: datetime, amount: str) -> None:
        record(self.tx, self.accounts[0], reading(at, amount), self.config)

    def look(self, at: datetime) -> None:
        check_providers(self.tx, self.config, at, set(self.config.accounts))


def costs(inhibitions: tuple[Inhibition, ...], work: Callable[[World, datetime], None]) -> list[Cost]:
    """What a piece of work costs among few and among many, once everything is compiled and remembered."""
    found = []
    for count in (FEW, MANY):
        engine = create_engine("sqlite://", poolclass=StaticPool)
        with engine.connect() as connection:
            world = World(connection, count, *inhibitions)
            work(world, START + HOUR)
            found.append(cost(connection, partial(work, world, START + 2 * HOUR)))
        engine.dispose()
    return found


def fires_and_ends(world: World, at: datetime) -> None:
    """An account goes on to breach, has enough, and breaches anew."""
    for minute, amount in enumerate(("5", "5000", "5")):
        world.poll(at + minute * MINUTE, amount)


@pytest.mark.parametrize(
    "inhibitions", [(), EVERY_WAY[:1], EVERY_WAY], ids=["none", "as-in-the-example", "any"]
)
def test_a_poll_costs_the_same_however_many_alerts_fire(inhibitions: tuple[Inhibition, ...]) -> None:
    """Be they silenced, inhibited, or waiting for a channel."""
    few, many = costs(inhibitions, fires_and_ends)
    assert few == many


def test_a_look_between_polls_judges_none_of_those_that_are_known() -> None:
    """SQLite goes through them all; nothing else does."""

    few, many = costs(EVERY_WAY, World.look)
    assert few.calls == many.calls


def waiting_apart(world: World, at: datetime) -> None:
    """Each incident is a group of its own, and the first of them is due."""
    world.connection.exec_driver_sql("UPDATE notifications SET group_key = incident")
    assert len(world.tx.outbox.waiting(OPS, at).due) == 1


def waiting_together(world: World, at: datetime) -> None:
    """All are of one group, which waits for more."""
    world.connection.exec_driver_sql(
        "UPDATE notifications SET group_key = 'all', next_attempt_at = ?", (to_micros(at + MINUTE),)
    )
    assert world.tx.outbox.waiting(OPS, at).next_at == at + MINUTE


@pytest.mark.parametrize("work", [waiting_apart, waiting_together])
def test_an_attempt_inspects_none_of_those_that_wait_behind(work: Callable[[World, datetime], None]) -> None:
    """SQLite goes through them all; nothing else does."""
    few, many = costs((), work)
    assert few.calls == many.calls


FAILING = 1000
"""A provider of so many accounts and more is not judged with each poll of its outage."""


def failed(at: datetime, outcome: Outcome) -> PollResult:
    return PollResult(outcome=outcome, started_at=at, finished_at=at, attempts=1, detail="no")


def failing_world(connection: Connection, count: int, outcome: Outcome) -> World:
    """Each of so many accounts has failed three times."""
    world = World(connection, 2)
    world.accounts = clients(count)
    world.config = watching(world.accounts)
    for minute in range(3):
        for account in world.accounts[:2]:
            record(world.tx, account, failed(START + minute * MINUTE, outcome), world.config)
    for account in world.accounts[2:]:
        world.copy("accounts", id=None, name=account.name)
    world.memory.forget()
    return world


def cost_of_a_failing_poll(count: int, outcome: Outcome) -> int:
    """The calls that one poll more costs, a moment after the one before."""
    engine = create_engine("sqlite://", poolclass=StaticPool)
    with engine.connect() as connection:
        world = failing_world(connection, count, outcome)

        def poll(number: int) -> None:
            at = START + 3 * MINUTE + number * timedelta(milliseconds=25)
            record(world.tx, world.accounts[number], failed(at, outcome), world.config)

        for number in range(3):
            poll(number)
        found = cost(connection, partial(poll, 3))
    engine.dispose()
    return found.calls


def test_a_poll_costs_the_same_in_an_outage_of_any_size() -> None:
    """The provider's alert fires, and every account fails."""
    few, many = (cost_of_a_failing_poll(count, Outcome.CONNECT) for count in (FAILING, 2 * FAILING))
    assert few == many


def test_a_poll_that_is_refused_inspects_few_others() -> None:
    """One account is gone, and every other is read."""
    found = []
    for count in (FEW, MANY):
        engine = create_engine("sqlite://", poolclass=StaticPool)
        with engine.connect() as connection:
            world = World(connection, 2)
            world.accounts = clients(count)
            world.config = watching(world.accounts)
            for account in world.accounts[2:]:
                world.copy("accounts", id=None, name=account.name)

            def poll(minute: int, world: World = world) -> None:
                result = failed(START + minute * MINUTE, Outcome.NOT_FOUND)
                record(world.tx, world.accounts[0], result, world.config)

            for minute in range(1, 6):
                poll(minute)
            found.append(cost(connection, partial(poll, 6)).calls)
        engine.dispose()
    assert found[0] == found[1]


async def test_a_silence_that_another_process_adds_or_ends_counts_from_the_next_poll_on(
    tmp_path: Path,
) -> None:
    """The daemon remembers the silences, but not longer than they are so."""
    store = Store(tmp_path / "store.db")
    [account] = accounts = clients(1)
    watch = watching(accounts)

    async def poll(minute: int, amount: str) -> list[str]:
        came = reading(START + minute * MINUTE, amount)
        recorded = await store.write(lambda tx: record(tx, account, came, watch))
        return [event.kind for event in recorded.events]

    def add(tx: Transaction) -> int:
        times = {"starts_at": START, "ends_at": START + HOUR, "now": START}
        return tx.alerts.add_silence(Match({"rule": ("low",)}), by="ann", reason="", **times).id

    try:
        told = [await poll(0, "5000")]
        number = amend(store.path, add)
        told.append(await poll(1, "5"))
        amend(store.path, lambda tx: tx.alerts.expire_silence(number, by="ann", now=START + 2 * MINUTE))
        told.append(await poll(2, "5"))
    finally:
        await store.close()
    assert told == [[], [], ["fired"]]


async def test_what_is_not_committed_is_not_remembered(tmp_path: Path) -> None:
    """An alert whose transaction failed inhibits nothing."""
    store = Store(tmp_path / "store.db")
    cause, effect = clients(2)
    by_cause = Inhibition(source=Match({"account": (cause.name,)}), target=Match({"account": (effect.name,)}))
    watch = watching([cause, effect], by_cause)

    def fails(tx: Transaction) -> None:
        record(tx, cause, reading(START, "5"), watch)
        raise RuntimeError("after all was written")

    try:
        await store.write(lambda tx: record(tx, effect, reading(START, "5000"), watch))
        with pytest.raises(RuntimeError):
            await store.write(fails)
        recorded = await store.write(lambda tx: record(tx, effect, reading(START + MINUTE, "5"), watch))
    finally:
        await store.close()
    assert [event.kind for event in recorded.events] == ["fired"]


async def test_an_inhibitor_that_another_process_changed_is_known(tmp_path: Path) -> None:
    """Whatever wrote it: what is remembered of the alerts is read anew."""
    store = Store(tmp_path / "store.db")
    cause, effect = clients(2)
    by_cause = Inhibition(source=Match({"account": (cause.name,)}), target=Match({"account": (effect.name,)}))
    watch = watching([cause, effect], by_cause)
    try:
        await store.write(lambda tx: record(tx, cause, reading(START, "5"), watch))
        before = await store.write(lambda tx: record(tx, effect, reading(START, "5"), watch))
        [alert] = [
            one
            for one in amend(store.path, lambda tx: tx.alerts.all()).values()
            if one.subject.startswith(str(cause))
        ]
        amend(store.path, lambda tx: tx.alerts.save(Alert(rule=alert.rule, subject=alert.subject)))
        after = await store.write(lambda tx: record(tx, effect, reading(START + MINUTE, "5"), watch))
    finally:
        await store.close()
    assert (before.events, [event.kind for event in after.events]) == ((), ["fired"])


async def test_a_writer_with_much_to_do_is_responsive(tmp_path: Path) -> None:
    """Whoever asks does not queue behind what waits; a writer that does nothing answers, too."""
    store = Store(tmp_path / "store.db")
    long = timedelta(seconds=60)
    began = threading.Event()
    let_go = threading.Event()

    def holds(_: Transaction) -> None:
        began.set()
        let_go.wait()

    try:
        assert await store.is_responsive(long)
        held = asyncio.create_task(store.write(holds))
        await asyncio.to_thread(began.wait)
        waiting = [asyncio.create_task(store.write(lambda tx: None)) for _ in range(3)]
        assert not await store.is_responsive(timedelta(seconds=0.1))
        asking = asyncio.create_task(store.is_responsive(long))
        let_go.set()
        assert await asking
        await asyncio.gather(held, *waiting)
    finally:
        let_go.set()
        await store.close()


names = st.sampled_from(["a", "b", "*", "?"])
matches = st.dictionaries(
    st.sampled_from(["rule", "subject", "team"]), names.map(lambda one: (one,)), max_size=2
)
inhibitions = st.lists(
    st.builds(
        Inhibition,
        source=matches.map(Match),
        target=matches.map(Match),
        equal=st.sampled_from([(), ("team",), ("rule",), ("rule", "team")]),
    ),
    max_size=3,
)
some_alerts = st.lists(
    st.fixed_dictionaries(
        {"rule": st.sampled_from("abc"), "subject": st.sampled_from("abc")},
        optional={"team": st.sampled_from("ab")},
    ),
    max_size=8,
)


@given(inhibitions, some_alerts, some_alerts)
def test_an_inhibitor_is_found_where_one_by_one_would_find_it(
    rules: list[Inhibition], put: list[dict[str, str]], asked: list[dict[str, str]]
) -> None:
    """Also after alerts came with other attributes, and went."""
    known = Inhibitors(rules)
    firing: dict[AlertKey, dict[str, str] | None] = {}
    for number, alert in enumerate(put):
        key = (alert["rule"], Subject(alert["subject"]))
        firing[key] = alert if number % 3 else None
        known.put(key, firing[key])

    def explains(source: dict[str, str], target: dict[str, str]) -> bool:
        return any(one.explains(source, target) for one in rules)

    for alert in asked:
        found = {
            key for key, one in firing.items() if one and explains(one, alert) and not explains(alert, one)
        }
        by = known.explaining(alert)
        assert (by in found) if found else by is None
