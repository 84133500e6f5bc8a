"""The heartbeat of a daemon: at its configured interval a run ends, well or with what is wrong, and the next begins."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import timedelta
from uuid import uuid4

from monitor.alerting.heartbeat import Heartbeat
from monitor.config.sections import HeartbeatSection

log = logging.getLogger(__name__)


class Pulse:
    """Beats by itself: whatever its URL does holds up nothing else. `trouble` says what is wrong; empty: nothing is."""

    def __init__(self, trouble: Callable[[], Awaitable[str]]) -> None:
        self._trouble = trouble
        self._wanted: HeartbeatSection | None = None
        self._over = asyncio.Event()
        self._beating: set[asyncio.Task[None]] = set()

    def reconfigure(self, wanted: HeartbeatSection | None) -> None:
        """Beats like this from now on. What beat otherwise until now ends its run."""
        if wanted == self._wanted:
            return
        self._over.set()
        self._wanted, self._over = wanted, asyncio.Event()
        if wanted is not None:
            beating = asyncio.create_task(self._beat(wanted, self._over), name="heartbeat")
            self._beating.add(beating)
            beating.add_done_callback(self._beating.discard)

    async def stop(self, within: timedelta) -> None:
        """Ends the run that goes on, if its URL answers in time."""
        self._over.set()
        if self._beating:
            _, slow = await asyncio.wait(self._beating, timeout=within.total_seconds())
            for beating in slow:
                beating.cancel()
            await asyncio.gather(*slow, return_exceptions=True)

    async def _beat(self, wanted: HeartbeatSection, over: asyncio.Event) -> None:
        heartbeat, loop = Heartbeat(wanted.url, uuid4, proxy=wanted.proxy), asyncio.get_running_loop()
        while not over.is_set():
            next_at = loop.time() + wanted.every.total_seconds()
            await heartbeat.begin()
            with suppress(TimeoutError):
                async with asyncio.timeout_at(next_at):
                    await over.wait()
            await heartbeat.end(await self._what_is_wrong())

    async def _what_is_wrong(self) -> str:
        try:
            return await self._trouble()
        except Exception as exc:  # a defect is trouble, and must not end the beats in silence
            log.exception("health check for the heartbeat failed")
            return f"health check for the heartbeat failed: {type(exc).__name__}"
