"""What an evaluation needs from the store, and what it leaves there: alerts, events, notifications, notes."""

import logging
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime

from monitor.config import Config
from monitor.domain.alerts import Event, EventKind
from monitor.domain.delivery import Addressed, address
from monitor.domain.evaluation import (
    AlertContext,
    Change,
    Facts,
    OutgoingEvent,
    evaluate,
    of_account,
    of_provider,
)
from monitor.domain.messages import TREND_LENGTH
from monitor.domain.model import (
    Account,
    SeriesView,
    Severity,
    Snapshot,
    State,
)
from monitor.domain.rules import Reads, Rule
from monitor.store.transaction import Transaction

log = logging.getLogger(__name__)

_LEVELS = {Severity.INFO: logging.INFO, Severity.WARNING: logging.WARNING, Severity.CRITICAL: logging.ERROR}


def evaluated(tx: Transaction, facts: Facts, rules: Sequence[Rule], at: AlertContext) -> list[Change]:
    """What the rules make of the facts. Few polls tell anything: what only messages show is loaded for those alone."""
    changes = evaluate(rules, _with_history(tx, facts, rules, trend=False), at)
    if not any(change.told for change in changes):
        return changes
    return evaluate(rules, _with_history(tx, facts, rules, trend=True), at)


def _with_history(tx: Transaction, facts: Facts, rules: Sequence[Rule], *, trend: bool) -> Facts:
    """The facts with the readings that rules need, or messages (`trend`); series no rule looks at have none."""
    series = []
    for view in facts.series:
        looking = [
            rule for rule in rules if rule.reads is not Reads.ANSWERS and rule.match.series(view.series)
        ]
        if view.last is not None and looking:
            compared = facts.polled and any(rule.reads is Reads.HISTORY for rule in looking)
            history = _history(tx, view, view.last, looking) if compared or trend else (view.last,)
            view = replace(view, history=history)
        series.append(view)
    return replace(facts, series=series)


def _history(
    tx: Transaction, view: SeriesView, last: Snapshot, rules: Sequence[Rule]
) -> tuple[Snapshot, ...]:
    since = last.observed_at - max(rule.window for rule in rules)
    # while readings lie ahead of the clock, it may be behind: those of that time are not of now
    provisional = view.ahead_until is not None
    return tx.readings.history(view.series, last.observed_at, since, TREND_LENGTH, provisional=provisional)


def subjects_of(account: Account, views: Iterable[SeriesView]) -> list[str]:
    return [of_provider(account), of_account(account), *(str(view.series) for view in views)]


def save(tx: Transaction, changes: Iterable[Change], config: Config, at: datetime) -> tuple[Event, ...]:
    told: list[Event] = []
    for change in changes:
        alert = change.alert
        for item in change.told:
            tx.alerts.add_event(item.event, item.report, _addressed(tx, item, config))
            told.append(item.event)
        _note(tx, change, at)
        tx.alerts.save(alert)
    return tuple(told)


def _note(tx: Transaction, change: Change, at: datetime) -> None:
    """Keeps what nobody is told: what keeps an alert quiet, until when, and the end of one that came and went so."""
    alert, over = change.alert, change.came_and_went
    if over is not None:
        tx.alerts.add_note(over, "ended", at, "", over.ending)
    elif alert.state is State.FIRING:
        if alert.muted and (alert.muted != change.muted_before or alert.fired_at == at):
            tx.alerts.add_note(alert, "muted", at, "", alert.muted)
        elif change.muted_before and not alert.muted:
            tx.alerts.add_note(alert, "unmuted", at, "", change.muted_before)


def _addressed(tx: Transaction, told: OutgoingEvent, config: Config) -> list[Addressed]:
    if told.event.kind is EventKind.RESOLVED and not told.policy.send_resolved:
        return []
    notified_targets = tx.outbox.notified_targets(told.event.alert.id) if told.event.seq > 1 else []
    return address(told.event.kind, told.routes, told.attributes, config.targets, notified_targets)


def log_events(told: Iterable[Event]) -> None:
    """Logs what was put into the outbox."""
    for event in told:
        alert = event.alert
        over = event.kind in (EventKind.RESOLVED, EventKind.CLOSED)
        level = logging.INFO if over else _LEVELS[alert.severity]
        fields = {
            "rule": alert.rule,
            "series": alert.subject,
            "severity": alert.severity.word,
            "incident": alert.id,
            "seq": event.seq,
            "reason": event.reason,
        }
        log.log(level, "alert %s", event.kind, extra={"fields": fields})
