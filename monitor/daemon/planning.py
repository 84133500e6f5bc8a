"""The plan of polls: each account soon after the start, then spread over the interval of its job."""

from collections.abc import Callable, Coroutine, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, assert_never

from apscheduler.triggers.base import BaseTrigger

from monitor.config import Job
from monitor.daemon.scheduler import ByCron, Evenly, Later, Task, following
from monitor.domain.model import Account
from monitor.domain.schedule import Cron, Every, Schedule

SPACING = timedelta(seconds=1)
"""The largest span between the first polls of a job's accounts, and between all polls of a cron job."""

_GOLDEN = 0.618034  # its multiples modulo 1 are evenly spread, however many there are
_NEVER = datetime.min.replace(tzinfo=UTC)


def turns(accounts: Sequence[Account], polled_at: Mapping[tuple[str, str], datetime]) -> dict[Account, int]:
    """Return the order in which a job's accounts are polled first: 0 for the one not polled for the longest time.

    If the daemon is restarted again and again, all accounts get their turn. Equal ones keep the configured order."""
    ordered = sorted(accounts, key=lambda account: polled_at.get(account.key, _NEVER))
    return {account: turn for turn, account in enumerate(ordered)}


def plan(
    job: Job,
    index: int,
    turn: int,
    number: int,
    started: datetime,
    run: Callable[[int], Coroutine[Any, Any, None]],
) -> Task:
    """Return the task that polls an account, the `index`th of a job and the `turn`th of it to be polled first.

    `number` is the number of the job: jobs with the same interval do not poll at the same time either."""
    count = len(job.accounts)
    match job.schedule:
        case Every(interval=interval):
            share = interval / count
            spacing = min(share, SPACING)
            first = started + (turn + number * _GOLDEN % 1) * spacing
            trigger: BaseTrigger = Evenly(interval, started + (turn + number * _GOLDEN % 1) * share)
        case Cron() as schedule:
            trigger = ByCron(schedule.fields, schedule.timezone)
            first_run = following(trigger, started)
            interval = following(trigger, first_run) - first_run
            spacing = min(interval / count, SPACING)
            first = started + turn * spacing
            trigger = Later(trigger, turn * spacing)  # a cron job's accounts are due at the same instant
        case _:
            assert_never(job.schedule)
    return Task(trigger=trigger, first=first, run=run, rhythm=(job.schedule, index, count))


def next_after(schedule: Schedule, at: datetime) -> datetime:
    """Return when a daemon would poll an account again that was polled at an instant (UTC)."""
    match schedule:
        case Every(interval=interval):
            return at + interval
        case Cron():
            return following(ByCron(schedule.fields, schedule.timezone), at)
        case _:
            assert_never(schedule)
