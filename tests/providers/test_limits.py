"""The limiter's arithmetic, whatever happens when, and the queue that obeys it."""

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.domain.model import NotedCall, Pause
from monitor.errors import Outcome
from monitor.providers import limits as limits_module
from monitor.providers.base import RateLimit
from monitor.providers.limits import MARGIN, CallLog, CallWindow, Elsewhere, Host, Noted, NoTurn

from .support import NOW, FakeClock

TIMEOUT = timedelta(seconds=10)
A_MINUTE = RateLimit(60, timedelta(minutes=1))

limits = st.builds(
    RateLimit, st.integers(1, 5), st.integers(1, 20).map(lambda seconds: timedelta(seconds=seconds))
)
calls = st.lists(
    st.tuples(
        st.floats(0, 6).map(lambda value: round(value, 2)),  # from one arrival to the next
        st.floats(0, 8).map(lambda value: round(value, 2)),  # how long the call takes
        st.floats(0, 1),  # when within it the service counts it
    ),
    max_size=40,
)


def counted_at(limits: list[RateLimit], calls: list[tuple[float, float, float]]) -> list[float]:
    """When a service counts calls that are made as soon as a window allows, several of them at once."""
    window = CallWindow()
    for limit in limits:
        window.add(limit)
    now, ends, counted = 0.0, list[float](), list[float]()
    for gap, duration, position in calls:
        now += gap
        while True:
            for end in sorted(end for end in ends if end <= now):
                window.end(end)
                ends.remove(end)
            delay, _ = window.delay(now)
            if delay <= 0:
                break
            now = min([now + delay, *ends])
        window.begin()
        ends.append(now + duration)
        counted.append(now + duration * position)
    return sorted(counted)


@given(limits=st.lists(limits, min_size=1, max_size=3), calls=calls)
def test_no_span_holds_more_calls_than_allowed(
    limits: list[RateLimit], calls: list[tuple[float, float, float]]
) -> None:
    """Whenever within a call the service counts it, no span of a limit's length holds too many."""
    counted = counted_at(limits, calls)
    for limit in limits:
        spans = zip(counted, counted[limit.calls :], strict=False)
        assert all(later - first > limit.per.total_seconds() for first, later in spans)


def test_slot_is_freed_a_span_after_the_end() -> None:
    """A call's place is free again when its span, and a margin, have passed since it ended."""
    window = CallWindow()
    window.add(RateLimit(1, timedelta(seconds=60)))
    window.begin()
    window.end(now=10.0)
    assert window.delay(now=50.0) == (20.0 + MARGIN, RateLimit(1, timedelta(seconds=60)))
    assert window.delay(now=70.0 + MARGIN) == (0.0, None)


def test_call_under_way_holds_its_slot() -> None:
    """However long a call takes, its place is not free before it ended and its span passed."""
    window = CallWindow()
    window.add(RateLimit(1, timedelta(seconds=60)))
    window.begin()
    assert window.delay(now=1000.0)[0] == 60.0 + MARGIN


def test_strictest_limit_names_itself() -> None:
    """Of several limits the one that demands the longest wait counts."""
    window = CallWindow()
    window.add(A_MINUTE)
    window.add(RateLimit(1, timedelta(seconds=5)))
    window.begin()
    window.end(now=0.0)
    assert window.delay(now=0.0) == (5.0 + MARGIN, RateLimit(1, timedelta(seconds=5)))


def test_removed_limit_holds_no_more() -> None:
    """A limit that was added twice, by two clients, holds until both took it back."""
    window = CallWindow()
    once = RateLimit(1, timedelta(seconds=60))
    window.add(once)
    window.add(once)
    window.begin()
    window.remove(once)
    assert window.delay(now=0.0)[1] == once
    window.remove(once)
    assert window.delay(now=0.0) == (0.0, None)


def test_limit_that_comes_later_knows_the_past() -> None:
    """A limit added on reload counts the calls made before."""
    window = CallWindow()
    window.begin()
    window.end(now=0.0)
    window.add(RateLimit(1, timedelta(seconds=5)))
    assert window.delay(now=0.0)[0] == 5.0 + MARGIN


def host(concurrency: int = 4, log: CallLog | None = None) -> Host:
    return Host("https://nami.exchange:443", clock=FakeClock(), concurrency=concurrency, log=log)


@dataclass(slots=True)
class Log:
    """What other processes noted, and how often this one asked to note a call and did."""

    calls: list[NotedCall] = field(default_factory=list)
    pause: Pause | None = None
    asked: int = 0
    noted: int = 0
    ended: list[datetime] = field(default_factory=list)

    async def note(
        self, host: str, timeout: timedelta, span: timedelta, fits: Callable[[Sequence[NotedCall]], bool]
    ) -> Noted:
        self.asked += 1
        if not await asyncio.to_thread(fits, self.calls):
            return Noted(None, self.pause)
        self.noted += 1
        return Noted(NOW, self.pause)

    def end(self, host: str, at: datetime) -> None:
        self.ended.append(at)

    def has(self, *ends: float) -> None:
        """Calls that end so many seconds from `NOW`, each noted a second before."""
        for number, seconds in enumerate(ends):
            ends_by = NOW + timedelta(seconds=seconds)
            self.calls.append(
                NotedCall(caller=str(number), at=ends_by - timedelta(seconds=1), ends_by=ends_by)
            )


async def take(host: Host, max_wait: float = 5.0, hold: float = 0.0) -> float:
    """Takes a turn, keeps it a while, and says when it came."""
    async with host.turn(timedelta(seconds=max_wait), TIMEOUT):
        came = time.monotonic()
        await asyncio.sleep(hold)
    return came


async def refused(host: Host, max_wait: float = 0.05) -> NoTurn:
    with pytest.raises(NoTurn) as no_turn:
        await take(host, max_wait)
    return no_turn.value


async def test_first_come_first_served() -> None:
    """Those who wait are served in the order in which they came."""
    crowded = host(concurrency=1)
    order: list[int] = []

    async def customer(number: int) -> None:
        async with crowded.turn(timedelta(seconds=5), TIMEOUT):
            order.append(number)
            await asyncio.sleep(0.005)

    await asyncio.gather(*(customer(number) for number in range(8)))
    assert order == list(range(8))


async def test_only_so_many_at_once() -> None:
    """The fifth waits until one of the first four is done."""
    busy = host()
    begun = await asyncio.gather(*(take(busy, hold=0.1) for _ in range(5)))
    assert max(begun[:4]) - begun[0] < 0.05 < 0.09 < begun[4] - begun[0]


async def test_no_turn_while_too_many_are_under_way() -> None:
    """A turn that does not come in time fails as a timeout of ours, with the reason."""
    busy = host(concurrency=1)
    holder = asyncio.create_task(take(busy, hold=0.2))
    await asyncio.sleep(0)
    failure = (await refused(busy)).failure
    assert failure.outcome is Outcome.TIMEOUT
    assert failure.detail == "no turn within 0.05s, too many calls under way; nothing sent"
    await holder


async def test_no_turn_within_our_own_limit() -> None:
    """A turn that our own limit puts too far off is refused at once, which is no pause."""
    limited = host()
    limited.add_limit(A_MINUTE)
    for _ in range(60):
        await take(limited)
    began = time.monotonic()
    failure = (await refused(limited, max_wait=30)).failure
    assert time.monotonic() - began < 1
    assert failure.outcome is Outcome.RATE_LIMITED
    assert failure.detail == "our own limit of 60/1m is reached, no turn within 30s; nothing sent"
    assert limited.paused is None


async def test_calls_of_other_processes_count() -> None:
    """Calls that ended just now elsewhere take their places, those longer ago do not."""
    limited = host(log=(log := Log()))
    limited.add_limit(RateLimit(2, timedelta(minutes=1)))
    log.has(-59, -61)
    await take(limited, max_wait=1)
    await refused(limited, max_wait=1)
    assert log.noted == 1


async def test_what_other_processes_leave_no_room_for_is_refused_at_once_where_that_is_certain() -> None:
    """They may have ended earlier than they must have, but not before they began."""
    limited = host(log=(log := Log()))
    limited.add_limit(RateLimit(1, timedelta(minutes=1)))
    log.has(0)
    began = time.monotonic()
    failure = (await refused(limited, max_wait=30)).failure
    assert time.monotonic() - began < 1
    assert failure.detail == "our own limit of 1/1m is reached, no turn within 30s; nothing sent"


async def test_a_call_waits_until_those_of_other_processes_are_over() -> None:
    """Then it is noted, once; when it is over that is noted too."""
    limited = host(log=(log := Log()))
    limited.add_limit(RateLimit(1, timedelta(milliseconds=50)))
    log.has(0)
    began = time.monotonic()
    assert await take(limited) - began >= 0.05 + MARGIN
    assert (log.asked, log.noted, log.ended) == (2, 1, [NOW])


async def test_a_call_that_has_ended_earlier_than_it_had_to_leaves_its_place(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Once its process says so; it may take its deadline, and is looked at again meanwhile."""
    monkeypatch.setattr(limits_module, "RECHECK", 0.01)
    limited = host(log=(log := Log()))
    limited.add_limit(RateLimit(1, timedelta(milliseconds=50)))
    log.has(TIMEOUT.total_seconds())
    waiting = asyncio.create_task(take(limited, max_wait=20))
    await asyncio.sleep(0.1)
    log.calls = [replace(log.calls[0], ends_by=NOW)]
    began = time.monotonic()
    assert await waiting - began < 1


async def test_those_who_wait_for_other_processes_are_served_in_order(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A refusal does not send the first to the end of the queue."""
    monkeypatch.setattr(limits_module, "RECHECK", 0.01)
    limited = host(log=(log := Log()))
    limited.add_limit(RateLimit(4, timedelta(milliseconds=50)))
    log.has(0, 0, 0, 0)
    order: list[int] = []

    async def customer(number: int) -> None:
        async with limited.turn(timedelta(seconds=5), TIMEOUT):
            order.append(number)

    await asyncio.gather(*(customer(number) for number in range(4)))
    assert order == [0, 1, 2, 3]


async def test_a_pause_of_another_process_holds_here_too() -> None:
    """It is heard of when a call is noted, and the call is not sent."""
    limited = host(log=(log := Log()))
    limited.add_limit(A_MINUTE)
    log.pause = Pause(
        host=limited.name, until=NOW + timedelta(minutes=5), outcome=Outcome.BANNED, detail="HTTP 418"
    )
    assert (await refused(limited, max_wait=1)).failure.outcome is Outcome.BANNED


def test_a_pause_that_is_known_is_not_begun_anew() -> None:
    """Read from the store again and again, it ends when it ends, though the clock was set back meanwhile."""
    clock, monotonic = FakeClock(), FakeMonotonic()
    paused = Host("https://nami.exchange:443", clock=clock, monotonic=monotonic)
    until = NOW + timedelta(minutes=1)
    pause = Pause(host=paused.name, until=until, outcome=Outcome.BANNED, detail="HTTP 418", began_at=NOW)
    paused.respect(pause)
    monotonic.now += 50
    clock.advance(-timedelta(days=1))
    paused.respect(pause)
    assert paused.paused is not None
    monotonic.now += 11
    assert paused.paused is None


async def test_without_a_limit_nothing_is_noted() -> None:
    """Only what has to be counted costs a write."""
    await take(host(log=(log := Log())))
    assert log.asked == 0


async def test_call_from_the_future_counts_as_now() -> None:
    """Where the clock was set back, a call recorded ahead of it holds its place no longer than one made now."""
    limited = host(log=(log := Log()))
    limited.add_limit(RateLimit(1, timedelta(milliseconds=100)))
    log.has(timedelta(days=365).total_seconds())
    short = timedelta(milliseconds=50)
    async with limited.turn(timedelta(seconds=5), short):
        pass


@given(
    steps=st.lists(
        st.tuples(
            st.floats(0, 20), st.floats(-3600, 3600)
        ),  # seconds that pass, and by how much the clock is set
        max_size=20,
    )
)
def test_a_known_call_ends_when_it_ended_whatever_is_done_to_the_clock(
    steps: list[tuple[float, float]],
) -> None:
    """It counts for its span: the clock may be set in either direction meanwhile."""
    log, span, monotonic, wall = Log(), timedelta(seconds=60), 0.0, NOW
    log.has(0)
    known = Elsewhere()
    for passes, is_set in [(0.0, 0.0), *steps]:
        monotonic += passes
        wall += timedelta(seconds=passes + is_set)
        known = known.seen(log.calls, now=wall, monotonic=monotonic, span=span, longest=TIMEOUT)
        assert known.ends == [0.0]


async def test_no_turn_during_a_pause() -> None:
    """During a pause that outlasts its patience, a call is refused at once with what caused the pause."""
    paused = host()
    paused.pause(NOW + timedelta(seconds=30), Outcome.BANNED, "HTTP 418")
    failure = (await refused(paused, max_wait=20)).failure
    assert failure.outcome is Outcome.BANNED
    assert failure.detail == f"host paused until {NOW:%Y-%m-%d} 14:00:00 UTC after HTTP 418; nothing sent"


async def test_short_pause_is_waited_out() -> None:
    """A pause shorter than its patience only delays a call."""
    paused = host()
    paused.pause(NOW + timedelta(seconds=0.1), Outcome.RATE_LIMITED, "HTTP 429")
    began = time.monotonic()
    assert await take(paused) - began >= 0.1
    assert paused.paused is None


async def test_pause_reaches_those_who_wait_already() -> None:
    """A call that is waiting when a pause begins looks again, and is refused as well."""
    busy = host(concurrency=1)
    holder = asyncio.create_task(take(busy, hold=0.05))
    await asyncio.sleep(0)
    waiting = asyncio.create_task(refused(busy, max_wait=10))
    await asyncio.sleep(0.01)
    busy.pause(NOW + timedelta(hours=1), Outcome.BANNED, "HTTP 418")
    assert (await asyncio.wait_for(waiting, 1)).failure.outcome is Outcome.BANNED
    await holder


def test_pause_is_never_shortened() -> None:
    """A 429 during a ban does not end the ban."""
    banned = host()
    banned.pause(NOW + timedelta(hours=1), Outcome.BANNED, "HTTP 418")
    banned.pause(NOW + timedelta(seconds=30), Outcome.RATE_LIMITED, "HTTP 429")
    assert banned.paused is not None
    assert (banned.paused.outcome, banned.paused.until) == (Outcome.BANNED, NOW + timedelta(hours=1))


def test_pause_lasts_a_day_at_most() -> None:
    """A pause restored under a clock that was wrong does not last for years."""
    restored = host()
    restored.pause(NOW + timedelta(days=400), Outcome.BANNED, "HTTP 418")
    assert restored.paused is not None
    assert restored.paused.until == NOW + timedelta(days=1)


def test_pause_that_is_over_is_none() -> None:
    """A pause restored after its end holds nothing up."""
    restored = host()
    restored.pause(NOW - timedelta(seconds=1), Outcome.BANNED, "HTTP 418")
    assert restored.paused is None


def test_pause_goes_by_the_monotonic_clock() -> None:
    """Setting the wall clock ahead does not end a ban early."""
    clock, monotonic = FakeClock(), FakeMonotonic()
    banned = Host("https://nami.exchange:443", clock=clock, monotonic=monotonic)
    banned.pause(NOW + timedelta(hours=1), Outcome.BANNED, "HTTP 418")
    clock.advance(timedelta(days=1))
    assert banned.paused is not None
    monotonic.now += 3601
    assert banned.paused is None


class FakeMonotonic:
    """Seconds that pass when a test says so."""

    now = 1000.0

    def __call__(self) -> float:
        return self.now


async def test_cancelled_in_the_queue_leaves_no_trace() -> None:
    """Calls cancelled while they wait, first in line or behind, take no place from others."""
    busy = host(concurrency=1)
    holder = asyncio.create_task(take(busy, hold=0.05))
    await asyncio.sleep(0)
    waiting = [asyncio.create_task(take(busy)) for _ in range(3)]
    await asyncio.sleep(0.01)
    for task in waiting[:2]:
        task.cancel()
    await asyncio.wait_for(asyncio.gather(holder, waiting[2]), 1)
    assert [task.cancelled() for task in waiting] == [True, True, False]


async def test_cancelled_under_way_counts_as_made() -> None:
    """A call cancelled under way gives its place back, and counts: the service may have seen it."""
    limited = host(concurrency=1)
    limited.add_limit(RateLimit(2, timedelta(minutes=1)))
    holder = asyncio.create_task(take(limited, hold=10))
    await asyncio.sleep(0.01)
    holder.cancel()
    await asyncio.wait([holder])
    await take(limited, max_wait=0)
    assert (await refused(limited)).failure.outcome is Outcome.RATE_LIMITED
