"""Who gets in, and what browsers are told about what they get: the outermost layer of the pages.

Without a token everybody who reaches the address gets in. With one, a request has to carry it as a bearer header, as
the password of basic authentication (feed readers know no other), or as the cookie that the login gives for it.
Whoever carries none of them learns that something is alive here, and no more.
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
"""How the names of the cookies begin: browsers give a cookie to every port of a host, so each instance has its own."""
SESSION = timedelta(days=7)
"""How long a login holds."""

_PUBLIC = frozenset({"/healthz", "/login", "/static/style.css", "/static/icon.svg"})
_LONGEST_FORM = 4096  # bytes
_HOST = re.compile(
    r"(?:\[(?P<v6>[0-9a-f:.]+)\]|(?P<name>[a-z0-9._-]+?)\.?)(?::[0-9]{1,5})?", re.ASCII | re.IGNORECASE
)

_ONCE_MORE = '<!doctype html><meta http-equiv="refresh" content="0"><title>Balance monitor</title>'
"""For who follows a link from elsewhere, a message in a web mail: browsers keep a strict cookie back from such a
request, and give it with the next one, which comes from here."""

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
    """Who gets in: whoever has the `token` (None: everybody), under the names `hosts`, localhost, or an address.

    A wrong token waits for its answer for `refused_after`. `instance` tells this daemon from others of the host."""

    token: SecretStr | None = None
    hosts: frozenset[str] = frozenset()
    refused_after: timedelta = timedelta(seconds=1)
    instance: str = ""

    @property
    def cookie(self) -> str:
        """Return the cookie's name. Neither a port nor a path would do: in containers both may be the same."""
        return f"{COOKIE}_{self._signature(f'cookie of {self.instance}')[:12]}"

    def admits(self, token: str) -> bool:
        """Whether this is the token. Takes as long for one that is nearly right as for any other."""
        return self.token is not None and hmac.compare_digest(
            token.encode(), self.token.get_secret_value().encode()
        )

    def session(self, now: datetime) -> str:
        """What the cookie holds: until when it is good, signed with the token, which it does not tell."""
        until = str(int((now + SESSION).timestamp()))
        return f"{until}.{self._signature(f'session until {until}')}"

    def knows(self, session: str, now: datetime) -> bool:
        """Whether a cookie was given by `session` for the token as it is now, and is still good. One that would be
        good for longer than any was given by a clock that was ahead."""
        until, _, signature = session.partition(".")
        if not hmac.compare_digest(signature.encode(), self._signature(f"session until {until}").encode()):
            return False
        return now.timestamp() < int(until) <= (now + SESSION).timestamp() + 1

    def is_known_as(self, host: str) -> bool:
        """Whether a Host header names this. An address always does: what lures a browser here is a name."""
        match = _HOST.fullmatch(host)
        if match is None:
            return False
        name = (match["v6"] or match["name"]).lower()
        return name in self.hosts or name == "localhost" or _is_address(name)

    def _signature(self, text: str) -> str:
        key = b"" if self.token is None else self.token.get_secret_value().encode()
        return hmac.new(key, text.encode(), sha256).hexdigest()


class Guard:
    """Lets requests through to `app`, or not."""

    def __init__(self, app: ASGIApp, access: Access, clock: Callable[[], datetime]) -> None:
        self._app = app
        self._access = access
        self._clock = clock

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request, or the server's own start and end."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request = Request(scope, receive)
        try:
            response = await self._answer(request)
        except ClientDisconnect:
            return
        await (response or self._app)(_as_get(scope), receive, _with_headers(send))

    async def _answer(self, request: Request) -> Response | None:
        """What a request gets instead of what it asks for; None: it gets that."""
        if not self._access.is_known_as(request.headers.get("host", "")):
            why = "Unknown host name: add it to `hosts` under `web` in the configuration.\n"
            return PlainTextResponse(why, status_code=421)
        if "content-length" in request.headers and "transfer-encoding" in request.headers:
            why = "Either a length or an encoding, or a proxy may read another request than this.\n"
            return PlainTextResponse(why, 400, {"Connection": "close"})
        path = request.scope["path"]  # as it is routed: `request.url` is put together, and parsed again
        match request.method, path:
            case "POST", "/login":
                return await self._log_in(request)
            case "POST", "/logout":
                return self._log_out(request)
            case "GET" | "HEAD", _:
                pass
            case _:
                return PlainTextResponse("This interface is read-only.\n", 405, {"Allow": "GET, HEAD"})
        request.state.known = self._access.token is None or self._is_let_in(request)
        if path == "/login" and request.state.known and self._access.token is not None:
            to = request.query_params.get("to", "/")
            return RedirectResponse(to if _is_ours(to) else "/", status_code=303)
        if request.state.known or path in _PUBLIC:
            return None
        return await self._refuse(request)

    def _is_let_in(self, request: Request) -> bool:
        if any(self._access.admits(token) for token in _shown(request)):
            return True
        return self._access.knows(request.cookies.get(self._access.cookie, ""), self._clock())

    async def _refuse(self, request: Request) -> Response:
        if _shown(request):
            await self._make_wait()
        if _bearer(request) is not None:
            pass  # a program, whatever it accepts
        elif _is_link_from_elsewhere(request):
            return HTMLResponse(_ONCE_MORE)
        elif "text/html" in request.headers.get("accept", ""):
            return RedirectResponse(f"/login?to={quote(_wanted(request))}", status_code=303)
        return PlainTextResponse(
            "A token is required: Authorization: Bearer …\n",
            401,
            {"WWW-Authenticate": 'Bearer realm="balance-monitor"'},
        )

    async def _make_wait(self) -> None:
        await asyncio.sleep(self._access.refused_after.total_seconds())

    async def _log_in(self, request: Request) -> Response:
        form = await _form(request)
        to = form.get("to", "/")
        if not _is_same_origin(request) or not self._access.admits(form.get("token", "")):
            await self._make_wait()
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
    """Whether a request that was let through comes from somebody who may know everything."""
    return bool(request.state.known)


def _shown(request: Request) -> list[str]:
    """What a request shows for a token."""
    return [token for token in (_bearer(request), _password(request)) if token is not None]


def _bearer(request: Request) -> str | None:
    """The token that a request shows, right or wrong; another scheme is between the browser and a proxy."""
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else None


def _password(request: Request) -> str | None:
    """The password of basic authentication, whoever it is for: it may be between the browser and a proxy."""
    scheme, _, credentials = request.headers.get("authorization", "").partition(" ")
    try:
        written = b64decode(credentials, validate=True).decode() if scheme.lower() == "basic" else None
    except ValueError:
        return None
    return None if written is None else written.partition(":")[2]


def _is_link_from_elsewhere(request: Request) -> bool:
    sent = request.headers
    return sent.get("sec-fetch-site") == "cross-site" and sent.get("sec-fetch-mode") == "navigate"


def _wanted(request: Request) -> str:
    """The path and the query, as they were sent."""
    query = request.scope["query_string"]
    return bytes(request.scope["raw_path"] + (b"?" + query if query else b"")).decode("ascii", "replace")


def _as_get(scope: Scope) -> Scope:
    """HEAD is answered as GET is; the server leaves the body out."""
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
    """A form's fields; none of one that is too long."""
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > _LONGEST_FORM:
            return {}
    fields = parse_qs(body.decode("utf-8", "replace"), keep_blank_values=True)
    return {name: values[-1] for name, values in fields.items()}


def _is_same_origin(request: Request) -> bool:
    """Whether a form was sent from here: browsers say so, or, over plain HTTP, where from."""
    site, origin = request.headers.get("sec-fetch-site"), request.headers.get("origin")
    if site is not None:
        return site == "same-origin"
    return origin is None or origin.partition("://")[2] == request.headers["host"]


def _is_ours(to: str) -> bool:
    """Whether a path leads nowhere else: //elsewhere and /\\elsewhere are other hosts to browsers."""
    return to.startswith("/") and not to.startswith(("//", "/\\")) and to.isprintable()


def _is_https(request: Request) -> bool:
    """Whether the browser speaks TLS, to a proxy before this. A lie about it harms nobody but the liar."""
    told = request.headers.get("x-forwarded-proto", "")
    return told.partition(",")[0].strip().lower() == "https"


def _is_address(name: str) -> bool:
    try:
        ip_address(name)
    except ValueError:
        return False
    return True
