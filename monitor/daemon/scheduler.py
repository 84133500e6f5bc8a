"""The scheduler of polls: APScheduler, set up to drop no run, with a watch for what it does not notice itself.

It uses the wall clock. A clock set back would stall every job until it has caught up; `_watch_clock` compares it with
the monotonic clock and reschedules. A run that cannot start because the one before is still running is made up for
once, as soon as that has ended; the others are counted as missed.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Hashable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from apscheduler.events import EVENT_JOB_MAX_INSTANCES, JobSubmissionEvent
from apscheduler.schedulers.asyncio import AsyncIOScheduler
from apscheduler.triggers.base import BaseTrigger

from monitor.domain.schedule import CronFields, next_run

log = logging.getLogger(__name__)
# Missed and overlapping runs, of which APScheduler warns, are counted and reported here.
logging.getLogger("apscheduler").setLevel(logging.CRITICAL)

CLOCK_CHECK = timedelta(seconds=5)
CLOCK_STEP = timedelta(seconds=10)
"""The difference between wall and monotonic clock, from one check to the next, that counts as a clock step."""

_MICROSECOND = timedelta(microseconds=1)
_MINUTE = timedelta(minutes=1)
_STUCK_AFTER = timedelta(minutes=2)
_MOST_MISSED = 10_000  # runs counted after one gap, at most; counting more would only take time


class Evenly(BaseTrigger):  # type: ignore[misc]  # APScheduler 3 has no types
    """Fires at a fixed interval and phase, which are the same after a gap."""

    def __init__(self, every: timedelta, anchor: datetime) -> None:
        self.every = every
        self.anchor = anchor

    def get_next_fire_time(self, previous: datetime | None, now: datetime) -> datetime:
        """Return the first instant of the rhythm that is not past, and after `previous`."""
        at = self.anchor + (now - self.anchor) // self.every * self.every
        while at < now or (previous is not None and at <= previous < at + self.every):
            at += self.every
        return at


class Later(BaseTrigger):  # type: ignore[misc]  # APScheduler 3 has no types
    """Fires a fixed span after another trigger."""

    def __init__(self, trigger: BaseTrigger, by: timedelta) -> None:
        self.trigger = trigger
        self.by = by

    def get_next_fire_time(self, previous: datetime | None, now: datetime) -> datetime | None:
        """Return the other trigger's next time plus the span."""
        before = None if previous is None else previous - self.by
        at: datetime | None = self.trigger.get_next_fire_time(before, now - self.by)
        return None if at is None else at + self.by


class ByCron(BaseTrigger):  # type: ignore[misc]  # APScheduler 3 has no types
    """Fires at the times of a cron expression in a time zone.

    APScheduler's own trigger differs from cron: it fires twice in the hour that daylight saving repeats (and returns
    an instant of that hour as its own successor), requires date and weekday to match instead of either, and counts
    weekdays from Monday."""

    def __init__(self, fields: CronFields, timezone: ZoneInfo) -> None:
        self.fields = fields
        self.timezone = timezone

    def get_next_fire_time(self, previous: datetime | None, now: datetime) -> datetime | None:
        """Return the first instant that is not past, and after `previous`."""
        after = now - _MICROSECOND
        # a timer may fire a little early: without this, the same run would be scheduled twice
        if previous is not None and after < previous < now + _MINUTE:
            after = previous
        return next_run(self.fields, self.timezone, after)


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """Something to run: first at an instant (UTC), then at the times of the trigger.

    `run` receives the number of runs missed since the last one. A task that is planned again with the same `rhythm`
    continues in it instead of starting over."""

    trigger: BaseTrigger
    first: datetime
    run: Callable[[int], Awaitable[None]]
    rhythm: Hashable


class Scheduler:
    """Runs tasks on time, no task twice at once. Needs a running event loop.

    `on_run` is called at the start of each run with its delay, `on_clock_set` at each clock step with its size."""

    def __init__(
        self,
        *,
        on_clock_set: Callable[[timedelta], None] = lambda step: None,
        on_run: Callable[[timedelta], None] = lambda late: None,
        check_clock_every: timedelta = CLOCK_CHECK,
    ) -> None:
        self._on_clock_set = on_clock_set
        self._on_run = on_run
        self._check_clock_every = check_clock_every
        self._aps = AsyncIOScheduler(
            timezone=UTC,
            # late runs are not dropped (no grace time); several late runs of one task become one
            job_defaults={"misfire_grace_time": None, "coalesce": True, "max_instances": 1},
        )
        self._aps.add_listener(self._overlapped, EVENT_JOB_MAX_INSTANCES)
        self._tasks: dict[str, Task] = {}
        self._due: dict[str, datetime] = {}
        self._late: dict[
            str, tuple[int, datetime]
        ] = {}  # per task: runs that came due during a run, and since when
        self._running: set[asyncio.Task[None]] = set()
        self._offset = _clock_offset()
        self._watcher: asyncio.Task[None] | None = None
        self._stopping = False

    def start(self) -> None:
        """Begin to run the planned tasks."""
        self._aps.start()
        self._watcher = asyncio.create_task(self._watch_clock(), name="watch the clock")

    def plan(self, tasks: Mapping[str, Task]) -> None:
        """Replace the planned tasks by these. A running task is not interrupted."""
        for key in self._tasks.keys() - tasks.keys():
            self._aps.remove_job(key)
            del self._tasks[key], self._due[key]
            self._late.pop(key, None)
        for key, task in tasks.items():
            known = self._tasks.get(key)
            # the same rhythm: a reload must not poll everything at once, nor shift the polls
            if known is not None and known.rhythm == task.rhythm:
                self._tasks[key] = replace(task, trigger=known.trigger)
                continue
            self._tasks[key] = task
            self._due[key] = task.first
            self._aps.add_job(
                self._fire,
                task.trigger,
                args=[key],
                id=key,
                next_run_time=task.first,
                replace_existing=True,
            )

    def next_after(self, key: str, now: datetime) -> datetime | None:
        """Return when a task runs next after an instant; None if it is not planned."""
        task = self._tasks.get(key)
        return None if task is None else task.trigger.get_next_fire_time(now, now)

    def due(self) -> dict[str, datetime]:
        """Return when each task runs next. Other threads may call it: a dict of strings is copied atomically."""
        return dict(self._due)

    def is_on_time(self) -> bool:
        """Return whether no due run has been left undone for two minutes. A long run counts as done."""
        return all(due > datetime.now(UTC) - _STUCK_AFTER for due in self._due.values())

    async def stop(self, within: timedelta) -> None:
        """Start no more runs, wait `within` for the running ones, then cancel the rest."""
        self._stopping = True
        if self._watcher is not None:
            self._watcher.cancel()
        if self._aps.running:
            self._aps.pause()
        running = list(self._running)
        if running:
            _, slow = await asyncio.wait(running, timeout=within.total_seconds())
            for task in slow:
                task.cancel()
            await asyncio.gather(*slow, return_exceptions=True)
        if self._aps.running:
            self._aps.shutdown(wait=False)

    async def _fire(self, key: str) -> None:
        """Run a task, in an asyncio task of our own: APScheduler's shutdown would cancel one of its tasks at once."""
        self.notice_clock_set()
        task = self._tasks.get(key)
        if task is None or self._stopping:
            return
        due, missed = self._due[key], self._missed(key, task)
        while task is not None:
            self._on_run(max(datetime.now(UTC) - due, timedelta(0)))
            running = asyncio.create_task(_run(task, missed), name=f"run {key}")
            self._running.add(running)
            running.add_done_callback(self._running.discard)
            # wait() lets a cancelled run end without cancelling this loop
            await asyncio.wait({running})
            missed, due = self._late.pop(key, (0, due))
            task = self._tasks.get(key) if missed and not self._stopping else None

    def _missed(self, key: str, task: Task) -> int:
        """Return how many runs were missed between the due one and now, and note when the next is due."""
        now = datetime.now(UTC)
        count = 0
        at = following(task.trigger, self._due[key])
        while at <= now and count < _MOST_MISSED:
            count, at = count + 1, following(task.trigger, at)
        self._due[key] = at
        return count

    def _overlapped(self, event: JobSubmissionEvent) -> None:
        # APScheduler drops runs that come due during a run of the same job: `_fire` makes up for them
        count, since = self._late.get(event.job_id, (0, min(event.scheduled_run_times)))
        self._late[event.job_id] = count + len(event.scheduled_run_times), since
        if event.job_id in self._due:
            task = self._tasks[event.job_id]
            last = max(event.scheduled_run_times)
            self._due[event.job_id] = following(task.trigger, last)

    async def _watch_clock(self) -> None:
        while True:
            await asyncio.sleep(self._check_clock_every.total_seconds())
            self.notice_clock_set()

    def notice_clock_set(self) -> None:
        """Reschedule everything if the wall clock was set since the last check, and log it."""
        step = _clock_offset() - self._offset
        self._offset += step
        if abs(step) < CLOCK_STEP.total_seconds():
            return
        log.warning("clock step detected, rescheduling", extra={"fields": {"seconds": round(step)}})
        self._on_clock_set(timedelta(seconds=step))
        now = datetime.now(UTC)
        for key, task in self._tasks.items():
            self._due[key] = task.trigger.get_next_fire_time(None, now) or now
            self._aps.modify_job(key, next_run_time=self._due[key])


def following(trigger: BaseTrigger, at: datetime) -> datetime:
    """Return when a trigger fires next, after it fired at an instant. `datetime.max` in UTC: never again."""
    found: datetime | None = trigger.get_next_fire_time(at, at + _MICROSECOND)
    return datetime.max.replace(tzinfo=UTC) if found is None else found


async def _run(task: Task, missed: int) -> None:
    try:
        await task.run(missed)
    except Exception:  # a defect; expected errors are handled in the run. Neither may end the schedule
        log.exception("a run failed")


def _clock_offset() -> float:
    """Return wall clock minus monotonic clock in seconds, which changes only when the wall clock is set."""
    return datetime.now(UTC).timestamp() - asyncio.get_running_loop().time()
