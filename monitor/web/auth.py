"""Authentication, host check and security headers: the outermost layer of the web interface.

Without a token, everybody who reaches the address has access. With one, a request has to carry it as a bearer header,
as the password of basic authentication (feed readers know no other), or as the cookie that the login sets.
Requests without it see only the login and whether the daemon is alive.
"""

import asyncio
import hmac
import re
from base64 import b64decode
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from ipaddress import ip_address
from urllib.parse import parse_qs, quote

from pydantic import SecretStr
from starlette.datastructures import MutableHeaders
from starlette.requests import ClientDisconnect, Request
from starlette.responses import HTMLResponse, PlainTextResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

COOKIE = "balance_monitor"
"""Prefix of the cookies' names. Browsers send a cookie to every port of a host, so each instance has its own name."""
SESSION = timedelta(days=7)
"""How long a login is valid."""

_PUBLIC = frozenset({"/healthz", "/login", "/static/style.css", "/static/icon.svg"})
_LONGEST_FORM = 4096  # bytes
_HOST = re.compile(
    r"(?:\[(?P<v6>[0-9a-f:.]+)\]|(?P<name>[a-z0-9._-]+?)\.?)(?::[0-9]{1,5})?", re.ASCII | re.IGNORECASE
)

_RELOAD = '<!doctype html><meta http-equiv="refresh" content="0"><title>Balance monitor</title>'
"""The response to a link on another site, such as a message in a web mailer. Browsers withhold a strict cookie from
such a request; the reload is a request of this site, and carries it."""

_HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
        "form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Access:
    """The rules of access: the `token` (None: everybody), and `hosts`, the names besides localhost and addresses.

    The response to a wrong token is delayed by `refused_after`. `instance` identifies this daemon on its host."""

    token: SecretStr | None = None
    hosts: frozenset[str] = frozenset()
    refused_after: timedelta = timedelta(seconds=1)
    instance: str = ""

    @property
    def cookie(self) -> str:
        """Return the cookie's name. It depends on `instance`: in containers, ports and paths may be the same."""
        return f"{COOKIE}_{self._signature(f'cookie of {self.instance}')[:12]}"

    def admits(self, token: str) -> bool:
        """Return whether this is the token, in a time that does not depend on how much of it is right."""
        return self.token is not None and hmac.compare_digest(
            token.encode(), self.token.get_secret_value().encode()
        )

    def session(self, now: datetime) -> str:
        """Return the cookie's value: the end of the session, signed with the token. It does not reveal the token."""
        until = str(int((now + SESSION).timestamp()))
        return f"{until}.{self._signature(f'session until {until}')}"

    def is_valid(self, session: str, now: datetime) -> bool:
        """Return whether a cookie was made by `session` for the current token and has not expired.

        One that lasts longer than SESSION was made while the clock was ahead, and is refused."""
        until, _, signature = session.partition(".")
        if not hmac.compare_digest(signature.encode(), self._signature(f"session until {until}").encode()):
            return False
        # `until` is signed, and so a number written by `session`
        return now.timestamp() < int(until) <= (now + SESSION).timestamp() + 1

    def accepts_host(self, host: str) -> bool:
        """Return whether a Host header is accepted: a configured name, localhost or any address.

        An attacker can lure a browser here only by a name that resolves to this address (DNS rebinding)."""
        match = _HOST.fullmatch(host)
        if match is None:
            return False
        name = (match["v6"] or match["name"]).lower()
        return name in self.hosts or name == "localhost" or _is_address(name)

    def _signature(self, text: str) -> str:
        key = b"" if self.token is None else self.token.get_secret_value().encode()
        return hmac.new(key, text.encode(), sha256).hexdigest()


class Guard:
    """The layer around `app` that lets a request pass or responds in its place."""

    def __init__(self, app: ASGIApp, access: Access, clock: Callable[[], datetime]) -> None:
        self._app = app
        self._access = access
        self._clock = clock

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle a request, or the start and end of the server."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request = Request(scope, receive)
        try:
            response = await self._intercept(request)
        except ClientDisconnect:
            return
        await (response or self._app)(_as_get(scope), receive, _with_headers(send))

    async def _intercept(self, request: Request) -> Response | None:
        """Return the response in place of the app's; None: the request may pass."""
        if not self._access.accepts_host(request.headers.get("host", "")):
            reason = "Unknown host name: add it to `hosts` under `web` in the configuration.\n"
            return PlainTextResponse(reason, status_code=421)
        if "content-length" in request.headers and "transfer-encoding" in request.headers:
            # request smuggling: a proxy in front may have taken the other one for the end of the body
            reason = "A request has either Content-Length or Transfer-Encoding, not both.\n"
            return PlainTextResponse(reason, 400, {"Connection": "close"})
        path = request.scope["path"]  # as the app routes it; `request.url` is put together and parsed again
        match request.method, path:
            case "POST", "/login":
                return await self._log_in(request)
            case "POST", "/logout":
                return self._log_out(request)
            case "GET" | "HEAD", _:
                pass
            case _:
                return PlainTextResponse("This interface is read-only.\n", 405, {"Allow": "GET, HEAD"})
        request.state.authenticated = self._access.token is None or self._is_authenticated(request)
        if path == "/login" and request.state.authenticated and self._access.token is not None:
            to = request.query_params.get("to", "/")
            return RedirectResponse(to if _is_ours(to) else "/", status_code=303)
        if request.state.authenticated or path in _PUBLIC:
            return None
        return await self._refuse(request)

    def _is_authenticated(self, request: Request) -> bool:
        if any(self._access.admits(token) for token in _tokens(request)):
            return True
        return self._access.is_valid(request.cookies.get(self._access.cookie, ""), self._clock())

    async def _refuse(self, request: Request) -> Response:
        if _tokens(request):
            await self._delay()
        if _bearer(request) is not None:
            pass  # a program: it gets 401, even if it accepts HTML
        elif _is_link_from_elsewhere(request):
            return HTMLResponse(_RELOAD)
        elif "text/html" in request.headers.get("accept", ""):
            return RedirectResponse(f"/login?to={quote(_target(request))}", status_code=303)
        return PlainTextResponse(
            "A token is required: Authorization: Bearer …\n",
            401,
            {"WWW-Authenticate": 'Bearer realm="balance-monitor"'},
        )

    async def _delay(self) -> None:
        await asyncio.sleep(self._access.refused_after.total_seconds())

    async def _log_in(self, request: Request) -> Response:
        form = await _form(request)
        to = form.get("to", "/")
        if not _is_same_origin(request) or not self._access.admits(form.get("token", "")):
            await self._delay()
            return RedirectResponse(f"/login?wrong=1&to={quote(to)}", status_code=303)
        response = RedirectResponse(to if _is_ours(to) else "/", status_code=303)
        response.set_cookie(
            self._access.cookie,
            self._access.session(self._clock()),
            max_age=int(SESSION.total_seconds()),
            httponly=True,
            samesite="strict",
            secure=_is_https(request),
        )
        return response

    def _log_out(self, request: Request) -> Response:
        response = RedirectResponse("/login", status_code=303)
        if _is_same_origin(request):
            secure = _is_https(request)
            response.delete_cookie(self._access.cookie, httponly=True, samesite="strict", secure=secure)
        return response


def is_authenticated(request: Request) -> bool:
    """Return whether a request that passed carries the token; always true if none is configured."""
    return bool(request.state.authenticated)


def _tokens(request: Request) -> list[str]:
    """Return the tokens that a request carries, right or wrong."""
    return [token for token in (_bearer(request), _password(request)) if token is not None]


def _bearer(request: Request) -> str | None:
    """Return the bearer token of a request. Another scheme may be for a proxy in front."""
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else None


def _password(request: Request) -> str | None:
    """Return the password of basic authentication, with any user name. It may be for a proxy in front."""
    scheme, _, credentials = request.headers.get("authorization", "").partition(" ")
    try:
        written = b64decode(credentials, validate=True).decode() if scheme.lower() == "basic" else None
    except ValueError:
        return None
    return None if written is None else written.partition(":")[2]


def _is_link_from_elsewhere(request: Request) -> bool:
    sent = request.headers
    return sent.get("sec-fetch-site") == "cross-site" and sent.get("sec-fetch-mode") == "navigate"


def _target(request: Request) -> str:
    """Return path and query as they were sent."""
    query = request.scope["query_string"]
    return bytes(request.scope["raw_path"] + (b"?" + query if query else b"")).decode("ascii", "replace")


def _as_get(scope: Scope) -> Scope:
    """Turn HEAD into GET; the server leaves the body out."""
    return {**scope, "method": "GET"} if scope["method"] == "HEAD" else scope


def _with_headers(send: Send) -> Send:
    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            for name, value in _HEADERS.items():
                headers[name] = value
            headers.setdefault("Cache-Control", "no-store")
        await send(message)

    return sending


async def _form(request: Request) -> dict[str, str]:
    """Return the fields of a form; none if it is too long."""
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > _LONGEST_FORM:
            return {}
    fields = parse_qs(body.decode("utf-8", "replace"), keep_blank_values=True)
    return {name: values[-1] for name, values in fields.items()}


def _is_same_origin(request: Request) -> bool:
    """Return whether a form was sent from this site. Over plain HTTP browsers send Origin only."""
    site, origin = request.headers.get("sec-fetch-site"), request.headers.get("origin")
    if site is not None:
        return site == "same-origin"
    return origin is None or origin.partition("://")[2] == request.headers["host"]


def _is_ours(to: str) -> bool:
    """Return whether a path stays on this site. To browsers, //elsewhere and /\\elsewhere are other hosts."""
    return to.startswith("/") and not to.startswith(("//", "/\\")) and to.isprintable()


def _is_https(request: Request) -> bool:
    """Return whether the browser uses TLS to a proxy in front. A forged header affects only its sender's cookie."""
    scheme = request.headers.get("x-forwarded-proto", "")
    return scheme.partition(",")[0].strip().lower() == "https"


def _is_address(name: str) -> bool:
    try:
        ip_address(name)
    except ValueError:
        return False
    return True
