"""The interface of all kinds of rules, their verdicts, and their policy."""

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
    """A reading or poll shows that the condition does not hold."""

    reason: str


@dataclass(frozen=True, slots=True)
class Breached:
    """The condition holds. A higher `level` of the same alert is worse and is notified again.

    `severity` is the one of the worst breached level of the rule; None if the rule has no levels."""

    reason: str
    expected: str
    level: int = 0
    severity: Severity | None = None


@dataclass(frozen=True, slots=True)
class Unknown:
    """It is unknown whether the condition holds: there is no reading, or none to compare with."""

    reason: str


Verdict = Ok | Breached | Unknown

# The parts of a rule


@dataclass(frozen=True, slots=True, kw_only=True)
class Flapping:
    """An alert flaps if it starts or stops firing, or changes its severity, more than `changes` times within a span."""

    changes: int
    within: timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """When the alerts of a rule are notified, and on which channels.

    `for_` is the configuration's `for`. `repeat_every` None: no reminders. `cooldown` is how long after its end an
    alert that fires again continues the same incident. `flapping` None: no alert counts as flapping. `notify` None: the
    channels of the routes."""

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
    """Templates for the title and the body of messages; None: the built-in one."""

    title: str | None = None
    body: str | None = None
    format: TemplateFormat = "text"


@dataclass(frozen=True, slots=True, kw_only=True)
class Presentation:
    """How messages show a rule's alerts.

    `message` None: the channel's templates, or the built-in texts. `links` are URL templates by name; they are added to
    the links of all rules, and replace those of the same name. `chart` is whether messages carry a chart; None: the
    channel's setting."""

    message: Words | None = None
    links: Mapping[str, str] = field(default_factory=dict)
    chart: bool | None = None


class Reads(Enum):
    """What a rule judges."""

    ANSWERS = auto()
    """Whether polls succeed, and whether their responses contain the series."""
    TIME = auto()
    """When the series was last read: time alone can breach the rule."""
    AMOUNT = auto()
    """The last amount."""
    HISTORY = auto()
    """The last amount, and those before it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ThresholdLine:
    """A limit of a rule, or of one of its levels: an alert fires if the balance is below, or above, the amount."""

    rule: str
    severity: Severity
    side: Literal["below", "above"]
    amount: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """A condition over series.

    `levels` are the same rule with several limits, the worst first, each with its severity in its policy. The rule's
    own limit is then not used. Each kind of rule is a subclass."""

    kind: ClassVar[str]
    """The `type` in the configuration, and the name of the module."""
    reads: ClassVar[Reads]

    name: str
    match: Match = EVERYTHING
    policy: Policy = Policy()
    presentation: Presentation = Presentation()
    levels: tuple[Self, ...] = ()

    @property
    def each_level(self) -> tuple[Self, ...]:
        """Return the levels, the worst first; the rule itself if it has none."""
        return self.levels or (self,)

    @property
    def severities(self) -> frozenset[Severity]:
        """Return the severities that the rule's alerts can have."""
        return frozenset([level.policy.severity for level in self.each_level])

    # The readings that it needs

    @property
    def field(self) -> Field:
        """Return the amount that the rule judges; if it judges none, the amount to show with its alerts."""
        return "available"

    @property
    def window(self) -> timedelta:
        """Return how far back the rule needs readings, besides the one before the last."""
        return timedelta(0)

    # Verdicts on series

    def judge(
        self,
        view: SeriesView,
        *,
        read: bool,
        firing: Severity | None,
        now: datetime,
        schedule: Schedule | None = None,
    ) -> Verdict:
        """Return the verdict on a series after a poll or, with `read` False, between polls.

        `view.history` ends with the newest reading and covers the rule's window. `firing` is the severity of the alert,
        if it fires. `now` is in UTC. `schedule` is the job's; None: readings are expected at any time."""

        def at(level: Self) -> Verdict:
            fires = firing is not None and (not self.levels or firing >= level.policy.severity)
            return level._judge(view, read=read, firing=fires, now=now, schedule=schedule)

        return self._worst_breached(at)

    @abstractmethod
    def _judge(
        self, view: SeriesView, *, read: bool, firing: bool, now: datetime, schedule: Schedule | None
    ) -> Verdict:
        """Return the verdict by the own limit of the rule or level."""

    def _worst_breached(self, judge: Callable[[Self], Verdict]) -> Verdict:
        """Return the verdict of the first level that is breached; if none is, the one of the last level."""
        if not self.levels:
            return judge(self)
        verdicts = [judge(level) for level in self.levels]
        for level, verdict in zip(self.levels, verdicts, strict=True):
            if isinstance(verdict, Breached):
                return replace(verdict, severity=level.policy.severity)
        return verdicts[-1]

    # Breached by time alone

    @property
    def longest_gap(self) -> timedelta | None:
        """Return the time without a reading that breaches the rule's own limit; None: time alone never does."""
        return None

    def stale_at(self, schedule: Schedule | None, last: datetime) -> datetime | None:
        """Return when (UTC) time alone breaches the rule's own limit for a series last read at an instant; None: never.

        That is `longest_gap` after the instant at the earliest."""
        return None

    # Verdicts on accounts and providers. Rules about series only have none

    def judges_account(self, account: Account) -> bool:
        """Return whether the rule has alerts about this account as a whole, and about its provider."""
        return False

    def judge_account(self, health: Health) -> Verdict:
        """Return the verdict on one account."""
        return Unknown("not evaluated")

    def judge_provider(
        self, healths: Sequence[Health], since: datetime | None = None, firing: int | None = None
    ) -> Verdict:
        """Return the verdict on a provider, from the accounts that the rule judges on it.

        `since` is when the provider's alert began. `firing` is its level, if it fires."""
        return Unknown("not evaluated")

    def outage_may_change(
        self,
        health: Health,
        provider: Collection[Health],
        *,
        state: State,
        breached_at: datetime | None,
        now: datetime,
    ) -> bool:
        """Return whether a poll can change the alert about its provider.

        `health` is the polled account's, `provider` holds those of all its accounts. `state` is the alert's, and
        `breached_at` (UTC) is when its last verdict was breached."""
        return False

    def covers(self, account: Account, outcome: Outcome, provider: Iterable[Health]) -> bool:
        """Return whether an outage, while its alert fires, explains a poll of the account with this outcome."""
        return False

    def covered_by_outage(self, healths: Sequence[Health]) -> Iterator[Health]:
        """Yield the accounts with own failures that an outage explains when it fires, without these failures."""
        yield from ()

    def will_fire(self, health: Health) -> bool:
        """Return whether the alert about an account will fire if its polls keep failing.

        It has enough failures of a kind that an outage does not explain, but too few since its provider's outage."""
        return False

    # Texts and limits to show

    @property
    def expectation(self) -> str:
        """Return as text what the rule expects; with levels, what each of them expects, the worst first."""
        if not self.levels:
            return self._expectation
        return "; ".join(f"{level.policy.severity.word}: {level._expectation}" for level in self.levels)

    @property
    @abstractmethod
    def _expectation(self) -> str:
        """Return as text what the rule expects by its own limit."""

    def lines(self, field: Field) -> Iterator[ThresholdLine]:
        """Yield the limits of the rule, if it judges this amount of a balance."""
        yield from ()

    @property
    def clears_at(self) -> Decimal | None:
        """Return the amount at which a firing alert is over; None: the rule has no such amount."""
        return None


def threshold_lines(rules: Iterable[Rule], series: Series, field: Field) -> list[ThresholdLine]:
    """Return the limits for one amount of a series, which charts show as lines."""
    return [line for rule in rules if rule.match.series(series) for line in rule.lines(field)]


def no_reading(view: SeriesView) -> Unknown:
    """Return the verdict on a series that the last response did not contain."""
    return Unknown(view.missing.detail or "no reading")
