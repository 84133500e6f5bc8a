"""The channels of the file: read, and checked against each other."""

from collections.abc import Mapping, Sequence

from monitor.config.model import Channel
from monitor.config.problems import Findings
from monitor.config.read import read
from monitor.config.sections import ChannelSection, QuietHoursSection
from monitor.config.wording import unknown
from monitor.config.words import build_words
from monitor.config.yaml_tree import Path, Position
from monitor.domain.windows import WEEKDAYS, QuietHours


def read_channels(names: Sequence[str], findings: Findings) -> dict[str, ChannelSection | None]:
    """The channels of these names, as far as they can be read."""
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
    given = findings.keys(path)
    if "fallback_after" in given and "fallback" not in given:
        findings.missing((*path, "fallback"), "is required with `fallback_after`")


def _check_circles(channels: Mapping[str, ChannelSection | None], findings: Findings) -> None:
    """Reports each circle of fallbacks once, at the first of its channels."""
    told: set[str] = set()
    for name in channels:
        chain = _chain(name, channels)
        if chain[-1] == name and len(chain) > 1 and name not in told:
            told.update(chain)
            findings.value(
                ("channels", name, "fallback"), f"leads back to where it began: {' → '.join(chain)}"
            )


def _chain(name: str, channels: Mapping[str, ChannelSection | None]) -> list[str]:
    """The channel and its fallbacks, one after the other, up to the first that is there already."""
    chain = [name]
    while (section := channels.get(chain[-1])) is not None and section.fallback is not None:
        chain.append(section.fallback)
        if section.fallback in chain[:-1]:
            break
    return chain


def build(name: str, section: ChannelSection, places: tuple[Position, ...]) -> Channel:
    """The finished channel. Only for a section with which nothing is wrong."""
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
