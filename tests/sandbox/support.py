"""A client's side of both services, written from the API pages and independently of the sandbox."""

import hashlib
import hmac
from datetime import UTC, datetime, timedelta
from urllib.parse import quote

import httpx

from monitor.sandbox import Fault, Sandbox, Scenario, Service
from monitor.sandbox.nami import Nami, NamiEndpoint
from monitor.sandbox.wdcf import Wdcf, WdcfEndpoint

START = datetime(2026, 2, 1, 14, 30, 5, tzinfo=UTC)
NAMI_PATH = "/api/v4/user/balance"
WDCF_PATH = "/api/v1/get-balance"
NAMI = Nami(wallets={}, api_key="the-key", api_secret="the-secret")
WDCF = Wdcf(clients={}, client_secret="the-client-secret")


def nami(sandbox: Sandbox) -> Service[NamiEndpoint]:
    """Return the exchange of a sandbox."""
    return sandbox.services["nami"]


def wdcf(sandbox: Sandbox) -> Service[WdcfEndpoint]:
    """Return the wallet service of a sandbox."""
    return sandbox.services["wdcf"]


def fault(text: str) -> Fault:
    """Return the fault in the notation."""
    return Scenario(services=(NAMI, WDCF)).with_fault(text).faults[0].fault


class FakeClock:
    """A clock that stops until a test advances it."""

    def __init__(self, now: datetime = START) -> None:
        self.now = now

    def __call__(self) -> datetime:
        return self.now

    def advance(self, **by: float) -> None:
        """Advance by the arguments of a timedelta."""
        self.now += timedelta(**by)


def hmac_hex(secret: str, message: str) -> str:
    """Return HMAC-SHA256 as lower-case hex."""
    return hmac.new(secret.encode(), message.encode(), hashlib.sha256).hexdigest()


def nami_url(sandbox: Sandbox, query: str, secret: str = NAMI.api_secret) -> str:
    """Return the signed URL for a query without its signature."""
    return f"{nami(sandbox).url}{NAMI_PATH}?{query}&signature={hmac_hex(secret, query)}"


async def ask_nami(client: httpx.AsyncClient, sandbox: Sandbox, query: str = "type=0") -> httpx.Response:
    """Send a correctly signed call with the start of the sandbox as its timestamp."""
    signed = f"{query}&timestamp={round(START.timestamp() * 1000)}"
    return await client.get(nami_url(sandbox, signed), headers={"x-api-key": NAMI.api_key})


async def ask_wdcf(
    client: httpx.AsyncClient,
    sandbox: Sandbox,
    client_id: str | None = "CLIENT_001",
    *,
    at: datetime = START,
    secret: str = WDCF.client_secret,
) -> httpx.Response:
    """Send a call that is signed at the given instant; without parameters if `client_id` is None."""
    timestamp = round(at.timestamp())
    payload = "" if client_id is None else f"clientId={client_id}"
    query = "" if client_id is None else f"?clientId={quote(client_id, safe='')}"
    signature = hmac_hex(secret, f"GET{WDCF_PATH}{timestamp}{payload}")
    headers = {"x-signature": signature, "x-timestamp": str(timestamp)}
    return await client.get(f"{wdcf(sandbox).url}{WDCF_PATH}{query}", headers=headers)
