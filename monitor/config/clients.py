"""Lists of clients, in the file itself or in one of their own with an id a line."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from unicodedata import category

from monitor.config import yaml_tree
from monitor.config.files import Unreadable, read_text
from monitor.config.problems import Findings
from monitor.config.yaml_tree import Position, Scalar, Sequence

LONGEST = 255
"""Characters an id may have ("WDCF: get balance", "Request")."""

MAX_FILE = 16 * 1024 * 1024
"""Bytes a file of clients may hold."""


@dataclass(frozen=True, slots=True)
class _Client:
    id: str
    at: Position
    path: yaml_tree.Path


def check_list(path: yaml_tree.Path, findings: Findings) -> None:
    """Reports what is wrong with the ids of a list in the file."""
    node = findings.node(path)
    if isinstance(node, Sequence):
        clients = [
            _Client(item.text, item.at, (*path, index))
            for index, item in enumerate(node.items)
            if isinstance(item, Scalar) and item.text is not None
        ]
        _check(clients, findings)


def read_file(file: Path, shown: Path, path: yaml_tree.Path, findings: Findings) -> list[str]:
    """The ids in a file of clients, and reports of what is wrong with it.

    `shown` is how messages name the file, `path` the key that names it. Blank lines and those that begin with `#`
    are left out, and white space around an id."""
    try:
        text = read_text(file, MAX_FILE)
    except Unreadable as error:
        if error.at is None:
            findings.value(path, f"{str(shown)!r} {error}")
        else:
            findings.add(path, error.at, str(error), str(shown))
        return []
    clients = list(_clients(text, path))
    if not clients:
        findings.add(path, Position(1, 1), "holds no client", str(shown))
    _check(clients, findings, str(shown))
    return [client.id for client in clients]


def _clients(text: str, path: yaml_tree.Path) -> Iterator[_Client]:
    for number, line in enumerate(text.split("\n"), start=1):
        client = line.strip()
        if client and not client.startswith("#"):
            yield _Client(client, Position(number, 1), path)


def _check(clients: Iterable[_Client], findings: Findings, source: str | None = None) -> None:
    first: dict[str, int] = {}
    for client in clients:
        reason = _fault(client.id)
        if client.id in first:
            reason = f"is here twice, first in line {first[client.id]}"
        first.setdefault(client.id, client.at.line)
        if reason is not None:
            findings.add(client.path, client.at, reason, source)


def _fault(client: str) -> str | None:
    if not client:
        return "is empty"
    if len(client) > LONGEST:
        return f"a client's id has at most {LONGEST} characters, this has {len(client)}"
    if any(category(character) == "Cc" for character in client):
        return "a client's id can't hold control characters"
    return None
