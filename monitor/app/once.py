"""What a command does once: poll everything, poll without keeping anything, try the channels."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta

from monitor.app.build import Hosts, Monitor, Polled, jitter, keep, notifiers, now
from monitor.app.planning import next_after
from monitor.config import Config
from monitor.domain.delivery import Target
from monitor.domain.messages import test_message
from monitor.domain.model import Account, PollResult
from monitor.errors import DeliveryFailed
from monitor.notify import AppriseNotifier
from monitor.outbox import Outbox
from monitor.poll import log_events, log_poll, reconcile
from monitor.store.store import Store

PATIENCE = timedelta(minutes=15)
"""How long a poll waits for its turn when somebody asks for all of them at once; a longer pause fails it now."""
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
    async with _monitor(config) as (monitor, hosts):
        store = await asyncio.to_thread(Store, config.store.path)
        outbox = Outbox(store, clock=now, jitter=jitter)
        try:
            await monitor.recall(store, hosts)
            started = now()
            log_events(await store.write(lambda tx: reconcile(tx, monitor.watch, started)))

            async def one(polled: Polled) -> None:
                result = await monitor.fetch(polled, PATIENCE)
                due = next_after(polled, result.finished_at)
                overdue_at = monitor.overdue_at(polled, due, result.finished_at)
                recorded = await keep(store, result, polled.key, monitor.watch, overdue_at)
                if recorded is not None:
                    log_poll(recorded)
                    log_events(recorded.told)
                progress(polled.account, result)

            await asyncio.gather(*(one(polled) for polled in _of(monitor, job)))
            outbox.serve(monitor.notifiers)
            try:
                async with asyncio.timeout(DELIVERIES_MAY_TAKE.total_seconds()):
                    await outbox.drain()
            except TimeoutError:
                pass  # what was not delivered stays in the outbox, and `status` shows it
        finally:
            await outbox.stop(timedelta(seconds=1))
            await store.close()


async def check_live(config: Config, progress: Progress) -> None:
    """Polls every account once and keeps nothing."""
    async with _monitor(config) as (monitor, _):

        async def one(polled: Polled) -> None:
            progress(polled.account, await monitor.fetch(polled, PATIENCE))

        await asyncio.gather(*(one(polled) for polled in _of(monitor, None)))


async def try_channels(config: Config, channel: str | None) -> list[Tried]:
    """Sends a test message to every URL (of one channel) and says what came back."""
    chosen = [one for one in notifiers(config) if channel in (None, one.target.channel)]
    return list(await asyncio.gather(*(_try(notifier) for notifier in chosen)))


async def _try(notifier: AppriseNotifier) -> Tried:
    message = test_message(notifier.target.channel, now())
    try:
        async with asyncio.timeout(TEST_MAY_TAKE.total_seconds()):
            await asyncio.to_thread(notifier.send, message)
    except DeliveryFailed as exc:
        return Tried(target=notifier.target, error=str(exc))
    except TimeoutError:
        return Tried(target=notifier.target, error=f"no answer within {TEST_MAY_TAKE.total_seconds():.0f} s")
    return Tried(target=notifier.target, error=None)


@asynccontextmanager
async def _monitor(config: Config) -> AsyncIterator[tuple[Monitor, Hosts]]:
    hosts = Hosts()
    monitor = Monitor(config, hosts)
    try:
        yield monitor, hosts
    finally:
        await monitor.close()


def _of(monitor: Monitor, job: str | None) -> list[Polled]:
    return [polled for polled in monitor.accounts.values() if job in (None, polled.job.name)]
