"""The rules of the file: read, and checked by themselves and against the rest of the file."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from itertools import chain, pairwise
from typing import Any, TypeVar, assert_never

from monitor.config import yaml_tree
from monitor.config.jobs import ReadJob, check_unique
from monitor.config.matching import Configured, matched
from monitor.config.problems import Findings, unknown
from monitor.config.read import check_keys, read, read_type
from monitor.config.sections import (
    LEVELS,
    RULES,
    AnyRuleSection,
    DeltaLevel,
    DeltaSection,
    FailingLevel,
    FailingSection,
    LevelSection,
    MessageSection,
    RuleSection,
    StaleLevel,
    StaleSection,
    ThresholdLevel,
    ThresholdSection,
    UntypedRuleSection,
    keys,
)
from monitor.config.types import SeverityWord
from monitor.domain.matching import Match
from monitor.domain.model import Severity
from monitor.domain.money import plain
from monitor.domain.rules import Delta, Failing, Flapping, Policy, Presentation, Rule, Stale, Threshold, Words
from monitor.domain.schedule import shortest_gap
from monitor.domain.time import compact
from monitor.notify import templates

BUILT_IN = Failing(name="failing")
"""The built-in rule over all accounts and providers."""

_KEYS = frozenset(chain.from_iterable(keys(section) for section in RULES.values()))

S = TypeVar("S", bound=RuleSection)
LevelT = TypeVar("LevelT", bound=LevelSection)


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleReader:
    """Reads rules and reports their problems.

    `channels` are the names of all channels, None if they are not known. `links` are the names of the links of all
    rules. `keep` is how long readings are kept, None if it is not known."""

    findings: Findings
    configured: Configured
    channels: Sequence[str] | None
    links: Collection[str]
    keep: timedelta | None

    def read(self, paths: Sequence[yaml_tree.Path]) -> tuple[AnyRuleSection, ...]:
        """Return the rules at these paths, as far as they can be read."""
        sections = [self._rule(path) for path in paths]
        check_unique(paths, self.findings)
        return tuple(section for section in sections if section is not None)

    def _rule(self, path: yaml_tree.Path) -> AnyRuleSection | None:
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

    def _check(self, section: AnyRuleSection, path: yaml_tree.Path) -> None:
        jobs = self._check_common(section, path)
        check_keys(type(section), path, self.findings)
        for word, level in section.levels.items():
            check_keys(type(level), (*path, "levels", word), self.findings)
        match section:
            case ThresholdSection():
                for threshold, place in _limits(section, section.levels, path):
                    self._check_threshold(threshold, place)
                self._check_locked(section, jobs, path)
            case DeltaSection():
                if section.within is not None and self.keep is not None and section.within > self.keep:
                    reason = f"must be at most {compact(self.keep)}, the value of store.keep"
                    self.findings.value((*path, "within"), reason)
                self._check_locked(section, jobs, path)
            case StaleSection():
                self._check_stale(section, jobs, path)
            case FailingSection():
                pass
            case _:
                assert_never(section)
        _check_levels(section, path, self.findings)

    def _check_common(self, section: RuleSection, path: yaml_tree.Path) -> list[ReadJob]:
        check_channels(section.notify or (), (*path, "notify"), self.channels, self.findings)
        self._check_templates(section, path)
        return matched(section.match, (*path, "match"), self.configured, self.findings)

    def _check_templates(self, section: RuleSection, path: yaml_tree.Path) -> None:
        """Report those of a rule's own links and message that can't be rendered."""
        for name, link in section.links.items():
            check_template(link, (*path, "links", name), (), self.findings)
        known = dict.fromkeys((*self.links, *self.findings.keys((*path, "links"))))
        check_message(section.message, (*path, "message"), known, self.findings)

    def _check_threshold(self, section: ThresholdLevel, path: yaml_tree.Path) -> None:
        below, above, clear = section.below, section.above, section.clear
        if below is not None and above is not None and below >= above:
            self.findings.value((*path, "below"), f"must be less than {plain(above)}, the value of `above`")
        if clear is None:
            return
        if {"below", "above"} <= set(self.findings.keys(path)):
            reason = "can't be combined with both `below` and `above`; write two rules"
            self.findings.key((*path, "clear"), reason)
        elif below is not None and clear < below:
            self.findings.value((*path, "clear"), f"must be at least {plain(below)}, the value of `below`")
        elif above is not None and clear > above:
            self.findings.value((*path, "clear"), f"must be at most {plain(above)}, the value of `above`")

    def _check_locked(
        self, section: ThresholdSection | DeltaSection, jobs: Sequence[ReadJob], path: yaml_tree.Path
    ) -> None:
        if section.field == "locked" and jobs and not any(job.service.reports_locked for job in jobs):
            self.findings.value((*path, "field"), "no job that this rule matches reports `locked`")

    def _check_stale(self, section: StaleSection, jobs: Sequence[ReadJob], path: yaml_tree.Path) -> None:
        for job in jobs:
            schedule = job.schedule()
            if section.clock == "provider" and not job.service.reports_updated_at:
                reason = f"the service of job {job.name} does not report when a wallet last changed; narrow `match`"
                self.findings.value((*path, "clock"), reason)
            elif section.clock == "observed" and schedule is not None:
                gap = shortest_gap(schedule)
                reason = f"must be longer than {compact(gap)}, the time between two polls of job {job.name}"
                for limit, place in _limits(section, section.levels, path):
                    if limit.after is not None and limit.after <= gap:
                        self.findings.value((*place, "after"), reason)


def _limits(
    rule: S, levels: Mapping[SeverityWord, LevelT], path: yaml_tree.Path
) -> Iterator[tuple[S | LevelT, yaml_tree.Path]]:
    """Yield the sections with the limits of a rule, each with its path: the rule itself, and its levels."""
    yield rule, path
    for word, level in levels.items():
        yield level, (*path, "levels", word)


def check_channels(
    names: Iterable[str], path: yaml_tree.Path, channels: Sequence[str] | None, findings: Findings
) -> None:
    """Report the names at a path that are not those of a channel; nothing if `channels` is None."""
    for index, name in enumerate(names):
        if channels is not None and name not in channels:
            findings.value(findings.item(path, index), unknown("channel", name, channels))


# Templates


def check_message(
    section: MessageSection | None, path: yaml_tree.Path, links: Collection[str], findings: Findings
) -> None:
    if section is None:
        return
    check_keys(MessageSection, path, findings)
    for key, text in (("title", section.title), ("body", section.body)):
        if text is not None:
            check_template(text, (*path, key), links, findings)


def check_template(text: str, path: yaml_tree.Path, links: Collection[str], findings: Findings) -> None:
    try:
        templates.check(text, links)
    except ValueError as exc:
        findings.value(path, str(exc))


# Levels


def _worst_first(levels: Mapping[SeverityWord, LevelT]) -> dict[SeverityWord, LevelT]:
    """Return the levels in the order of their severity."""
    return dict(sorted(levels.items(), key=lambda item: Severity[item[0].upper()], reverse=True))


def _check_levels(section: AnyRuleSection, path: yaml_tree.Path, findings: Findings) -> None:
    """Report levels that don't fit the rule or each other; nothing for a rule without levels."""
    given = findings.keys(path)
    if "levels" not in given:
        return
    for key in given:
        if key == "severity":
            findings.key((*path, key), "can't be combined with `levels`; each level has its own severity")
        elif key in keys(LEVELS[section.type]):
            findings.key((*path, key), "can't be combined with `levels`; set it in each level")
    if len(findings.keys((*path, "levels"))) < 2:
        reason = "needs at least two levels; write a single limit in the rule itself"
        findings.value((*path, "levels"), reason)
    if not findings.within((*path, "levels")):
        _check_order(section, (*path, "levels"), findings)


def _check_order(section: AnyRuleSection, path: yaml_tree.Path, findings: Findings) -> None:
    """Report levels whose limit is not milder than that of the next more severe one."""
    match section:
        case ThresholdSection():
            _check_thresholds(section.levels, path, findings)
        case DeltaSection():
            _check_deltas(section.levels, path, findings)
        case StaleSection():
            _check_stale(section.levels, path, findings)
        case FailingSection():
            _check_failing(section.levels, path, findings)
        case _:
            assert_never(section)


def _pairs(levels: Mapping[SeverityWord, LevelT]) -> Iterator[tuple[tuple[str, LevelT], tuple[str, LevelT]]]:
    """Yield each level with the next less severe one."""
    return pairwise(_worst_first(levels).items())


def _check_thresholds(
    levels: Mapping[SeverityWord, ThresholdLevel], path: yaml_tree.Path, findings: Findings
) -> None:
    for (word, worse), (mild, milder) in _pairs(levels):
        for key, more in (("below", True), ("above", False)):
            limit, other = getattr(worse, key), getattr(milder, key)
            if (limit is None) is not (other is None):
                lacking = word if limit is None else mild
                findings.missing((*path, lacking, key), "is required, because the other levels have it")
            elif limit is not None and (other == limit or (other > limit) is not more):
                reason = _reason("greater" if more else "less", word, plain(limit))
                findings.value((*path, mild, key), reason)


def _check_deltas(
    levels: Mapping[SeverityWord, DeltaLevel], path: yaml_tree.Path, findings: Findings
) -> None:
    for (word, worse), (mild, milder) in _pairs(levels):
        (direction, limit), (other, milder_limit) = worse.move(), milder.move()
        place = (*path, mild, other)
        if other != direction:
            findings.key(place, f"another level has `{direction}`; write two rules")
        elif milder_limit.percent is not limit.percent:
            findings.value(place, "write all levels as percentages, or all as amounts")
        elif milder_limit.limit >= limit.limit:
            findings.value(place, _reason("less", word, plain(limit.limit) + ("%" if limit.percent else "")))


def _check_stale(levels: Mapping[SeverityWord, StaleLevel], path: yaml_tree.Path, findings: Findings) -> None:
    for (word, worse), (mild, milder) in _pairs(levels):
        if milder.after >= worse.after:
            findings.value((*path, mild, "after"), _reason("less", word, compact(worse.after)))


def _check_failing(
    levels: Mapping[SeverityWord, FailingLevel], path: yaml_tree.Path, findings: Findings
) -> None:
    for (word, worse), (mild, milder) in _pairs(levels):
        if milder.polls >= worse.polls:
            findings.value((*path, mild, "polls"), _reason("less", word, str(worse.polls)))


def _reason(comparison: str, worse: str, limit: str) -> str:
    return f"must be {comparison} than {limit}, the limit of `{worse}`"


# Building


def build(section: AnyRuleSection) -> Rule:
    """Return the rule of a section without problems."""
    if not section.levels:
        return _build_one(section)
    levels = []
    for word, level in _worst_first(section.levels).items():
        limits = {name: getattr(level, name) for name in type(level).model_fields}
        alone = section.model_copy(update={**limits, "severity": word, "levels": {}})
        levels.append(_build_one(alone))
    return replace(levels[0], levels=tuple(levels))


def _build_one(section: AnyRuleSection) -> Rule:
    common: dict[str, Any] = {
        "name": section.name,
        "match": Match(section.match),
        "policy": _policy(section),
        "presentation": Presentation(
            message=build_words(section.message), links=section.links, chart=section.chart
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
            if section.after is None:
                raise ValueError(f"{section.name} has no limit")
            return Stale(**common, after=section.after, clock=section.clock)
        case FailingSection():
            return Failing(**common, polls=section.polls)
        case _:
            assert_never(section)


def _policy(section: RuleSection) -> Policy:
    flapping = section.flapping
    return Policy(
        severity=Severity[section.severity.upper()],
        for_=section.for_,
        keep_firing_for=section.keep_firing_for,
        cooldown=section.cooldown,
        flapping=None if flapping is None else Flapping(changes=flapping.changes, within=flapping.within),
        repeat_every=section.repeat_every,
        send_resolved=section.send_resolved,
        notify=section.notify,
    )


def build_words(section: MessageSection | None) -> Words | None:
    """Return the message templates of a section without problems; None for None."""
    if section is None:
        return None
    return Words(title=section.title, body=section.body, format=section.format)
