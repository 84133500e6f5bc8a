"""Several limits in one rule, and when it counts as flapping."""

from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from monitor.domain.model import Severity
from monitor.domain.rules import Delta, Failing, Flapping, Stale, Threshold
from tests.config.support import JOBS, loaded, problems

BELONGS = "can't be combined with `levels`; set it in each level"
TWO = "needs at least two levels; write a single limit in the rule itself"


def _row(text: str, *lines: str, id: str) -> object:
    return pytest.param(text, list(lines), id=id)


def _problems(folder: Path, rule: str) -> list[str]:
    """What is wrong with a rule, by its key, without its place."""
    lines = problems(folder, f"{JOBS}rules:\n  - {{name: r, {rule}}}\n")
    return [line.split(": rules[0]", 1)[1].removeprefix(".") for line in lines]


@pytest.mark.parametrize(
    ("rule", "lines"),
    [
        _row(
            "type: threshold, levels: {warning: {below: 5}, critical: {below: 5}}",
            "levels.warning.below: must be greater than 5, the limit of `critical`",
            id="below-the-same",
        ),
        _row(
            "type: threshold, levels: {critical: {below: 3}, warning: {below: 2}, info: {below: 9}}",
            "levels.warning.below: must be greater than 3, the limit of `critical`",
            id="the-order-of-the-file-does-not-matter",
        ),
        _row(
            "type: threshold, levels: {warning: {above: 6}, critical: {above: 5}}",
            "levels.warning.above: must be less than 5, the limit of `critical`",
            id="above",
        ),
        _row(
            "type: threshold, levels: {warning: {above: 6}, critical: {below: 5}}",
            "levels.warning.below: is required, because the other levels have it",
            "levels.critical.above: is required, because the other levels have it",
            id="limits-of-different-kinds",
        ),
        _row(
            "type: threshold, levels: {warning: {below: 6, clear: 5}, critical: {clear: 5}}",
            "levels.warning.clear: must be at least 6, the value of `below`",
            "levels.critical.below: is required, unless `above` is given",
            id="each-level-is-checked-as-a-rule",
        ),
        _row(
            "type: delta, levels: {warning: {drop: 20%}, critical: {drop: 10%}}",
            "levels.warning.drop: must be less than 10%, the limit of `critical`",
            id="drop",
        ),
        _row(
            "type: delta, levels: {warning: {drop: 20%}, critical: {drop: 30}}",
            "levels.warning.drop: write all levels as percentages, or all as amounts",
            id="a-percentage-beside-an-amount",
        ),
        _row(
            "type: delta, levels: {warning: {rise: 2}, critical: {drop: 3}}",
            "levels.warning.rise: another level has `drop`; write two rules",
            id="two-directions",
        ),
        _row(
            "type: stale, match: {job: spot}, levels: {warning: {after: 1h}, critical: {after: 30m}}",
            "levels.warning.after: must be less than 30m, the limit of `critical`",
            id="after",
        ),
        _row(
            "type: stale, levels: {warning: {after: 5m}, critical: {after: 30m}}",
            "levels.warning.after: must be longer than 5m, the time between two polls of job clients",
            id="a-level-within-the-interval",
        ),
        _row(
            "type: failing, levels: {info: {polls: 5}, critical: {polls: 4}}",
            "levels.info.polls: must be less than 4, the limit of `critical`",
            id="polls",
        ),
        _row("type: failing, levels: {info: {polls: 5}}", f"levels: {TWO}", id="one-level"),
        _row("type: failing, levels: {}", f"levels: {TWO}", id="no-level"),
        _row(
            "type: failing, levels: [5, 6]",
            "levels: expected a mapping (key: value), got a list",
            id="a-list",
        ),
        _row(
            "type: threshold, below: 5, clear: 6, severity: info, levels: {info: {below: 2}, critical: {below: 1}}",
            f"below: {BELONGS}",
            f"clear: {BELONGS}",
            "severity: can't be combined with `levels`; each level has its own severity",
            id="limits-and-severity-at-the-rule-too",
        ),
        _row(
            "type: failing, levels: {critcal: {polls: 5}, info: {polls: 1, severity: info, below: 5, pols: 3}}",
            "levels.critcal: expected info, warning or critical, got 'critcal'; did you mean `critical`?",
            "levels.info.severity: unknown key here; it belongs to the rule itself",
            "levels.info.below: unknown key here; it belongs to levels of rules of type threshold",
            "levels.info.pols: unknown key; did you mean `polls`?",
            id="keys",
        ),
        _row(
            "type: stale, levels: {info: {}, critical: {after: 0s}}",
            "levels.info.after: is required",
            "levels.critical.after: must be greater than zero, got '0s'",
            id="values",
        ),
    ],
)
def test_levels_that_cannot_be_meant(rule: str, lines: list[str], tmp_path: Path) -> None:
    """Each is a limit of its rule's type, and the milder the earlier it is reached."""
    assert _problems(tmp_path, rule) == lines


def test_levels_of_a_threshold_are_the_rule_at_each_limit_worst_first(tmp_path: Path) -> None:
    """Everything else is the rule's own."""
    text = "levels: {warning: {below: 50, clear: 60}, critical: {below: 10}}, for: 1m, field: total"
    rule = loaded(tmp_path, f"{JOBS}rules: [{{name: r, type: threshold, {text}}}]").rules[0]
    assert isinstance(rule, Threshold)
    assert [(level.policy.severity, level.below, level.clear) for level in rule.levels] == [
        (Severity.CRITICAL, Decimal(10), None),
        (Severity.WARNING, Decimal(50), Decimal(60)),
    ]
    assert {(level.name, level.field, level.policy.for_, level.levels) for level in (*rule.levels,)} == {
        ("r", "total", timedelta(minutes=1), ())
    }


@pytest.mark.parametrize(
    ("text", "limits"),
    [
        pytest.param("type: delta, levels: {info: {drop: 5%}, critical: {drop: 10%}}", [10, 5], id="delta"),
        pytest.param(
            "type: stale, levels: {info: {after: 1h}, warning: {after: 2h}, critical: {after: 3h}}",
            [timedelta(hours=3), timedelta(hours=2), timedelta(hours=1)],
            id="stale",
        ),
        pytest.param("type: failing, levels: {info: {polls: 2}, warning: {polls: 4}}", [4, 2], id="failing"),
    ],
)
def test_every_type_has_levels(text: str, limits: list[object], tmp_path: Path) -> None:
    """By the limit that the type has."""
    rule = loaded(tmp_path, f"{JOBS}rules: [{{name: r, {text}}}]").rules[0]
    found: list[object] = []
    for level in rule.levels:
        match level:
            case Delta():
                found.append(level.limit)
            case Stale():
                found.append(level.after)
            case Failing():
                found.append(level.polls)
    assert found == limits


@pytest.mark.parametrize(
    ("text", "flapping"),
    [
        pytest.param("", None, id="left-out"),
        pytest.param(", flapping: off", None, id="off"),
        pytest.param(", flapping: No", None, id="no"),
        pytest.param(
            ", flapping: {changes: 6, within: 1h}",
            Flapping(changes=6, within=timedelta(hours=1)),
            id="said",
        ),
    ],
)
def test_a_rule_says_what_flaps(text: str, flapping: Flapping | None, tmp_path: Path) -> None:
    """Unless it does, nothing counts as flapping."""
    rule = loaded(tmp_path, f"{JOBS}rules: [{{name: r, type: failing, cooldown: 10m{text}}}]").rules[0]
    assert (rule.policy.flapping, rule.policy.cooldown) == (flapping, timedelta(minutes=10))


@pytest.mark.parametrize(
    ("flapping", "lines"),
    [
        _row(
            "on",
            "flapping: expected a mapping such as {changes: 6, within: 1h}, or off, got text",
            id="on",
        ),
        _row("{changes: 6}", "flapping.within: is required", id="within-what"),
        _row("{changes: 1, within: 1h}", "flapping.changes: must be at least 2, got '1'", id="once"),
        _row(
            "{chnges: 6, within: 1h}", "flapping.chnges: unknown key; did you mean `changes`?", id="misspelt"
        ),
    ],
)
def test_flapping_that_cannot_be_meant(flapping: str, lines: list[str], tmp_path: Path) -> None:
    """So many changes within a time, or off."""
    assert _problems(tmp_path, f"type: failing, flapping: {flapping}") == lines
