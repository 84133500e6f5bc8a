"""Loading files that somebody may still be writing: half a list is a list too, and says that the rest is gone."""

import time
from collections.abc import Iterable, Mapping
from datetime import timedelta
from pathlib import Path

from monitor.config.load import load
from monitor.config.model import Config
from monitor.errors import ConfigError, Problem

REST = timedelta(seconds=0.5)
"""How long nobody may have written to a file before it counts as whole."""
TRIES = 8

Stamp = tuple[int, int, int]


def load_at_rest(path: Path, environ: Mapping[str, str], known: Iterable[Path]) -> Config:
    """As `load`, once the file and what it names have been at rest for a while; `known` is what it named before.

    A file that is gone may be about to be replaced: it is waited for. Raises ConfigError also where they don't come to
    rest. Blocks for `REST` at least."""
    files = frozenset((path, *known))
    for left in reversed(range(TRIES)):
        before = _stamps(files)
        time.sleep(REST.total_seconds())
        if _stamps(files) != before:
            continue
        try:
            config = load(path, environ)
        except ConfigError:
            if left and None in before.values():
                continue
            raise
        if config.files <= files and _stamps(files) == before:
            return config
        files |= config.files
    reason = "is being written to all the time; reload again when it is whole"
    raise ConfigError(str(path), (Problem(path="", reason=reason),))


def _stamps(files: Iterable[Path]) -> dict[Path, Stamp | None]:
    return {file: _stamp(file) for file in files}


def _stamp(file: Path) -> Stamp | None:
    try:
        found = file.stat()
    except (OSError, ValueError):  # not there, or a NUL in its name: `load` says so
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino
