"""The sections besides jobs and rules: channels, links, routes, inhibitions, maintenance windows, heartbeat, summary
and status page. They are read, and checked against the rest of the file."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from monitor.config import yaml_tree
from monitor.config.jobs import check_unique
from monitor.config.matching import Configured, check_alerts, check_attributes
from monitor.config.model import Channel
from monitor.config.problems import Findings, expected, unknown
from monitor.config.read import check_keys, read
from monitor.config.rules import build_words, check_channels, check_message, check_template
from monitor.config.sections import (
    ChannelSection,
    HeartbeatSection,
    InhibitSection,
    MaintenanceSection,
    QuietHoursSection,
    RouteSection,
    RuleSection,
    SummarySection,
    WebSection,
)
from monitor.config.types import link_fault, link_name_fault
from monitor.config.yaml_tree import Path, Position
from monitor.domain.matching import Match
from monitor.domain.mutes import Inhibition, Maintenance
from monitor.domain.routing import Route
from monitor.domain.schedule import Cron, CronFields
from monitor.domain.schedule import parse as parse_cron
from monitor.domain.time import compact
from monitor.domain.windows import WEEKDAYS, OneOff, QuietHours, Recurring, Window

_FOUR_YEARS = [date(2024, 1, 1) + timedelta(days=number) for number in range(4 * 365 + 1)]


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertingReader:
    """Reads routes, inhibitions and maintenance windows, and reports their problems.

    `rules` are the names of all rules, empty if they are not known. `channels` are the names of all channels, None if
    they are not known."""

    findings: Findings
    configured: Configured
    rules: frozenset[str]
    channels: Sequence[str] | None

    def routes(self, paths: Sequence[yaml_tree.Path]) -> tuple[RouteSection, ...]:
        """Return the routes at these paths, as far as they can be read."""
        return tuple(section for path in paths if (section := self._route(path)) is not None)

    def inhibitions(self, paths: Sequence[yaml_tree.Path]) -> tuple[InhibitSection, ...]:
        """Return the inhibitions at these paths, as far as they can be read."""
        return tuple(section for path in paths if (section := self._inhibition(path)) is not None)

    def maintenance(self, paths: Sequence[yaml_tree.Path]) -> tuple[MaintenanceSection, ...]:
        """Return the maintenance windows at these paths, as far as they can be read."""
        sections = [self._window(path) for path in paths]
        check_unique(paths, self.findings)
        return tuple(section for section in sections if section is not None)

    def _route(self, path: yaml_tree.Path) -> RouteSection | None:
        section = read(RouteSection, path, self.findings)
        if section is not None:
            check_channels(section.notify or (), (*path, "notify"), self.channels, self.findings)
            check_channels(section.escalate_to, (*path, "escalate_to"), self.channels, self.findings)
            check_attributes(section.group_by, (*path, "group_by"), self.configured, self.findings)
            check_alerts(section.match, (*path, "match"), self.configured, self.rules, self.findings)
            check_keys(RouteSection, path, self.findings)
            if "escalate_to" in self.findings.keys(path) and not section.escalate_to:
                self.findings.value((*path, "escalate_to"), "is empty; name at least one channel")
        return section

    def _inhibition(self, path: yaml_tree.Path) -> InhibitSection | None:
        section = read(InhibitSection, path, self.findings)
        if section is not None:
            for key, match in (("source", section.source), ("target", section.target)):
                check_alerts(match, (*path, key), self.configured, self.rules, self.findings)
                if not match:
                    self.findings.value((*path, key), "is empty; add at least one condition")
            check_attributes(section.equal, (*path, "equal"), self.configured, self.findings)
        return section

    def _window(self, path: yaml_tree.Path) -> MaintenanceSection | None:
        section = read(MaintenanceSection, path, self.findings)
        if section is not None:
            check_alerts(section.match, (*path, "match"), self.configured, self.rules, self.findings)
            check_keys(MaintenanceSection, path, self.findings)
            self._check_end(section, path)
        return section

    def _check_end(self, section: MaintenanceSection, path: yaml_tree.Path) -> None:
        if section.begins is not None and section.ends is not None and section.ends <= section.begins:
            self.findings.value(
                (*path, "until"), f"must be after {section.begins:%Y-%m-%dT%H:%M}, the value of `from`"
            )
        if section.cron is not None and section.lasts is not None:
            fields = parse_cron(section.cron)
            if section.lasts >= fields.widest_gap and _is_daily(fields):
                gap = compact(fields.widest_gap)
                reason = (
                    f"must be shorter than {gap}, the time between two starts; else the window never ends"
                )
                self.findings.value((*path, "lasts"), reason)


def _is_daily(fields: CronFields) -> bool:
    return all(fields.runs_on(day) for day in _FOUR_YEARS)


def build_route(number: int, section: RouteSection) -> Route:
    """Return the route of a section without problems."""
    return Route(
        number=number,
        match=Match(section.match),
        channels=section.notify,
        group_by=section.group_by,
        group_wait=section.group_wait,
        escalate_after=section.escalate_after,
        escalate_to=section.escalate_to,
        continues=section.continues,
    )


def build_inhibition(section: InhibitSection) -> Inhibition:
    """Return the inhibition of a section without problems."""
    return Inhibition(source=Match(section.source), target=Match(section.target), equal=section.equal)


def build_maintenance(section: MaintenanceSection) -> Maintenance:
    """Return the maintenance window of a section without problems."""
    return Maintenance(name=section.name, match=Match(section.match), window=_build_window(section))


def _build_window(section: MaintenanceSection) -> Window:
    if section.begins is not None and section.ends is not None:
        return OneOff.by_the_clocks(section.begins, section.ends, section.timezone)
    if section.cron is not None and section.lasts is not None:
        return Recurring(cron=Cron(expression=section.cron, timezone=section.timezone), lasts=section.lasts)
    raise ValueError(f"{section.name} has no end")


def read_channels(names: Sequence[str], findings: Findings) -> dict[str, ChannelSection | None]:
    """Return the channels of these names, as far as they can be read."""
    channels = {name: read(ChannelSection, ("channels", name), findings) for name in names}
    for name, section in channels.items():
        if section is not None:
            _check_fallback(name, section, names, findings)
    _check_circles(channels, findings)
    return channels


def _check_fallback(name: str, section: ChannelSection, names: Sequence[str], findings: Findings) -> None:
    path: Path = ("channels", name)
    if section.fallback is not None and section.fallback not in names:
        others = [other for other in names if other != name]
        findings.value((*path, "fallback"), unknown("channel", section.fallback, others))
    check_keys(ChannelSection, path, findings)


def _check_circles(channels: Mapping[str, ChannelSection | None], findings: Findings) -> None:
    """Report each circle of fallbacks once, at its first channel."""
    reported: set[str] = set()
    for name in channels:
        chain = _chain(name, channels)
        if chain[-1] == name and len(chain) > 1 and name not in reported:
            reported.update(chain)
            findings.value(("channels", name, "fallback"), f"is circular: {' → '.join(chain)}")


def _chain(name: str, channels: Mapping[str, ChannelSection | None]) -> list[str]:
    """Return the channel and its fallbacks in turn, up to the first that repeats."""
    chain = [name]
    while (section := channels.get(chain[-1])) is not None and section.fallback is not None:
        chain.append(section.fallback)
        if section.fallback in chain[:-1]:
            break
    return chain


def check_messages(
    channels: Mapping[str, ChannelSection | None],
    rules: Iterable[RuleSection],
    links: Collection[str],
    findings: Findings,
) -> None:
    """Report messages of channels that can't be rendered.

    A channel serves alerts of every rule, so its messages may use the links of any rule."""
    known = dict.fromkeys((*links, *(name for rule in rules for name in rule.links)))
    for name, channel in channels.items():
        if channel is not None:
            check_message(channel.message, ("channels", name, "message"), known, findings)


def build_channel(name: str, section: ChannelSection, places: tuple[Position, ...]) -> Channel:
    """Return the channel of a section without problems. `places` are the positions of its URLs in the file."""
    return Channel(
        name=name,
        urls=section.urls,
        fallback=section.fallback,
        fallback_after=section.fallback_after,
        quiet_hours=None if section.quiet_hours is None else _quiet_hours(section.quiet_hours),
        message=build_words(section.message),
        chart=section.chart,
        places=places,
    )


def _quiet_hours(section: QuietHoursSection) -> QuietHours:
    return QuietHours(
        begins=section.begins,
        ends=section.ends,
        timezone=section.timezone,
        weekdays=frozenset(WEEKDAYS.index(day) for day in section.days),
    )


def read_heartbeat(findings: Findings) -> HeartbeatSection | None:
    """Return the heartbeat; None if there is none or it can't be read."""
    path = ("heartbeat",)
    return read(HeartbeatSection, path, findings) if findings.has(path) else None


def read_summary(channels: Sequence[str] | None, findings: Findings) -> SummarySection | None:
    """Return the summary; None if there is none or it can't be read. `channels` is None if they are not known."""
    path = ("summary",)
    section = read(SummarySection, path, findings) if findings.has(path) else None
    if section is not None:
        check_channels(section.notify or (), (*path, "notify"), channels, findings)
    return section


def read_web(findings: Findings) -> WebSection | None:
    """Return the status page; None if there is none or it can't be read."""
    path = ("web",)
    section = read(WebSection, path, findings) if findings.has(path) else None
    open_to_others = section is not None and section.token is None and not section.listen.is_loopback
    if section is not None and open_to_others and "token" not in findings.keys(path):
        reason = (
            f"is required, because other machines can reach {section.listen}; set it, or listen on 127.0.0.1"
        )
        findings.missing((*path, "token"), reason)
    return section


_LINKS: yaml_tree.Path = ("links",)


def read_links(findings: Findings) -> dict[str, str]:
    """Return the links of all rules. Links with problems are included, because messages may name them."""
    node = findings.node(_LINKS)
    if findings.has(_LINKS) and not isinstance(node, yaml_tree.Mapping):
        findings.value(_LINKS, expected("a mapping from names to URLs", node))
    return {name: _link(name, findings) for name in findings.keys(_LINKS)}


def _link(name: str, findings: Findings) -> str:
    path = (*_LINKS, name)
    text = findings.text(path)
    if (fault := link_name_fault(name)) is not None:
        findings.key(path, fault)
    if text is None:
        findings.value(path, expected("a URL, such as https://wiki.example/{{ rule }}", findings.node(path)))
        return ""
    if (fault := link_fault(text)) is not None:
        findings.value(path, fault)
    else:
        check_template(text, path, (), findings)
    return text
