"""The parts of a provider: its keys in the configuration, its requests, and how its responses are read.

A provider's module is pure: it builds requests and parses responses, and never touches the network. `http.py`
sends them, the same way for every provider.
"""

import hashlib
import hmac
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Annotated, ClassVar, Generic, NamedTuple, Protocol, TypeVar
from urllib.parse import unquote, urlsplit

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainSerializer,
    SecretStr,
    WithJsonSchema,
)

from monitor.domain.model import Account, Balance
from monitor.domain.time import compact, duration
from monitor.providers.response import Response


@dataclass(frozen=True, slots=True)
class ExactlyOne:
    """One of these keys is required, and excludes the others.

    If a file has two, the error is about the one declared later, or with `by_place` about the one that is later in the
    file; it ends with `advice`. If the key `unless` is given, none is required."""

    keys: tuple[str, ...]
    advice: str = "; keep one of them"
    by_place: bool = False
    unless: str | None = None


@dataclass(frozen=True, slots=True)
class AtLeastOne:
    """One of one or two keys is required, unless the key `unless` is given."""

    keys: tuple[str, ...]
    unless: str | None = None


@dataclass(frozen=True, slots=True)
class Needs:
    """A key that requires another one.

    Without that one, the error is about the key itself if it `is_surplus`, and else about the missing one."""

    key: str
    other: str
    is_surplus: bool = False


@dataclass(frozen=True, slots=True)
class OneForm:
    """Two pairs of keys: each pair is given whole, and excludes the other; one of them is required."""

    first: tuple[str, str]
    second: tuple[str, str]


Constraint = ExactlyOne | AtLeastOne | Needs | OneForm


class Section(BaseModel):
    """A mapping in the configuration: unknown keys are errors, and values are frozen.

    Every value is read as text: the YAML reader keeps a scalar's characters, so that `007` stays a client's id and
    `0.10` an exact amount. The types of the fields parse the text."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    constraints: ClassVar[tuple[Constraint, ...]] = ()
    """Which keys exclude or require each other, for the reader and the JSON Schema."""

    @classmethod
    def all_constraints(cls) -> list[Constraint]:
        """Return the constraints of the section and of its base classes."""
        return [one for base in cls.__mro__ for one in vars(base).get("constraints", ())]


def _duration(value: object) -> object:
    return duration(value) if isinstance(value, str) else value


def _positive_duration(value: object) -> object:
    span = _duration(value)
    if span == timedelta(0):
        raise ValueError("must be greater than zero")
    return span


_DURATION_SCHEMA = {
    "type": "string",
    "pattern": r"^[0-9]{1,9}[smhd]$",
    "examples": ["30s", "5m", "4h", "90d"],
}

Duration = Annotated[timedelta, BeforeValidator(_duration), WithJsonSchema(_DURATION_SCHEMA)]
"""A span of time, zero included: `0s`, `30s`, `5m`, `4h`, `90d`."""

Span = Annotated[timedelta, BeforeValidator(_positive_duration), WithJsonSchema(_DURATION_SCHEMA)]
"""A span of time greater than zero."""

Secret = Annotated[SecretStr, Field(min_length=1)]
"""Text that is not shown in any `repr`, log or error."""


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
# Only characters that are sent as they are written: the path that is signed has to be the one that is sent.
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
    """Return the secrets in a proxy's URL: all of it, and the password, as written and decoded."""
    url = "" if proxy is None else proxy.get_secret_value()
    password = urlsplit(url).password or ""  # an error may repeat it decoded as well
    return tuple(value for value in (url, password, unquote(password)) if value)


HeaderSecret = Annotated[Secret, AfterValidator(_header_value)]
"""A secret that is sent in a header, where other characters would break the request."""


class Settings(Section):
    """The keys every provider has in the configuration."""

    reports_updated_at: ClassVar[bool] = False
    """True if the provider's responses hold the wallet's own time of last change."""
    reports_locked: ClassVar[bool] = False
    """True if the provider's responses hold the locked part of a balance."""

    base_url: BaseUrl = Field(description="The address of the service: http(s)://host[:port][/path].")
    timeout: Span = Field(
        default=timedelta(seconds=10),
        description="The deadline of one request, from the name lookup to the last byte of the response.",
    )
    retries: int = Field(
        default=2, ge=0, le=10, description="How many times a poll is retried after a temporary failure."
    )
    rate_limit: RateLimitField | None = Field(
        default=None,
        description="The highest number of calls in any span of time, such as 60/1m, for everything on this host.",
    )
    verify_tls: bool = Field(default=True, description="Whether the service's certificate must be trusted.")
    proxy: Proxy | None = Field(
        default=None,
        description="The proxy to use: http(s)://[user:password@]host[:port]. Proxies in the environment are "
        "ignored.",
    )

    @property
    def origin(self) -> str:
        """Return the name of the host, for limits and pauses: scheme, host name and port."""
        parts = urlsplit(self.base_url.lower())
        host = (parts.hostname or "").removesuffix(".")  # fully qualified: the same host
        shown = f"[{host}]" if ":" in host else host
        return f"{parts.scheme}://{shown}:{parts.port or _PORTS[parts.scheme]}"

    def secrets(self) -> tuple[str, ...]:
        """Return the values that must not be shown: credentials, the proxy's URL and the password within it."""
        values = [value.get_secret_value() for _, value in self if hasattr(value, "get_secret_value")]
        return tuple(value for value in dict.fromkeys([*values, *secrets_of(self.proxy)]) if value)


class Entry(NamedTuple):
    """One text of a list or a mapping in the configuration, or one line of a list file.

    `key` is its key in a mapping, else empty; `line` counts from 1 within its file."""

    key: str
    text: str
    line: int


Check = Callable[[Sequence[Entry]], Iterable[tuple[int, str]]]
"""Yields the index of each wrong entry, and the reason."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ListFile:
    """A key of a job that names a file with one `item` a line, in place of the list under another key."""

    key: str
    list_key: str
    item: str


class Wallets(Section):
    """The keys of a job that select what is polled; each provider has its own."""

    forms: ClassVar[Mapping[str, str]] = {}
    """By key, an example of a list or a mapping, for error messages."""
    checks: ClassVar[Mapping[str, Check]] = {}
    """By key, a function that checks a list or a mapping. Unlike a validator, it can report several mistakes, each at
    its own place, which may be in a list file."""
    list_file: ClassVar[ListFile | None] = None
    """The key that may name a file in place of a list."""

    @classmethod
    def all_constraints(cls) -> list[Constraint]:
        """Return the constraints, with that of a list file: it excludes the list."""
        of_list = [] if cls.list_file is None else [ExactlyOne((cls.list_file.list_key, cls.list_file.key))]
        return [*super().all_constraints(), *of_list]

    def accounts(self) -> tuple[tuple[str, tuple[str, ...]], ...]:
        """Return each account's name, with the currencies that every response must hold; none: all that it holds."""
        raise NotImplementedError


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """A signed GET. `url` is sent byte for byte; `signature` must never be shown."""

    url: str = field(repr=False)
    headers: Mapping[str, str] = field(repr=False)
    signature: str = field(repr=False)


def hmac_sha256(secret: SecretStr, message: str) -> str:
    """Return the HMAC-SHA256 of a message in lower-case hex."""
    return hmac.new(secret.get_secret_value().encode(), message.encode(), hashlib.sha256).hexdigest()


def unix_time(instant: datetime, unit: timedelta) -> int:
    """Return the whole units since 1970 began, exactly."""
    # Not by way of `timestamp()`: a float rounds, and a provider compares digits.
    return (instant - datetime.fromtimestamp(0, UTC)) // unit


class Api(Protocol):
    """A provider's API documentation as code."""

    max_skew: ClassVar[timedelta]
    """How far our clock may be off before the provider refuses a signature."""

    def request(self, account: Account, now: datetime) -> Request:
        """Return the signed request for an account's balance; `now`, in UTC, is the instant that is signed."""
        ...

    def parse(self, account: Account, response: Response) -> tuple[Balance, ...]:
        """Return the balances in a response, exactly. Raises a `PollFailed` of the documented kind for anything else.

        A configured currency that is missing from the response is left out: the caller evaluates its absence."""
        ...


S = TypeVar("S", bound=Settings)
W = TypeVar("W", bound=Wallets)


@dataclass(frozen=True, slots=True)
class Provider(Generic[S, W]):
    """A provider: its name, as `type` in the configuration, its keys under `providers` and in a job, and its API."""

    name: str
    settings: type[S]
    wallets: type[W]
    api: Callable[[S, W], Api]
