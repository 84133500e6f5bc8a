"""What a provider is made of: its keys in the configuration, how it asks, and how it reads the answer.

A provider's module is pure: it builds requests and parses answers, and never touches the network. `http.py`
carries them there and back, the same way for every provider.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Annotated, ClassVar, NamedTuple, Protocol

from pydantic import AfterValidator, BeforeValidator, Field, WithJsonSchema

from monitor.domain import units
from monitor.domain.model import Account, Balance
from monitor.fields import Secret, Section, Span


class RateLimit(NamedTuple):
    """At most `calls` calls in any span of length `per`."""

    calls: int
    per: timedelta

    def __str__(self) -> str:
        return f"{self.calls}/{units.compact(self.per)}"


_RATE_LIMIT = re.compile(r"(\d{1,6})/(\w+)", re.ASCII)


def _rate_limit(value: object) -> object:
    if not isinstance(value, str):
        return value
    match = _RATE_LIMIT.fullmatch(value)
    if match is None or int(match[1]) == 0:
        raise ValueError("expected a number of calls per span of time, such as 60/1m")
    return RateLimit(int(match[1]), units.duration(match[2]))


RateLimitField = Annotated[
    RateLimit,
    BeforeValidator(_rate_limit),
    WithJsonSchema({"type": "string", "pattern": r"^[0-9]{1,6}/[0-9]{1,9}[smhd]$", "examples": ["60/1m"]}),
]

_BASE_URL = re.compile(r"https?://[^\s/?#@]+(/[^\s?#]*)?", re.ASCII)


def _base_url(value: str) -> str:
    if not _BASE_URL.fullmatch(value):
        raise ValueError("expected http(s)://host[:port][/path], without a query or credentials")
    return value.rstrip("/")


BaseUrl = Annotated[str, AfterValidator(_base_url), Field(json_schema_extra={"format": "uri"})]


class Settings(Section):
    """The keys every provider has in the configuration.

    `timeout` is the deadline of one request from its first byte to the answer's last; `retries` how often a
    passing fault is tried again within a poll; `proxy` is a secret because it may hold a password."""

    base_url: BaseUrl
    timeout: Span = timedelta(seconds=10)
    retries: Annotated[int, Field(ge=0, le=10)] = 2
    rate_limit: RateLimitField | None = None
    verify_tls: bool = True
    proxy: Secret | None = None

    def secrets(self) -> tuple[str, ...]:
        """The values that may appear nowhere: credentials, and the proxy's URL."""
        return tuple(value.get_secret_value() for _, value in self if hasattr(value, "get_secret_value"))


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What came back: the status, the headers with their names in lower case, and the whole body."""

    status: int
    headers: Mapping[str, str]
    body: bytes = field(repr=False)


class Api(Protocol):
    """One service's documentation as code."""

    max_skew: ClassVar[timedelta]
    """How far our clock may be off before the service refuses a signature."""

    def request(self, account: Account, now: datetime) -> Request:
        """The signed request for an account's balance; `now` in UTC is what gets signed."""
        ...

    def parse(self, account: Account, answer: Answer) -> tuple[Balance, ...]:
        """The balances in an answer, exactly. Raises a `PollFailed` of the documented kind for everything else.

        A configured currency that the answer lacks is left out: its absence is judged by who asked."""
        ...
