"""Tests that run at the same time, since most of what they do is to wait for polls and processes.

`@together()` turns an `async def test_…(site)` into a test that runs on an event loop in a thread of its own, beside
others of the same directory. pytest collects its result when its turn comes. All tests of a directory begin as soon as
the first of them has its turn, up to `AT_A_TIME` at once.
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

AT_A_TIME = 5

Seer = TypeVar("Seer", bound=Callable[..., None])
Play: TypeAlias = Callable[[Installation], Coroutine[Any, Any, None]]


@dataclass(frozen=True, slots=True)
class Act:
    """The body of one test, and the scenario of its installation."""

    play: Play
    scenario: Scenario | None
    limit: int


class Stage:
    """An event loop in a thread. `begin` starts an act on it, `result` waits for its end."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._places = asyncio.Semaphore(AT_A_TIME)
        self._thread = threading.Thread(target=self._loop.run_forever, name="stage", daemon=True)
        self._thread.start()
        self._running: dict[int, Future[None]] = {}

    def begin(self, act: Act, folder: Path) -> None:
        """Begin an act as soon as there is a place for it. An act that several tests inspect is played once."""
        if id(act) not in self._running:
            played = self._perform(act, folder)
            self._running[id(act)] = asyncio.run_coroutine_threadsafe(played, self._loop)

    def result(self, act: Act) -> None:
        """Wait for an act's end. Raises the error in it."""
        self._running[id(act)].result()

    def close(self) -> None:
        """Cancel all running acts, and end their processes."""
        for one in self._running.values():
            one.cancel()
        asyncio.run_coroutine_threadsafe(self._drained(), self._loop).result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.run_until_complete(self._loop.shutdown_default_executor())
        self._loop.close()

    async def _perform(self, act: Act, folder: Path) -> None:
        async with self._places, Installation.on(folder, act.scenario, limit=act.limit) as site:
            await act.play(site)

    @staticmethod
    async def _drained() -> None:
        others = asyncio.all_tasks() - {asyncio.current_task()}
        await asyncio.gather(*others, return_exceptions=True)


def together(
    scenario: Scenario | None = None, limit: int = MANY_CALLS
) -> Callable[[Play], Callable[[Stage], None]]:
    """Turn a coroutine into a test; see the docstring of this module."""

    def decorate(play: Play) -> Callable[[Stage], None]:
        act = Act(play, scenario, limit)

        def test(stage: Stage) -> None:
            stage.result(act)

        test.__name__, test.__qualname__ = play.__name__, play.__qualname__
        test.__doc__, test.__module__ = play.__doc__, play.__module__
        test.act = act  # type: ignore[attr-defined]  # read by `stage_of`
        return test

    return decorate


def inspects(act: Act) -> Callable[[Seer], Seer]:
    """Mark a test that inspects the result of an act, as others do: each calls `stage.result(act)`."""

    def decorate(test: Seer) -> Seer:
        test.act = act  # type: ignore[attr-defined]  # read by `stage_of`
        return test

    return decorate


@contextmanager
def stage_of(conftest: str, request: pytest.FixtureRequest) -> Iterator[Stage]:
    """Begin the acts of all selected tests in the directory of a `conftest.py`. Yield the stage."""
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
