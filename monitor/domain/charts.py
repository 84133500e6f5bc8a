"""Which messages carry a chart, and what it shows: a series' last day, the rule's limits, the incident.

Amounts are text, exactly as the service or the configuration wrote them. Only the drawing converts them to floats.
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
"""The span of a series that a chart shows."""

MOST = 3
"""The maximum number of charts in one message. Of several incidents the worst have one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """A horizontal line: a limit with its severity, or (`severity` empty) the amount at which an alert clears."""

    amount: str
    label: str
    severity: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ChartSpec:
    """What one chart shows. Instants are in UTC.

    A span without readings that is longer than `gap_after` is a gap. The incident lasts from `fired_since` to `over_at`
    (None: ongoing)."""

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
        """Return the instant (UTC) at which the chart begins."""
        return self.until - SPAN

    def to_json(self) -> dict[str, Any]:
        """Return the chart as values that `json` can write and `from_json` can read back."""
        return {
            **asdict(self),
            "until": to_text(self.until),
            "gap_after": self.gap_after / timedelta(seconds=1),
            "fired_since": to_text(self.fired_since),
            "over_at": self.over_at and to_text(self.over_at),
        }

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> "ChartSpec":
        """Return the chart that `to_json` wrote."""
        read = {
            "until": parse_instant(data["until"]),
            "gap_after": timedelta(seconds=data["gap_after"]),
            "fired_since": parse_instant(data["fired_since"]),
            "over_at": parse_instant(data["over_at"]) if data["over_at"] else None,
            "lines": tuple(Line(**line) for line in data["lines"]),
        }
        return cls(**{**data, **read})


def charts_for(
    items: Sequence[Item],
    channel: bool | None,  # noqa: FBT001 -- as `is_wanted`
    rules: Mapping[str, Rule],
    gaps_after: Mapping[str, timedelta],
) -> tuple[ChartSpec, ...]:
    """Return the charts of a message on a channel, the worst incident first. Only alerts about a series have one.

    `channel` is the channel's `chart` setting (None: not set). `gaps_after` is the time without readings that counts as
    a gap, by job."""
    found = (_chart(item, channel, rules, gaps_after) for item in worst_first(items))
    return tuple(chart for chart in found if chart is not None)[:MOST]


def is_wanted(channel: bool | None, rule: bool | None) -> bool:  # noqa: FBT001 -- the `chart` settings of both
    """Return whether messages carry a chart: the channel or the rule sets `chart: true`, and neither `chart: false`."""
    return True in (channel, rule) and False not in (channel, rule)


def may_be_wanted(channel: bool | None, rules: Iterable[Rule]) -> bool:  # noqa: FBT001 -- as above
    """Return whether any message on a channel can carry a chart, by the channel's `chart` setting and the rules'."""
    return any(is_wanted(channel, rule.presentation.chart) for rule in rules)


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
    if not is_wanted(channel, rule.presentation.chart):
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
    """Yield the amounts at which a rule fires, and the one at which it clears, if it has one."""
    for line in rule.lines(rule.field):
        severity = (line.severity if rule.levels else last.severity).word
        label = f"{severity if rule.levels else 'limit'} {plain(line.amount)}"
        yield Line(amount=plain(line.amount), label=label, severity=severity)
    if rule.clears_at is not None:
        yield Line(amount=plain(rule.clears_at), label=f"clears at {plain(rule.clears_at)}")
