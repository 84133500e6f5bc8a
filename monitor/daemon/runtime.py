"""A configuration in use: its open channels, its connections, and the steps of a poll and of a reload."""

import asyncio
import random
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from monitor import __version__
from monitor.alerting.charts.images import ChartImages
from monitor.alerting.charts.process import Drawer
from monitor.alerting.reconcile import reconcile
from monitor.alerting.recording import Recorded, record
from monitor.config import Config
from monitor.domain.alerts import Event
from monitor.domain.model import Account, Pause, PollResult
from monitor.errors import ConfigError, Problem
from monitor.notify import channels
from monitor.notify.channels import AppriseNotifier
from monitor.providers.base import Settings
from monitor.providers.http import Client, tls_context
from monitor.providers.limits import CallLog, Host
from monitor.store.transaction import Transaction
from monitor.store.writer import Store

MAX_WAIT = timedelta(minutes=2)
"""How long a scheduled poll waits for its turn: long enough for a pause of a minute, too short for a ban."""
_OVERDUE_GRACE = timedelta(minutes=5)


def now() -> datetime:
    """Return the time of the wall clock, in UTC."""
    return datetime.now(UTC)


jitter = random.random  # spreads retries: not a secret


def require_tls(config: Config) -> None:
    """Raise ConfigError if the configuration needs TLS and the TLS files of the environment are unusable."""
    for settings in config.providers.values():
        tls_context(verify=settings.verify_tls)
    if config.heartbeat is not None:
        tls_context(verify=True)


class Hosts:
    """The providers' hosts with their limits and pauses. A reload keeps them.

    `log` shares their calls with other processes; None: there are none."""

    def __init__(self, log: CallLog | None = None) -> None:
        self._log = log
        self._hosts: dict[str, Host] = {}

    def of(self, settings: Settings) -> Host:
        """Return the host of a provider's URL: one object for all providers with this host."""
        return self._hosts.setdefault(settings.origin, Host(settings.origin, clock=now, log=self._log))

    def respect(self, pauses: Iterable[Pause]) -> None:
        """Obey the pauses that other processes have stored."""
        for pause in pauses:
            if host := self._hosts.get(pause.host):
                host.respect(pause)

    @property
    def clock_differences(self) -> tuple[timedelta, ...]:
        """Return by how much the hosts' clocks are ahead of this machine's, for the hosts where it is known."""
        known = (host.clock_difference for host in self._hosts.values())
        return tuple(one for one in known if one is not None)

    def forget_clocks(self) -> None:
        """Drop the clock differences: they were measured before this machine's clock was set."""
        for host in self._hosts.values():
            host.clock_difference = None


class Monitor:
    """A configuration with its open channels and its connections to the providers."""

    def __init__(self, config: Config, notifiers: Sequence[AppriseNotifier], hosts: Hosts) -> None:
        self.config = config
        self.notifiers = notifiers
        self._under_way = 0
        self._idle = asyncio.Event()
        self._apis = {job.name: job.api for job in config.jobs}
        self._clients = {
            name: Client(settings, hosts.of(settings), clock=now, jitter=jitter)
            for name, settings in config.providers.items()
        }

    async def fetch(self, account: Account, max_wait: timedelta) -> PollResult:
        """Poll an account once, and return the result. Nothing is recorded."""
        client, api = self._clients[account.provider], self._apis[account.job]
        self._under_way += 1
        try:
            return await client.poll(api, account, max_wait=max_wait)
        finally:
            self._under_way -= 1
            if not self._under_way:
                self._idle.set()

    @property
    def longest_span(self) -> timedelta:
        """Return the longest time for which a call counts towards a limit."""
        spans = [one.rate_limit.per + one.timeout for one in self.config.providers.values() if one.rate_limit]
        return max(spans, default=timedelta(0))

    def overdue_at(self, account: Account, due: datetime | None, at: datetime) -> datetime | None:
        """Return when a poll that is due at an instant becomes overdue: after its retries and a grace period."""
        if due is None:
            return None
        settings = self.config.providers[account.provider]
        own_time = settings.timeout * (settings.retries + 1) + MAX_WAIT
        return due + min(due - at, _OVERDUE_GRACE) + own_time

    async def retire(self) -> None:
        """Close every connection as soon as no poll uses it."""
        while self._under_way:
            self._idle.clear()
            await self._idle.wait()
        await self.close()

    async def close(self) -> None:
        """Close every connection."""
        for client in self._clients.values():
            await client.close()


async def keep(
    store: Store, result: PollResult, key: tuple[str, str], config: Config, overdue_at: datetime | None
) -> Recorded | None:
    """Record a poll and return what was recorded; None if a reload has removed the account.

    Raises StoreError."""
    account = config.accounts.get(key)
    if account is None:
        return None
    return await store.write(lambda tx: record(tx, account, result, config, overdue_at))


def accept(tx: Transaction, config: Config, at: datetime) -> tuple[Event, ...]:
    """Put a configuration in force: store it, adjust alerts and outbox to it, and return the events of that."""
    tx.configuration.accept(str(config.path), __version__, config.document, at)
    return reconcile(tx, config, at)


def open_channels(config: Config) -> tuple[Config, list[AppriseNotifier]]:
    """Return the configuration with its channels' recipients, and a notifier for each recipient.

    Raises ConfigError with one problem for each URL that apprise refuses: its place, never the URL itself."""
    opened, refused = channels.open_channels(
        {name: channel.urls for name, channel in config.channels.items()}
    )
    problems = []
    for name, index, why in refused:
        at = config.channels[name].places[index]
        problems.append(
            Problem(path=f"channels.{name}.urls[{index}]", reason=why, line=at.line, column=at.column)
        )
    if problems:
        raise ConfigError(str(config.path), tuple(problems))
    with_targets = {}
    for name, channel in config.channels.items():
        own = [notifier for notifier in opened if notifier.target.channel == name]
        former = [(former, one.target) for one in own for former in one.former if former != one.target]
        with_targets[name] = replace(
            channel,
            targets=tuple(one.target for one in own),
            takes_charts=frozenset(one.target for one in own if one.takes_images),
            former=tuple(former),
        )
    return replace(config, channels=with_targets), opened


def chart_images(config: Config) -> ChartImages:
    """Return the drawer of the charts in messages, which reads the configuration's store."""
    return ChartImages(Drawer(config.store.path), config, clock=now)
