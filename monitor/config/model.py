"""The configuration that the rest of the program uses: read, checked and complete."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from functools import cached_property
from pathlib import Path

from pydantic import SecretStr

from monitor.config.sections import HeartbeatSection, SummarySection, WebSection
from monitor.config.yaml_tree import Plain, Position
from monitor.domain.coverage import Held, in_common, matching_nothing
from monitor.domain.delivery import Target
from monitor.domain.model import Account, Series, Subject
from monitor.domain.mutes import Inhibition, Maintenance, Silence
from monitor.domain.routing import Route
from monitor.domain.rules import Rule, Words
from monitor.domain.schedule import Schedule, gap_after
from monitor.domain.windows import QuietHours
from monitor.providers.base import Api, Settings


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """Accounts that are polled on one schedule over one provider."""

    name: str
    provider: str
    schedule: Schedule
    api: Api = field(repr=False)
    accounts: tuple[Account, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Channel:
    """A named set of apprise URLs."""

    name: str
    urls: tuple[SecretStr, ...]
    fallback: str | None = None
    """The channel that receives messages that this one has not accepted for `fallback_after`."""
    fallback_after: timedelta = timedelta(minutes=5)
    quiet_hours: QuietHours | None = None
    message: Words | None = None
    """The template of its messages, for rules without their own; None: the built-in message."""
    chart: bool | None = None
    """Whether its messages include charts; None: the rules decide."""
    places: tuple[Position, ...] = field(default=(), repr=False, compare=False)
    """The position of each URL in the file."""
    targets: tuple[Target, ...] = ()
    """The recipients behind the URLs. Empty until the channels are opened, which loads apprise; so are the next two."""
    takes_charts: frozenset[Target] = frozenset()
    """The recipients whose service accepts attachments."""
    former: tuple[tuple[Target, Target], ...] = ()
    """Pairs of a recipient's former name, in the store of an older version, and its present one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreSettings:
    """The absolute path of the database, and how long readings are kept."""

    path: Path
    keep: timedelta


class Secrets(frozenset[str]):
    """Texts that may not appear in any output; `repr` of the set shows only their number."""

    def __repr__(self) -> str:
        return f"<{len(self)} secrets>"


@dataclass(frozen=True, kw_only=True, eq=False)
class Config:
    """The whole configuration of one file, built once and passed on unchanged.

    Configurations are compared by identity, so that values derived from one can be cached under it."""

    path: Path
    """The file, as an absolute path."""
    store: StoreSettings
    providers: Mapping[str, Settings]
    """By name."""
    channels: Mapping[str, Channel]
    """By name. Without targets until the channels are opened."""
    jobs: tuple[Job, ...]
    rules: tuple[Rule, ...]
    """The built-in rule comes last, unless it is switched off."""
    routes: tuple[Route, ...]
    """In the order in which alerts are compared with them."""
    inhibitions: tuple[Inhibition, ...]
    maintenance: tuple[Maintenance, ...]
    links: Mapping[str, str]
    """URL templates by name, for the messages of every rule."""
    heartbeat: HeartbeatSection | None
    summary: SummarySection | None
    web: WebSection | None
    secrets: Secrets = field(repr=False)
    """Every credential and URL that may not appear in any output, for redaction."""
    files: frozenset[Path] = frozenset()
    """The file itself, and the lists of accounts that it names."""
    document: Plain = field(default=None, repr=False)
    """The contents of the file without secrets, for the store."""
    problems: tuple[str, ...] = ()
    """The errors of the file, if this is the configuration in force while the file is broken."""
    hints: tuple[str, ...] = ()
    """Values that are probably mistakes, each as a sentence with its place."""
    literals: tuple[str, ...] = ()
    """The places of secrets that are written in the file itself."""
    secret_files: tuple[Path, ...] = ()
    """The files that secrets were read from."""

    # Indexes: computed at first use, then cached

    @cached_property
    def accounts(self) -> Mapping[tuple[str, str], Account]:
        """Return the accounts of all jobs, by key."""
        return {account.key: account for job in self.jobs for account in job.accounts}

    @cached_property
    def schedules(self) -> Mapping[str, Schedule]:
        """Return the schedules of the jobs, by name."""
        return {job.name: job.schedule for job in self.jobs}

    @cached_property
    def gaps_after(self) -> Mapping[str, timedelta]:
        """Return the time without a reading that counts as a gap, by job."""
        return {name: gap_after(schedule) for name, schedule in self.schedules.items()}

    @cached_property
    def targets(self) -> Mapping[str, tuple[Target, ...]]:
        """Return the recipients of the channels, by channel; empty until the channels are opened."""
        return {name: channel.targets for name, channel in self.channels.items()}

    @cached_property
    def rules_by_name(self) -> Mapping[str, Rule]:
        """Return the rules, by name."""
        return {rule.name: rule for rule in self.rules}

    def rule(self, name: str) -> Rule | None:
        """Return the rule of this name, if there is one."""
        return self.rules_by_name.get(name)

    def on_provider(self, name: str) -> Mapping[tuple[str, str], Account]:
        """Return the accounts that are polled over a provider, by key."""
        return self._by_provider.get(name, {})

    def describe(self, subject: Subject) -> Mapping[str, str]:
        """Return the attributes of a subject by name.

        A provider has those that all its accounts have in common, a removed account none."""
        account, currency = self.accounts.get(subject.account_key), subject.currency
        if account is not None:
            return account.attributes if currency is None else account.series(currency).attributes
        if not subject.is_provider:
            return {}
        if subject not in self._in_common:
            self._in_common[subject] = in_common(list(self.on_provider(subject).values()))
        return self._in_common[subject]

    def rules_of(self, series: Series) -> tuple[Rule, ...]:
        """Return the rules that evaluate a series."""
        if series.key not in self._rules_of:
            self._rules_of[series.key] = tuple(rule for rule in self.rules if rule.match.series(series))
        return self._rules_of[series.key]

    def idle_silences(self, silences: Iterable[Silence], held: Held) -> frozenset[int]:
        """Return the numbers of the silences that can match no alert. `held` are the series that have readings."""
        # cached until a new series is read: with many accounts this is slow to compute
        numbers = {(one.id, len(held)): one for one in silences}
        new = [one for key, one in numbers.items() if key not in self._is_idle]
        found = matching_nothing(new, self.rules, self.accounts.values(), held)
        self._is_idle.update({(one.id, len(held)): one.id in found for one in new})
        return frozenset(number for number, count in numbers if self._is_idle[number, count])

    @cached_property
    def _by_provider(self) -> Mapping[str, Mapping[tuple[str, str], Account]]:
        # during an outage every poll needs all accounts of a provider
        by_provider: dict[str, dict[tuple[str, str], Account]] = {}
        for key, account in self.accounts.items():
            by_provider.setdefault(account.provider, {})[key] = account
        return by_provider

    @cached_property
    def _in_common(self) -> dict[str, dict[str, str]]:
        return {}

    @cached_property
    def _rules_of(self) -> dict[tuple[str, str, str], tuple[Rule, ...]]:
        return {}

    @cached_property
    def _is_idle(self) -> dict[tuple[int, int], bool]:
        return {}
