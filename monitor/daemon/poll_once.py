"""What a command does once: poll everything, poll without keeping anything, try the channels."""

import asyncio
import logging
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta

from monitor.alerting.changes import log_events
from monitor.alerting.clock_changes import AT_ONCE, fit_to_clock, settle_clock
from monitor.alerting.outbox import Outbox, divert_to_fallback, log_diverted
from monitor.alerting.recording import log_poll
from monitor.config import Config
from monitor.daemon.planning import next_after
from monitor.daemon.runtime import (
    MAX_WAIT,
    Hosts,
    Monitor,
    Polled,
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

DELIVERIES_MAY_TAKE = timedelta(seconds=20)
TEST_MAY_TAKE = timedelta(seconds=60)

Progress = Callable[[Account, PollResult], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Tried:
    """What came back from a channel's URL: an error, or None where it took the message."""

    target: Target
    error: str | None


async def poll(config: Config, job: str | None, progress: Progress) -> None:
    """Polls every account (of one job) once, with all that follows: readings kept, rules judged, people told.

    Raises StoreError, also where a daemon is at work on the store."""
    require_tls(config)
    config, notifiers = open_channels(config)  # what is refused is reported before anything is touched
    store = await asyncio.to_thread(Store, config.store.path)
    hosts = Hosts(SharedCalls(store.write))
    monitor = Monitor(config, notifiers, hosts)
    outbox = Outbox(store, config, clock=now, jitter=jitter, images=chart_images(config))
    try:
        started = now()
        if noticed := await store.write(lambda tx: fit_to_clock(tx, started)):
            log.warning("clock and store disagree", extra={"fields": {"noticed": noticed}})
        hosts.respect(await store.write(lambda tx: tx.hosts.pauses(started)))
        log_events(await store.write(lambda tx: accept(tx, config, started)))

        async def one(polled: Polled) -> None:
            result = await monitor.fetch(polled, _patience(config))
            overdue_at = monitor.overdue_at(
                polled, next_after(polled, result.finished_at), result.finished_at
            )
            recorded = await keep(store, result, polled.key, config, overdue_at)
            if recorded is not None:
                log_poll(recorded)
                log_events(recorded.events)
            progress(polled.account, result)

        await asyncio.gather(*(one(polled) for polled in _of(monitor, job)))
        ended = now()
        await store.write(lambda tx: settle_clock(tx, ended, hosts.clock_differences, AT_ONCE))
        log_diverted(await store.write(lambda tx: divert_to_fallback(tx, config, ended)))
        outbox.serve(config, notifiers)
        with suppress(TimeoutError):  # what was not delivered stays in the outbox, and `status` shows it
            async with asyncio.timeout(DELIVERIES_MAY_TAKE.total_seconds()):
                await outbox.drain()
    finally:
        await outbox.stop(timedelta(seconds=1))
        await monitor.close()
        await store.close()


async def check_live(config: Config, progress: Progress) -> None:
    """Polls every account once and keeps nothing but its calls and the pauses it was asked for.

    They hold for the daemon too, as the daemon's do here. A store that fails is not what is being checked."""
    write = beside(config.store.path)
    shared = config.store.path.exists()  # where it does not exist there is no daemon, and nothing is created
    hosts = Hosts(SharedCalls(write) if shared else None)
    require_tls(config)
    monitor = Monitor(*open_channels(config), hosts)
    with suppress(StoreError):
        hosts.respect(state.pauses(config.store.path))

    async def one(polled: Polled) -> None:
        result = await monitor.fetch(polled, _patience(config))
        if shared and (pause := result.pause):
            with suppress(StoreError):
                await write(lambda tx: tx.hosts.save_pause(pause))
        progress(polled.account, result)

    try:
        await asyncio.gather(*(one(polled) for polled in _of(monitor, None)))
    finally:
        await monitor.close()


def _patience(config: Config) -> timedelta:
    """How long a poll waits for its turn when all are asked for at once: as long as the limits want it."""
    accounts = sum(len(job.accounts) for job in config.jobs)
    limits = [settings.rate_limit for settings in config.providers.values() if settings.rate_limit]
    return MAX_WAIT + max((accounts / limit.calls * limit.per for limit in limits), default=timedelta(0))


async def try_channels(config: Config, channel: str | None) -> list[Tried]:
    """Sends a test message to every URL (of one channel) and says what came back."""
    chosen = [one for one in open_channels(config)[1] if channel in (None, one.target.channel)]
    return list(await asyncio.gather(*(_try(notifier) for notifier in chosen)))


async def _try(notifier: AppriseNotifier) -> Tried:
    message = test_message(notifier.target.channel, now())
    try:
        async with asyncio.timeout(TEST_MAY_TAKE.total_seconds()):
            await asyncio.to_thread(notifier.send, message, set())
    except DeliveryFailed as exc:
        return Tried(target=notifier.target, error=str(exc))
    except TimeoutError:
        return Tried(target=notifier.target, error=f"no answer within {TEST_MAY_TAKE.total_seconds():.0f} s")
    return Tried(target=notifier.target, error=None)


def _of(monitor: Monitor, job: str | None) -> list[Polled]:
    return [polled for polled in monitor.accounts.values() if job in (None, polled.job.name)]
