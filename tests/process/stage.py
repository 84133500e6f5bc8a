"""Tests that run beside each other: what they do is mostly waiting, for polls a second apart and for processes.

`@together()` turns an `async def test_…(site)` into a test whose installation is at work on a loop in a thread of
its own, along with a few others of the same folder; pytest then collects its result when its turn comes.
"""

import asyncio
import threading
from collections.abc import Callable, Coroutine, Iterator, Sequence
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias, TypeVar

from monitor.sandbox import Scenario

from .support import MANY_CALLS, Installation

AT_ONCE = 6

Seer = TypeVar("Seer", bound=Callable[..., None])
Play: TypeAlias = Callable[[Installation], Coroutine[Any, Any, None]]


@dataclass(frozen=True, slots=True)
class Act:
    """What one test does, and the installation it wants."""

    play: Play
    story: Scenario | None
    limit: int


class Stage:
    """A loop in a thread, and the acts that run on it."""

    def __init__(self, acts: Sequence[tuple[Act, Path]]) -> None:
        self._loop = asyncio.new_event_loop()
        self._places = asyncio.Semaphore(AT_ONCE)
        self._thread = threading.Thread(target=self._loop.run_forever, name="stage", daemon=True)
        self._thread.start()
        self._running = {
            id(act): asyncio.run_coroutine_threadsafe(self._perform(act, folder), self._loop)
            for act, folder in acts
        }

    def result(self, act: Act) -> None:
        """Waits for an act's end. Raises what went wrong in it."""
        self._running[id(act)].result()

    def close(self) -> None:
        """Ends what still runs, with every process that belongs to it."""
        running: list[Future[None]] = list(self._running.values())
        for one in running:
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
    """Makes a test of what it decorates; see this module's docstring."""

    def decorate(play: Play) -> Callable[[Stage], None]:
        act = Act(play, story, limit)

        def test(stage: Stage) -> None:
            stage.result(act)

        test.__name__, test.__qualname__ = play.__name__, play.__qualname__
        test.__doc__, test.__module__ = play.__doc__, play.__module__
        test.act = act  # type: ignore[attr-defined]  # where `raised` looks for it
        return test

    return decorate


def looks_at(act: Act) -> Callable[[Seer], Seer]:
    """Marks a test that looks at what an act has shown, beside others: each calls `stage.result(act)`."""

    def decorate(test: Seer) -> Seer:
        test.act = act  # type: ignore[attr-defined]  # where `raised` looks for it
        return test

    return decorate


@contextmanager
def raised(functions: Sequence[object], folder: Callable[[str], Path]) -> Iterator[Stage]:
    """A stage on which the acts among these test functions begin at once, each in a folder of its own.

    An act that several tests look at is played once."""
    acts = {id(act): act for function in functions if isinstance(act := getattr(function, "act", None), Act)}
    stage = Stage([(act, folder(act.play.__name__[:40])) for act in acts.values()])
    try:
        yield stage
    finally:
        stage.close()
