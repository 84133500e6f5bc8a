"""Responses that are written once, sent to many, and not sent again to who has them already."""

import gzip
import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from hashlib import blake2b

from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import Response

JSON = "application/json"
WORTH_ZIPPING = 2048
"""Bytes from which on a body is sent compressed to who takes that."""
_LEVEL = 3  # level 6 takes twice as long for a tenth less


@dataclass(frozen=True, kw_only=True)
class CachedResponse:
    """A body, and its ETag, which stays as long as the body says the same. `vary`: the headers of a request by which
    the body or its encoding differs."""

    body: bytes
    media_type: str
    etag: str
    vary: str

    @cached_property
    def zipped(self) -> bytes:
        """Return the body, compressed."""
        return gzip.compress(self.body, _LEVEL, mtime=0)


def response(
    body: bytes, media_type: str, *, aside: bytes = b"", vary: str = "Accept-Encoding"
) -> CachedResponse:
    """Return a response. Its ETag leaves `aside`, the beginning of the body, out: two that differ only there say the
    same, so the ETag is a weak one."""
    digest = blake2b(body[len(aside) :], digest_size=12).hexdigest()
    return CachedResponse(body=body, media_type=media_type, etag=f'W/"{digest}"', vary=vary)


def json_response(content: Mapping[str, object]) -> CachedResponse:
    """Return an object as a response. Its `at`, the instant of which it tells, does not count as a change."""
    if "at" not in content:
        return response(_json(content), JSON)
    first = b'{"at":' + _json(content["at"])
    rest = _json({name: value for name, value in content.items() if name != "at"})
    return response(first + b"," + rest[1:], JSON, aside=first)


def reply(request: Request, cached: CachedResponse, status: int = 200) -> Response:
    """Return a response as this visitor takes it: compressed or not, or only that it is what he has."""
    headers = {"ETag": cached.etag, "Cache-Control": "private, no-cache", "Vary": cached.vary}
    if status == 200 and _has(request.headers, cached.etag):
        return Response(status_code=304, headers=headers)
    if len(cached.body) >= WORTH_ZIPPING and _takes_gzip(request.headers.get("accept-encoding", "")):
        return Response(cached.zipped, status, {**headers, "Content-Encoding": "gzip"}, cached.media_type)
    return Response(cached.body, status, headers, cached.media_type)


def _json(content: object) -> bytes:
    text = json.dumps(content, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return text.encode("utf-8", "replace")


def _has(headers: Headers, etag: str) -> bool:
    """Return whether If-None-Match names an ETag. They are compared weakly, as RFC 9110 (13.1.2) wants it."""
    known = [one.strip().removeprefix("W/") for one in headers.get("if-none-match", "").split(",")]
    return etag.removeprefix("W/") in known or known == ["*"]


def _takes_gzip(accept: str) -> bool:
    for one in accept.lower().split(","):
        coding, _, quality = one.partition(";")
        if coding.strip() in ("gzip", "x-gzip"):
            return quality.replace(" ", "").rstrip("0").rstrip(".") not in ("q=", "q=0")
    return False
