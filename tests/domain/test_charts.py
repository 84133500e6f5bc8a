"""Which messages carry pictures, and what of."""

import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from monitor.domain.alerts import EventKind
from monitor.domain.charts import MOST, ChartSpec, Line, charts_for, is_wanted, may_be_wanted
from monitor.domain.messages import Item, Report
from monitor.domain.model import Severity
from monitor.domain.rules import Delta, Failing, Policy, Presentation, Rule, Threshold
from monitor.domain.schedule import Cron, Every, Schedule, gap_after

AT = datetime(2026, 2, 1, 14, 30, tzinfo=UTC)
SINCE = AT - timedelta(minutes=5)
LOW = Threshold(name="low", below=Decimal("1000.00"), clear=Decimal(1200))
GAPS_AFTER = {"nami": timedelta(seconds=150)}
SERIES = (("account", "spot"), ("currency", "USDT"), ("job", "nami"), ("provider", "main"))


def _report(**changes: Any) -> Report:
    facts = {
        "kind": EventKind.FIRED,
        "rule": "low",
        "rule_type": "threshold",
        "severity": Severity.WARNING,
        "subject": "nami/spot/USDT",
        "incident": "A",
        "seq": 1,
        "at": AT,
        "since": SINCE,
        "reason": "r",
        "expected": "e",
        "names": SERIES,
        "field": "total",
    }
    return Report(**{**facts, **changes})


def _wanted(*items: Item, rules: Sequence[Rule] = (LOW,)) -> tuple[ChartSpec, ...]:
    """What is shown on a channel with `chart: true`."""
    return charts_for(items, True, {rule.name: rule for rule in rules}, GAPS_AFTER)


@pytest.mark.parametrize(
    ("channel", "rule", "expected"),
    [
        pytest.param(None, None, False, id="nobody-asks"),
        pytest.param(None, True, True, id="the-rule-asks"),
        pytest.param(True, None, True, id="the-channel-asks"),
        pytest.param(True, True, True, id="both-ask"),
        pytest.param(False, True, False, id="the-channel-will-not-have-any"),
        pytest.param(True, False, False, id="the-rule-will-not-have-any"),
        pytest.param(False, None, False, id="only-a-no"),
    ],
)
def test_one_yes_is_enough_and_one_no_too_much(
    channel: bool | None, rule: bool | None, expected: bool
) -> None:
    """Of a channel and a rule, either can ask, and either can forbid."""
    low = replace(LOW, presentation=Presentation(chart=rule))
    shown = charts_for([Item(last=_report())], channel, {"low": low}, GAPS_AFTER)
    assert is_wanted(channel, rule) is bool(shown) is may_be_wanted(channel, [low]) is expected


def test_a_threshold_shows_its_limit_and_where_it_clears() -> None:
    """With the digits of the configuration, and the incident up to the picture's edge."""
    assert _wanted(Item(last=_report())) == (
        ChartSpec(
            series="nami/spot/USDT",
            field="total",
            title="WARNING low",
            severity="warning",
            until=AT,
            gap_after=timedelta(seconds=150),
            fired_since=SINCE,
            lines=(
                Line(amount="1000.00", label="limit 1000.00", severity="warning"),
                Line(amount="1200", label="clears at 1200"),
            ),
        ),
    )


def test_levels_are_shown_each_with_its_severity() -> None:
    """Above and below."""
    critical = Threshold(
        name="low", below=Decimal(1), above=Decimal(9), policy=Policy(severity=Severity.CRITICAL)
    )
    info = Threshold(name="low", below=Decimal(2), above=Decimal(8), policy=Policy(severity=Severity.INFO))
    (chart,) = _wanted(Item(last=_report()), rules=[Threshold(name="low", levels=(critical, info))])
    assert [line.label for line in chart.lines] == ["critical 1", "critical 9", "info 2", "info 8"]


def test_other_rules_have_no_line() -> None:
    """A change has no amount that it is measured against."""
    (chart,) = _wanted(Item(last=_report()), rules=[Delta(name="low", direction="drop", limit=Decimal(5))])
    assert chart.lines == ()


def test_an_end_is_shown_from_its_firing_on() -> None:
    """Also where both are told in one message."""
    fired = _report(since=AT - timedelta(hours=1))
    both = Item(last=_report(kind=EventKind.RESOLVED), fired=fired)
    (chart,) = _wanted(both)
    assert (chart.fired_since, chart.over_at) == (AT - timedelta(hours=1), AT)
    assert chart.title == "FIRED AND RESOLVED low"


@pytest.mark.parametrize(
    "report",
    [
        pytest.param(_report(names=(("provider", "main"),), subject="main"), id="a-provider"),
        pytest.param(_report(names=SERIES[:1] + SERIES[2:], subject="nami/spot/*"), id="an-account"),
        pytest.param(_report(kind=EventKind.SUMMARY, names=(), subject=""), id="the-summary"),
        pytest.param(_report(rule="gone"), id="a-rule-that-is-gone"),
        pytest.param(_report(names=(("currency", "USDT"), ("job", "gone"))), id="a-job-that-is-gone"),
    ],
)
def test_what_is_about_no_series_shows_none(report: Report) -> None:
    """Whatever the channel asks for."""
    assert _wanted(Item(last=report), rules=[LOW, Failing(name="failing")]) == ()


def test_of_many_the_worst_are_shown() -> None:
    """As many as a phone takes, in the message's order."""
    mild = [Item(last=_report(subject=f"nami/{number}/USDT", incident=str(number))) for number in range(9)]
    worst = Item(last=_report(subject="nami/worst/USDT", severity=Severity.CRITICAL))
    shown = _wanted(*mild, worst)
    assert [chart.series for chart in shown] == ["nami/worst/USDT", "nami/0/USDT", "nami/1/USDT"]
    assert len(shown) == MOST


@pytest.mark.parametrize(
    ("schedule", "gap"),
    [
        pytest.param(Every(interval=timedelta(minutes=4)), timedelta(minutes=10), id="an-interval"),
        pytest.param(
            Cron(expression="0 0,12 * * *", timezone=ZoneInfo("UTC")), timedelta(hours=30), id="a-cron"
        ),
    ],
)
def test_one_missing_poll_is_no_gap_and_two_are(schedule: Schedule, gap: timedelta) -> None:
    """Counted by the job's own schedule."""
    assert gap_after(schedule) == gap


@pytest.mark.parametrize("kind", [EventKind.FIRED, EventKind.RESOLVED])
def test_a_chart_survives_the_way_to_its_process(kind: EventKind) -> None:
    """As JSON, and back."""
    (chart,) = _wanted(Item(last=_report(kind=kind)))
    assert ChartSpec.from_json(json.loads(json.dumps(chart.to_json()))) == chart
