"""JSON from a provider, read exactly, with the path to whatever is wrong in it.

`read` parses the text without checking its content. A `Node` then checks each value when it is used: an object, a
string, an amount. Values that are not used are not checked, so that one broken entry does not spoil the others. Every
error is a `BadPayload`.
"""

import codecs
import json
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import TypeAlias

from monitor.domain import money
from monitor.domain.time import parse_iso8601
from monitor.errors import BadPayload

_LONGEST_QUOTE = 40
_LONGEST_MESSAGE = 200


class Number(str):
    """A JSON number with its characters, `NaN` and `Infinity` included: it is checked when it is used."""

    __slots__ = ()


class Object(dict[str, "Json"]):
    """A JSON object, and the keys that it has more than once (`repeated`)."""

    def __init__(self, pairs: list[tuple[str, "Json"]]) -> None:
        super().__init__(pairs)
        counts = Counter(key for key, _ in pairs) if len(self) < len(pairs) else {}
        self.repeated = frozenset(key for key, count in counts.items() if count > 1)


Json: TypeAlias = "Object | list[Json] | Number | str | bool | None"

# Numbers keep their characters: as floats, amounts would lose digits.
_DECODER = json.JSONDecoder(
    object_pairs_hook=Object, parse_float=Number, parse_int=Number, parse_constant=Number
)


@dataclass(frozen=True, slots=True)
class Node:
    """A value within a response, and the path to it: `data.22.value`. The whole response's path is empty."""

    value: Json
    path: str = ""

    def __getitem__(self, key: str) -> "Node":
        """Return the value of a key of an object. Raises BadPayload if it is missing."""
        node = self.get(key)
        if node is None:
            raise BadPayload(f"{self._child(key)}: missing")
        return node

    def get(self, key: str) -> "Node | None":
        """Return the value of a key of an object; None if it is missing."""
        entries = self._object()
        # Parsers differ in which of two equal keys they use, so neither value is trusted.
        if key in entries.repeated:
            raise BadPayload(f"{self._child(key)}: appears more than once")
        return Node(entries[key], self._child(key)) if key in entries else None

    def __iter__(self) -> Iterator[str]:
        """Yield the keys of an object, in the response's order."""
        return iter(self._object())

    def text(self) -> str:
        """Return a string. Raises BadPayload for anything else."""
        if isinstance(self.value, str) and not isinstance(self.value, Number):
            return self.value
        raise self.unexpected("expected a string")

    def amount(self) -> Decimal:
        """Return a finite number, digit for digit. Raises BadPayload for anything else."""
        if not isinstance(self.value, Number):
            raise self.unexpected("expected a number")
        try:
            return money.amount(self.value)
        except ValueError as exc:
            raise BadPayload(f"{self.path}: {exc}") from exc

    def instant(self) -> datetime | None:
        """Return an ISO 8601 time with a zone, in UTC; None for anything else."""
        if not isinstance(self.value, str) or isinstance(self.value, Number):
            return None
        try:
            return parse_iso8601(self.value)
        except ValueError:
            return None

    def unexpected(self, expected: str) -> BadPayload:
        """Return the error for this value, where something else was `expected`."""
        where = f"{self.path}: " if self.path else ""
        return BadPayload(f"{where}{expected}, got {_described(self.value)}")

    def _object(self) -> Object:
        if isinstance(self.value, Object):
            return self.value
        raise self.unexpected("expected an object")

    def _child(self, key: str) -> str:
        return f"{self.path}.{key}" if self.path else key


def read(body: bytes) -> Node:
    """Return the JSON document in a response's body. Raises BadPayload if it is not one."""
    try:
        text = body.removeprefix(codecs.BOM_UTF8).decode()  # a reader may ignore it (RFC 8259)
    except UnicodeDecodeError as exc:
        raise BadPayload(f"not UTF-8 at byte {exc.start}") from exc
    if not text.strip():
        raise BadPayload("an empty body")
    # The page of a proxy, a captive portal or a maintenance mode. The JSON parser's error would not help.
    if text.lstrip().startswith("<"):
        raise BadPayload("HTML, not JSON")
    try:
        return Node(_DECODER.decode(text))
    except json.JSONDecodeError as exc:
        raise BadPayload(f"not JSON: {exc.msg} at line {exc.lineno}, column {exc.colno}") from exc
    except RecursionError as exc:
        raise BadPayload("nested too deeply") from exc


def read_error(body: bytes) -> Node | None:
    """Return the object in an error's body; None if there is none: the error's status is enough."""
    try:
        node = read(body)
    except BadPayload:
        return None
    return node if isinstance(node.value, Object) else None


def texts(node: Node | None, *keys: str) -> list[str]:
    """Return every string under a path of keys, with the name of its field if there are several."""
    value = node.value if node else None
    for key in keys:
        value = value.get(key) if isinstance(value, Object) else None
    return list(_texts(value, depth=2))


def plain_text(text: str) -> str:
    """Return a provider's text in a form that can be shown: on one line, without control characters, shortened."""
    # Control characters could rewrite a terminal, and a line break forge a line of the log.
    words = " ".join(text.split())
    return _shortened("".join(char for char in words if char.isprintable()), _LONGEST_MESSAGE)


def quoted(text: str) -> str:
    """Return a provider's value in a form that can be shown: in quotes, control characters escaped, shortened."""
    return f'"{re.sub(r"[^ -~]", _escaped, _shortened(text, _LONGEST_QUOTE))}"'


def _described(value: Json) -> str:
    match value:
        case None:
            return "null"
        case bool():
            return str(value).lower()
        case Number():
            return f"the number {_shortened(value, _LONGEST_QUOTE)}"
        case str():
            return f"a string: {quoted(value)}"
        case Object():
            return "an object"
        case list():
            return "an array"


def _texts(value: Json, depth: int) -> Iterator[str]:
    """Yield the strings at most `depth` objects and arrays deep: in Laravel's `{field: [message, …]}` it is two."""
    match value:
        case Number():
            return
        case str():
            yield value
        case Object() if depth:
            for key, inner in value.items():
                yield from (f"{key}: {text}" for text in _texts(inner, depth - 1))
        case list() if depth:
            for inner in value:
                yield from _texts(inner, depth - 1)


def _shortened(text: str, longest: int) -> str:
    return text if len(text) <= longest else f"{text[: longest - 1]}…"


def _escaped(match: re.Match[str]) -> str:
    char = match[0]
    return char if char.isprintable() else char.encode("unicode_escape").decode()
