"""What a notification says, in plain text and in Markdown, and what the store keeps of it."""

import json
import re
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.domain.alerts import Event, EventKind, step
from monitor.domain.messages import (
    TREND_LENGTH,
    AmountRead,
    Item,
    Message,
    Report,
    render,
    report,
    test_message,
)
from monitor.domain.model import Field, Severity
from monitor.domain.rules import Breached, Delta, Failing, Ok, Rule, Stale, Threshold

from .support import MINUTE, START, a_report, firing, minutes, policy, reading, readings

LOW = Threshold(name="low", below=Decimal(1000))

test_message.__test__ = False  # type: ignore[attr-defined]


def rendered(facts: Report) -> Message:
    """The message that tells this and nothing else."""
    return render([Item(last=facts)])


def lines(message: Message) -> dict[str, str]:
    """The facts under the first line, by name."""
    return dict(line.split(": ", 1) for line in message.plain.splitlines()[1:])


# A whole message


def test_a_firing() -> None:
    """What was seen, what was expected, since when, and what the number was before."""
    message = rendered(a_report())
    assert message.title == "CRITICAL usdt-low: nami-spot/spot/USDT available 900.10 < 1000"
    assert message.plain == (
        "available 900.10 < 1000\n"
        "Expected: at least 1000\n"
        "Reading: available 900.10\n"
        "Before: 1100.00 at 2026-02-01 14:30:00 UTC, change -199.90 (-18.17 %)\n"
        "Since: 2026-02-01 14:30:00 UTC (1m)\n"
        "Trend: █▁ 1100.00 → 900.10\n"
        "Labels: team=treasury\n"
        "Rule: usdt-low (threshold, critical)\n"
        "At: 2026-02-01 14:31:00 UTC\n"
        "Incident: ABCDEFGHJK, message 1"
    )


def test_a_firing_in_markdown() -> None:
    """The same facts as a list, every one of them in code."""
    assert rendered(a_report()).markdown.startswith(
        "`available 900.10 < 1000`\n\n- Expected: `at least 1000`\n- Reading: `available 900.10`\n"
    )


@pytest.mark.parametrize(
    ("kind", "severity", "headline", "type_"),
    [
        (EventKind.FIRED, "info", "INFO usdt-low", "info"),
        (EventKind.FIRED, "warning", "WARNING usdt-low", "warning"),
        (EventKind.FIRED, "critical", "CRITICAL usdt-low", "failure"),
        (EventKind.REMINDER, "critical", "CRITICAL still firing usdt-low", "failure"),
        (EventKind.WORSENED, "critical", "CRITICAL worse usdt-low", "failure"),
        (EventKind.EASED, "warning", "WARNING eased usdt-low", "warning"),
        (EventKind.ESCALATED, "critical", "CRITICAL not acknowledged usdt-low", "failure"),
        (EventKind.FLAPPING, "warning", "WARNING flapping usdt-low", "warning"),
        (EventKind.RESOLVED, "critical", "RESOLVED usdt-low", "success"),
        (EventKind.CLOSED, "critical", "CLOSED usdt-low", "info"),
    ],
)
def test_headlines_and_types(kind: EventKind, severity: str, headline: str, type_: str) -> None:
    message = rendered(a_report(kind, severity=severity))
    assert (message.title.split(":")[0], message.type) == (headline, type_)


@pytest.mark.parametrize(
    ("kind", "headline", "type_"),
    [
        (EventKind.RESOLVED, "FIRED AND RESOLVED usdt-low: ", "success"),
        (EventKind.CLOSED, "FIRED AND CLOSED usdt-low: ", "info"),
    ],
)
def test_a_firing_and_its_end_in_one(kind: EventKind, headline: str, type_: str) -> None:
    """Both reasons, both numbers, and that it is told late."""
    ended = a_report(kind, seq=3, reason="available 1500")
    message = render([Item(last=ended, fired=a_report())])
    assert message.title.startswith(headline)
    assert message.type == type_
    assert lines(message)["Fired"].startswith(
        "available 900.10 < 1000, not known to have been delivered before"
    )
    assert lines(message)["Incident"] == "ABCDEFGHJK, message 1-3"


@pytest.mark.parametrize("kind", list(EventKind))
def test_the_title_says_where_and_what(kind: EventKind) -> None:
    """It suffices on a lock screen."""
    title = rendered(a_report(kind)).title
    assert title.endswith("usdt-low: nami-spot/spot/USDT available 900.10 < 1000")


# Titles


LONG = "X" * 255


def test_a_title_is_not_longer_than_250_characters() -> None:
    """Some services refuse longer ones."""
    assert len(rendered(a_report(subject=f"clients/{LONG}/VND", reason="available 1 < 2")).title) <= 250


def test_a_title_cut_short_shows_that_it_is() -> None:
    """Cut within its digits, a number would be another number."""
    of = a_report(reason="available " + "1234567890" * 30 + " < 5")
    assert rendered(of).title.endswith("…")


def test_a_long_name_does_not_push_the_number_out_of_the_title() -> None:
    """A client's id may have 255 characters; what is wrong with it still has to be seen."""
    title = rendered(a_report(subject=f"clients/{LONG}/VND", reason="available 4.10 < 5.00")).title
    assert title.endswith("available 4.10 < 5.00")


def test_a_title_is_one_line() -> None:
    """It becomes the subject of a mail."""
    title = rendered(a_report(reason="HTTP 500:\r\nBcc: everyone@example.com")).title
    assert title.splitlines() == [title]


# Names that look like markup


HOSTILE = [
    pytest.param("**bold** _it_ [a](http://x) <b>", id="markup"),
    pytest.param("a`b``c`", id="backticks"),
    pytest.param("`", id="one-backtick"),
    pytest.param("a\n\n# heading", id="heading-on-a-line-of-its-own"),
    pytest.param("a\n- item", id="list-item-on-a-line-of-its-own"),
    pytest.param("a\r\n> quote", id="quote-on-a-line-of-its-own"),
    pytest.param("a\u2028- item", id="unicode-line-separator"),
    pytest.param("@everyone <!channel>", id="mentions"),
]


@pytest.mark.parametrize("name", HOSTILE)
@pytest.mark.parametrize("where", ["rule", "reason", "expected", "label"])
def test_a_name_is_never_markup(name: str, where: str) -> None:
    """Every line of the Markdown is a known name and one span of code, whatever is written in it."""
    facts = {"labels": [["team", name]]} if where == "label" else {where: name}
    first, empty, *rest = rendered(a_report(**facts)).markdown.splitlines()
    assert re.fullmatch(r"`[^`]+`", first)
    assert empty == ""
    assert all(re.fullmatch(r"- [A-Z][a-z]+: `[^`]+`", line) for line in rest)


@pytest.mark.parametrize("name", HOSTILE[3:7])
def test_a_name_makes_no_line_of_its_own(name: str) -> None:
    """In plain text a line break in a label would pass for a fact."""
    expected = len(rendered(a_report()).plain.splitlines())
    assert len(rendered(a_report(labels=[["team", name]])).plain.splitlines()) == expected


def test_the_test_message_names_the_channel() -> None:
    """And says that nothing is wrong."""
    message = test_message("ops", START)
    assert message.title == "TEST balance-monitor: ops"
    assert message.plain == (
        "This is a test of the channel ops, sent 2026-02-01 14:30:00 UTC. Nothing is wrong."
    )
    assert message.type == "info"


def test_a_channels_name_is_no_markup_in_the_test_message() -> None:
    """Names may hold underscores, which Markdown takes for emphasis."""
    assert "`_ops_team_`" in test_message("_ops_team_", START).markdown


# Lines


def test_the_first_reading_says_so() -> None:
    """There is no number before it."""
    assert lines(rendered(a_report(before="", before_at="")))["Before"] == "this is the first reading"


def test_without_a_reading_there_is_none_before() -> None:
    """An outage has no numbers."""
    message = rendered(a_report(field="", value="", before="", before_at="", trend=[]))
    assert {"Reading", "Before", "Trend"}.isdisjoint(lines(message))


@pytest.mark.parametrize(
    ("value", "before", "expected"),
    [
        pytest.param("5", "0", "0 at 2026-02-01 14:30:00 UTC, change +5", id="from-zero"),
        pytest.param("5", "5", "5 at 2026-02-01 14:30:00 UTC, change 0 (0.00 %)", id="the-same"),
        pytest.param("-5", "-10", "-10 at 2026-02-01 14:30:00 UTC, change +5 (+50.00 %)", id="out-of-debt"),
        pytest.param(
            "0.3000000000000000000000000000000000001",
            "0.3",
            "0.3 at 2026-02-01 14:30:00 UTC, change +0.0000000000000000000000000000000000001 (0.00 %)",
            id="every-digit",
        ),
        pytest.param("unknown", "5", "5 at 2026-02-01 14:30:00 UTC", id="now-unknown"),
        pytest.param("5", "unknown", "unknown at 2026-02-01 14:30:00 UTC", id="unknown-before"),
    ],
)
def test_before(value: str, before: str, expected: str) -> None:
    assert lines(rendered(a_report(value=value, before=before)))["Before"] == expected


def test_a_trend_of_one_is_none() -> None:
    """A line needs two points."""
    assert "Trend" not in lines(rendered(a_report(trend=["5"])))


def test_without_labels_there_is_no_line_for_them() -> None:
    """No empty facts."""
    assert "Labels" not in lines(rendered(a_report(labels=[])))


# Reports


def event(kind: EventKind = EventKind.FIRED, severity: Severity = Severity.CRITICAL) -> Event:
    alert = firing(severity=severity)
    return Event(kind=kind, at=START + MINUTE, alert=alert, reason="available 900.10 < 1000")


def test_a_report_has_the_facts_of_its_event() -> None:
    """Who, what, since when, and its number."""
    facts = report(event(), LOW, {"team": "treasury", "job": "nami-spot", "rule": "low"})
    assert (facts.kind, facts.rule, facts.rule_type, facts.severity) == (
        "fired",
        "low",
        "threshold",
        Severity.CRITICAL,
    )
    assert (facts.subject, facts.seq, facts.reason) == ("nami-spot/spot/USDT", 1, "available 900.10 < 1000")
    assert (facts.since, facts.at) == (START, START + MINUTE)
    assert (facts.labels, facts.names) == ((("team", "treasury"),), (("job", "nami-spot"),))


def test_a_report_has_the_reading_and_the_one_before() -> None:
    """With the very digits."""
    facts = report(event(), LOW, {}, readings({0: "1100.00", 1: "900.10"}))
    assert (facts.field, str(facts.reading), str(facts.before)) == ("available", "900.10", "1100.00")
    assert facts.before == AmountRead(amount=Decimal("1100.00"), at=START)


def test_the_first_reading_has_none_before() -> None:
    """None, not zero."""
    facts = report(event(), LOW, {}, readings({0: "900.10"}))
    assert (str(facts.reading), facts.before) == ("900.10", None)


@pytest.mark.parametrize(
    ("rule", "field"),
    [
        pytest.param(replace(LOW, field="total"), "total", id="threshold"),
        pytest.param(
            Delta(name="d", direction="drop", limit=Decimal(1), field="locked"), "locked", id="delta"
        ),
        pytest.param(Stale(name="s", after=timedelta(hours=1)), "available", id="stale"),
        pytest.param(Failing(name="f"), "available", id="failing"),
    ],
)
def test_a_report_shows_the_field_of_its_rule(rule: Rule, field: str) -> None:
    """And `available` where the rule has none."""
    history = (reading("3", total="5", locked="2"),)
    assert report(event(), rule, {}, history).field == field


@pytest.mark.parametrize(("field", "text"), [("available", "3.10"), ("total", "5"), ("locked", "unknown")])
def test_an_amount_is_shown_as_it_came(field: Field, text: str) -> None:
    """And as unknown where it did not."""
    facts = report(event(), replace(LOW, field=field), {}, (reading("3.10", total="5"),))
    assert str(facts.reading) == text


def test_a_missing_amount_is_unknown() -> None:
    """Not zero, and not part of the trend."""
    history = reading("3", locked="2"), reading("3", START + MINUTE)
    facts = report(event(), replace(LOW, field="locked"), {}, history)
    assert (str(facts.reading), str(facts.before), facts.trend) == ("unknown", "2", (Decimal(2),))


def test_the_trend_is_the_last_readings() -> None:
    """So many, the newest last."""
    history = readings({float(number): str(number) for number in range(30)})
    trend = report(event(), LOW, {}, history).trend
    assert (len(trend), trend[0], trend[-1]) == (TREND_LENGTH, Decimal(10), Decimal(29))


@pytest.mark.parametrize("kind", list(EventKind))
def test_every_kind_of_event_can_be_rendered(kind: EventKind) -> None:
    """From the event to the text."""
    message = rendered(report(event(kind), LOW, {}, readings({0: "1100", 1: "900.10"})))
    assert "available 900.10 < 1000" in message.plain


@pytest.mark.parametrize("severity", list(Severity))
def test_every_severity_can_be_rendered(severity: Severity) -> None:
    """Its word opens the title."""
    assert rendered(report(event(severity=severity), LOW, {})).title.startswith(severity.name)


def test_a_reminder_says_since_when_it_has_been_broken() -> None:
    """Not since the last message."""
    alert, _ = step(firing(), Breached("is broken", "not broken"), policy(repeat=60), START + minutes(120))
    facts = report(Event(kind=EventKind.REMINDER, at=START + minutes(120), alert=alert, reason="x"), LOW, {})
    assert lines(rendered(facts))["Since"] == "2026-02-01 14:30:00 UTC (2h)"


# JSON

texts = st.text(max_size=30)
instants = st.datetimes(timezones=st.just(START.tzinfo))
amounts = st.sampled_from(["0", "-1.5", "1E+3", "900.10"]).map(Decimal)
read = st.builds(AmountRead, amount=st.none() | amounts, at=st.none() | instants)
reports = st.builds(
    Report,
    kind=st.sampled_from(EventKind),
    rule=texts,
    rule_type=texts,
    severity=st.sampled_from(Severity),
    subject=texts,
    incident=texts,
    seq=st.integers(1, 10**6),
    at=instants,
    since=instants,
    reason=texts,
    expected=texts,
    labels=st.lists(st.tuples(texts, texts), max_size=3).map(tuple),
    field=texts,
    reading=st.none() | read,
    before=st.none() | read,
    trend=st.lists(amounts, max_size=4).map(tuple),
)


@given(reports)
@settings(max_examples=60, deadline=None)
def test_a_report_survives_json(facts: Report) -> None:
    """What was kept is what is sent."""
    assert Report.from_json(json.loads(json.dumps(facts.to_json()))) == facts


def test_a_report_is_kept_as_text() -> None:
    """With the keys and the digits that it always had: older versions wrote it, and read it again after a downgrade."""
    kept = a_report(value_at=START.isoformat(), names=[["job", "nami-spot"]]).to_json()
    assert json.loads(json.dumps(kept)) == {
        "kind": "fired",
        "rule": "usdt-low",
        "rule_type": "threshold",
        "severity": "critical",
        "subject": "nami-spot/spot/USDT",
        "incident": "ABCDEFGHJK",
        "seq": 1,
        "at": "2026-02-01T14:31:00+00:00",
        "since": "2026-02-01T14:30:00+00:00",
        "reason": "available 900.10 < 1000",
        "expected": "at least 1000",
        "note": "",
        "labels": [["team", "treasury"]],
        "names": [["job", "nami-spot"]],
        "field": "available",
        "value": "900.10",
        "value_at": "2026-02-01T14:30:00+00:00",
        "before": "1100.00",
        "before_at": "2026-02-01T14:30:00+00:00",
        "trend": ["1100.00", "900.10"],
        "details": [],
    }


@given(reports)
@settings(max_examples=60, deadline=None)
def test_every_report_renders(facts: Report) -> None:
    """A title of 250 characters at most, whatever was kept; no error in the outbox for ever."""
    assert 0 < len(rendered(facts).title) <= 250


def test_the_report_of_a_resolve_names_its_incident() -> None:
    """Though the alert is over, and has no id any more."""
    over, [resolved] = step(firing(), Ok("is fine"), policy(), START + MINUTE)
    assert (over.id, report(resolved, LOW, {}).incident) == ("", firing().id)


# Several incidents in one message


@pytest.mark.parametrize(
    ("rules", "begins"),
    [
        pytest.param(("low", "low"), "CRITICAL a/b/USDT: ", id="of-one-rule-the-headline-names-it"),
        pytest.param(("low", "drained"), "CRITICAL low a/b/USDT: ", id="of-several-each-line-does"),
    ],
)
def test_a_line_of_a_group_says_which_rule(rules: tuple[str, str], begins: str) -> None:
    """Two rules may look at one series."""
    items = [Item(last=a_report(rule=rule, subject="a/b/USDT")) for rule in rules]
    assert render(items).plain.splitlines()[1].startswith(begins)
