"""A rule's `levels`: several limits of one rule, by severity."""

from collections.abc import Iterator, Mapping
from itertools import pairwise
from typing import TypeVar, assert_never

from monitor.config import yaml_tree
from monitor.config.problems import Findings
from monitor.config.sections import (
    LEVELS,
    AnyRuleSection,
    DeltaLevel,
    DeltaSection,
    FailingLevel,
    FailingSection,
    LevelSection,
    RuleSection,
    StaleLevel,
    StaleSection,
    ThresholdLevel,
    ThresholdSection,
    keys,
)
from monitor.config.types import Change, SeverityWord
from monitor.domain.model import Severity
from monitor.domain.money import plain
from monitor.domain.units import compact

L = TypeVar("L", bound=LevelSection)
R = TypeVar("R", bound=RuleSection)


def worst_first(levels: Mapping[SeverityWord, L]) -> dict[SeverityWord, L]:
    """The levels in the order of their severity."""
    return dict(sorted(levels.items(), key=lambda item: Severity[item[0].upper()], reverse=True))


def at_level(section: R, word: SeverityWord, level: LevelSection) -> R:
    """The rule as if this level were all it had."""
    limits = {name: getattr(level, name) for name in type(level).model_fields}
    return section.model_copy(update={**limits, "severity": word, "levels": {}})


def check_levels(section: AnyRuleSection, path: yaml_tree.Path, findings: Findings) -> None:
    """Reports what is wrong with a rule's levels together; nothing where it has none."""
    given = findings.keys(path)
    if "levels" not in given:
        return
    for key in given:
        if key == "severity":
            findings.key((*path, key), "can't be combined with `levels`: each of them has its own")
        elif key in keys(LEVELS[section.type]):
            findings.key((*path, key), "can't be combined with `levels`: it belongs into each of them")
    if len(findings.keys((*path, "levels"))) < 2:
        reason = "needs two or more, of different severity; a single limit stands at the rule itself"
        findings.value((*path, "levels"), reason)
    if not findings.within((*path, "levels")):
        _check_order(section, (*path, "levels"), findings)


def _check_order(section: AnyRuleSection, path: yaml_tree.Path, findings: Findings) -> None:
    """Reports levels that are not milder than the next worse one."""
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


def _pairs(levels: Mapping[SeverityWord, L]) -> Iterator[tuple[tuple[str, L], tuple[str, L]]]:
    """Each level with the next milder one."""
    return pairwise(worst_first(levels).items())


def _check_thresholds(
    levels: Mapping[SeverityWord, ThresholdLevel], path: yaml_tree.Path, findings: Findings
) -> None:
    for (word, worse), (mild, milder) in _pairs(levels):
        for key, more in (("below", True), ("above", False)):
            limit, other = getattr(worse, key), getattr(milder, key)
            if (limit is None) is not (other is None):
                lacking = word if limit is None else mild
                findings.missing((*path, lacking, key), "is required: the other levels have it")
            elif limit is not None and (other == limit or (other > limit) is not more):
                reason = _reason("more" if more else "less", word, plain(limit))
                findings.value((*path, mild, key), reason)


def _check_deltas(
    levels: Mapping[SeverityWord, DeltaLevel], path: yaml_tree.Path, findings: Findings
) -> None:
    for (word, worse), (mild, milder) in _pairs(levels):
        (direction, limit), (other, milder_limit) = worse.move(), milder.move()
        place = (*path, mild, other)
        if other != direction:
            findings.key(place, f"another level has `{direction}`: write two rules")
        elif milder_limit.percent is not limit.percent:
            findings.value(place, "write all levels as percentages, or all as amounts")
        elif milder_limit.limit >= limit.limit:
            findings.value(place, _reason("less", word, _written(limit)))


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


def _written(change: Change) -> str:
    return plain(change.limit) + ("%" if change.percent else "")


def _reason(comparison: str, worse: str, limit: str) -> str:
    return f"must be {comparison} than {limit}, the limit of `{worse}`"
