"""The configuration as the rest of the program sees it: read, checked, complete."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

from pydantic import SecretStr

from monitor.config.document import Position
from monitor.domain.model import Account
from monitor.domain.rules import Rule
from monitor.domain.schedule import Schedule
from monitor.providers.base import Api, Settings


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """What is polled on one schedule over one provider."""

    name: str
    provider: str
    schedule: Schedule
    api: Api = field(repr=False)
    accounts: tuple[Account, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Channel:
    """A named set of apprise URLs, and where in the file each of them stands."""

    name: str
    urls: tuple[SecretStr, ...]
    places: tuple[Position, ...] = field(default=(), repr=False, compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Store:
    """Where the database is, as an absolute path, and how long snapshots are kept."""

    path: Path
    keep: timedelta


class Secrets(frozenset[str]):
    """Texts that may appear nowhere, not even where this set is shown."""

    def __repr__(self) -> str:
        return f"<{len(self)} secrets>"


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """Everything one file says. `secrets` is for redaction: every credential and URL that may appear nowhere.

    `files` are the file itself and the lists of clients that it names. `literals` are the places where it holds a
    secret itself, `secret_files` the files that secrets were read from."""

    path: Path
    store: Store
    providers: Mapping[str, Settings]
    channels: Mapping[str, Channel]
    jobs: tuple[Job, ...]
    rules: tuple[Rule, ...]
    secrets: Secrets = field(repr=False)
    files: frozenset[Path] = frozenset()
    literals: tuple[str, ...] = ()
    secret_files: tuple[Path, ...] = ()
