"""`${NAME}` from the environment and `${file:PATH}` from a file, in values; `$${` is a literal `${`."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from monitor.config import yaml_tree
from monitor.config.files import Unreadable, read_text
from monitor.config.yaml_tree import Entry, Node, Scalar, Sequence

UNSET = "http://unset.invalid"
"""Placeholder for a secret that is missing and not needed. It is a URL, which is valid for every kind of secret."""

MAX_SECRET = 64 * 1024
"""Largest size in bytes of a file that a reference names."""

_REFERENCE = re.compile(r"\$\$\{|\$\{(?P<what>[^{}]*)\}?")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*", re.ASCII)
_FILE = "file:"
_QUOTES = ("''", '""', "``", "‘’", "“”", "«»")  # noqa: RUF001 -- as word processors make them
_INVISIBLE = "\u200b\u2060\ufeff"
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]")


@dataclass(frozen=True, slots=True, kw_only=True)
class Sources:
    """The environment, and the directory of relative paths, in which references are looked up."""

    environ: Mapping[str, str] = field(repr=False)
    directory: Path

    @classmethod
    def of(cls, environ: Mapping[str, str], config_directory: Path) -> "Sources":
        """Return the sources.

        Files are relative to `$CREDENTIALS_DIRECTORY` if that is set, else to the configuration's directory."""
        credentials = environ.get("CREDENTIALS_DIRECTORY")
        return cls(environ=environ, directory=Path(credentials) if credentials else config_directory)

    def file(self, what: str) -> Path:
        """Return the file that `file:PATH` names."""
        return self.directory / what.removeprefix(_FILE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Interpolated:
    """A tree with its references replaced.

    By path: `missing`, the reasons of references without a value; `files`, from which values were read; `hints`, about
    values that are probably mistakes."""

    root: Node
    missing: Mapping[yaml_tree.Path, str]
    files: Mapping[yaml_tree.Path, tuple[Path, ...]]
    hints: Mapping[yaml_tree.Path, str] = field(default_factory=dict)


def interpolate(root: Node, sources: Sources, optional: Callable[[yaml_tree.Path], bool]) -> Interpolated:
    """Replace every reference in every value of a tree; keys are left as they are.

    A reference without a value is reported in `missing`, unless `optional` returns True for its place."""
    replacer = _Replacer(sources, optional)
    replaced = replacer.node(root, ())
    return Interpolated(root=replaced, missing=replacer.missing, files=replacer.files, hints=replacer.hints)


def wrapping(text: str) -> str | None:
    """Return the problem with a value that was copied with quotes or white space around it; None if there are none."""
    if text != text.strip().strip(_INVISIBLE):
        return "begins or ends with white space, which is part of the value; remove it"
    if len(text) > 1 and text[0] + text[-1] in _QUOTES:
        return "is in quotes, which are part of the value; remove them"
    return None


class _Missing(Exception):
    """A reference without a value, and why."""


class _Replacer:
    def __init__(self, sources: Sources, optional: Callable[[yaml_tree.Path], bool]) -> None:
        self.missing: dict[yaml_tree.Path, str] = {}
        self.files: dict[yaml_tree.Path, tuple[Path, ...]] = {}
        self.hints: dict[yaml_tree.Path, str] = {}
        self._sources = sources
        self._optional = optional

    def node(self, node: Node, path: yaml_tree.Path) -> Node:
        match node:
            case Scalar():
                return self._scalar(node, path) if node.text is not None and "${" in node.text else node
            case Sequence():
                items = tuple(self.node(item, (*path, index)) for index, item in enumerate(node.items))
                return Sequence(items=items, at=node.at)
            case yaml_tree.Mapping():
                entries = {
                    key: Entry(key_at=entry.key_at, value=self.node(entry.value, (*path, key)))
                    for key, entry in node.entries.items()
                }
                return yaml_tree.Mapping(entries=entries, at=node.at)

    def _scalar(self, scalar: Scalar, path: yaml_tree.Path) -> Scalar:
        references: list[str] = []

        def value(match: re.Match[str]) -> str:
            what = match["what"]
            if what is None:
                return "${"
            references.append(_look_up(match[0], what, self._sources))
            if (hint := wrapping(references[-1])) is not None:
                self.hints[path] = f"{_source(what, self._sources)} {hint}"
            if what.startswith(_FILE):
                self.files[path] = (*self.files.get(path, ()), self._sources.file(what))
            return references[-1]

        try:
            text = _REFERENCE.sub(value, scalar.text or "")
        except _Missing as missing:
            if not self._optional(path):
                self.missing[path] = str(missing)
            text, references = UNSET, [UNSET]
        return Scalar(text=text, at=scalar.at, references=tuple(references))


def _look_up(reference: str, what: str, sources: Sources) -> str:
    """Return the value of a reference. Raise _Missing, naming the variable or the file and never a value."""
    if not reference.endswith("}"):
        raise _Missing("the reference lacks its closing `}`; write `$${` for a literal `${`")
    if what.startswith(_FILE):
        return _from_file(sources.file(what), _source(what, sources))
    if not _NAME.fullmatch(what):
        raise _Missing("expected ${NAME} or ${file:PATH}; write `$${` for a literal `${`")
    value = sources.environ.get(what)
    if value is None:
        raise _Missing(f"{_source(what, sources)} is not set")
    return _one_line(value, _source(what, sources))


def _source(what: str, sources: Sources) -> str:
    return f"the file {sources.file(what)}" if what.startswith(_FILE) else f"the environment variable {what}"


def _from_file(path: Path, source: str) -> str:
    try:
        text = read_text(path, MAX_SECRET)
    except Unreadable as error:
        raise _Missing(f"{source} {error}") from error
    return _one_line(text.removesuffix("\n").removesuffix("\r"), source)


def _one_line(text: str, source: str) -> str:
    """Return a text that is one line. Raise _Missing for characters that no header or URL can contain."""
    if not text:
        raise _Missing(f"{source} is empty")
    if _CONTROL.search(text):
        several = len([line for line in text.splitlines() if "://" in line]) > 1
        advice = "; list several URLs one by one, each with its own reference" if several else ""
        raise _Missing(f"{source} contains a line break or another control character{advice}")
    return text
