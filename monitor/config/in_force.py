"""The configuration in force, as the store keeps it, for commands that are needed while the file is broken."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from os.path import realpath
from pathlib import Path
from typing import Any

from monitor import __version__
from monitor.config import Config, restore
from monitor.config.places import LOCAL, SYSTEM, store_guesses, store_named
from monitor.domain.time import moment
from monitor.errors import ConfigError, Problem, StoreError
from monitor.store.read.state import ConfigurationStatus, kept_configuration


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
    named = list(store_named(file, environ))
    for store in dict.fromkeys((*named, *store_guesses(file))):
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


def _of_another_version(found: _Found, error: ConfigError) -> Iterator[Problem]:
    reason = (
        f"the configuration in force was accepted by balance-monitor {found.kept.version}; this is {__version__}, "
        "which does not accept it"
    )
    yield Problem(path="", reason=reason, source=str(found.store))
    for one in error.problems:
        yield replace(one, source=str(found.store), line=None, column=None)
