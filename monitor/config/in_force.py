"""The configuration in force, as the store keeps it, for commands that are needed while the file is broken."""

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
"""Where a service's store lies, as docs/deployment.md has it."""

_SQLITE = re.compile(r"""^[^#\n]*?(sqlite:///[^"'\n]*?)\s*(?:["',}#]|$)""", re.MULTILINE)


def in_force(file: Path | None, environ: Mapping[str, str], error: ConfigError) -> tuple[Config, str]:
    """Return the configuration that the daemon last accepted of a file, and a warning for whoever asked for that.

    `error` says what is wrong with the file, None: there is none in the usual places. It is raised again, with what
    else is to be known, where no such configuration can be found or used."""
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
    """Find what is kept of a file. Where that does not say which store it is, the store has to name the file."""
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


def _store_guesses(file: Path) -> Iterator[Path]:
    """Yield where the store of a file may be that does not say it: what a daemon locked, beside it or as a service."""
    for folder in (file.absolute().parent, STATE):
        with suppress(OSError):  # it can't be looked into
            yield from (lock.with_suffix("") for lock in sorted(folder.glob("*.lock")))


def _of_another_version(found: _Found, error: ConfigError) -> Iterator[Problem]:
    reason = (
        f"the configuration in force was accepted by balance-monitor {found.kept.version}; this is {__version__}, "
        "which does not accept it"
    )
    yield Problem(path="", reason=reason, source=str(found.store))
    for one in error.problems:
        yield replace(one, source=str(found.store), line=None, column=None)
