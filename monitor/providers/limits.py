"""Call limits and pauses of a host.

`CallWindow` does the arithmetic, without a clock. `Host` is the queue in front of one host, shared by everything that
calls it. Inside, instants are seconds on the monotonic clock, which no correction of the wall clock changes.
"""

import asyncio
import time
from bisect import insort
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Protocol

from monitor.domain.model import NotedCall, Pause
from monitor.domain.time import moment
from monitor.errors import Banned, Outcome, PollFailed, RateLimited, Timeout, Unavailable
from monitor.providers.base import RateLimit

CONCURRENCY = 4
"""The highest number of requests under way on one host."""
MARGIN = 0.25
"""Seconds for which a call counts beyond a limit's span, because two clocks never run at exactly the same speed."""
LONGEST_PAUSE = timedelta(hours=24)
"""The longest pause, however wrong the clock or the response that it came from."""
RECHECK = 1.0
"""Seconds after which a call that waits for other processes' calls checks them again: they may have ended by then."""
_REMEMBERED = 1000
"""The number of calls that are remembered at least, in case a reload adds a limit."""


class CallWindow:
    """The calls of the recent past, and when the next one fits under every limit.

    A call counts from its start until a limit's span after its end, because only the provider knows at which instant in
    between it counted it: whichever that was, no span holds more calls than allowed. This includes a provider that
    counts by calendar minutes, since each of them is such a span."""

    def __init__(self) -> None:
        self._limits: list[RateLimit] = []
        self._ended: list[float] = []
        self._kept = _REMEMBERED
        self.under_way = 0

    @property
    def limited(self) -> bool:
        """Return True if there is any limit."""
        return bool(self._limits)

    def add(self, limit: RateLimit) -> None:
        """Add a limit, which applies in addition to the others."""
        self._limits.append(limit)
        self._kept = max(self._kept, limit.calls)

    def remove(self, limit: RateLimit) -> None:
        """Undo one `add`."""
        self._limits.remove(limit)

    def copy(self) -> "CallWindow":
        """Return a copy, which can be read in another thread."""
        same = CallWindow()
        same._limits, same._ended = [*self._limits], [*self._ended]
        same._kept, same.under_way = self._kept, self.under_way
        return same

    @property
    def longest_span(self) -> timedelta:
        """Return for how long after its end a call counts, by any limit."""
        return max((limit.per for limit in self._limits), default=timedelta(0)) + timedelta(seconds=MARGIN)

    def delay(self, now: float, elsewhere: Sequence[float] = ()) -> tuple[float, RateLimit | None]:
        """Return the least number of seconds until a call may start, and the limit that requires them.

        `elsewhere` are the ends of other processes' calls, past or future, which count as well."""
        ended = sorted([*self._ended, *elsewhere]) if elsewhere else self._ended
        waits = ((self._delay(limit, now, ended), limit) for limit in self._limits)
        seconds, limit = max(waits, default=(0.0, None))
        return (seconds, limit) if seconds > 0 else (0.0, None)

    def begin(self) -> None:
        """Count a call that starts."""
        self.under_way += 1

    def end(self, now: float) -> None:
        """Record the end of a call that began, whatever its outcome."""
        self.under_way -= 1
        insort(self._ended, now)
        del self._ended[: -self._kept]  # older ones can't matter: no limit counts more calls than are kept

    def _delay(self, limit: RateLimit, now: float, ended: Sequence[float]) -> float:
        span = limit.per.total_seconds() + MARGIN
        free = limit.calls - self.under_way
        if free <= 0:
            return span
        if len(ended) < free:
            return 0.0
        return ended[-free] + span - now


@dataclass(frozen=True, slots=True)
class Elsewhere:
    """The calls of other processes to one host, each with its end on our monotonic clock.

    A call's end is converted to that clock when it is first seen. Later it moves only by as much as the other process
    moved it, so that no correction of the wall clock makes a call count for longer or for less."""

    _known: Mapping[tuple[str, datetime], tuple[datetime, float]] = field(default_factory=dict)

    @property
    def ends(self) -> list[float]:
        """Return when each ended, or ends at the latest."""
        return [end for _, end in self._known.values()]

    def seen(
        self,
        calls: Sequence[NotedCall],
        *,
        now: datetime,
        monotonic: float,
        span: timedelta,
        longest: timedelta,
    ) -> "Elsewhere":
        """Return the known calls and these, without those no longer listed that ended more than a `span` ago.

        No call is assumed to end later than `longest` from now: the clock may have been wrong when it was noted."""
        known = dict(self._known)
        for call in calls:
            key, left = (call.caller, call.at), min(call.ends_by - now, longest)
            ends_by, end = known.get(key, (call.ends_by, monotonic + left.total_seconds()))
            known[key] = call.ends_by, end - max(0.0, (ends_by - call.ends_by).total_seconds())
        counted, listed = monotonic - span.total_seconds(), {(call.caller, call.at) for call in calls}
        return Elsewhere({key: one for key, one in known.items() if one[1] >= counted or key in listed})


@dataclass(frozen=True, slots=True)
class Noted:
    """When a call was noted; None if other processes' calls left no room. `pause`: the host's pause in the log."""

    at: datetime | None
    pause: Pause | None = None


class CallLog(Protocol):
    """A log in which the processes of one installation note their calls, to share a host's limits and pauses."""

    async def note(
        self, host: str, timeout: timedelta, span: timedelta, fits: Callable[[Sequence[NotedCall]], bool]
    ) -> Noted:
        """Note a call that is about to be sent, if it `fits` beside the calls of others within `span`.

        No other process notes one in between. `fits` may be called in another thread."""
        ...

    def end(self, host: str, at: datetime) -> None:
        """Record the end of the call that was noted at this instant, which frees its place."""
        ...


class NoTurn(Exception):
    """No turn came in time and nothing was sent. `failure` is the outcome of the poll."""

    def __init__(self, failure: PollFailed) -> None:
        super().__init__(failure.detail)
        self.failure = failure


@dataclass(frozen=True, slots=True)
class _Obstacle:
    """The reason why nothing may be sent now, and for how many seconds at least (0: until another call ends)."""

    seconds: float
    failure: PollFailed


class Host:
    """The queue in front of one host: first come, first served, within its limits and outside its pauses.

    - `name`: its scheme, host name and port.
    - `clock` returns aware UTC, `monotonic` seconds.
    - `log`: where calls under a limit are noted; None if no other process can make any.
    - `clock_difference`: how much later the host's clock was than ours at its last response; None before a `Date`."""

    def __init__(
        self,
        name: str,
        *,
        clock: Callable[[], datetime],
        monotonic: Callable[[], float] = time.monotonic,
        concurrency: int = CONCURRENCY,
        log: CallLog | None = None,
    ) -> None:
        self.name = name
        self.clock_difference: timedelta | None = None
        self._clock = clock
        self._monotonic = monotonic
        self._concurrency = concurrency
        self._window = CallWindow()
        self._log = log
        self._elsewhere = Elsewhere()
        self._pause: Pause | None = None
        self._adopted: Pause | None = None
        self._resumes = 0.0
        self._head = asyncio.Lock()  # held by the call whose turn is next; the others queue in order
        self._changed = asyncio.Event()

    @property
    def paused(self) -> Pause | None:
        """Return the pause in force, if any."""
        return self._pause if self._monotonic() < self._resumes else None

    def pause(self, until: datetime, outcome: Outcome, detail: str) -> None:
        """Send nothing before `until` (UTC), a day from now at most. A pause never shortens another."""
        now = self._clock()
        until = min(until, now + LONGEST_PAUSE)
        # From here on the monotonic clock is used: setting the wall clock must not shorten or extend a pause.
        resumes = self._monotonic() + (until - now).total_seconds()
        if resumes > self._resumes:
            self._resumes = resumes
            self._pause = Pause(host=self.name, began_at=now, until=until, outcome=outcome, detail=detail)
            self._changed.set()

    def respect(self, pause: Pause) -> None:
        """Adopt a pause that another process stored. A known one is not started again: our clock may have been set."""
        if pause not in (self._pause, self._adopted):
            self._adopted, now = pause, self._clock()
            self.pause(now + pause.left(now), pause.outcome, pause.detail)

    def add_limit(self, limit: RateLimit) -> None:
        """Add a limit for everything sent to this host, in addition to the others."""
        self._window.add(limit)

    def remove_limit(self, limit: RateLimit) -> None:
        """Undo one `add_limit`."""
        self._window.remove(limit)
        self._changed.set()

    @asynccontextmanager
    async def turn(self, max_wait: timedelta, timeout: timedelta) -> AsyncIterator[None]:
        """Wait for a turn to send one request, and hold its place while it is under way, for `timeout` at most.

        Raises NoTurn if none comes within `max_wait`, and at once if that is certain."""
        noted_at = await self._wait(max_wait.total_seconds(), timeout)
        try:
            yield
        finally:
            self._window.end(self._monotonic())
            if self._log is not None and noted_at is not None:
                self._log.end(self.name, noted_at)
            self._changed.set()

    async def _wait(self, patience: float, timeout: timedelta) -> datetime | None:
        """Wait for the turn; return when the call was noted; None if it was not."""
        deadline = self._monotonic() + patience
        refused: _Obstacle | None = None
        try:
            async with asyncio.timeout(patience), self._head:
                while True:
                    noted_at = None
                    if not (obstacle := self._obstacle(patience)):
                        noted_at, refused = await self._note(patience, timeout)
                        obstacle = refused or self._obstacle(patience)  # a pause may have begun meanwhile
                    if not obstacle:
                        break
                    if self._monotonic() + obstacle.seconds > deadline:
                        raise NoTurn(obstacle.failure)
                    await self._change(obstacle.seconds)
                # Nothing is awaited since the last check, and the next call waits for `_head`: no other call of this
                # process can have taken the place.
                self._window.begin()
                return noted_at
        except TimeoutError as exc:
            obstacle = self._obstacle(patience) or refused
            raise NoTurn(
                obstacle.failure if obstacle else _no_turn(patience, "other calls were first")
            ) from exc

    async def _note(self, patience: float, timeout: timedelta) -> tuple[datetime | None, _Obstacle | None]:
        """Note a call in the log. Return when, or the reason why other processes' calls leave no room for it."""
        if self._log is None or not self._window.limited:
            return None, None
        window, span = self._window.copy(), self._window.longest_span
        delay: tuple[float, RateLimit | None] = (0.0, None)

        def fits(calls: Sequence[NotedCall]) -> bool:
            nonlocal delay
            now, monotonic = self._clock(), self._monotonic()
            self._elsewhere = self._elsewhere.seen(
                calls, now=now, monotonic=monotonic, span=span, longest=timeout
            )
            delay = window.delay(monotonic, self._elsewhere.ends)
            return delay[1] is None

        noted = await self._log.note(self.name, timeout, span, fits)
        if noted.pause is not None:
            self.respect(noted.pause)
        seconds, limit = delay
        if limit is None:
            return noted.at, None
        # Calls under way count until their timeout, but may end at once: there may be room sooner by that much.
        wait = max(min(seconds, RECHECK), seconds - timeout.total_seconds())
        return None, _Obstacle(wait, _over(limit, patience))

    async def _change(self, seconds: float) -> None:
        """Wait for `seconds` (0: without end), or until a place, a limit or a pause changed."""
        self._changed.clear()
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds or None):
                await self._changed.wait()

    def _obstacle(self, patience: float) -> _Obstacle | None:
        now = self._monotonic()
        if pause := self.paused:
            return _Obstacle(self._resumes - now, _paused(pause, self._resumes - now))
        seconds, limit = self._window.delay(now)
        if limit is not None:
            return _Obstacle(seconds, _over(limit, patience))
        if self._window.under_way >= self._concurrency:
            return _Obstacle(0.0, _no_turn(patience, "too many calls under way"))
        return None


def _paused(pause: Pause, seconds: float) -> PollFailed:
    detail = f"host paused until {moment(pause.until)} after {pause.detail}; nothing sent"
    match pause.outcome:
        case Outcome.BANNED:
            return Banned(detail)
        case Outcome.UNAVAILABLE:
            return Unavailable(detail, retry_after=timedelta(seconds=seconds))
        case _:
            return RateLimited(detail)


def _over(limit: RateLimit, patience: float) -> RateLimited:
    return RateLimited(
        f"our own limit of {limit} is reached, no turn within {_seconds(patience)}; nothing sent"
    )


def _no_turn(patience: float, reason: str) -> Timeout:
    return Timeout(f"no turn within {_seconds(patience)}, {reason}; nothing sent")


def _seconds(value: float) -> str:
    return f"{value:g}s"
