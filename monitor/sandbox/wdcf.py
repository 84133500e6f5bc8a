"""WDCF's `GET /api/v1/get-balance`, as its documentation (docs: "WDCF: get balance") has it."""

import hmac
import re
import zlib
from collections.abc import Mapping
from datetime import datetime, timedelta
from urllib.parse import parse_qsl

from monitor.domain.time import rfc3339
from monitor.sandbox.http import Json, Request, Response, json_response, wrong_request
from monitor.sandbox.scripts import Level, Script

PATH = "/api/v1/get-balance"

_TOLERANCE_SECONDS = 300
_LONGEST_ID = 255


class Wdcf:
    """The wallet service. `clients` (client id to the script of the balance, USD) may be changed while it runs."""

    def __init__(self, clients: Mapping[str, Script], *, client_secret: str) -> None:
        self.clients = dict(clients)
        self._client_secret = client_secret

    def account(self, request: Request) -> str | None:
        """The client id."""
        return _parameters(request).get("clientId")

    def answer(self, request: Request, *, started: datetime, elapsed: timedelta) -> Response:
        """The client's balance, or the documented error."""
        refusal = wrong_request(request, "GET", PATH)
        if refusal is not None:
            return refusal
        if not self._is_authentic(request):
            return json_response(401, {"status": "error", "message": "Invalid signature", "data": None})
        client = _parameters(request).get("clientId", "")
        complaint = _complaint(client)
        if complaint is not None:
            errors: Json = {"errors": {"clientId": [complaint]}}
            return json_response(400, {"status": "failed", "message": "Validation failed", "data": errors})
        script = self.clients.get(client)
        if script is None:
            return json_response(404, {"status": "failed", "message": "User not found", "data": None})
        return _success(client, script(elapsed), started)

    def _is_authentic(self, request: Request) -> bool:
        timestamp = request.headers.get("x-timestamp", "")
        if re.fullmatch(r"[0-9]{1,12}", timestamp) is None:
            return False
        # The page refuses what is more than 5 minutes old; that the future is held to the same is assumed.
        if abs(request.received_at.timestamp() - int(timestamp)) > _TOLERANCE_SECONDS:
            return False
        message = f"{request.method}{request.path}{timestamp}{_payload(request)}"
        expected = hmac.digest(self._client_secret.encode(), message.encode(), "sha256").hex()
        return hmac.compare_digest(request.headers.get("x-signature", "").encode(), expected.encode())


def _parameters(request: Request) -> dict[str, str]:
    return dict(parse_qsl(request.query, keep_blank_values=True))


def _payload(request: Request) -> str:
    """The query parameters sorted by key, values not percent-encoded (WDCF, "Signature", assumed)."""
    return "&".join(f"{key}={value}" for key, value in sorted(_parameters(request).items()))


def _complaint(client: str) -> str | None:
    """What is wrong with a client id; the page gives the wording of the first case only."""
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
    """The last movement, UTC. What a wallet holds from the start came in then; one that never held anything: None."""
    if level.moved is None and not level.amount:
        return None
    at = started + (level.moved or timedelta(0))
    return rfc3339(at, "milliseconds")
