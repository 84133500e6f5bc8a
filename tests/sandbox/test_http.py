"""The HTTP layer: connections, methods, the log, and stopping."""

import asyncio
from datetime import timedelta

import httpx
import pytest

from monitor.sandbox import Fault, Sandbox, Scenario

from .support import NAMI, NAMI_PATH, START, WDCF_PATH, ask_nami, ask_wdcf, nami, wdcf


def port(url: str) -> int:
    return int(url.rpartition(":")[2])


async def raw(url: str, sent: bytes) -> bytes:
    """Everything that comes back for these bytes, up to the end of the connection."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port(url))
    writer.write(sent)
    received = await reader.read()
    writer.close()
    await writer.wait_closed()
    return received


async def test_each_service_has_a_port_of_its_own(sandbox: Sandbox) -> None:
    """Two hosts, as in life."""
    assert nami(sandbox).url.startswith("http://127.0.0.1:")
    assert nami(sandbox).url != wdcf(sandbox).url


async def test_connections_are_kept_alive(sandbox: Sandbox) -> None:
    """Two requests, sent at once on one connection, are answered one after the other."""
    request = f"GET {WDCF_PATH} HTTP/1.1\r\nHost: sandbox\r\n".encode()
    received = await raw(wdcf(sandbox).url, request + b"\r\n" + request + b"Connection: close\r\n\r\n")
    assert received.count(b"HTTP/1.1 401") == 2


async def test_the_date_is_the_service_clock(client: httpx.AsyncClient, sandbox: Sandbox) -> None:
    """Every answer is dated, errors too."""
    answer = await client.get(nami(sandbox).url + NAMI_PATH)
    assert answer.headers["date"] == "Sun, 01 Feb 2026 14:30:05 GMT"


@pytest.mark.parametrize("method", ["POST", "HEAD", "DELETE"])
@pytest.mark.parametrize("path", [NAMI_PATH, WDCF_PATH])
async def test_other_methods_are_not_allowed(
    client: httpx.AsyncClient, sandbox: Sandbox, method: str, path: str
) -> None:
    """405 says which method is."""
    base = nami(sandbox).url if path == NAMI_PATH else wdcf(sandbox).url
    answer = await client.request(method, base + path)
    assert (answer.status_code, answer.headers["allow"]) == (405, "GET")


async def test_other_paths_are_not_found(client: httpx.AsyncClient, sandbox: Sandbox) -> None:
    """The sandbox has the documented path only."""
    assert (await client.get(wdcf(sandbox).url + "/")).status_code == 404


async def test_what_is_not_http_ends_its_own_connection_only(
    client: httpx.AsyncClient, sandbox: Sandbox
) -> None:
    """Garbage is not answered, and the next client is served."""
    assert await raw(wdcf(sandbox).url, b"\x16\x03\x01 hello\r\n\r\n") == b""
    assert (await ask_wdcf(client, sandbox)).status_code == 200


async def test_requests_are_logged_with_their_status(client: httpx.AsyncClient, sandbox: Sandbox) -> None:
    """The log tells what came, when, and how it was answered."""
    await ask_wdcf(client, sandbox, "CLIENT_002")
    await ask_wdcf(client, sandbox, "nobody")
    first, second = wdcf(sandbox).requests
    assert (first.request.target, first.request.received_at) == (f"{WDCF_PATH}?clientId=CLIENT_002", START)
    assert (first.status, second.status) == (200, 404)


async def test_a_reset_is_logged_without_a_status(client: httpx.AsyncClient, sandbox: Sandbox) -> None:
    """Nothing was answered."""
    wdcf(sandbox).fault = Fault.reset()
    with pytest.raises(httpx.HTTPError):
        await ask_wdcf(client, sandbox)
    assert [logged.status for logged in wdcf(sandbox).requests] == [None]


async def test_the_log_shows_no_secret(client: httpx.AsyncClient, sandbox: Sandbox) -> None:
    """Keys and signatures can be looked up by a test but aren't printed with the record."""
    await ask_nami(client, sandbox)
    (logged,) = nami(sandbox).requests
    signature = logged.request.query.rpartition("=")[2]
    assert logged.request.headers["x-api-key"] == NAMI.api_key
    assert NAMI.api_key not in repr(logged)
    assert signature not in repr(logged)


@pytest.mark.parametrize("fault", [Fault.hang(), Fault.drip(every=timedelta(hours=1)), None])
async def test_stop_drops_open_connections_at_once(sandbox: Sandbox, fault: Fault | None) -> None:
    """Whether an answer hangs, drips or the connection idles, stopping does not wait for it."""
    wdcf(sandbox).fault = fault
    reader, writer = await asyncio.open_connection("127.0.0.1", port(wdcf(sandbox).url))
    writer.write(f"GET {WDCF_PATH} HTTP/1.1\r\nHost: sandbox\r\n\r\n".encode())
    await asyncio.sleep(0.05)
    await asyncio.wait_for(sandbox.stop(), 1)
    await asyncio.wait_for(reader.read(), 1)
    writer.close()


async def test_a_stopped_service_refuses_and_comes_back_on_its_port(
    client: httpx.AsyncClient, sandbox: Sandbox
) -> None:
    """A closed port is an outage too; afterwards the story goes on at the same address."""
    await wdcf(sandbox).stop()
    with pytest.raises(httpx.ConnectError):
        await ask_wdcf(client, sandbox)
    await wdcf(sandbox).start()
    assert (await ask_wdcf(client, sandbox)).status_code == 200


async def test_stopping_twice_is_fine(sandbox: Sandbox) -> None:
    """Whoever stops early does not disturb the end of the `async with`."""
    await sandbox.stop()
    await sandbox.stop()


async def test_a_taken_port_leaves_nothing_running(sandbox: Sandbox, story: Scenario) -> None:
    """If the second service can't start, the first one is stopped again."""
    other = Sandbox(story, ports={"wdcf": port(wdcf(sandbox).url)})
    with pytest.raises(OSError, match="address already in use"):
        await other.start()
    with pytest.raises(ConnectionRefusedError):
        await asyncio.open_connection("127.0.0.1", port(nami(other).url))
