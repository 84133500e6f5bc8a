"""A loopback endpoint that sends exactly the given bytes, and a client that polls it."""

import asyncio
import json
import ssl
import time
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Self

from monitor.domain.model import Account, PollResult
from monitor.providers.http import Client
from monitor.providers.limits import Host
from monitor.providers.nami import NamiApi, NamiSettings, NamiWallets
from monitor.providers.response import Response
from monitor.providers.wdcf import WdcfApi, WdcfSettings, WdcfWallets

API_KEY = "the-public-key-of-the-tests"
API_SECRET = "UNCZHD1e4501X1WGO9PqjGJBDqWoNjUlc05YZTy38t9Wd7rHWmrmtfKfb1Vpb5RH"
CLIENT_SECRET = "your-secret-key"
NOW = datetime(2026, 2, 1, 13, 59, 30, tzinfo=UTC)
DATE = "Sun, 01 Feb 2026 13:59:30 GMT"
"""`NOW` in the form of a `Date` header."""

SPOT = Account(provider="nami-main", job="nami-spot", name="spot")

Reply = Callable[[asyncio.StreamWriter], Awaitable[None]]


class FakeClock:
    """A wall clock that stops until a test moves it."""

    def __init__(self, now: datetime = NOW) -> None:
        self.now = now

    def __call__(self) -> datetime:
        return self.now

    def advance(self, span: timedelta) -> None:
        self.now += span


def client_account(client_id: str = "CLIENT_001") -> Account:
    return Account(provider="wdcf-main", job="clients", name=client_id, currencies=("USD",))


def nami_settings(base_url: str = "https://nami.exchange", **values: object) -> NamiSettings:
    keys = {"type": "nami", "api_key": API_KEY, "api_secret": API_SECRET, "retries": 0, "rate_limit": None}
    return NamiSettings.model_validate({**keys, "base_url": base_url, **values})


def nami_api(base_url: str = "https://nami.exchange", currencies: dict[str, str] | None = None) -> NamiApi:
    return NamiApi(nami_settings(base_url), NamiWallets(wallet="spot", currencies=currencies))


def wdcf_settings(base_url: str = "https://wdcf.xerve.online", **values: object) -> WdcfSettings:
    keys = {"type": "wdcf", "client_secret": CLIENT_SECRET, "retries": 0}
    return WdcfSettings.model_validate({**keys, "base_url": base_url, **values})


def wdcf_api(base_url: str = "https://wdcf.xerve.online", client_id: str = "CLIENT_001") -> WdcfApi:
    return WdcfApi(wdcf_settings(base_url), WdcfWallets(clients=[client_id]))


def answer(body: object, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """Return a response that was received at `NOW`; a body that is neither bytes nor text is sent as JSON."""
    raw = body if isinstance(body, bytes) else (body if isinstance(body, str) else json.dumps(body)).encode()
    return Response(status=status, headers=headers or {}, received_at=NOW, body=raw)


OK = b'{"status": "ok", "data": {"22": {"value": 1009.8500524310101, "locked_value": 0.10001, "type": 0}}}'


def http(status: int = 200, body: bytes = OK, *headers: str) -> bytes:
    """Return a whole, well-formed response."""
    lines = [f"HTTP/1.1 {status} Whatever", f"Content-Length: {len(body)}", *headers, "", ""]
    return "\r\n".join(lines).encode() + body


def sends(data: bytes) -> Reply:
    """Return a reply that writes these bytes and keeps the connection."""

    async def reply(writer: asyncio.StreamWriter) -> None:
        writer.write(data)
        await writer.drain()

    return reply


def closes(data: bytes = b"") -> Reply:
    """Return a reply that writes these bytes and closes the connection."""

    async def reply(writer: asyncio.StreamWriter) -> None:
        writer.write(data)
        writer.close()

    return reply


def resets(data: bytes = b"") -> Reply:
    """Return a reply that writes these bytes and resets the connection."""

    async def reply(writer: asyncio.StreamWriter) -> None:
        writer.write(data)
        await writer.drain()
        linger_for_no_time = (1).to_bytes(4, "little") + (0).to_bytes(4, "little")
        writer.get_extra_info("socket").setsockopt(1, 13, linger_for_no_time)  # SOL_SOCKET, SO_LINGER
        writer.transport.abort()

    return reply


def drips(data: bytes, pause: float = 0.02) -> Reply:
    """Return a reply that writes a byte at a time: no single read is slow, only the whole."""

    async def reply(writer: asyncio.StreamWriter) -> None:
        for byte in data:
            writer.write(bytes([byte]))
            await writer.drain()
            await asyncio.sleep(pause)

    return reply


def waits(seconds: float, data: bytes) -> Reply:
    """Return a reply that writes these bytes after a while."""

    async def reply(writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(seconds)
        writer.write(data)

    return reply


class Endpoint:
    """An endpoint that gives each request the next of its replies, and the last one to all further requests."""

    def __init__(
        self,
        *replies: Reply | bytes,
        tls: ssl.SSLContext | None = None,
        address: str = "127.0.0.1",
        port: int = 0,
    ) -> None:
        self.replies = [sends(reply) if isinstance(reply, bytes) else reply for reply in replies]
        self.requests: list[bytes] = []
        self.instants: list[float] = []
        self.connections = 0
        self.left = asyncio.Event()  # a client has closed its connection
        self.most_at_once = 0
        self._at_once = 0
        self._tls = tls
        self._at = address, port
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def base_url(self) -> str:
        scheme = "https" if self._tls else "http"
        return f"{scheme}://{self._at[0]}:{self._server.sockets[0].getsockname()[1]}"

    def heads(self) -> list[str]:
        """Return the first line of each request."""
        return [request.split(b"\r\n")[0].decode() for request in self.requests]

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._connected, *self._at, ssl=self._tls)
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        # Tasks of our own: asyncio's would print_error of the connections that the tests break.
        self.connections += 1
        self._tasks.add(asyncio.create_task(self._serve(reader, writer)))

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while not writer.is_closing():
                self.requests.append(await reader.readuntil(b"\r\n\r\n"))
                self.instants.append(time.monotonic())
                self._at_once += 1
                self.most_at_once = max(self.most_at_once, self._at_once)
                try:
                    await (self.replies.pop(0) if len(self.replies) > 1 else self.replies[0])(writer)
                finally:
                    self._at_once -= 1
        except (asyncio.IncompleteReadError, OSError):
            self.left.set()
        finally:
            writer.transport.abort()


class Station:
    """A host, and as many clients on it as a test needs."""

    def __init__(self, base_url: str, clock: FakeClock | None = None) -> None:
        self.base_url = base_url
        self.clock = clock or FakeClock()
        self.host = Host(nami_settings(base_url).origin, clock=self.clock)
        self._clients: list[Client] = []

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        for client in self._clients:
            await client.close()

    def client(self, **values: object) -> Client:
        """Return a client for Nami with these settings; no retries and no limit unless given."""
        client = Client(
            nami_settings(self.base_url, **values), self.host, clock=self.clock, jitter=lambda: 0.0
        )
        self._clients.append(client)
        return client

    def wdcf_client(self, **values: object) -> Client:
        """Return a client for WDCF."""
        client = Client(
            wdcf_settings(self.base_url, **values), self.host, clock=self.clock, jitter=lambda: 0.0
        )
        self._clients.append(client)
        return client

    async def poll(self, client: Client, max_wait: float = 5.0) -> PollResult:
        """Poll Nami's spot wallet."""
        return await client.poll(nami_api(self.base_url), SPOT, max_wait=timedelta(seconds=max_wait))


async def poll(*replies: Reply | bytes, **values: object) -> PollResult:
    """Poll Nami's spot wallet at an endpoint with these replies."""
    async with Endpoint(*replies) as endpoint, Station(endpoint.base_url) as station:
        return await station.poll(station.client(**values))
