"""What a notification says: a title that suffices on a lock screen, and a body with the facts.

A `Report` holds the facts of one event as text, as they were when it happened; it is what the store keeps.
Rendering happens when a message is sent, so that a firing and its resolve can still become one message.
"""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from decimal import Decimal
from html import escape, unescape
from types import MappingProxyType
from typing import Any, Literal

from monitor.domain.alerts import Event, EventKind
from monitor.domain.model import Reading, Severity, Subject, value_text
from monitor.domain.money import percent_of, plain, signed, sparkline, subtract
from monitor.domain.rules import Rule
from monitor.domain.time import moment, span

_LONGEST_TITLE = 250
_LONGEST_SUBJECT = 100
_LISTED = 10
_TAG = re.compile(r"<[^>]*>")

TREND_LENGTH = 20
"""Readings in a message's sparkline."""

Type = Literal["info", "warning", "failure", "success"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """The facts of one event. Instants are ISO 8601 in UTC, amounts the digits as they came.

    `seq` is the message's number within its incident; `since` the first breaching reading; `value` the reading
    that caused the event and `before` the one before it; `trend` the last readings, the newest last. `note` says
    what is particular about the event. `details` are the lines of what is told of no alert."""

    kind: str
    rule: str
    rule_type: str
    severity: str
    subject: str
    incident: str
    seq: int
    at: str
    since: str
    reason: str
    expected: str
    note: str = ""
    labels: tuple[tuple[str, str], ...] = ()
    names: tuple[tuple[str, str], ...] = ()
    field: str = ""
    value: str = ""
    value_at: str = ""
    before: str = ""
    before_at: str = ""
    trend: tuple[str, ...] = ()
    details: tuple[tuple[str, str], ...] = ()

    def to_json(self) -> dict[str, Any]:
        """A value that `json` can write and `from_json` can read back."""
        return asdict(self)

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> "Report":
        """The report that `to_json` wrote."""
        pairs = {
            key: tuple((name, value) for name, value in data.get(key, ()))
            for key in ("labels", "names", "details")
        }
        return cls(**{**data, **pairs, "trend": tuple(data["trend"])})


@dataclass(frozen=True, slots=True, kw_only=True)
class ChartImage:
    """A PNG, and the name it goes by as a file."""

    name: str
    png: bytes = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """A notification as text, for services that show plain text, Markdown or HTML; and the pictures beside it."""

    title: str
    plain: str
    markdown: str
    html: str
    type: Type
    pictures: tuple[ChartImage, ...] = ()


def report(
    event: Event,
    rule: Rule | None,
    labels: tuple[tuple[str, str], ...] = (),
    history: Sequence[Reading] = (),
    names: tuple[tuple[str, str], ...] = (),
) -> Report:
    """The facts of an event. `names` are the subject's own: its job, account and so on. `history` ends with the
    newest reading of the alert's series, where it has one.

    `rule` is None where the configuration no longer has it."""
    alert = event.alert
    facts = Report(
        kind=event.kind,
        rule=alert.rule,
        rule_type=rule.kind if rule else "",
        severity=alert.severity.word,
        subject=alert.subject,
        incident=alert.id,
        seq=alert.seq,
        at=event.at.isoformat(),
        since=(alert.since or event.at).isoformat(),
        reason=event.reason,
        expected=alert.expected,
        note=event.note,
        labels=labels,
        names=names,
    )
    return _with_readings(facts, rule, history) if rule and history else facts


def _with_readings(facts: Report, rule: Rule, history: Sequence[Reading]) -> Report:
    tail = history[-TREND_LENGTH:]
    before = history[-2] if len(history) > 1 else None
    readings = {
        "field": rule.field,
        "value": value_text(history[-1], rule.field),
        "value_at": history[-1].observed_at.isoformat(),
        "before": value_text(before, rule.field) if before else "",
        "before_at": before.observed_at.isoformat() if before else "",
        "trend": tuple(plain(value) for reading in tail if (value := reading.value(rule.field)) is not None),
    }
    return Report.from_json({**facts.to_json(), **readings})


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """What a message tells of one incident: an event; with `fired`, a firing and the end that overtook it.

    `first` is the number of the first event that it is in place of, where there are others before `last`."""

    last: Report
    fired: Report | None = None
    first: int | None = None

    @property
    def is_over(self) -> bool:
        """Whether it tells of an end."""
        return EventKind(self.last.kind) in (EventKind.RESOLVED, EventKind.CLOSED)

    @property
    def numbers(self) -> str:
        """The numbers, within the incident, of the messages that this one is."""
        first = self.fired.seq if self.fired else self.first
        return str(self.last.seq) if first is None else f"{first}-{self.last.seq}"


def render(
    items: Sequence[Item], instead_of: str = "", links: Mapping[str, str] = MappingProxyType({})
) -> Message:
    """The message for an event, or for several that are told together, at least one.

    `instead_of` says which channel should have told it, and why it did not. `links` are more lines, by name."""
    extra = [(name.capitalize(), link) for name, link in links.items()]
    if instead_of:
        extra.append(("Instead of", instead_of))
    if len(items) == 1:
        return _single(items[0], extra)
    return _group(worst_first(items), extra)


def _single(item: Item, extra: Sequence[tuple[str, str]]) -> Message:
    last = item.last
    about = f" {last.rule}: {_shortened(last.subject)} " if last.subject else ": "
    return _message(
        title=f"{headline(item)}{about}{last.reason}",
        summary=last.reason,
        lines=[*_lines(item), *extra],
        type_=_type(last),
    )


def _group(items: Sequence[Item], extra: Sequence[tuple[str, str]]) -> Message:
    """A headline with the count, the worst first, those that are too many counted."""
    worst = items[0]
    counts = Counter(headline(item) for item in items)
    counted = ", ".join(f"{count} {what}" for what, count in counts.items())
    names = list(dict.fromkeys(item.last.rule for item in items))
    rules = ", ".join(names)
    lines = [(_about(item, several_rules=len(names) > 1), _one_line(item)) for item in items[:_LISTED]]
    if len(items) > _LISTED:
        lines.append((f"and {len(items) - _LISTED} more", "`balance-monitor alerts` lists them"))
    return _message(
        title=f"{counted}: {rules}: {_shortened(worst.last.subject)} {worst.last.reason}",
        summary=f"{counted}: {rules}",
        lines=[*lines, *extra],
        type_=_type(worst.last),
    )


def worst_first(items: Sequence[Item]) -> list[Item]:
    """The order in which a message tells of several."""
    return sorted(items, key=_urgency)


def _urgency(item: Item) -> tuple[bool, int, str]:
    """What fires before what is over, the worst first."""
    return item.is_over, -Severity[item.last.severity.upper()], item.last.since


def _about(item: Item, *, several_rules: bool) -> str:
    rule = f" {item.last.rule}" if several_rules else ""
    return f"{headline(item)}{rule} {_shortened(item.last.subject)}"


def _one_line(item: Item) -> str:
    note = f" ({item.last.note})" if item.last.note else ""
    return f"{item.last.reason}{note}, incident {item.last.incident}, message {item.numbers}"


def _message(*, title: str, summary: str, lines: Sequence[tuple[str, str]], type_: Type) -> Message:
    summary, lines = _flat(summary), [(_flat(name), _flat(text)) for name, text in lines]
    return Message(
        title=title_of(title),
        plain="\n".join([summary, *(f"{name}: {text}" for name, text in lines)]),
        markdown="\n".join(
            [_code(summary), "", *(f"- {_named(name)}: {_code(text)}" for name, text in lines)]
        ),
        html="<br/>\n".join(
            [f"<b>{escape(summary)}</b>", *(f"{escape(name)}: {escape(text)}" for name, text in lines)]
        ),
        type=type_,
    )


def with_body(message: Message, body: str, written_in: Literal["text", "markdown", "html"]) -> Message:
    """The message with another body. In what it is not written in, it is shown as it stands."""
    as_code = "\n".join(_code(line) if line.strip() else "" for line in body.splitlines())
    as_html = "<br/>\n".join(escape(line) for line in body.splitlines())
    match written_in:
        case "text":
            return replace(message, plain=body, markdown=as_code, html=as_html)
        case "markdown":
            return replace(message, plain=body, markdown=body, html=as_html)
        case "html":
            plain = unescape(_TAG.sub("", body))
            return replace(message, plain=plain, markdown=as_code, html=body)


def _named(name: str) -> str:
    """A line's name in Markdown: a plain word as it is, what holds somebody's name as code."""
    return name if name.replace(" ", "").isalpha() else _code(name)


def title_of(text: str) -> str:
    """On one line, and not too long for a title."""
    flat = _flat(text)
    return flat if len(flat) <= _LONGEST_TITLE else flat[: _LONGEST_TITLE - 1] + "…"


def _shortened(name: str) -> str:
    """Return a subject's name for a title; the middle left out where it would hide the number."""
    subject = Subject(name).short
    if len(subject) <= _LONGEST_SUBJECT:
        return subject
    half = _LONGEST_SUBJECT // 2
    return f"{subject[:half]}…{subject[-half:]}"


def _flat(text: str) -> str:
    """On one line: what somebody is called makes no line of its own."""
    return " ".join(text.split())


def test_message(channel: str, at: datetime) -> Message:
    """What `balance-monitor notify` sends."""
    text = "This is a test of the channel {}, sent {}. Nothing is wrong."
    return Message(
        title=f"TEST balance-monitor: {channel}",
        plain=text.format(channel, moment(at)),
        markdown=text.format(_code(channel), moment(at)),
        html=text.format(escape(channel), moment(at)),
        type="info",
    )


def headline(item: Item) -> str:
    """What is told, in a word or some: `CRITICAL`, `RESOLVED`, `WARNING still firing`."""
    last, fired = item.last, item.fired
    match EventKind(last.kind):
        case EventKind.FIRED:
            return last.severity.upper()
        case EventKind.REMINDER:
            return f"{last.severity.upper()} still firing"
        case EventKind.WORSENED:
            return f"{last.severity.upper()} worse"
        case EventKind.EASED:
            return f"{last.severity.upper()} eased"
        case EventKind.ESCALATED:
            return f"{last.severity.upper()} not acknowledged"
        case EventKind.FLAPPING:
            return f"{last.severity.upper()} flapping"
        case EventKind.SUMMARY:
            return "SUMMARY"
        case EventKind.RESOLVED:
            return "FIRED AND RESOLVED" if fired else "RESOLVED"
        case EventKind.CLOSED:
            return "FIRED AND CLOSED" if fired else "CLOSED"


def _type(last: Report) -> Type:
    match EventKind(last.kind):
        case EventKind.RESOLVED:
            return "success"
        case EventKind.CLOSED | EventKind.SUMMARY:
            return "info"
        case _:
            by_severity: dict[str, Type] = {"info": "info", "warning": "warning", "critical": "failure"}
            return by_severity[last.severity]


def _lines(item: Item) -> list[tuple[str, str]]:
    last, fired = item.last, item.fired
    if last.details:
        return [*last.details]
    lines = [
        ("Note", last.note),
        ("Fired", f"{fired.reason}, not known to have been delivered before" if fired else ""),
        ("Expected", last.expected),
        ("Reading", _reading(last)),
        ("Before", _before(last)),
        ("Since", _since(last)),
        ("Trend", _trend(last)),
        ("Labels", ", ".join(f"{name}={value}" for name, value in last.labels)),
        ("Rule", f"{last.rule} ({', '.join(filter(None, (last.rule_type, last.severity)))})"),
        ("At", moment(datetime.fromisoformat(last.at))),
        ("Incident", f"{last.incident}, message {item.numbers}"),
    ]
    return [(name, text) for name, text in lines if text]


def _reading(last: Report) -> str:
    if not last.value:
        return ""
    at = f" at {moment(datetime.fromisoformat(last.value_at))}" if last.value_at else ""
    return f"{last.field} {last.value}{at}"


def _before(last: Report) -> str:
    if not last.before:
        return "this is the first reading" if last.value else ""
    at = moment(datetime.fromisoformat(last.before_at))
    if "unknown" in (last.value, last.before):
        return f"{last.before} at {at}"
    before, change = Decimal(last.before), subtract(Decimal(last.value), Decimal(last.before))
    percentage = percent_of(change, before)
    return f"{last.before} at {at}, change {signed(change)}" + (f" ({percentage})" if percentage else "")


def _since(last: Report) -> str:
    since, at = datetime.fromisoformat(last.since), datetime.fromisoformat(last.at)
    return f"{moment(since)} ({span(at - since)})"


def _trend(last: Report) -> str:
    if len(last.trend) < 2:
        return ""
    return f"{sparkline([Decimal(value) for value in last.trend])} {last.trend[0]} → {last.trend[-1]}"


def _code(text: str) -> str:
    """A Markdown code span: nothing in it is markup, whatever a client is called."""
    return "`" + text.replace("`", "'") + "`"
