"""A small HTTP/1.1 server on loopback with faults: delayed, dripping and cut-off responses, reset connections.

It knows nothing of the providers: it turns bytes into a `Request`, passes that to a handler, and sends the `Response`
in the way the response itself specifies. Connections are kept alive; pipelined requests are answered one after the
other.
"""

import asyncio
import contextlib
import json
import socket
import struct
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from email.utils import format_datetime
from http import HTTPStatus
from typing import TypeAlias, assert_never

import h11

HOST = "127.0.0.1"

Clock: TypeAlias = Callable[[], datetime]


def utc_now() -> datetime:
    """Return the time of the machine's clock, aware, in UTC."""
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """A request as it was received. Fields that may hold keys and signatures stay out of the repr.

    `path` and `query` are raw (still percent-encoded); header names are lower case; `received_at` is the
    service's own clock, UTC.
    """

    method: str
    path: str
    query: str = field(default="", repr=False)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    body: bytes = field(default=b"", repr=False)
    received_at: datetime

    @property
    def target(self) -> str:
        """Return the raw request target: path and query."""
        return f"{self.path}?{self.query}" if self.query else self.path


@dataclass(frozen=True, slots=True, kw_only=True)
class Whole:
    """Send the body at once."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CutOff:
    """Announce the whole body, send its first `after` bytes (never all), and close the connection."""

    after: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Drip:
    """Send the body `size` bytes at a time, one portion each `every`."""

    size: int = 1
    every: timedelta = timedelta(milliseconds=500)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reset:
    """Send nothing: reset the connection (RST)."""


Sending: TypeAlias = Whole | CutOff | Drip | Reset


@dataclass(frozen=True, slots=True, kw_only=True)
class Response:
    """A response, and how to send it: after `delay` (before anything is sent), then in the way of `sending`."""

    status: int
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    delay: timedelta = timedelta(0)
    sending: Sending = Whole()


Handler: TypeAlias = Callable[[Request], Response]
Json: TypeAlias = Mapping[str, "Json"] | list[str] | Decimal | int | str | None


def json_text(value: Json) -> str:
    """Return JSON in which a Decimal is a number with exactly its own digits: `1500.50` stays `1500.50`."""
    match value:
        case Decimal():
            return format(value, "f")
        case Mapping():
            return (
                "{" + ", ".join(f"{json.dumps(key)}: {json_text(item)}" for key, item in value.items()) + "}"
            )
        case _:
            return json.dumps(value)


def json_response(status: int, content: Json, headers: Mapping[str, str] | None = None) -> Response:
    """Return a response whose body is `content` as JSON."""
    body = json_text(content).encode()
    return Response(status=status, body=body, headers={"content-type": "application/json", **(headers or {})})


def error_response(
    status: int,
    message: str | None = None,
    *,
    headers: Mapping[str, str] | None = None,
    shown: int | None = None,
) -> Response:
    """Return an error with `statusCode`, `message` and `error`; `shown` is the HTTP status if the body's differs."""
    phrase = HTTPStatus(status).phrase
    content: Json = {"statusCode": status, "message": message or phrase, "error": phrase}
    return json_response(shown or status, content, headers)


def wrong_request(request: Request, method: str, path: str) -> Response | None:
    """Return 404 for any path but `path`, 405 for any method but `method`, None for the right request."""
    if request.path != path:
        return error_response(404, f"Cannot {request.method} {request.path}")
    if request.method != method:
        return error_response(405, headers={"allow": method})
    return None


class Server:
    """One handler on one loopback port. `port` 0 takes any free one, and keeps it over a stop and a new start."""

    def __init__(self, handler: Handler, *, clock: Clock = utc_now, port: int = 0) -> None:
        self._handler = handler
        self._clock = clock
        self._port = port
        self._server: asyncio.Server | None = None
        self._connections: dict[asyncio.Task[None], asyncio.StreamWriter] = {}

    @property
    def port(self) -> int:
        """Return the port it listens on; 0 before the first start if none was chosen."""
        return self._port

    async def start(self) -> None:
        """Listen. Raises OSError if the port is taken."""
        self._server = await asyncio.start_server(self._accept, HOST, self._port)
        self._port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        """Refuse new connections and drop the open ones at once, even in the middle of a response."""
        if self._server is None:
            return
        self._server.close()
        for task, writer in self._connections.items():
            task.cancel()
            writer.transport.abort()
        await asyncio.gather(*self._connections, return_exceptions=True)
        await self._server.wait_closed()
        self._server = None

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(self._serve(_Connection(reader, writer)))
        self._connections[task] = writer
        task.add_done_callback(self._connections.pop)

    async def _serve(self, connection: "_Connection") -> None:
        # A client that breaks HTTP or disconnects ends its own connection and affects nobody else.
        with contextlib.suppress(ConnectionError, h11.RemoteProtocolError):
            try:
                while incoming := await connection.receive():
                    await self._answer(connection, *incoming)
                    if not connection.next_cycle():
                        break
            finally:
                await connection.close()

    async def _answer(self, connection: "_Connection", head: h11.Request, body: bytes) -> None:
        request = _request(head, body, self._clock())
        response = self._handler(request)
        if request.method == "HEAD":
            response = replace(response, body=b"")
        await asyncio.sleep(response.delay.total_seconds())
        await connection.send(response, self._clock())


class _Connection:
    """One client's connection: h11's state machine between two asyncio streams."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self._http = h11.Connection(h11.SERVER)

    async def receive(self) -> tuple[h11.Request, bytes] | None:
        """Return the next request and its body; None when the client has disconnected."""
        head: h11.Request | None = None
        body = bytearray()
        while True:
            match self._http.next_event():
                case h11.NEED_DATA:
                    self._http.receive_data(await self._reader.read(65536))
                case h11.Request() as head:
                    pass
                case h11.Data(data=data):
                    body += data
                case h11.EndOfMessage() if head is not None:
                    return head, bytes(body)
                case _:
                    return None

    async def send(self, response: Response, now: datetime) -> None:
        if isinstance(response.sending, Reset):
            # Closing with a linger time of 0 is what makes the kernel send RST rather than FIN.
            linger = struct.pack("ii", 1, 0)
            self._writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
            self._writer.transport.abort()
            return
        await self._write(_head(response, now))
        for portion, pause in _portions(response.body, response.sending):
            await self._write(h11.Data(data=portion))
            await asyncio.sleep(pause.total_seconds())
        if not isinstance(response.sending, CutOff):
            await self._write(h11.EndOfMessage())

    def next_cycle(self) -> bool:
        """Prepare for another request on this connection; return False if none may follow."""
        if self._http.our_state is not h11.DONE or self._http.their_state is not h11.DONE:
            return False
        self._http.start_next_cycle()
        return True

    async def close(self) -> None:
        self._writer.close()
        await self._writer.wait_closed()

    async def _write(self, event: h11.Response | h11.Data | h11.EndOfMessage) -> None:
        self._writer.write(self._http.send(event) or b"")
        await self._writer.drain()


def _request(head: h11.Request, body: bytes, now: datetime) -> Request:
    path, _, query = head.target.decode("latin-1").partition("?")
    headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in head.headers}
    return Request(
        method=head.method.decode("ascii"),
        path=path,
        query=query,
        headers=headers,
        body=body,
        received_at=now,
    )


def _head(response: Response, now: datetime) -> h11.Response:
    headers = {"date": format_datetime(now.astimezone(UTC), usegmt=True), **response.headers}
    if response.status != HTTPStatus.NO_CONTENT:
        headers["content-length"] = str(len(response.body))
    return h11.Response(status_code=response.status, headers=list(headers.items()))


def _portions(body: bytes, sending: Whole | CutOff | Drip) -> Iterable[tuple[bytes, timedelta]]:
    """Return the pieces to send, each with the pause after it."""
    match sending:
        case Whole():
            return [(body, timedelta(0))] if body else []
        case CutOff(after=after):
            return [(body[:-1][:after], timedelta(0))]  # never the last byte, or the response would be whole
        case Drip(size=size, every=every):
            return ((body[at : at + size], every) for at in range(0, len(body), size))
        case _:
            assert_never(sending)
