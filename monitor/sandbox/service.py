"""One service of the sandbox: an endpoint behind a port of its own, its faults, and the log of its requests."""

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Generic, Protocol, TypeVar

from monitor.sandbox.faults import Fault, PlannedFault
from monitor.sandbox.http import HOST, Clock, Request, Reset, Response, Server, utc_now

_LOG_LENGTH = 10_000


class Endpoint(Protocol):
    """What a service does when nothing is wrong, without I/O."""

    def account(self, request: Request) -> str | None:
        """The account that a request is about, as far as that can be told."""

    def answer(self, request: Request, *, started: datetime, elapsed: timedelta) -> Response:
        """The documented answer, `elapsed` after the script's beginning at `started` (UTC)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Logged:
    """A request, and the status it was answered with; None for a connection that was reset."""

    request: Request
    status: int | None


EndpointT = TypeVar("EndpointT", bound=Endpoint)


class Service(Generic[EndpointT]):
    """An endpoint on a loopback port.

    `fault` may be set and cleared (None) at any time and comes on top of the planned ones. `requests` holds the
    last ten thousand requests. `stop()` makes connections be refused, and a later `start()` takes the same port
    and goes on in the same script, whose time counts from the first start.
    """

    def __init__(
        self,
        endpoint: EndpointT,
        *,
        planned: Iterable[PlannedFault] = (),
        clock: Clock = utc_now,
        port: int = 0,
    ) -> None:
        self.endpoint = endpoint
        self.fault: Fault | None = None
        self.requests: deque[Logged] = deque(maxlen=_LOG_LENGTH)
        self._planned = tuple(planned)
        self._clock = clock
        self._started: datetime | None = None
        self._server = Server(self._handle, clock=self.now, port=port)

    @property
    def url(self) -> str:
        """The base URL, without a slash at its end."""
        return f"http://{HOST}:{self._server.port}"

    @property
    def started(self) -> datetime:
        """When the script began (UTC): the first start; before that, now."""
        return self._started or self._clock()

    def now(self) -> datetime:
        """The service's own clock (UTC): the sandbox's, off by as much as the active faults skew it."""
        faults = self._faults(self._elapsed(), account=None)
        return self._clock() + sum((fault.skew for fault in faults), timedelta(0))

    async def start(self) -> None:
        """Listens; OSError if the port is taken."""
        self._started = self.started
        await self._server.start()

    async def stop(self) -> None:
        """Drops every connection at once and listens no longer."""
        await self._server.stop()

    def _handle(self, request: Request) -> Response:
        elapsed = self._elapsed()
        response = self.endpoint.answer(request, started=self.started, elapsed=elapsed)
        for fault in self._faults(elapsed, self.endpoint.account(request)):
            response = fault.change(response)
        status = None if isinstance(response.sending, Reset) else response.status
        self.requests.append(Logged(request=request, status=status))
        return response

    def _elapsed(self) -> timedelta:
        return self._clock() - self.started

    def _faults(self, elapsed: timedelta, account: str | None) -> list[Fault]:
        planned = [plan.fault for plan in self._planned if plan.is_active(elapsed) and plan.concerns(account)]
        return planned if self.fault is None else [*planned, self.fault]
