"""Answers to programs: written once, sent to many, and not sent again to who has them already."""

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
"""Bytes from which on an answer is sent compressed to who takes that."""
_LEVEL = 3  # level 6 takes twice as long for a tenth less
_HEADERS = {"Vary": "Accept-Encoding", "Cache-Control": "private, no-cache"}


@dataclass(frozen=True, kw_only=True)
class CachedResponse:
    """A body, and the mark (ETag) that stays as long as it says the same."""

    body: bytes
    media_type: str
    mark: str

    @cached_property
    def zipped(self) -> bytes:
        """The body, compressed."""
        return gzip.compress(self.body, _LEVEL, mtime=0)


def answer(body: bytes, media_type: str, *, aside: bytes = b"") -> CachedResponse:
    """An answer. Its mark leaves `aside`, the beginning of the body, out: two that differ only there say the same."""
    digest = blake2b(body[len(aside) :], digest_size=12).hexdigest()
    return CachedResponse(body=body, media_type=media_type, mark=f'W/"{digest}"')


def json_answer(content: Mapping[str, object]) -> CachedResponse:
    """Return an object as an answer. Its `at`, when it was looked, does not count as a change."""
    if "at" not in content:
        return answer(_json(content), JSON)
    first = b'{"at":' + _json(content["at"])
    rest = _json({name: value for name, value in content.items() if name != "at"})
    return answer(first + b"," + rest[1:], JSON, aside=first)


def reply(request: Request, made: CachedResponse) -> Response:
    """An answer as this visitor takes it: compressed or not, or only that it is what he has."""
    headers = {**_HEADERS, "ETag": made.mark}
    if _has(request.headers, made.mark):
        return Response(status_code=304, headers=headers)
    if len(made.body) >= WORTH_ZIPPING and _takes_gzip(request.headers.get("accept-encoding", "")):
        return Response(
            made.zipped, headers={**headers, "Content-Encoding": "gzip"}, media_type=made.media_type
        )
    return Response(made.body, headers=headers, media_type=made.media_type)


def _json(content: object) -> bytes:
    text = json.dumps(content, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return text.encode("utf-8", "replace")


def _has(headers: Headers, mark: str) -> bool:
    """Whether If-None-Match names it. Marks are compared weakly, as RFC 9110 (13.1.2) wants it."""
    known = [one.strip().removeprefix("W/") for one in headers.get("if-none-match", "").split(",")]
    return mark.removeprefix("W/") in known or known == ["*"]


def _takes_gzip(accept: str) -> bool:
    for one in accept.lower().split(","):
        coding, _, quality = one.partition(";")
        if coding.strip() in ("gzip", "x-gzip"):
            return quality.replace(" ", "").rstrip("0").rstrip(".") not in ("q=", "q=0")
    return False
