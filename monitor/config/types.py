"""The types of values in the file: each converts a text, or raises ValueError with the reason."""

import re
from datetime import datetime, time, timedelta
from decimal import Decimal
from ipaddress import ip_address
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple
from zoneinfo import ZoneInfo, available_timezones

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    GetJsonSchemaHandler,
    SecretStr,
    WithJsonSchema,
)
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema

from monitor.config.problems import nearest
from monitor.domain import money, schedule
from monitor.domain.time import WALL_CLOCK, compact, wall_clock
from monitor.domain.windows import WEEKDAYS
from monitor.providers.base import Duration, Span

OF_THE_SERIES = ("job", "provider", "account", "currency")
"""The attributes of a series besides its labels."""
OF_THE_ALERT = ("rule", "type", "severity", "subject")
"""The attributes of an alert besides those of its series."""

OFF, ON = frozenset({"off", "false", "no"}), frozenset({"on", "true", "yes"})
UTC = ZoneInfo("UTC")

NAME = r"[A-Za-z0-9_.-]{1,100}"
"""The names of jobs, providers, channels, rules and labels."""

LINK_NAME = r"[A-Za-z][A-Za-z0-9_]{0,49}"
"""The names of links: valid in {{ links.NAME }}."""

_SQLITE_URL = re.compile(r"sqlite:///(?P<path>[^:?#](?:[^?#]*[^?#/])?)")
_TIME = re.compile(r"([01]?[0-9]|2[0-3]):([0-5][0-9])", re.ASCII)
_LINK = re.compile(r"(?:[A-Za-z][A-Za-z0-9+.-]*:|\{[{%])\S.*", re.ASCII | re.DOTALL)
_WEB_URL = re.compile(r"https?://[^\s/?#]\S*", re.ASCII | re.IGNORECASE)
_CHANNEL_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://\S.*", re.ASCII)
# a comma may also separate targets, and be part of a parameter that is a web address
_ANOTHER_URL = re.compile(r"://.*(\s|,(?!https?://))\s*[A-Za-z][A-Za-z0-9+.-]*://", re.ASCII | re.DOTALL)
_LISTEN = re.compile(
    r"(?:\[(?P<v6>[0-9A-Fa-f:.]+)\]|(?P<host>[A-Za-z0-9.-]+)):(?P<port>[0-9]{1,5})", re.ASCII
)
_HOST_NAME = re.compile(r"[A-Za-z0-9_]([A-Za-z0-9._-]{0,251}[A-Za-z0-9_-])?\.?", re.ASCII)  # Docker's have _
_TEXT_SCHEMA: dict[str, Any] = {"type": ["string", "number", "boolean"], "minLength": 1}


def _one_or_more(item: dict[str, Any], **keywords: Any) -> WithJsonSchema:
    return WithJsonSchema({"anyOf": [item, {"type": "array", "items": item, **keywords}]})


def _pattern(pattern: str, *examples: str) -> WithJsonSchema:
    return WithJsonSchema({"type": "string", "pattern": f"^{pattern}$", "examples": list(examples)})


def _listed(value: object) -> object:
    return [value] if isinstance(value, str) else value


def name_fault(value: str) -> str | None:
    """Return why a text is not a valid name; None if it is one."""
    if re.fullmatch(NAME, value):
        return None
    return "expected a name of 1 to 100 letters (a-z, A-Z), digits, dots, dashes and underscores"


def _name(value: str) -> str:
    if (fault := name_fault(value)) is not None:
        raise ValueError(fault)
    return value


def _label(value: str) -> str:
    if value in (*OF_THE_SERIES, *OF_THE_ALERT):
        whose = "rule" if value in OF_THE_SERIES else "route"
        raise ValueError(
            f"{value!r} is reserved: in the `match` of a {whose} it means the {value} itself; choose another name"
        )
    return _name(value)


def _database(value: object) -> object:
    match = _SQLITE_URL.fullmatch(value) if isinstance(value, str) else None
    if match is None:
        raise ValueError("expected sqlite:///FILE (relative to this file) or sqlite:////FILE (absolute)")
    return Path(match["path"])


def _channel_url(value: SecretStr) -> SecretStr:
    if _ANOTHER_URL.search(value.get_secret_value()):
        raise ValueError("contains several URLs; list them one by one, each with its own reference")
    if not _CHANNEL_URL.fullmatch(value.get_secret_value()):
        raise ValueError("expected an apprise URL, such as slack://… or mailto://…")
    return value


def _web_url(value: SecretStr) -> SecretStr:
    if not _WEB_URL.fullmatch(value.get_secret_value()):
        raise ValueError("expected a URL, https://… or http://…")
    return value


class Listen(NamedTuple):
    """The address to listen on: an IP address or `localhost`, and a port."""

    host: str
    port: int

    @property
    def is_loopback(self) -> bool:
        """Return whether only this machine can reach it."""
        try:
            return ip_address(self.host).is_loopback
        except ValueError:
            return self.host == "localhost"

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def _listen(value: object) -> object:
    match = _LISTEN.fullmatch(value) if isinstance(value, str) else None
    if match is None or not 0 < int(match["port"]) < 65536:
        raise ValueError("expected ADDRESS:PORT, such as 127.0.0.1:8787 or [::]:8787")
    host = match["v6"] or match["host"]
    try:
        return Listen(str(ip_address(host)), int(match["port"]))
    except ValueError:
        if match["v6"] or host != "localhost":
            raise ValueError(
                "expected an IP address, such as 127.0.0.1:8787 or 0.0.0.0:8787; host names belong in `hosts`"
            ) from None
        return Listen(host, int(match["port"]))


SHORTEST_TOKEN = 16
"""Characters of the shortest token: too many to guess."""


def _token(value: SecretStr) -> SecretStr:
    text = value.get_secret_value()
    if len(text) < SHORTEST_TOKEN:
        raise ValueError(
            f"must have at least {SHORTEST_TOKEN} characters; `openssl rand -hex 24` generates one"
        )
    if not text.isascii() or not text.isprintable() or " " in text:
        raise ValueError("must consist of printable ASCII characters without spaces, for an HTTP header")
    return value


def _host_name(value: str) -> str:
    if not _HOST_NAME.fullmatch(value):
        raise ValueError("expected a host name without scheme and port, such as monitor.example")
    return value.lower().removesuffix(".")


def link_name_fault(value: str) -> str | None:
    """Return why a text is not a valid name of a link; None if it is one."""
    if re.fullmatch(LINK_NAME, value):
        return None
    return "expected a letter, then up to 49 letters, digits and underscores, for use as {{ links.NAME }}"


def _link_name(value: str) -> str:
    if (fault := link_name_fault(value)) is not None:
        raise ValueError(fault)
    return value


def link_fault(value: str) -> str | None:
    """Return why a text is not a valid link; None if it is one."""
    if _LINK.fullmatch(value):
        return None
    return "expected a URL, such as https://wiki.example/{{ rule }}"


def _link(value: str) -> str:
    if (fault := link_fault(value)) is not None:
        raise ValueError(fault)
    return value


def _cron(value: str) -> str:
    schedule.parse(value)
    return value


def _timezone(value: object) -> object:
    if not isinstance(value, str):
        raise ValueError("expected the name of a time zone")
    try:
        return ZoneInfo(value)
    except (OSError, ValueError, KeyError):
        raise ValueError(f"unknown time zone {value[:40]!r}{nearest(value, available_timezones())}") from None


def _repeat(value: object) -> object:
    return None if value == "never" else value


def _time_of_day(value: object) -> object:
    match = _TIME.fullmatch(value) if isinstance(value, str) else None
    if match is None:
        raise ValueError("expected a time of day, from 00:00 to 23:59")
    return time(int(match[1]), int(match[2]))


def _clock_time(value: object) -> object:
    return wall_clock(value if isinstance(value, str) else "")


def _at_most(longest: timedelta) -> AfterValidator:
    def checked(value: timedelta) -> timedelta:
        if value > longest:
            raise ValueError(f"must be at most {compact(longest)}")
        return value

    return AfterValidator(checked)


def _amount(value: object) -> object:
    return money.amount(value) if isinstance(value, str) else value


class _OrOff:
    """Lets a value also be `off`, which is None."""

    def __get_pydantic_json_schema__(
        self, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        return {"anyOf": [handler(schema), {"enum": [False, *sorted(OFF)]}]}


def _off(value: object) -> object:
    return None if isinstance(value, str) and value.lower() in OFF else value


class Change(NamedTuple):
    """The change of an amount that a rule fires at: an amount, or a percentage."""

    limit: Decimal
    percent: bool


def _change(value: object) -> object:
    text = value if isinstance(value, str) else ""
    number = text.removesuffix("%")
    try:
        limit = money.amount(number.rstrip())
    except ValueError:
        raise ValueError("expected an amount, such as 250, or a percentage, such as 20%") from None
    if limit <= 0:
        raise ValueError("must be greater than zero")
    return Change(limit, percent=number != text)


Name = Annotated[str, AfterValidator(_name), _pattern(NAME)]
Amount = Annotated[Decimal, BeforeValidator(_amount), WithJsonSchema({"type": ["number", "string"]})]
"""An exact amount, with its digits as in the file."""
LabelName = Annotated[str, AfterValidator(_label), _pattern(NAME)]
Text = Annotated[str, Field(min_length=1), WithJsonSchema(_TEXT_SCHEMA)]
Globs = Annotated[
    tuple[Text, ...], BeforeValidator(_listed), Field(min_length=1), _one_or_more(_TEXT_SCHEMA, minItems=1)
]
Names = Annotated[tuple[str, ...], BeforeValidator(_listed), _one_or_more({"type": "string"})]
ChannelUrls = Annotated[
    tuple[Annotated[SecretStr, AfterValidator(_channel_url)], ...],
    BeforeValidator(_listed),
    Field(min_length=1),
    _one_or_more({"type": "string", "minLength": 1}, minItems=1),
]
WebUrl = Annotated[SecretStr, AfterValidator(_web_url), WithJsonSchema({"type": "string", "minLength": 1})]
LinkName = Annotated[str, AfterValidator(_link_name), _pattern(LINK_NAME)]
Link = Annotated[str, AfterValidator(_link), WithJsonSchema({"type": "string", "minLength": 1})]
Database = Annotated[
    Path,
    BeforeValidator(_database),
    _pattern(_SQLITE_URL.pattern.replace("?P<path>", "?:"), "sqlite:///balances.db"),
]
CronText = Annotated[str, AfterValidator(_cron), _pattern(r"\s*(\S+\s+){4}\S+\s*", "*/5 * * * *")]
Timezone = Annotated[ZoneInfo, BeforeValidator(_timezone), _pattern(".+", "UTC", "Asia/Ho_Chi_Minh")]
Repeat = Annotated[Span | None, BeforeValidator(_repeat), _pattern("(never|[0-9]{1,9}[smhd])", "4h", "never")]
SeverityWord = Literal["info", "warning", "critical"]
TimeOfDay = Annotated[time, BeforeValidator(_time_of_day), _pattern(_TIME.pattern, "22:00")]
ClockTime = Annotated[
    datetime, BeforeValidator(_clock_time), _pattern(WALL_CLOCK.pattern, "2026-12-01T02:00")
]
Weekdays = Annotated[
    tuple[Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"], ...],
    BeforeValidator(_listed),
    Field(min_length=1),
    _one_or_more({"enum": list(WEEKDAYS)}, minItems=1),
]
GroupWait = Annotated[Duration, _at_most(timedelta(minutes=5))]
FallbackAfter = Annotated[Span, _at_most(timedelta(hours=12))]
ListenAddress = Annotated[
    Listen, BeforeValidator(_listen), _pattern(r"\S+:[0-9]{1,5}", "127.0.0.1:8787", "0.0.0.0:8787")
]
Token = Annotated[
    SecretStr,
    AfterValidator(_token),
    WithJsonSchema({"type": "string", "minLength": 1}),
]
HostNames = Annotated[
    tuple[Annotated[str, AfterValidator(_host_name)], ...],
    BeforeValidator(_listed),
    _one_or_more({"type": "string"}),
]
Lasting = Annotated[Span, _at_most(timedelta(days=7))]
OR_OFF = (BeforeValidator(_off), _OrOff())
"""Annotations of a value that may also be `off`, which is None."""
ChangeLimit = Annotated[
    Change,
    BeforeValidator(_change),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "number", "exclusiveMinimum": 0},
                {"type": "string", "pattern": r"^\+?[0-9.]+([eE][+-]?[0-9]+)?\s*%?$"},
            ],
            "examples": [250, "20%"],
        }
    ),
]
