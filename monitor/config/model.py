"""The configuration as the rest of the program sees it: read, checked, complete."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

from pydantic import SecretStr

from monitor.config.types import Listen
from monitor.config.yaml_tree import Plain, Position
from monitor.domain.model import Account
from monitor.domain.mutes import Inhibition, Maintenance
from monitor.domain.routing import Route
from monitor.domain.rules import Rule
from monitor.domain.schedule import Cron, Schedule
from monitor.domain.windows import QuietHours
from monitor.notify.templates import Words
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
    """A named set of apprise URLs, and where in the file each of them stands.

    `fallback` is the channel that is told what this one has not taken for `fallback_after`. `chart`: whether it wants
    pictures; None: as rules say."""

    name: str
    urls: tuple[SecretStr, ...]
    fallback: str | None = None
    fallback_after: timedelta = timedelta(minutes=5)
    quiet_hours: QuietHours | None = None
    message: Words | None = None
    chart: bool | None = None
    places: tuple[Position, ...] = field(default=(), repr=False, compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class HeartbeatSettings:
    """The URL, a secret, at which the daemon says that it does its work, how often, and through which proxy."""

    url: SecretStr
    every: timedelta
    proxy: SecretStr | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SummarySettings:
    """When a summary is told, and on which channels (None: every channel)."""

    cron: Cron
    channels: tuple[str, ...] | None


@dataclass(frozen=True, slots=True, kw_only=True)
class WebSettings:
    """Where the status page is served, to whom (None: to everybody who reaches it), and under which names."""

    listen: Listen
    token: SecretStr | None
    hosts: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreSettings:
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

    `files` are the file itself and the list files that it names. `literals` are the places where it holds a
    secret itself, `secret_files` the files that secrets were read from.
    `links` are URL templates by name, `rule_links` and `messages` what rules have of their own, by rule; `charts`
    says of rules whether they want pictures, where they say it.
    `hints` say of places what about their values is probably not meant.
    `document` is what the file says without secrets, for the store to keep. `problems` says why the file can't be used,
    where this is the configuration that was kept of an earlier state of it."""

    path: Path
    store: StoreSettings
    providers: Mapping[str, Settings]
    channels: Mapping[str, Channel]
    jobs: tuple[Job, ...]
    rules: tuple[Rule, ...]
    routes: tuple[Route, ...]
    inhibitions: tuple[Inhibition, ...]
    maintenance: tuple[Maintenance, ...]
    links: Mapping[str, str]
    rule_links: Mapping[str, Mapping[str, str]]
    messages: Mapping[str, Words]
    charts: Mapping[str, bool]
    heartbeat: HeartbeatSettings | None
    summary: SummarySettings | None
    web: WebSettings | None
    secrets: Secrets = field(repr=False)
    files: frozenset[Path] = frozenset()
    document: Plain = field(default=None, repr=False)
    problems: tuple[str, ...] = ()
    hints: tuple[str, ...] = ()
    literals: tuple[str, ...] = ()
    secret_files: tuple[Path, ...] = ()
