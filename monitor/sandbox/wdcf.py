"""WDCF's `GET /api/v1/get-balance`, as documented (docs: "WDCF: get balance")."""

import hmac
import re
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import ClassVar
from urllib.parse import parse_qsl

from monitor.domain.time import rfc3339
from monitor.sandbox.faults import Fault, FaultForm
from monitor.sandbox.http import Json, Request, Response, json_response, wrong_request
from monitor.sandbox.scripts import Level, Script, parse_script
from monitor.sandbox.service import Configuration, Simulation, quoted

PATH = "/api/v1/get-balance"

_TOLERANCE_SECONDS = 300
_LONGEST_ID = 255


def database_down() -> Fault:
    """Answer 500 with the documented body ("Errors")."""
    error = {"error": "Database connection failed"}
    return Fault.answer(
        json_response(500, {"status": "failed", "message": "Failed to get balance", "data": error})
    )


_PROVIDER = """\
  wdcf-sandbox:
    type: wdcf
    base_url: {url}
    client_secret: {client_secret}
    timeout: 2s
    retries: 0
"""
_JOBS = """\
  - name: clients
    provider: wdcf-sandbox
    every: {every}
    clients: [{clients}]
"""
_RULES = """\
  - name: client-drained
    type: delta
    match: {job: clients}
    drop: 20%
    within: 1m
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wdcf(Simulation):
    """The wallet service. `clients` are scripts of balances (USD) by client id.

    The secret is made up, yet kept out of the repr like a real one."""

    name: ClassVar[str] = "wdcf"
    title: ClassVar[str] = "WDCF"
    usage: ClassVar[str] = "wdcf/CLIENT_ID"
    example: ClassVar[str] = "wdcf/CLIENT_001 walk 1000 step 5 seed 7"
    faults: ClassVar[Mapping[str, FaultForm]] = {"database-down": FaultForm(database_down)}
    demo_faults: ClassVar[tuple[str, ...]] = ("reset from 15s for 6s",)
    narration: ClassVar[Mapping[int, str]] = {
        15: "WDCF goes down. That is an outage, not an empty wallet.",
        21: "WDCF is back.",
    }

    clients: Mapping[str, Script]
    client_secret: str = field(default="sandbox-client-secret", repr=False)

    @classmethod
    def demo(cls) -> "Wdcf":
        """Return three clients. From 15 s every connection is reset for 6 s; the balances are the same afterwards."""
        return cls(
            clients={
                "CLIENT_001": parse_script("constant 1500.50"),
                "CLIENT_002": parse_script("walk 820.00 step 3 seed 2"),
                "CLIENT_003": parse_script("constant 0"),
            }
        )

    def endpoint(self) -> "WdcfEndpoint":
        """Return a new endpoint with these balances."""
        return WdcfEndpoint(self)

    def with_balance(self, place: Sequence[str], script: str) -> "Wdcf | None":
        """Return the service with one client's balance set, who may be a new one: `CLIENT_ID`."""
        match place:
            case [client] if client:
                return replace(self, clients={**self.clients, client: parse_script(script)})
            case _:
                return None

    def configuration(self, url: str, every: str) -> Configuration:
        """Return the configuration that polls every client."""
        return Configuration(
            provider=_PROVIDER.format(url=quoted(url), client_secret=quoted(self.client_secret)),
            jobs=_JOBS.format(every=every, clients=", ".join(quoted(client) for client in self.clients)),
            rules=_RULES,
        )


class WdcfEndpoint:
    """The running service. Its `clients` may be changed at any time."""

    def __init__(self, service: Wdcf) -> None:
        self.clients = dict(service.clients)
        self._client_secret = service.client_secret

    def account(self, request: Request) -> str | None:
        """Return the client id, if the request names one."""
        return _parameters(request).get("clientId")

    def answer(self, request: Request, *, started: datetime, elapsed: timedelta) -> Response:
        """Return the client's balance, or the documented error."""
        refusal = wrong_request(request, "GET", PATH)
        if refusal is not None:
            return refusal
        if not self._is_authentic(request):
            return json_response(401, {"status": "error", "message": "Invalid signature", "data": None})
        client = _parameters(request).get("clientId", "")
        mistake = _mistake(client)
        if mistake is not None:
            errors: Json = {"errors": {"clientId": [mistake]}}
            return json_response(400, {"status": "failed", "message": "Validation failed", "data": errors})
        script = self.clients.get(client)
        if script is None:
            return json_response(404, {"status": "failed", "message": "User not found", "data": None})
        return _success(client, script(elapsed), started)

    def _is_authentic(self, request: Request) -> bool:
        timestamp = request.headers.get("x-timestamp", "")
        if re.fullmatch(r"[0-9]{1,12}", timestamp) is None:
            return False
        # The page refuses timestamps more than 5 minutes old. Assumed: the same holds for the future.
        if abs(request.received_at.timestamp() - int(timestamp)) > _TOLERANCE_SECONDS:
            return False
        # The parameters sorted by key, values not percent-encoded ("Signature", assumed).
        payload = "&".join(f"{key}={value}" for key, value in sorted(_parameters(request).items()))
        message = f"{request.method}{request.path}{timestamp}{payload}"
        expected = hmac.digest(self._client_secret.encode(), message.encode(), "sha256").hex()
        return hmac.compare_digest(request.headers.get("x-signature", "").encode(), expected.encode())


def _parameters(request: Request) -> dict[str, str]:
    return dict(parse_qsl(request.query, keep_blank_values=True))


def _mistake(client: str) -> str | None:
    """Return what is wrong with a client id, if anything; the page gives the wording of the first case only."""
    if not client:
        return "The clientId field is required."
    if len(client) > _LONGEST_ID:
        return f"The clientId field must not be greater than {_LONGEST_ID} characters."
    return None


def _success(client: str, level: Level, started: datetime) -> Response:
    data: Json = {
        "userId": zlib.crc32(client.encode()),
        "clientId": client,
        "balance": level.amount,
        "updatedAt": _updated_at(level, started),
    }
    return json_response(
        200, {"status": "success", "message": "Balance retrieved successfully", "data": data}
    )


def _updated_at(level: Level, started: datetime) -> str | None:
    """Return the time of the last movement (UTC); None for a wallet that never held anything.

    An amount that a wallet holds from the start counts as moved at the start."""
    if level.moved is None and not level.amount:
        return None
    at = started + (level.moved or timedelta(0))
    return rfc3339(at, "milliseconds")


SIMULATION = Wdcf
