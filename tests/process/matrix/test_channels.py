"""The channels' rows of the fault matrix: one of three is sick. The others don't notice, and it misses nothing."""

import asyncio
import os
import re
import sqlite3
import subprocess
from collections.abc import Awaitable, Callable
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path

import pytest

from monitor.domain.delivery import LONGEST_RETRY, retry_at
from monitor.sandbox import Fault, Message, Webhook
from tests.process.stage import together
from tests.process.support import Daemon, Installation, incident, until, usdt_low

SECRETS = ("hunter2-in-userinfo", "token-in-a-header", "apikey-in-a-query")
PROMPT = timedelta(seconds=3.5)
"""The URLs here wait 4 s for an answer (`rto`): whatever waits for a hanging channel comes later than this."""

Change = Callable[[Webhook], Awaitable[None]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Sickness:
    """A fault of a channel: its begin, its end, and a pattern of the error of attempts in the store."""

    begin: Change
    end: Change
    error: str


def _url(webhook: Webhook, host: str = "127.0.0.1") -> str:
    """The channel's URL, with a secret wherever one may be."""
    userinfo, header, query = SECRETS
    rest = webhook.url.partition("127.0.0.1")[2]
    return f"json://ops:{userinfo}@{host}{rest}?+X-Token={header}&:key={query}&rto=4"


def _faulty(fault: Fault) -> Change:
    async def begin(webhook: Webhook) -> None:
        webhook.fault = fault

    return begin


async def _heal(webhook: Webhook) -> None:
    webhook.fault = None


REFUSED = Sickness(begin=Webhook.stop, end=Webhook.start, error="Connection error")
HANGING = Sickness(
    begin=_faulty(Fault(change=lambda given: replace(given, status=503, delay=timedelta(days=365)))),
    end=_heal,
    error="Connection error",
)
BROKEN = Sickness(begin=_faulty(Fault.status(500)), end=_heal, error="500")
TOO_MANY = Sickness(begin=_faulty(Fault.too_many_requests(timedelta(seconds=2))), end=_heal, error="429")


def _attempts(store: Path) -> list[tuple[int, str]]:
    """How often each message to the sick channel was tried, and what came back last."""
    with closing(sqlite3.connect(f"{store.as_uri()}?mode=ro", uri=True)) as reader:
        rows = reader.execute(
            "SELECT attempts, last_error FROM notifications WHERE channel = 'sick' ORDER BY seq"
        )
        return rows.fetchall()


def _lag(message: Message) -> timedelta:
    """How long after the reading a message came."""
    line = next(line for line in message.body.splitlines() if line.startswith("At: "))
    return message.received_at - datetime.strptime(f"{line} +0000", "At: %Y-%m-%d %H:%M:%S UTC %z")


def _no_secret(site: Installation, daemon: Daemon) -> None:
    written = daemon.log.encode() + b"".join(file.read_bytes() for file in site.folder.glob("balances.db*"))
    assert [secret for secret in SECRETS if secret.encode() in written] == []


async def _falls_sick(site: Installation, sickness: Sickness, host: str = "127.0.0.1") -> None:
    async with Webhook() as sick, Webhook() as last:
        urls = {"first": site.webhook.url, "sick": _url(sick, host), "last": last.url}
        site.write(channels={name: {"urls": [url]} for name, url in urls.items()})
        await sickness.begin(sick)
        daemon = await site.start()
        await site.more_requests("type=0", 2)
        site.set_balance("5.10")
        healthy = (site.webhook, last)
        await until(lambda: all(one.messages for one in healthy), "the firing at the healthy ones")
        await until(lambda: _attempts(site.store)[0][0] >= 2, "two failed attempts on record")
        assert sick.messages == []
        [(_, error)] = _attempts(site.store)
        assert re.search(sickness.error, error), error
        polled = [logged.request.received_at for logged in site.nami.requests]
        await sickness.end(sick)
        await until(lambda: sick.messages, "the firing at the recovered one")
        site.set_balance("5000")
        everyone = (*healthy, sick)
        await until(lambda: all(len(one.messages) == 2 for one in everyone), "the resolve at all three")
        shown = await site.wait_for_status(
            lambda shown: shown["notifications"]["delivered"] == 6, "all delivered"
        )
        assert await daemon.stop() == 0
        fired = {incident(one.messages[0]) for one in everyone}
        resolved = {incident(one.messages[1]) for one in everyone}
        lags = [_lag(message) for one in healthy for message in one.messages]
    assert (shown["notifications"]["pending"], shown["notifications"]["failed"]) == (0, 0)
    assert [number for _, number in fired | resolved] in (
        ["1", "2"],
        ["2", "1"],
    )  # one incident, in order, everywhere
    assert [len(one.messages) for one in everyone] == [2, 2, 2]
    assert max(lags) < PROMPT
    assert max(later - earlier for earlier, later in pairwise(polled)) < PROMPT
    assert daemon.log.count("notification not delivered, will retry") == 1
    _no_secret(site, daemon)


@together()
async def test_a_channel_that_refuses_connections(site: Installation) -> None:
    """Nobody listens: as for all of these, the others are told at once, and it is when it is back, once, in order."""
    await _falls_sick(site, REFUSED)


@together()
async def test_a_channel_that_hangs(site: Installation) -> None:
    """It takes the connection and never answers."""
    await _falls_sick(site, HANGING)


@pytest.mark.campaign
@together()
async def test_a_channel_that_fails(site: Installation) -> None:
    """HTTP 500."""
    await _falls_sick(site, BROKEN)


@pytest.mark.campaign
@together()
async def test_a_channel_that_has_had_enough(site: Installation) -> None:
    """HTTP 429: it rests for as long as it asks."""
    await _falls_sick(site, TOO_MANY)


_OWN_NAMES = 'mount --bind "$0" /etc/hosts && mount --bind "$1" /etc/resolv.conf && shift && exec "$@"'


@together()
async def test_a_channel_whose_name_is_not_known(site: Installation) -> None:
    """No name service knows the host, and later one does."""
    hosts, servers = site.folder / "hosts", site.folder / "resolv.conf"
    hosts.write_text("127.0.0.1 localhost\n")
    servers.write_text("nameserver 127.0.0.1\noptions timeout:1 attempts:1\n")
    own = "-m" if os.geteuid() == 0 else "-Urm"
    site.wrapper = ("unshare", own, "sh", "-c", _OWN_NAMES, str(hosts), str(servers))
    tried = await asyncio.to_thread(subprocess.run, [*site.wrapper, "true"], capture_output=True, check=False)
    if tried.returncode:
        pytest.skip(f"no process may have names of its own here: {tried.stderr.decode().strip()}")

    async def known(_: Webhook) -> None:
        with hosts.open("a") as file:  # in place: what is mounted is this very file
            file.write("127.0.0.1 receiver.invalid\n")

    async def unknown(_: Webhook) -> None:
        """It is, from the start."""

    await _falls_sick(site, Sickness(begin=unknown, end=known, error="Connection error"), "receiver.invalid")


# Ten minutes


@pytest.mark.parametrize(("jitter", "attempts"), [(0.0, 9), (1.0, 11)], ids=["latest", "earliest"])
def test_ten_minutes_of_failures_are_tried_seldom_and_the_end_delivers_soon(
    jitter: float, attempts: int
) -> None:
    """A channel down for ten minutes is asked about ten times, and has its message five minutes later at most."""
    down = datetime(2026, 2, 1, 14, 30, tzinfo=UTC)
    up, tried = down + timedelta(minutes=10), [down]
    while tried[-1] < up:
        tried.append(retry_at(len(tried), tried[-1], jitter))
    assert len(tried) - 1 == attempts
    assert tried[-1] - up <= LONGEST_RETRY


@pytest.mark.campaign
@together()
async def test_one_of_three_channels_down_for_a_minute(site: Installation) -> None:
    """Reminders pile up meanwhile: it gets the firing once, then the newest of them, in order; the others got all."""
    async with Webhook() as sick, Webhook() as last:
        urls = {"first": site.webhook.url, "sick": _url(sick), "last": last.url}
        site.write(
            channels={name: {"urls": [url]} for name, url in urls.items()},
            rules=[usdt_low(repeat_every="5s")],
        )
        await sick.stop()
        daemon = await site.start()
        site.set_balance("5.10")
        await until(
            lambda: len(last.messages) >= 8 and len(site.messages) >= 8, "a firing, reminders", within=90
        )
        await until(lambda: _attempts(site.store)[0][0] >= 5, "five attempts: 30 s at least", within=90)
        assert len(_attempts(site.store)) >= 8
        await sick.start()
        await until(lambda: len(sick.messages) >= 2, "the firing and a reminder", within=90)
        site.set_balance("5000")
        everyone = (site.webhook, sick, last)
        await until(
            lambda: all(one.messages[-1].title.startswith("RESOLVED") for one in everyone), "the resolve"
        )
        await site.wait_for_status(lambda shown: shown["notifications"]["pending"] == 0, "nothing waits")
        assert await daemon.stop() == 0
        numbers = [[int(incident(message)[1]) for message in one.messages] for one in everyone]
    assert len({incident(message)[0] for one in everyone for message in one.messages}) == 1
    assert [found == sorted(set(found)) and found[0] == 1 for found in numbers] == [True] * 3
    assert len(numbers[1]) < len(numbers[0]) == len(numbers[2])
    _no_secret(site, daemon)
