"""Finding the configuration file, and reading files as text."""

from codecs import BOM_UTF8
from collections.abc import Mapping
from pathlib import Path

from monitor.config.yaml_tree import Position, position_of
from monitor.errors import ConfigError, Problem

VARIABLE = "BALANCE_MONITOR_CONFIG"
LOCAL = Path("config.yaml")
SYSTEM = Path("/etc/balance-monitor/config.yaml")

MAX_FILE = 16 * 1024 * 1024
"""Bytes the file may hold."""


def find(explicit: Path | None, environ: Mapping[str, str], cwd: Path) -> Path:
    """Return the configuration file: `explicit` (-c), else `$BALANCE_MONITOR_CONFIG`, else the first default place.

    Only a default place must exist; `load` reports problems with the others. Raises ConfigError with the default places
    if no file is found."""
    asked = explicit or environ.get(VARIABLE)
    if asked:
        return Path(asked)
    for candidate in (cwd / LOCAL, SYSTEM):
        if _is_there(candidate):
            return candidate
    reason = f"no file found; looked for {cwd / LOCAL} and {SYSTEM}; name another with -c or ${VARIABLE}"
    raise ConfigError("configuration", (Problem(path="", reason=reason),))


def _is_there(path: Path) -> bool:
    try:
        return path.exists()
    except PermissionError:  # its directory can't be entered: `load` reports that
        return True


class Unreadable(Exception):
    """A file that can't be read as text, with the reason; `at` is the position of the cause in it, if it has one."""

    def __init__(self, reason: str, at: Position | None = None) -> None:
        super().__init__(reason)
        self.at = at


def read_text(path: Path, limit: int) -> str:
    """Return a file's text, without a byte order mark. Raise Unreadable, also for more than `limit` bytes."""
    try:
        with path.open("rb") as file:
            content = file.read(limit + 1)
    except OSError as error:
        raise Unreadable(f"can't be read: {error.strerror}") from error
    except ValueError as error:  # a NUL in the name
        raise Unreadable("can't be read: not a file name") from error
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
