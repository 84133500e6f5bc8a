"""The use case: fit alerts and outbox to the configuration, at the start and after a reload."""

import logging
from datetime import datetime
from functools import partial

from monitor.alerting.changes import save
from monitor.alerting.context import alert_context, routes_of_alert
from monitor.config import Config
from monitor.domain.alerts import Event, EventKind
from monitor.domain.delivery import Target, address
from monitor.domain.evaluation import AlertContext
from monitor.domain.model import Severity, Subject
from monitor.store.transaction import Transaction

log = logging.getLogger(__name__)


def reconcile(tx: Transaction, config: Config, now: datetime) -> tuple[Event, ...]:
    """Fit alerts and outbox to the configuration as it is now: at the start, and after a reload.

    Alerts whose rule, account or currency was removed are closed. Others continue, even if their rule was edited."""
    at = alert_context(tx, config, now)
    every = [target for urls in config.targets.values() for target in urls]
    tx.outbox.rename_targets([pair for channel in config.channels.values() for pair in channel.former])
    tx.outbox.follow_recipients(every)
    given_up = tx.outbox.reroute(every, partial(_wanted, config, at), now)
    if given_up:
        log.warning("notifications dropped: their channel was removed", extra={"fields": {"count": given_up}})
    subjects = _subjects_by_rule(tx, config, now)
    events: list[Event] = []
    for (rule, subject), alert in sorted(tx.alerts.all().items()):
        if (known := config.rule(rule)) is None:
            why = "the rule was removed from the configuration"
            events += save(tx, [at.end(alert, None, why, now)], config, now)
        elif subject not in subjects[rule]:
            why = "the rule no longer matches it"
            events += save(tx, [at.end(alert, known, why, now)], config, now)
    return tuple(events)


def _wanted(
    config: Config, at: AlertContext, rule: str, subject: Subject, severity: Severity
) -> list[Target]:
    """Return where an alert would be notified by the configuration as it is now."""
    attributes, routes = routes_of_alert(config, at, rule, subject, severity)
    addressed = address(EventKind.FIRED, routes, attributes, config.targets, ()) if routes else []
    return [one.target for one in addressed]


def _subjects_by_rule(tx: Transaction, config: Config, now: datetime) -> dict[str, set[Subject]]:
    subjects: dict[str, set[Subject]] = {rule.name: set() for rule in config.rules}
    for account in config.accounts.values():
        views = tx.readings.views(account, now).values()
        for rule in config.rules:
            subjects[rule.name] |= {Subject.of_series(v.series) for v in views if rule.match.series(v.series)}
            if rule.judges_account(account):
                subjects[rule.name] |= {Subject.of_provider(account.provider), Subject.of_account(account)}
    return subjects
