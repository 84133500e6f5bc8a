"""Killed while it creates its store: the next start completes it."""

import asyncio
import os
import signal
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from campaigns.harness.program import ROOT
from campaigns.kills.lane import cast
from campaigns.kills.receiver import Receiver
from campaigns.kills.world import World

pytestmark = pytest.mark.campaign


@pytest.fixture
def on_disk() -> Iterator[Path]:
    """Yield a folder on a disk. In memory, where the other tests have theirs, the instant is too short to be met."""
    with TemporaryDirectory(dir="/var/tmp") as folder:
        yield Path(folder)


async def test_killed_in_the_creation_of_its_store_it_starts_again(on_disk: Path) -> None:
    """SQLite leaves a journal to roll back if it is killed while it changes a new file to WAL."""
    scenarios = cast(("DROP",), timeless=False)
    world = World(on_disk / "world", ROOT, scenarios, lambda account, cycle: None, Receiver())
    await world.open()
    try:
        await _killed_in_creation(world)
        await world.launch()
        await world.logged(" running ")
    finally:
        await world.close()


async def _killed_in_creation(world: World) -> None:
    """Kill until the journal is left behind: it exists for some ten milliseconds."""
    journal = world.store.with_name(world.store.name + "-journal")
    for _ in range(30):
        await world.launch()
        await asyncio.to_thread(_kill_in_creation, world.process.pid, world.store, journal, world.wal)
        await world.kill()
        if journal.exists():
            return
        for file in (world.store, world.wal, world.store.with_name(world.store.name + "-shm")):
            file.unlink(missing_ok=True)
    pytest.fail("the instant was missed thirty times")


def _kill_in_creation(pid: int, store: Path, journal: Path, wal: Path) -> None:
    """Kill as soon as the journal has its header, which marks it as one to roll back."""
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline and not wal.exists():
        with suppress(FileNotFoundError):
            if store.stat().st_size and journal.read_bytes()[:1] not in (b"", b"\0"):
                os.kill(pid, signal.SIGKILL)
                return
