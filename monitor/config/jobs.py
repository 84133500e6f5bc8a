"""The jobs of the file: read, and checked by themselves and against the providers."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

from monitor.config import yaml_tree
from monitor.config.files import Unreadable, read_text
from monitor.config.model import Job
from monitor.config.problems import Findings, unknown
from monitor.config.read import check_keys, read
from monitor.config.sections import JobSection, job_section, keys
from monitor.config.types import UTC
from monitor.config.yaml_tree import Position, dotted
from monitor.domain.model import Account
from monitor.domain.schedule import Cron, Every, Schedule
from monitor.providers import PROVIDERS
from monitor.providers.base import Check, Entry, ListFile, Settings, Wallets

MAX_FILE = 16 * 1024 * 1024
"""Largest size of a list file in bytes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadJob:
    """A job as far as it can be read: `section` lacks invalid keys, and `accounts` is empty if there were any.

    `list_file` is the file with its accounts, if there is one. `listed_elsewhere` is True if the list, or a part of it,
    comes from a file or a variable, and so changes without the configuration."""

    path: yaml_tree.Path
    provider_type: str | None
    section: JobSection | None
    accounts: tuple[Account, ...] = ()
    list_file: Path | None = None
    listed_elsewhere: bool = False

    @property
    def name(self) -> str:
        """Return the job's name; empty if it can't be read."""
        return self.section.name if self.section is not None else ""

    @property
    def service(self) -> type[Settings]:
        """Return the settings class of its provider. Only for a job with accounts."""
        settings: type[Settings] = PROVIDERS[self.provider_type or ""].settings
        return settings

    def schedule(self) -> Schedule | None:
        """Return its schedule; None if it can't be read."""
        if self.section is None:
            return None
        if self.section.every is not None:
            return Every(interval=self.section.every)
        if self.section.cron is not None:
            return Cron(expression=self.section.cron, timezone=self.section.timezone or UTC)
        return None

    def build(self, providers: Mapping[str, Settings]) -> Job:
        """Return the job for the daemon. Only for a job without problems."""
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
    """Return the jobs at these paths of a configuration file, as far as they can be read.

    `provider_types` are the types of the configured providers by name, None for an unknown type."""
    jobs = tuple(_read_job(path, provider_types, file, findings) for path in paths)
    check_unique(paths, findings)
    return jobs


def _read_job(
    path: yaml_tree.Path, provider_types: Mapping[str, str | None], file: Path, findings: Findings
) -> ReadJob:
    provider_type = _provider_type((*path, "provider"), provider_types, findings)
    known = PROVIDERS.get(provider_type or "")
    # Without a known provider the keys of all are checked: its name may be all that is wrong.
    kinds = [provider.wallets for provider in (PROVIDERS.values() if known is None else (known,))]
    _check_entries(path, kinds, findings)
    section = _section(path, provider_type, findings)
    if findings.keys(path):
        check_keys(JobSection, path, findings)
    list_file, listed_elsewhere = None, False
    for kind in kinds:
        if (by := kind.list_file) is None:
            continue
        if (name := findings.text((*path, by.key))) is not None:
            list_file = file.absolute().parent / name
            check = kind.checks.get(by.list_key, lambda entries: ())
            texts = _read_list((*path, by.key), by, check, list_file, file.parent / name, findings)
            if section is not None and texts:
                section = section.model_copy(update={by.list_key: texts, by.key: None})
        listed_elsewhere |= name is not None or _has_references((*path, by.list_key), findings)
    whole = section is not None and provider_type is not None and not findings.within(path)
    accounts = tuple(_accounts(section)) if section is not None and whole else ()
    return ReadJob(
        path=path,
        provider_type=provider_type,
        section=section,
        accounts=accounts,
        list_file=list_file,
        listed_elsewhere=listed_elsewhere,
    )


def _has_references(path: yaml_tree.Path, findings: Findings) -> bool:
    node = findings.node(path)
    return node is not None and any(scalar.references for _, scalar in yaml_tree.scalars(node))


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


def _check_entries(path: yaml_tree.Path, kinds: Iterable[type[Wallets]], findings: Findings) -> None:
    """Report the invalid entries in lists and mappings of the job at a path, each at its own place."""
    for key, check in chain.from_iterable(kind.checks.items() for kind in kinds):
        node = findings.node((*path, key))
        given = [] if node is None else [one for one in yaml_tree.scalars(node) if len(one[0]) == 1]
        given = [(place, scalar) for place, scalar in given if scalar.text is not None]
        entries = [Entry(str(place[0]), scalar.text or "", scalar.at.line) for place, scalar in given]
        for index, reason in check(entries):
            findings.value((*path, key, *given[index][0]), reason)


def _read_list(
    path: yaml_tree.Path, by: ListFile, check: Check, file: Path, shown: Path, findings: Findings
) -> list[str]:
    """Return the lines of a list file that the key at a path names, and report its problems.

    `shown` is how messages name the file. Blank lines and those that begin with `#` are skipped, and white space
    around a line is removed."""
    if findings.within(path):
        return []
    if by.list_key in findings.keys(path[:-1]):
        findings.key(path, f"can't be combined with `{by.list_key}`; keep one of them")
        return []
    try:
        text = read_text(file, MAX_FILE)
    except Unreadable as error:
        if error.at is None:
            findings.value(path, f"{str(shown)!r} {error}")
        else:
            findings.add(path, error.at, str(error), str(shown))
        return []
    lines = [(number, line.strip()) for number, line in enumerate(text.split("\n"), start=1)]
    entries = [Entry("", line, number) for number, line in lines if line and not line.startswith("#")]
    if not entries:
        findings.add(path, Position(1, 1), f"contains no {by.item}", str(shown))
    for index, reason in check(entries):
        findings.add(path, Position(entries[index].line, 1), reason, str(shown))
    return [entry.text for entry in entries]


def _accounts(section: JobSection) -> Iterator[Account]:
    labels = tuple(sorted(section.labels.items()))
    for name, currencies in section.accounts():
        yield Account(
            provider=section.provider, job=section.name, name=name, currencies=currencies, labels=labels
        )


def check_unique(paths: Sequence[yaml_tree.Path], findings: Findings) -> None:
    """Report names that several items of a list have."""
    first: dict[str, int] = {}
    for index, path in enumerate(paths):
        name = findings.text((*path, "name"))
        if name in first:
            findings.value((*path, "name"), f"{name!r} is already the name of {dotted(paths[first[name]])}")
        elif name is not None:
            first[name] = index
