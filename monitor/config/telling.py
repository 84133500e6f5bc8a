"""What is told besides alerts, and shown: the heartbeat, the summary and the status page of the file."""

from collections.abc import Sequence

from monitor.config.model import HeartbeatSettings, SummarySettings, WebSettings
from monitor.config.problems import Findings
from monitor.config.read import read
from monitor.config.rules import check_channels
from monitor.config.sections import HeartbeatSection, SummarySection, WebSection
from monitor.domain.schedule import Cron


def read_heartbeat(findings: Findings) -> HeartbeatSection | None:
    """The heartbeat, where there is one that can be read."""
    path = ("heartbeat",)
    return read(HeartbeatSection, path, findings) if findings.has(path) else None


def read_summary(channels: Sequence[str] | None, findings: Findings) -> SummarySection | None:
    """The summary, where there is one that can be read. `channels` None: which there are is not known."""
    path = ("summary",)
    section = read(SummarySection, path, findings) if findings.has(path) else None
    if section is not None:
        check_channels(section.notify or (), (*path, "notify"), channels, findings)
    return section


def read_web(findings: Findings) -> WebSection | None:
    """The status page, where there is one that can be read."""
    path = ("web",)
    section = read(WebSection, path, findings) if findings.has(path) else None
    open_to_others = section is not None and section.token is None and not section.listen.is_loopback
    if section is not None and open_to_others and "token" not in findings.keys(path):
        reason = f"is required, since others can reach {section.listen}; or listen on 127.0.0.1"
        findings.missing((*path, "token"), reason)
    return section


def build_web(section: WebSection | None) -> WebSettings | None:
    """The finished status page. Only for a section with which nothing is wrong, like those below."""
    if section is None:
        return None
    return WebSettings(listen=section.listen, token=section.token, hosts=section.hosts)


def build_heartbeat(section: HeartbeatSection | None) -> HeartbeatSettings | None:
    """The finished heartbeat. Only for a section with which nothing is wrong, like the one below."""
    if section is None:
        return None
    return HeartbeatSettings(url=section.url, every=section.every, proxy=section.proxy)


def build_summary(section: SummarySection | None) -> SummarySettings | None:
    """The finished summary."""
    if section is None:
        return None
    return SummarySettings(
        cron=Cron(expression=section.cron, timezone=section.timezone), channels=section.notify
    )
