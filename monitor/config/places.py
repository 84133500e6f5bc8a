"""Which file is the configuration, and where its store may be while it is broken."""

import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path

from pydantic import ValidationError

from monitor.config import yaml_tree
from monitor.config.references import Sources, interpolate
from monitor.config.sections import StoreSection
from monitor.config.yaml_tree import Scalar
from monitor.errors import ConfigError, Problem

VARIABLE = "BALANCE_MONITOR_CONFIG"
LOCAL = Path("config.yaml")
SYSTEM = Path("/etc/balance-monitor/config.yaml")
STATE = Path("/var/lib/balance-monitor")
"""Where a service's store lies, as docs/deployment.md has it."""

MAX_FILE = 16 * 1024 * 1024
"""Bytes the file may hold."""

_SQLITE = re.compile(r"""^[^#\n]*?(sqlite:///[^"'\n]*?)\s*(?:["',}#]|$)""", re.MULTILINE)


def find(explicit: Path | None, environ: Mapping[str, str], cwd: Path) -> Path:
    """The file asked for: `explicit` (-c), else `$BALANCE_MONITOR_CONFIG`, else the first of the usual places.

    Only the usual places have to exist; `load` says what is wrong with the others. Raises ConfigError where
    there is none, naming the places."""
    asked = explicit or environ.get(VARIABLE)
    if asked:
        return Path(asked)
    for candidate in (cwd / LOCAL, SYSTEM):
        if _is_there(candidate):
            return candidate
    places = f"-c FILE, ${VARIABLE}, {cwd / LOCAL}, {SYSTEM}"
    raise ConfigError("configuration", (Problem(path="", reason=f"no file found; looked in {places}"),))


def _is_there(path: Path) -> bool:
    try:
        return path.exists()
    except PermissionError:  # its directory can't be entered: `load` says so
        return True


def store_named(file: Path, environ: Mapping[str, str]) -> Iterator[Path]:
    """Yield where a file says that the store is, however broken it is: what `store.url` holds, then what looks like it.

    Nothing where it can't be read, or says nothing that can be meant."""
    try:
        with file.open("rb") as opened:
            text = opened.read(MAX_FILE).decode(errors="replace")
    except (OSError, ValueError):
        return
    root = yaml_tree.parse(text).root
    found = None if root is None else list(yaml_tree.walk(root, ("store", "url")))[-1]
    urls = [found.text] if isinstance(found, Scalar) and found.text else []
    for url in (*urls, *_SQLITE.findall(text)):
        at = yaml_tree.Position(1, 1)
        scalar = Scalar(text=url, at=at)
        sources = Sources.of(environ, file.absolute().parent)
        replaced = yaml_tree.plain(interpolate(scalar, sources, lambda _: False).root)
        try:
            yield file.absolute().parent / StoreSection.model_validate({"url": replaced}).url
        except ValidationError:
            continue


def store_guesses(file: Path) -> Iterator[Path]:
    """Yield where the store of a file may be that does not say it: what a daemon locked, beside it or as a service."""
    for folder in (file.absolute().parent, STATE):
        with suppress(OSError):  # it can't be looked into
            yield from (lock.with_suffix("") for lock in sorted(folder.glob("*.lock")))
