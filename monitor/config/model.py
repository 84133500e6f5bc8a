"""The configuration as the rest of the program sees it: read, checked, complete."""

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
    """What is polled on one schedule over one provider."""

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
    """The channel that gets what this one has not accepted for `fallback_after`."""
    fallback_after: timedelta = timedelta(minutes=5)
    quiet_hours: QuietHours | None = None
    message: Words | None = None
    """The words of its messages, where the rule has none of its own; None: the built-in ones."""
    chart: bool | None = None
    """Whether its messages carry charts; None: as the rules say."""
    places: tuple[Position, ...] = field(default=(), repr=False, compare=False)
    """Where in the file each URL is."""
    targets: tuple[Target, ...] = ()
    """The recipients behind the URLs. Empty until the channels are opened, which loads apprise; so are those below."""
    takes_charts: frozenset[Target] = frozenset()
    """The recipients whose service takes attachments."""
    former: tuple[tuple[Target, Target], ...] = ()
    """Pairs: what the store of an older version calls a recipient, and what it is called now."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreSettings:
    """Where the database is, as an absolute path, and how long snapshots are kept."""

    path: Path
    keep: timedelta


class Secrets(frozenset[str]):
    """Texts that may appear nowhere, not even where this set is shown."""

    def __repr__(self) -> str:
        return f"<{len(self)} secrets>"


@dataclass(frozen=True, kw_only=True, eq=False)
class Config:
    """Everything that one file configures, built once and passed on as it is.

    No two are equal, so that what is derived from one can be kept under it."""

    path: Path
    """The file, as an absolute path."""
    store: StoreSettings
    providers: Mapping[str, Settings]
    """By name."""
    channels: Mapping[str, Channel]
    """By name; without targets until they are opened."""
    jobs: tuple[Job, ...]
    rules: tuple[Rule, ...]
    """With what messages show of them. The built-in one comes last, unless it is switched off."""
    routes: tuple[Route, ...]
    """In the order in which they are compared."""
    inhibitions: tuple[Inhibition, ...]
    maintenance: tuple[Maintenance, ...]
    links: Mapping[str, str]
    """URL templates by name, for the messages of every rule."""
    heartbeat: HeartbeatSection | None
    summary: SummarySection | None
    web: WebSection | None
    secrets: Secrets = field(repr=False)
    """Every credential and URL that may appear nowhere, for redaction."""
    files: frozenset[Path] = frozenset()
    """The file itself, and the lists of accounts that it names."""
    document: Plain = field(default=None, repr=False)
    """What the file holds, without secrets, for the store to keep."""
    problems: tuple[str, ...] = ()
    """Why the file can't be used, where this is the configuration kept of an earlier state of it."""
    hints: tuple[str, ...] = ()
    """What about some values is probably not meant, each with its place."""
    literals: tuple[str, ...] = ()
    """The places where the file holds a secret itself."""
    secret_files: tuple[Path, ...] = ()
    """The files that secrets were read from."""

    # Indexes: made when they are first asked for, and kept

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
        """Return the time without a reading after which nothing is known any more, by job."""
        return {name: gap_after(schedule) for name, schedule in self.schedules.items()}

    @cached_property
    def targets(self) -> Mapping[str, tuple[Target, ...]]:
        """Return the recipients of the channels, by name; none of them until the channels are opened."""
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
        """Return what can be matched of a subject: of a provider what all its accounts have in common; nothing of an
        account that is gone."""
        account, currency = self.accounts.get(subject.account_key), subject.currency
        if account is not None:
            return account.attributes if currency is None else account.series(currency).attributes
        if not subject.is_provider:
            return {}
        if subject not in self._in_common:
            self._in_common[subject] = in_common(list(self.on_provider(subject).values()))
        return self._in_common[subject]

    def rules_of(self, series: Series) -> tuple[Rule, ...]:
        """Return the rules that judge a series."""
        if series.key not in self._rules_of:
            self._rules_of[series.key] = tuple(rule for rule in self.rules if rule.match.series(series))
        return self._rules_of[series.key]

    def idle_silences(self, silences: Iterable[Silence], held: Held) -> frozenset[int]:
        """Return the numbers of the silences that match no alert that there can be. `held` are the series that were
        read."""
        # remembered as long as no new series is read: with many accounts finding out takes a while
        numbers = {(one.id, len(held)): one for one in silences}
        new = [one for key, one in numbers.items() if key not in self._is_idle]
        found = matching_nothing(new, self.rules, self.accounts.values(), held)
        self._is_idle.update({(one.id, len(held)): one.id in found for one in new})
        return frozenset(number for number, count in numbers if self._is_idle[number, count])

    @cached_property
    def _by_provider(self) -> Mapping[str, Mapping[tuple[str, str], Account]]:
        # an outage asks for all accounts of a provider with every poll
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
