"""For how long a connection is used: a service may move to another address, and its old machine may go on answering."""

import asyncio
import socket
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

import pytest

from monitor.errors import Outcome
from monitor.providers import http as transport

from .support import Endpoint, Station, http, waits

LAST = transport.CONNECTIONS_LAST.total_seconds()


@pytest.fixture
def advance(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    """Moves the clock by which connections grow old."""
    moved = [0.0]

    def advance(seconds: float) -> None:
        moved[0] += seconds

    monkeypatch.setattr(transport, "monotonic", lambda: moved[0])
    return advance


async def test_polls_share_a_connection_until_it_is_old(advance: Callable[[float], None]) -> None:
    """A handshake for each would cost both sides; a minute later it is closed and another is made."""
    async with Endpoint(http()) as endpoint, Station(endpoint.base_url) as station:
        client = station.client()
        for _ in range(3):
            await station.poll(client)
        assert endpoint.connections == 1
        advance(LAST + 1)
        await station.poll(client)
        await asyncio.wait_for(endpoint.left.wait(), 5)
        assert endpoint.connections == 2


async def test_a_service_that_moved_is_asked_where_it_is_now(
    advance: Callable[[float], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    """After a minute at most, though the old machine still answers on the old connection."""
    leads_to = ["127.0.0.1"]
    known = socket.getaddrinfo

    def getaddrinfo(host: str | bytes | None, *rest: Any, **more: Any) -> Any:
        return known(leads_to[0] if host in ("service.test", b"service.test") else host, *rest, **more)

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    async with (
        Endpoint(http()) as old,
        Endpoint(http(), address="127.0.0.2", port=urlsplit(old.base_url).port or 0) as new,
        Station(old.base_url.replace("127.0.0.1", "service.test")) as station,
    ):
        client = station.client()
        assert (await station.poll(client)).outcome is Outcome.OK
        leads_to[0] = "127.0.0.2"
        advance(LAST + 1)
        assert (await station.poll(client)).outcome is Outcome.OK
    assert (len(old.requests), len(new.requests)) == (1, 1)


async def test_an_answer_under_way_is_received_whole(advance: Callable[[float], None]) -> None:
    """The old connections are closed when nobody uses them any more."""
    async with Endpoint(waits(0.3, http()), http()) as endpoint, Station(endpoint.base_url) as station:
        client = station.client()
        slow = asyncio.create_task(station.poll(client))
        while not endpoint.requests:
            await asyncio.sleep(0.01)
        advance(LAST + 1)
        assert (await station.poll(client)).outcome is Outcome.OK
        assert not endpoint.left.is_set()
        assert (await slow).outcome is Outcome.OK
        await asyncio.wait_for(endpoint.left.wait(), 5)
