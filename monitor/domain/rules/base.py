"""What every rule has, whatever its kind: its verdicts, its policy, and what the program asks of it."""

from abc import abstractmethod
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from decimal import Decimal
from enum import Enum, auto
from typing import ClassVar, Literal, Self

from monitor.domain.matching import EVERYTHING, Match
from monitor.domain.model import Account, Field, Health, Series, SeriesView, Severity, State
from monitor.domain.schedule import Schedule
from monitor.errors import Outcome

# Verdicts


@dataclass(frozen=True, slots=True)
class Ok:
    """The condition does not hold, and a reading says so."""

    reason: str


@dataclass(frozen=True, slots=True)
class Breached:
    """The condition holds. A higher `level` of the same alert is worse and is notified anew.

    `severity` is of the worst of the rule's levels that is broken; None where it has none."""

    reason: str
    expected: str
    level: int = 0
    severity: Severity | None = None


@dataclass(frozen=True, slots=True)
class Unknown:
    """Nothing can be said: no reading, or none to compare with. Never ok, never broken."""

    reason: str


Verdict = Ok | Breached | Unknown

# What a rule is made of


@dataclass(frozen=True, slots=True, kw_only=True)
class Flapping:
    """An alert flaps when it begins or ceases to fire, or changes its severity, more than so many times in a span."""

    changes: int
    within: timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """When an alert of a rule is notified, and to whom.

    `for_` is the configuration's `for`. `repeat_every` None: never. `cooldown`: how long after its end an incident
    that fires anew is still the same. `flapping` None: nothing counts as flapping. `notify` None: as the routes
    say."""

    severity: Severity = Severity.WARNING
    for_: timedelta = timedelta(0)
    keep_firing_for: timedelta = timedelta(0)
    cooldown: timedelta = timedelta(0)
    flapping: Flapping | None = None
    repeat_every: timedelta | None = timedelta(hours=4)
    send_resolved: bool = True
    notify: tuple[str, ...] | None = None

    @property
    def memory(self) -> timedelta:
        """Return how long after its end an incident still matters."""
        return max(self.cooldown, self.flapping.within if self.flapping else timedelta(0))


TemplateFormat = Literal["text", "markdown", "html"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Words:
    """A title and a body in place of the built-in ones, as templates; None: the built-in one."""

    title: str | None = None
    body: str | None = None
    format: TemplateFormat = "text"


@dataclass(frozen=True, slots=True, kw_only=True)
class Presentation:
    """How messages show a rule's alerts.

    `message` None: in the channel's words, or the built-in ones. `links` are URL templates by name, besides those of
    all rules or in their place. `chart`: whether messages carry a chart; None: as the channel says."""

    message: Words | None = None
    links: Mapping[str, str] = field(default_factory=dict)
    chart: bool | None = None


class Reads(Enum):
    """What of a series a rule judges."""

    ANSWERS = auto()
    """Whether polls succeed, and whether their answers hold the series."""
    TIME = auto()
    """When the series was last read: time alone can break the rule."""
    AMOUNT = auto()
    """The last amount."""
    HISTORY = auto()
    """The last amount, and those before it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ThresholdLine:
    """An amount that a rule, or one of its levels, wants a balance to stay above or below."""

    rule: str
    severity: Severity
    side: Literal["below", "above"]
    amount: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """A condition over series.

    `levels` are the same rule at several limits, the worst first, each with its severity in its policy; then the
    rule's own limit means nothing. A kind says what is abstract here, and overrides what does not fit it."""

    kind: ClassVar[str]
    """The rule's type as the configuration writes it, and the name of the kind's module."""
    reads: ClassVar[Reads]

    name: str
    match: Match = EVERYTHING
    policy: Policy = Policy()
    presentation: Presentation = Presentation()
    levels: tuple[Self, ...] = ()

    @property
    def each_level(self) -> tuple[Self, ...]:
        """Return the rule at each of its limits, the worst first."""
        return self.levels or (self,)

    @property
    def severities(self) -> frozenset[Severity]:
        """Return how bad the rule's alerts can be."""
        return frozenset([level.policy.severity for level in self.each_level])

    # What it reads

    @property
    def field(self) -> Field:
        """Return the amount that the rule judges; of one that judges none, the amount to show with its alerts."""
        return "available"

    @property
    def window(self) -> timedelta:
        """Return how far back the rule needs readings, besides the one before."""
        return timedelta(0)

    # Its verdicts on series

    def judge(
        self,
        view: SeriesView,
        *,
        read: bool,
        firing: Severity | None,
        now: datetime,
        schedule: Schedule | None = None,
    ) -> Verdict:
        """Return the verdict on a series after a poll, or between polls, where `read` is False.

        `view.history` ends with the newest reading and reaches back over the rule's window. `firing`: how bad the
        alert is, if it fires. `now` is in UTC. `schedule` is the job's; None: any time is as good for a reading."""

        def at(level: Self) -> Verdict:
            fires = firing is not None and (not self.levels or firing >= level.policy.severity)
            return level._judge(view, read=read, firing=fires, now=now, schedule=schedule)

        return self._worst_broken(at)

    @abstractmethod
    def _judge(
        self, view: SeriesView, *, read: bool, firing: bool, now: datetime, schedule: Schedule | None
    ) -> Verdict:
        """Return the verdict by its own limit."""

    def _worst_broken(self, judge: Callable[[Self], Verdict]) -> Verdict:
        """Return the verdict of the first level that is broken; where none is, the last one's."""
        if not self.levels:
            return judge(self)
        verdicts = [judge(level) for level in self.levels]
        for level, verdict in zip(self.levels, verdicts, strict=True):
            if isinstance(verdict, Breached):
                return replace(verdict, severity=level.policy.severity)
        return verdicts[-1]

    # What time alone does to it

    @property
    def longest_gap(self) -> timedelta | None:
        """Return the time without a reading that breaks the rule's own limit; None: time alone never does."""
        return None

    def stale_at(self, schedule: Schedule | None, last: datetime) -> datetime | None:
        """Return when time alone breaks the rule's own limit for a series read last at an instant; None: never.

        It is at `longest_gap` after it at the earliest."""
        return None

    # Its verdicts on accounts and providers: a rule about series alone has none

    def judges_account(self, account: Account) -> bool:
        """Return whether the rule has alerts about this account as a whole, and about its provider."""
        return False

    def judge_account(self, health: Health) -> Verdict:
        """Return the verdict on one account."""
        return Unknown("not judged")

    def judge_provider(
        self, healths: Sequence[Health], since: datetime | None = None, firing: int | None = None
    ) -> Verdict:
        """Return the verdict on a provider, from the accounts that the rule judges on it.

        `since`: when the provider's alert began. `firing` is its level, if it fires."""
        return Unknown("not judged")

    def outage_may_change(
        self,
        health: Health,
        provider: Collection[Health],
        *,
        state: State,
        breached_at: datetime | None,
        now: datetime,
    ) -> bool:
        """Return whether a poll can change anything about its provider's alert.

        `health` is the polled account's, `provider` holds those of all its accounts. `state` is the alert's, and
        `breached_at` when it was last found broken."""
        return False

    def covers(self, account: Account, outcome: Outcome, provider: Iterable[Health]) -> bool:
        """Return whether an outage, as its alert fires, explains a poll of the account that ends so."""
        return False

    def covered_by_outage(self, healths: Sequence[Health]) -> Iterator[Health]:
        """Yield the accounts of whose failures an outage, as it fires, explains some, without those counted as their
        own."""
        yield from ()

    def is_to_fire(self, health: Health) -> bool:
        """Return whether the alert about an account is on its way: too few failures so far, but more than that of a
        kind that its provider's outage does not explain."""
        return False

    # Its words and lines

    @property
    def expectation(self) -> str:
        """Return what the rule expects, in words; of each of its levels, where it has any, the worst first."""
        if not self.levels:
            return self._expectation
        return "; ".join(f"{level.policy.severity.word}: {level._expectation}" for level in self.levels)

    @property
    @abstractmethod
    def _expectation(self) -> str:
        """Return what the rule expects by its own limit."""

    def lines(self, field: Field) -> Iterator[ThresholdLine]:
        """Yield the amounts at which the rule fires, where it judges this amount of a balance."""
        yield from ()

    @property
    def clears_at(self) -> Decimal | None:
        """Return the amount at which the rule, once firing, is over; None: at none that it says."""
        return None


def threshold_lines(rules: Iterable[Rule], series: Series, field: Field) -> list[ThresholdLine]:
    """Return the limits that hold for one amount of a series: what a chart of it draws in."""
    return [line for rule in rules if rule.match.series(series) for line in rule.lines(field)]


def no_reading(view: SeriesView) -> Unknown:
    """Return the verdict on a series that the last answer did not hold."""
    return Unknown(view.missing.detail or "no reading")
