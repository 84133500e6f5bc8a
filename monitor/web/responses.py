"""Responses that are built once for many visitors: with an ETag, so that nobody downloads one twice, and compressed."""

import gzip
import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from hashlib import blake2b

from starlette.requests import Request
from starlette.responses import Response

JSON = "application/json"
WORTH_ZIPPING = 2048
"""The smallest body that is compressed, in bytes, if the client accepts gzip."""
_LEVEL = 3  # level 6 takes twice as long for a tenth less


@dataclass(frozen=True, kw_only=True)
class CachedResponse:
    """A body with its ETag.

    `vary` names the request headers by which the body or its encoding differs."""

    body: bytes
    media_type: str
    etag: str
    vary: str

    @cached_property
    def zipped(self) -> bytes:
        """Return the body, compressed with gzip."""
        return gzip.compress(self.body, _LEVEL, mtime=0)


def response(
    body: bytes, media_type: str, *, aside: bytes = b"", vary: str = "Accept-Encoding"
) -> CachedResponse:
    """Return a response. Its ETag is weak: it ignores `aside`, the beginning of the body."""
    digest = blake2b(body[len(aside) :], digest_size=12).hexdigest()
    return CachedResponse(body=body, media_type=media_type, etag=f'W/"{digest}"', vary=vary)


def json_response(content: Mapping[str, object]) -> CachedResponse:
    """Return a JSON response. A new `at`, the instant of the data, does not change the ETag."""
    if "at" not in content:
        return response(_json(content), JSON)
    first = b'{"at":' + _json(content["at"])
    rest = _json({name: value for name, value in content.items() if name != "at"})
    return response(first + b"," + rest[1:], JSON, aside=first)


def reply(request: Request, cached: CachedResponse, status: int = 200) -> Response:
    """Return the response to a request: 304 if the client has it, otherwise the body, compressed if accepted."""
    headers = {"ETag": cached.etag, "Cache-Control": "private, no-cache", "Vary": cached.vary}
    # compared weakly, as RFC 9110 (13.1.2) demands for If-None-Match
    known = [one.strip().removeprefix("W/") for one in request.headers.get("if-none-match", "").split(",")]
    if status == 200 and (cached.etag.removeprefix("W/") in known or known == ["*"]):
        return Response(status_code=304, headers=headers)
    if len(cached.body) >= WORTH_ZIPPING and _takes_gzip(request.headers.get("accept-encoding", "")):
        return Response(cached.zipped, status, {**headers, "Content-Encoding": "gzip"}, cached.media_type)
    return Response(cached.body, status, headers, cached.media_type)


def _json(content: object) -> bytes:
    text = json.dumps(content, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return text.encode("utf-8", "replace")


def _takes_gzip(accept: str) -> bool:
    for one in accept.lower().split(","):
        coding, _, quality = one.partition(";")
        if coding.strip() in ("gzip", "x-gzip"):
            return quality.replace(" ", "").rstrip("0").rstrip(".") not in ("q=", "q=0")
    return False
