"""The texts of messages: a title that is enough on a lock screen, and a body with the facts.

A `Report` holds the facts of one event, as they were when it happened. The store keeps it as JSON.
Messages are rendered when they are sent, so that a firing and its resolution can still become one message.
"""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from decimal import Decimal
from html import escape, unescape
from types import MappingProxyType
from typing import Any, Literal

from monitor.domain.alerts import Event, EventKind
from monitor.domain.matching import Attributes
from monitor.domain.model import Reading, Severity, Subject
from monitor.domain.money import percent_of, plain, signed, sparkline, subtract
from monitor.domain.rules import Rule
from monitor.domain.time import moment, parse_instant, span, to_text

_LONGEST_TITLE = 250
_LONGEST_SUBJECT = 100
_LISTED = 10
_TAG = re.compile(r"<[^>]*>")

TREND_LENGTH = 20
"""Readings in a message's sparkline."""

Type = Literal["info", "warning", "failure", "success"]


@dataclass(frozen=True, slots=True, kw_only=True)
class AmountRead:
    """The amount of a balance that a rule judges, and when it was read (UTC).

    `amount` is None if the service does not report it; `at` is None if an old version did not keep it."""

    amount: Decimal | None
    at: datetime | None

    def __str__(self) -> str:
        return "unknown" if self.amount is None else plain(self.amount)


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """The facts of one event, as they were when it happened. Instants are in UTC."""

    kind: EventKind
    rule: str
    rule_type: str
    """Empty if the configuration no longer had the rule."""
    severity: Severity
    subject: str
    incident: str
    seq: int
    """The event's number within its incident, from 1."""
    at: datetime
    since: datetime
    """The first breaching reading."""
    reason: str
    expected: str
    note: str = ""
    """Something special about the event, such as that the alert fires again."""
    labels: tuple[tuple[str, str], ...] = ()
    names: tuple[tuple[str, str], ...] = ()
    """The subject's job, provider, account and currency, as far as it has them."""
    field: str = ""
    """Which amount of a balance the rule judges; empty if nothing was read."""
    reading: AmountRead | None = None
    """The reading that caused the event."""
    before: AmountRead | None = None
    """The reading before that."""
    trend: tuple[Decimal, ...] = ()
    """The last amounts, the newest last."""
    details: tuple[tuple[str, str], ...] = ()
    """The lines of a summary."""

    @property
    def change(self) -> tuple[Decimal | None, str | None]:
        """Return the change of the amount since the reading before, and the same in percent.

        None: unknown; or, for the percentage, the amount before was zero."""
        if self.reading is None or self.before is None:
            return None, None
        if self.reading.amount is None or self.before.amount is None:
            return None, None
        change = subtract(self.reading.amount, self.before.amount)
        return change, percent_of(change, self.before.amount)

    def to_json(self) -> dict[str, Any]:
        """Return the report as the store keeps it: values that `json` can write and `from_json` can read back."""
        return {
            "kind": self.kind.value,
            "rule": self.rule,
            "rule_type": self.rule_type,
            "severity": self.severity.word,
            "subject": self.subject,
            "incident": self.incident,
            "seq": self.seq,
            "at": to_text(self.at),
            "since": to_text(self.since),
            "reason": self.reason,
            "expected": self.expected,
            "note": self.note,
            "labels": self.labels,
            "names": self.names,
            "field": self.field,
            "value": str(self.reading or ""),
            "value_at": to_text(self.reading.at) if self.reading and self.reading.at else "",
            "before": str(self.before or ""),
            "before_at": to_text(self.before.at) if self.before and self.before.at else "",
            "trend": [plain(amount) for amount in self.trend],
            "details": self.details,
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> "Report":
        """Return the report that `to_json` of this version wrote, or of an older one, which had fewer keys."""
        return cls(
            kind=EventKind(data["kind"]),
            rule=data["rule"],
            rule_type=data["rule_type"],
            severity=Severity[data["severity"].upper()],
            subject=data["subject"],
            incident=data["incident"],
            seq=data["seq"],
            at=parse_instant(data["at"]),
            since=parse_instant(data["since"]),
            reason=data["reason"],
            expected=data["expected"],
            note=data.get("note", ""),
            labels=_pairs(data, "labels"),
            names=_pairs(data, "names"),
            field=data.get("field", ""),
            reading=_amount_read(data, "value"),
            before=_amount_read(data, "before"),
            trend=tuple(Decimal(text) for text in data["trend"]),
            details=_pairs(data, "details"),
        )


def _pairs(data: Mapping[str, Any], key: str) -> tuple[tuple[str, str], ...]:
    return tuple((name, value) for name, value in data.get(key, ()))


def _amount_read(data: Mapping[str, Any], key: str) -> AmountRead | None:
    text, at = data.get(key, ""), data.get(f"{key}_at", "")
    if not text:
        return None
    return AmountRead(
        amount=None if text == "unknown" else Decimal(text), at=parse_instant(at) if at else None
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class ChartImage:
    """A chart as PNG, with its file name."""

    name: str
    png: bytes = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """A title and a body in plain text, Markdown and HTML, of which a service shows one; and the charts with it."""

    title: str
    plain: str
    markdown: str
    html: str
    type: Type
    images: tuple[ChartImage, ...] = ()


_NAMES = ("account", "currency", "job", "provider")
_NO_LABELS = frozenset({*_NAMES, "subject", "rule", "severity", "type"})


def report(
    event: Event, rule: Rule | None, attributes: Attributes, history: Sequence[Reading] = ()
) -> Report:
    """Return the facts of an event.

    `attributes` are those of its alert. `history` ends with the newest reading of the alert's series, if it has one.
    `rule` is None if it was removed from the configuration."""
    alert = event.alert
    last = history[-TREND_LENGTH:] if rule is not None else ()
    field = rule.field if rule is not None and last else None
    amounts = [AmountRead(amount=one.value(field), at=one.observed_at) for one in last] if field else []
    return Report(
        kind=event.kind,
        rule=alert.rule,
        rule_type=rule.kind if rule else "",
        severity=alert.severity,
        subject=alert.subject,
        incident=alert.id,
        seq=alert.seq,
        at=event.at,
        since=alert.since or event.at,
        reason=event.reason,
        expected=alert.expected,
        note=event.note,
        labels=tuple((name, value) for name, value in attributes.items() if name not in _NO_LABELS),
        names=tuple((name, attributes[name]) for name in _NAMES if name in attributes),
        field=field or "",
        reading=amounts[-1] if amounts else None,
        before=amounts[-2] if len(amounts) > 1 else None,
        trend=tuple(one.amount for one in amounts if one.amount is not None),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """The part of a message about one incident: one event; or, with `fired`, a firing and its end as one.

    `first` is the number of the first event that it replaces, if it replaces events before `last`."""

    last: Report
    fired: Report | None = None
    first: int | None = None

    @property
    def is_over(self) -> bool:
        """Return whether it reports an end."""
        return self.last.kind in (EventKind.RESOLVED, EventKind.CLOSED)

    @property
    def numbers(self) -> str:
        """Return the numbers, within the incident, of the events that this message reports."""
        first = self.fired.seq if self.fired else self.first
        return str(self.last.seq) if first is None else f"{first}-{self.last.seq}"


def render(
    items: Sequence[Item], instead_of: str = "", links: Mapping[str, str] = MappingProxyType({})
) -> Message:
    """Return the message for one event, or for several that are sent together (at least one).

    `instead_of` names the channel that should have delivered it, and why it did not. `links` are further lines, by
    name."""
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
    """Return a message with the counts in its title, the worst incidents as lines, and the rest counted."""
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
    """Return several incidents in the order in which a message lists them.

    Firing ones come before those that are over, the worst first, then the oldest."""
    return sorted(items, key=lambda item: (item.is_over, -item.last.severity, item.last.since))


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
            [_code(summary), "", *(f"- {_plain_or_code(name)}: {_code(text)}" for name, text in lines)]
        ),
        html="<br/>\n".join(
            [f"<b>{escape(summary)}</b>", *(f"{escape(name)}: {escape(text)}" for name, text in lines)]
        ),
        type=type_,
    )


def with_body(message: Message, body: str, written_in: Literal["text", "markdown", "html"]) -> Message:
    """Return the message with another body, which is written in one format.

    The other formats show it unchanged, as code or escaped; plain text shows HTML without its tags."""
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


def _plain_or_code(name: str) -> str:
    """Return the name of a line in Markdown: words of letters unchanged, and any other name (a subject's) as code."""
    return name if name.replace(" ", "").isalpha() else _code(name)


def title_of(text: str) -> str:
    """Return a text as a title: on one line, shortened to 250 characters."""
    flat = _flat(text)
    return flat if len(flat) <= _LONGEST_TITLE else flat[: _LONGEST_TITLE - 1] + "…"


def _shortened(name: str) -> str:
    """Return a subject's name for a title, shortened in its middle if it would displace the amount."""
    subject = Subject(name).short
    if len(subject) <= _LONGEST_SUBJECT:
        return subject
    half = _LONGEST_SUBJECT // 2
    return f"{subject[:half]}…{subject[-half:]}"


def _flat(text: str) -> str:
    """Return a text on one line: a line break in a name must not start a line of the message."""
    return " ".join(text.split())


def test_message(channel: str, at: datetime) -> Message:
    """Return the message that `balance-monitor notify` sends."""
    text = "This is a test of the channel {}, sent {}. Nothing is wrong."
    return Message(
        title=f"TEST balance-monitor: {channel}",
        plain=text.format(channel, moment(at)),
        markdown=text.format(_code(channel), moment(at)),
        html=text.format(escape(channel), moment(at)),
        type="info",
    )


def headline(item: Item) -> str:
    """Return the event in a few words: `CRITICAL`, `RESOLVED`, `WARNING still firing`."""
    severity, fired = item.last.severity.name, item.fired
    match item.last.kind:
        case EventKind.FIRED:
            return severity
        case EventKind.REMINDER:
            return f"{severity} still firing"
        case EventKind.WORSENED:
            return f"{severity} worse"
        case EventKind.EASED:
            return f"{severity} eased"
        case EventKind.ESCALATED:
            return f"{severity} not acknowledged"
        case EventKind.FLAPPING:
            return f"{severity} flapping"
        case EventKind.SUMMARY:
            return "SUMMARY"
        case EventKind.RESOLVED:
            return "FIRED AND RESOLVED" if fired else "RESOLVED"
        case EventKind.CLOSED:
            return "FIRED AND CLOSED" if fired else "CLOSED"


_BY_SEVERITY: Mapping[Severity, Type] = {
    Severity.INFO: "info",
    Severity.WARNING: "warning",
    Severity.CRITICAL: "failure",
}


def _type(last: Report) -> Type:
    match last.kind:
        case EventKind.RESOLVED:
            return "success"
        case EventKind.CLOSED | EventKind.SUMMARY:
            return "info"
        case _:
            return _BY_SEVERITY[last.severity]


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
        ("Since", f"{moment(last.since)} ({span(last.at - last.since)})"),
        ("Trend", _trend(last)),
        ("Labels", ", ".join(f"{name}={value}" for name, value in last.labels)),
        ("Rule", f"{last.rule} ({', '.join(filter(None, (last.rule_type, last.severity.word)))})"),
        ("At", moment(last.at)),
        ("Incident", f"{last.incident}, message {item.numbers}"),
    ]
    return [(name, text) for name, text in lines if text]


def _reading(last: Report) -> str:
    if last.reading is None:
        return ""
    at = f" at {moment(last.reading.at)}" if last.reading.at else ""
    return f"{last.field} {last.reading}{at}"


def _before(last: Report) -> str:
    if last.before is None:
        return "this is the first reading" if last.reading else ""
    at = f" at {moment(last.before.at)}" if last.before.at else ""
    change, percentage = last.change
    if change is None:
        return f"{last.before}{at}"
    return f"{last.before}{at}, change {signed(change)}" + (f" ({percentage})" if percentage else "")


def _trend(last: Report) -> str:
    if len(last.trend) < 2:
        return ""
    return f"{sparkline(last.trend)} {plain(last.trend[0])} → {plain(last.trend[-1])}"


def _code(text: str) -> str:
    """Return a Markdown code span, in which no part of a name is markup."""
    return "`" + text.replace("`", "'") + "`"
