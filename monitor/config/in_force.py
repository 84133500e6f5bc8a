"""The configuration in force, from the store, for commands that must work while the file is broken."""

import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from os.path import realpath
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from monitor import __version__
from monitor.config import Config, restore, yaml_tree
from monitor.config.files import LOCAL, MAX_FILE, SYSTEM
from monitor.config.references import Sources, interpolate
from monitor.config.sections import StoreSection
from monitor.config.yaml_tree import Scalar
from monitor.domain.time import moment
from monitor.errors import ConfigError, Problem, StoreError
from monitor.store.read.state import ConfigurationStatus, kept_configuration

STATE = Path("/var/lib/balance-monitor")
"""The directory of the store when the daemon is a service, as in docs/deployment.md."""

_SQLITE = re.compile(r"""^[^#\n]*?(sqlite:///[^"'\n]*?)\s*(?:["',}#]|$)""", re.MULTILINE)


def in_force(file: Path | None, environ: Mapping[str, str], error: ConfigError) -> tuple[Config, str]:
    """Return the configuration that the daemon last accepted of a file, and a warning for the user.

    `file` is None if there is none in the default places. `error` is the problem with the file. If no accepted
    configuration can be found or used, ConfigError is raised with the problems of `error` and the reason."""
    found, hindrances = None, list[Problem]()
    for one in (Path() / LOCAL, SYSTEM) if file is None else (file,):
        found = found or _kept(one, environ, hindrances)
    if found is None:
        raise ConfigError(error.source, (*error.problems, *hindrances))
    try:
        config = restore(found.kept.file, found.document)
    except ConfigError as exc:
        raise ConfigError(error.source, (*error.problems, *_of_another_version(found, exc))) from exc
    first, *others = lines = error.lines()
    more = f"; and {len(others)} more, see `balance-monitor check`" if others else ""
    since = moment(found.kept.accepted_at)
    config = replace(config, store=replace(config.store, path=found.store), problems=tuple(lines))
    return config, f"{first}{more}; working from the configuration in force since {since}"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Found:
    store: Path
    kept: ConfigurationStatus
    document: Any


def _kept(file: Path, environ: Mapping[str, str], hindrances: list[Problem]) -> _Found | None:
    """Return the stored configuration of a file. A store that the file does not name must itself name the file."""
    named = list(_store_named(file, environ))
    for store in dict.fromkeys((*named, *_store_guesses(file))):
        try:
            found = kept_configuration(store)
        except StoreError as exc:
            if store in named:
                reason = str(exc).removeprefix(f"{store}: ")
                hindrances.append(Problem(path="", reason=reason, source=str(store)))
            continue
        if found is not None and (store in named or realpath(found[0].file) == realpath(file)):
            return _Found(store=store, kept=found[0], document=found[1])
    return None


def _store_named(file: Path, environ: Mapping[str, str]) -> Iterator[Path]:
    """Yield the stores that a possibly broken file names: the one in `store.url`, then any text that looks like one.

    Yields nothing if the file can't be read."""
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


def _store_guesses(file: Path) -> Iterator[Path]:
    """Yield the stores that a file without `store.url` may have: those that a daemon locked, beside it or in STATE."""
    for folder in (file.absolute().parent, STATE):
        with suppress(OSError):  # the directory can't be read
            yield from (lock.with_suffix("") for lock in sorted(folder.glob("*.lock")))


def _of_another_version(found: _Found, error: ConfigError) -> Iterator[Problem]:
    reason = (
        f"the configuration in force was accepted by balance-monitor {found.kept.version}; this is {__version__}, "
        "which does not accept it"
    )
    yield Problem(path="", reason=reason, source=str(found.store))
    for one in error.problems:
        yield replace(one, source=str(found.store), line=None, column=None)
