"""The clock's rows of the fault matrix: the wall clock set under a running daemon, nights on which clocks are set."""

import re
import sqlite3
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from monitor.sandbox import Fault
from monitor.sandbox.http import Response
from tests.process.stage import together
from tests.process.support import Installation, Json, jobs, until, usdt_low
from tests.process.test_web import answers, free_port, served

from .clock import WallClock

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
GAP = 20.0
"""Seconds without a poll, at most: one interval and the five until a step is noticed, with time for a busy machine."""


@dataclass(slots=True)
class Polls:
    """When Nami was asked, by a clock that nobody sets."""

    at: list[float] = field(default_factory=list)

    @property
    def fault(self) -> Fault:
        """For the exchange's `fault`: changes nothing."""
        return Fault(change=self._note)

    def _note(self, response: Response) -> Response:
        self.at.append(time.monotonic())
        return response

    def longest_gap(self) -> float:
        """In seconds."""
        return max(later - earlier for earlier, later in zip(self.at, self.at[1:], strict=False))


def _rules() -> list[object]:
    drop = {"name": "drop", "type": "delta", "match": {"job": "spot"}, "drop": "50%"}
    stale = {"name": "stale", "type": "stale", "after": "30m"}
    return [usdt_low(repeat_every="never"), drop, stale, {"name": "failing", "type": "failing", "polls": 2}]


def _delivered(shown: Json) -> int:
    number: int = shown["notifications"]["delivered"]
    return number


async def _set_by(site: Installation, step: timedelta) -> None:
    clock, polls = WallClock.of(site), Polls()
    site.write(rules=_rules())
    site.nami.fault = polls.fault
    daemon = await site.start()
    await until(lambda: len(polls.at) >= 2, "two polls")
    site.set_balance("5.10")
    await site.wait_for_status(
        lambda shown: _delivered(shown) == 3, "the low balance, the drop, and its end, told"
    )
    told, already = (
        len(site.messages),
        len(polls.at),
    )  # in two messages where the drop's end came before its telling
    await until(lambda: len(polls.at) > already, "another poll")
    stepped, already = time.monotonic(), len(polls.at)
    clock.step(step)
    await daemon.logged("clock step detected, rescheduling")
    await until(lambda: len(polls.at) >= already + 5, "five more polls", within=60)
    elapsed, polled = time.monotonic() - stepped, len(polls.at) - already
    shown = await site.wait_for_status(
        lambda shown: jobs(shown)["spot"]["consecutive_failures"] == 0, "the last poll"
    )
    assert [message.title for message in site.messages[told:]] == []
    site.set_balance("5000")
    [*_, resolved] = await site.received(told + 1)
    assert await daemon.stop() == 0
    assert resolved.title.startswith("RESOLVED usdt-low")
    assert len(site.messages) == told + 1
    assert polls.longest_gap() < GAP
    assert polled <= elapsed + 3
    assert (
        jobs(shown)["spot"]["missed_runs"] <= elapsed + 30
    )  # those of a busy machine, not an hour's or a day's
    assert daemon.log.count("clock step detected") == 1
    assert "Traceback" not in daemon.log


@together()
async def test_set_back_by_an_hour(site: Installation) -> None:
    """As for all of these: polls go on at their pace, nothing is told that is not, and what ends is told."""
    await _set_by(site, -HOUR)


@pytest.mark.campaign
@together()
async def test_set_forward_by_an_hour(site: Installation) -> None:
    """No hour of missed runs is made up for, and nothing is stale that has just been read."""
    await _set_by(site, HOUR)


@pytest.mark.campaign
@together()
async def test_set_back_by_a_day(site: Installation) -> None:
    """Nobody waits a day for the clock to catch up."""
    await _set_by(site, -DAY)


@pytest.mark.campaign
@together()
async def test_set_forward_by_a_day(site: Installation) -> None:
    """A day."""
    await _set_by(site, DAY)


@pytest.mark.campaign
@together()
async def test_a_wallet_grows_stale_after_a_clock_set_back(site: Installation) -> None:
    """The age of a reading counts on from the step: the alert comes after `after`, not when the clock has caught up."""
    clock = WallClock.of(site)
    stale = {"name": "stale", "type": "stale", "match": {"job": "spot"}, "after": "15s"}
    site.write(rules=[stale])
    daemon = await site.start()
    await site.more_requests("type=0", 2)
    clock.step(-HOUR)
    site.nami.fault = Fault.status(500)
    stepped = time.monotonic()
    [message] = await site.received(1)
    assert time.monotonic() - stepped > 10
    assert message.title.startswith("WARNING stale: spot/spot/USDT")
    assert await daemon.stop() == 0


# Nights on which clocks are set


async def _night(site: Installation, start: datetime, expression: str) -> list[datetime]:
    """The polls of a cron job by Berlin's clocks in the two minutes from an instant on, but the first."""
    clock = WallClock.of(site, start)
    [spot, clients] = site.document["jobs"]
    del spot["every"]
    site.write(jobs=[spot | {"cron": expression, "timezone": "Europe/Berlin"}, clients])
    daemon = await site.start()
    await until(lambda: clock.now() > start + timedelta(seconds=105), "the clock to go over it", within=150)
    others = len(site.wdcf.requests)
    await until(lambda: len(site.wdcf.requests) > others, "another poll of the other job")
    assert await daemon.stop() == 0
    assert "Traceback" not in daemon.log
    return [logged.request.received_at for logged in site.nami.requests][1:]


SPRING = datetime(2026, 3, 29, 0, 59, tzinfo=UTC)
"""1:59 in Berlin, and a minute later it is 3:00: time enough for a start on a busy machine."""
AUTUMN = datetime(2026, 10, 25, 0, 59, tzinfo=UTC)
"""2:59 in Berlin, and a minute later it is 2:00 again."""


async def _runs(site: Installation, start: datetime, expression: str, *expected: timedelta) -> None:
    polls = await _night(site, start, expression)
    whole = start + timedelta(minutes=1)
    assert [at - whole >= timedelta(0) for at in polls] == [True] * len(expected)
    late = [at - whole - wanted for at, wanted in zip(polls, expected, strict=True)]
    assert all(timedelta(0) <= one < timedelta(seconds=20) for one in late)


@pytest.mark.campaign
@together()
async def test_each_minute_in_spring(site: Installation) -> None:
    """A job of each minute runs at 3:00, the minute after 1:59."""
    await _runs(site, SPRING, "* * * * *", timedelta(0))


@pytest.mark.campaign
@together()
async def test_each_minute_in_autumn(site: Installation) -> None:
    """A job of each minute runs at the second 2:00, the minute after the first 2:59."""
    await _runs(site, AUTUMN, "* * * * *", timedelta(0))


@pytest.mark.campaign
@together()
async def test_at_two_in_spring(site: Installation) -> None:
    """A job of 2:00, which there is not, runs at 3:00."""
    await _runs(site, SPRING, "0 2 * * *", timedelta(0))


@pytest.mark.campaign
@together()
async def test_at_two_in_autumn(site: Installation) -> None:
    """A job of 2:00 has run at the first, an hour ago, and does not at the second."""
    await _runs(site, AUTUMN, "0 2 * * *")


# A provider's clock


async def _off(site: Installation, ahead: timedelta, which: str) -> None:
    service, account = site.nami, "nami"
    await site.start()
    await site.more_requests("type=0")
    service.fault = Fault.clock_skew(ahead)
    [fired] = await site.received(1)
    assert fired.title.startswith(f"WARNING endpoint-failing: {account}")
    said = re.search(rf"our clock is (\S+m(?: \d+s)?) {which} the service's", fired.body)
    assert said is not None, fired.body
    assert said[1] in ("9m 58s", "9m 59s", "10m", "10m 1s")  # the service tells its clock to the second
    shown = site.current_status()
    assert jobs(shown)["spot"]["outcome"] == "auth"
    assert jobs(shown)["clients"]["outcome"] == "ok"
    service.fault = None
    [_, resolved] = await site.received(2)
    assert resolved.title.startswith(f"RESOLVED endpoint-failing: {account}")


@together()
async def test_a_service_whose_clock_is_ten_minutes_fast(site: Installation) -> None:
    """It refuses us; the alert, at the first poll, says how far the clocks are apart. Nothing else is judged."""
    await _off(site, timedelta(minutes=10), "behind")


@together()
async def test_a_service_whose_clock_is_ten_minutes_slow(site: Installation) -> None:
    """Likewise."""
    await _off(site, timedelta(minutes=-10), "ahead of")


# One start by a wrong clock

_KEYS = {
    "readings": "SELECT series_id, observed_at FROM snapshots UNION SELECT series_id, observed_at FROM set_aside",
    "polls": "SELECT account_id, started_at FROM polls",
    "events": "SELECT incident, seq FROM events",
    "notifications": "SELECT id, status FROM notifications",
}


def _kept(site: Installation) -> set[tuple[object, ...]]:
    """Every row that must not be lost, by its key."""
    with closing(sqlite3.connect(site.store)) as db:
        return {(table, *row) for table, keys in _KEYS.items() for row in db.execute(keys)}


def _dated(date: Callable[[], str]) -> Fault:
    """A service that takes any time for right, and tells its own in its Date header."""
    return Fault(change=lambda response: replace(response, headers={**response.headers, "date": date()}))


async def _one_wrong_start(site: Installation, off: timedelta, date: Callable[[], str]) -> None:
    clock, port = WallClock.of(site), free_port()
    site.nami.fault = site.wdcf.fault = _dated(date)
    site.set_balance("5.10")
    drop = {"name": "drop", "type": "delta", "match": {"job": "spot"}, "drop": "50%", "within": "1h"}
    stale = {"name": "stale", "type": "stale", "after": "30m"}
    low = usdt_low(repeat_every="4h")
    failing = {"name": "failing", "type": "failing", "polls": 2}
    site.write(rules=[low, drop, stale, failing], web={"listen": f"127.0.0.1:{port}"})
    daemon = await site.start()
    await site.wait_for_status(lambda shown: _delivered(shown) == 1, "the low balance, told")
    await site.more_requests("type=0", 2)
    assert await daemon.stop() == 0
    before = _kept(site)

    clock.set(off)
    wrong = await site.start()
    await wrong.logged("clock in doubt, retention paused")
    await site.more_requests("type=0", 3)
    plain, shown = await site.command("status"), await site.status()
    await served(port)
    page = await answers(port, "/")
    assert await wrong.stop() == 0
    assert "warning: the clock is in doubt: " in plain.out
    assert any(one.startswith("the clock is in doubt: ") for one in shown["warnings"])
    assert page is not None
    assert "Warning: the clock is in doubt: " in page.text
    assert before <= _kept(site)

    clock.set(timedelta(0))
    await site.start()
    await site.more_requests("type=0", 3)
    await site.wait_for_status(
        lambda shown: not any("in doubt" in one for one in shown["warnings"]), "no more doubt"
    )
    site.set_balance("5000")
    [*_, resolved] = await site.received(2)
    assert [message.title.partition(":")[0] for message in site.messages] == [
        "CRITICAL usdt-low",
        resolved.title.partition(":")[0],
    ]
    assert resolved.title.startswith("RESOLVED usdt-low")
    assert before <= _kept(site)


def _true_date() -> str:
    return format_datetime(datetime.now(UTC), usegmt=True)


@together()
async def test_one_start_a_month_behind(site: Installation) -> None:
    """Nothing is lost, and nothing told but what is so; log, `status` and page warn until the clock is right again."""
    await _one_wrong_start(site, -30 * DAY, _true_date)


@together()
async def test_one_start_far_ahead(site: Installation) -> None:
    """Likewise, 200 days ahead: nothing is older than what is kept because of that."""
    await _one_wrong_start(site, 200 * DAY, _true_date)


@pytest.mark.campaign
@together()
async def test_one_start_most_of_a_day_behind(site: Installation) -> None:
    """Likewise, 20 hours."""
    await _one_wrong_start(site, -20 * HOUR, _true_date)


@pytest.mark.campaign
@together()
async def test_one_start_a_month_behind_with_services_without_a_date(site: Installation) -> None:
    """What was read before says enough."""
    await _one_wrong_start(site, -30 * DAY, lambda: "unknown")
