"""A file of rule tests: readings in a compact notation, actions of people meanwhile, and the expected events."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field

from monitor.config import yaml_tree
from monitor.config.files import Unreadable, read_text
from monitor.config.model import Config
from monitor.config.problems import Findings, expected, unknown
from monitor.config.read import read
from monitor.config.types import Globs, Text
from monitor.config.yaml_tree import Position
from monitor.domain.alerts import EventKind
from monitor.domain.matching import Match
from monitor.domain.model import Account, Severity, Subject
from monitor.domain.time import parse_iso8601
from monitor.errors import ConfigError, Problem
from monitor.providers.base import Duration, Section, Span
from monitor.ruletests.notation import Failure, Gap, Sample, samples

KEYS = ("config", "tests")
MAX_FILE = 4 * 1024 * 1024
START = datetime(2026, 1, 1, tzinfo=UTC)
"""The default start of a test: a Thursday at midnight."""


def _samples(value: object) -> object:
    return samples(value) if isinstance(value, str) else value


def _start(value: object) -> object:
    if not isinstance(value, str):
        return value
    try:
        return parse_iso8601(value, UTC)
    except ValueError:
        raise ValueError("expected a time such as 2026-01-01T00:00:00Z") from None


Steps = tuple[Sample, ...]
"""A series of a test, a sample a step."""
Samples = Annotated[Steps, BeforeValidator(_samples)]


class ExpectSection(Section):
    """An event that is expected at a time, with the properties to compare."""

    at: Duration
    rule: str
    series: str
    event: EventKind
    severity: Literal["info", "warning", "critical"] | None = None
    reason: str | None = None
    to: tuple[str, ...] | None = None


class DoSection(Section):
    """An action at a time: acknowledge the firing alerts that match, or silence them for a while."""

    at: Duration
    ack: Mapping[str, Globs] | None = None
    silence: Mapping[str, Globs] | None = None
    lasts: Span | None = Field(default=None, alias="for")


class TestSection(Section):
    """A test in its file."""

    name: Text
    every: Span = timedelta(minutes=1)
    start: Annotated[datetime, BeforeValidator(_start)] = START
    series: Mapping[str, Samples]
    do: tuple[DoSection, ...] = ()
    expect: tuple[ExpectSection, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Expected:
    """An expected event. A property that is None may have any value."""

    at: timedelta
    rule: str
    subject: Subject
    kind: EventKind
    severity: Severity | None
    reason: str | None
    channels: tuple[str, ...] | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Action:
    """An action at a time: a silence if it `lasts`, else an acknowledgement."""

    at: timedelta
    match: Match
    lasts: timedelta | None


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleTest:
    """A test: the readings of each account at each step, by currency, and the expected events.

    The accounts have only the currencies that the test names, so that others do not count as missing."""

    name: str
    place: Position
    start: datetime
    every: timedelta
    readings: Mapping[Account, Mapping[str, Steps]]
    actions: tuple[Action, ...]
    expected: tuple[Expected, ...]

    @property
    def steps(self) -> int:
        """Return the number of steps of the longest series."""
        return max(len(one) for of_account in self.readings.values() for one in of_account.values())


def config_of(path: Path) -> Path | None:
    """Return the configuration that the file names, if any. Raises ConfigError if the file can't be read."""
    named = _findings(path).text(("config",))
    return None if named is None else (path.absolute().parent / named).resolve()


def load(path: Path, config: Config) -> tuple[RuleTest, ...]:
    """Return the tests in a file for a configuration. Raises ConfigError with every problem."""
    findings = _findings(path)
    for key in findings.keys(()):
        if key not in KEYS:
            findings.unknown_key((key,), KEYS)
    reader = _Reader(findings, config)
    tests = [reader.test(("tests", index)) for index in range(_count(findings))]
    findings.raise_any()
    return tuple(test for test in tests if test is not None)


def _findings(path: Path) -> Findings:
    try:
        parsed = yaml_tree.parse(read_text(path, MAX_FILE))
    except Unreadable as error:
        at = (error.at.line, error.at.column) if error.at else (None, None)
        raise ConfigError(
            str(path), (Problem(path="", reason=str(error), line=at[0], column=at[1]),)
        ) from error
    if parsed.root is None or parsed.problems:
        empty = Problem(path="", reason="is empty; `tests` is required")
        raise ConfigError(str(path), parsed.problems or (empty,))
    return Findings(str(path), parsed.root)


def _count(findings: Findings) -> int:
    node = findings.node(("tests",))
    if isinstance(node, yaml_tree.Sequence) and node.items:
        return len(node.items)
    if node is None:
        findings.missing(("tests",))
    elif isinstance(node, yaml_tree.Sequence):
        findings.value(("tests",), "is empty; at least one is required")
    else:
        findings.value(("tests",), expected("a list of tests (- name: …)", node))
    return 0


@dataclass(frozen=True, slots=True)
class _Reader:
    """A reader of tests, which reports the mistakes in them."""

    findings: Findings
    config: Config

    def test(self, path: yaml_tree.Path) -> RuleTest | None:
        section = read(TestSection, path, self.findings)
        if section is None:
            return None
        readings = self._readings(section, (*path, "series"))
        for index, expect in enumerate(section.expect):
            self._check_expected(expect, (*path, "expect", index))
        for index, action in enumerate(section.do):
            self._check_action(action, (*path, "do", index))
        return RuleTest(
            name=section.name,
            place=self.findings.key_at(path),
            start=section.start,
            every=section.every,
            readings=readings,
            actions=tuple(_action(one) for one in section.do),
            expected=tuple(_expected(one) for one in section.expect),
        )

    def _readings(self, section: TestSection, path: yaml_tree.Path) -> dict[Account, dict[str, Steps]]:
        accounts = {str(account): account for job in self.config.jobs for account in job.accounts}
        readings: dict[Account, dict[str, Steps]] = {}
        for name, steps in section.series.items():
            subject = Subject(name)
            account, currency = accounts.get(subject.account), subject.key[2]
            if account is None:
                self.findings.key((*path, name), unknown("account", subject.account, accounts))
            elif account.currencies and currency not in account.currencies:
                self.findings.key((*path, name), unknown("currency", currency, account.currencies))
            else:
                readings.setdefault(account, {})[currency] = steps
        if not section.series:
            self.findings.value(path, "is empty; at least one is required")
        for account, by_currency in readings.items():
            self._check_polls(account, by_currency, path)
        return {replace(account, currencies=tuple(series)): series for account, series in readings.items()}

    def _check_polls(self, account: Account, by_currency: Mapping[str, Steps], path: yaml_tree.Path) -> None:
        """Report a step at which only some series of an account have a gap or a failure: a poll reads all or none."""
        for step in range(max(map(len, by_currency.values()))):
            at = [steps[step] if step < len(steps) else Gap() for steps in by_currency.values()]
            if len({sample if isinstance(sample, Gap | Failure) else None for sample in at}) > 1:
                reason = f"at step {step} only some series of {account} have a gap or a failure"
                advice = "a poll reads all of them or none; write ~ for a currency that the response lacks"
                name = f"{account}/{next(iter(by_currency))}"
                self.findings.value((*path, name), f"{reason}; {advice}")
                return

    def _check_expected(self, expect: ExpectSection, path: yaml_tree.Path) -> None:
        rules = [rule.name for rule in self.config.rules]
        if expect.rule not in rules:
            self.findings.value((*path, "rule"), unknown("rule", expect.rule, rules))
        for index, name in enumerate(expect.to or ()):
            if name not in self.config.channels:
                at = self.findings.item((*path, "to"), index)
                self.findings.value(at, unknown("channel", name, self.config.channels))

    def _check_action(self, action: DoSection, path: yaml_tree.Path) -> None:
        if (action.ack is None) == (action.silence is None):
            self.findings.missing((*path, "ack"), "exactly one of `ack` and `silence` is required")
        elif action.silence is not None and action.lasts is None:
            self.findings.missing((*path, "for"), "is required with `silence`")


def _action(section: DoSection) -> Action:
    match = section.ack if section.silence is None else section.silence
    return Action(at=section.at, match=Match(dict(match or {})), lasts=section.lasts)


def _expected(section: ExpectSection) -> Expected:
    return Expected(
        at=section.at,
        rule=section.rule,
        subject=Subject(section.series),
        kind=section.event,
        severity=None if section.severity is None else Severity[section.severity.upper()],
        reason=section.reason,
        channels=section.to,
    )
