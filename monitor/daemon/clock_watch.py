"""The daemon's watch over the wall clock: it notices that the clock is set, in doubt, or right again."""

import logging
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta

from monitor.alerting.clock_changes import fit_to_clock, move_forward, resolve_clock
from monitor.daemon.runtime import Hosts
from monitor.domain.clock import AHEAD, OFF, ClockEvidence
from monitor.store.transaction import Transaction
from monitor.store.writer import Store

log = logging.getLogger(__name__)

MOVED = 1_000
"""Readings moved in one transaction, at most: polls wait for the writer meanwhile."""


class ClockWatch:
    """Adjusts the store to a clock that was set, and decides whether retention may trust the clock.

    `clock` returns aware UTC, `monotonic` seconds of a clock that is never set."""

    def __init__(
        self, store: Store, hosts: Hosts, *, clock: Callable[[], datetime], monotonic: Callable[[], float]
    ) -> None:
        self._store = store
        self._hosts = hosts
        self._clock = clock
        self._monotonic = monotonic
        self._since = (clock(), monotonic())
        self._steps = [timedelta(0)]  # not handled yet; a start is a step of unknown size
        self._doubt: str | None = None
        self._has_run_long_enough = False
        # how long nothing ran before this start, by this clock; None once the providers' clocks have confirmed it
        self._stopped_for: timedelta | None = None

    def may_prune(self) -> bool:
        """Return whether nothing contradicts the clock, and it has run long enough to be sure."""
        return self._has_run_long_enough and self._doubt == ""

    def was_set(self, step: timedelta) -> None:
        """Note that the clock was set by `step`. Earlier confirmations no longer count."""
        self._hosts.forget_clocks()
        self._since = (self._clock(), self._monotonic())
        self._steps.append(step)
        self._has_run_long_enough = False

    async def fit(self) -> None:
        """Adjust the store if the clock was set since the last call. Raises StoreError; the next call tries again."""
        steps, self._steps = self._steps, []
        if not steps:
            await self._fit_to_services()
            return
        at, step = self._clock(), sum(steps, timedelta(0))
        try:
            newest, noticed = await self._store.write(
                lambda tx: (tx.readings.newest(), fit_to_clock(tx, at, step))
            )
        except BaseException:
            self._steps = [*steps, *self._steps]
            raise
        self._stopped_for = None if step or newest is None else at - newest
        if noticed:
            log.warning("clock and store disagree", extra={"fields": {"noticed": noticed}})

    async def _fit_to_services(self) -> None:
        """Adjust the store if the first responses show that the clock jumped ahead while nothing ran."""
        differences, stopped_for = self._hosts.clock_differences, self._stopped_for
        if stopped_for is None or not differences:
            return
        self._stopped_for = None  # before the first await: polls run at the same time
        ahead = -max(differences)  # by the provider whose clock differs least
        if OFF <= ahead <= stopped_for + AHEAD:
            try:
                await self._store.write(lambda tx: move_forward(tx, ahead))
            except BaseException:
                self._stopped_for = stopped_for
                raise

    async def judge(self) -> None:
        """Resolve which clock was right as soon as that is known, and log when doubt about the clock begins and ends.

        Raises StoreError."""
        await self.fit()
        differences = self._hosts.clock_differences
        moved = MOVED
        while moved >= MOVED:
            moved, resolved = await self._store.write(
                lambda tx: resolve_clock(tx, self._clock(), differences, MOVED)
            )
            if resolved:
                log.warning("clock change resolved", extra={"fields": {"noticed": resolved}})
        doubt = await self._store.write(self._judge)
        if bool(doubt) != bool(self._doubt):
            if doubt:
                fields = {"reason": doubt}
                log.warning("clock in doubt, retention paused", extra={"fields": fields})
            else:
                log.info("clock no longer in doubt, retention resumed")
        self._doubt = doubt

    async def end(self) -> None:
        """Clear the doubt in the store, which a stopped daemon cannot resolve. Raises StoreError."""
        await self._store.write(lambda tx: tx.clock.note_doubt(""))

    def _judge(self, tx: Transaction) -> str:
        mark = tx.clock.mark()
        started_at, began = self._since
        evidence = ClockEvidence(
            now=self._clock(),
            started_at=mark.jumped_to or started_at,
            running=timedelta(seconds=self._monotonic() - began),
            newest=tx.readings.newest(),
            newest_before=mark.jumped_from,
            differences=self._hosts.clock_differences,
        )
        self._has_run_long_enough, doubt = evidence.has_run_long_enough, evidence.doubt()
        if doubt != self._doubt:
            tx.clock.note_doubt(doubt)
        if self._has_run_long_enough and not doubt and mark.jumped_to is not None:
            tx.clock.save(replace(mark, jumped_from=None, jumped_to=None))
        return doubt
