"""What a provider is made of: its keys in the configuration, how it asks, and how it reads the answer.

A provider's module is pure: it builds requests and parses answers, and never touches the network. `http.py`
carries them there and back, the same way for every provider.
"""

import hashlib
import hmac
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Annotated, ClassVar, NamedTuple, Protocol
from urllib.parse import unquote, urlsplit

from pydantic import AfterValidator, BeforeValidator, Field, PlainSerializer, SecretStr, WithJsonSchema

from monitor.domain.model import Account, Balance
from monitor.domain.time import compact, duration
from monitor.providers.response import Response
from monitor.providers.types import Secret, Section, Span


class RateLimit(NamedTuple):
    """At most `calls` calls in any span of length `per`."""

    calls: int
    per: timedelta

    def __str__(self) -> str:
        return f"{self.calls}/{compact(self.per)}"


_RATE_LIMIT = re.compile(r"(\d{1,6})/(\d{1,9}[smhd])", re.ASCII)


def _rate_limit(value: object) -> object:
    if not isinstance(value, str):
        return value
    match = _RATE_LIMIT.fullmatch(value)
    if match is None or int(match[1]) == 0:
        raise ValueError("expected a number of calls per span of time, such as 60/1m")
    per = duration(match[2])
    if not per:
        raise ValueError("expected a span of time that is not empty, such as in 60/1m")
    return RateLimit(int(match[1]), per)


RateLimitField = Annotated[
    RateLimit,
    BeforeValidator(_rate_limit),
    PlainSerializer(str),
    WithJsonSchema({"type": "string", "pattern": r"^[0-9]{1,6}/[0-9]{1,9}[smhd]$", "examples": ["60/1m"]}),
]

_LABEL = r"[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?"
_HOST = rf"({_LABEL}(\.{_LABEL})*\.?|\[[0-9a-f:.]+\])(:\d{{1,5}})?"
# Only what goes over the wire as it is written: what is signed has to be what is sent.
_SEGMENT = r"(?!\.{1,2}(/|$))([\w.~!$&'()*+,;=:@-]|%[0-9a-f]{2})+"
_BASE_URL = re.compile(rf"https?://{_HOST}(/{_SEGMENT})*/?", re.ASCII | re.IGNORECASE)
_PROXY = re.compile(rf"https?://([^\s/?#@]+@)?{_HOST}/?", re.ASCII | re.IGNORECASE)
_PORTS = {"http": 80, "https": 443}


def _has_valid_port(url: str) -> bool:
    try:
        return urlsplit(url).port != 0
    except ValueError:  # not a host in brackets, or a port over 65535
        return False


def _base_url(value: str) -> str:
    if not _BASE_URL.fullmatch(value) or not _has_valid_port(value):
        raise ValueError("expected http(s)://host[:port][/path], without a query or credentials")
    return value.rstrip("/")


def _proxy(value: SecretStr) -> SecretStr:
    url = value.get_secret_value()
    if not _PROXY.fullmatch(url) or not _has_valid_port(url):
        raise ValueError("expected http(s)://[user:password@]host[:port]")
    return value


def _header_value(value: SecretStr) -> SecretStr:
    if not re.fullmatch("[!-~]+", value.get_secret_value()):
        raise ValueError("expected printable ASCII without spaces: it is sent in a header")
    return value


BaseUrl = Annotated[str, AfterValidator(_base_url), Field(json_schema_extra={"format": "uri"})]
Proxy = Annotated[Secret, AfterValidator(_proxy)]


def secrets_of(proxy: SecretStr | None) -> tuple[str, ...]:
    """Return what of a proxy's URL may appear nowhere: all of it, and the password within it."""
    url = "" if proxy is None else proxy.get_secret_value()
    password = urlsplit(url).password or ""
    return tuple(value for value in (url, password, unquote(password)) if value)


HeaderSecret = Annotated[Secret, AfterValidator(_header_value)]
"""A secret that travels in a header, where other characters would break the request."""


class Settings(Section):
    """The keys every provider has in the configuration."""

    tells_updated_at: ClassVar[bool] = False
    """Whether the service's answers carry the wallet's own time of last change."""
    tells_locked: ClassVar[bool] = False
    """Whether the service's answers tell the locked part of a balance."""

    base_url: BaseUrl = Field(description="Where the service is: http(s)://host[:port][/path].")
    timeout: Span = Field(
        default=timedelta(seconds=10),
        description="The deadline of one request, from looking up the name to the answer's last byte.",
    )
    retries: int = Field(
        default=2, ge=0, le=10, description="How often a passing fault is tried again within one poll."
    )
    rate_limit: RateLimitField | None = Field(
        default=None,
        description="At most so many calls in any span of time, such as 60/1m, over everything on this host.",
    )
    verify_tls: bool = Field(
        default=True, description="Whether the service's certificate has to be one that is trusted."
    )
    proxy: Proxy | None = Field(
        default=None,
        description="The proxy to go through: http(s)://[user:password@]host[:port]. None is taken from "
        "the environment.",
    )

    @property
    def origin(self) -> str:
        """What counts as one host, for limits and pauses: scheme, host name and port."""
        parts = urlsplit(self.base_url.lower())
        host = (parts.hostname or "").removesuffix(".")
        shown = f"[{host}]" if ":" in host else host
        return f"{parts.scheme}://{shown}:{parts.port or _PORTS[parts.scheme]}"

    def secrets(self) -> tuple[str, ...]:
        """The values that may appear nowhere: credentials, the proxy's URL and the password within it."""
        values = [value.get_secret_value() for _, value in self if hasattr(value, "get_secret_value")]
        return tuple(value for value in dict.fromkeys([*values, *secrets_of(self.proxy)]) if value)


class Wallets(Section):
    """The keys of a job that say what is polled; each provider has its own."""

    def accounts(self) -> tuple[tuple[str, tuple[str, ...]], ...]:
        """Each account's name, with the currencies every answer must hold (none: whatever it holds)."""
        raise NotImplementedError


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """A signed GET. `url` is sent byte for byte; `signature` must never be shown."""

    url: str = field(repr=False)
    headers: Mapping[str, str] = field(repr=False)
    signature: str = field(repr=False)


def hmac_sha256(secret: SecretStr, message: str) -> str:
    """The signature both services ask for: HMAC-SHA256 in lower-case hex."""
    return hmac.new(secret.get_secret_value().encode(), message.encode(), hashlib.sha256).hexdigest()


def unix_time(instant: datetime, unit: timedelta) -> int:
    """Whole units since 1970 began, exactly."""
    return (instant - datetime.fromtimestamp(0, UTC)) // unit


class Api(Protocol):
    """One service's documentation as code."""

    max_skew: ClassVar[timedelta]
    """How far our clock may be off before the service refuses a signature."""

    def request(self, account: Account, now: datetime) -> Request:
        """The signed request for an account's balance; `now` in UTC is what gets signed."""
        ...

    def parse(self, account: Account, answer: Response) -> tuple[Balance, ...]:
        """The balances in an answer, exactly. Raises a `PollFailed` of the documented kind for everything else.

        A configured currency that the answer lacks is left out: its absence is judged by who asked."""
        ...
