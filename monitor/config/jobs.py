"""The jobs of the file: read, checked by themselves, and against the providers."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from unicodedata import category

from monitor.config import yaml_tree
from monitor.config.files import Unreadable, read_text
from monitor.config.model import Job
from monitor.config.problems import Findings, unknown
from monitor.config.read import read
from monitor.config.sections import JobSection, job_section, keys
from monitor.config.types import UTC
from monitor.config.yaml_tree import Position, Scalar, dotted
from monitor.domain.model import Account
from monitor.domain.schedule import Cron, Every, Schedule
from monitor.providers import PROVIDERS
from monitor.providers.base import Settings

_SEPARATOR = re.compile(r"[\s/]")


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadJob:
    """A job as far as it could be read: `section` lacks what was wrong; `accounts` is empty where anything was.

    `listed_elsewhere`: its clients come from a file or a variable, and change without the configuration."""

    path: yaml_tree.Path
    provider_type: str | None
    section: JobSection | None
    accounts: tuple[Account, ...] = ()
    clients_file: Path | None = None
    listed_elsewhere: bool = False

    @property
    def name(self) -> str:
        """The job's name, where it could be read."""
        return self.section.name if self.section is not None else ""

    @property
    def service(self) -> type[Settings]:
        """What is known of the service that is polled. Only for a job that has accounts."""
        settings: type[Settings] = PROVIDERS[self.provider_type or ""].settings
        return settings

    def schedule(self) -> Schedule | None:
        """When it runs; None where that could not be read."""
        if self.section is None:
            return None
        if self.section.every is not None:
            return Every(interval=self.section.every)
        if self.section.cron is not None:
            return Cron(expression=self.section.cron, timezone=self.section.timezone or UTC)
        return None

    def build(self, providers: Mapping[str, Settings]) -> Job:
        """The finished job. Only for a job with which nothing is wrong."""
        section, schedule = self.section, self.schedule()
        if section is None or schedule is None or self.provider_type is None:
            raise ValueError(f"{self.path} was not read whole")
        return Job(
            name=section.name,
            provider=section.provider,
            schedule=schedule,
            api=PROVIDERS[self.provider_type].api(providers[section.provider], section),
            accounts=self.accounts,
        )


def read_jobs(
    paths: Sequence[yaml_tree.Path], provider_types: Mapping[str, str | None], file: Path, findings: Findings
) -> tuple[ReadJob, ...]:
    """The jobs at these paths of a configuration file, as far as they can be read.

    `provider_types` are the types of the configured providers by name, None for one that is not known."""
    jobs = tuple(_read_job(path, provider_types, file, findings) for path in paths)
    check_unique(paths, findings)
    return jobs


def _read_job(
    path: yaml_tree.Path, provider_types: Mapping[str, str | None], file: Path, findings: Findings
) -> ReadJob:
    _check_currencies((*path, "currencies"), findings)
    check_clients((*path, "clients"), findings)
    provider_type = _provider_type((*path, "provider"), provider_types, findings)
    section = _section(path, provider_type, findings)
    _check_schedule(path, findings)
    clients_file = _clients_file((*path, "clients_file"), file, findings)
    ids = _clients_of_file((*path, "clients_file"), file, findings)
    if section is not None and ids:
        section = section.model_copy(update={"clients": ids, "clients_file": None})
    whole = section is not None and provider_type is not None and not findings.within(path)
    accounts = tuple(_accounts(section)) if section is not None and whole else ()
    return ReadJob(
        path=path,
        provider_type=provider_type,
        section=section,
        accounts=accounts,
        clients_file=clients_file,
        listed_elsewhere=clients_file is not None or _has_references((*path, "clients"), findings),
    )


def _has_references(path: yaml_tree.Path, findings: Findings) -> bool:
    node = findings.node(path)
    return node is not None and any(scalar.references for _, scalar in yaml_tree.scalars(node))


def _check_currencies(path: yaml_tree.Path, findings: Findings) -> None:
    names: dict[str, str] = {}
    for key in findings.keys(path):
        name = findings.text((*path, key))
        if name is None:
            continue
        if _SEPARATOR.search(name):
            findings.value((*path, key), "a currency's name can't hold `/` or white space")
        elif name in names:
            findings.value((*path, key), f"{name!r} is the name of {names[name]} already")
        names.setdefault(name, key)


def _provider_type(
    path: yaml_tree.Path, provider_types: Mapping[str, str | None], findings: Findings
) -> str | None:
    name = findings.text(path)
    if name is None:
        return None
    if provider_types and name not in provider_types:
        findings.value(path, unknown("provider", name, provider_types))
    return provider_types.get(name)


def _section(path: yaml_tree.Path, provider_type: str | None, findings: Findings) -> JobSection | None:
    if provider_type is not None:
        return read(job_section(provider_type), path, findings)
    of_any_provider = set(chain.from_iterable(keys(provider.wallets) for provider in PROVIDERS.values()))
    return read(JobSection, path, findings, foreign=of_any_provider)


def _check_schedule(path: yaml_tree.Path, findings: Findings) -> None:
    given = findings.keys(path)
    if given and "every" not in given and "cron" not in given:
        findings.missing((*path, "every"), "is required, or `cron`")
    if "every" in given and "cron" in given:
        findings.key((*path, "cron"), "can't be combined with `every`; keep one of them")
    if "timezone" in given and "cron" not in given:
        findings.key((*path, "timezone"), "only goes with `cron`")


def _clients_file(path: yaml_tree.Path, file: Path, findings: Findings) -> Path | None:
    name = findings.text(path)
    return None if name is None else file.absolute().parent / name


def _clients_of_file(path: yaml_tree.Path, file: Path, findings: Findings) -> list[str]:
    name = findings.text(path)
    if name is None or findings.within(path):
        return []
    if "clients" in findings.keys(path[:-1]):
        findings.key(path, "can't be combined with `clients`; keep one of them")
        return []
    return read_clients(file.absolute().parent / name, file.parent / name, path, findings)


def _accounts(section: JobSection) -> Iterator[Account]:
    labels = tuple(sorted(section.labels.items()))
    for name, currencies in section.accounts():
        yield Account(
            provider=section.provider, job=section.name, name=name, currencies=currencies, labels=labels
        )


def check_unique(paths: Sequence[yaml_tree.Path], findings: Findings) -> None:
    """Reports the names that more than one of the entries of a list has."""
    first: dict[str, int] = {}
    for index, path in enumerate(paths):
        name = findings.text((*path, "name"))
        if name in first:
            findings.value((*path, "name"), f"{name!r} is the name of {dotted(paths[first[name]])} already")
        elif name is not None:
            first[name] = index


LONGEST = 255
"""Characters an id may have ("WDCF: get balance", "Request")."""

MAX_FILE = 16 * 1024 * 1024
"""Bytes a file of clients may hold."""


@dataclass(frozen=True, slots=True)
class _Client:
    id: str
    at: Position
    path: yaml_tree.Path


def check_clients(path: yaml_tree.Path, findings: Findings) -> None:
    """Reports what is wrong with the ids of a list in the file."""
    node = findings.node(path)
    if isinstance(node, yaml_tree.Sequence):
        clients = [
            _Client(item.text, item.at, (*path, index))
            for index, item in enumerate(node.items)
            if isinstance(item, Scalar) and item.text is not None
        ]
        _check_each(clients, findings)


def read_clients(file: Path, shown: Path, path: yaml_tree.Path, findings: Findings) -> list[str]:
    """The ids in a file of clients, and reports of what is wrong with it.

    `shown` is how messages name the file, `path` the key that names it. Blank lines and those that begin with `#`
    are left out, and white space around an id."""
    try:
        text = read_text(file, MAX_FILE)
    except Unreadable as error:
        if error.at is None:
            findings.value(path, f"{str(shown)!r} {error}")
        else:
            findings.add(path, error.at, str(error), str(shown))
        return []
    clients = list(_clients(text, path))
    if not clients:
        findings.add(path, Position(1, 1), "holds no client", str(shown))
    _check_each(clients, findings, str(shown))
    return [client.id for client in clients]


def _clients(text: str, path: yaml_tree.Path) -> Iterator[_Client]:
    for number, line in enumerate(text.split("\n"), start=1):
        client = line.strip()
        if client and not client.startswith("#"):
            yield _Client(client, Position(number, 1), path)


def _check_each(clients: Iterable[_Client], findings: Findings, source: str | None = None) -> None:
    first: dict[str, int] = {}
    for client in clients:
        reason = _fault(client.id)
        if client.id in first:
            reason = f"is here twice, first in line {first[client.id]}"
        first.setdefault(client.id, client.at.line)
        if reason is not None:
            findings.add(client.path, client.at, reason, source)


def _fault(client: str) -> str | None:
    if not client:
        return "is empty"
    if len(client) > LONGEST:
        return f"a client's id has at most {LONGEST} characters, this has {len(client)}"
    if any(category(character) == "Cc" for character in client):
        return "a client's id can't hold control characters"
    return None
