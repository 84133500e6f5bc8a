"""The daemon between its start and its end: polls, recurring chores, reloads, and its answers to the status page."""

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
from monitor.alerting.between_polls import check_accounts, check_providers
from monitor.alerting.changes import log_events
from monitor.alerting.outbox import Outbox, divert_to_fallback, log_diverted
from monitor.alerting.recording import Recorded, log_poll
from monitor.alerting.summaries import Summaries
from monitor.daemon.clock_watch import ClockWatch
from monitor.daemon.health_file import HealthFile
from monitor.daemon.heartbeats import Heartbeats
from monitor.daemon.metrics import Metrics
from monitor.daemon.planning import plan, turns
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

CHECK_EVERY = timedelta(seconds=5)
"""How often the daemon checks what becomes due with time alone: alerts, summaries, the clock."""
CHECKED_TOGETHER = 20
"""Accounts that are checked in one transaction, at most: polls wait for the writer meanwhile."""
NOTIFY_WATCHDOG_EVERY = timedelta(seconds=10)
"""How often systemd's watchdog and the health file are renewed. A shorter `WatchdogSec` shortens it."""
PRUNE_EVERY = timedelta(minutes=10)
PRUNE_ROWS = 2_000
"""Rows deleted in one transaction, at most: polls wait for the writer meanwhile."""
CALLS_KEPT = 20_000
"""Calls to a host that are kept while the clock is in doubt: more than any limit counts."""
POLLS_END_WITHIN = timedelta(seconds=3)
"""How long shutdown waits for polls under way. One that is cut off is repeated at the next start."""
DELIVERIES_END_WITHIN = timedelta(seconds=5)
"""How long shutdown waits for deliveries under way. What is not delivered stays in the outbox."""
HEARTBEAT_ENDS_WITHIN = timedelta(seconds=2)
"""How long shutdown waits for the heartbeat's last request."""
STORE_ENDS_WITHIN = timedelta(seconds=1)
"""How long shutdown waits for the store to clear the doubt about the clock."""
ANSWERS_WITHIN = timedelta(seconds=5)
"""How long a thread of the status page waits for an answer of the event loop."""
MOST_PROBLEMS = 50
"""Problems of a refused file that the store keeps for the status page. The log has all of them."""
STORE_RESPONDS_WITHIN = timedelta(seconds=30)
"""A store that takes longer to respond is reported as a problem."""


class Running:
    """A daemon with its store open. It polls, does its chores and reloads until `stop` is set.

    `on_recorded` is called with each poll after its commit. Must be created in a running event loop."""

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
        self._health_file = HealthFile(environ)
        self._loader = ThreadPoolExecutor(max_workers=1, thread_name_prefix="load")
        self._retiring: set[asyncio.Task[None]] = set()
        self._behind: set[tuple[str, str]] = set()  # accounts whose last run came late
        self._polled: set[tuple[str, str]] = set()  # accounts, since the start or the last clock step
        self._last_poll: datetime | None = None
        self._store_error: StoreError | None = None
        self._begun = False
        self._refusal = ""
        self._refused_at: datetime | None = None
        self._store_replaced: StoreReplaced | None = None
        self._running_since = now()
        self._scheduler = Scheduler(on_clock_set=self._note_clock_step, on_run=metrics.began)
        self._clock_watch = ClockWatch(store, hosts, clock=now, monotonic=self._loop.time)
        self._summaries = Summaries(store)
        self._heartbeats = Heartbeats(self._readiness_problem)
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
                liveness_problem=partial(self._call_from_thread, self._liveness_problem),
                readiness_problem=partial(self._call_from_thread, self._readiness_problem),
                clock=now,
                metrics=metrics,
            )
        )

    async def run(self) -> None:
        """Run until `stop` is set, then shut down in order.

        Raises StoreError if the start fails, StoreReplaced if the store's file was replaced."""
        try:
            await unless(self._stop, self._begin())
            await self._run_chores()
        finally:
            await self._end()
        if self._store_replaced is not None:
            raise self._store_replaced

    # Start, chores and end

    async def _begin(self) -> None:
        # first: the clock may have been set while the daemon was stopped
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
        self._heartbeats.reconfigure(monitor.config.heartbeat)
        self._summaries.reconfigure(monitor.config.summary, started)
        await self._web.reconfigure(monitor.config.web)

    async def _run_chores(self) -> None:
        async with asyncio.TaskGroup() as group:
            chores = [
                group.create_task(self._every(CHECK_EVERY, self._check_time_based)),
                group.create_task(self._every(CHECK_EVERY, self._judge_clock)),
                group.create_task(self._every(self._watchdog_interval(), self._notify_watchdog)),
                group.create_task(self._every(self._watchdog_interval(), self._show_status)),
                group.create_task(self._every(PRUNE_EVERY, self._prune)),
                group.create_task(self._every(CHECK_EVERY, self._summarize)),
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
            # at most a third of the time, however slow the store is
            await asyncio.sleep(max(interval.total_seconds(), 2 * took))

    async def _end(self) -> None:
        log.info("stopping")
        self._systemd.stopping()
        for retiring in self._retiring:
            retiring.cancel()
        await asyncio.gather(
            self._scheduler.stop(POLLS_END_WITHIN),
            self._outbox.stop(DELIVERIES_END_WITHIN),
            self._heartbeats.stop(HEARTBEAT_ENDS_WITHIN),
            self._web.stop(),
            return_exceptions=True,
        )
        with suppress(StoreError, TimeoutError):
            async with asyncio.timeout(STORE_ENDS_WITHIN.total_seconds()):
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
        monitor = self._monitor  # a reload during the poll replaces self._monitor
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
        if self._store_error is not None:
            log.info("store available again")
            self._store_error = None
        if recorded is not None:
            self._polled.add(key)
            self._last_poll = result.finished_at
            log_poll(recorded)
            self._notify(recorded.events)
            self._on_recorded(recorded)

    def _note_missed(self, account: Account, missed: int) -> None:
        """Count missed runs, and log only when an account begins to fall behind its schedule."""
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
            if self._store_replaced is None:
                log.error("store file replaced, shutting down", extra={"fields": {"error": exc}})
            self._store_replaced = exc
            self._stop.set()
        elif self._store_error is None:
            log.error(
                "store unavailable; nothing is recorded until it recovers", extra={"fields": {"error": exc}}
            )
        self._store_error = exc

    # Chores

    async def _check_time_based(self) -> None:
        await self._fit_clock()
        at, config, polled = now(), self._monitor.config, frozenset(self._polled)
        (events, due), pauses = await self._store.write(
            lambda tx: (check_providers(tx, config, at, polled), tx.hosts.pauses(at))
        )
        # a pause that begins in the future was stored while the clock was ahead
        self._hosts.respect(pause for pause in pauses if not pause.is_ahead(at))
        self._notify(events)
        for first in range(0, len(due), CHECKED_TOGETHER):
            some = due[first : first + CHECKED_TOGETHER]
            work = partial(check_accounts, config=self._monitor.config, now=now(), due=some)
            self._notify(await self._store.write(work))
        await self._divert(at)

    async def _divert(self, at: datetime) -> None:
        config = self._monitor.config
        if not any(channel.fallback for channel in config.channels.values()):
            return
        if diverted := await self._store.write(lambda tx: divert_to_fallback(tx, config, at)):
            log_diverted(diverted)
            self._outbox.wake()

    def _note_clock_step(self, step: timedelta) -> None:
        self._running_since += step
        # instants of earlier polls are by the old clock: an account counts as polled after its next poll
        self._polled.clear()
        self._summaries.clock_was_set()
        self._clock_watch.was_set(step)

    async def _fit_clock(self) -> None:
        """Adjust the store if the clock was set. Call it before anything is evaluated by the clock."""
        self._scheduler.notice_clock_set()
        await self._clock_watch.fit()

    async def _judge_clock(self) -> None:
        self._scheduler.notice_clock_set()
        await self._clock_watch.judge()

    async def _prune(self) -> None:
        self._scheduler.notice_clock_set()  # nothing may be deleted by a clock that was just set
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
        """Return the liveness problem, if any: the scheduler or the writer is stuck. A full disk is not one."""
        if not await self._store.is_responsive(STORE_RESPONDS_WITHIN):
            return "the store's writer is stuck"
        return "" if self._scheduler.is_on_time() else "a scheduled poll is overdue"

    async def _readiness_problem(self) -> str:
        """Return the readiness problem: the reason why polls, records or deliveries fail; empty: none."""
        if not self._scheduler.is_on_time():
            return "a scheduled poll is overdue"
        if self._store_error is not None:
            return f"the store fails: {self._store_error}; nothing is recorded"
        at, config = now(), self._monitor.config
        quiet = [name for name, channel in config.channels.items() if _was_quiet(channel.quiet_hours, at)]
        quiet += self._outbox.resting_channels(within=STUCK_AFTER)
        try:
            async with asyncio.timeout(STORE_RESPONDS_WITHIN.total_seconds()):
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
            return f"the store fails: no response within {STORE_RESPONDS_WITHIN.total_seconds():.0f} s"
        due_since = progress.due_since and max(progress.due_since, self._running_since)
        return replace(progress, due_since=due_since, hanging_since=self._outbox.hanging_since).problem(at)

    def _watchdog_interval(self) -> timedelta:
        watchdog = self._systemd.watchdog
        return NOTIFY_WATCHDOG_EVERY if watchdog is None else min(watchdog / 3, NOTIFY_WATCHDOG_EVERY)

    async def _notify_watchdog(self) -> None:
        """Notify systemd and renew the health file if the writer responds and runs start on time."""
        if await self._store.is_responsive(self._watchdog_interval()) and self._scheduler.is_on_time():
            self._systemd.alive()
            self._health_file.renew()

    async def _show_status(self) -> None:
        try:
            store = f"{await self._store.write(lambda tx: tx.alerts.count())} alerts active"
        except StoreError:
            store = "the store fails"
        last = f"last poll {self._last_poll:%H:%M:%S} UTC" if self._last_poll else "no poll yet"
        self._systemd.status(f"{len(self._monitor.config.accounts)} accounts, {last}, {store}")

    # Answers to the status page, which runs in threads of its own

    def _live(self) -> Live:
        unready = "stopping" if self._stop.is_set() else "" if self._begun else "starting"
        return Live(
            started_at=self._running_since,
            next_polls=self._scheduler.due(),
            unready=unready,
            notes=[self._refusal] if self._refusal else [],
        )

    def _call_from_thread(self, problem: Callable[[], Coroutine[Any, Any, str]]) -> str:
        """Return a problem, which may be that the event loop does not answer. For other threads than the loop's."""
        answer = asyncio.run_coroutine_threadsafe(problem(), self._loop)
        try:
            return answer.result(ANSWERS_WITHIN.total_seconds())
        except TimeoutError:
            answer.cancel()
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
                await self._switch_to(await self._load())
            except ConfigError as exc:
                log.error(
                    "reload failed, keeping the current configuration",
                    extra={"fields": {"problems": len(exc.problems)}},
                )
                for line in exc.lines():
                    log.error("%s", line)
                await self._note_refusal(exc.lines())
            except StoreError as exc:
                log.error(
                    "reload failed, keeping the current configuration", extra={"fields": {"error": exc}}
                )
                await self._note_refusal([str(exc)])
            self._systemd.ready()  # after a refusal, too: it ends the reload for systemd

    async def _note_refusal(self, problems: list[str]) -> None:
        """Record for metrics, readiness and status that the file was refused, and why."""
        at = now()
        self._metrics.not_reloaded()
        shown = [self._redact(problem) for problem in problems[:MOST_PROBLEMS]]
        if more := len(problems) - len(shown):
            shown.append(f"and {more} more")
        self._refused_at = self._refused_at or at
        self._refusal = f"configuration refused since {moment(self._refused_at)}: {shown[0]}"
        with suppress(StoreError):  # a store that fails is shown as such
            await self._store.write(lambda tx: tx.configuration.refuse(shown, at))

    async def _load(self) -> Monitor:
        path, files = self._monitor.config.path, self._monitor.config.files
        config = await self._in_loader(configuration.load_at_rest, path, self._environ, files)
        if config.store.path.resolve() != self._store.path:
            log.warning(
                "store.url changed: that takes a restart", extra={"fields": {"store": self._store.path}}
            )
        require_tls(config)
        return Monitor(*open_channels(config), self._hosts)

    async def _in_loader(self, work: Callable[..., T], *args: object) -> T:
        """Run work in the loader's thread, so that a large file or a hanging file system delays no poll.

        The threads of asyncio are not used: slow name lookups may occupy them all."""
        return await asyncio.get_running_loop().run_in_executor(self._loader, work, *args)

    async def _switch_to(self, monitor: Monitor) -> None:
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
    """Return the result of a part of the start; None if the daemon was stopped first.

    The part is then cancelled, even a long migration. Like a kill, that leaves the store as it was, and the next start
    begins again."""
    working, waiting = asyncio.create_task(work), asyncio.create_task(stopped.wait())
    try:
        await asyncio.wait({working, waiting}, return_when=asyncio.FIRST_COMPLETED)
        return working.result() if working.done() else None
    finally:
        working.cancel()
        waiting.cancel()
        await asyncio.gather(working, waiting, return_exceptions=True)


def _was_quiet(hours: QuietHours | None, at: datetime) -> bool:
    """Return whether quiet hours hold or ended just now: delivering the messages of a night takes a moment."""
    return hours is not None and any(hours.until(instant) is not None for instant in (at, at - STUCK_AFTER))
