"""A cache of results, so that many visitors cost the daemon little more than one."""

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from typing import Generic, TypeVar

T = TypeVar("T")

KEPT_TIMES = 10
"""A value is cached for this many times as long as it took to compute: that takes a tenth of a core at most."""
SHORTEST, LONGEST = 0.5, 30.0
"""Bounds of the time for which a value is cached, in seconds."""


@dataclass(slots=True)
class _Entry(Generic[T]):
    value: T
    until: float  # by the cache's clock, in seconds


class Cache(Generic[T]):
    """The `size` values used last, by key. Threads may share it: each value is computed by one thread at a time.

    `longest` is the longest time for which a value is cached, in seconds; `clock` returns seconds."""

    def __init__(
        self, size: int = 256, clock: Callable[[], float] = time.monotonic, longest: float = LONGEST
    ) -> None:
        self._size = size
        self._longest = longest
        self._clock = clock
        self._entries: OrderedDict[Hashable, _Entry[T]] = OrderedDict()
        self._computing: dict[Hashable, threading.Lock] = {}
        self._lock = threading.Lock()

    def get(self, key: Hashable, compute: Callable[[], T]) -> T:
        """Return the cached value of a key, or compute it. An exception of `compute` is raised and not cached."""
        found = self._find(key)
        if found is not None:
            return found.value
        with self._lock_of(key):
            found = self._find(key)  # another thread may have computed it while this one waited
            if found is not None:
                return found.value
            began = self._clock()
            value = compute()
            ended = self._clock()
            kept_for = min(max(KEPT_TIMES * (ended - began), SHORTEST), self._longest)
            self._put(key, _Entry(value, ended + kept_for))
            return value

    def _find(self, key: Hashable) -> _Entry[T] | None:
        with self._lock:
            found = self._entries.get(key)
            if found is None or found.until <= self._clock():
                return None
            self._entries.move_to_end(key)
            return found

    def _put(self, key: Hashable, entry: _Entry[T]) -> None:
        with self._lock:
            self._entries[key] = entry
            self._entries.move_to_end(key)
            while len(self._entries) > self._size:
                oldest, _ = self._entries.popitem(last=False)
                self._computing.pop(oldest, None)

    def _lock_of(self, key: Hashable) -> threading.Lock:
        with self._lock:
            # a key whose computation raises is never put, so its lock would stay
            if len(self._computing) > 4 * self._size:
                self._computing.clear()  # at worst, a value is then computed twice
            return self._computing.setdefault(key, threading.Lock())
