"""When runs happen: evenly, by cron, never twice at once, and also after somebody has set the clock."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from freezegun import freeze_time

from monitor.daemon.scheduler import ByCron, Evenly, Later, Scheduler, Task, following
from monitor.domain.schedule import parse

START = datetime(2026, 2, 1, 14, 30, tzinfo=UTC)  # a Sunday
MINUTE = timedelta(minutes=1)


@pytest.mark.parametrize(
    ("now", "next_one"),
    [
        (START, START),
        (START + timedelta(seconds=1), START + MINUTE),
        (START + timedelta(hours=5, seconds=59), START + timedelta(hours=5, minutes=1)),
        (START - timedelta(days=1, seconds=1), START - timedelta(days=1)),
    ],
    ids=[
        "at-its-time",
        "just-after",
        "the-old-rhythm-after-a-gap",
        "the-same-rhythm-when-the-clock-went-back",
    ],
)
def test_an_even_trigger_keeps_its_rhythm(now: datetime, next_one: datetime) -> None:
    """An interval apart, at a phase that no gap moves."""
    assert Evenly(MINUTE, START).get_next_fire_time(None, now) == next_one


def test_an_even_trigger_never_fires_twice_for_one_instant() -> None:
    """The one after an instant of the rhythm is the next."""
    assert following(Evenly(MINUTE, START), START) == START + MINUTE


NOWHERE = ZoneInfo("UTC")
HANOI = ZoneInfo("Asia/Ho_Chi_Minh")
BERLIN = ZoneInfo("Europe/Berlin")


@pytest.mark.parametrize(
    ("expression", "zone", "after", "expected"),
    [
        ("*/5 * * * *", NOWHERE, START, datetime(2026, 2, 1, 14, 35, tzinfo=UTC)),
        ("0 8 * * *", HANOI, START, datetime(2026, 2, 2, 1, 0, tzinfo=UTC)),
        ("0 0 * * 0", NOWHERE, START, datetime(2026, 2, 8, 0, 0, tzinfo=UTC)),
        ("0 0 * * 7", NOWHERE, START, datetime(2026, 2, 8, 0, 0, tzinfo=UTC)),
        ("0 0 * * 1", NOWHERE, START, datetime(2026, 2, 2, 0, 0, tzinfo=UTC)),
        ("0 0 * * mon-fri", NOWHERE, START, datetime(2026, 2, 2, 0, 0, tzinfo=UTC)),
        ("0 0 13 * 5", NOWHERE, START, datetime(2026, 2, 6, 0, 0, tzinfo=UTC)),
        ("0 0 13 * *", NOWHERE, START, datetime(2026, 2, 13, 0, 0, tzinfo=UTC)),
        (
            "30 2 * * *",
            BERLIN,
            datetime(2026, 3, 28, 12, tzinfo=UTC),
            datetime(2026, 3, 29, 1, 30, tzinfo=UTC),
        ),
        (
            "30 3 * * *",
            BERLIN,
            datetime(2026, 3, 28, 12, tzinfo=UTC),
            datetime(2026, 3, 29, 1, 30, tzinfo=UTC),
        ),
    ],
    ids=[
        "every-five-minutes",
        "by-the-clocks-of-its-zone",
        "sunday-is-0",
        "sunday-is-7-too",
        "monday-is-1",
        "weekdays-by-name",
        "a-date-or-a-weekday-where-both-are-given",
        "a-date-alone",
        "an-hour-that-the-clocks-skip",
        "the-hour-after-it",
    ],
)
def test_cron_fires_as_cron_does(
    expression: str, zone: ZoneInfo, after: datetime, expected: datetime
) -> None:
    """Five fields, weekdays from Sunday, a named time zone."""
    trigger = ByCron(parse(expression), zone)
    assert following(trigger, after).astimezone(UTC) == expected


def test_a_later_trigger_is_the_other_moved() -> None:
    """What spreads the accounts of a cron job: each a little after the one before."""
    trigger = Later(ByCron(parse("*/5 * * * *"), NOWHERE), timedelta(seconds=3))
    first = following(trigger, START)
    assert (first, following(trigger, first)) == (
        START + timedelta(seconds=3),
        START + timedelta(minutes=5, seconds=3),
    )


def task(
    run: Callable[[int], Awaitable[None]], *, every: float, first: float = 0, rhythm: object = None
) -> Task:
    """A task that runs every so many seconds, first so many from now."""
    at = datetime.now(UTC) + timedelta(seconds=first)
    return Task(trigger=Evenly(timedelta(seconds=every), at), first=at, run=run, rhythm=rhythm)


async def until(condition: Callable[[], bool]) -> None:
    """Waits for something that should happen soon."""
    async with asyncio.timeout(10):
        while not condition():
            await asyncio.sleep(0.01)


async def test_a_run_that_overlaps_is_made_up_for_once_and_counted() -> None:
    """Never twice at once; what was missed is run late, in one."""
    runs: list[int] = []
    under_way = 0

    async def slow(missed: int) -> None:
        nonlocal under_way
        under_way += 1
        assert under_way == 1
        runs.append(missed)
        await asyncio.sleep(0.55 if len(runs) == 1 else 0)
        under_way -= 1

    scheduler = Scheduler()
    scheduler.plan({"slow": task(slow, every=0.2)})
    scheduler.start()
    await until(lambda: len(runs) >= 2)
    await scheduler.stop(timedelta(seconds=5))
    assert runs[0] == 0
    assert runs[1] == 2


async def test_it_reports_how_late_runs_begin() -> None:
    """One that had to wait for the one before counts from the first that was missed."""
    late: list[timedelta] = []

    async def slow(missed: int) -> None:
        await asyncio.sleep(0.55 if len(late) == 1 else 0)

    scheduler = Scheduler(on_run=late.append)
    scheduler.plan({"slow": task(slow, every=0.2)})
    scheduler.start()
    await until(lambda: len(late) >= 2)
    await scheduler.stop(timedelta(seconds=5))
    assert late[0] >= timedelta(0)
    assert late[1] >= timedelta(seconds=0.3)


async def test_a_run_that_fails_does_not_end_the_schedule(caplog: pytest.LogCaptureFixture) -> None:
    """It is logged, and the next one comes."""
    runs = 0

    async def broken(missed: int) -> None:
        nonlocal runs
        runs += 1
        raise RuntimeError("broken")

    scheduler = Scheduler()
    scheduler.plan({"broken": task(broken, every=0.05)})
    scheduler.start()
    await until(lambda: runs >= 2)
    await scheduler.stop(timedelta(seconds=5))
    assert "a run failed" in caplog.text


async def test_a_task_planned_anew_goes_on_in_its_rhythm() -> None:
    """A reload that changes nothing of a job does not poll it at once."""
    runs: list[str] = []

    def noting(name: str) -> Callable[[int], Awaitable[None]]:
        async def run(missed: int) -> None:
            runs.append(name)

        return run

    scheduler = Scheduler()
    scheduler.plan({"a": task(noting("old"), every=3600, rhythm="hourly")})
    scheduler.start()
    await until(lambda: runs == ["old"])
    again = {
        "a": task(noting("a"), every=3600, rhythm="hourly"),
        "b": task(noting("b"), every=3600, rhythm="hourly"),
    }
    scheduler.plan(again)
    await until(lambda: "b" in runs)
    await scheduler.stop(timedelta(seconds=5))
    assert runs == ["old", "b"]


async def test_a_task_that_is_planned_no_more_ends() -> None:
    """A job that a reload takes away runs no more."""
    runs = 0

    async def run(missed: int) -> None:
        nonlocal runs
        runs += 1

    scheduler = Scheduler()
    scheduler.plan({"a": task(run, every=0.05)})
    scheduler.start()
    await until(lambda: runs >= 1)
    scheduler.plan({})
    before = runs
    await asyncio.sleep(0.2)
    await scheduler.stop(timedelta(seconds=5))
    assert runs == before


async def test_a_stop_waits_for_a_run_and_no_longer_than_it_may() -> None:
    """What is quick ends by itself, what is slow is cut off."""
    ended: list[str] = []

    def taking(seconds: float, name: str) -> Callable[[int], Awaitable[None]]:
        async def run(missed: int) -> None:
            await asyncio.sleep(seconds)
            ended.append(name)

        return run

    scheduler = Scheduler()
    scheduler.plan(
        {"quick": task(taking(0.2, "quick"), every=60), "slow": task(taking(60, "slow"), every=60)}
    )
    scheduler.start()
    await asyncio.sleep(0.1)
    began = asyncio.get_running_loop().time()
    await scheduler.stop(timedelta(seconds=1))
    assert ended == ["quick"]
    assert asyncio.get_running_loop().time() - began < 5


async def test_a_stop_makes_up_for_nothing() -> None:
    """A run that was missed is not begun while the end waits for the one under way."""
    runs = 0

    async def slow(missed: int) -> None:
        nonlocal runs
        runs += 1
        await asyncio.sleep(0.5)

    scheduler = Scheduler()
    scheduler.plan({"slow": task(slow, every=0.1)})
    scheduler.start()
    await asyncio.sleep(0.3)
    await scheduler.stop(timedelta(seconds=5))
    await asyncio.sleep(0.2)
    assert runs == 1


@pytest.mark.parametrize("step", [timedelta(hours=-1), timedelta(days=-1), timedelta(days=1)], ids=str)
async def test_a_clock_that_is_set_stalls_nothing(step: timedelta) -> None:
    """Set back, APScheduler alone would wait until the clock has caught up; forward, it would count a day of runs."""
    missed_runs: list[int] = []

    async def run(missed: int) -> None:
        missed_runs.append(missed)

    with freeze_time(START, real_asyncio=True, tick=True) as frozen:
        noticed: list[datetime] = []
        scheduler = Scheduler(
            on_clock_set=lambda step: noticed.append(datetime.now(UTC)),
            check_clock_every=timedelta(seconds=0.1),
        )
        scheduler.plan({"a": task(run, every=0.5)})
        scheduler.start()
        await until(lambda: len(missed_runs) == 1)
        frozen.move_to(START + step)
        await until(lambda: len(missed_runs) >= 3)
        await scheduler.stop(timedelta(seconds=5))
    assert sum(missed_runs) <= 1
    assert len(noticed) == 1


async def test_work_left_lying_is_noticed() -> None:
    """What the watchdog asks: is any run long overdue?"""

    async def run(missed: int) -> None:
        """Never called: the scheduler is not started."""

    scheduler = Scheduler()
    scheduler.plan({"a": task(run, every=60, first=-60)})
    on_time = scheduler.is_on_time()
    scheduler.plan({"b": task(run, every=60, first=-600)})
    assert (on_time, scheduler.is_on_time()) == (True, False)
