"""All that the approval tests touch of the package's internals: a restructuring changes this file and no other here.

What goes in and comes out is text: a configuration's path, balances, commands, URLs; exit codes, output, messages."""

import asyncio
import io
import sys
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import httpx
import pydantic.v1
from freezegun import freeze_time
from freezegun.api import FrozenDateTimeFactory

from monitor.alerting.between_polls import check_time_based
from monitor.alerting.outbox import divert_to_fallback, message_of
from monitor.alerting.recording import record
from monitor.alerting.summaries import Summaries
from monitor.cli.main import COMMANDS, execute, load_command
from monitor.config import load
from monitor.daemon.metrics import Metrics
from monitor.daemon.runtime import Hosts, Monitor, accept, open_channels
from monitor.domain.alerts import Event
from monitor.domain.delivery import Rest, Target, given_up, plan, rest_of, retry_at
from monitor.domain.messages import Message, test_message
from monitor.domain.model import Balance, PollResult
from monitor.errors import Outcome
from monitor.store.transaction import Transaction
from monitor.store.writer import Store
from monitor.web.application import application
from monitor.web.auth import Access
from monitor.web.queries import Site
from monitor.web.view import Live

_LOADED = (pydantic.v1, *(load_command(name) for name in COMMANDS))
"""Commands, and what FastAPI imports when it runs: they have to be there before the clock is frozen."""

_TAKES = timedelta(milliseconds=250)  # a poll


@contextmanager
def frozen(at: datetime) -> Iterator[FrozenDateTimeFactory]:
    """The whole program's clock, stopped."""
    with freeze_time(at, real_asyncio=True, ignore=["_pytest"]) as clock:
        assert isinstance(clock, FrozenDateTimeFactory)
        yield clock


# The command line


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """A command that has ended."""

    code: int
    out: str
    err: str


def run(arguments: Sequence[str]) -> Ended:
    """Run a command in this process."""
    out, err = (io.TextIOWrapper(io.BytesIO(), encoding="utf-8", write_through=True) for _ in range(2))
    before = sys.stdout, sys.stderr
    sys.stdout, sys.stderr = out, err
    try:
        code = execute(list(arguments))
    except SystemExit as exc:
        code = int(exc.code or 0)
    finally:
        sys.stdout, sys.stderr = before
    return Ended(code=code, out=_written(out), err=_written(err))


def _written(stream: io.TextIOWrapper) -> str:
    stream.flush()
    assert isinstance(stream.buffer, io.BytesIO)
    return stream.buffer.getvalue().decode()


def commands() -> list[tuple[str, ...]]:
    """Every command's name, in parts where it belongs to a group."""
    loaded = [found for name in COMMANDS for found in _commands(load_command(name), (name,))]
    return sorted([(), *loaded])


def _commands(command: object, path: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    yield path
    for name, one in getattr(command, "commands", {}).items():
        yield from _commands(one, (*path, name))


# The daemon, one step after another


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """A message as one channel got it, and the events in it."""

    at: datetime
    channel: str
    covers: tuple[str, ...]
    title: str
    plain: str
    markdown: str
    html: str
    type: str


@dataclass(slots=True)
class Daemon:
    """The daemon's use cases over a real store, driven from outside. `trouble`: what a channel answers, if not yes: an
    error, or for how many seconds it wants no messages."""

    store: Store
    monitor: Monitor
    summaries: Summaries
    metrics: Metrics
    started: datetime
    sent: list[Sent] = field(default_factory=list)
    events: list[str] = field(default_factory=list)
    trouble: dict[str, str | int] = field(default_factory=dict)
    _polled: set[tuple[str, str]] = field(default_factory=set)

    @classmethod
    async def start(cls, config: Path, now: datetime) -> "Daemon":
        """Start it with a configuration."""
        monitor = _monitor(config)
        store = Store(monitor.config.store.path)
        self = cls(store, monitor, Summaries(store), Metrics(), now)
        self.metrics.started(now)
        await self._accept(now)
        return self

    async def reload(self, config: Path, now: datetime) -> None:
        """Take another configuration."""
        await self.monitor.close()
        self.monitor = _monitor(config)
        self.metrics.reloaded(now)
        await self._accept(now)

    async def _accept(self, now: datetime) -> None:
        monitor = self.monitor
        self.summaries.reconfigure(monitor.config.summary, now)
        self.metrics.expect(monitor.config.accounts.values(), monitor.config.channels)
        self._tell(await self.store.write(lambda tx: accept(tx, monitor.config, now)), now)

    async def minute(self, reads: Mapping[str, Mapping[str, tuple[str, str]] | str], now: datetime) -> None:
        """Poll accounts (job/account): total and available by currency, or the kind of failure. Then do what is due by
        time alone, and deliver. All in one transaction: a sync of the disk takes longer than the rest of it."""
        await self.summaries.make_if_due(self.monitor.config, now)
        self._tell(await self.store.write(lambda tx: self._do_all(tx, reads, now)), now)

    def _do_all(
        self, tx: Transaction, reads: Mapping[str, Mapping[str, tuple[str, str]] | str], now: datetime
    ) -> list[Event]:
        told: list[Event] = []
        for name, read in reads.items():
            job, _, wallet = name.partition("/")
            if (account := self.monitor.config.accounts.get((job, wallet))) is not None:
                result, overdue_at = _result(read, now), now + timedelta(minutes=10)
                told += record(tx, account, result, self.monitor.config, overdue_at).events
                self._polled.add(account.key)
                self.metrics.polled(account, result)
        told += check_time_based(tx, self.monitor.config, now, self._polled)
        divert_to_fallback(tx, self.monitor.config, now)
        for notifier in self.monitor.notifiers:
            self._deliver(tx, notifier.target, now)
        return told

    def _deliver(self, tx: Transaction, target: Target, now: datetime) -> None:
        while True:
            rest = tx.outbox.rest(target.url_id)
            if rest is not None and rest.until > now:
                return
            due = tx.outbox.waiting(target, now, self.monitor.config.channels[target.channel].quiet_hours).due
            if not due:
                return
            delivery = plan(due)
            message = message_of(self.monitor.config, target, delivery)
            ids = [one.id for one in delivery.covers]
            trouble = self.trouble.get(target.channel)
            if trouble is None:
                tx.outbox.complete(ids, delivered=True, at=now)
                tx.outbox.hasten(target, now)
                tx.outbox.end_rest(target.url_id)
                covers = tuple(f"{one.report.kind} {one.report.rule}" for one in delivery.covers)
                self.sent.append(_sent(now, target.channel, covers, message))
            elif isinstance(trouble, int):
                refusals = 1 if rest is None else rest.refusals + 1
                until = now + rest_of(timedelta(seconds=trouble), refusals, 0.0)
                tx.outbox.reschedule(ids, at=now, until=until, error="HTTP 429")
                tx.outbox.save_rest(target.url_id, Rest(began_at=now, until=until, refusals=refusals))
            else:
                over = [one.id for one in given_up(delivery.covers, now)]
                tx.outbox.complete(over, delivered=False, at=now, error=trouble)
                left = [one for one in ids if one not in over]
                tx.outbox.reschedule(
                    left, at=now, until=retry_at(delivery.attempts + 1, now, 0.0), error=trouble
                )
            self.metrics.tried(target.channel, _TAKES, None if trouble is None else str(trouble))

    def _tell(self, events: Collection[Event], now: datetime) -> None:
        for event in events:
            alert = event.alert
            what = f"{event.kind:<10}{alert.severity.word:<9}{alert.rule} {alert.subject}: {event.reason}"
            self.events.append(f"{now:%H:%M} {what}")
        self.metrics.notified(events)

    async def stop(self) -> None:
        """Stop it."""
        await self.monitor.close()
        await self.store.close()

    def site(self, now: datetime, *, unready: str = "", hang: str = "", trouble: str = "") -> Site:
        """What its status page shows at an instant."""
        shown = self.monitor.config
        next_polls = {
            f"{job}/{name}": now + timedelta(minutes=1) for job, name in self.monitor.config.accounts
        }
        return Site(
            config=lambda: shown,
            live=lambda: Live(started_at=self.started, next_polls=next_polls, unready=unready),
            liveness_problem=lambda: hang,
            readiness_problem=lambda: trouble,
            clock=lambda: now,
            metrics=self.metrics,
        )


def test_notification(channel: str, now: datetime) -> Sent:
    """What `notify` sends."""
    return _sent(now, channel, ("test",), test_message(channel, now))


def _sent(at: datetime, channel: str, covers: tuple[str, ...], message: Message) -> Sent:
    return Sent(
        at=at,
        channel=channel,
        covers=covers,
        title=message.title,
        plain=message.plain,
        markdown=message.markdown,
        html=message.html,
        type=str(message.type),
    )


def _monitor(config: Path) -> Monitor:
    return Monitor(*open_channels(load(config, {})), Hosts())


def _result(read: Mapping[str, tuple[str, str]] | str, now: datetime) -> PollResult:
    began = now - _TAKES
    if isinstance(read, str):
        return PollResult(
            outcome=Outcome(read),
            started_at=began,
            finished_at=now,
            attempts=3,
            detail=f"what {read} looks like",
            took=_TAKES,
        )
    balances = tuple(
        Balance(
            currency=currency,
            total=Decimal(total),
            available=Decimal(available),
            locked=Decimal(total) - Decimal(available),
            updated_at=datetime(2026, 2, 1, 14, tzinfo=UTC),
        )
        for currency, (total, available) in read.items()
    )
    return PollResult(
        outcome=Outcome.OK, started_at=began, finished_at=now, attempts=1, balances=balances, took=_TAKES
    )


# The web


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered:
    """What came back for a URL."""

    status: int
    media_type: str
    text: str


def ask(site: Site, urls: Iterable[str]) -> dict[str, Answered]:
    """GET each of these, in this process."""
    return asyncio.run(_ask(site, urls))


async def _ask(site: Site, urls: Iterable[str]) -> dict[str, Answered]:
    transport = httpx.ASGITransport(application(site, Access()))
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:8787") as client:
        got = {url: await client.get(url) for url in urls}
    return {
        url: Answered(
            status=one.status_code, media_type=one.headers.get("content-type", ""), text=one.content.decode()
        )
        for url, one in got.items()
    }
