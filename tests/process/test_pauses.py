"""Limits, bans and pauses: what the service's own request log says of our manners."""

import signal
from datetime import datetime, timedelta

from monitor.sandbox import CallLimit, Fault

from .stage import together
from .support import Installation, jobs, until


async def _waits_out(site: Installation, fault: Fault, outcome: str) -> None:
    daemon = await site.start()
    await site.asked_again("type=0")
    site.sandbox.nami.fault = fault
    await site.shows(lambda shown: shown["pauses"], "the pause")
    asked = site.asked()
    site.sandbox.nami.fault = None
    shown = await site.shows(
        lambda shown: jobs(shown)["spot"]["consecutive_failures"] >= 3, "polls held back"
    )
    await daemon.stop(signal.SIGKILL)
    await site.start()
    failed = jobs(shown)["spot"]["consecutive_failures"]
    after = await site.shows(
        lambda status: jobs(status)["spot"]["consecutive_failures"] >= failed + 2,
        "the restart's polls held back",
    )
    assert site.asked() == asked
    assert jobs(after)["spot"]["outcome"] == outcome
    [pause] = after["pauses"]
    assert (pause["host"], pause["outcome"]) == (site.sandbox.nami_url, outcome)
    until = datetime.fromisoformat(pause["until"])
    answered = site.sandbox.nami.requests[-1].request.received_at
    assert timedelta(seconds=290) < until - answered < timedelta(seconds=310)
    plain = await site.command("status")
    assert f"paused: {site.sandbox.nami_url} until {until:%Y-%m-%d %H:%M:%S} UTC" in plain.out
    assert plain.code == 3
    assert jobs(after)["clients"]["outcome"] == "ok"


@together()
async def test_a_429_is_waited_out_across_a_restart(site: Installation) -> None:
    """After Too Many Requests nothing is sent until Retry-After is over, kill -9 or not; other hosts are polled on."""
    await _waits_out(site, Fault.too_many_requests(timedelta(minutes=5)), "rate_limited")


@together()
async def test_a_ban_is_waited_out_across_a_restart(site: Installation) -> None:
    """After 418 likewise, and it is told at the first."""
    await _waits_out(site, Fault.banned(timedelta(minutes=5)), "banned")
    assert ["banned" in message.title for message in site.messages] == [True]


@together()
async def test_a_pause_ends_by_itself(site: Installation) -> None:
    """Once Retry-After is over polls go on, and the status knows of no pause any more."""
    await site.start()
    await site.asked_again("type=0")
    site.sandbox.nami.fault = Fault.too_many_requests(timedelta(seconds=3))
    await site.shows(lambda shown: shown["pauses"], "the pause")
    site.sandbox.nami.fault = None
    refused = site.sandbox.nami.requests[-1].request.received_at
    shown = await site.shows(lambda status: jobs(status)["spot"]["outcome"] == "ok", "polls again")
    assert shown["pauses"] == []
    assert site.sandbox.nami.requests[-1].request.received_at - refused >= timedelta(seconds=3)


@together(limit=CallLimit(calls=4))
async def test_the_call_limit_holds_across_a_kill(site: Installation) -> None:
    """Calls made before kill -9 count after it, also one whose answer was never recorded."""
    site.document["providers"]["nami"]["rate_limit"] = "4/1m"
    site.write()
    daemon = await site.start()
    await site.asked_again(times=2)
    site.sandbox.nami.fault = Fault.latency(timedelta(seconds=5))
    await site.asked_again()
    site.sandbox.nami.fault = None
    await daemon.stop(signal.SIGKILL)
    await site.start()
    await until(lambda: site.asked() >= 4, "the fourth call")
    others = len(site.sandbox.wdcf.requests)
    await until(lambda: len(site.sandbox.wdcf.requests) >= others + 3, "three rounds at the other host")
    assert [logged.status for logged in site.sandbox.nami.requests] == [200] * 4
