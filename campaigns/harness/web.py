"""A small HTTP/1.1 server on loopback that can wait until everything sent to it has been read."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from http import HTTPStatus

HOST = "127.0.0.1"
_PROBE = "/probe"


def _nothing() -> None:
    """Do nothing: the default of `Reply.sent`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """A request, whole. `path` is raw and without the query."""

    method: str
    path: str
    query: str
    body: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """A response; `sent` is called once the kernel has all of it."""

    status: int
    body: bytes = b"{}"
    sent: Callable[[], None] = _nothing


class Server:
    """One handler on one free port. A handler's code up to its first `await` runs as the request arrives."""

    def __init__(self, handler: Callable[[Request], Awaitable[Reply]]) -> None:
        self._handler = handler
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._reading: set[asyncio.StreamReader] = set()
        self.port = 0

    async def start(self) -> None:
        """Listen on a free port."""
        self._server = await asyncio.start_server(self._accept, HOST, 0)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        """Stop listening, and drop every connection."""
        if self._server is not None:
            self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def drained(self) -> None:
        """Wait until everything that a dead process sent has reached the handler."""
        # connections are accepted in order: once a new one is served, all earlier ones were accepted; each of these
        # ends by itself, because the process no longer holds its other end
        reader, writer = await asyncio.open_connection(HOST, self.port)
        writer.write(f"GET {_PROBE} HTTP/1.1\r\n\r\n".encode())
        await reader.readuntil(b"\r\n\r\n")
        writer.close()
        await writer.wait_closed()
        while self._reading:
            await asyncio.sleep(0.002)

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(self._serve(reader, writer))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while (request := await self._read(reader)) is not None:
                reply = await self._answer(request)
                writer.write(_head(reply) + reply.body)
                await writer.drain()
                reply.sent()
        except ConnectionError:
            pass  # the client was killed, as the campaigns do
        finally:
            writer.close()

    async def _read(self, reader: asyncio.StreamReader) -> Request | None:
        self._reading.add(reader)
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
            first, *lines = head.split("\r\n")
            headers = {
                name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)
            }
            body = await reader.readexactly(int(headers.get("content-length", "0")))
        except asyncio.IncompleteReadError:
            return None
        finally:
            self._reading.discard(reader)
        method, target, _ = first.split(" ")
        path, _, query = target.partition("?")
        return Request(method=method, path=path, query=query, body=body)

    async def _answer(self, request: Request) -> Reply:
        return Reply(status=204, body=b"") if request.path == _PROBE else await self._handler(request)


def _head(reply: Reply) -> bytes:
    return (
        f"HTTP/1.1 {reply.status} {HTTPStatus(reply.status).phrase}\r\n"
        f"content-type: application/json\r\ncontent-length: {len(reply.body)}\r\n\r\n"
    ).encode()
