"""Files as text, or why not."""

from codecs import BOM_UTF8
from pathlib import Path

from monitor.config.yaml_tree import Position, position_of


class Unreadable(Exception):
    """A file without text, and why; `at` where the reason has a place in it."""

    def __init__(self, reason: str, at: Position | None = None) -> None:
        super().__init__(reason)
        self.at = at


def read_text(path: Path, limit: int) -> str:
    """A file's text, without a byte order mark. Raises Unreadable, also where it holds more than `limit` bytes."""
    try:
        with path.open("rb") as file:
            content = file.read(limit + 1)
    except OSError as error:
        raise Unreadable(f"can't be read: {error.strerror}") from error
    except ValueError as error:  # a NUL in the name
        raise Unreadable("can't be read: not a file's name") from error
    if len(content) > limit:
        raise Unreadable(f"is larger than {limit // 1024} KiB")
    return _decoded(content)


def _decoded(content: bytes) -> str:
    content = content.removeprefix(BOM_UTF8)  # not by `utf-8-sig`, which counts an error's place without it
    try:
        return content.decode()
    except UnicodeDecodeError as error:
        before = content[: error.start].decode()
    raise Unreadable("is not UTF-8 text", position_of(before, len(before)))
