"""Custom messages: Jinja2 templates from the configuration, rendered in Jinja2's sandbox.

Templates see the facts of an event as text and nothing else; `VARIABLES` names them. If a template fails when a message
is due, the built-in message is sent instead, with the error in it. Jinja2 is imported with the first template, because
most configurations have none.
"""

import re
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from difflib import get_close_matches
from functools import cache
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from monitor.domain import messages
from monitor.domain.alerts import EventKind
from monitor.domain.messages import AmountRead, Item, Message, Report
from monitor.domain.model import Severity
from monitor.domain.money import plain, signed
from monitor.domain.rules import Presentation, TemplateFormat, Words
from monitor.domain.time import moment, span

if TYPE_CHECKING:
    from jinja2 import Template
    from jinja2.sandbox import ImmutableSandboxedEnvironment

LONGEST = 20_000
"""The most characters of a rendered template; the rest is cut off."""

VARIABLES: Mapping[str, str] = MappingProxyType(
    {
        "headline": "the event in words, as in the built-in title: CRITICAL, RESOLVED, WARNING still firing",
        "kind": "fired, reminder, worsened, eased, escalated, flapping, resolved or closed",
        "severity": "info, warning or critical",
        "rule": "the rule's name",
        "type": "threshold, delta, stale or failing",
        "subject": "the series, the account (job/account/*) or the provider",
        "job": "the job's name; empty for an alert that concerns several jobs",
        "provider": "the provider's name",
        "account": "the account's name; empty for a provider",
        "currency": "the currency; empty for an account or a provider",
        "labels": "the labels by name: {{ labels.team }}; a label that does not exist is empty",
        "reason": "why the alert is in this state: available 900.10 < 1000",
        "expected": "what the rule expects: at least 1000",
        "note": "a remark, such as that the alert fires again, flaps, or was not acknowledged; else empty",
        "field": "available, total or locked; empty if nothing was read",
        "value": "the amount that was read, to the last digit; empty if nothing was read",
        "before": "the amount of the reading before that",
        "change": "the difference between the two amounts, with its sign",
        "change_percent": "the same difference in percent",
        "trend": "the last amounts as a list, the newest last",
        "since": "the time of the first breaching reading",
        "at": "the time of the event",
        "duration": "the time between since and at: 2h 5m",
        "incident": "the id of the incident",
        "number": "the sequence number within the incident; 1-2 in a message that stands for two",
        "fired": "the reason of the firing, if one message reports firing and resolution; else empty",
        "instead_of": "the channel that could not be reached, and why, if this is its fallback; else empty",
        "links": "the configured links by name: {{ links.runbook }}",
    }
)
"""The variables of a template, with their meaning for the manual. Names are added, never changed."""

_NO_VARIABLE = re.compile(r"'(\w+)' is undefined")
_NO_LINK = re.compile(r"'dict object' has no attribute '(.*)'")

_SAMPLE = Report(
    kind=EventKind.FIRED,
    rule="usdt-low",
    rule_type="threshold",
    severity=Severity.CRITICAL,
    subject="exchange-spot/spot/USDT",
    incident="7Q3M9VKD2A",
    seq=1,
    at=datetime(2026, 2, 1, 14, 32, tzinfo=UTC),
    since=datetime(2026, 2, 1, 14, 30, tzinfo=UTC),
    reason="available 900.10 < 1000",
    expected="at least 1000",
    labels=(("team", "treasury"),),
    names=(
        ("account", "spot"),
        ("currency", "USDT"),
        ("job", "exchange-spot"),
        ("provider", "exchange"),
    ),
    field="available",
    reading=AmountRead(amount=Decimal("900.10"), at=datetime(2026, 2, 1, 14, 32, tzinfo=UTC)),
    before=AmountRead(amount=Decimal("1100.00"), at=datetime(2026, 2, 1, 14, 31, tzinfo=UTC)),
    trend=(Decimal("1100.00"), Decimal("900.10")),
)


@cache
def _environment(format_: TemplateFormat) -> "ImmutableSandboxedEnvironment":
    from jinja2 import StrictUndefined
    from jinja2.sandbox import ImmutableSandboxedEnvironment

    return ImmutableSandboxedEnvironment(
        autoescape=format_ == "html", undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )


@cache
def _compiled(text: str, format_: TemplateFormat) -> "Template":
    return _environment(format_).from_string(text)


def check(text: str, links: Collection[str] = ()) -> str:
    """Return a template, if it renders with these links. Raises ValueError with the error and its line."""
    known = _variables(Item(last=_SAMPLE), "", {}) | {"links": dict.fromkeys(links, "https://example.org")}
    try:
        _compiled(text, "text").render(known)
    except Exception as exc:  # a template may raise anything: it is the user's code
        line = getattr(exc, "lineno", None)
        where = f" (line {line} of the template)" if line and "\n" in text else ""
        error = getattr(exc, "message", None) or str(exc) or type(exc).__name__
        raise ValueError(f"the template fails: {_explained(error, links)}{where}") from exc
    return text


def _explained(error: str, links: Collection[str]) -> str:
    if match := _NO_LINK.fullmatch(error):
        return f"unknown link `{match[1]}`{_suggestion(match[1], links)}"
    if match := _NO_VARIABLE.fullmatch(error):
        return f"unknown variable `{match[1]}`{_suggestion(match[1], VARIABLES)}"
    return error


def _suggestion(name: str, known: Collection[str]) -> str:
    nearest = get_close_matches(name, known, n=1)
    return f"; did you mean `{nearest[0]}`?" if nearest else f"; known: {', '.join(known) or 'none'}"


def render(
    items: Sequence[Item],
    instead_of: str = "",
    *,
    rule: Presentation | None = None,
    channel: Words | None = None,
    links: Mapping[str, str] = MappingProxyType({}),
) -> Message:
    """Return the message for an event, or for several that are sent together.

    The template of the event's `rule` takes precedence over that of the `channel`, and this over the built-in message.
    `links` are URL templates by name; the rule's own are added to them or replace them. A message about several
    incidents, or a summary, is always the built-in one."""
    if len(items) > 1 or items[0].last.kind == EventKind.SUMMARY:
        return messages.render(items, instead_of)
    rule = rule or Presentation()
    try:
        templates = {**links, **rule.links}
        # most messages have neither links nor templates: then no variables are computed
        known = _variables(items[0], "", {}) if templates else {}
        rendered = {name: _compiled(text, "text").render(known) for name, text in templates.items()}
        built_in = messages.render(items, instead_of, rendered)
        words = rule.message or channel
        return built_in if words is None else _custom(words, built_in, items[0], instead_of, rendered)
    except Exception as exc:  # noqa: BLE001 -- whatever a template raises, the message has to go out
        failed = {"template": f"failed, so this is the built-in message: {type(exc).__name__}: {exc}"}
        return messages.render(items, instead_of, failed)


def _custom(
    words: Words, built_in: Message, item: Item, instead_of: str, links: Mapping[str, str]
) -> Message:
    known = _variables(item, instead_of, links)
    message = built_in
    if words.title is not None:
        title = _compiled(words.title, "text").render(known)
        message = replace(message, title=messages.title_of(title))
    if words.body is not None:
        body = _compiled(words.body, words.format).render(known)[:LONGEST]
        message = messages.with_body(message, body, words.format)
    return message


def _variables(item: Item, instead_of: str, links: Mapping[str, str]) -> dict[str, Any]:
    last = item.last
    names = dict(last.names)
    change, percentage = last.change
    return {
        "headline": messages.headline(item),
        "kind": last.kind.value,
        "severity": last.severity.word,
        "rule": last.rule,
        "type": last.rule_type,
        "subject": last.subject,
        "job": names.get("job", ""),
        "provider": names.get("provider", ""),
        "account": names.get("account", ""),
        "currency": names.get("currency", ""),
        "labels": defaultdict(str, last.labels),
        "reason": last.reason,
        "expected": last.expected,
        "note": last.note,
        "field": last.field,
        "value": str(last.reading or ""),
        "before": str(last.before or ""),
        "change": "" if change is None else signed(change),
        "change_percent": percentage or "",
        "trend": [plain(amount) for amount in last.trend],
        "since": moment(last.since),
        "at": moment(last.at),
        "duration": span(last.at - last.since),
        "incident": last.incident,
        "number": item.numbers,
        "fired": item.fired.reason if item.fired else "",
        "instead_of": instead_of,
        "links": defaultdict(str, links),
    }
