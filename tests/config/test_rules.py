"""What is wrong with a rule, by itself and against what else is configured."""

from pathlib import Path

import pytest

from tests.config.support import JOBS, problems

BUILT_IN = "`failing` is the name of the built-in rule; choose another, or set `failing: off`"
CHANGES = "expected an amount, such as 250, or a percentage, such as 20%"


def _row(text: str, *lines: str, id: str) -> object:
    return pytest.param(text, list(lines), id=id)


def _problems(folder: Path, rule: str) -> list[str]:
    """What is wrong with a rule that begins in line 10, column 5; without the file's name."""
    return [line.removeprefix("config.yaml:") for line in problems(folder, f"{JOBS}rules:\n  - {rule}\n")]


@pytest.mark.parametrize(
    ("rule", "lines"),
    [
        _row("{name: r}", "10:5: rules[0].type: is required", id="no-type"),
        _row(
            "{name: r, type: [failing]}", "10:21: rules[0].type: expected text, got a list", id="type-a-list"
        ),
        _row("{type: failing}", "10:5: rules[0].name: is required", id="no-name"),
        _row("text", "10:5: rules[0]: expected a mapping (key: value), got text", id="a-text"),
        _row(
            "{name: r, type: treshold, below: 5}",
            "10:21: rules[0].type: unknown rule type 'treshold'; did you mean `threshold`?",
            id="type-misspelt",
        ),
        _row(
            "{name: r, type: treshold, severity: crit, notify: opps}",
            "10:21: rules[0].type: unknown rule type 'treshold'; did you mean `threshold`?",
            "10:41: rules[0].severity: expected info, warning or critical, got 'crit'; did you mean `critical`?",
            "10:55: rules[0].notify: unknown channel 'opps'; did you mean `ops`?",
            id="what-all-types-have-is-checked-all-the-same",
        ),
        _row(
            "{name: r, type: failing, severity: critcal}",
            "10:40: rules[0].severity: expected info, warning or critical, got 'critcal'; did you mean `critical`?",
            id="severity",
        ),
        _row(
            "{name: r, type: failing, repeat_every: nevr}",
            "10:44: rules[0].repeat_every: expected a whole number and a unit: 30s, 5m, 4h or 90d, got 'nevr'",
            id="repeat-every",
        ),
        _row(
            "{name: r, type: failing, notify: [ops, pos]}",
            "10:44: rules[0].notify[1]: unknown channel 'pos'; did you mean `ops`?",
            id="one-of-several-channels",
        ),
        _row(
            "{name: r, type: failing, polls: 0}",
            "10:37: rules[0].polls: must be at least 1, got '0'",
            id="polls-0",
        ),
        _row(
            "{name: r, type: failing, polls: 1001}",
            "10:37: rules[0].polls: must be at most 1000, got '1001'",
            id="polls-1001",
        ),
        _row(
            "{name: r, type: failing, polls: three}",
            "10:37: rules[0].polls: expected a whole number, got 'three'",
            id="polls-in-words",
        ),
        _row(
            "{name: r, type: failing, below: 5}",
            "10:30: rules[0].below: unknown key here; it belongs to rules of type threshold",
            id="key-of-another-type",
        ),
        _row(
            "{name: failing, type: threshold, below: 5}",
            f"10:12: rules[0].name: {BUILT_IN}",
            id="name-of-the-built-in-rule",
        ),
        _row(
            "{name: r, type: failing}\n  - {name: r, type: failing}",
            "11:12: rules[1].name: 'r' is already the name of rules[0]",
            id="name-taken",
        ),
    ],
)
def test_what_all_rules_have(rule: str, lines: list[str], tmp_path: Path) -> None:
    """Name, type, and how it is told."""
    assert _problems(tmp_path, rule) == lines


@pytest.mark.parametrize(
    ("keys", "lines"),
    [
        _row(
            "x: 1",
            "10:5: rules[0].below: is required, unless `above` is given",
            "10:32: rules[0].x: unknown key; known: name, match, for, keep_firing_for, repeat_every, send_resolved, "
            "cooldown, flapping, severity, notify, message, links, chart, below, above, clear, type, field, levels",
            id="no-limit",
        ),
        _row(
            "below: 5, above: 5",
            "10:39: rules[0].below: must be less than 5, the value of `above`",
            id="below-not-less-than-above",
        ),
        _row(
            "below: 5, clear: 4.99",
            "10:49: rules[0].clear: must be at least 5, the value of `below`",
            id="clear-under-below",
        ),
        _row(
            "above: 5, clear: 5.01",
            "10:49: rules[0].clear: must be at most 5, the value of `above`",
            id="clear-over-above",
        ),
        _row(
            "below: 5, above: 9, clear: 7",
            "10:52: rules[0].clear: can't be combined with both `below` and `above`; write two rules",
            id="clear-of-both",
        ),
        _row("below: 1 000", "10:39: rules[0].below: '1 000' is not a number", id="blank-in-a-number"),
        _row("below: 1_000", "10:39: rules[0].below: '1_000' is not a number", id="underscore-in-a-number"),
        _row("below: .nan", "10:39: rules[0].below: '.nan' is not a number", id="nan"),
        _row("below: [5]", "10:39: rules[0].below: expected an amount, got a list", id="a-list"),
        _row(
            "below: 5, field: locked, match: {job: clients}",
            "10:49: rules[0].field: no job that this rule matches reports `locked`",
            id="locked-where-it-is-not-told",
        ),
        _row(
            "below: 5, field: free",
            "10:49: rules[0].field: expected available, total or locked, got 'free'",
            id="field",
        ),
    ],
)
def test_a_threshold(keys: str, lines: list[str], tmp_path: Path) -> None:
    """One limit or two, and `clear` on the right side."""
    assert _problems(tmp_path, f"{{name: r, type: threshold, {keys}}}") == lines


@pytest.mark.parametrize(
    "keys", ["below: 5, clear: 5", "above: 5, clear: 5", "below: 4, above: 5", "below: 5, field: locked"]
)
def test_a_threshold_at_its_bounds(keys: str, tmp_path: Path) -> None:
    """`clear` may be the limit itself; `locked` may be asked of whoever tells it."""
    assert _problems(tmp_path, f"{{name: r, type: threshold, {keys}}}") == []


@pytest.mark.parametrize(
    ("keys", "lines"),
    [
        _row(
            "field: total", "10:5: rules[0].drop: is required, unless `rise` or `change` is given", id="none"
        ),
        _row(
            "drop: 5, rise: 5",
            "10:37: rules[0].rise: can't be combined with `drop`; write two rules",
            id="two",
        ),
        _row("drop: 0", "10:34: rules[0].drop: must be greater than zero, got '0'", id="zero"),
        _row("drop: -5%", "10:34: rules[0].drop: must be greater than zero, got '-5%'", id="negative"),
        _row("drop: '%'", f"10:34: rules[0].drop: {CHANGES}, got '%'", id="percent-of-what"),
        _row("drop: a lot", f"10:34: rules[0].drop: {CHANGES}, got 'a lot'", id="words"),
        _row(
            "drop: [5]",
            f"10:34: rules[0].drop: {CHANGES}",
            id="a-list",
        ),
        _row(
            "drop: 5, within: 91d",
            "10:45: rules[0].within: must be at most 90d, the value of store.keep",
            id="window",
        ),
    ],
)
def test_a_delta(keys: str, lines: list[str], tmp_path: Path) -> None:
    """One direction, more than nothing, over a time that is kept."""
    assert _problems(tmp_path, f"{{name: r, type: delta, {keys}}}") == lines


@pytest.mark.parametrize(
    ("keys", "lines"),
    [
        _row("clock: observed", "10:5: rules[0].after: is required", id="no-after"),
        _row(
            "after: 5m",
            "10:35: rules[0].after: must be longer than 5m, the time between two polls of job clients",
            id="after-not-more-than-an-interval",
        ),
        _row(
            "after: 2h, clock: provider",
            "10:46: rules[0].clock: the service of job spot does not report when a wallet last changed; narrow `match`",
            id="clock-that-not-all-have",
        ),
    ],
)
def test_a_stale_rule(keys: str, lines: list[str], tmp_path: Path) -> None:
    """It must not fire between two polls, nor ask for a time that is not told."""
    assert _problems(tmp_path, f"{{name: r, type: stale, {keys}}}") == lines


def test_a_stale_rule_minds_the_jobs_that_it_is_about(tmp_path: Path) -> None:
    """A job of a longer interval is none of its business."""
    assert _problems(tmp_path, "{name: r, type: stale, after: 5m, match: {job: spot}}") == []


@pytest.mark.parametrize(
    ("cron", "gap"),
    [
        ("*/5 8-18 * * mon-fri", "5m"),
        ("0 9 * * mon-fri", "1d"),
        ("0 9 * * mon", "7d"),
        ("0 9 1 * *", "28d"),
        ("0 9 1 jan,jul *", "181d"),
    ],
)
def test_a_stale_rule_minds_the_runs_of_cron(cron: str, gap: str, tmp_path: Path) -> None:
    """With the shortest time between two runs it would fire in every one; longer ones are rests, and do not count."""
    text = JOBS.replace("every: 5m", f"cron: '{cron}'")
    assert problems(tmp_path, f"{text}rules:\n  - {{name: r, type: stale, after: {gap}}}\n") == [
        f"config.yaml:10:35: rules[0].after: must be longer than {gap}, the time between two polls of job clients"
    ]
    assert problems(tmp_path, f"{text}rules:\n  - {{name: r, type: stale, after: 1{gap}}}\n") == []


@pytest.mark.parametrize(
    ("match", "lines"),
    [
        _row("{job: spto}", "job: unknown job 'spto'; did you mean `spot`?", id="job"),
        _row(
            "{job: [spot, clents]}",
            "job[1]: unknown job 'clents'; did you mean `clients`?",
            id="one-of-several-jobs",
        ),
        _row("{provider: wdfc}", "provider: unknown provider 'wdfc'; did you mean `wdcf`?", id="provider"),
        _row(
            "{job: spot, currency: UDST}",
            "currency: unknown currency 'UDST'; did you mean `USDT`?",
            id="currency",
        ),
        _row(
            "{job: clients, currency: USDT}",
            "currency: unknown currency 'USDT'; did you mean `USD`?",
            id="usd",
        ),
        _row("{taem: front}", "taem: unknown attribute or label 'taem'; did you mean `team`?", id="label"),
        _row("{account: nobody}", "matches no configured account", id="account"),
        _row("{job: clients, account: spot}", "matches no configured account", id="job-and-account"),
        _row("{currency: 'E*'}", "matches no configured account", id="currency-glob"),
        _row("{team: back}", "matches no configured account", id="label-of-another-value"),
        _row("{job: 'x*'}", "matches no configured account", id="job-glob"),
        _row("{job: []}", "job: is empty", id="no-globs"),
        _row("{job: }", "job: is empty; set a value, or remove the key", id="null-glob"),
        _row("[spot]", "expected a mapping (key: value), got a list", id="a-list"),
    ],
)
def test_a_match_that_cannot_be_meant(match: str, lines: list[str], tmp_path: Path) -> None:
    """What refers to nothing that is configured is a mistake."""
    (line,) = _problems(tmp_path, f"{{name: r, type: threshold, below: 1, match: {match}}}")
    place, _, reason = line.partition(": rules[0].match")
    assert place.startswith("10:")
    assert [reason.removeprefix(".").removeprefix(": ")] == lines


@pytest.mark.parametrize(
    "match",
    [
        "{}",
        "{job: '*'}",
        "{job: [spot, 'x*']}",
        "{account: [A, Z]}",
        "{currency: US*}",
        "{team: f*}",
        "{currency: '[UV]*'}",
    ],
)
def test_a_match_that_can_be_meant(match: str, tmp_path: Path) -> None:
    """Globs may fit what will be there one day, as long as the rule is about something now."""
    assert _problems(tmp_path, f"{{name: r, type: threshold, below: 1, match: {match}}}") == []


def test_any_currency_may_be_meant_where_the_answer_decides(tmp_path: Path) -> None:
    """A job without named currencies has whatever its answers hold."""
    text = JOBS.replace(", currencies: {1: VNDC, 22: USDT}", "")
    rule = "{name: r, type: threshold, below: 1, match: {currency: '22'}}"
    assert problems(tmp_path, f"{text}rules: [{rule}]\n") == []
