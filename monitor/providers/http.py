"""Requests to providers over HTTP: the one place that knows httpx and its errors.

A poll waits for its turn, signs with the time of that moment, sends, reads with a deadline and a size limit, and
passes the response to the provider's module. Every failure becomes a `PollResult` whose text holds no secret, no
signature and no URL.
"""

import asyncio
import logging
import os
import sys
import zlib
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import cache, partial
from importlib.util import find_spec
from pathlib import Path
from ssl import PROTOCOL_TLS_CLIENT, SSLContext, SSLError
from time import monotonic
from typing import Any
from urllib.parse import urlsplit

import httpx
from pydantic import SecretStr

from monitor import __version__
from monitor.domain.model import Account, Balance, PollResult
from monitor.domain.time import moment, span
from monitor.errors import (
    AuthFailed,
    BadPayload,
    Banned,
    ConfigError,
    Outcome,
    Paused,
    PollFailed,
    Problem,
    Retryable,
    Timeout,
    Unavailable,
)
from monitor.log.redaction import redacted
from monitor.providers.base import Api, Request, Settings
from monitor.providers.limits import CONCURRENCY, Host, NoTurn
from monitor.providers.network_errors import cause_of
from monitor.providers.payload import quoted
from monitor.providers.response import Response, failure

MAX_BODY = 1024 * 1024
"""The most bytes of a response's body that are read; a balance takes a few hundred."""
CONNECTIONS_LAST = timedelta(seconds=60)
"""How long a connection is reused. Then the provider's name is resolved again: its address may have changed."""
FIRST_BACKOFF = timedelta(milliseconds=500)
LONGEST_BACKOFF = timedelta(seconds=5)
BAN = timedelta(hours=1)
"""How long a ban is assumed to last if the response does not name its end: the longest that a provider documents."""

_COMPRESSED = {"gzip": zlib.MAX_WBITS | 16, "x-gzip": zlib.MAX_WBITS | 16, "deflate": zlib.MAX_WBITS}
"""The encodings that are decoded although none is requested, with zlib's number for their format."""

_TOO_LONG = "a body of more than 1 MiB"

_HEADERS = {
    "Accept": "application/json",
    "Accept-Encoding": "identity",
    "User-Agent": f"balance-monitor/{__version__} (wallet balance monitoring)",
}

# Both log whole URLs, signatures included, at INFO and DEBUG, and nothing that a PollResult does not hold. Their
# records are dropped at every level, because redaction cannot know a signature.
for _logger in (logging.getLogger("httpx"), logging.getLogger("httpcore")):
    _logger.setLevel(logging.CRITICAL + 1)
    _logger.propagate = False
    _logger.addHandler(logging.NullHandler())

# httpcore imports this optional module again with every lock it makes. If it isn't installed, Python searches the
# disk each time, which took a twelfth of a poll; None marks it as missing.
if find_spec("sniffio") is None:
    sys.modules["sniffio"] = None  # type: ignore[assignment]  # documented, but not in its type


@dataclass(slots=True, kw_only=True)
class _Progress:
    """The state of a poll: how many seconds it may still wait for turns (`patience`), and how many it has `waited`."""

    patience: float
    hidden: list[str] = field(repr=False)
    waited: float = 0.0
    attempts: int = 0
    failed: Retryable | None = None


class Client:
    """The connections of one provider.

    `clock` returns aware UTC; `jitter` returns a number from 0 to 1, so that many retries are not sent at once."""

    def __init__(
        self,
        settings: Settings,
        host: Host,
        *,
        clock: Callable[[], datetime],
        jitter: Callable[[], float],
    ) -> None:
        self._settings = settings
        self._host = host
        self._clock = clock
        self._jitter = jitter
        self._connections = Connections(partial(transport, verify=settings.verify_tls, proxy=settings.proxy))
        if settings.rate_limit:
            host.add_limit(settings.rate_limit)

    async def close(self) -> None:
        """Close the connections and remove the provider's limit from the host. Polls should be over by then."""
        if self._settings.rate_limit:
            self._host.remove_limit(self._settings.rate_limit)
        await self._connections.close()

    async def poll(self, api: Api, account: Account, *, max_wait: timedelta) -> PollResult:
        """Read an account's balances, with retries after failures that may pass. Never raises.

        `max_wait` limits the time spent waiting for turns, over all attempts."""
        began = _now()
        progress = _Progress(patience=max_wait.total_seconds(), hidden=[*self._settings.secrets()])
        result = await self._result(api, account, progress)
        waited = timedelta(seconds=progress.waited)
        return replace(result, waited=waited, took=timedelta(seconds=_now() - began) - waited)

    async def _result(self, api: Api, account: Account, progress: _Progress) -> PollResult:
        started_at = self._clock()
        try:
            balances = await self._persist(api, account, progress)
        except PollFailed as exc:
            return self._failed(started_at, progress, exc)
        return PollResult(
            outcome=Outcome.OK,
            started_at=started_at,
            finished_at=self._clock(),
            attempts=progress.attempts,
            balances=balances,
        )

    def _failed(self, started_at: datetime, progress: _Progress, failed: PollFailed) -> PollResult:
        pause = self._host.paused if _asks_for_rest(failed) else None
        # Without an attempt, the detail already names the pause that prevented it.
        began = f"; host paused until {moment(pause.until)}" if pause and progress.attempts else ""
        return PollResult(
            outcome=failed.outcome,
            started_at=started_at,
            finished_at=self._clock(),
            attempts=progress.attempts,
            detail=redacted(failed.detail, progress.hidden) + began,
            pause=pause,
        )

    async def _persist(self, api: Api, account: Account, progress: _Progress) -> tuple[Balance, ...]:
        """Attempt until one succeeds, or fails in a way that a retry cannot fix."""
        while True:
            try:
                return await self._attempt(api, account, progress)
            except NoTurn as exc:
                raise progress.failed or exc.failure from exc
            except Retryable as exc:
                progress.failed = exc
                delay = self._delay(exc, progress.attempts)
                if delay is None:
                    raise
            await asyncio.sleep(delay)

    def _delay(self, failed: Retryable, attempts: int) -> float | None:
        """Return the seconds until the next attempt; None: no more in this poll."""
        requested = failed.retry_after or timedelta(0)
        if attempts > self._settings.retries or requested > LONGEST_BACKOFF:
            return None
        backoff = min(FIRST_BACKOFF * (1 << (attempts - 1)), LONGEST_BACKOFF) * (0.5 + self._jitter() / 2)
        return max(backoff, requested).total_seconds()

    async def _attempt(self, api: Api, account: Account, progress: _Progress) -> tuple[Balance, ...]:
        async with self._turn(progress):
            progress.attempts += 1
            request = api.request(account, self._clock())
            progress.hidden.append(request.signature)
            response = await self._exchange(request)
        try:
            return api.parse(account, response)
        except AuthFailed as exc:
            raise AuthFailed(exc.detail + _skew(response, api.max_skew)) from exc
        except (Paused, Unavailable) as exc:
            if _asks_for_rest(exc):
                self._pause(response, exc)
            raise

    @asynccontextmanager
    async def _turn(self, progress: _Progress) -> AsyncIterator[None]:
        """Wait for the host's turn and hold it. The time waited counts even if the turn does not come."""
        queued = _now()
        async with AsyncExitStack() as held:
            try:
                patience = timedelta(seconds=progress.patience)
                await held.enter_async_context(self._host.turn(patience, self._settings.timeout))
            finally:
                waited = _now() - queued
                progress.waited += waited
                progress.patience = max(0.0, progress.patience - waited)
            yield

    async def _exchange(self, request: Request) -> Response:
        deadline = _now() + self._settings.timeout.total_seconds()
        try:
            async with self._connections.lent() as http:
                response = await self._send(http, request, deadline)
                try:
                    return await self._receive(response, deadline)
                finally:
                    await response.aclose()
        except TimeoutError as exc:
            raise Timeout(f"no complete response within {span(self._settings.timeout)}") from exc
        except (httpx.HTTPError, OSError) as exc:
            host = urlsplit(self._settings.base_url).hostname or ""
            raise cause_of(exc, host, through_proxy=self._settings.proxy is not None) from exc

    async def _send(
        self, http: httpx.AsyncHTTPTransport, request: Request, deadline: float
    ) -> httpx.Response:
        """Return the response's status line and headers; the body is still to be read.

        httpcore leaves the socket to the garbage collector when a TLS handshake is cancelled: here it is closed."""
        async with AsyncExitStack() as unless_received:

            async def on_event(event: str, info: Mapping[str, Any]) -> None:
                if event == "connection.connect_tcp.complete":
                    unless_received.push_async_callback(info["return_value"].aclose)

            outgoing = httpx.Request(
                "GET", request.url, headers={**_HEADERS, **request.headers}, extensions={"trace": on_event}
            )
            async with asyncio.timeout_at(deadline):
                response = await http.handle_async_request(outgoing)
            unless_received.pop_all()
            return response

    async def _receive(self, response: httpx.Response, deadline: float) -> Response:
        head = Response(
            status=response.status_code, headers=dict(response.headers), received_at=self._clock()
        )
        if head.date is not None:
            self._host.clock_difference = head.date - head.received_at
        refused = failure(head)
        if isinstance(refused, Paused | Unavailable) and _asks_for_rest(refused):
            self._pause(head, refused)  # before the body is read, so that no other poll sends meanwhile
        try:
            async with asyncio.timeout_at(deadline):
                return replace(head, body=await _body(response))
        except (httpx.HTTPError, OSError, BadPayload):
            if head.status == 200:
                raise
            return head  # an error's status is enough

    def _pause(self, response: Response, refused: Paused | Unavailable) -> None:
        label = refused.detail.partition(":")[0]  # the provider's own text follows the colon
        self._host.pause(_resumption(response, refused), refused.outcome, label)


async def _body(response: httpx.Response) -> bytes:
    """Return the whole body, decompressed if it is compressed. Both forms have the same size limit."""
    encoding = response.headers.get("content-encoding", "").strip().lower()
    if encoding not in ("", "identity", *_COMPRESSED):
        raise BadPayload(f"content-encoding {quoted(encoding)}, though identity was requested")
    if int(response.headers.get("content-length", 0)) > MAX_BODY:
        raise BadPayload(_TOO_LONG)
    body = bytearray()
    async for chunk in response.aiter_raw():
        body += chunk
        if len(body) > MAX_BODY:
            raise BadPayload(_TOO_LONG)
    return _decompressed(bytes(body), encoding) if encoding in _COMPRESSED else bytes(body)


def _decompressed(body: bytes, encoding: str) -> bytes:
    """Return the decompressed body. Raises BadPayload at the size limit, before a small body becomes a huge one."""
    wbits = _COMPRESSED[encoding]
    has_zlib_header = (
        len(body) >= 2 and body[0] & 0x0F == zlib.DEFLATED and int.from_bytes(body[:2]) % 31 == 0
    )
    if encoding == "deflate" and not has_zlib_header:
        wbits = -zlib.MAX_WBITS  # without the header that RFC 9110 requires, as some servers send it
    decoder = zlib.decompressobj(wbits)
    try:
        plain = decoder.decompress(body, MAX_BODY + 1)
    except zlib.error as exc:
        raise BadPayload(f"content-encoding {quoted(encoding)}, but the body is not") from exc
    if len(plain) > MAX_BODY:
        raise BadPayload(_TOO_LONG)
    if not decoder.eof or decoder.unused_data:
        raise BadPayload(f"content-encoding {quoted(encoding)}, but the body is incomplete")
    return plain


def _now() -> float:
    """Return the seconds on the clock of the loop's timers."""
    return asyncio.get_running_loop().time()


def _asks_for_rest(failed: PollFailed) -> bool:
    """Return True if the host asks for no calls for a while: a 418 or 429, or a 5xx with Retry-After."""
    return isinstance(failed, Paused) or (isinstance(failed, Unavailable) and failed.retry_after is not None)


def _resumption(response: Response, refused: Paused | Unavailable) -> datetime:
    """Return when the host may be called again: after its Retry-After, after a ban, or in the next calendar minute."""
    if refused.retry_after is not None:
        return response.received_at + refused.retry_after
    if isinstance(refused, Banned):
        return response.received_at + BAN
    theirs = response.date or response.received_at
    # Limits count by the host's own calendar minute. One second more, because `Date` has no fractions.
    into_minute = timedelta(seconds=theirs.second, microseconds=theirs.microsecond)
    return response.received_at + timedelta(minutes=1) - into_minute + timedelta(seconds=1)


def _skew(response: Response, tolerated: timedelta) -> str:
    """Return a note for an authentication failure that our clock may have caused; empty if it is right."""
    off = response.date - response.received_at if response.date else timedelta(0)
    if abs(off) <= tolerated:
        return ""
    return f"; our clock is {span(abs(off))} {'behind' if off > timedelta(0) else 'ahead of'} the service's"


class _Lot:
    """Connections that were opened within one span, and how many requests use them."""

    def __init__(self, http: httpx.AsyncHTTPTransport) -> None:
        self.http = http
        self.since = monotonic()
        self.users = 0


class Connections:
    """The connections to one provider. After `CONNECTIONS_LAST` new ones are opened, and idle old ones closed."""

    def __init__(self, make: Callable[[], httpx.AsyncHTTPTransport]) -> None:
        self._make = make
        self._lot = _Lot(make())

    @asynccontextmanager
    async def lent(self) -> AsyncIterator[httpx.AsyncHTTPTransport]:
        """Lend the connections for one request, until the end of its response."""
        if monotonic() - self._lot.since > CONNECTIONS_LAST.total_seconds():
            old, self._lot = self._lot, _Lot(self._make())
            await self._close_idle(old)
        lot = self._lot
        lot.users += 1
        try:
            yield lot.http
        finally:
            lot.users -= 1
            await self._close_idle(lot)

    async def close(self) -> None:
        """Close all connections."""
        await self._lot.http.aclose()

    async def _close_idle(self, lot: _Lot) -> None:
        if lot is not self._lot and lot.users == 0:
            await lot.http.aclose()


def transport(*, verify: bool, proxy: SecretStr | None) -> httpx.AsyncHTTPTransport:
    """Return httpx's transport. Its client is not used, because it keeps cookies and follows redirects.

    The transport has no timeouts: httpx's are per read, so a server that sends a byte at a time never exceeds them.
    Nothing but the TLS files comes from the environment. Raises ConfigError if those cannot be used."""
    url = "" if proxy is None else proxy.get_secret_value()
    proxy_tls = tls_context(verify=True) if url.lower().startswith("https:") else None
    return httpx.AsyncHTTPTransport(
        verify=tls_context(verify=verify),
        proxy=httpx.Proxy(url, ssl_context=proxy_tls) if url else None,
        trust_env=False,
        limits=httpx.Limits(
            max_connections=None,  # `Host` counts them
            max_keepalive_connections=CONCURRENCY,
            keepalive_expiry=CONNECTIONS_LAST.total_seconds(),
        ),
    )


@cache
def tls_context(*, verify: bool) -> SSLContext:
    """Return the TLS settings of every client: loading the CA bundle takes 20 ms and some memory.

    `$SSL_CERT_FILE` or `$SSL_CERT_DIR` may name other CAs, `$SSLKEYLOGFILE` a file for the session keys. Raises
    ConfigError for one that cannot be used."""
    folders = "" if os.environ.get("SSL_CERT_FILE") else os.environ.get("SSL_CERT_DIR", "")
    if verify and folders and not any(Path(folder).is_dir() for folder in folders.split(os.pathsep)):
        raise _unusable("SSL_CERT_DIR", folders, "no such directory")
    try:
        return httpx.create_ssl_context(verify=verify)
    except OSError as exc:  # ssl.SSLError is one
        reason = exc.reason if isinstance(exc, SSLError) else exc.strerror
        name = "SSLKEYLOGFILE" if _has_readable_cas() else "SSL_CERT_FILE"
        words = (reason or "unusable").replace("_", " ").lower()
        raise _unusable(name, os.environ.get(name, ""), words) from exc


def _has_readable_cas() -> bool:
    path = os.environ.get("SSL_CERT_FILE")
    try:
        if path:
            SSLContext(PROTOCOL_TLS_CLIENT).load_verify_locations(cafile=path)
    except OSError:
        return False
    return True


def _unusable(name: str, path: str, reason: str) -> ConfigError:
    return ConfigError("environment", (Problem(path=name, reason=f"cannot use {path}: {reason}"),))
