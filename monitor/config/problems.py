"""Everything found wrong with one file, each at its place."""

from collections.abc import Iterable
from collections.abc import Mapping as Lookup
from types import MappingProxyType

from monitor.config.wording import nearest_name, unknown_key, without_quotes
from monitor.config.yaml_tree import Mapping, Node, Path, Position, Scalar, dotted, is_private, scalars, walk
from monitor.errors import ConfigError, Problem

Place = tuple[str, int, int]
Hints = Lookup[Path, str]
_NO_HINTS: Hints = MappingProxyType({})

_TELLING = 6
"""Characters from which on a text may not appear anywhere; a shorter one is part of too many words."""


class Findings:
    """Collects problems over a tree. One place gets one problem: a second would only follow from the first.

    No reason repeats what a `${…}` brought in, nor a URL. `hints` are what may explain a problem, by path."""

    def __init__(self, source: str, root: Node, hints: Hints = _NO_HINTS) -> None:
        self._source = source
        self._hints = hints
        self._root = root
        self._problems: dict[tuple[Place, str], Problem] = {}
        self._paths: set[Path] = set()
        self._above: set[Path] = set()
        self._meant: set[Path] = set()
        referenced = (part for _, scalar in scalars(root) for part in (*scalar.references, _hidden(scalar)))
        self._hidden = sorted({part for part in referenced if len(part) >= _TELLING}, key=len, reverse=True)

    # What is wrong

    def value(self, path: Path, reason: str) -> None:
        """A wrong value."""
        node = self._deepest(path)
        if any(scalar.references or is_private(scalar.text or "") for _, scalar in scalars(node)):
            reason = without_quotes(reason)
        self.add(path, node.at, reason)

    def key(self, path: Path, reason: str) -> None:
        """A wrong key."""
        self.add(path, self.key_at(path), reason)

    def unknown_key(self, path: Path, known: Iterable[str], owner: str | None = None) -> None:
        """A key that is none of the known ones. The one it was meant to be is not missing.

        `owner` is what the key belongs to, if to something else."""
        name, names = str(path[-1]), list(known)
        self.key(path, unknown_key(name, names, owner))
        if owner is None and (meant := nearest_name(name, names)) is not None:
            self._meant.add((*path[:-1], meant))

    def missing(self, path: Path, reason: str = "is required") -> None:
        """A key that is not there: placed at the mapping that lacks it."""
        if path not in self._meant:
            self.add(path, self._deepest(path[:-1]).at, reason)

    def add(self, path: Path, at: Position, reason: str, source: str | None = None) -> None:
        """Something wrong at a position, in another file where `source` names one."""
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
        """What is wrong with the file as YAML."""
        for found in problems:
            self._problems.setdefault((_place(found), found.path), found)

    def below(self, path: Path) -> bool:
        """Whether there is a problem so far with something below a path."""
        return path in self._above

    def within(self, path: Path) -> bool:
        """Whether there is a problem so far at a path or below it."""
        return path in self._paths or path in self._above

    def raise_any(self) -> None:
        """Raises ConfigError with all problems, in the order of the file, if there are any."""
        if self._problems:
            raise ConfigError(self._source, tuple(sorted(self._problems.values(), key=_place)))

    # What is there

    def node(self, path: Path) -> Node | None:
        """What stands at a path."""
        nodes = list(walk(self._root, path))
        return nodes[-1] if len(nodes) == len(path) + 1 else None

    def has(self, path: Path) -> bool:
        """Whether there is something at a path, other than a null."""
        node = self.node(path)
        return node is not None and not (isinstance(node, Scalar) and node.text is None)

    def keys(self, path: Path) -> tuple[str, ...]:
        """The keys of the mapping at a path; none for anything else."""
        node = self.node(path)
        return tuple(node.entries) if isinstance(node, Mapping) else ()

    def text(self, path: Path) -> str | None:
        """The scalar at a path; None for a null and for anything else."""
        node = self.node(path)
        return node.text if isinstance(node, Scalar) else None

    def item(self, path: Path, index: int) -> Path:
        """Where an item stands, of a list that may also be written as one value alone."""
        return path if isinstance(self.node(path), Scalar) else (*path, index)

    def key_at(self, path: Path) -> Position:
        """Where the last key of a path stands; the place of its value where it is no key."""
        parent = self.node(path[:-1])
        if isinstance(parent, Mapping) and (entry := parent.entries.get(str(path[-1]))):
            return entry.key_at
        return self._deepest(path).at

    def _deepest(self, path: Path) -> Node:
        return list(walk(self._root, path))[-1]


def _hidden(scalar: Scalar) -> str:
    """A scalar's text, if it may not be shown."""
    return scalar.text or "" if scalar.references else ""


def _place(found: Problem) -> Place:
    return found.source or "", found.line or 0, found.column or 0
