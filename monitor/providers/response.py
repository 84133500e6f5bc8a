"""An answer as it came, and what its status line and headers mean, whoever sent it."""

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
    """What came back: the status, the headers with their names in lower case, and the whole body.

    `received_at` is our clock (UTC) when the status line was there."""

    status: int
    headers: Mapping[str, str]
    received_at: datetime
    body: bytes = field(default=b"", repr=False)

    @property
    def date(self) -> datetime | None:
        """The service's own clock (UTC, to the second), where its `Date` header tells it."""
        return _http_date(self.headers.get("date", ""))

    @property
    def retry_after(self) -> timedelta | None:
        """How long the service wants no calls, a day at most; None where it does not say or makes no sense.

        RFC 9110, "Retry-After": seconds, or an HTTP date, which is held against the service's own clock."""
        text = self.headers.get("retry-after", "").strip()
        seconds = _seconds(text)
        if seconds is None and (until := _http_date(text)):
            seconds = (until - (self.date or self.received_at)).total_seconds()
        if seconds is None or seconds <= 0:
            return None
        return timedelta(seconds=min(seconds, LONGEST_RETRY_AFTER.total_seconds()))


def failure(answer: Response, said: str = "", *, status: int | None = None) -> PollFailed:
    """What an answer's status means, where it is not a balance. `said` is the service's own message.

    `status` is given where the body tells another one than the status line, and counts instead of it."""
    label = f"HTTP {answer.status}" + (f" (statusCode {status})" if status else "")
    detail = f"{label}: {plain_text(said)}" if said else label
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
    """Whom a redirect names. Never its path or query, which may repeat what was signed."""
    try:
        host = urlsplit(answer.headers.get("location", "")).hostname
    except ValueError:
        return "an unreadable address"
    return plain_text(host) if host else "the same host"


def _seconds(text: str) -> float | None:
    if not (text.isascii() and text.isdigit()):
        return None
    return float(text[:300])


def _http_date(text: str) -> datetime | None:
    try:
        value = parsedate_to_datetime(text)
    except (ValueError, TypeError, IndexError, OverflowError):  # its parser raises all of them
        return None
    return value.replace(tzinfo=value.tzinfo or UTC).astimezone(UTC)
