"""The heartbeat: requests to a service such as healthchecks.io, which raises an alarm when they stop.

Its API (https://healthchecks.io/docs/http_api/): `URL/start` begins a run, `URL` ends it with success, `URL/fail` with
a failure, whose reason is the body. The UUID `rid` identifies the run."""

import asyncio
import logging
from collections.abc import Callable
from urllib.parse import urlsplit, urlunsplit
from uuid import UUID

import httpx
from pydantic import SecretStr

from monitor.log.redaction import redacted
from monitor.providers.http import transport
from monitor.providers.network_errors import cause_of

log = logging.getLogger(__name__)

TIMEOUT = 10.0  # seconds, for one request as a whole


class Heartbeat:
    """The heartbeat of one URL. A request that fails is logged, once until the next success.

    TLS, proxy and error texts are the same as for polls."""

    def __init__(self, url: SecretStr, new_id: Callable[[], UUID], *, proxy: SecretStr | None = None) -> None:
        self._url = url
        self._proxy = proxy
        self._new_id = new_id
        self._run = new_id()
        self._lost = False
        self._failing = False

    async def begin(self) -> None:
        """Begin a new run."""
        self._run = self._new_id()
        await self._send("/start")

    async def end(self, problem: str) -> None:
        """End the run: with success, or with a problem."""
        if problem and not self._failing:
            log.warning("heartbeat reports a problem", extra={"fields": {"trouble": problem}})
        self._failing = bool(problem)
        await (self._send("/fail", problem) if problem else self._send(""))

    async def _send(self, action: str, body: str = "") -> None:
        parts = urlsplit(self._url.get_secret_value())
        path = parts.path.removesuffix("/") + action
        query = "&".join(filter(None, (parts.query, f"rid={self._run}")))
        url = urlunsplit((parts.scheme, parts.netloc, path, query, ""))
        method = "POST" if body else "GET"  # every service of the kind accepts GET
        try:
            async with (
                asyncio.timeout(TIMEOUT),
                # a new connection each time: the name may resolve to another address by now
                transport(verify=True, proxy=self._proxy) as http,
                httpx.AsyncClient(transport=http, timeout=None, follow_redirects=False) as client,  # noqa: S113 (above)
                client.stream(method, url, content=body.encode()) as response,
            ):
                error = None if response.is_success else f"HTTP {response.status_code}"
        except TimeoutError:
            error = f"no response within {TIMEOUT:.0f} s"
        except (httpx.InvalidURL, ValueError):
            error = "its URL cannot be used"
        except (httpx.HTTPError, OSError) as exc:
            failed = cause_of(exc, parts.hostname or "", through_proxy=self._proxy is not None)
            error = redacted(failed.detail, [self._url.get_secret_value(), parts.path.strip("/")])
        if error and not self._lost:
            log.warning("heartbeat not delivered", extra={"fields": {"error": error}})
        elif self._lost and not error:
            log.info("heartbeat delivered again")
        self._lost = error is not None
