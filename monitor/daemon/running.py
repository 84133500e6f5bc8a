"""The daemon at work: what it does between its start and its end, and how it reloads."""

import asyncio
import logging
import os
from collections.abc import Callable, Coroutine, Mapping
from concurrent.futures import CancelledError, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from typing import Any, TypeVar

from monitor import config as configuration
from monitor.alerting.between_polls import look_at, look_for_due
from monitor.alerting.changes import log_events
from monitor.alerting.outbox import Outbox, divert_to_fallback, log_diverted
from monitor.alerting.recording import Recorded, log_poll
from monitor.alerting.summaries import Summaries
from monitor.daemon.clock_watch import ClockWatch
from monitor.daemon.health_file import LifeSign
from monitor.daemon.metrics import Metrics
from monitor.daemon.planning import plan, turns
from monitor.daemon.pulse import Pulse
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
from monitor.daemon.scheduler import Scheduler, Task
from monitor.daemon.systemd import Systemd
from monitor.daemon.web_service import WebService
from monitor.domain.alerts import Event
from monitor.domain.model import Account
from monitor.domain.progress import STUCK_AFTER, Progress
from monitor.domain.time import moment
from monitor.domain.windows import QuietHours
from monitor.errors import ConfigError, StoreError, StoreReplaced
from monitor.log.lines import Redaction
from monitor.store.writer import Store
from monitor.web.queries import Site
from monitor.web.view import Live

log = logging.getLogger(__name__)

T = TypeVar("T")

LOOK_EVERY = timedelta(seconds=5)
LOOKED_AT_ONCE = 20
"""Accounts that are looked at between polls in one piece of work: polls wait for no more than this."""
SIGN_OF_LIFE = timedelta(seconds=10)
PRUNE_EVERY = timedelta(minutes=10)
PRUNE_ROWS = 2_000
CALLS_KEPT = 20_000
"""Calls to a host on record while the clock is in doubt: more than any limit counts."""
POLLS_MAY_TAKE = timedelta(seconds=3)
"""How long polls under way are waited for at the end. One cut off leaves no trace and is made again at the start."""
DELIVERIES_MAY_TAKE = timedelta(seconds=5)
BEAT_MAY_TAKE = timedelta(seconds=2)
"""How long the heartbeat's last word may take at the end."""
LAST_WORD_MAY_TAKE = timedelta(seconds=1)
"""How long the store may take at the end to note that nothing is in doubt any more."""
ANSWERS_WITHIN = timedelta(seconds=5)
"""How long a question of the status page to the daemon may take."""
MOST_PROBLEMS = 50
"""Errors of a file that are kept for who looks: pages read them again and again. The log has all."""
STORE_MAY_TAKE = timedelta(seconds=30)
"""A store that has not answered for so long is trouble."""


class Running:
    """A daemon at work on its open store: polls, chores and reloads, until `stop` is set.

    `on_recorded` is called with each poll after its commit; `metrics` counts. To be made within a running event
    loop."""

    def __init__(
        self,
        monitor: Monitor,
        store: Store,
        *,
        hosts: Hosts,
        environ: Mapping[str, str],
        redact: Redaction,
        systemd: Systemd,
        metrics: Metrics,
        stop: asyncio.Event,
        reload: asyncio.Event,
        on_recorded: Callable[[Recorded], None],
    ) -> None:
        self._monitor = monitor
        self._store = store
        self._hosts = hosts
        self._environ = environ
        self._redact = redact
        self._systemd = systemd
        self._metrics = metrics
        self._stop = stop
        self._reload = reload
        self._on_recorded = on_recorded
        self._loop = asyncio.get_running_loop()
        self._life_sign = LifeSign(environ)
        self._loader = ThreadPoolExecutor(max_workers=1, thread_name_prefix="load")
        self._retiring: set[asyncio.Task[None]] = set()
        self._behind: set[tuple[str, str]] = set()
        self._polled: set[tuple[str, str]] = set()  # since the start, or since the clock was set
        self._last_poll: datetime | None = None
        self._store_error: StoreError | None = None
        self._begun = False
        self._refusal = ""
        self._refused_at: datetime | None = None
        self._replaced: StoreReplaced | None = None
        self._running_since = now()
        self._scheduler = Scheduler(on_clock_set=self._clock_set, on_run=metrics.began)
        self._clock_watch = ClockWatch(store, hosts, clock=now, monotonic=self._loop.time)
        self._summaries = Summaries(store)
        self._pulse = Pulse(self._readiness_problem)
        self._outbox = Outbox(
            store,
            monitor.config,
            clock=now,
            jitter=jitter,
            on_attempt=metrics.tried,
            on_given_up=metrics.gave_up,
            images=chart_images(monitor.config),
        )
        self._web = WebService(
            Site(
                config=lambda: self._monitor.config,
                live=self._live,
                hang=partial(self._asked, self._liveness_problem),
                trouble=partial(self._asked, self._readiness_problem),
                clock=now,
                metrics=metrics,
            )
        )

    async def run(self) -> None:
        """Work until `stop` is set, then end in order. Raise StoreError where the start fails, or the store's file is
        replaced."""
        try:
            await unless(self._stop, self._begin())
            await self._run_chores()
        finally:
            await self._end()
        if self._replaced is not None:
            raise self._replaced

    # Start, and what goes on

    async def _begin(self) -> None:
        await self._clock_watch.judge()
        config, started = self._monitor.config, now()
        self._hosts.respect(await self._store.write(lambda tx: tx.hosts.pauses(started)))
        await self._apply(self._monitor)
        self._metrics.started(self._running_since)
        self._scheduler.start()
        log.info(
            "running",
            extra={
                "fields": {
                    "pid": os.getpid(),
                    "config": config.path,
                    "store": self._store.path,
                    "jobs": len(config.jobs),
                    "accounts": len(config.accounts),
                    "rules": len(config.rules),
                }
            },
        )
        self._begun = True
        self._systemd.ready()

    async def _apply(self, monitor: Monitor) -> None:
        started = now()
        events = await self._store.write(lambda tx: accept(tx, monitor.config, started))
        self._metrics.expect(monitor.config.accounts.values(), monitor.config.channels)
        self._notify(events)
        self._outbox.serve(monitor.config, monitor.notifiers)
        self._outbox.wake()
        healths = await self._store.write(lambda tx: tx.accounts.healths(monitor.config.accounts))
        polled_at = {one.account.key: one.last_poll_at for one in healths if one.last_poll_at}
        self._scheduler.plan(self._tasks(monitor, polled_at))
        self._pulse.reconfigure(monitor.config.heartbeat)
        self._summaries.reconfigure(monitor.config.summary, started)
        await self._web.reconfigure(monitor.config.web)

    async def _run_chores(self) -> None:
        async with asyncio.TaskGroup() as group:
            chores = [
                group.create_task(self._every(LOOK_EVERY, self._check_time_based)),
                group.create_task(self._every(LOOK_EVERY, self._judge_clock)),
                group.create_task(self._every(self._life_interval(), self._notify_watchdog)),
                group.create_task(self._every(self._life_interval(), self._show_status)),
                group.create_task(self._every(PRUNE_EVERY, self._prune)),
                group.create_task(self._every(LOOK_EVERY, self._summarize)),
                group.create_task(self._reload_on_signal()),
            ]
            await self._stop.wait()
            for chore in chores:
                chore.cancel()

    async def _every(self, interval: timedelta, chore: Callable[[], Coroutine[Any, Any, None]]) -> None:
        while True:
            began = asyncio.get_running_loop().time()
            try:
                await chore()
            except StoreError as exc:
                self._store_failed(exc)
            took = asyncio.get_running_loop().time() - began
            await asyncio.sleep(max(interval.total_seconds(), 2 * took))

    async def _end(self) -> None:
        log.info("stopping")
        self._systemd.stopping()
        for retiring in self._retiring:
            retiring.cancel()
        await asyncio.gather(
            self._scheduler.stop(POLLS_MAY_TAKE),
            self._outbox.stop(DELIVERIES_MAY_TAKE),
            self._pulse.stop(BEAT_MAY_TAKE),
            self._web.stop(),
            return_exceptions=True,
        )
        with suppress(StoreError, TimeoutError):
            async with asyncio.timeout(LAST_WORD_MAY_TAKE.total_seconds()):
                await self._clock_watch.end()
        await self._monitor.close()
        await self._store.close()
        log.info("stopped")

    # Polls

    def _tasks(self, monitor: Monitor, polled_at: Mapping[tuple[str, str], datetime]) -> dict[str, Task]:
        started = now()
        tasks = {}
        for number, job in enumerate(monitor.config.jobs):
            turn = turns(job.accounts, polled_at)
            for index, account in enumerate(job.accounts):
                run = partial(self._poll, account.key)
                tasks[str(account)] = plan(job, index, turn[account], number, started, run)
        return tasks

    async def _poll(self, key: tuple[str, str], missed: int) -> None:
        monitor = self._monitor  # all of one configuration, whatever a reload brings meanwhile
        account = monitor.config.accounts.get(key)
        if account is None:
            return
        self._note_missed(account, missed)
        result = await monitor.fetch(account, MAX_WAIT)
        self._metrics.polled(account, result)
        due = self._scheduler.next_after(str(account), result.finished_at)
        overdue_at = monitor.overdue_at(account, due, result.finished_at)
        try:
            await self._fit_clock()
            recorded = await keep(self._store, result, key, self._monitor.config, overdue_at)
            if missed:
                await self._store.write(lambda tx: tx.accounts.add_missed_runs(account, missed))
        except StoreError as exc:
            self._store_failed(exc)
            return
        self._store_works()
        if recorded is not None:
            self._polled.add(key)
            self._last_poll = result.finished_at
            log_poll(recorded)
            self._notify(recorded.events)
            self._on_recorded(recorded)

    def _note_missed(self, account: Account, missed: int) -> None:
        """Log when an account begins to fall behind its schedule; the store counts every run."""
        self._metrics.missed(account, missed)
        if missed and account.key not in self._behind:
            log.warning("runs missed", extra={"fields": {"account": account, "count": missed}})
        (self._behind.add if missed else self._behind.discard)(account.key)

    def _notify(self, events: tuple[Event, ...]) -> None:
        log_events(events)
        self._metrics.notified(events)
        if events:
            self._outbox.wake()

    def _store_failed(self, exc: StoreError) -> None:
        self._metrics.store_failed()
        if isinstance(exc, StoreReplaced):
            if self._replaced is None:
                log.error("store file replaced, shutting down", extra={"fields": {"error": exc}})
            self._replaced = exc
            self._stop.set()
        elif self._store_error is None:
            log.error(
                "store unavailable; nothing is recorded until it recovers", extra={"fields": {"error": exc}}
            )
        self._store_error = exc

    def _store_works(self) -> None:
        if self._store_error is not None:
            log.info("store available again")
        self._store_error = None

    # Chores

    async def _check_time_based(self) -> None:
        await self._fit_clock()
        at, config, polled = now(), self._monitor.config, frozenset(self._polled)
        (events, due), pauses = await self._store.write(
            lambda tx: (look_for_due(tx, config, at, polled), tx.hosts.pauses(at))
        )
        self._hosts.respect(pause for pause in pauses if not pause.is_ahead(at))
        self._notify(events)
        for first in range(0, len(due), LOOKED_AT_ONCE):
            some = due[first : first + LOOKED_AT_ONCE]
            work = partial(look_at, config=self._monitor.config, now=now(), due=some)
            self._notify(await self._store.write(work))
        await self._hand_over(at)

    async def _hand_over(self, at: datetime) -> None:
        config = self._monitor.config
        if not any(channel.fallback for channel in config.channels.values()):
            return
        if done := await self._store.write(lambda tx: divert_to_fallback(tx, config, at)):
            log_diverted(done)
            self._outbox.wake()

    def _clock_set(self, step: timedelta) -> None:
        """Forget which accounts were polled: they were so by the clock before."""
        self._running_since += step
        self._polled.clear()
        self._summaries.clock_was_set()
        self._clock_watch.was_set(step)

    async def _fit_clock(self) -> None:
        """Look whether the clock was set, and fit the store to it before anything is judged by it."""
        self._scheduler.notice_clock_set()
        await self._clock_watch.fit()

    async def _judge_clock(self) -> None:
        self._scheduler.notice_clock_set()
        await self._clock_watch.judge()

    async def _prune(self) -> None:
        self._scheduler.notice_clock_set()  # nothing is deleted by a clock that was set since the last look
        if not self._clock_watch.may_prune():
            await self._store.write(lambda tx: tx.housekeeping.prune_all_calls_but(CALLS_KEPT))
            return
        before = now() - self._monitor.config.store.keep
        while await self._store.write(lambda tx: tx.housekeeping.prune(before, PRUNE_ROWS)) >= PRUNE_ROWS:
            await asyncio.sleep(0.1)
        uncounted = now() - self._monitor.longest_span
        await self._store.write(lambda tx: tx.housekeeping.prune_calls(uncounted))
        await self._store.write(lambda tx: tx.housekeeping.release_pages(PRUNE_ROWS))

    async def _summarize(self) -> None:
        if await self._summaries.make_if_due(self._monitor.config, now()):
            self._outbox.wake()

    async def _liveness_problem(self) -> str:
        """What a restart would mend: what does not answer, or lies still. A full disk is none of it."""
        if not await self._store.is_responsive(STORE_MAY_TAKE):
            return "the store's writer stands still"
        return "" if self._scheduler.is_on_time() else "a scheduled poll is overdue"

    async def _readiness_problem(self) -> str:
        """Return the readiness problem: what keeps the daemon from its work; empty where nothing does."""
        if not self._scheduler.is_on_time():
            return "a scheduled poll is overdue"
        if self._store_error is not None:
            return f"the store fails: {self._store_error}; nothing is recorded"
        at, config = now(), self._monitor.config
        quiet = [name for name, channel in config.channels.items() if _were_quiet(channel.quiet_hours, at)]
        quiet += self._outbox.rested(within=STUCK_AFTER)
        try:
            async with asyncio.timeout(STORE_MAY_TAKE.total_seconds()):
                progress = await self._store.write(
                    lambda tx: Progress(
                        accounts=len(config.accounts),
                        overdue=tx.accounts.count_overdue(config.accounts, at),
                        due_since=tx.outbox.due_since(quiet),
                    )
                )
        except StoreError as exc:
            return f"the store fails: {exc}; nothing is recorded"
        except TimeoutError:
            return f"the store fails: no answer within {STORE_MAY_TAKE.total_seconds():.0f} s"
        due_since = progress.due_since and max(progress.due_since, self._running_since)
        return replace(progress, due_since=due_since, hanging_since=self._outbox.hanging_since).problem(at)

    def _life_interval(self) -> timedelta:
        watchdog = self._systemd.watchdog
        return SIGN_OF_LIFE if watchdog is None else min(watchdog / 3, SIGN_OF_LIFE)

    async def _notify_watchdog(self) -> None:
        """A sign of life says: the loop turns, the writer gets on, and no run is left lying."""
        if await self._store.is_responsive(self._life_interval()) and self._scheduler.is_on_time():
            self._systemd.alive()
            self._life_sign.renew()

    async def _show_status(self) -> None:
        try:
            store = f"{await self._store.write(lambda tx: tx.alerts.count())} alerts active"
        except StoreError:
            store = "the store fails"  # the writer answered: a full disk is no reason to be killed
        last = f"last poll {self._last_poll:%H:%M:%S} UTC" if self._last_poll else "no poll yet"
        self._systemd.status(f"{len(self._monitor.config.accounts)} accounts, {last}, {store}")

    # What the pages ask for, from threads of their own

    def _live(self) -> Live:
        unready = "stopping" if self._stop.is_set() else "" if self._begun else "starting"
        return Live(
            started_at=self._running_since,
            next_polls=self._scheduler.due(),
            unready=unready,
            notes=[self._refusal] if self._refusal else [],
        )

    def _asked(self, what: Callable[[], Coroutine[Any, Any, str]]) -> str:
        asking = asyncio.run_coroutine_threadsafe(what(), self._loop)
        try:
            return asking.result(ANSWERS_WITHIN.total_seconds())
        except TimeoutError:
            asking.cancel()
            return f"the daemon does not answer within {ANSWERS_WITHIN.total_seconds():.0f} s"
        except CancelledError:
            return "stopping"

    # Reload

    async def _reload_on_signal(self) -> None:
        while True:
            await self._reload.wait()
            self._reload.clear()
            self._systemd.reloading()
            try:
                await self._exchange(await self._load_anew())
            except ConfigError as exc:
                log.error(
                    "reload failed, keeping the current configuration",
                    extra={"fields": {"problems": len(exc.problems)}},
                )
                for line in exc.lines():
                    log.error("%s", line)
                await self._refused(exc.lines())
            except StoreError as exc:
                log.error(
                    "reload failed, keeping the current configuration", extra={"fields": {"error": exc}}
                )
                await self._refused([str(exc)])
            self._systemd.ready()

    async def _refused(self, problems: list[str]) -> None:
        """Show wherever people look that the configuration in force is older than the file, and why."""
        at = now()
        self._metrics.not_reloaded()
        shown = [self._redact(problem) for problem in problems[:MOST_PROBLEMS]]
        if more := len(problems) - len(shown):
            shown.append(f"and {more} more")
        self._refused_at = self._refused_at or at
        self._refusal = f"configuration refused since {moment(self._refused_at)}: {shown[0]}"
        with suppress(StoreError):  # a store that fails is shown as such
            await self._store.write(lambda tx: tx.configuration.refuse(shown, at))

    async def _load_anew(self) -> Monitor:
        path, files = self._monitor.config.path, self._monitor.config.files
        config = await self._in_loader(configuration.load_at_rest, path, self._environ, files)
        if config.store.path.resolve() != self._store.path:
            log.warning(
                "store.url changed: that takes a restart", extra={"fields": {"store": self._store.path}}
            )
        require_tls(config)
        return Monitor(*open_channels(config), self._hosts)

    async def _in_loader(self, work: Callable[..., T], *args: object) -> T:
        """Do work in a thread that is not one of asyncio's own, which slow name lookups may occupy: a big file, or one
        on a file system that hangs, must delay neither polls nor the end."""
        return await asyncio.get_running_loop().run_in_executor(self._loader, work, *args)

    async def _exchange(self, monitor: Monitor) -> None:
        old, self._monitor = self._monitor, monitor
        self._redact.set(old.config.secrets | monitor.config.secrets)
        try:
            await self._apply(monitor)
        except StoreError:
            self._monitor = old
            self._retire(monitor)
            raise
        self._metrics.reloaded(now())
        self._refusal, self._refused_at = "", None
        for warning in await self._in_loader(configuration.warnings, monitor.config, now()):
            log.warning("%s", warning)
        log.info("configuration reloaded", extra={"fields": {"jobs": len(monitor.config.jobs)}})
        self._retire(old)

    def _retire(self, monitor: Monitor) -> None:
        retiring = asyncio.create_task(monitor.retire())
        self._retiring.add(retiring)
        retiring.add_done_callback(self._retiring.discard)


async def unless(stopped: asyncio.Event, work: Coroutine[Any, Any, T]) -> T | None:
    """Return what a part of the start came to; None where it was stopped first.

    The part is cut off then, a long upgrade as well. That is what a kill would do to it: the store is as it was, and
    the next start begins again."""
    working, waiting = asyncio.create_task(work), asyncio.create_task(stopped.wait())
    try:
        await asyncio.wait({working, waiting}, return_when=asyncio.FIRST_COMPLETED)
        return working.result() if working.done() else None
    finally:
        working.cancel()
        waiting.cancel()
        await asyncio.gather(working, waiting, return_exceptions=True)


def _were_quiet(hours: QuietHours | None, at: datetime) -> bool:
    """Return whether messages had to wait just now: it takes a moment until those of a night are through."""
    return hours is not None and any(hours.until(instant) is not None for instant in (at, at - STUCK_AFTER))
