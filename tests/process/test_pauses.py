"""Limits, bans and pauses: what the service's own request log says of our manners."""

import asyncio
import signal
import sqlite3
import sys
from contextlib import closing
from datetime import UTC, datetime, timedelta

from monitor.sandbox import Fault

from .stage import together
from .support import Installation, endpoint_failing, jobs, until


async def _waits_out(site: Installation, fault: Fault, outcome: str) -> None:
    daemon = await site.start()
    await site.more_requests("type=0")
    site.nami.fault = fault
    await site.wait_for_status(lambda shown: shown["pauses"], "the pause")
    asked = site.request_count()
    site.nami.fault = None
    shown = await site.wait_for_status(
        lambda shown: jobs(shown)["spot"]["consecutive_failures"] >= 3, "polls held back"
    )
    await daemon.stop(signal.SIGKILL)
    await site.start()
    failed = jobs(shown)["spot"]["consecutive_failures"]
    after = await site.wait_for_status(
        lambda status: jobs(status)["spot"]["consecutive_failures"] >= failed + 2,
        "the restart's polls held back",
    )
    assert site.request_count() == asked
    assert jobs(after)["spot"]["outcome"] == outcome
    [pause] = after["pauses"]
    assert (pause["host"], pause["outcome"]) == (site.nami.url, outcome)
    until = datetime.fromisoformat(pause["until"])
    answered = site.nami.requests[-1].request.received_at
    assert timedelta(seconds=290) < until - answered < timedelta(seconds=310)
    plain = await site.command("status")
    assert f"paused: {site.nami.url} until {until:%Y-%m-%d %H:%M:%S} UTC" in plain.out
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
    await site.more_requests("type=0")
    site.nami.fault = Fault.too_many_requests(timedelta(seconds=3))
    await site.wait_for_status(lambda shown: shown["pauses"], "the pause")
    site.nami.fault = None
    refused = site.nami.requests[-1].request.received_at
    shown = await site.wait_for_status(lambda status: jobs(status)["spot"]["outcome"] == "ok", "polls again")
    assert shown["pauses"] == []
    assert site.nami.requests[-1].request.received_at - refused >= timedelta(seconds=3)


@together(limit=4)
async def test_the_call_limit_holds_across_a_kill(site: Installation) -> None:
    """Calls made before kill -9 count after it, also one whose answer was never recorded."""
    site.document["providers"]["nami"]["rate_limit"] = "4/1m"
    site.write()
    daemon = await site.start()
    await site.more_requests(times=2)
    site.nami.fault = Fault.latency(timedelta(seconds=5))
    await site.more_requests()
    site.nami.fault = None
    await daemon.stop(signal.SIGKILL)
    await site.start()
    await until(lambda: site.request_count() >= 4, "the fourth call")
    others = len(site.wdcf.requests)
    await until(lambda: len(site.wdcf.requests) >= others + 3, "three rounds at the other host")
    assert [logged.status for logged in site.nami.requests] == [200] * 4


ACCOUNTS = 5
SHARED = timedelta(seconds=2)
SHARED_CALLS = 4


def _shares(site: Installation) -> None:
    """Five clients of a host that allows four calls in two seconds."""
    provider = {**site.document["providers"]["wdcf"], "rate_limit": f"{SHARED_CALLS}/2s", "timeout": "1s"}
    clients = [f"CLIENT_{number:03}" for number in range(1, ACCOUNTS + 1)]
    known = site.wdcf.endpoint.clients
    known.update(dict.fromkeys(clients, known[clients[0]]))
    site.write(
        providers={"wdcf": provider},
        jobs=[{"name": "clients", "provider": "wdcf", "every": "4s", "clients": clients}],
        rules=[endpoint_failing()],
    )


def _most_calls_in_any_span(site: Installation) -> int:
    at = sorted(logged.request.received_at for logged in site.wdcf.requests)
    return max(sum(first <= one < first + SHARED for one in at) for first in at)


@together()
async def test_a_check_beside_the_daemon_shares_its_limit(site: Installation) -> None:
    """Together they want more calls than the host allows: in no span are there more, and each gets its turns."""
    _shares(site)
    await site.start()
    await until(lambda: len(site.wdcf.requests) >= SHARED_CALLS, "the daemon's first calls")
    before = len(site.wdcf.requests)
    done = await site.command("check", "--live")
    assert done.code == 0, done.out + done.err
    assert len(site.wdcf.requests) > before + ACCOUNTS
    assert _most_calls_in_any_span(site) <= SHARED_CALLS


@together()
async def test_a_poll_and_a_check_at_once_share_one_limit(site: Installation) -> None:
    """However many processes there are, the service sees no more calls than one may make."""
    _shares(site)
    assert (await site.command("check", "--live")).code == 0  # no store is there yet, and none is made
    assert not site.store.exists()
    await asyncio.sleep(SHARED.total_seconds())
    site.wdcf.requests.clear()
    assert (await site.command("poll")).code == 0
    done = await asyncio.gather(site.command("poll"), site.command("check", "--live"))
    assert [one.code for one in done] == [0, 0], done
    assert len(site.wdcf.requests) == 3 * ACCOUNTS
    assert _most_calls_in_any_span(site) <= SHARED_CALLS


KILLED_BEFORE_IT_SENDS = """
import os, signal
from monitor.providers import http
async def killed(self, request): os.kill(os.getpid(), signal.SIGKILL)
http.Client._exchange = killed
from monitor.cli.main import main
main()
"""


@together()
async def test_a_call_noted_before_a_kill_counts_for_all_others(site: Installation) -> None:
    """Whether it was sent nobody can know."""
    _shares(site)
    assert (await site.command("poll")).code == 0
    await asyncio.sleep(SHARED.total_seconds() + 1)
    options = ("-c", KILLED_BEFORE_IT_SENDS, "check", "--live", "-c", str(site.config))
    for _ in range(SHARED_CALLS):
        process = await asyncio.create_subprocess_exec(
            sys.executable, *options, env=site.environ, cwd=site.folder
        )
        assert await process.wait() == -signal.SIGKILL
    with closing(sqlite3.connect(site.store)) as db:
        newest = "SELECT ends_by FROM calls ORDER BY at DESC LIMIT ?"
        noted = [ends_by for (ends_by,) in db.execute(newest, (SHARED_CALLS,))]
    site.wdcf.requests.clear()
    assert (await site.command("check", "--live")).code == 0
    assert len(noted) == SHARED_CALLS
    sent = site.wdcf.requests[0].request.received_at
    assert sent > datetime.fromtimestamp(min(noted) / 1e6, UTC) + SHARED


@together()
async def test_a_pause_that_a_check_was_asked_for_holds_for_the_daemon(site: Installation) -> None:
    """Nothing is sent until Retry-After is over, whichever process heard of it."""
    site.document["jobs"][0]["every"] = "1h"
    site.write()
    daemon = await site.start()
    await until(lambda: site.request_count() == 1, "the daemon's first call")
    site.nami.fault = Fault.too_many_requests(timedelta(minutes=5))
    assert (await site.command("check", "--live")).code == 3
    site.nami.fault = None
    shown = await site.status()
    assert [pause["outcome"] for pause in shown["pauses"]] == ["rate_limited"]
    assert (await site.command("check", "--live")).code == 3
    site.document["jobs"][0]["every"] = "1s"
    site.write()
    daemon.send(signal.SIGHUP)
    await site.wait_for_status(
        lambda shown: jobs(shown)["spot"]["outcome"] == "rate_limited", "the daemon's poll held back"
    )
    assert site.request_count() == 2
