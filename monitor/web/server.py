"""The server: uvicorn in its own thread, with limits for each visitor.

Its event loop is not the daemon's: a slow visitor or a large page delays no poll.
"""

import logging
import socket
import threading
from asyncio import Transport
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import Any

import h11
import uvicorn
from starlette.types import ASGIApp
from uvicorn.protocols.http.h11_impl import H11Protocol, RequestResponseCycle

HEAD = 16 * 1024
"""The size of a request's line and headers, in bytes, at most."""
BACKLOG = 128
"""Connections that are accepted at a time, before idle ones are closed: a flood may have a few times as many open
beyond the limit. The sum must stay below the 1,024 files that a process may have open, of which polls need some."""

# uvicorn logs a warning for each invalid request: strangers could fill the log
logging.getLogger("uvicorn.error").setLevel(logging.ERROR)


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """The limits for visitors. Spans are in seconds."""

    connections: int = 128
    """Open connections. One more closes the connection that has been idle longest."""
    exchange_within: float = 20
    """The time to send a request and read its response. A connection that needs longer is closed."""
    idle: int = 10
    """How long a connection is kept open for the next request."""
    ends_within: float = 2
    """How long requests under way may take when the server stops."""


class Bounded(H11Protocol):
    """A connection that is closed if it is too slow.

    uvicorn alone waits for ever for the rest of a request, and for a client that does not read its response."""

    def __init__(self, *, bounds: Bounds, **uvicorns: Any) -> None:
        super().__init__(**uvicorns)
        self._bounds = bounds
        self._answered = False
        self._timer = self.loop.call_later(bounds.exchange_within, self._close_if_slow)
        self.idle_since = self.loop.time()

    def connection_made(self, transport: Transport) -> None:  # type: ignore[override]  # as uvicorn has it
        """Accept a connection, and close an idle one if there are too many."""
        super().connection_made(transport)
        if len(self.connections) > self._bounds.connections:
            self._make_room()

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop the timer of a closed connection."""
        self._timer.cancel()
        super().connection_lost(exc)

    def on_response_complete(self) -> None:
        """Note a complete response. The next request gets as much time again."""
        self._answered = True
        self.idle_since = self.loop.time()
        super().on_response_complete()

    def send_400_response(self, msg: str) -> None:
        """Answer an invalid request, unless a response is under way: then close the connection."""
        if self.conn.our_state is h11.IDLE:
            super().send_400_response(msg)
        else:
            self.transport.abort()

    def shutdown(self) -> None:
        """Close the connection when the server stops; a response under way has `ends_within`."""
        with suppress(
            h11.LocalProtocolError
        ):  # raised if an invalid request was answered and the client stayed
            super().shutdown()
        self.loop.call_later(self._bounds.ends_within, self.transport.abort)

    @property
    def is_idle(self) -> bool:
        """Return whether no response is under way."""
        cycle: RequestResponseCycle | None = self.cycle  # None before the first request
        return cycle is None or cycle.response_complete

    def _make_room(self) -> None:
        """Close the connection that has been idle longest. One with a response under way stays."""
        idle = (one for one in self.connections if isinstance(one, Bounded) and one.is_idle)
        last = min(idle, key=lambda one: one.idle_since)
        self.connections.discard(last)
        last.transport.abort()

    def _close_if_slow(self) -> None:
        if self._answered:
            self._answered = False
            self._timer = self.loop.call_later(self._bounds.exchange_within, self._close_if_slow)
        else:
            self.transport.abort()


class Server:
    """Serves an application at an address until `stop`. Raises OSError if it cannot listen there."""

    def __init__(self, app: ASGIApp, host: str, port: int, bounds: Bounds | None = None) -> None:
        self._socket = listening(host, port)
        self._uvicorn = uvicorn.Server(_settings(app, bounds or Bounds()))
        self._thread = threading.Thread(target=self._run, name="web", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Begin to stop. `is_alive` becomes false at the end."""
        self._uvicorn.should_exit = True

    @property
    def is_alive(self) -> bool:
        """Return whether requests may still be served."""
        return self._thread.is_alive()

    def _run(self) -> None:
        with self._socket:
            self._uvicorn.run(sockets=[self._socket])


def _settings(app: ASGIApp, bounds: Bounds) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        http=partial(Bounded, bounds=bounds),  # type: ignore[arg-type]  # uvicorn only calls it
        ws="none",
        loop="asyncio",
        lifespan="on",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        backlog=BACKLOG,
        timeout_keep_alive=bounds.idle,
        timeout_graceful_shutdown=int(bounds.ends_within) + 1,
        h11_max_incomplete_event_size=HEAD,
    )


def listening(host: str, port: int) -> socket.socket:
    """Return a socket that listens at an address. Raises OSError if that is impossible."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    dualstack = host == "::" and socket.has_dualstack_ipv6()
    made = socket.create_server((host, port), family=family, backlog=BACKLOG, dualstack_ipv6=dualstack)
    # Connections inherit this option; asyncio sets it only for sockets that were created with an explicit protocol.
    # Without it the second part of a response waits 40 ms for the client's acknowledgement of the first.
    made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return made
