"""Routes, inhibitions and maintenance windows: what is wrong with them, and what good ones become."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from monitor.domain.matching import Match
from monitor.domain.mutes import Inhibition, Maintenance
from monitor.domain.routing import Route
from monitor.domain.schedule import Cron
from monitor.domain.windows import OneOff, Recurring
from tests.config.support import JOBS, loaded, problems

RULES = "rules: [{name: low, type: threshold, below: 5, severity: critical, match: {job: spot}}]\n"
SPAN = "expected a whole number and a unit: 30s, 5m, 4h or 90d"
CLOCK = "expected a date and a time, such as 2026-12-01T02:00; set its time zone with `timezone`"
KNOWN = "known: rule, type, severity, subject, job, provider, account, currency, team"


def _row(text: str, *lines: str, id: str) -> object:
    return pytest.param(text, list(lines), id=id)


def _problems(folder: Path, text: str) -> list[str]:
    """What is wrong with what begins in line 10; without the file's name."""
    return [line.removeprefix("config.yaml:") for line in problems(folder, f"{JOBS}{RULES}{text}\n")]


@pytest.mark.parametrize(
    ("route", "lines"),
    [
        _row(
            "{notify: [ops, pos], escalate_after: 1m, escalate_to: boss}",
            "10:25: routes[0].notify[1]: unknown channel 'pos'; did you mean `ops`?",
            "10:64: routes[0].escalate_to: unknown channel 'boss'; known: ops",
            id="channels",
        ),
        _row(
            "{escalate_after: 15m}",
            "10:10: routes[0].escalate_to: is required with `escalate_after`",
            id="escalate-to-whom",
        ),
        _row(
            "{escalate_to: ops}",
            "10:10: routes[0].escalate_after: is required with `escalate_to`",
            id="escalate-when",
        ),
        _row(
            "{escalate_after: 15m, escalate_to: []}",
            "10:45: routes[0].escalate_to: is empty; name at least one channel",
            id="escalate-to-nobody",
        ),
        _row(
            "{group_by: [rule, provder], group_wait: 6m, continue: perhaps}",
            "10:28: routes[0].group_by[1]: unknown attribute or label 'provder'; did you mean `provider`?",
            "10:50: routes[0].group_wait: must be at most 5m, got '6m'",
            "10:64: routes[0].continue: expected true or false, got 'perhaps'",
            id="grouping",
        ),
        _row(
            "{notfy: ops, group_wait: 10}",
            "10:11: routes[0].notfy: unknown key; did you mean `notify`?",
            f"10:35: routes[0].group_wait: {SPAN}, got '10'",
            id="keys",
        ),
        _row("text", "10:10: routes[0]: expected a mapping (key: value), got text", id="a-text"),
    ],
)
def test_a_route_that_cannot_be_meant(route: str, lines: list[str], tmp_path: Path) -> None:
    """To channels that there are, with both halves of an escalation."""
    assert _problems(tmp_path, f"routes: [{route}]") == lines


def test_routes_are_a_list(tmp_path: Path) -> None:
    """Each begins with what it is about."""
    assert _problems(tmp_path, "routes: {match: {}}\ninhibit: {source: {}}\nmaintenance: {name: x}") == [
        "10:9: routes: expected a list (- match: …), got a mapping",
        "11:10: inhibit: expected a list (- source: …), got a mapping",
        "12:14: maintenance: expected a list (- name: …), got a mapping",
    ]


MATCHES = [
    _row("{rule: lwo}", "rule: unknown rule 'lwo'; did you mean `low`?", id="rule"),
    _row("{type: stael}", "type: unknown type 'stael'; did you mean `stale`?", id="type"),
    _row(
        "{severity: [info, crit]}",
        "severity[1]: unknown severity 'crit'; did you mean `critical`?",
        id="severity",
    ),
    _row("{job: spto}", "job: unknown job 'spto'; did you mean `spot`?", id="job"),
    _row("{provider: nmai}", "provider: unknown provider 'nmai'; did you mean `nami`?", id="provider"),
    _row(
        "{job: spot, currency: UDST}",
        "currency: unknown currency 'UDST'; did you mean `USDT`?",
        id="currency",
    ),
    _row("{taem: front}", "taem: unknown attribute or label 'taem'; did you mean `team`?", id="label"),
    _row("{account: nobody}", "matches no configured account", id="account"),
    _row("{job: clients, team: front}", "matches no configured account", id="label-of-another-job"),
    _row("{rule: []}", "rule: is empty", id="no-globs"),
    _row("[low]", "expected a mapping (key: value), got a list", id="a-list"),
]


@pytest.mark.parametrize(
    ("before", "after"),
    [
        pytest.param("routes: [{match: ", "}]", id="routes"),
        pytest.param("inhibit: [{target: {rule: low}, source: ", "}]", id="inhibit-source"),
        pytest.param("inhibit: [{source: {rule: low}, target: ", "}]", id="inhibit-target"),
        pytest.param("maintenance: [{name: m, cron: '0 2 * * *', lasts: 1h, match: ", "}]", id="maintenance"),
    ],
)
@pytest.mark.parametrize(("match", "lines"), MATCHES)
def test_a_match_that_cannot_be_meant(
    before: str, after: str, match: str, lines: list[str], tmp_path: Path
) -> None:
    """What refers to nothing that is configured is a mistake, wherever alerts are matched."""
    (line,) = _problems(tmp_path, f"{before}{match}{after}")
    place, _, reason = line.partition(": ")
    column = int(place.removeprefix("10:"))
    assert len(before) < column <= len(before + match)
    key = before.split(": [")[0]
    assert reason.startswith(f"{key}[0].")
    assert reason.endswith(lines[0])


@pytest.mark.parametrize(
    "match",
    [
        "{}",
        "{rule: [low, 'x*'], severity: crit*}",
        "{rule: failing, severity: warning, type: failing}",
        "{subject: spot/*, account: [A, spot]}",
        "{team: f*, currency: USDT}",
    ],
)
def test_a_match_that_can_be_meant(match: str, tmp_path: Path) -> None:
    """By rules, the built-in one too, and by what the series are."""
    assert _problems(tmp_path, f"routes: [{{match: {match}}}]") == []


def test_without_rules_a_route_for_everything_is_no_mistake(tmp_path: Path) -> None:
    """They may come later."""
    text = (
        "failing: off\nroutes: [{group_wait: 0s}]\nmaintenance: [{name: m, cron: '0 2 * * *', lasts: 1h}]\n"
    )
    assert problems(tmp_path, JOBS + text) == []


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("rules: x\nroutes: [{match: {rule: low}}]", id="rules"),
        pytest.param("rules: [{type: failing}]\nroutes: [{match: {rule: low}}]", id="a-rule-without-a-name"),
        pytest.param("routes: [{escalate_aftr: 1m, escalate_to: ops}]", id="one-half-misspelt"),
        pytest.param("maintenance: [{name: m, from: x, until: 2026-01-01T01:00}]", id="a-time-that-is-none"),
    ],
)
def test_one_mistake_does_not_bring_others_with_it(text: str, tmp_path: Path) -> None:
    """What refers to something that is wrong is not wrong itself."""
    assert len(problems(tmp_path, f"{JOBS}{text}\n")) == 1


@pytest.mark.parametrize(
    ("inhibition", "lines"),
    [
        _row("{source: {rule: low}}", "10:11: inhibit[0].target: is required", id="whom"),
        _row(
            "{source: {rule: low}, target: {}}",
            "10:41: inhibit[0].target: is empty; add at least one condition",
            id="everybody",
        ),
        _row(
            "{source: {rule: low}, target: {type: stael}, equal: [provider, labl]}",
            "10:48: inhibit[0].target.type: unknown type 'stael'; did you mean `stale`?",
            f"10:74: inhibit[0].equal[1]: unknown attribute or label 'labl'; {KNOWN}",
            id="all-at-once",
        ),
    ],
)
def test_an_inhibition_that_cannot_be_meant(inhibition: str, lines: list[str], tmp_path: Path) -> None:
    """Two kinds of alerts, and what they have in common."""
    assert _problems(tmp_path, f"inhibit: [{inhibition}]") == lines


@pytest.mark.parametrize(
    ("window", "lines"),
    [
        _row(
            "",
            "maintenance[0].from: is required with `until`, unless `cron` and `lasts` are given",
            id="nothing",
        ),
        _row(
            ", from: 2026-12-01T02:00",
            "maintenance[0].until: is required with `from`",
            id="no-end",
        ),
        _row(
            ", cron: '0 2 * * *'",
            "maintenance[0].lasts: is required with `cron`",
            id="a-recurring-without-end",
        ),
        _row(", lasts: 2h", "maintenance[0].cron: is required with `lasts`", id="lasts-from-when"),
        _row(
            ", from: 2026-12-01T02:00, until: 2026-12-01T02:00",
            "maintenance[0].until: must be after 2026-12-01T02:00, the value of `from`",
            id="ends-as-it-begins",
        ),
        _row(
            ", from: 2026-12-01T02:00, until: 2026-12-01T03:00, cron: '0 2 * * *'",
            "maintenance[0].cron: can't be combined with `from`; keep one of them",
            id="both-forms",
        ),
        _row(
            ", from: 2026-02-30T02:00, until: tomorrow",
            "maintenance[0].from: is not in the calendar: day is out of range for month, got '2026-02-30T02:00'",
            f"maintenance[0].until: {CLOCK}, got 'tomorrow'",
            id="times",
        ),
        _row(
            ", from: 2026-12-01T02:00Z, until: 2026-12-01 03:00",
            f"maintenance[0].from: {CLOCK}, got '2026-12-01T02:00Z'",
            id="a-time-with-a-zone",
        ),
        _row(
            ", cron: '0 25 * * *', lasts: 8d, timezone: Asia/Hanoy",
            "maintenance[0].cron: hour '25': expected 0-23, got '0 25 * * *'",
            "maintenance[0].lasts: must be at most 7d, got '8d'",
            "maintenance[0].timezone: unknown time zone 'Asia/Hanoy'",
            id="cron-and-zone",
        ),
        _row(
            ", cron: '*/30 * * * *', lasts: 30m",
            "maintenance[0].lasts: must be shorter than 30m, the time between two starts; else the window never ends",
            id="one-that-never-ends",
        ),
        _row(
            ", cron: '0 2 * * *', lasts: 1h}, {name: m, cron: '0 4 * * *', lasts: 1h",
            "maintenance[1].name: 'm' is already the name of maintenance[0]",
            id="name-taken",
        ),
    ],
)
def test_a_maintenance_that_cannot_be_meant(window: str, lines: list[str], tmp_path: Path) -> None:
    """It has one form, and an end after its beginning."""
    found = [line.partition(": ")[2] for line in _problems(tmp_path, f"maintenance: [{{name: m{window}}}]")]
    assert len(found) == len(lines)
    assert all(line.startswith(expected) for line, expected in zip(found, lines, strict=True))


@pytest.mark.parametrize(
    ("route", "expected"),
    [
        pytest.param("{}", Route(number=0), id="the-defaults-of-the-domain"),
        pytest.param(
            "{match: {severity: critical, team: [front, back]}, notify: ops, group_by: [], group_wait: 0s, "
            "escalate_after: 15m, escalate_to: ops, continue: yes}",
            Route(
                number=0,
                match=Match({"severity": ("critical",), "team": ("front", "back")}),
                channels=("ops",),
                group_by=(),
                group_wait=timedelta(0),
                escalate_after=timedelta(minutes=15),
                escalate_to=("ops",),
                continues=True,
            ),
            id="all-that-can-be-said",
        ),
        pytest.param("{notify: []}", Route(number=0, channels=()), id="nobody"),
    ],
)
def test_a_route_is_as_the_file_says(route: str, expected: Route, tmp_path: Path) -> None:
    """Everything that can be said of a route reaches it, and it knows its number."""
    assert loaded(tmp_path, f"{JOBS}{RULES}routes: [{route}, {{}}]").routes == (expected, Route(number=1))


def test_an_inhibition_is_as_the_file_says(tmp_path: Path) -> None:
    """With nothing in common by default."""
    text = "inhibit: [{source: {type: failing}, target: {rule: low}, equal: [provider]}]"
    source, target = Match({"type": ("failing",)}), Match({"rule": ("low",)})
    assert loaded(tmp_path, f"{JOBS}{RULES}{text}").inhibitions == (
        Inhibition(source=source, target=target, equal=("provider",)),
    )


@pytest.mark.parametrize(
    ("text", "window"),
    [
        pytest.param(
            "from: 2026-12-01T02:00, until: 2026-12-01 05:30:15",
            OneOff(
                starts_at=datetime(2026, 12, 1, 2, tzinfo=UTC),
                ends_at=datetime(2026, 12, 1, 5, 30, 15, tzinfo=UTC),
            ),
            id="once-in-utc",
        ),
        pytest.param(
            "from: 2026-12-01T02:00, until: 2026-12-01T05:00, timezone: Asia/Ho_Chi_Minh",
            OneOff(
                starts_at=datetime(2026, 11, 30, 19, tzinfo=UTC),
                ends_at=datetime(2026, 11, 30, 22, tzinfo=UTC),
            ),
            id="once-elsewhere",
        ),
        pytest.param(
            "from: 2026-10-25T02:30, until: 2026-10-25T02:45, timezone: Europe/Berlin",
            OneOff(
                starts_at=datetime(2026, 10, 25, 0, 30, tzinfo=UTC),
                ends_at=datetime(2026, 10, 25, 1, 45, tzinfo=UTC),
            ),
            id="in-an-hour-that-comes-twice-from-the-first-to-the-last",
        ),
        pytest.param(
            "from: 2026-03-29T02:15, until: 2026-03-29T02:45, timezone: Europe/Berlin",
            OneOff(
                starts_at=datetime(2026, 3, 29, 1, 15, tzinfo=UTC),
                ends_at=datetime(2026, 3, 29, 1, 45, tzinfo=UTC),
            ),
            id="in-an-hour-that-is-left-out-by-the-clocks-of-before",
        ),
        pytest.param(
            "cron: '0 2 * * sun', lasts: 2h, timezone: Asia/Ho_Chi_Minh",
            Recurring(
                cron=Cron(expression="0 2 * * sun", timezone=ZoneInfo("Asia/Ho_Chi_Minh")),
                lasts=timedelta(hours=2),
            ),
            id="again-and-again",
        ),
    ],
)
def test_a_maintenance_is_as_the_file_says(text: str, window: OneOff | Recurring, tmp_path: Path) -> None:
    """By the clocks of the time zone that it names."""
    config = loaded(tmp_path, f"{JOBS}maintenance: [{{name: m, {text}, match: {{job: spot}}}}]")
    assert config.maintenance == (Maintenance(name="m", match=Match({"job": ("spot",)}), window=window),)
