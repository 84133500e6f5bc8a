"""A wallet service on a port of its own, which is right except while a fault lasts."""

import asyncio
import ssl
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol, Self

from tests.providers.support import Endpoint, Reply, http, sends

from .certificates import TRUSTED

Kind = Literal["nami", "wdcf"]

AMOUNTS: dict[Kind, dict[str, str | None]] = {
    "nami": {"total": "2500.7500000000000001", "locked": "100.25", "available": "2400.5000000000000001"},
    "wdcf": {"total": "1500.50", "locked": None, "available": "1500.50"},
}
"""The balances in `status --json` after a right response."""

RIGHT: dict[Kind, str] = {
    "nami": '{"status": "ok", "data": {"22": {"value": 2500.7500000000000001, "locked_value": 100.25, "type": 0}}}',
    "wdcf": '{"status": "success", "message": "Balance retrieved successfully", "data": '
    '{"userId": 7, "clientId": "CLIENT_001", "balance": 1500.50, "updatedAt": "2026-02-01T13:59:30.000Z"}}',
}
"""The body of a right response, as in the documentation."""


def right(kind: Kind) -> bytes:
    """Return a right response, whole."""
    return http(200, RIGHT[kind].encode())


class Service(Endpoint):
    """One service, with TLS if it has a directory of certificates. It keeps its port while it does not listen.

    `elsewhere` is the port of a server that must get no request."""

    def __init__(self, kind: Kind, elsewhere: int, certificates: Path | None = None) -> None:
        tls = None if certificates is None else ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        super().__init__(right(kind), tls=tls)
        self.kind = kind
        self.elsewhere = elsewhere
        self._certificates = certificates
        self.port = 0
        self.host = "127.0.0.1"

    @property
    def base_url(self) -> str:
        """Return the base URL for the configuration."""
        return f"{'https' if self._tls else 'http'}://{self.host}:{self.port}"

    async def listen(self) -> None:
        """Accept connections, at the same port every time."""
        self._server = await asyncio.start_server(self._connected, "127.0.0.1", self.port, ssl=self._tls)
        self.port = self._server.sockets[0].getsockname()[1]

    async def refuse(self) -> None:
        """Refuse connections, and drop the open ones."""
        self._server.close()
        await self.drop()

    async def drop(self) -> None:
        """Drop the open connections."""
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def __aenter__(self) -> Self:
        self.present(TRUSTED)
        await self.listen()
        return self

    def present(self, certificate: str) -> None:
        """Use this certificate for new connections, if the service has TLS."""
        if self._tls is not None and self._certificates is not None:
            self._tls.load_cert_chain(self._certificates / certificate)


class Fault(Protocol):
    """A fault of a service for a while."""

    async def begin(self, service: Service) -> None:
        """Begin the fault."""
        ...

    async def end(self, service: Service) -> None:
        """End the fault."""
        ...


@dataclass(frozen=True, slots=True)
class Answers:
    """Every request gets this reply."""

    reply: Reply

    async def begin(self, service: Service) -> None:
        service.replies = [self.reply]

    async def end(self, service: Service) -> None:
        service.replies = [sends(right(service.kind))]


@dataclass(frozen=True, slots=True)
class NobodyListens:
    """The port is closed."""

    async def begin(self, service: Service) -> None:
        await service.refuse()

    async def end(self, service: Service) -> None:
        await service.listen()


@dataclass(frozen=True, slots=True)
class NoSuchName:
    """The configuration has a host name that does not exist; it needs a reload to begin and to end."""

    async def begin(self, service: Service) -> None:
        service.host = "balance-monitor.invalid"

    async def end(self, service: Service) -> None:
        service.host = "127.0.0.1"


@dataclass(frozen=True, slots=True)
class WrongCertificate:
    """A certificate that no client may accept."""

    certificate: str

    async def begin(self, service: Service) -> None:
        service.present(self.certificate)
        await service.drop()

    async def end(self, service: Service) -> None:
        service.present(TRUSTED)
        await service.drop()


@dataclass(frozen=True, slots=True)
class RedirectsElsewhere:
    """A redirect to another host that would respond, with the signed query in its URL, as a proxy might send it."""

    async def begin(self, service: Service) -> None:
        location = f"Location: http://localhost:{service.elsewhere}/?signature=anything"
        service.replies = [sends(http(302, b"", location))]

    async def end(self, service: Service) -> None:
        service.replies = [sends(right(service.kind))]
