"""The use case: the wall clock was set, now or while nothing ran, and what the store knows is fitted to it.

Nothing tells at once which clock was right, the one before or the one now. So nothing is deleted: what lies ahead is
left out, and all that counts time goes on from where it was. Later the clock itself settles it, or a service's."""

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
"""A clock that is set back by less was corrected: nobody has to hear of it."""
AT_ONCE = 20_000
"""Readings that are moved together where that cannot wait for the next look."""


def fit_to_clock(tx: Transaction, now: datetime, step: timedelta = timedelta(0)) -> str:
    """Fit what the store counts time by to the clock, at the start and when it was set; return what was noticed.

    `step` is by how much it was set, where that is known: it happened while the process ran."""
    mark, newest, latest = tx.clock.mark(), tx.readings.newest(), tx.clock.latest()
    noticed = ""
    if mark.is_over(now):
        mark, noticed = _go_back(tx, mark, now)
        step = timedelta(0)
    if mark.jumped_to is not None and now < mark.jumped_to:
        mark = replace(mark, jumped_from=None, jumped_to=None)  # whatever went ahead is undone
        tx.clock.save(mark)
    if latest is not None and latest > now:
        return _set_back(tx, mark, now, latest)
    if step > timedelta(0):
        go_on_after(tx, step)
    if newest is not None and now - newest > JUMP and mark.jumped_to is None:
        tx.clock.save(replace(mark, jumped_from=newest, jumped_to=now))
        if not step:
            tx.clock.count_failures_from(now, since=newest - JUMP)
    return noticed


def go_on_after(tx: Transaction, step: timedelta) -> None:
    """Let all that counts time go on from where it was before the clock was set forward."""
    _exchange(tx, lambda at: at + step)
    tx.clock.put_forward(step)


def _exchange(tx: Transaction, to: Callable[[datetime], datetime]) -> None:
    for alert in tx.alerts.all().values():
        if (changed := re_dated(alert, to)) != alert:
            tx.alerts.save(changed)


def _set_back(tx: Transaction, mark: ClockMark, now: datetime, latest: datetime) -> str:
    """Let all that lies ahead be as long ago as it was at the latest instant known."""
    moved = dict(mark.moved)

    def earlier(at: datetime) -> datetime:
        if at <= now:
            return at
        was = mark.moved.get(at, at)  # the clock was set back before, and nothing settled that yet
        became = now - max(latest - at, timedelta(0))
        moved[became] = was
        return became

    _exchange(tx, earlier)
    tx.clock.set_back(now)
    tx.clock.take_back_deliveries(now, latest - now)
    noticed = tx.clock.mark()
    tx.clock.save(replace(noticed, moved=moved))
    until = noticed.ahead_until or latest
    if until - now < CORRECTION:
        return ""
    return (
        f"the store knows of {moment(until)}, {span(until - now)} ahead of this machine's clock: readings "
        "ahead are kept, and left out"
    )


def _go_back(tx: Transaction, mark: ClockMark, now: datetime) -> tuple[ClockMark, str]:
    """The clock was behind and is right again: go on from what lay ahead of it."""
    began = mark.set_back_at or now

    def restored(at: datetime) -> datetime:
        return mark.moved.get(at, now if at > began else at)

    _exchange(tx, restored)
    tx.clock.go_back_to_what_lay_ahead()
    tx.clock.return_some(now, AT_ONCE)
    tx.clock.count_failures_from(now, since=began)
    mark = ClockMark()
    tx.clock.save(mark)
    return mark, (
        f"the clock is later than all that lay ahead of it since {moment(began)}: it was behind, and what was "
        "read meanwhile is set aside"
    )


def settle_clock(
    tx: Transaction, now: datetime, differences: Collection[timedelta], limit: int
) -> tuple[int, str]:
    """Move some of the readings that a wrong clock made out of the history, as soon as that is known; return how many,
    and what was settled.

    `differences` say how much later the services' clocks are than this one."""
    mark = tx.clock.mark()
    if mark.ahead_until is None:
        moved = tx.clock.return_some(now, limit)
        return moved + tx.clock.set_aside_provisional(now, limit), ""
    if not mark.is_confirmed(differences) and not mark.is_over(now):
        return 0, ""
    if moved := tx.clock.set_aside_ahead(now, limit):
        return moved, ""
    tx.clock.forget(now)
    return 0, "it is right and was ahead: what was read then is set aside"
