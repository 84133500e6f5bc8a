"""Load what an evaluation needs from the store, and save its result: alerts, events, notifications, notes."""

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
)
from monitor.domain.messages import TREND_LENGTH
from monitor.domain.model import (
    Account,
    Reading,
    SeriesView,
    Severity,
    State,
    Subject,
)
from monitor.domain.rules import Reads, Rule
from monitor.store.transaction import Transaction

log = logging.getLogger(__name__)

_LEVELS = {Severity.INFO: logging.INFO, Severity.WARNING: logging.WARNING, Severity.CRITICAL: logging.ERROR}


def evaluated(tx: Transaction, facts: Facts, rules: Sequence[Rule], at: AlertContext) -> list[Change]:
    """Return the changes by the rules, after loading the earlier readings that rules compare with.

    A series without such a rule has its last reading only."""
    series = []
    for view in facts.series:
        if view.last is not None:
            compared = facts.polled and any(
                rule.reads is Reads.HISTORY and rule.match.series(view.series) for rule in rules
            )
            history = _history(tx, view, rules) if compared else (view.last,)
            view = replace(view, history=history)
        series.append(view)
    return evaluate(rules, replace(facts, series=series), at)


def _history(tx: Transaction, view: SeriesView | None, rules: Sequence[Rule]) -> tuple[Reading, ...]:
    """Return the last readings of a series, as far as a rule or a message needs them; none if no rule reads them."""
    readers = [
        rule
        for rule in rules
        if view is not None and rule.reads is not Reads.ANSWERS and rule.match.series(view.series)
    ]
    if view is None or view.last is None or not readers:
        return ()
    since = view.last.observed_at - max(rule.window for rule in readers)
    # while there are readings ahead of the clock, it may be behind: its own readings are provisional then
    provisional = view.ahead_until is not None
    return tx.readings.history(
        view.series, view.last.observed_at, since, TREND_LENGTH, provisional=provisional
    )


def subjects_of(account: Account, views: Iterable[SeriesView]) -> list[Subject]:
    """Return the subjects of all alerts about an account, its series and its provider."""
    return [
        Subject.of_provider(account.provider),
        Subject.of_account(account),
        *(Subject.of_series(view.series) for view in views),
    ]


def save(tx: Transaction, changes: Iterable[Change], config: Config, at: datetime) -> tuple[Event, ...]:
    """Save changed alerts, put their notifications into the outbox, and return the events."""
    events: list[Event] = []
    for change in changes:
        for item in change.events:
            # few polls notify: only then is the history loaded that messages show
            report = item.report(_history(tx, change.view, config.rules))
            tx.alerts.add_event(item.event, report, _addressed(tx, item, config))
            events.append(item.event)
        _note(tx, change, at)
        tx.alerts.save(change.alert)
    return tuple(events)


def _note(tx: Transaction, change: Change, at: datetime) -> None:
    """Record in the timeline what is not notified: begin and end of a mute, and the end of an alert that was muted."""
    alert, before, over = change.alert, change.muted_before, change.ended_unnotified
    if over is not None:
        tx.alerts.add_note(over, "ended", at, "", over.ending)
    elif alert.state is State.FIRING:
        if alert.muted is not None:
            if before is None or alert.muted.text != before.text or alert.fired_at == at:
                tx.alerts.add_note(alert, "muted", at, "", alert.muted.text)
        elif before is not None:
            tx.alerts.add_note(alert, "unmuted", at, "", before.text)


def _addressed(tx: Transaction, outgoing: OutgoingEvent, config: Config) -> list[Addressed]:
    event = outgoing.event
    if event.kind is EventKind.RESOLVED and not outgoing.policy.send_resolved:
        return []
    notified_targets = tx.outbox.notified_targets(event.alert.id) if event.seq > 1 else []
    return address(event.kind, outgoing.routes, outgoing.attributes, config.targets, notified_targets)


def log_events(events: Iterable[Event]) -> None:
    """Log the events that were put into the outbox."""
    for event in events:
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
