"""A simulated provider, and the service that answers for it on a port of its own."""

import json
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import ClassVar, Generic, NamedTuple, Protocol, Self, TypeVar

from monitor.sandbox.faults import Fault, FaultForm, PlannedFault
from monitor.sandbox.http import HOST, Clock, Request, Reset, Response, Server, utc_now

_LOG_LENGTH = 10_000


class Endpoint(Protocol):
    """The behaviour of a running service when nothing is wrong, without I/O."""

    def account(self, request: Request) -> str | None:
        """Return the account that a request is about, if it names one."""

    def answer(self, request: Request, *, started: datetime, elapsed: timedelta) -> Response:
        """Return the documented response, `elapsed` after the script's beginning at `started` (UTC)."""


class Configuration(NamedTuple):
    """The entries (YAML) of `providers`, `jobs` and `rules` by which one simulated provider is polled."""

    provider: str
    jobs: str
    rules: str


class Simulation(ABC):
    """A simulated provider before it runs: balances as scripts, credentials, and what its documentation leaves open.

    Each provider has one, a frozen dataclass in a module of its own."""

    name: ClassVar[str]
    """The provider's `type` in the configuration."""
    title: ClassVar[str]
    """Its name for people."""
    usage: ClassVar[str]
    """How a balance of it is addressed on the command line."""
    example: ClassVar[str]
    """A balance of it, as the command line takes it."""
    faults: ClassVar[Mapping[str, FaultForm]] = MappingProxyType({})
    """Faults that only this provider documents, by the word for each."""
    demo_faults: ClassVar[tuple[str, ...]] = ()
    """The faults of the demo."""
    narration: ClassVar[Mapping[int, str]] = MappingProxyType({})
    """Comments on what the demo shows next, by second."""

    @classmethod
    @abstractmethod
    def demo(cls) -> Self:
        """Return the provider with the balances of the demo."""

    @abstractmethod
    def endpoint(self) -> Endpoint:
        """Return a new endpoint, which has answered nothing yet."""

    @abstractmethod
    def with_balance(self, place: Sequence[str], script: str) -> Self | None:
        """Return the provider with one balance set; None if `place` does not address one.

        `place` are the parts of the address after the provider's name. Raises ValueError for a wrong script."""

    @abstractmethod
    def configuration(self, url: str, every: str) -> Configuration:
        """Return the configuration that polls this provider at `url`, with the interval `every` for each job.

        Raises ValueError if that exceeds its call limit."""

    def allowing(self, calls_per_minute: int) -> Self:
        """Return the provider with another call limit, if it has one."""
        return self


def quoted(value: str) -> str:
    """Return a YAML string; `$${` is the configuration's literal `${`."""
    return json.dumps(value.replace("${", "$${"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Logged:
    """A request, and the status it was answered with; None for a connection that was reset."""

    request: Request
    status: int | None


EndpointT = TypeVar("EndpointT", bound=Endpoint)


class Service(Generic[EndpointT]):
    """An endpoint on a loopback port.

    `fault` may be set and cleared (None) at any time and comes on top of the planned ones. `requests` holds the
    last ten thousand requests. After `stop()` connections are refused; a later `start()` takes the same port and
    continues the same script, whose time counts from the first start.
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
        """Return the base URL, without a slash at its end."""
        return f"http://{HOST}:{self._server.port}"

    @property
    def started(self) -> datetime:
        """Return when the script began (UTC): at the first start; before that, now."""
        return self._started or self._clock()

    def now(self) -> datetime:
        """Return the service's own time (UTC): the sandbox's clock, plus the skew of the active faults."""
        faults = self._faults(self._clock() - self.started, account=None)
        return self._clock() + sum((fault.skew for fault in faults), timedelta(0))

    async def start(self) -> None:
        """Listen. Raises OSError if the port is taken."""
        self._started = self.started
        await self._server.start()

    async def stop(self) -> None:
        """Drop every connection at once and stop listening."""
        await self._server.stop()

    def _handle(self, request: Request) -> Response:
        elapsed = self._clock() - self.started
        # Answered even if a fault replaces the response: the call counts towards the provider's limit anyway.
        response = self.endpoint.answer(request, started=self.started, elapsed=elapsed)
        for fault in self._faults(elapsed, self.endpoint.account(request)):
            response = fault.change(response)
        status = None if isinstance(response.sending, Reset) else response.status
        self.requests.append(Logged(request=request, status=status))
        return response

    def _faults(self, elapsed: timedelta, account: str | None) -> list[Fault]:
        planned = [plan.fault for plan in self._planned if plan.is_active(elapsed) and plan.concerns(account)]
        return planned if self.fault is None else [*planned, self.fault]
