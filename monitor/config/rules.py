"""The rules of the file: read, checked by themselves, and against what else is configured."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from itertools import chain
from typing import Any, assert_never

from monitor.config import document
from monitor.config.findings import Findings
from monitor.config.jobs import ReadJob, check_unique
from monitor.config.matching import Configured, matched
from monitor.config.reading import read, read_type
from monitor.config.sections import (
    RULES,
    AnyRuleSection,
    DeltaSection,
    FailingSection,
    RuleSection,
    StaleSection,
    ThresholdSection,
    UntypedRuleSection,
    keys,
)
from monitor.config.wording import unknown
from monitor.domain.model import Severity
from monitor.domain.money import plain
from monitor.domain.rules import Delta, Failing, Match, Policy, Rule, Stale, Threshold
from monitor.domain.schedule import Cron, Every
from monitor.domain.units import compact

BUILT_IN = Failing(name="failing")
"""The rule over everything that exists by itself."""

_KEYS = frozenset(chain.from_iterable(keys(section) for section in RULES.values()))
_MOVES = ("drop", "rise", "change")


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleReader:
    """Reads rules and reports what is wrong with them.

    `channels` None: which there are is not known. `keep` None: how long readings are kept is not known."""

    findings: Findings
    configured: Configured
    channels: Sequence[str] | None
    keep: timedelta | None

    def read(self, paths: Sequence[document.Path]) -> tuple[AnyRuleSection, ...]:
        """The rules at these paths, as far as they can be read."""
        sections = [self._rule(path) for path in paths]
        check_unique(paths, self.findings)
        return tuple(section for section in sections if section is not None)

    def _rule(self, path: document.Path) -> AnyRuleSection | None:
        kind = read_type(path, "rule", RULES, self.findings)
        if kind is not None:
            section = read(RULES[kind], path, self.findings)
            if section is not None:
                self._check(section, path)
            return section
        untyped = read(UntypedRuleSection, path, self.findings, foreign=_KEYS)
        if untyped is not None:
            self._check_common(untyped, path)
        return None

    def _check(self, section: AnyRuleSection, path: document.Path) -> None:
        jobs = self._check_common(section, path)
        match section:
            case ThresholdSection():
                self._check_threshold(section, path)
                self._check_locked(section, jobs, path)
            case DeltaSection():
                self._check_delta(section, path)
                self._check_locked(section, jobs, path)
            case StaleSection():
                self._check_stale(section, jobs, path)
            case FailingSection():
                pass
            case _:
                assert_never(section)

    def _check_common(self, section: RuleSection, path: document.Path) -> list[ReadJob]:
        for index, name in enumerate(section.notify or ()):
            if self.channels is not None and name not in self.channels:
                self.findings.value(
                    self.findings.item((*path, "notify"), index), unknown("channel", name, self.channels)
                )
        return matched(section.match, (*path, "match"), self.configured, self.findings)

    def _check_threshold(self, section: ThresholdSection, path: document.Path) -> None:
        below, above, clear = section.below, section.above, section.clear
        if not {"below", "above"}.intersection(self.findings.keys(path)):
            self.findings.missing((*path, "below"), "is required, or `above`, or both")
        if below is not None and above is not None and below >= above:
            self.findings.value((*path, "below"), f"must be less than `above`, {plain(above)}")
        if clear is None:
            return
        if {"below", "above"} <= set(self.findings.keys(path)):
            reason = "can't be combined with both `below` and `above`: write two rules"
            self.findings.key((*path, "clear"), reason)
        elif below is not None and clear < below:
            self.findings.value((*path, "clear"), f"must be at least `below`, {plain(below)}")
        elif above is not None and clear > above:
            self.findings.value((*path, "clear"), f"must be at most `above`, {plain(above)}")

    def _check_locked(
        self, section: ThresholdSection | DeltaSection, jobs: Sequence[ReadJob], path: document.Path
    ) -> None:
        if section.field == "locked" and jobs and not any(job.service.tells_locked for job in jobs):
            self.findings.value(
                (*path, "field"), "the service that this rule is about does not tell `locked`"
            )

    def _check_delta(self, section: DeltaSection, path: document.Path) -> None:
        moves = [key for key in self.findings.keys(path) if key in _MOVES]
        if not moves:
            self.findings.missing((*path, "drop"), "is required, or `rise`, or `change`")
        for move in moves[1:]:
            self.findings.key((*path, move), f"can't be combined with `{moves[0]}`: write two rules")
        if section.within is not None and self.keep is not None and section.within > self.keep:
            self.findings.value((*path, "within"), f"is longer than store.keep, {compact(self.keep)}")

    def _check_stale(self, section: StaleSection, jobs: Sequence[ReadJob], path: document.Path) -> None:
        for job in jobs:
            if section.clock == "provider":
                self._check_clock(job, path)
            elif (pause := _longest_pause(job.schedule())) is not None and section.after <= pause:
                reason = f"must be more than the {compact(pause)} between two polls of job {job.name}"
                self.findings.value((*path, "after"), reason)

    def _check_clock(self, job: ReadJob, path: document.Path) -> None:
        if not job.service.tells_updated_at:
            reason = f"the service of job {job.name} does not tell when a wallet last changed; narrow `match`"
            self.findings.value((*path, "clock"), reason)


def _longest_pause(schedule: Every | Cron | None) -> timedelta | None:
    match schedule:
        case Every():
            return schedule.interval
        case Cron():
            return schedule.fields.widest_gap
        case None:
            return None


def build(section: AnyRuleSection) -> Rule:
    """The finished rule. Only for a section with which nothing is wrong."""
    common: dict[str, Any] = {
        "name": section.name,
        "match": Match(section.match),
        "policy": Policy(
            severity=Severity[section.severity.upper()],
            hold=section.hold,
            keep_firing_for=section.keep_firing_for,
            repeat_every=section.repeat_every,
            send_resolved=section.send_resolved,
            notify=section.notify,
        ),
    }
    match section:
        case ThresholdSection():
            return Threshold(
                **common, field=section.field, below=section.below, above=section.above, clear=section.clear
            )
        case DeltaSection():
            direction, change = section.move()
            return Delta(
                **common,
                direction=direction,
                limit=change.limit,
                percent=change.percent,
                within=section.within,
                field=section.field,
            )
        case StaleSection():
            return Stale(**common, after=section.after, clock=section.clock)
        case FailingSection():
            return Failing(**common, polls=section.polls)
        case _:
            assert_never(section)
