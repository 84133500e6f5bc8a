"""Which messages carry a chart, and what it shows: a series' last day, the rule's limits, the incident.

Amounts are the digits as they came or as they are configured; a chart makes floats of them, and shows the text.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any

from monitor.domain.messages import Item, Report, headline, worst_first
from monitor.domain.money import plain
from monitor.domain.rules import Rule
from monitor.domain.time import parse_instant, to_text

SPAN = timedelta(days=1)
"""How much of a series a chart shows."""

MOST = 3
"""Charts in one message: of several incidents, of the worst."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """A line across the chart, and the severity it is the limit of; none: where an alert clears."""

    amount: str
    label: str
    severity: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ChartSpec:
    """What one chart shows. Instants are in UTC.

    `gap_after` is the time without readings from which on nothing is known. The incident lasts from `fired_since` to
    `over_at` (None: it goes on)."""

    series: str
    field: str
    title: str
    severity: str
    until: datetime
    gap_after: timedelta
    fired_since: datetime
    over_at: datetime | None = None
    lines: tuple[Line, ...] = ()

    @property
    def since(self) -> datetime:
        """Where the chart begins."""
        return self.until - SPAN

    def to_json(self) -> dict[str, Any]:
        """A value that `json` can write and `from_json` can read back."""
        return {
            **asdict(self),
            "until": to_text(self.until),
            "gap_after": self.gap_after / timedelta(seconds=1),
            "fired_since": to_text(self.fired_since),
            "over_at": self.over_at and to_text(self.over_at),
        }

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> "ChartSpec":
        """The chart that `to_json` wrote."""
        read = {
            "until": parse_instant(data["until"]),
            "gap_after": timedelta(seconds=data["gap_after"]),
            "fired_since": parse_instant(data["fired_since"]),
            "over_at": parse_instant(data["over_at"]) if data["over_at"] else None,
            "lines": tuple(Line(**line) for line in data["lines"]),
        }
        return cls(**{**data, **read})


def wanted(
    items: Sequence[Item],
    channel: bool | None,  # noqa: FBT001 -- as `wants`
    rules: Mapping[str, Rule],
    gaps_after: Mapping[str, timedelta],
) -> tuple[ChartSpec, ...]:
    """Return what a message on a channel is to show, the worst first; nothing for what is about no series.

    `channel` is what the channel says of charts. `gaps_after` is the time without a reading that is a gap, by job."""
    found = (_chart(item, channel, rules, gaps_after) for item in worst_first(items))
    return tuple(chart for chart in found if chart is not None)[:MOST]


def wants(channel: bool | None, rule: bool | None) -> bool:  # noqa: FBT001 -- what two lines of the file say
    """Return whether a chart is wanted: a channel or a rule says so, and the other does not say no."""
    return True in (channel, rule) and False not in (channel, rule)


def may_want(channel: bool | None, rules: Iterable[Rule]) -> bool:  # noqa: FBT001 -- as above
    """Return whether any message on a channel can carry a chart."""
    return any(wants(channel, rule.presentation.chart) for rule in rules)


def _chart(
    item: Item,
    channel: bool | None,  # noqa: FBT001 -- as above
    rules: Mapping[str, Rule],
    gaps_after: Mapping[str, timedelta],
) -> ChartSpec | None:
    last, names = item.last, dict(item.last.names)
    rule, gap_after = rules.get(last.rule), gaps_after.get(names.get("job", ""))
    if rule is None or gap_after is None or not names.get("currency"):
        return None
    if not wants(channel, rule.presentation.chart):
        return None
    return ChartSpec(
        series=last.subject,
        field=last.field or "available",
        title=f"{headline(item)} {last.rule}",
        severity=last.severity.word,
        until=last.at,
        gap_after=gap_after,
        fired_since=(item.fired or last).since,
        over_at=last.at if item.is_over else None,
        lines=tuple(_lines(rule, last)),
    )


def _lines(rule: Rule, last: Report) -> Iterator[Line]:
    """The amounts at which a rule fires, and the one at which it clears, where it says one."""
    for line in rule.lines(rule.field):
        severity = (line.severity if rule.levels else last.severity).word
        label = f"{severity if rule.levels else 'limit'} {plain(line.amount)}"
        yield Line(amount=plain(line.amount), label=label, severity=severity)
    if rule.clears_at is not None:
        yield Line(amount=plain(rule.clears_at), label=f"clears at {plain(rule.clears_at)}")
