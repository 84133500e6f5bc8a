"""The status page of a running daemon: comes and goes with the configuration, and disturbs nothing that matters."""

import asyncio
import signal
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager, suppress
from pathlib import Path

import httpx

from .stage import together
from .support import Daemon, Installation

TOKEN = "a-token-of-this-installation"
MAY_TAKE = 10.0
"""Seconds from the signal to the end (`balance-monitor run --help`)."""
FLOOD = 1_000
FILES = 900
"""What a process may usually have open is 1,024."""
MIB = 1024 * 1024


def free_port() -> int:
    """A port that nobody listens at just now."""
    with closing(socket.create_server(("127.0.0.1", 0))) as found:
        return int(found.getsockname()[1])


async def answers(port: int, path: str = "/healthz", **headers: str) -> httpx.Response | None:
    """What is answered there; None: nobody listens."""
    async with httpx.AsyncClient(trust_env=False) as client:
        try:
            return await client.get(f"http://127.0.0.1:{port}{path}", headers=headers, timeout=30)
        except httpx.TransportError:
            return None


async def served(port: int) -> None:
    """Waits until something is served there."""
    deadline = time.monotonic() + 60
    while await answers(port) is None:
        assert time.monotonic() < deadline, f"nothing is served at {port}"
        await asyncio.sleep(0.05)


async def serving(site: Installation, **web: object) -> tuple[Daemon, int]:
    """A daemon with a status page, and its port."""
    port = free_port()
    site.write(web={"listen": f"127.0.0.1:{port}", **web})
    daemon = await site.start()
    await served(port)
    return daemon, port


@contextmanager
def crowd(port: int, count: int, says: bytes) -> Iterator[list[socket.socket]]:
    """Visitors that connect, say this, and then neither speak nor read."""
    with ExitStack() as stack:
        visitors = []
        for _ in range(count):
            visitor = stack.enter_context(closing(socket.create_connection(("127.0.0.1", port), timeout=30)))
            with suppress(ConnectionError):
                visitor.sendall(says)
            visitors.append(visitor)
        yield visitors


def memory(daemon: Daemon) -> int:
    """The bytes that a process has in memory."""
    [line] = [line for line in Path(f"/proc/{daemon.pid}/status").read_text().splitlines() if "VmRSS" in line]
    return int(line.split()[1]) * 1024


def files(daemon: Daemon) -> int:
    """How many files it has open."""
    return len(list(Path(f"/proc/{daemon.pid}/fd").iterdir()))


@together()
async def test_it_comes_changes_and_goes_with_the_configuration(site: Installation) -> None:
    """A reload moves it to another port, gives it a token, takes it away; polls go on."""
    daemon = await site.start()
    first, second = free_port(), free_port()
    site.write(web={"listen": f"127.0.0.1:{first}"})
    daemon.send(signal.SIGHUP)
    await daemon.logged(f"http://127.0.0.1:{first}/")
    await served(first)
    page = await answers(first, "/")
    assert page is not None
    assert page.status_code == 200

    site.write(web={"listen": f"127.0.0.1:{second}", "token": TOKEN})
    daemon.send(signal.SIGHUP)
    await daemon.logged(f"http://127.0.0.1:{second}/")
    await served(second)
    refused, shown = await answers(second, "/"), await answers(second, "/", authorization=f"Bearer {TOKEN}")
    assert await answers(first) is None
    assert refused is not None
    assert shown is not None
    assert (refused.status_code, shown.status_code) == (401, 200)

    del site.document["web"]
    site.write()
    daemon.send(signal.SIGHUP)
    await daemon.logged("configuration reloaded", times=3)
    assert await answers(second) is None
    await site.more_requests("type=0", 2)
    assert "ERROR" not in daemon.log


@together()
async def test_a_reload_that_changes_nothing_about_it_does_not_interrupt_it(site: Installation) -> None:
    """Who is connected stays so."""
    daemon, port = await serving(site)
    async with httpx.AsyncClient(trust_env=False, base_url=f"http://127.0.0.1:{port}") as client:
        await client.get("/healthz")
        daemon.send(signal.SIGHUP)
        await daemon.logged("configuration reloaded")
        assert (await client.get("/healthz")).status_code == 200
    assert daemon.log.count("status page") == 1


@together()
async def test_a_port_that_is_taken_stops_nothing_and_is_tried_again(site: Installation) -> None:
    """It is said once; and the page is there once the port is free."""
    port = free_port()
    site.write(web={"listen": f"127.0.0.1:{port}"})
    with closing(socket.create_server(("127.0.0.1", port))):
        daemon = await site.start()
        await daemon.logged("status page not served, will retry")
        await site.more_requests("type=0", 8)
    await served(port)
    assert daemon.log.count("status page not served") == 1
    assert await daemon.stop() == 0


@together()
async def test_it_ends_in_time_whoever_is_connected(site: Installation) -> None:
    """Silent visitors, half a request, and somebody who does not read what he asked for, again and again."""
    daemon, port = await serving(site)
    pages = b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n" * 200
    with crowd(port, 20, b""), crowd(port, 20, b"GET / HTTP/1.1\r\nHo"), crowd(port, 20, pages):
        await asyncio.sleep(0.5)
        began = time.monotonic()
        assert await daemon.stop() == 0
        assert time.monotonic() - began < MAY_TAKE
    assert "Traceback" not in daemon.log
    assert "ERROR" not in daemon.log


@together()
async def test_polls_keep_their_pace_whatever_visitors_do(site: Installation) -> None:
    """A thousand connections, requests that never come whole, answers that nobody reads: polled each second as ever,
    with files and memory within bounds, others served, and nothing in the log."""
    daemon, port = await serving(site)
    await site.more_requests("type=0", 2)
    before = memory(daemon)
    pages = b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n" * 50
    highest, began, polled = 0, time.monotonic(), site.request_count("type=0")

    def flood() -> int:
        highest = 0
        with (
            crowd(port, FLOOD, b""),
            crowd(port, 200, b"GET / HTTP/1.1\r\nHost: lo"),
            crowd(port, 200, pages) as readers,
        ):
            ended = time.monotonic() + 5
            while time.monotonic() < ended:
                for reader in readers:
                    with suppress(OSError):
                        reader.send(b"x")
                highest = max(highest, files(daemon))
                time.sleep(0.1)
        return highest

    highest = await asyncio.to_thread(flood)
    took = time.monotonic() - began
    polls = site.request_count("type=0") - polled
    assert highest < FILES
    assert polls > took / 3  # once a second; a third of that on a machine with much else to do
    assert memory(daemon) - before < 100 * MIB
    await served(port)
    assert "Traceback" not in daemon.log
    assert "ERROR" not in daemon.log


@together()
async def test_the_token_is_kept_to_itself(site: Installation) -> None:
    """It is in no log line, no command line, no file but the configuration; and right and wrong ones are not logged."""
    port = free_port()
    site.write(web={"listen": f"127.0.0.1:{port}", "token": "${WEB_TOKEN}"})
    site.execs = True
    daemon = await site.start("--log-level", "debug", WEB_TOKEN=TOKEN)
    await served(port)
    for sent in (TOKEN, "a-wrong-token-of-somebody"):
        for path in ("/", "/metrics", "/nowhere"):
            await answers(port, path, authorization=f"Bearer {sent}")
    async with httpx.AsyncClient(trust_env=False) as client:
        login = await client.post(f"http://127.0.0.1:{port}/login", data={"token": TOKEN, "to": "/?q=x"})
    (session,) = login.cookies.values()
    assert TOKEN not in Path(f"/proc/{daemon.pid}/cmdline").read_bytes().decode()
    assert await daemon.stop() == 0
    kept = b"".join(path.read_bytes() for path in site.folder.iterdir() if path.is_file())
    for secret in (TOKEN, "a-wrong-token", session):
        assert secret.encode() not in kept
    assert "status page" in daemon.log
    assert "who has the token" in daemon.log


@together()
async def test_an_address_for_others_says_so_at_the_start(site: Installation) -> None:
    """Without a token it is not taken; with one, the log says that others reach it, and that there is no TLS."""
    port = free_port()
    site.write(web={"listen": f"0.0.0.0:{port}"})
    daemon = await site.launch()
    assert await daemon.ended() == 78
    assert "web.token: is required" in daemon.log
    site.write(web={"listen": f"0.0.0.0:{port}", "token": TOKEN})
    daemon = await site.start()
    await daemon.logged("other machines, without TLS")
    await served(port)
