"""Adjust the store to a wall clock that was set, while the daemon ran or before it started.

At first it is unknown which clock was right, the one before or the one now. So nothing is deleted: readings ahead of
the clock are left out, and everything that measures time continues from where it was. Later the clock itself, or the
clock of a provider, shows which one was right."""

import logging
from collections.abc import Callable, Collection
from dataclasses import replace
from datetime import datetime, timedelta

from monitor.domain.alerts import re_dated
from monitor.domain.clock import JUMP, ClockMark
from monitor.domain.time import moment, span
from monitor.store.transaction import Transaction

log = logging.getLogger(__name__)

CORRECTION = timedelta(seconds=10)
"""A clock set back by less was only corrected, which is not reported."""
MOVED_TOGETHER = 20_000
"""Readings moved in one transaction where the rest cannot wait for the next check."""


def fit_to_clock(tx: Transaction, now: datetime, step: timedelta = timedelta(0)) -> str:
    """Adjust the instants in the store to the clock, at the start and after a clock step; return what was noticed.

    `step` is the size of a step while the process ran; at the start it is not known, and zero."""
    mark, newest, latest = tx.clock.mark(), tx.readings.newest(), tx.clock.latest()
    noticed = ""
    if mark.is_over(now):
        mark, noticed = _restore(tx, mark, now)
        step = timedelta(0)  # the step was the correction, which `_restore` has applied
    if mark.jumped_to is not None and now < mark.jumped_to:
        mark = replace(mark, jumped_from=None, jumped_to=None)  # the jump ahead has been undone
        tx.clock.save(mark)
    if latest is not None and latest > now:
        return _set_back(tx, mark, now, latest)
    if step > timedelta(0):
        move_forward(tx, step)
    if newest is not None and now - newest > JUMP and mark.jumped_to is None:
        tx.clock.save(replace(mark, jumped_from=newest, jumped_to=now))
        if not step:  # or deliveries that failed before the stop would count as failing all the time since
            tx.clock.count_failures_from(now, since=newest - JUMP)
    return noticed


def move_forward(tx: Transaction, step: timedelta) -> None:
    """Move everything that measures time along with a clock set forward, so that it continues from where it was."""
    _re_date_alerts(tx, lambda at: at + step)
    tx.clock.move_forward(step)


def _re_date_alerts(tx: Transaction, to: Callable[[datetime], datetime]) -> None:
    for alert in tx.alerts.all().values():
        if (changed := re_dated(alert, to)) != alert:
            tx.alerts.save(changed)


def _set_back(tx: Transaction, mark: ClockMark, now: datetime, latest: datetime) -> str:
    """Move instants ahead of a clock set back to the past, keeping their age at the latest known instant."""
    moved = dict(mark.moved)

    def earlier(at: datetime) -> datetime:
        if at <= now:
            return at
        was = mark.moved.get(at, at)  # set back before, and not resolved yet
        became = now - max(latest - at, timedelta(0))
        moved[became] = was
        return became

    _re_date_alerts(tx, earlier)
    tx.clock.set_back(now)
    tx.clock.move_deliveries_back(now, latest - now)
    noticed = tx.clock.mark()
    tx.clock.save(replace(noticed, moved=moved))
    until = noticed.ahead_until or latest
    if until - now < CORRECTION:
        return ""
    return (
        f"the store has readings or polls up to {moment(until)}, {span(until - now)} ahead of this machine's clock: "
        "readings ahead are kept and left out"
    )


def _restore(tx: Transaction, mark: ClockMark, now: datetime) -> tuple[ClockMark, str]:
    """Restore what was ahead of a clock that was behind and is right again; return what was noticed."""
    began = mark.set_back_at or now

    def restored(at: datetime) -> datetime:
        return mark.moved.get(at, now if at > began else at)

    _re_date_alerts(tx, restored)
    tx.clock.restore_readings_ahead()
    tx.clock.return_some(now, MOVED_TOGETHER)
    tx.clock.count_failures_from(now, since=began)
    mark = ClockMark()
    tx.clock.save(mark)
    return mark, (
        f"the clock has passed the readings that were ahead of it since {moment(began)}: it was behind, and "
        "readings made meanwhile are set aside"
    )


def resolve_clock(
    tx: Transaction, now: datetime, differences: Collection[timedelta], limit: int
) -> tuple[int, str]:
    """Once it is known which clock was wrong, move up to `limit` of its readings out of the history.

    Returns how many, and what was resolved.

    `differences`: by how much the providers' clocks are later than this one."""
    mark = tx.clock.mark()
    if mark.ahead_until is None:
        moved = tx.clock.return_some(now, limit)
        return moved + tx.clock.set_aside_provisional(now, limit), ""
    if not mark.is_confirmed(differences) and not mark.is_over(now):
        return 0, ""
    if moved := tx.clock.set_aside_ahead(now, limit):
        return moved, ""
    tx.clock.forget(now)
    return 0, "the clock is right and was ahead: readings made then are set aside"
