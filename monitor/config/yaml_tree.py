"""YAML text as a tree that keeps every scalar's characters, and the position of each node.

The tree is built from the parser's events, not by YAML's constructors: `007` stays `007`, `0.10` stays exact,
`off` stays text, and no tag runs code. Only `~`, `null` and an empty value become None.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import yaml

from monitor.errors import Problem

MAX_DEPTH = 32
MAX_NODES = 200_000
"""Most nodes with every alias expanded, which stops an alias bomb."""

_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_NULLS = frozenset({"", "~", "null", "Null", "NULL"})
_MERGE = "<<"
_PLAIN_KEY = re.compile(r"[\w-]{1,60}")
_LONGEST_KEY = 60
_PLAIN_TAGS = frozenset({None, "!", "tag:yaml.org,2002:str"})
_OPENINGS = "[{'\""
_INDICATORS = "@`%"
_UNQUOTED = re.compile(r"(?:^|[:,-]\s|[\[{])\s*([*&@`%])")
_GENERAL_REMEDY = "check the indentation of this line and the one before; a value with `: ` needs quotes"
_NOT_YAML = re.compile("[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]")

Path = tuple[str | int, ...]
"""The keys and indices that lead from the root to a node."""


@dataclass(frozen=True, slots=True, order=True)
class Position:
    """A line and a column, both counted from 1."""

    line: int
    column: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Scalar:
    """A scalar's characters; None for a null.

    `references` are the values of the references (`${…}`) in it. Text with any must not be shown."""

    text: str | None
    at: Position
    references: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Sequence:
    """A list."""

    items: "tuple[Node, ...]"
    at: Position


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A key's position, and its value."""

    key_at: Position
    value: "Node"


@dataclass(frozen=True, slots=True, kw_only=True)
class Mapping:
    """A mapping, in the order of the file."""

    entries: dict[str, Entry]
    at: Position


Node = Scalar | Sequence | Mapping
Plain = str | list["Plain"] | dict[str, "Plain"] | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """A parsed text. `root` is None if the text is empty or not valid."""

    root: Node | None
    problems: tuple[Problem, ...]


def parse(text: str) -> Document:
    """Return the tree of a YAML text. Errors of syntax are in `problems`; nothing is raised."""
    stray = _NOT_YAML.search(text)
    if stray is not None:
        at = position_of(text, stray.start())
        return Document(root=None, problems=(problem(at, f"the character {stray[0]!a} is not allowed here"),))
    composer = _Composer(text)
    try:
        root = composer.document()
    except yaml.MarkedYAMLError as error:
        composer.problems.append(_syntax(error, text))
        root = None
    except _Refused as refused:
        composer.problems.append(problem(refused.at, refused.reason))
        root = None
    return Document(root=root, problems=tuple(composer.problems))


def position_of(text: str, index: int) -> Position:
    """Return the line and column of the character at `index`."""
    line_start = text.rfind("\n", 0, index) + 1
    return Position(text.count("\n", 0, index) + 1, index - line_start + 1)


def problem(at: Position, reason: str, path: str = "") -> Problem:
    """Return a problem at a position."""
    return Problem(path=path, reason=reason, line=at.line, column=at.column)


def dotted(path: Path) -> str:
    """Return a path as messages show it: `jobs[0].every`."""
    return "".join(_step(step) for step in path).removeprefix(".")


def is_private(text: str) -> bool:
    """Return whether a text must not be shown: a URL can contain credentials in any part."""
    return "://" in text


def _step(step: str | int) -> str:
    if isinstance(step, int):
        return f"[{step}]"
    if is_private(step):
        return "[…]"
    return f".{step}" if _PLAIN_KEY.fullmatch(step) else f"[{step[:_LONGEST_KEY]!r}]"


def plain(node: Node) -> Plain:
    """Return the node's text, lists and dicts, without positions."""
    match node:
        case Scalar():
            return node.text
        case Sequence():
            return [plain(item) for item in node.items]
        case Mapping():
            return {key: plain(entry.value) for key, entry in node.entries.items()}


def node(of: Plain) -> Node:
    """Return the tree of a value that `plain` returned. All its nodes are at line 1, column 1."""
    at = Position(1, 1)
    match of:
        case list():
            return Sequence(items=tuple(node(item) for item in of), at=at)
        case dict():
            entries = {key: Entry(key_at=at, value=node(value)) for key, value in of.items()}
            return Mapping(entries=entries, at=at)
        case _:
            return Scalar(text=of, at=at)


def child(node: Node | None, step: str | int) -> Node | None:
    """Return the child of a node at a key or index; None if there is none."""
    match node:
        case Mapping() if isinstance(step, str) and step in node.entries:
            return node.entries[step].value
        case Sequence() if isinstance(step, int) and step < len(node.items):
            return node.items[step]
        case _:
            return None


def is_empty(node: Node | None) -> bool:
    """Return whether a node is missing, null, or a list or mapping without items."""
    match node:
        case Mapping():
            return not node.entries
        case Sequence():
            return not node.items
        case Scalar():
            return node.text is None
        case None:
            return True


def walk(node: Node, path: Path) -> Iterator[Node]:
    """Yield the nodes along a path, from `node` down, as far as they exist."""
    current: Node | None = node
    for step in path:
        if current is None:
            return
        yield current
        current = child(current, step)
    if current is not None:
        yield current


def scalars(node: Node, path: Path = ()) -> Iterator[tuple[Path, Scalar]]:
    """Yield every scalar in a tree, with its path."""
    match node:
        case Scalar():
            yield path, node
        case Sequence():
            for index, item in enumerate(node.items):
                yield from scalars(item, (*path, index))
        case Mapping():
            for key, entry in node.entries.items():
                yield from scalars(entry.value, (*path, key))


class _Refused(Exception):
    """Well-formed YAML that the configuration does not allow."""

    def __init__(self, at: Position, reason: str) -> None:
        self.at = at
        self.reason = reason


class _Composer:
    """Builds the tree of the one document in a text."""

    def __init__(self, text: str) -> None:
        self.problems: list[Problem] = []
        self._events: Iterator[yaml.Event] = yaml.parse(text, Loader=_LOADER)
        self._anchors: dict[str, Node | None] = {}
        self._sizes: dict[int, int] = {}
        self._total = 0

    def document(self) -> Node | None:
        """Return the root node; None for an empty stream."""
        next(self._events)
        if isinstance(next(self._events), yaml.StreamEndEvent):
            return None
        root = self._node(next(self._events), ())
        next(self._events)
        further = next(self._events)
        if not isinstance(further, yaml.StreamEndEvent):
            raise _Refused(_at(further), "a second document starts here; the file must contain only one")
        return root

    def _node(self, event: yaml.Event, path: Path) -> Node:
        if len(path) > MAX_DEPTH:
            raise _Refused(_at(event), f"is nested more than {MAX_DEPTH} levels deep")
        if isinstance(event, yaml.AliasEvent):
            return self._alias(event)
        if not isinstance(event, yaml.ScalarEvent | yaml.CollectionStartEvent):
            raise TypeError(f"unexpected {event!r}")
        if event.tag not in _PLAIN_TAGS:
            raise _Refused(_at(event), "YAML tags (!…) are not supported; remove it")
        return self._anchored(event, path)

    def _anchored(self, event: yaml.ScalarEvent | yaml.CollectionStartEvent, path: Path) -> Node:
        if event.anchor is not None:
            self._anchors[event.anchor] = None
        before = self._total
        self._count(event, 1)
        node = self._content(event, path)
        if event.anchor is not None:
            self._anchors[event.anchor] = node
            self._sizes[id(node)] = self._total - before
        return node

    def _content(self, event: yaml.ScalarEvent | yaml.CollectionStartEvent, path: Path) -> Node:
        match event:
            case yaml.ScalarEvent():
                is_null = event.implicit[0] and event.value in _NULLS
                return Scalar(text=None if is_null else event.value, at=_at(event))
            case yaml.SequenceStartEvent():
                items = self._until(yaml.SequenceEndEvent)
                nodes = tuple(self._node(item, (*path, index)) for index, item in enumerate(items))
                return Sequence(items=nodes, at=_at(event))
            case _:
                return self._mapping(event, path)

    def _until(self, end: type[yaml.Event]) -> Iterator[yaml.Event]:
        while not isinstance(event := next(self._events), end):
            yield event

    def _mapping(self, start: yaml.Event, path: Path) -> Mapping:
        own: dict[str, Entry] = {}
        merged: dict[str, Entry] = {}
        for event in self._until(yaml.MappingEndEvent):
            key = self._key(event)
            value = self._node(next(self._events), (*path, key))
            if key == _MERGE and isinstance(event, yaml.ScalarEvent) and event.implicit[0]:
                merged = self._merge(value) | merged
            elif key in own:
                reason = f"duplicate key, first set in line {own[key].key_at.line}; remove one of them"
                self.problems.append(problem(_at(event), reason, dotted((*path, key))))
            else:
                own[key] = Entry(key_at=_at(event), value=_beside(value, event))
        return Mapping(entries={**merged, **own}, at=_at(start))

    def _key(self, event: yaml.Event) -> str:
        if not isinstance(event, yaml.ScalarEvent):
            reason = "a key must be plain text; a value that begins with {{ needs quotes"
            raise _Refused(
                _at(event), reason if isinstance(event, yaml.MappingStartEvent) else reason.split(";")[0]
            )
        self._count(event, 1)
        return event.value

    def _merge(self, value: Node) -> dict[str, Entry]:
        sources = value.items if isinstance(value, Sequence) else (value,)
        merged: dict[str, Entry] = {}
        for source in sources:
            if not isinstance(source, Mapping):
                raise _Refused(value.at, "`<<` takes a mapping, or a list of mappings")
            merged = source.entries | merged
        return merged

    def _alias(self, event: yaml.AliasEvent) -> Node:
        if event.anchor not in self._anchors:
            reason = f"refers to an anchor that is not defined above; {_needs_quotes('*')}"
            raise _Refused(_at(event), reason)
        node = self._anchors[event.anchor]
        if node is None:
            raise _Refused(_at(event), f"`*{event.anchor}` refers to a list or mapping that contains it")
        self._count(event, self._sizes[id(node)])
        return node

    def _count(self, event: yaml.Event, nodes: int) -> None:
        self._total += nodes
        if self._total > MAX_NODES:
            raise _Refused(_at(event), f"contains more than {MAX_NODES} values, with aliases expanded")


def _at(event: yaml.Event) -> Position:
    return _place(event.start_mark)


def _place(mark: Any) -> Position:
    """Return a mark's position; the C parser's marks are of a type of their own."""
    return Position(mark.line + 1, mark.column + 1)


def _beside(value: Node, key: yaml.Event) -> Node:
    """Return a value with its position. A null has none, so it gets that of its key."""
    if isinstance(value, Scalar) and value.text is None:
        return Scalar(text=None, at=_at(key))
    return value


def _syntax(error: yaml.MarkedYAMLError, text: str) -> Problem:
    mark, start = error.problem_mark or error.context_mark, error.context_mark
    if mark is None:
        return Problem(path="", reason="is not valid YAML")
    line = _line(text, mark.line)
    reason = _known_mistake(line, mark.column)
    if reason is not None:
        return problem(_place(mark), reason)
    opening = "" if start is None else _line(text, start.line)[start.column : start.column + 1]
    if start is not None and start.line != mark.line and opening and opening in _OPENINGS:
        or_comma = ", or lacks a comma" if opening in "[{" else ""
        reason = f"is not valid YAML: the {opening} that opens here is not closed by line {mark.line + 1}{or_comma}"
        return problem(_place(start), reason)
    context = f" ({error.context})" if error.context else ""
    reason = f"is not valid YAML: {error.problem or 'syntax error'}{context}"
    return problem(_place(mark), f"{reason}; {_remedy(error, line, mark.column)}")


def _line(text: str, number: int) -> str:
    lines = text.split("\n")
    return lines[number] if number < len(lines) else ""


def _needs_quotes(character: str) -> str:
    return f"a value that begins with {character} needs quotes"


def _remedy(error: yaml.MarkedYAMLError, line: str, column: int) -> str:
    here = line[column : column + 1]
    if here and here in _INDICATORS and "start any token" in (error.problem or ""):
        return _needs_quotes(here)
    before = _UNQUOTED.findall(line[: column + 1])
    return _needs_quotes(before[-1]) if before else _GENERAL_REMEDY


def _known_mistake(line: str, column: int) -> str | None:
    here = line[column : column + 1]
    if here == "\t" or "\t" in line[: len(line) - len(line.lstrip())]:
        return "is not valid YAML: a tab can't be used for indentation; use spaces"
    if "${" in line[max(column - 1, 0) : column + 1]:
        return 'is not valid YAML: inside [ ] and { } a reference needs quotes: "${NAME}"'
    return None
