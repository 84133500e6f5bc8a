"""When each account is polled: first soon after the start, then spread over its job's interval."""

from collections.abc import Callable, Coroutine, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, assert_never

from apscheduler.triggers.base import BaseTrigger

from monitor.daemon.runtime import Polled
from monitor.daemon.scheduler import ByCron, Evenly, Later, Task, following
from monitor.domain.model import Account
from monitor.domain.schedule import Cron, Every

SPACING = timedelta(seconds=1)
"""How far apart the first polls of a job's accounts are at most, and those of a cron job always."""

_GOLDEN = 0.618034  # its multiples, taken modulo 1, lie evenly spread, however many there are


_NEVER = datetime.min.replace(tzinfo=UTC)


def turns(accounts: Sequence[Account], polled_at: Mapping[tuple[str, str], datetime]) -> dict[Account, int]:
    """Return which account of a job is polled first, second, …: the one that was not polled for longest leads.

    A start that is cut short again and again thus gets round to all of them. Equals keep the configured order."""
    ordered = sorted(accounts, key=lambda account: polled_at.get(account.key, _NEVER))
    return {account: turn for turn, account in enumerate(ordered)}


def plan(
    polled: Polled,
    index: int,
    turn: int,
    number: int,
    started: datetime,
    run: Callable[[int], Coroutine[Any, Any, None]],
) -> Task:
    """The task that polls an account, the `index`th of its job and the `turn`th to be polled.

    `number` is the job's among all: jobs of one interval don't fire together either."""
    count = len(polled.job.accounts)
    match polled.job.schedule:
        case Every(interval=interval):
            share = interval / count
            spacing = min(share, SPACING)
            first = started + (turn + number * _GOLDEN % 1) * spacing
            trigger: BaseTrigger = Evenly(interval, started + (turn + number * _GOLDEN % 1) * share)
        case Cron() as schedule:
            trigger = ByCron(schedule.fields, schedule.timezone)
            spacing = min(_gap(trigger, started) / count, SPACING)
            first = started + turn * spacing
            trigger = Later(trigger, turn * spacing)
        case _:
            assert_never(polled.job.schedule)
    return Task(trigger=trigger, first=first, run=run, rhythm=(polled.job.schedule, index, count))


def next_after(polled: Polled, at: datetime) -> datetime:
    """When an account polled at an instant (UTC) would be due again, were a daemon at work."""
    match polled.job.schedule:
        case Every(interval=interval):
            return at + interval
        case Cron() as schedule:
            return following(ByCron(schedule.fields, schedule.timezone), at)
        case _:
            assert_never(polled.job.schedule)


def _gap(trigger: BaseTrigger, at: datetime) -> timedelta:
    """How far apart a trigger's next two firings are."""
    first = following(trigger, at)
    return following(trigger, first) - first
