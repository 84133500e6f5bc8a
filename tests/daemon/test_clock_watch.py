"""The daemon's watch over the clock: over restarts of a real store, with services that tell the time or do not."""

import asyncio
import logging
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import partial
from pathlib import Path

import pytest
import pytest_asyncio
from pydantic import SecretStr

from monitor import config
from monitor.alerting.recording import record
from monitor.alerting.status import assemble
from monitor.daemon.clock_watch import ClockWatch
from monitor.daemon.metrics import Metrics
from monitor.daemon.running import Running
from monitor.daemon.runtime import Hosts, Monitor, now, open_channels
from monitor.daemon.systemd import Systemd
from monitor.domain.model import Account, Balance, PollResult
from monitor.domain.rules import Policy, Stale, Threshold
from monitor.errors import Outcome
from monitor.log.lines import Redaction
from monitor.providers.nami import NamiSettings
from monitor.store.read.state import read
from monitor.store.writer import Store

from ..support import configured

NOW = datetime(2026, 2, 1, 14, 30, tzinfo=UTC)
SECOND, MINUTE, HOUR, DAY = (timedelta(**{unit: 1}) for unit in ("seconds", "minutes", "hours", "days"))
SPOT = Account(provider="nami-main", job="nami-spot", name="spot", currencies=("USDT",))
RULES = (
    Threshold(name="low", below=Decimal(6000), policy=Policy(repeat_every=4 * HOUR)),
    Stale(name="stale", after=2 * HOUR),
)
CONFIG = configured(*RULES, accounts=[SPOT])


@dataclass
class Machine:
    """A machine whose wall clock is `ahead` of the true time, and a daemon on it that is started again and again."""

    store: Store
    true: datetime = NOW
    ahead: timedelta = timedelta(0)
    hosts: Hosts = field(default_factory=Hosts)
    told: list[str] = field(default_factory=list)
    watch: ClockWatch = field(init=False)

    def now(self) -> datetime:
        return self.true + self.ahead

    async def start(self, ahead: timedelta = timedelta(0)) -> None:
        """A new process; nobody has said what time it is."""
        self.ahead, self.hosts = ahead, Hosts()
        self.watch = ClockWatch(
            self.store, self.hosts, clock=self.now, monotonic=lambda: (self.true - NOW).total_seconds()
        )
        await self.watch.judge()

    async def step(self, ahead: timedelta) -> None:
        """Somebody sets the clock, under the daemon."""
        by, self.ahead = ahead - self.ahead, ahead
        self.watch.was_set(by)
        await self.watch.judge()

    async def poll(self, *, tells_time: bool = True, outcome: Outcome = Outcome.OK) -> list[str]:
        """A poll, and what the service's Date header says; what is told."""
        if tells_time:
            settings = NamiSettings(
                type="nami", base_url="http://h", api_key=SecretStr("k"), api_secret=SecretStr("s")
            )
            self.hosts.of(settings).clock_difference = -self.ahead
        await asyncio.gather(self.watch.fit(), self.watch.fit())  # polls come together
        at, total = self.now(), Decimal(5000)
        balances = (Balance(currency="USDT", total=total, available=total),) if outcome is Outcome.OK else ()
        result = PollResult(outcome=outcome, started_at=at, finished_at=at, attempts=1, balances=balances)
        recorded = await self.store.write(lambda tx: record(tx, SPOT, result, CONFIG))
        return [f"{event.kind} {event.alert.rule}" for event in recorded.events]

    async def run(self, *, polls: int = 3, every: timedelta = 3 * SECOND, tells_time: bool = True) -> None:
        """So many polls, with a look at the clock after each."""
        for _ in range(polls):
            self.true += every
            self.told += await self.poll(tells_time=tells_time)
            await self.watch.judge()

    def warnings(self) -> tuple[str, ...]:
        """Those of `status`, by this machine's clock."""
        return assemble(read(self.store.path), CONFIG, self.now()).warnings

    async def history(self) -> list[datetime]:
        """When its readings were made, by their own instants."""
        far = NOW + 4000 * DAY
        found = await self.store.write(
            lambda tx: tx.readings.history(SPOT.series("USDT"), far, NOW - 4000 * DAY, 1)
        )
        return [one.observed_at for one in found]


@pytest_asyncio.fixture
async def machine(tmp_path: Path) -> AsyncIterator[Machine]:
    store = Store(tmp_path / "store.db")
    yield Machine(store)
    await store.close()


OFF = [
    pytest.param(-30 * DAY, id="30-days-back"),
    pytest.param(-20 * HOUR, id="20-hours-back"),
    pytest.param(20 * HOUR, id="20-hours-ahead"),
    pytest.param(200 * DAY, id="200-days-ahead"),
]
TELLS = [pytest.param(True, id="services-tell-the-time"), pytest.param(False, id="no-service-does")]


@pytest.mark.parametrize("tells_time", TELLS)
@pytest.mark.parametrize("off", [one for one in OFF if one.id != "20-hours-ahead"])
async def test_one_start_by_a_wrong_clock_warns_and_may_not_prune(
    machine: Machine, off: timedelta, tells_time: bool, caplog: pytest.LogCaptureFixture
) -> None:
    """From its first look on, before any poll, and however long it runs on."""
    await machine.start()
    await machine.run()
    with caplog.at_level(logging.INFO):
        await machine.start(off)
    assert "clock in doubt, retention paused" in caplog.text
    assert any("the clock is in doubt" in one for one in machine.warnings())
    await machine.run(polls=4, every=5 * MINUTE, tells_time=tells_time)
    assert not machine.watch.may_prune()
    assert any("the clock is in doubt" in one for one in machine.warnings())


@pytest.mark.parametrize("tells_time", TELLS)
@pytest.mark.parametrize("off", OFF)
async def test_it_recovers_by_itself_once_the_clock_is_right(
    machine: Machine, off: timedelta, tells_time: bool
) -> None:
    """Whether somebody sets it under the daemon or before the next start; every reading by the right clock is there."""
    await machine.start()
    await machine.run()
    before = await machine.history()
    await machine.start(off)
    await machine.run(tells_time=tells_time)
    await machine.start()
    await machine.run(tells_time=True)
    kept = await machine.history()
    assert kept[:3] == before
    assert len([at for at in kept if NOW < at <= machine.now()]) == len(kept) >= 6
    machine.true += 11 * MINUTE
    await machine.watch.judge()
    assert machine.watch.may_prune()
    assert not any("in doubt" in one or "ahead of this machine" in one for one in machine.warnings())


async def test_a_step_under_the_daemon_and_back_changes_no_history(machine: Machine) -> None:
    """The clock is set 20 hours back, and forward again after some polls."""
    await machine.start()
    await machine.run()
    before = await machine.history()
    await machine.step(-20 * HOUR)
    await machine.run(tells_time=False)
    await machine.step(timedelta(0))
    await machine.run(tells_time=False)
    kept = await machine.history()
    assert (kept[:3], len(kept)) == (before, 6)
    [warning] = machine.warnings()
    assert warning.startswith("4 readings are set aside")


async def test_a_second_start_far_ahead_does_not_confirm_the_first(machine: Machine) -> None:
    """Where no service tells the time, the readings of one wrong start are no evidence for the next."""
    await machine.start()
    await machine.run()
    await machine.start(200 * DAY)
    await machine.run(tells_time=False)
    await machine.start(200 * DAY)
    await machine.run(polls=5, every=5 * MINUTE, tells_time=False)
    assert not machine.watch.may_prune()


async def test_a_day_of_readings_confirms_a_jump_that_no_service_does(machine: Machine) -> None:
    """The daemon was down for a month: it is not to grow for ever."""
    await machine.start()
    await machine.run(tells_time=False)
    machine.true += 30 * DAY
    await machine.start()
    await machine.run(polls=23, every=HOUR, tells_time=False)
    assert not machine.watch.may_prune()
    await machine.run(polls=2, every=HOUR, tells_time=False)
    assert machine.watch.may_prune()


async def test_a_service_confirms_a_jump_after_ten_minutes(machine: Machine) -> None:
    """So does it for the starts after that."""
    await machine.start()
    await machine.run()
    machine.true += 30 * DAY
    await machine.start()
    await machine.run(polls=5, every=MINUTE)
    assert not machine.watch.may_prune()
    await machine.run(polls=6, every=MINUTE)
    assert machine.watch.may_prune()
    await machine.start()
    await machine.run(polls=11, every=MINUTE, tells_time=False)
    assert machine.watch.may_prune()


async def test_a_clock_that_is_set_has_to_settle_again(machine: Machine) -> None:
    """Neither the ten minutes before nor what the services said then count."""
    await machine.start()
    await machine.run(polls=12, every=MINUTE)
    assert machine.watch.may_prune()
    await machine.step(30 * SECOND)
    await machine.run(polls=9, every=MINUTE)
    assert not machine.watch.may_prune()
    await machine.run(polls=2, every=MINUTE)
    assert machine.watch.may_prune()


async def test_an_end_leaves_no_doubt_behind(machine: Machine) -> None:
    """Nobody would settle it; what lies ahead is still said, by the clock of who looks."""
    await machine.start()
    await machine.run()
    await machine.start(-30 * DAY)
    await machine.watch.end()
    [ahead] = machine.warnings()
    assert ahead.startswith("there are readings up to 30d ahead of this machine's clock")
    machine.ahead = timedelta(0)
    assert machine.warnings() == ()


@pytest.mark.parametrize("off", OFF)
async def test_nothing_is_notified_because_a_clock_is_wrong(machine: Machine, off: timedelta) -> None:
    """The alert that fires goes on, its reminder comes when it is due; and a poll that fails makes nothing stale."""
    await machine.start()
    await machine.run()
    for ahead in (off, timedelta(0)):
        await machine.start(ahead)
        machine.true += SECOND
        machine.told += await machine.poll(outcome=Outcome.AUTH)
        await machine.run()
    assert machine.told == ["fired low"]
    machine.true = NOW + 4 * HOUR - MINUTE
    await machine.run(polls=4, every=30 * SECOND)
    assert machine.told == ["fired low", "reminder low"]


async def test_after_a_real_stop_of_a_day_a_reminder_is_due_at_once(machine: Machine) -> None:
    """The services' clocks say that the time has passed."""
    await machine.start()
    await machine.run()
    machine.true += 20 * HOUR
    await machine.start()
    await machine.run()
    assert machine.told == ["fired low", "reminder low"]


ONE_JOB = """
providers: {nami-main: {type: nami, base_url: "http://127.0.0.1:9", api_key: k, api_secret: s}}
jobs: [{name: nami-spot, provider: nami-main, every: 1m, wallet: spot}]
"""


@pytest.mark.parametrize(
    ("step", "kept"),
    [
        pytest.param(timedelta(0), 1, id="a-clock-that-runs-on"),
        pytest.param(200 * DAY, 2, id="set-just-before"),
    ],
)
async def test_retention_inspects_the_clock_first(tmp_path: Path, step: timedelta, kept: int) -> None:
    """What was found of it a few seconds ago does not count once it is set."""
    path = tmp_path / "config.yaml"
    path.write_text(ONE_JOB)
    store, hosts = Store(tmp_path / "balances.db"), Hosts()
    monitor = Monitor(*open_channels(config.load(path, {})), hosts)
    daemon = Running(
        monitor,
        store,
        hosts=hosts,
        environ={},
        redact=Redaction(),
        systemd=Systemd({}),
        metrics=Metrics(),
        stop=asyncio.Event(),
        reload=asyncio.Event(),
        on_recorded=lambda recorded: None,
    )
    seconds = iter([0.0, 3600.0, 3600.0, 3600.0])
    daemon._clock_watch = ClockWatch(store, hosts, clock=now, monotonic=lambda: next(seconds))
    for age in (1000 * DAY, HOUR):
        at, one = now() - age, Decimal(1)
        balances = (Balance(currency="USDT", total=one, available=one),)
        result = PollResult(outcome=Outcome.OK, started_at=at, finished_at=at, attempts=1, balances=balances)
        await store.write(partial(record, account=SPOT, result=result, config=CONFIG))
    await daemon._clock_watch.judge()
    assert daemon._clock_watch.may_prune()
    daemon._scheduler._offset -= step.total_seconds()  # as if somebody had set the clock forward by that
    await daemon._prune()
    found = await store.write(
        lambda tx: tx.readings.history(SPOT.series("USDT"), now(), now() - 4000 * DAY, 1)
    )
    assert len(found) == kept
    await monitor.close()
    await store.close()
