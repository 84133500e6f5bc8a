"""When to kill: anywhere, in the start, around a commit, around a delivery. Found by watching from outside alone.

An aim is a coroutine that kills the process when its moment has come and returns what it saw. The delays after
a sign differ, so that over many kills they cover all that follows from it.
"""

import asyncio
import os
import random
import signal
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path
from typing import TypeAlias

from campaigns.kills.checker import Kill
from campaigns.kills.receiver import Delivery
from campaigns.kills.world import World

GIVES_UP = 6.0
"""Seconds after which an aim that saw no sign kills where it is, from when the process runs."""
_STARTS_WITHIN = 60.0
_HOLD = 1.0
_LOOK_EVERY = 0.0002

Aim: TypeAlias = Callable[[World, random.Random], Awaitable[str]]


def draw(rng: random.Random) -> str:
    """The name of an aim."""
    weights = [weight for weight, _ in AIMS.values()]
    return rng.choices(list(AIMS), weights)[0]


async def shoot(name: str, world: World, rng: random.Random, number: int) -> Kill:
    """Kills the process as the aim says, and waits for its end."""
    _, aim = AIMS[name]
    try:
        if aim not in _EARLY:
            await until_running(world)
        async with asyncio.timeout(GIVES_UP):
            saw = await aim(world, rng)
    except TimeoutError:
        saw = "no sign, killed all the same"
    at, running = time.monotonic(), world.is_running
    code = await world.kill()
    return Kill(
        number=number,
        aim=name,
        saw=saw,
        process=world.launches,
        launched=world.launched,
        at=at,
        running=running,
        code=code,
    )


async def _anywhere(world: World, rng: random.Random) -> str:
    """At any instant of a short life."""
    await asyncio.sleep(rng.uniform(0, 4))
    return ""


async def _start(world: World, rng: random.Random) -> str:
    """While it imports, opens its store, takes up what was left, or shortly after."""
    await asyncio.sleep(rng.uniform(0, 2))
    return ""


async def _reading(world: World, rng: random.Random) -> str:
    """A reading that matters has been answered: before its commit, in it, or shortly after."""
    await asyncio.sleep(rng.uniform(0, 1.5))
    told = await world.service.next_fresh()
    await asyncio.sleep(rng.uniform(0, 0.03))
    return f"{told.account} was told {told.level.name!r} of cycle {told.cycle}"


async def _commit(world: World, rng: random.Random) -> str:
    """The write-ahead log has grown after such a reading: in the commit, or between it and what follows."""
    await asyncio.sleep(rng.uniform(0, 1.5))
    told = await world.service.next_fresh()
    delay = rng.choice([0.0, rng.uniform(0, 0.005), rng.uniform(0, 0.04)])
    seen = await asyncio.to_thread(_kill_at_write, world.wal, world.process.pid, delay)
    return (
        f"{'a write' if seen else 'no write'} after {told.account}, {told.level.name!r} of cycle {told.cycle}"
    )


async def _acceptance(world: World, rng: random.Random) -> str:
    """A message has been accepted, and the answer is held back."""
    await asyncio.sleep(rng.uniform(0, 1.0))
    delivery = await world.receiver.next_arrival(_HOLD)
    await asyncio.sleep(rng.uniform(0, 0.05))
    return _described(delivery)


async def _answer(world: World, rng: random.Random) -> str:
    """A message has been accepted and answered: before that is recorded, or shortly after."""
    await asyncio.sleep(rng.uniform(0, 1.0))
    delivery = await world.receiver.next_answer()
    await asyncio.sleep(rng.uniform(0, 0.02))
    return _described(delivery)


async def _deed(world: World, rng: random.Random) -> str:
    """Somebody reloads, or runs a command: before it takes effect, in that, or shortly after."""
    await asyncio.sleep(rng.uniform(0, 1.0))
    deed = await world.acts.next_deed()
    await asyncio.sleep(rng.uniform(0, 1.5))
    return deed


AIMS: dict[str, tuple[int, Aim]] = {
    "anywhere": (15, _anywhere),
    "in the start": (10, _start),
    "after a reading": (20, _reading),
    "at a commit": (25, _commit),
    "before a delivery's answer": (15, _acceptance),
    "after a delivery's answer": (15, _answer),
    "around a reload or a command": (15, _deed),
}
"""The aims, with how often each is drawn."""
_EARLY = (_anywhere, _start)
"""These do not wait until the process runs."""


async def until_running(world: World) -> None:
    """Wait until the process says that it runs, but not for ever."""
    deadline = time.monotonic() + _STARTS_WITHIN
    while not world.is_running and time.monotonic() < deadline:
        await asyncio.sleep(0.02)


def _kill_at_write(wal: Path, pid: int, delay: float) -> bool:
    """In a thread of its own, so that nothing stands between the sign and the signal."""
    before, deadline = _state(wal), time.monotonic() + 1.0
    while (seen := _state(wal)) == before and time.monotonic() < deadline:
        time.sleep(_LOOK_EVERY)
    time.sleep(delay)
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)
    return seen != before


def _state(file: Path) -> tuple[int, int]:
    try:
        stat = file.stat()
    except FileNotFoundError:
        return 0, 0
    return stat.st_size, stat.st_mtime_ns


def _described(delivery: Delivery) -> str:
    return f"{delivery.url}: {delivery.title}"
