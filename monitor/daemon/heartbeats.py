"""The daemon's heartbeat: at its interval a run ends, with success or a problem, and the next one begins."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import timedelta
from uuid import uuid4

from monitor.alerting.heartbeat import Heartbeat
from monitor.config.sections import HeartbeatSection

log = logging.getLogger(__name__)


class Heartbeats:
    """Sends heartbeats in a task of its own, so that a slow URL delays nothing else.

    `problem` returns the daemon's problem; empty: none."""

    def __init__(self, problem: Callable[[], Awaitable[str]]) -> None:
        self._problem = problem
        self._wanted: HeartbeatSection | None = None
        self._replaced = asyncio.Event()
        self._tasks: set[asyncio.Task[None]] = set()

    def reconfigure(self, wanted: HeartbeatSection | None) -> None:
        """Use these settings from now on. A heartbeat with other settings ends its run and stops."""
        if wanted == self._wanted:
            return
        self._replaced.set()
        self._wanted, self._replaced = wanted, asyncio.Event()
        if wanted is not None:
            task = asyncio.create_task(self._run(wanted, self._replaced), name="heartbeat")
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def stop(self, within: timedelta) -> None:
        """End the current run, if its URL responds in time."""
        self._replaced.set()
        if self._tasks:
            _, slow = await asyncio.wait(self._tasks, timeout=within.total_seconds())
            for task in slow:
                task.cancel()
            await asyncio.gather(*slow, return_exceptions=True)

    async def _run(self, wanted: HeartbeatSection, replaced: asyncio.Event) -> None:
        heartbeat, loop = Heartbeat(wanted.url, uuid4, proxy=wanted.proxy), asyncio.get_running_loop()
        while not replaced.is_set():
            next_at = loop.time() + wanted.every.total_seconds()
            await heartbeat.begin()
            with suppress(TimeoutError):
                async with asyncio.timeout_at(next_at):
                    await replaced.wait()
            try:
                problem = await self._problem()
            except Exception as exc:  # a defect is a problem too, and must not end the heartbeats unnoticed
                log.exception("health check for the heartbeat failed")
                problem = f"health check for the heartbeat failed: {type(exc).__name__}"
            await heartbeat.end(problem)
