"""What a value in the file may be: types that turn its text into what the program works with, or say why not."""

import re
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any, NamedTuple
from zoneinfo import ZoneInfo, available_timezones

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr, WithJsonSchema

from monitor.config.wording import nearest
from monitor.domain import money, schedule
from monitor.fields import Span

OF_THE_SERIES = ("job", "provider", "account", "currency")
"""What a rule's `match` knows of a series besides labels."""

OFF, ON = frozenset({"off", "false", "no"}), frozenset({"on", "true", "yes"})
UTC = ZoneInfo("UTC")

NAME = r"[A-Za-z0-9_.-]{1,100}"
"""What the name of a job, a provider, a channel, a rule or a label looks like."""

_SQLITE_URL = re.compile(r"sqlite:///(?P<path>[^:?#](?:[^?#]*[^?#/])?)")
_CHANNEL_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://\S.*", re.ASCII)
_TEXT_SCHEMA: dict[str, Any] = {"type": ["string", "number", "boolean"], "minLength": 1}


def _one_or_more(item: dict[str, Any], **keywords: Any) -> WithJsonSchema:
    return WithJsonSchema({"anyOf": [item, {"type": "array", "items": item, **keywords}]})


def _pattern(pattern: str, *examples: str) -> WithJsonSchema:
    return WithJsonSchema({"type": "string", "pattern": f"^{pattern}$", "examples": list(examples)})


def _listed(value: object) -> object:
    return [value] if isinstance(value, str) else value


def name_fault(value: str) -> str | None:
    """Why this can't be the name of something; None if it can."""
    if re.fullmatch(NAME, value):
        return None
    return "a name has 1 to 100 letters (a-z), digits, dots, dashes or underscores"


def _name(value: str) -> str:
    if (fault := name_fault(value)) is not None:
        raise ValueError(fault)
    return value


def _label(value: str) -> str:
    if value in OF_THE_SERIES:
        raise ValueError(f"{value!r} is what a rule's `match` calls the {value} itself; choose another name")
    return _name(value)


def _database(value: object) -> object:
    match = _SQLITE_URL.fullmatch(value) if isinstance(value, str) else None
    if match is None:
        raise ValueError("expected sqlite:///FILE, relative to this file, or sqlite:////ABSOLUTE/FILE")
    return Path(match["path"])


def _channel_url(value: SecretStr) -> SecretStr:
    if not _CHANNEL_URL.fullmatch(value.get_secret_value()):
        raise ValueError("expected an apprise URL, such as slack://… or mailto://…")
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
        raise ValueError(f"{value[:40]!r} is no time zone{nearest(value, available_timezones())}") from None


def _repeat(value: object) -> object:
    return None if value == "never" else value


class Change(NamedTuple):
    """How far an amount has to move: by an amount, or by a percentage."""

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
        raise ValueError("must be more than 0")
    return Change(limit, percent=number != text)


Name = Annotated[str, AfterValidator(_name), _pattern(NAME)]
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
Database = Annotated[
    Path,
    BeforeValidator(_database),
    _pattern(_SQLITE_URL.pattern.replace("?P<path>", "?:"), "sqlite:///balances.db"),
]
CronText = Annotated[str, AfterValidator(_cron), _pattern(r"\s*(\S+\s+){4}\S+\s*", "*/5 * * * *")]
Timezone = Annotated[ZoneInfo, BeforeValidator(_timezone), _pattern(".+", "UTC", "Asia/Ho_Chi_Minh")]
Repeat = Annotated[Span | None, BeforeValidator(_repeat), _pattern("(never|[0-9]{1,9}[smhd])", "4h", "never")]
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
