"""A response as it came, and the meaning of its status line and headers, which is the same for every provider."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from urllib.parse import urlsplit

from monitor.errors import (
    AuthFailed,
    BadPayload,
    Banned,
    NotFound,
    PollFailed,
    RateLimited,
    Rejected,
    Unavailable,
)
from monitor.providers.payload import plain_text

LONGEST_RETRY_AFTER = timedelta(hours=24)


@dataclass(frozen=True, slots=True, kw_only=True)
class Response:
    """A response: its status, its headers with their names in lower case, and its whole body.

    `received_at` is our clock (UTC) when the status line had arrived."""

    status: int
    headers: Mapping[str, str]
    received_at: datetime
    body: bytes = field(default=b"", repr=False)

    @property
    def date(self) -> datetime | None:
        """Return the provider's own time (UTC, to the second) from its `Date` header, None without a valid one."""
        return _http_date(self.headers.get("date", ""))

    @property
    def retry_after(self) -> timedelta | None:
        """Return how long the provider wants no calls, a day at most; None without a valid header.

        RFC 9110, "Retry-After": seconds, or an HTTP date, which is compared with the provider's own clock."""
        text = self.headers.get("retry-after", "").strip()
        # Of more digits than a float can hold, the first ones say enough: it is more than a day.
        seconds = float(text[:300]) if text.isascii() and text.isdigit() else None
        if seconds is None and (until := _http_date(text)):
            seconds = (until - (self.date or self.received_at)).total_seconds()
        if seconds is None or seconds <= 0:
            return None
        return timedelta(seconds=min(seconds, LONGEST_RETRY_AFTER.total_seconds()))


def failure(answer: Response, message: str = "", *, status: int | None = None) -> PollFailed:
    """Return the error that a response without a balance stands for. `message` is the provider's own.

    `status` is given where the body names another one than the status line, and counts instead of it."""
    label = f"HTTP {answer.status}" + (f" (statusCode {status})" if status else "")
    detail = f"{label}: {plain_text(message)}" if message else label
    match status or answer.status:
        case 401 | 403:
            return AuthFailed(detail)
        case 404:
            return NotFound(detail)
        case 418:
            return Banned(detail, retry_after=answer.retry_after)
        case 429:
            return RateLimited(detail, retry_after=answer.retry_after)
        case code if 500 <= code < 600:
            return Unavailable(detail, retry_after=answer.retry_after)
        case code if 400 <= code < 500:
            return Rejected(detail)
        case code if 300 <= code < 400:
            return Rejected(f"{label}: redirect to {_target(answer)}, not followed")
        case _:
            return BadPayload(f"{label}: expected 200")


def _target(answer: Response) -> str:
    """Return the host that a redirect names. Never its path or query, which may repeat the signature."""
    try:
        host = urlsplit(answer.headers.get("location", "")).hostname
    except ValueError:
        return "an unreadable address"
    return plain_text(host) if host else "the same host"


def _http_date(text: str) -> datetime | None:
    try:
        value = parsedate_to_datetime(text)
    except (ValueError, TypeError, IndexError, OverflowError):  # its parser raises all of them
        return None
    return value.replace(tzinfo=value.tzinfo or UTC).astimezone(UTC)
