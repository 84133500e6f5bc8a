"""The use case: deliver what is due and record each attempt. A task per URL, so that a slow one delays no other."""

import asyncio
import logging
import threading
from collections import Counter
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from monitor.alerting.charts.images import AHEAD, LOOK_EVERY, ChartImages
from monitor.config import Channel, Config
from monitor.domain.delivery import SLOW, Delivery, Rest, Target, given_up, plan, rest_of, retry_at
from monitor.domain.messages import Message
from monitor.domain.time import moment
from monitor.domain.windows import QuietHours
from monitor.errors import DeliveryFailed, StoreError, Throttled
from monitor.notify.channels import Notifier
from monitor.notify.templates import render
from monitor.store.outbox import Waiting
from monitor.store.transaction import Transaction
from monitor.store.writer import Store

log = logging.getLogger(__name__)

_STORE_RETRY = 2.0  # seconds
_PAUSE, _LONGEST_PAUSE = 5, 1.0  # times the duration of a search, for each URL; seconds


@dataclass(frozen=True, slots=True, kw_only=True)
class Diverted:
    """A diversion to a channel's fallback: the number of notifications, and since when (UTC) the channel fails."""

    channel: Channel
    count: int
    since: datetime


def divert_to_fallback(tx: Transaction, config: Config, now: datetime) -> list[Diverted]:
    """Divert notifications of channels that have failed for `fallback_after` to their fallbacks; return which."""
    done = []
    for channel in config.channels.values():
        since = None if channel.fallback is None else tx.outbox.failing_since(channel.name)
        if channel.fallback is None or since is None:
            continue
        before, targets = now - channel.fallback_after, config.targets[channel.fallback]
        quiet = channel.quiet_hours is not None and channel.quiet_hours.until(now) is not None
        if count := tx.outbox.divert_to_fallback(channel.name, targets, before, now, quiet=quiet):
            done.append(Diverted(channel=channel, count=count, since=since))
    return done


def log_diverted(done: Iterable[Diverted]) -> None:
    """Log which channels are down, and which channel takes over."""
    for one in done:
        fields = {"channel": one.channel.name, "since": moment(one.since), "fallback": one.channel.fallback}
        log.warning("channel down, using its fallback", extra={"fields": fields | {"count": one.count}})


def message_of(config: Config, target: Target, delivery: Delivery) -> Message:
    """Return a delivery as the message for a target, by the templates of the configuration."""
    rule, channel = config.rule(delivery.items[0].last.rule), config.channels.get(target.channel)
    return render(
        delivery.items,
        delivery.instead_of,
        rule=None if rule is None else rule.presentation,
        channel=None if channel is None else channel.message,
        links=config.links,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Rest:
    """The pause of a recipient whose service throttles: its end by the loop's clock, and the refusals in a row."""

    until: float
    refusals: int


class Outbox:
    """Delivers the notifications in the store, in order within an incident and a URL, until it is stopped.

    `on_attempt` is called with the channel, the duration and the error (None: delivered) after each attempt, and each
    time a hanging attempt counts as failed. `on_given_up` is called with the channel and the number of notifications
    that will not be tried again. `images` draws the charts of messages; None: messages have none."""

    def __init__(
        self,
        store: Store,
        config: Config,
        *,
        clock: Callable[[], datetime],
        jitter: Callable[[], float],
        on_attempt: Callable[[str, timedelta, str | None], None] = lambda channel, took, error: None,
        on_given_up: Callable[[str, int], None] = lambda channel, count: None,
        images: ChartImages | None = None,
    ) -> None:
        self._store = store
        self._config = config
        self._clock = clock
        self._jitter = jitter
        self._on_attempt = on_attempt
        self._on_given_up = on_given_up
        self._images = images
        self._notifiers: dict[Target, Notifier] = {}
        self._workers: dict[Target, asyncio.Task[None]] = {}
        self._turns: dict[str, asyncio.Lock] = {}  # of each recipient, by whichever channel
        self._news: dict[Target, asyncio.Event] = {}
        self._began: dict[Target, datetime] = {}
        self._rests: dict[str, _Rest] = {}  # of each recipient
        self._failures: Counter[Target] = Counter()  # of a URL, since it took something last
        self._stopping = False
        self._draining = False
        self._unrecorded = False

    def serve(self, config: Config, notifiers: Iterable[Notifier]) -> None:
        """Deliver by this configuration from now on, at the start and after a reload. `notifiers` are its channels'.

        The task of a removed URL ends after its current attempt."""
        self._config = config
        if self._images is not None:
            self._images.reconfigure(config)
        self._notifiers = {notifier.target: notifier for notifier in notifiers}
        for target in self._notifiers.keys() - self._workers.keys():
            self._news[target] = asyncio.Event()
            self._workers[target] = asyncio.create_task(self._work(target), name=f"deliver {target}")
        self.wake()

    def wake(self) -> None:
        """Let every URL's task check the store for new notifications."""
        for news in self._news.values():
            news.set()

    @property
    def hanging_since(self) -> datetime | None:
        """Return when (UTC) the oldest attempt in progress began; None without one."""
        return min(self._began.values(), default=None)

    def resting_channels(self, within: timedelta) -> set[str]:
        """Return the channels with a URL that rests, or did `within` a span: what is due there waits for that."""
        since = asyncio.get_running_loop().time() - within.total_seconds()
        resting = {url_id for url_id, rest in self._rests.items() if rest.until > since}
        return {target.channel for target in self._notifiers if target.url_id in resting}

    async def stop(self, within: timedelta) -> None:
        """Start nothing new, and wait for attempts in progress. Unfinished ones are repeated after the next start."""
        self._stopping = True
        self.wake()
        if self._images is not None:
            await self._images.stop()
        workers = list(self._workers.values())
        if workers:
            _, slow = await asyncio.wait(workers, timeout=within.total_seconds())
            for worker in slow:
                worker.cancel()
            await asyncio.gather(*slow, return_exceptions=True)

    async def drain(self) -> None:
        """Deliver until nothing is due any more. Failed notifications wait for their next attempt."""
        self._draining = True
        self.wake()
        for target in list(self._notifiers):
            while not self._rest_left(target) and (await self._waiting(target)).due:
                await asyncio.sleep(0.05)

    async def _work(self, target: Target) -> None:
        news, turn = self._news[target], self._turns.setdefault(target.url_id, asyncio.Lock())
        await self._resume_rest(target)
        while target in self._notifiers and not self._stopping:
            news.clear()
            began = asyncio.get_running_loop().time()
            if left := self._rest_left(target):
                await self._sleep(news, self._clock() + left)
                continue
            try:
                # a recipient whose channel was renamed meanwhile may be getting a message under its former name
                async with turn:
                    waiting = await self._waiting(target)
                    if waiting.due and target in self._notifiers and not self._stopping:
                        await self._attempt(self._notifiers[target], plan(waiting.due))
                        continue
            except StoreError as exc:
                self._store_failed(exc)
                waiting = Waiting((), self._clock() + timedelta(seconds=_STORE_RETRY))
            except Exception:  # a defect must not end the deliveries to this URL unnoticed
                log.exception("unexpected error in a delivery")
                waiting = Waiting((), self._clock() + SLOW)
            await self._pause(asyncio.get_running_loop().time() - began)
            await self._sleep(news, await self._look_ahead(target, waiting.next_at))
        del self._workers[target], self._news[target]

    async def _pause(self, took: float) -> None:
        """Wait in proportion to the last search: with thousands of waiting incidents, each new one causes a search."""
        pause = min(took * _PAUSE * len(self._workers), _LONGEST_PAUSE)
        if not (self._stopping or self._draining):
            await asyncio.sleep(pause)

    async def _resume_rest(self, target: Target) -> None:
        """Resume a rest that began before a restart."""
        with suppress(StoreError):  # then the service refuses one more message
            rest = await self._store.write(lambda tx: tx.outbox.rest(target.url_id))
            if rest is not None and target.url_id not in self._rests:
                until = asyncio.get_running_loop().time() + rest.left(self._clock()).total_seconds()
                self._rests[target.url_id] = _Rest(until=until, refusals=rest.refusals)

    def _rest_left(self, target: Target) -> timedelta:
        """Return how much longer a URL rests; zero if it does not."""
        rest = self._rests.get(target.url_id)
        left = rest.until - asyncio.get_running_loop().time() if rest else 0.0
        return timedelta(seconds=max(left, 0.0))

    def _quiet_hours(self, target: Target) -> QuietHours | None:
        channel = self._config.channels.get(target.channel)  # None: a reload has just removed it
        return None if channel is None else channel.quiet_hours

    async def _waiting(self, target: Target) -> Waiting:
        now, quiet = self._clock(), self._quiet_hours(target)
        draining = self._draining
        return await self._store.write(
            lambda tx: tx.outbox.waiting(target, now, quiet, wait_for_group=not draining)
        )

    async def _look_ahead(self, target: Target, next_at: datetime | None) -> datetime | None:
        """Start drawing the charts of what is due soon, and return when to check again."""
        images, quiet = self._images, self._quiet_hours(target)
        if next_at is None or images is None or not images.may_carry(target):
            return next_at
        if next_at - self._clock() > AHEAD:
            return next_at - AHEAD
        if not images.should_look_ahead(target):
            return min(next_at, self._clock() + LOOK_EVERY)
        with suppress(StoreError):  # then they are drawn when it is due
            if due := (await self._store.write(lambda tx: tx.outbox.waiting(target, next_at, quiet))).due:
                images.begin(target, plan(due))
        return next_at

    async def _sleep(self, news: asyncio.Event, until: datetime | None) -> None:
        seconds = None if until is None else max((until - self._clock()).total_seconds(), 0.05)
        try:
            async with asyncio.timeout(seconds):
                await news.wait()
        except TimeoutError:
            pass

    async def _attempt(self, notifier: Notifier, delivery: Delivery) -> None:
        message = message_of(self._config, notifier.target, delivery)
        if self._images is not None:
            message = replace(message, images=await self._images.of(notifier.target, delivery))
        parts = set(delivery.taken)
        sending, began = _in_thread(notifier, message, parts), asyncio.get_running_loop().time()
        self._began[notifier.target] = self._clock()
        while not (await asyncio.wait({sending}, timeout=SLOW.total_seconds()))[0]:
            timed_out = DeliveryFailed(f"no response within {SLOW.total_seconds():.0f} s")
            await self._after_attempt(notifier.target, delivery, began, timed_out, parts)
        del self._began[notifier.target]
        if self._images is not None:
            carried, taken = bool(message.images), sending.result() is None
            self._images.note(notifier.target, delivery, carried=carried, taken=taken)
        await self._after_attempt(notifier.target, delivery, began, sending.result(), parts)

    async def _after_attempt(
        self, target: Target, delivery: Delivery, began: float, error: DeliveryFailed | None, parts: set[str]
    ) -> None:
        took = timedelta(seconds=asyncio.get_running_loop().time() - began)
        self._on_attempt(target.channel, took, None if error is None else str(error))
        if error is None:
            del self._failures[target]
            await self._delivered(target, delivery)
            return
        self._failures[target] += 1
        if isinstance(error, Throttled):
            before = self._rests.get(target.url_id)
            refusals = 1 if before is None else before.refusals + 1
            lasts = rest_of(error.retry_after, refusals, self._jitter())
            now = self._clock()
            rest = Rest(began_at=now, until=now + lasts, refusals=refusals)
            await self._failed(target, delivery, str(error), parts, rest)
            # set after the record: when the rest is over, the refused notification is due again, as the first
            until = asyncio.get_running_loop().time() + lasts.total_seconds()
            self._rests[target.url_id] = _Rest(until=until, refusals=refusals)
        else:
            await self._failed(target, delivery, str(error), parts)

    async def _delivered(self, target: Target, delivery: Delivery) -> None:
        ids, now = [covered.id for covered in delivery.covers], self._clock()
        rest = self._rests.get(target.url_id)
        if rest is not None:
            self._rests[target.url_id] = replace(rest, refusals=0)

        def record(tx: Transaction) -> None:
            tx.outbox.complete(ids, delivered=True, at=now)
            tx.outbox.hasten(target, now)
            if rest is not None and rest.refusals:
                tx.outbox.end_rest(target.url_id)

        await self._record(record)
        if delivery.attempts:
            log.info("notification delivered after retries", extra={"fields": _fields(target, delivery)})

    async def _failed(
        self, target: Target, delivery: Delivery, error: str, parts: set[str], rest: Rest | None = None
    ) -> None:
        now = self._clock() if rest is None else rest.began_at
        fields = {**_fields(target, delivery), "error": error}
        over = [one.id for one in given_up(delivery.covers, now)]
        ids = [one.id for one in delivery.covers if one.id not in set(over)]
        if over:
            log.error("notification dropped", extra={"fields": {**fields, "count": len(over)}})
            await self._record(lambda tx: tx.outbox.complete(over, delivered=False, at=now, error=error))
            self._on_given_up(target.channel, len(over))
        if not delivery.attempts:
            log.warning("notification not delivered, will retry", extra={"fields": fields})
        # a URL that takes other messages is up, however often this one failed
        until = retry_at(min(delivery.attempts + 1, self._failures[target]), now, self._jitter())
        taken = sorted(parts.copy())  # an attempt that hangs may be adding to them

        def record(tx: Transaction) -> None:
            at = until if rest is None else rest.until
            tx.outbox.reschedule(ids, at=now, until=at, error=error, taken=taken)
            if rest is not None:
                tx.outbox.save_rest(target.url_id, rest)

        await self._record(record)

    async def _record(self, work: Callable[[Transaction], None]) -> None:
        """Write to the store, and retry until it succeeds: a delivered message must not be sent again."""
        while True:
            try:
                await self._store.write(work)
            except StoreError as exc:
                self._store_failed(exc)
                await asyncio.sleep(_STORE_RETRY)
            else:
                self._unrecorded = False
                return

    def _store_failed(self, exc: StoreError) -> None:
        if not self._unrecorded:
            log.error("store unavailable, deliveries wait", extra={"fields": {"error": str(exc)}})
        self._unrecorded = True


def _in_thread(
    notifier: Notifier, message: Message, parts: set[str]
) -> asyncio.Future[DeliveryFailed | None]:
    """Send in a separate thread, which delays nothing if it hangs, not even the end of the process.

    The future's result is None, or the error."""
    loop = asyncio.get_running_loop()
    done: asyncio.Future[DeliveryFailed | None] = loop.create_future()

    def complete(error: DeliveryFailed | None) -> None:
        if not done.done():
            done.set_result(error)

    def send() -> None:
        error: DeliveryFailed | None = None
        try:
            notifier.send(message, parts)
        except DeliveryFailed as exc:
            error = exc
        except Exception as exc:  # noqa: BLE001 -- apprise's plugins raise anything; its text may hold the URL
            error = DeliveryFailed(f"the service's plugin failed: {type(exc).__name__}")
        if not loop.is_closed():
            loop.call_soon_threadsafe(complete, error)

    threading.Thread(target=send, name=f"send {notifier.target}", daemon=True).start()
    return done


def _fields(target: Target, delivery: Delivery) -> dict[str, object]:
    last = delivery.covers[-1].report
    return {"channel": target.channel, "url": target.url_id, "incident": last.incident, "seq": last.seq}
