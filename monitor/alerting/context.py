"""What decides about an alert besides its rule, and what of it is kept from one transaction to the next."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from monitor.config import Config
from monitor.domain.alerts import Alert
from monitor.domain.evaluation import AlertContext
from monitor.domain.matching import Attributes
from monitor.domain.model import Severity, State, Subject
from monitor.domain.mutes import AlertKey, Inhibitors, Mutes, Silence
from monitor.domain.routing import Route, routes_of
from monitor.store.transaction import Transaction


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What the last look between polls was at: silences and windows that muted, and the inhibitors' version."""

    at: datetime
    mutes: tuple[frozenset[int], frozenset[str]]
    inhibitors: int


@dataclass(slots=True, kw_only=True)
class Kept:
    """What need not be found anew with every poll and every look, however many alerts fire.

    `seen` None: alerts may be muted otherwise than is known of them, or have to be escalated, since any time."""

    mutes: Mutes
    inhibitors: Inhibitors
    seen: Seen | None = None


def alert_context(tx: Transaction, config: Config, now: datetime) -> AlertContext:
    """Return what decides at this instant whether and where alerts are notified."""
    kept, changed = kept_by_writer(tx, config)
    silences = tx.alerts.silences(now)
    if kept.mutes.silences is not silences:
        kept.mutes = _mutes(config, silences)
    at = AlertContext(
        mutes=kept.mutes,
        routes=config.routes,
        describe=config.describe,
        rules=config.rules_by_name,
        inhibitors=kept.inhibitors,
    )
    if config.inhibitions:
        for (rule, subject), severity in changed:
            state = State.INACTIVE if severity is None else State.FIRING
            alert = Alert(rule=rule, subject=subject, severity=severity or Severity.INFO, state=state)
            kept.inhibitors.put(alert.key, at.source(alert))
    return at


def kept_by_writer(
    tx: Transaction, config: Config
) -> tuple[Kept, Iterable[tuple[AlertKey, Severity | None]]]:
    return tx.alerts.follow(
        config, lambda: Kept(mutes=_mutes(config), inhibitors=Inhibitors(config.inhibitions))
    )


def _mutes(config: Config, silences: tuple[Silence, ...] = ()) -> Mutes:
    return Mutes(silences=silences, maintenance=config.maintenance, inhibitions=config.inhibitions)


def routes_of_alert(
    config: Config, at: AlertContext, rule: str, subject: Subject, severity: Severity
) -> tuple[Attributes, tuple[Route, ...]]:
    """What of an alert can be matched, and its routes; none where its rule is gone."""
    known = config.rule(rule)
    attributes = at.attributes(Alert(rule=rule, subject=subject, severity=severity), known)
    return attributes, routes_of(config.routes, known.policy, attributes) if known else ()
