"""What commands do once: poll everything, poll without storing readings, send test messages."""

import asyncio
import logging
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta

from monitor.alerting.changes import log_events
from monitor.alerting.clock_changes import MOVED_TOGETHER, fit_to_clock, resolve_clock
from monitor.alerting.outbox import Outbox, divert_to_fallback, log_diverted
from monitor.alerting.recording import log_poll
from monitor.config import Config
from monitor.daemon.planning import next_after
from monitor.daemon.runtime import (
    MAX_WAIT,
    Hosts,
    Monitor,
    accept,
    chart_images,
    jitter,
    keep,
    now,
    open_channels,
    require_tls,
)
from monitor.daemon.shared_calls import SharedCalls, beside
from monitor.domain.delivery import Target
from monitor.domain.messages import test_message
from monitor.domain.model import Account, PollResult
from monitor.errors import DeliveryFailed, StoreError
from monitor.notify.channels import AppriseNotifier
from monitor.store.read import state
from monitor.store.writer import Store

log = logging.getLogger(__name__)

DELIVERY_TIMEOUT = timedelta(seconds=20)
TEST_TIMEOUT = timedelta(seconds=60)

Progress = Callable[[Account, PollResult], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Tried:
    """The result of a test message to one URL: an error, or None if it was accepted."""

    target: Target
    error: str | None


async def poll(config: Config, job: str | None, progress: Progress) -> None:
    """Poll every account (of one job) once, store the readings, evaluate the rules and send notifications.

    Raises StoreError, also if a daemon uses the store."""
    require_tls(config)
    config, notifiers = open_channels(config)  # what is refused is reported before anything is touched
    store = await asyncio.to_thread(Store, config.store.path)
    hosts = Hosts(SharedCalls(store.write))
    monitor = Monitor(config, notifiers, hosts)
    outbox = Outbox(store, config, clock=now, jitter=jitter, images=chart_images(config))
    try:
        started = now()
        # before anything is evaluated: the clock may have been set since the last poll
        if noticed := await store.write(lambda tx: fit_to_clock(tx, started)):
            log.warning("clock and store disagree", extra={"fields": {"noticed": noticed}})
        hosts.respect(await store.write(lambda tx: tx.hosts.pauses(started)))
        log_events(await store.write(lambda tx: accept(tx, config, started)))

        async def one(account: Account) -> None:
            result = await monitor.fetch(account, _longest_wait(config))
            due = next_after(config.schedules[account.job], result.finished_at)
            overdue_at = monitor.overdue_at(account, due, result.finished_at)
            recorded = await keep(store, result, account.key, config, overdue_at)
            if recorded is not None:
                log_poll(recorded)
                log_events(recorded.events)
            progress(account, result)

        chosen = [account for account in config.accounts.values() if job in (None, account.job)]
        await asyncio.gather(*map(one, chosen))
        ended = now()
        await store.write(lambda tx: resolve_clock(tx, ended, hosts.clock_differences, MOVED_TOGETHER))
        log_diverted(await store.write(lambda tx: divert_to_fallback(tx, config, ended)))
        outbox.serve(config, notifiers)
        with suppress(TimeoutError):  # what is not delivered stays in the outbox, and `status` shows it
            async with asyncio.timeout(DELIVERY_TIMEOUT.total_seconds()):
                await outbox.drain()
    finally:
        await outbox.stop(timedelta(seconds=1))
        await monitor.close()
        await store.close()


async def check_live(config: Config, progress: Progress) -> None:
    """Poll every account once. Stores no readings, only the calls and the pauses that hosts ask for.

    These are shared with the daemon. Errors of the store are ignored: the configuration is checked, not the store."""
    write = beside(config.store.path)
    # without a store there is no daemon to share limits with, and none is created
    shared = config.store.path.exists()
    hosts = Hosts(SharedCalls(write) if shared else None)
    require_tls(config)
    monitor = Monitor(*open_channels(config), hosts)
    with suppress(StoreError):
        hosts.respect(state.pauses(config.store.path))

    async def one(account: Account) -> None:
        result = await monitor.fetch(account, _longest_wait(config))
        if shared and (pause := result.pause):
            with suppress(StoreError):
                await write(lambda tx: tx.hosts.save_pause(pause))
        progress(account, result)

    try:
        await asyncio.gather(*map(one, config.accounts.values()))
    finally:
        await monitor.close()


def _longest_wait(config: Config) -> timedelta:
    """Return how long a poll may wait for its turn when all accounts are polled at once under their call limits."""
    limits = [settings.rate_limit for settings in config.providers.values() if settings.rate_limit]
    return MAX_WAIT + max(
        (len(config.accounts) / limit.calls * limit.per for limit in limits), default=timedelta(0)
    )


async def try_channels(config: Config, channel: str | None) -> list[Tried]:
    """Send a test message to every URL (of one channel), and return the results."""
    chosen = [one for one in open_channels(config)[1] if channel in (None, one.target.channel)]
    return list(await asyncio.gather(*(_try(notifier) for notifier in chosen)))


async def _try(notifier: AppriseNotifier) -> Tried:
    message = test_message(notifier.target.channel, now())
    try:
        async with asyncio.timeout(TEST_TIMEOUT.total_seconds()):
            await asyncio.to_thread(notifier.send, message, set())
    except DeliveryFailed as exc:
        return Tried(target=notifier.target, error=str(exc))
    except TimeoutError:
        return Tried(target=notifier.target, error=f"no response within {TEST_TIMEOUT.total_seconds():.0f} s")
    return Tried(target=notifier.target, error=None)
