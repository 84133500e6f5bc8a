"""The alert context of a transaction, and the part of it that is cached between transactions."""

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


@dataclass(frozen=True, slots=True)
class WatchState:
    """The state of a check between polls (UTC): active silences and windows, and the version of the inhibitors."""

    at: datetime
    mutes: tuple[frozenset[int], frozenset[str]]
    inhibitors: int


@dataclass(slots=True, kw_only=True)
class AlertCache:
    """The cached part of the context. Its cost for each poll and check does not grow with the number of alerts.

    `last_check` None: the next check has to compare every mute and every escalation."""

    mutes: Mutes
    inhibitors: Inhibitors
    last_check: WatchState | None = None


def alert_context(tx: Transaction, config: Config, now: datetime) -> AlertContext:
    """Return what decides at this instant whether and where alerts are notified."""
    cache, changed = alert_cache(tx, config)
    silences = tx.alerts.silences(now)
    if cache.mutes.silences is not silences:
        cache.mutes = _mutes(config, silences)
    at = AlertContext(
        mutes=cache.mutes,
        routes=config.routes,
        describe=config.describe,
        rules=config.rules_by_name,
        inhibitors=cache.inhibitors,
    )
    if config.inhibitions:
        for (rule, subject), severity in changed:
            state = State.INACTIVE if severity is None else State.FIRING
            alert = Alert(rule=rule, subject=subject, severity=severity or Severity.INFO, state=state)
            cache.inhibitors.put(alert.key, at.source(alert))
    return at


def alert_cache(
    tx: Transaction, config: Config
) -> tuple[AlertCache, Iterable[tuple[AlertKey, Severity | None]]]:
    """Return the cache, and the alerts that changed since its last use: the severity of a firing one, None for others.

    Another configuration, or a rolled-back transaction, starts with a new cache."""
    return tx.alerts.follow(
        config, lambda: AlertCache(mutes=_mutes(config), inhibitors=Inhibitors(config.inhibitions))
    )


def _mutes(config: Config, silences: tuple[Silence, ...] = ()) -> Mutes:
    return Mutes(silences=silences, maintenance=config.maintenance, inhibitions=config.inhibitions)


def routes_of_alert(
    config: Config, at: AlertContext, rule: str, subject: Subject, severity: Severity
) -> tuple[Attributes, tuple[Route, ...]]:
    """Return the attributes of an alert and its routes, which are none if its rule was removed."""
    known = config.rule(rule)
    attributes = at.attributes(Alert(rule=rule, subject=subject, severity=severity), known)
    return attributes, routes_of(config.routes, known.policy, attributes) if known else ()
