"""How often a host is asked, and when not at all.

`Window` is the arithmetic, without a clock; `Host` is the queue in front of one host that everything going there
shares. Instants within are seconds on the monotonic clock, which no correction of the wall clock moves.
"""

import asyncio
import time
from bisect import insort
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import datetime, timedelta

from monitor.domain import units
from monitor.domain.model import Pause
from monitor.errors import Banned, Outcome, PollFailed, RateLimited, Timeout, Unavailable
from monitor.providers.base import RateLimit

CONCURRENCY = 4
"""Requests under way on one host at most."""
MARGIN = 0.25
"""Seconds more than a limit's span before a call is forgotten, for clocks that don't run quite alike."""
LONGEST_PAUSE = timedelta(hours=24)
"""What a pause can last at most, however wrong the clock or the answer that it came from."""
_REMEMBERED = 1000
"""Calls remembered while no limit asks for more, in case one comes with a reload."""


class Window:
    """The calls of the recent past, and when the next one fits under every limit.

    A call counts from its start until a limit's span after its end, since only the service knows when in between
    it counted it: whichever instants it took, no span holds more calls than allowed. That goes for a service
    that counts by the calendar's minutes too, a minute being such a span."""

    def __init__(self) -> None:
        self._limits: list[RateLimit] = []
        self._ended: list[float] = []
        self._kept = _REMEMBERED
        self.under_way = 0

    @property
    def limited(self) -> bool:
        """Whether there is any limit."""
        return bool(self._limits)

    def add(self, limit: RateLimit) -> None:
        """One more limit that has to hold."""
        self._limits.append(limit)
        self._kept = max(self._kept, limit.calls)

    def remove(self, limit: RateLimit) -> None:
        """Takes back one `add`."""
        self._limits.remove(limit)

    def delay(self, now: float) -> tuple[float, RateLimit | None]:
        """The least number of seconds until a call may start, and the limit that demands them."""
        waits = ((self._delay(limit, now), limit) for limit in self._limits)
        seconds, limit = max(waits, default=(0.0, None))
        return (seconds, limit) if seconds > 0 else (0.0, None)

    def begin(self) -> None:
        """A call starts."""
        self.under_way += 1

    def end(self, now: float) -> None:
        """A call that began is over, whatever came of it."""
        self.under_way -= 1
        self.recall([now])

    def recall(self, ended: Iterable[float]) -> None:
        """Calls that ended then count as well."""
        for instant in ended:
            insort(self._ended, instant)
        del self._ended[: -self._kept]

    def _delay(self, limit: RateLimit, now: float) -> float:
        span = limit.per.total_seconds() + MARGIN
        free = limit.calls - self.under_way
        if free <= 0:
            return span
        if len(self._ended) < free:
            return 0.0
        return self._ended[-free] + span - now


class NoTurn(Exception):
    """A turn that did not come in time: nothing was sent. `failure` is what to say of it."""

    def __init__(self, failure: PollFailed) -> None:
        super().__init__(failure.detail)
        self.failure = failure


@dataclass(frozen=True, slots=True)
class _Obstacle:
    """Why nothing may be sent now, and for how many seconds at least (0: until something is over)."""

    seconds: float
    failure: PollFailed


class Host:
    """The queue in front of one host: first come, first served, within its limits and outside its pauses.

    `name` is its scheme, name and port. `clock` gives aware UTC, `monotonic` seconds. `clock_difference` is how much
    later the host's clock was than ours at its last response; None where it never said."""

    def __init__(
        self,
        name: str,
        *,
        clock: Callable[[], datetime],
        monotonic: Callable[[], float] = time.monotonic,
        concurrency: int = CONCURRENCY,
    ) -> None:
        self.name = name
        self.clock_difference: timedelta | None = None
        self._clock = clock
        self._monotonic = monotonic
        self._concurrency = concurrency
        self._window = Window()
        self._pause: Pause | None = None
        self._resumes = 0.0
        self._head = asyncio.Lock()  # held by the one whose turn is next; the others line up in order
        self._changed = asyncio.Event()

    @property
    def paused(self) -> Pause | None:
        """The pause that holds now."""
        return self._pause if self._monotonic() < self._resumes else None

    @property
    def limited(self) -> bool:
        """Whether any limit holds for this host."""
        return self._window.limited

    def pause(self, until: datetime, outcome: Outcome, detail: str) -> None:
        """Nothing is sent before `until` (UTC), a day from now at most. A pause never shortens another."""
        now = self._clock()
        until = min(until, now + LONGEST_PAUSE)
        resumes = self._monotonic() + (until - now).total_seconds()
        if resumes > self._resumes:
            self._resumes = resumes
            self._pause = Pause(host=self.name, began_at=now, until=until, outcome=outcome, detail=detail)
            self._changed.set()

    def preload(self, recent: Iterable[datetime]) -> None:
        """Calls that ended at these instants (UTC), before this process began, count too."""
        now, monotonic = self._clock(), self._monotonic()
        self._window.recall(monotonic - max(0.0, (now - at).total_seconds()) for at in recent)

    def add_limit(self, limit: RateLimit) -> None:
        """A limit that holds for everything sent to this host, along with those it has."""
        self._window.add(limit)

    def remove_limit(self, limit: RateLimit) -> None:
        """Takes back one `add_limit`."""
        self._window.remove(limit)
        self._changed.set()

    @asynccontextmanager
    async def turn(self, max_wait: timedelta) -> AsyncIterator[None]:
        """A turn to send one request, and the place among those under way while it is.

        Raises NoTurn when there is none within `max_wait`, at once where that can be told."""
        await self._wait(max_wait.total_seconds())
        try:
            yield
        finally:
            self._window.end(self._monotonic())
            self._changed.set()

    async def _wait(self, patience: float) -> None:
        deadline = self._monotonic() + patience
        try:
            async with asyncio.timeout(patience), self._head:
                while obstacle := self._obstacle(patience):
                    if self._monotonic() + obstacle.seconds > deadline:
                        raise NoTurn(obstacle.failure)
                    await self._change(obstacle.seconds)
                # Nothing is awaited between the last look and this: nobody else can have taken the place.
                self._window.begin()
        except TimeoutError as exc:
            obstacle = self._obstacle(patience)
            raise NoTurn(obstacle.failure if obstacle else _no_turn(patience, "others were first")) from exc

    async def _change(self, seconds: float) -> None:
        """Returns after `seconds` (0: never by itself), or earlier when the outlook may have changed."""
        self._changed.clear()
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds or None):
                await self._changed.wait()

    def _obstacle(self, patience: float) -> _Obstacle | None:
        now = self._monotonic()
        if pause := self.paused:
            return _Obstacle(self._resumes - now, _held_up(pause, self._resumes - now))
        seconds, limit = self._window.delay(now)
        if limit is not None:
            reason = f"our own limit of {limit} is reached, no turn within {_seconds(patience)}; nothing sent"
            return _Obstacle(seconds, RateLimited(reason))
        if self._window.under_way >= self._concurrency:
            return _Obstacle(0.0, _no_turn(patience, "its places are all taken"))
        return None


def _held_up(pause: Pause, seconds: float) -> PollFailed:
    detail = f"host paused until {units.moment(pause.until)} after {pause.detail}; nothing sent"
    match pause.outcome:
        case Outcome.BANNED:
            return Banned(detail)
        case Outcome.UNAVAILABLE:
            return Unavailable(detail, retry_after=timedelta(seconds=seconds))
        case _:
            return RateLimited(detail)


def _no_turn(patience: float, reason: str) -> Timeout:
    return Timeout(f"no turn within {_seconds(patience)}, {reason}; nothing sent")


def _seconds(value: float) -> str:
    return f"{value:g}s"
