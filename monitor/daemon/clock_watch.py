"""The daemon's watch over the wall clock: it is set, it is in doubt, it is right again."""

import logging
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta

from monitor.alerting.clock_changes import fit_to_clock, go_on_after, settle_clock
from monitor.daemon.runtime import Hosts
from monitor.domain.clock import AHEAD, OFF, ClockEvidence
from monitor.store.transaction import Transaction
from monitor.store.writer import Store

log = logging.getLogger(__name__)

MOVED = 1_000
"""Readings moved in one transaction, at most: others wait for the writer meanwhile."""


class ClockWatch:
    """Fits the store to the clock when that is set, and decides whether anything may be deleted by it.

    `clock` gives aware UTC, `monotonic` seconds by a clock that nobody sets."""

    def __init__(
        self, store: Store, hosts: Hosts, *, clock: Callable[[], datetime], monotonic: Callable[[], float]
    ) -> None:
        self._store = store
        self._hosts = hosts
        self._clock = clock
        self._monotonic = monotonic
        self._since = (clock(), monotonic())
        self._steps = [timedelta(0)]  # not taken yet; a start is one of unknown size
        self._doubt: str | None = None
        self._has_settled = False
        self._stopped_for: timedelta | None = (
            None  # before this start, until the first answers say how long it was
        )

    def may_prune(self) -> bool:
        """Whether nothing contradicts the clock, and it has run for long enough to tell."""
        return self._has_settled and self._doubt == ""

    def was_set(self, step: timedelta) -> None:
        """Note that somebody set the clock: what confirmed it did so before."""
        self._hosts.forget_clocks()
        self._since = (self._clock(), self._monotonic())
        self._steps.append(step)
        self._has_settled = False

    async def fit(self) -> None:
        """Fit the store to the clock, if it was set since the last time. Raises StoreError; then it is tried again."""
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
        """Go on from where all was before the start, where the first answers say that the clock jumped since."""
        differences, stopped_for = self._hosts.clock_differences, self._stopped_for
        if stopped_for is None or not differences:
            return
        self._stopped_for = None  # before anything is awaited: polls come together
        ahead = -max(differences)  # by the service that thinks the least of it
        if OFF <= ahead <= stopped_for + AHEAD:
            try:
                await self._store.write(lambda tx: go_on_after(tx, ahead))
            except BaseException:
                self._stopped_for = stopped_for
                raise

    async def judge(self) -> None:
        """Settle which clock was right as soon as that is known; log when the clock comes into doubt, and when it is
        out of it. Raises StoreError."""
        await self.fit()
        differences = self._hosts.clock_differences
        moved = MOVED
        while moved >= MOVED:
            moved, settled = await self._store.write(
                lambda tx: settle_clock(tx, self._clock(), differences, MOVED)
            )
            if settled:
                log.warning("clock question settled", extra={"fields": {"noticed": settled}})
        doubt = await self._store.write(self._judge)
        if bool(doubt) != bool(self._doubt):
            if doubt:
                fields = {"reason": doubt}
                log.warning("clock in doubt, retention paused", extra={"fields": fields})
            else:
                log.info("clock no longer in doubt, retention resumed")
        self._doubt = doubt

    async def end(self) -> None:
        """Leave no doubt in the store that nobody will settle. Raises StoreError."""
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
        self._has_settled, doubt = evidence.has_settled, evidence.doubt()
        if doubt != self._doubt:
            tx.clock.note_doubt(doubt)
        if self._has_settled and not doubt and mark.jumped_to is not None:
            tx.clock.save(replace(mark, jumped_from=None, jumped_to=None))
        return doubt
