"""Tests that run beside each other: what they do is mostly waiting, for polls a second apart and for processes.

`@together()` turns an `async def test_…(site)` into a test whose installation is at work on a loop in a thread of
its own, beside others of the same folder; pytest then collects its result when its turn comes. All of a folder's
begin as soon as the first of them has its turn, so many at a time.
"""

import asyncio
import threading
from collections.abc import Callable, Coroutine, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias, TypeVar

import pytest

from monitor.sandbox import Scenario

from .support import MANY_CALLS, Installation

AT_ONCE = 5

Seer = TypeVar("Seer", bound=Callable[..., None])
Play: TypeAlias = Callable[[Installation], Coroutine[Any, Any, None]]


@dataclass(frozen=True, slots=True)
class Act:
    """What one test does, and the installation it wants."""

    play: Play
    story: Scenario | None
    limit: int


class Stage:
    """A loop in a thread. `begin` acts on it, and ask for their results."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._places = asyncio.Semaphore(AT_ONCE)
        self._thread = threading.Thread(target=self._loop.run_forever, name="stage", daemon=True)
        self._thread.start()
        self._running: dict[int, Future[None]] = {}

    def begin(self, act: Act, folder: Path) -> None:
        """Begin an act as soon as there is a place for it. An act that several tests look at is played once."""
        if id(act) not in self._running:
            played = self._perform(act, folder)
            self._running[id(act)] = asyncio.run_coroutine_threadsafe(played, self._loop)

    def result(self, act: Act) -> None:
        """Wait for an act's end. Raises what went wrong in it."""
        self._running[id(act)].result()

    def close(self) -> None:
        """End what still runs, with every process that belongs to it."""
        for one in self._running.values():
            one.cancel()
        asyncio.run_coroutine_threadsafe(self._drained(), self._loop).result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.run_until_complete(self._loop.shutdown_default_executor())
        self._loop.close()

    async def _perform(self, act: Act, folder: Path) -> None:
        async with self._places, Installation.on(folder, act.story, limit=act.limit) as site:
            await act.play(site)

    @staticmethod
    async def _drained() -> None:
        others = asyncio.all_tasks() - {asyncio.current_task()}
        await asyncio.gather(*others, return_exceptions=True)


def together(
    story: Scenario | None = None, limit: int = MANY_CALLS
) -> Callable[[Play], Callable[[Stage], None]]:
    """Make a test of what it decorates; see this module's docstring."""

    def decorate(play: Play) -> Callable[[Stage], None]:
        act = Act(play, story, limit)

        def test(stage: Stage) -> None:
            stage.result(act)

        test.__name__, test.__qualname__ = play.__name__, play.__qualname__
        test.__doc__, test.__module__ = play.__doc__, play.__module__
        test.act = act  # type: ignore[attr-defined]  # where `stage_of` looks for it
        return test

    return decorate


def looks_at(act: Act) -> Callable[[Seer], Seer]:
    """Mark a test that looks at what an act has shown, beside others: each calls `stage.result(act)`."""

    def decorate(test: Seer) -> Seer:
        test.act = act  # type: ignore[attr-defined]  # where `stage_of` looks for it
        return test

    return decorate


@contextmanager
def stage_of(conftest: str, request: pytest.FixtureRequest) -> Iterator[Stage]:
    """Begin the acts of those tests to be run that are in a `conftest.py`'s own folder. Yields the stage."""
    make: pytest.TempPathFactory = request.getfixturevalue("tmp_path_factory")
    stage = Stage()
    try:
        for item in request.session.items:
            act = getattr(getattr(item, "function", None), "act", None)
            if isinstance(act, Act) and item.path.parent == Path(conftest).parent:
                stage.begin(act, make.mktemp(act.play.__name__[:40]))
        yield stage
    finally:
        stage.close()
