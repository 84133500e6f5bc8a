"""Aims, that is when to kill: anywhere, in the start, around a commit, around a delivery.

An aim is a coroutine that waits for a sign, which it observes from outside the process, and returns what it saw. The
process is killed then. The delays after a sign are random, so that many kills cover everything that follows it.
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
from campaigns.kills.script import Response
from campaigns.kills.world import World

NO_SIGN_AFTER = 6.0
"""Seconds to wait for a sign, once the process is running. Then it is killed without one."""
_STARTS_WITHIN = 60.0
_ANSWER_DELAY = 1.0
_CHECK_EVERY = 0.0002

Aim: TypeAlias = Callable[[World, random.Random], Awaitable[str]]


def draw(rng: random.Random) -> str:
    """Draw the name of an aim."""
    weights = [weight for weight, _ in AIMS.values()]
    return rng.choices(list(AIMS), weights)[0]


async def shoot(name: str, world: World, rng: random.Random, number: int) -> Kill:
    """Kill the process when the aim's moment has come; return once it has ended."""
    _, aim = AIMS[name]
    try:
        if aim not in _EARLY:
            await until_running(world)
        async with asyncio.timeout(NO_SIGN_AFTER):
            saw = await aim(world, rng)
    except TimeoutError:
        saw = "no sign, killed without one"
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
    """Wait for any instant of a short life."""
    await asyncio.sleep(rng.uniform(0, 4))
    return ""


async def _start(world: World, rng: random.Random) -> str:
    """Wait for an instant of the start: imports, the opening of the store, the restored state, or shortly after."""
    await asyncio.sleep(rng.uniform(0, 2))
    return ""


async def _reading(world: World, rng: random.Random) -> str:
    """Wait for a fresh response: the kill comes before, during or after the commit of its reading."""
    await asyncio.sleep(rng.uniform(0, 1.5))
    response = await world.service.next_fresh()
    await asyncio.sleep(rng.uniform(0, 0.03))
    return f"{_place(response)} was sent"


async def _commit(world: World, rng: random.Random) -> str:
    """Wait until the write-ahead log grows after a fresh response: the kill comes during the commit or after it."""
    await asyncio.sleep(rng.uniform(0, 1.5))
    response = await world.service.next_fresh()
    delay = rng.choice([0.0, rng.uniform(0, 0.005), rng.uniform(0, 0.04)])
    seen = await asyncio.to_thread(_kill_at_write, world.wal, world.process.pid, delay)
    return f"{'a write' if seen else 'no write'} after {_place(response)}"


async def _acceptance(world: World, rng: random.Random) -> str:
    """Wait for a message that was accepted, and whose answer is delayed."""
    await asyncio.sleep(rng.uniform(0, 1.0))
    delivery = await world.receiver.next_arrival(_ANSWER_DELAY)
    await asyncio.sleep(rng.uniform(0, 0.05))
    return _described(delivery)


async def _answer(world: World, rng: random.Random) -> str:
    """Wait for a message that was accepted and answered: the kill comes before or after that is recorded."""
    await asyncio.sleep(rng.uniform(0, 1.0))
    delivery = await world.receiver.next_answer()
    await asyncio.sleep(rng.uniform(0, 0.02))
    return _described(delivery)


async def _deed(world: World, rng: random.Random) -> str:
    """Wait for a reload or a command: the kill comes before it takes effect, while it does, or after."""
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
"""The aims, each with its weight in the draw."""
_EARLY = (_anywhere, _start)
"""These do not wait until the process is running."""


async def until_running(world: World) -> None:
    """Wait until the process logs that it is running, or the time for that is over."""
    deadline = time.monotonic() + _STARTS_WITHIN
    while not world.is_running and time.monotonic() < deadline:
        await asyncio.sleep(0.02)


def _kill_at_write(wal: Path, pid: int, delay: float) -> bool:
    """Kill the process `delay` seconds after the log changed; return whether it did, within a second."""
    # runs in a thread of its own, so that the event loop cannot delay the signal
    before, deadline = _state(wal), time.monotonic() + 1.0
    while (seen := _state(wal)) == before and time.monotonic() < deadline:
        time.sleep(_CHECK_EVERY)
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


def _place(response: Response) -> str:
    return f"{response.account}, {response.level.name!r} of cycle {response.cycle}"


def _described(delivery: Delivery) -> str:
    return f"{delivery.url}: {delivery.title}"
