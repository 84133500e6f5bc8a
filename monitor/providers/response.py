"""A response of a provider, and what its status and headers mean for every provider."""

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

    `received_at` is the time of our clock (UTC) when the status line had arrived."""

    status: int
    headers: Mapping[str, str]
    received_at: datetime
    body: bytes = field(default=b"", repr=False)

    @property
    def date(self) -> datetime | None:
        """Return the provider's own time (UTC, to the second) from its `Date` header; None without a valid one."""
        return _http_date(self.headers.get("date", ""))

    @property
    def retry_after(self) -> timedelta | None:
        """Return for how long the provider asks for no calls, a day at most; None without a valid header.

        The header holds seconds or an HTTP date (RFC 9110, "Retry-After"). A date is compared with the provider's own
        clock."""
        text = self.headers.get("retry-after", "").strip()
        # A float can't hold any number of digits. The first ones suffice: so many make more than a day.
        seconds = float(text[:300]) if text.isascii() and text.isdigit() else None
        if seconds is None and (until := _http_date(text)):
            seconds = (until - (self.date or self.received_at)).total_seconds()
        if seconds is None or seconds <= 0:
            return None
        return timedelta(seconds=min(seconds, LONGEST_RETRY_AFTER.total_seconds()))


def failure(response: Response, message: str = "", *, status: int | None = None) -> PollFailed:
    """Return the error that a response without a balance stands for. `message` is the provider's own.

    `status` replaces the one in the status line, if the body names another."""
    label = f"HTTP {response.status}" + (f" (statusCode {status})" if status else "")
    detail = f"{label}: {plain_text(message)}" if message else label
    match status or response.status:
        case 401 | 403:
            return AuthFailed(detail)
        case 404:
            return NotFound(detail)
        case 418:
            return Banned(detail, retry_after=response.retry_after)
        case 429:
            return RateLimited(detail, retry_after=response.retry_after)
        case code if 500 <= code < 600:
            return Unavailable(detail, retry_after=response.retry_after)
        case code if 400 <= code < 500:
            return Rejected(detail)
        case code if 300 <= code < 400:
            return Rejected(f"{label}: redirect to {_target(response)}, not followed")
        case _:
            return BadPayload(f"{label}: expected 200")


def _target(response: Response) -> str:
    """Return the host that a redirect leads to, without path and query, which may repeat the signature."""
    try:
        host = urlsplit(response.headers.get("location", "")).hostname
    except ValueError:
        return "an unreadable address"
    return plain_text(host) if host else "the same host"


def _http_date(text: str) -> datetime | None:
    try:
        value = parsedate_to_datetime(text)
    except (ValueError, TypeError, IndexError, OverflowError):  # its parser raises all of them
        return None
    return value.replace(tzinfo=value.tzinfo or UTC).astimezone(UTC)
