"""The run: start, restarts, reloads, samples, the end, and the result."""

import asyncio
import os
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

from campaigns.soak import scenario
from campaigns.soak.daemon import Clock, Daemon
from campaigns.soak.samples import Log, Sample, yardstick
from campaigns.soak.service import Receiver, Service
from campaigns.soak.verdict import Figure, Messages, figures, judge

ENDS_WITHIN = 300.0
"""Seconds after the last poll in which all episodes have to end, and the outbox has to become empty."""

OnProgress = Callable[[int, str], None]
"""Gets the number of polls made, and a description of the phase."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """The options of a run. `every` is in seconds by the process's clock, which runs `speed` times as fast."""

    polls: int
    accounts: int
    every: int
    speed: int
    restart_each: int
    reload_each: int
    sample_every: float


@dataclass(slots=True, kw_only=True)
class Outcome:
    """The result of a run."""

    polls: int
    seconds: float
    passed: timedelta
    restarts: int
    reloads: int
    refused: int
    samples: list[Sample]
    messages: Messages
    wrong: list[str] = field(default_factory=list)

    @property
    def figures(self) -> list[Figure]:
        """Return the figures that must not grow."""
        return figures(self.samples)

    @property
    def levels_off(self) -> bool:
        """Return whether no figure grows."""
        return all(figure.levels_off for figure in self.figures)


class Run:
    """One process after another, with one scenario."""

    def __init__(self, folder: Path, package: Path, terms: Terms) -> None:
        self._terms = terms
        self._clock = Clock(terms.speed)
        self._scenario = scenario.build(terms.accounts)
        self._service = Service(self._scenario, self._clock.now)
        self._receiver = Receiver()
        self._daemon = Daemon(folder, package, self._clock)
        self._log = Log(folder / "samples.csv")
        self._wrong: list[str] = []
        self._restarts = self._reloads = 0
        self._began = time.monotonic()

    async def whole(self, on_progress: OnProgress) -> Outcome:
        """Run from the first start to the verdict."""
        began = self._clock.now()
        await self._service.start()
        await self._receiver.start()
        self._configure()
        try:
            await self._daemon.launch()
            await self._polls(on_progress)
            made = self._service.polls
            await self._end(on_progress)
        finally:
            if self._daemon.launches:
                await self._daemon.kill()
            await self._service.stop()
            await self._receiver.stop()
        return self._outcome(began, made)

    async def _polls(self, on_progress: OnProgress) -> None:
        terms = self._terms
        restart_at, reload_at = terms.restart_each, terms.reload_each
        while (made := self._service.polls) < terms.polls and self._is_alive():
            on_progress(made, f"polls, process {self._daemon.launches}")
            if made >= restart_at:
                restart_at += terms.restart_each if made < terms.polls / 2 else terms.polls
                await self._restart()
            elif made >= reload_at:
                reload_at += terms.reload_each
                await self._reload()
            self._sample()
            await asyncio.sleep(terms.sample_every)

    async def _end(self, on_progress: OnProgress) -> None:
        self._scenario.end()
        deadline = time.monotonic() + ENDS_WITHIN
        while not (self._scenario.resting and not self._daemon.counts()["pending"]) and self._is_alive():
            on_progress(self._service.polls, "the last episodes end")
            if time.monotonic() > deadline:
                self._wrong.append(
                    "the end did not come: an alert is still open, or a notification undelivered"
                )
                break
            await asyncio.sleep(0.5)
        if self._is_alive():
            await self._stop()

    def _is_alive(self) -> bool:
        if not self._daemon.has_ended:
            return True
        self._wrong.append(f"process {self._daemon.launches} ended by itself")
        return False

    async def _restart(self) -> None:
        await self._stop()
        if (result := await asyncio.to_thread(self._daemon.integrity)) != "ok":
            self._wrong.append(f"integrity after the stop of process {self._daemon.launches}: {result}")
        self._restarts += 1
        await self._daemon.launch()

    async def _stop(self) -> None:
        code = await self._daemon.stop()
        if code:
            self._wrong.append(f"process {self._daemon.launches} ended with {code} after SIGTERM")

    async def _reload(self) -> None:
        self._reloads += 1
        self._configure()
        await self._daemon.reload()

    def _configure(self) -> None:
        service = self._service
        ports = scenario.Ports(
            exchange=service.exchange.port,
            wallets=service.wallets.port,
            feeds=service.feeds.port,
            receiver=self._receiver.port,
        )
        guests = self._reloads % 2 == 1
        self._daemon.configure(
            scenario.configuration(self._scenario, self._terms.every, ports, guests=guests)
        )

    def _sample(self) -> None:
        daemon = self._daemon
        polls, usage, counts = self._service.polls, daemon.usage(), daemon.counts()
        file, wal = daemon.sizes()
        self._log.add(
            Sample(
                seconds=round(time.monotonic() - self._began, 3),
                polls=polls,
                life=daemon.launches,
                age=round(daemon.age, 3),
                cpu=usage.cpu,
                rss=usage.rss,
                pss=usage.pss,
                fds=usage.fds,
                threads=usage.threads,
                file=file,
                wal=wal,
                rows=sum(counts[name] for name in ("polls", "snapshots", "events", "notifications")),
                pending=counts["pending"],
                load=os.getloadavg()[0],
                yardstick=yardstick(),
            )
        )

    def _outcome(self, began: datetime, made: int) -> Outcome:
        messages = judge(self._scenario.expected(), self._receiver.messages, self._daemon.stops)
        if (result := self._daemon.integrity()) != "ok":
            self._wrong.append(f"integrity at the end: {result}")
        return Outcome(
            polls=made,
            seconds=time.monotonic() - self._began,
            passed=self._clock.now() - began,
            restarts=self._restarts,
            reloads=self._reloads,
            refused=self._receiver.refused,
            samples=self._log.samples,
            messages=messages,
            wrong=[*self._wrong, *messages.wrong, *self._daemon.logged_errors()],
        )
