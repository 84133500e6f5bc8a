"""Where alerts would be sent, and why: what `route --json` prints."""

from datetime import timedelta

from typing_extensions import TypedDict

from monitor.alerting.explain_route import DeliveryPath, Explanation
from monitor.domain import delivery
from monitor.domain.time import compact
from monitor.payloads.values import Instant, Severity, Subject, instant


class Target(TypedDict):
    """A recipient: one URL of a channel."""

    channel: str
    url: str


class Notified(Target):
    """A recipient that is notified. `fallback_after` is null if the channel has no fallback."""

    group: dict[str, str]
    group_wait: str
    quiet_until: Instant | None
    fallback: str | None
    fallback_after: str | None


# `continue` is a keyword of Python
Considered = TypedDict(
    "Considered", {"route": int | None, "fits": bool, "misfits": list[str], "continue": bool, "why": str}
)


class Explained(TypedDict):
    """The recipients of an alert of one rule, subject and severity, and why they are chosen."""

    subject: Subject
    rule: str
    severity: Severity
    attributes: dict[str, str]
    routes: list[Considered]
    rule_notify: list[str] | None
    told: list[Notified]
    escalate_after: str | None
    escalate_to: list[Target]
    muted: str


def explained(of: Explanation) -> Explained:
    """Return the recipients of an alert, and why they are chosen."""
    notify = of.rule.policy.notify
    return {
        "subject": of.subject,
        "rule": of.rule.name,
        "severity": of.severity,
        "attributes": dict(of.attributes),
        "routes": [
            {
                "route": one.route.number,
                "fits": one.fits,
                "misfits": list(one.misfits),
                "continue": one.route.continues,
                "why": one.why(of.attributes),
            }
            for one in of.considered
        ],
        "rule_notify": None if notify is None else list(notify),
        "told": [_notified(one) for one in of.paths],
        "escalate_after": None if of.escalate_after is None else compact(of.escalate_after),
        "escalate_to": [_target(one) for one in of.escalate_to],
        "muted": of.muted,
    }


def _notified(path: DeliveryPath) -> Notified:
    pairs = (pair.partition("=") for pair in path.to.group.split("\0") if pair)
    fallback = path.channel.fallback
    return {
        **_target(path.to.target),
        "group": {name: value for name, _, value in pairs},
        "group_wait": compact(path.to.group_wait) if path.to.group_wait != timedelta(0) else "0s",
        "quiet_until": instant(path.quiet_until),
        "fallback": fallback,
        "fallback_after": None if fallback is None else compact(path.channel.fallback_after),
    }


def _target(of: delivery.Target) -> Target:
    return {"channel": of.channel, "url": of.url_id}
