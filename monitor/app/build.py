"""One configuration, built: what polls, what judges, what tells."""

import asyncio
import random
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial

from monitor.config import Config, Job
from monitor.domain.delivery import Target
from monitor.domain.model import Account, PollResult
from monitor.errors import ConfigError, Problem
from monitor.notify import AppriseNotifier, open_channels
from monitor.poll import Recorded, Watch, record
from monitor.providers.base import Settings
from monitor.providers.http import Client
from monitor.providers.limits import CONCURRENCY, Host
from monitor.store.store import Store
from monitor.store.transaction import Transaction

MAX_WAIT = timedelta(minutes=2)
"""How long a scheduled poll waits for its turn: through a minute's pause, but not through a ban."""
_OVERDUE_GRACE = timedelta(minutes=5)


def now() -> datetime:
    """The wall clock, in UTC. It is read nowhere else, but by APScheduler and the records of the log."""
    return datetime.now(UTC)


jitter = random.random  # spreads retries: not a secret


class Hosts:
    """The hosts that are asked, with their limits and pauses; they outlive a reload."""

    def __init__(self) -> None:
        self._hosts: dict[str, Host] = {}

    def of(self, settings: Settings) -> Host:
        """The host that a provider's URL leads to: the same for every provider that goes there."""
        return self._hosts.setdefault(settings.origin, Host(settings.origin, clock=now))


@dataclass(frozen=True, slots=True)
class Polled:
    """An account with the job it belongs to."""

    job: Job
    account: Account

    @property
    def key(self) -> tuple[str, str]:
        """The account's."""
        return self.account.key


class Monitor:
    """What one configuration comes to. Raises ConfigError for a channel's URL that apprise refuses."""

    def __init__(self, config: Config, hosts: Hosts) -> None:
        self.config = config
        self._under_way = 0
        self._idle = asyncio.Event()
        self.notifiers = notifiers(config)
        self.accounts = {account.key: Polled(job, account) for job in config.jobs for account in job.accounts}
        self.watch = Watch(
            rules=config.rules,
            accounts={key: polled.account for key, polled in self.accounts.items()},
            targets=_targets(config, self.notifiers),
        )
        self._clients = {
            name: Client(settings, hosts.of(settings), clock=now, jitter=jitter)
            for name, settings in config.providers.items()
        }

    async def fetch(self, polled: Polled, max_wait: timedelta) -> PollResult:
        """One poll, without consequences."""
        client = self._clients[polled.account.provider]
        self._under_way += 1
        try:
            return await client.poll(polled.job.api, polled.account, max_wait=max_wait)
        finally:
            self._under_way -= 1
            if not self._under_way:
                self._idle.set()

    async def recall(self, store: Store, hosts: Hosts) -> None:
        """Takes up the pauses and recent calls that an earlier process left: limits hold across a restart.

        Every call to a limited host counts, also those of a provider that has no limit of its own."""
        started = now()
        pauses = {pause.host: pause for pause in await store.write(lambda tx: tx.pauses(started))}
        limits = [
            (one.origin, one.rate_limit.per) for one in self.config.providers.values() if one.rate_limit
        ]
        for name, settings in self.config.providers.items():
            host = hosts.of(settings)
            if pause := pauses.get(host.name):
                host.pause(pause.until, pause.outcome, pause.detail)
            if span := max((per for origin, per in limits if origin == host.name), default=None):
                since = started - span - settings.timeout
                calls = await store.write(partial(Transaction.recent_calls, provider=name, since=since))
                # a kill leaves no record of the calls under way, of which an account has one at most
                under_way = min(CONCURRENCY, len(self.watch.on_provider(name))) if calls else 0
                host.preload([*calls, *[started] * under_way])

    def overdue_at(self, polled: Polled, due: datetime | None, at: datetime) -> datetime | None:
        """From when on the poll that is due next counts as overdue: with time for its retries, and some grace."""
        if due is None:
            return None
        settings = self.config.providers[polled.account.provider]
        own_time = settings.timeout * (settings.retries + 1) + MAX_WAIT
        return due + min(due - at, _OVERDUE_GRACE) + own_time

    async def retire(self) -> None:
        """Closes every connection once the last poll over it is through."""
        while self._under_way:
            self._idle.clear()
            await self._idle.wait()
        await self.close()

    async def close(self) -> None:
        """Closes every connection."""
        for client in self._clients.values():
            await client.close()


async def keep(
    store: Store, result: PollResult, key: tuple[str, str], watch: Watch, overdue_at: datetime | None
) -> Recorded | None:
    """Commits a poll with all that follows from it; None where a reload took the account away meanwhile."""
    account = watch.accounts.get(key)
    if account is None:
        return None
    return await store.write(lambda tx: record(tx, account, result, watch, overdue_at))


def notifiers(config: Config) -> list[AppriseNotifier]:
    """A notifier per URL. Raises ConfigError naming every URL that apprise refuses, but not the URL."""
    urls = {name: channel.urls for name, channel in config.channels.items()}
    opened, refused = open_channels(urls)
    if refused:
        raise ConfigError(str(config.path), tuple(_refused(config, *one) for one in refused))
    return opened


def _refused(config: Config, channel: str, index: int, why: str) -> Problem:
    at = config.channels[channel].places[index]
    return Problem(path=f"channels.{channel}.urls[{index}]", reason=why, line=at.line, column=at.column)


def _targets(config: Config, opened: list[AppriseNotifier]) -> Mapping[str, tuple[Target, ...]]:
    return {
        name: tuple(notifier.target for notifier in opened if notifier.target.channel == name)
        for name in config.channels
    }
