"""The server: uvicorn in a thread of its own, with bounds on what a visitor may take of it.

Its event loop is not the daemon's, so that no visitor, however slow, and no page, however large, holds up a poll.
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
"""Bytes of a request's line and headers after which no more of them are waited for."""
AT_A_TIME = 128
"""Connections taken on before room is made for them: what a flood may have open beyond the bound, a few times over.
That has to stay below the 1,024 files that a process may have open, of which polls need some."""

# A line for each mistaken request of a stranger would be a way to fill the log.
logging.getLogger("uvicorn.error").setLevel(logging.ERROR)


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """What visitors may take. `connections` are open at the same time: one more takes the place of that which has been
    idle longest. Spans are in seconds: within `exchange_within` a connection has to ask and be answered, again and
    again, or it is closed; for `idle` one that was answered is kept for the next request; requests under way have
    `ends_within` at the end."""

    connections: int = 128
    exchange_within: float = 20
    idle: int = 10
    ends_within: float = 2


class Bounded(H11Protocol):
    """A connection with an end: uvicorn itself waits for ever for a request that does not come whole, and for one who
    does not read his answer."""

    def __init__(self, *, bounds: Bounds, **uvicorns: Any) -> None:
        super().__init__(**uvicorns)
        self._bounds = bounds
        self._answered = False
        self._timer = self.loop.call_later(bounds.exchange_within, self._look)
        self.idle_since = self.loop.time()

    def connection_made(self, transport: Transport) -> None:  # type: ignore[override]  # as uvicorn has it
        """One more visitor, for whom there has to be room."""
        super().connection_made(transport)
        if len(self.connections) > self._bounds.connections:
            self._make_room()

    def connection_lost(self, exc: Exception | None) -> None:
        """It is over."""
        self._timer.cancel()
        super().connection_lost(exc)

    def on_response_complete(self) -> None:
        """Asked and answered: the next exchange has as long."""
        self._answered = True
        self.idle_since = self.loop.time()
        super().on_response_complete()

    def send_400_response(self, msg: str) -> None:
        """What is no HTTP is told so, where no answer is under way yet."""
        if self.conn.our_state is h11.IDLE:
            super().send_400_response(msg)
        else:
            self.transport.abort()

    def shutdown(self) -> None:
        """The server ends: what is under way has a while."""
        with suppress(h11.LocalProtocolError):  # it was told that it speaks no HTTP, and has not gone
            super().shutdown()
        self.loop.call_later(self._bounds.ends_within, self.transport.abort)

    @property
    def is_idle(self) -> bool:
        """Whether no answer is under way."""
        cycle: RequestResponseCycle | None = self.cycle  # as it is before the first request
        return cycle is None or cycle.response_complete

    def _make_room(self) -> None:
        """Whoever is being answered stays; of the others he goes who has not asked for anything for the longest."""
        idle = (one for one in self.connections if isinstance(one, Bounded) and one.is_idle)
        last = min(idle, key=lambda one: one.idle_since)
        self.connections.discard(last)
        last.transport.abort()

    def _look(self) -> None:
        if self._answered:
            self._answered = False
            self._timer = self.loop.call_later(self._bounds.exchange_within, self._look)
        else:
            self.transport.abort()


class Server:
    """Serves an application at an address, from the making of this until `stop`. Raises OSError where it can't
    listen there."""

    def __init__(self, app: ASGIApp, host: str, port: int, bounds: Bounds | None = None) -> None:
        self._socket = listening(host, port)
        self._uvicorn = uvicorn.Server(_settings(app, bounds or Bounds()))
        self._thread = threading.Thread(target=self._run, name="web", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Begins to end it."""
        self._uvicorn.should_exit = True

    @property
    def is_alive(self) -> bool:
        """Whether anything may still be served."""
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
        backlog=AT_A_TIME,
        timeout_keep_alive=bounds.idle,
        timeout_graceful_shutdown=int(bounds.ends_within) + 1,
        h11_max_incomplete_event_size=HEAD,
    )


def listening(host: str, port: int) -> socket.socket:
    """A socket that listens at an address. Raises OSError where that can't be."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    dualstack = host == "::" and socket.has_dualstack_ipv6()
    made = socket.create_server((host, port), family=family, backlog=AT_A_TIME, dualstack_ipv6=dualstack)
    # Connections inherit it. asyncio leaves it to sockets that name their protocol; without it the second part of an
    # answer waits for the visitor's acknowledgement of the first: 40 ms.
    made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return made
