"""What others on this machine can get at, by the modes of files and directories; access control lists aside."""

import glob
import os
import shlex
import stat
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path

from monitor.config.model import Config

_NAMED = 3
"""Places that a warning names at most."""
_LOCKED_OUT = "chmod 600 would lock the daemon out, which is another user than the file's owner"


def exposed(config: Config) -> Iterator[str]:
    """A sentence for each thing that others can read or exchange and should not: what, where, what to do."""
    store = config.store.path.resolve()
    yield from _store(store)
    daemon = _owner(store)
    if config.literals and (mode := _open_to_others(config.path, stat.S_IROTH)):
        yield (
            f"{config.path} holds secrets ({_some(config.literals)}) and can be read by others ({mode}): "
            + (
                f"{_closing([config.path])}, or refer to them as ${{NAME}} or ${{file:PATH}}"
                if _owner(config.path) == daemon
                else f"refer to them as ${{NAME}} or ${{file:PATH}}; {_LOCKED_OUT}"
            )
        )
    for path in config.secret_files:
        if mode := _open_to_others(path, stat.S_IROTH):
            advice = (
                _closing([path])
                if _owner(path) == daemon
                else "pass it by LoadCredential= in the systemd unit, or give it a group of the daemon's and 0640; "
                + _LOCKED_OUT
            )
            yield f"the secret file {path} can be read by others ({mode}): {advice}"


def _owner(path: Path) -> int:
    """Return the user whom a file belongs to, or the directory that it will be made in; else who asks.

    The store's owner is the daemon's user, also where root asks: with DynamicUser= it owns no other file."""
    for one in (path, path.parent):
        with suppress(OSError):
            return one.stat().st_uid
    return os.geteuid()


def _store(path: Path) -> Iterator[str]:
    """The database with all that lies beside it under its name, a backup for one; the lock holds a number only."""
    beside = sorted(path.parent.glob(f"{glob.escape(path.name)}*"))
    readable = {
        file: mode
        for file in beside
        if not file.name.endswith(".lock") and (mode := _open_to_others(file, stat.S_IROTH))
    }
    if readable:
        mode = next(iter(readable.values()))
        yield f"the store can be read by others ({mode}), balances and accounts and all: {_closing(readable)}"
    if mode := _open_to_others(path.parent, stat.S_IWOTH):
        yield (
            f"the store's directory can be written to by others ({mode}), who could put another file in the store's "
            f"place: {_withdrawing(path.parent)}"
        )


def _open_to_others(path: Path, bit: int) -> str:
    """The mode that lets everybody do this to a path; empty where it, or a directory above it, does not."""
    try:
        mode = path.stat().st_mode
        if mode & bit and all(above.stat().st_mode & stat.S_IXOTH for above in path.resolve().parents):
            return f"mode {stat.S_IMODE(mode):04o}"
    except OSError:
        pass  # it is not there, or out of reach: others don't get at it this way either
    return ""


def _closing(files: Iterable[Path]) -> str:
    return " ".join(["chmod 600", *(shlex.quote(str(file)) for file in files)])


def _withdrawing(directory: Path) -> str:
    if directory.stat().st_mode & stat.S_ISVTX:
        return "it is one that is shared on purpose, so set store.url to another"
    return f"chmod o-w {shlex.quote(str(directory))}"


def _some(places: tuple[str, ...]) -> str:
    more = len(places) - _NAMED
    return ", ".join(places[:_NAMED]) + (f" and {more} more" if more > 0 else "")
