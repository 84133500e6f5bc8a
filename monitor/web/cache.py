"""What was made for one visitor serves the others for a while: how many look costs the daemon little."""

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from typing import Generic, TypeVar

T = TypeVar("T")

SHARE = 10
"""A thing is kept for so many times what it took to make: making it again and again takes a tenth of a core at most."""
SHORTEST, LONGEST = 0.5, 30.0
"""Seconds it is kept at least, and at most, where nothing else is said."""


@dataclass(slots=True)
class _Kept(Generic[T]):
    thing: T
    until: float


class Shelf(Generic[T]):
    """Things by key, the `size` used last. To be used by many threads: each thing is made by one of them at a time."""

    def __init__(
        self, size: int = 256, clock: Callable[[], float] = time.monotonic, longest: float = LONGEST
    ) -> None:
        self._size = size
        self._longest = longest
        self._clock = clock
        self._kept: OrderedDict[Hashable, _Kept[T]] = OrderedDict()
        self._making: dict[Hashable, threading.Lock] = {}
        self._lock = threading.Lock()

    def get(self, key: Hashable, make: Callable[[], T]) -> T:
        """What is kept under a key, or else made now. What `make` raises is raised, and nothing kept."""
        found = self._find(key)
        if found is not None:
            return found.thing
        with self._maker(key):
            found = self._find(key)  # somebody else may have made it meanwhile
            if found is not None:
                return found.thing
            began = self._clock()
            thing = make()
            ended = self._clock()
            self._put(key, _Kept(thing, ended + min(max(SHARE * (ended - began), SHORTEST), self._longest)))
            return thing

    def _find(self, key: Hashable) -> _Kept[T] | None:
        with self._lock:
            found = self._kept.get(key)
            if found is None or found.until <= self._clock():
                return None
            self._kept.move_to_end(key)
            return found

    def _put(self, key: Hashable, kept: _Kept[T]) -> None:
        with self._lock:
            self._kept[key] = kept
            self._kept.move_to_end(key)
            while len(self._kept) > self._size:
                gone, _ = self._kept.popitem(last=False)
                self._making.pop(gone, None)

    def _maker(self, key: Hashable) -> threading.Lock:
        with self._lock:
            if len(self._making) > 4 * self._size:
                self._making.clear()  # what is being made is then made twice, at worst
            return self._making.setdefault(key, threading.Lock())
