"""The problems of one file, each with its position."""

import re
from collections.abc import Iterable
from collections.abc import Mapping as Lookup
from difflib import get_close_matches
from types import MappingProxyType

from pydantic_core import ErrorDetails

from monitor.config.yaml_tree import (
    Mapping,
    Node,
    Path,
    Position,
    Scalar,
    Sequence,
    dotted,
    is_private,
    scalars,
    walk,
)
from monitor.domain.time import DURATION_NOTATION
from monitor.errors import ConfigError, Problem
from monitor.providers import PROVIDERS

Place = tuple[str, int, int]
Hints = Lookup[Path, str]
_NO_HINTS: Hints = MappingProxyType({})

_SHORTEST_HIDDEN = 6
"""Characters of the shortest text that is hidden in reasons; a shorter one occurs in too many words."""


class Findings:
    """Collects the problems of a tree, at most one for a place: a second would only follow from the first.

    No reason repeats the value of a reference (`${…}`) or a URL. `hints` by path are appended to the reasons there."""

    def __init__(self, source: str, root: Node, hints: Hints = _NO_HINTS) -> None:
        self._source = source
        self._hints = hints
        self._root = root
        self._problems: dict[tuple[Place, str], Problem] = {}
        self._paths: set[Path] = set()
        self._above: set[Path] = set()
        self._misspelt: set[Path] = set()
        # longest first: a text that contains another one is hidden as a whole
        referenced = (part for _, scalar in scalars(root) for part in (*scalar.references, _hidden(scalar)))
        self._hidden = sorted(
            {part for part in referenced if len(part) >= _SHORTEST_HIDDEN}, key=len, reverse=True
        )

    # Problems

    def value(self, path: Path, reason: str) -> None:
        """Report a wrong value."""
        node = self._deepest(path)
        if any(scalar.references or is_private(scalar.text or "") for _, scalar in scalars(node)):
            reason = without_quotes(reason)
        self.add(path, node.at, reason)

    def key(self, path: Path, reason: str) -> None:
        """Report a wrong key."""
        self.add(path, self.key_at(path), reason)

    def unknown_key(self, path: Path, known: Iterable[str], owner: str | None = None) -> None:
        """Report an unknown key. The known key that it resembles is then not reported as missing.

        `owner` names the sections that have such a key, if there are any."""
        name, names = str(path[-1]), list(known)
        self.key(path, unknown_key(name, names, owner))
        if owner is None and (known_key := nearest_name(name, names)) is not None:
            self._misspelt.add((*path[:-1], known_key))

    def missing(self, path: Path, reason: str = "is required") -> None:
        """Report a missing key, at the mapping that lacks it."""
        if path not in self._misspelt:
            self.add(path, self._deepest(path[:-1]).at, reason)

    def add(self, path: Path, at: Position, reason: str, source: str | None = None) -> None:
        """Report a problem at a position of this file, or of another file if `source` names one."""
        if source is None and path in self._hints:
            reason = f"{reason}; {self._hints[path]}"
        for text in self._hidden:
            reason = reason.replace(text, "…")
        self.extend(
            [Problem(path=dotted(path), reason=reason, line=at.line, column=at.column, source=source)]
        )
        self._paths.add(path)
        self._above.update(path[:length] for length in range(len(path)))

    def extend(self, problems: Iterable[Problem]) -> None:
        """Report the problems that the YAML parser found."""
        for found in problems:
            self._problems.setdefault((_place(found), found.path), found)

    def below(self, path: Path) -> bool:
        """Return whether a problem was reported below a path so far."""
        return path in self._above

    def within(self, path: Path) -> bool:
        """Return whether a problem was reported at a path or below it so far."""
        return path in self._paths or path in self._above

    def raise_any(self) -> None:
        """Raise ConfigError with all problems, in the order of the file, if there are any."""
        if self._problems:
            raise ConfigError(self._source, tuple(sorted(self._problems.values(), key=_place)))

    # Contents

    def node(self, path: Path) -> Node | None:
        """Return the node at a path."""
        nodes = list(walk(self._root, path))
        return nodes[-1] if len(nodes) == len(path) + 1 else None

    def has(self, path: Path) -> bool:
        """Return whether there is a value other than null at a path."""
        node = self.node(path)
        return node is not None and not (isinstance(node, Scalar) and node.text is None)

    def keys(self, path: Path) -> tuple[str, ...]:
        """Return the keys of the mapping at a path; none for anything else."""
        node = self.node(path)
        return tuple(node.entries) if isinstance(node, Mapping) else ()

    def text(self, path: Path) -> str | None:
        """Return the text of the scalar at a path; None for a null and for anything else."""
        node = self.node(path)
        return node.text if isinstance(node, Scalar) else None

    def item(self, path: Path, index: int) -> Path:
        """Return the path of an item of a list that may also be written as one value alone."""
        return path if isinstance(self.node(path), Scalar) else (*path, index)

    def key_at(self, path: Path) -> Position:
        """Return the position of the last key of a path, or of the value if the path ends with an index."""
        parent = self.node(path[:-1])
        if isinstance(parent, Mapping) and (entry := parent.entries.get(str(path[-1]))):
            return entry.key_at
        return self._deepest(path).at

    def _deepest(self, path: Path) -> Node:
        return list(walk(self._root, path))[-1]


def _hidden(scalar: Scalar) -> str:
    """Return a scalar's text, if it may not be shown."""
    return scalar.text or "" if scalar.references else ""


def _place(found: Problem) -> Place:
    return found.source or "", found.line or 0, found.column or 0


_LONGEST_SHOWN = 60
_LONGEST_COMPARED = 200
_QUOTE = re.compile(r"""(?<!\w)('(\\.|[^'\\])*'|"(\\.|[^"\\])*")(?!\w)""")
_FORMS = {
    "links": "{runbook: 'https://wiki.example/{{ rule }}'}",
    "message": "{title: '{{ headline }}: {{ reason }}'}",
    "flapping": "{changes: 6, within: 1h}, or off",
    "quiet_hours": '{from: "22:00", to: "07:00"}',
}
_MOST_LISTED = 6
_CHOICES = re.compile(r"'([^']*)'")


def nearest(name: str, known: Iterable[str]) -> str:
    """Return `; did you mean …?` for the nearest of the known names; empty if none is near."""
    found = nearest_name(name, known)
    return "" if found is None else f"; did you mean `{found}`?"


def nearest_name(name: str, known: Iterable[str]) -> str | None:
    """Return the nearest of the known names, whatever the case; None if none is near."""
    by_folded = {candidate.lower(): candidate for candidate in known}
    found = get_close_matches(name[:_LONGEST_COMPARED].lower(), by_folded, n=1)
    return by_folded[found[0]] if found else None


def unknown(what: str, name: str, known: Iterable[str]) -> str:
    """Return the reason for an unknown name, with the nearest known one, or all of them if they are few."""
    names = list(known)
    return f"unknown {what} {shown(name)}{nearest(name, names) or _listed(names)}"


def unknown_key(name: str, known: Iterable[str], owner: str | None = None) -> str:
    """Return the reason for an unknown key, with where it belongs, or the nearest known one, or all of them."""
    names = list(known)
    if owner is not None:
        return f"unknown key here; it belongs to {owner}"
    return f"unknown key{nearest(name, names) or _listed(names, most=len(names))}"


def wrong_value(error: ErrorDetails, node: Node, *, hidden: bool) -> str:
    """Return why pydantic refused a value. The value is repeated unless it is `hidden` or contains a reference."""
    reason = _reason(error, node)
    if hidden:
        return without_quotes(reason)
    if not isinstance(node, Scalar) or node.text is None or node.references:
        return reason
    if ", got " in reason or repr(node.text[:40])[:-1] in reason:
        return reason
    return f"{reason}, got {shown(node.text)}"


def without_quotes(reason: str) -> str:
    """Return a reason without the pieces of the value that it quotes."""
    return _QUOTE.sub("the value", reason)


def expected(what: str, node: Node | None) -> str:
    """Return the reason for a value of the wrong kind, such as `expected a list, got text`."""
    return f"expected {what}, got {_kind(node)}"


def _reason(error: ErrorDetails, node: Node) -> str:
    context = error.get("ctx", {})
    match error["type"]:
        case "value_error":
            return str(context["error"])
        case "literal_error" | "enum":
            return _choice(_CHOICES.findall(context["expected"]), node)
        case "int_parsing" | "int_type" | "int_from_float" | "int_parsing_size":
            return _scalar("a whole number", node)
        case "bool_parsing" | "bool_type":
            return _scalar("true or false", node)
        case "decimal_type":
            return expected("an amount", node)
        case "time_delta_type":
            return expected(f"a span of time: {DURATION_NOTATION}", node)
        case "string_type":
            return expected("text", node)
        case "dict_type" | "model_type":
            return expected(_formed("a mapping", error) or "a mapping (key: value)", node)
        case "list_type" | "tuple_type":
            return expected(_formed("a list", error) or "a list", node)
        case "greater_than_equal":
            return f"must be at least {context['ge']}"
        case "less_than_equal":
            return f"must be at most {context['le']}"
        case "string_too_short" | "too_short":
            return "is empty"
        case "string_pattern_mismatch":
            return f"does not have the form {context['pattern']}"
        case _:
            return f"is not accepted: {error['msg']}"


def _formed(what: str, error: ErrorDetails) -> str | None:
    """Return the expected kind of value with an example for the key; None if there is no example."""
    key = str(error["loc"][-1]) if error["loc"] else ""
    of_providers = (provider.wallets.forms.get(key) for provider in PROVIDERS.values())
    form = _FORMS.get(key) or next(filter(None, of_providers), None)
    return None if form is None else f"{what} such as {form}"


def _choice(choices: list[str], node: Node) -> str:
    *others, last = choices
    what = f"{', '.join(others)} or {last}" if others else last
    if not isinstance(node, Scalar) or not node.text:
        return expected(what, node)
    return f"expected {what}, got {shown(node.text)}{nearest(node.text, choices)}"


def _scalar(what: str, node: Node) -> str:
    return f"expected {what}" if isinstance(node, Scalar) else expected(what, node)


def _listed(names: list[str], most: int = _MOST_LISTED) -> str:
    return f"; known: {', '.join(names) or 'none'}" if len(names) <= most else ""


def shown(text: str) -> str:
    """Return a value as messages show it: quoted, shortened, and hidden if it may contain credentials."""
    if is_private(text):
        return "a URL that is not shown"
    return repr(text if len(text) <= _LONGEST_SHOWN else f"{text[:_LONGEST_SHOWN]}…")


def _kind(node: Node | None) -> str:
    match node:
        case Scalar():
            return "nothing" if node.text is None else "text"
        case Sequence():
            return "a list"
        case Mapping():
            return "a mapping"
        case None:
            return "nothing"
