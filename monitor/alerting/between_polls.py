"""The use case: whatever becomes due with time alone: stale readings, reminders, escalations, ends of mutes."""

from collections.abc import Collection, Iterable, Iterator, Sequence
from datetime import datetime, timedelta

from monitor.alerting.changes import evaluated, save, subjects_of
from monitor.alerting.context import Seen, alert_context, kept_by_writer, routes_of_alert
from monitor.config import Config
from monitor.domain.alerts import Event
from monitor.domain.evaluation import AlertContext, Change, Facts
from monitor.domain.model import Series, State, Subject
from monitor.domain.mutes import Mute, MuteKind
from monitor.domain.routing import escalation
from monitor.store.transaction import Transaction


def look_between_polls(
    tx: Transaction, config: Config, now: datetime, polled: Collection[tuple[str, str]]
) -> tuple[Event, ...]:
    """Notify of whatever becomes due with time alone: stale readings, reminders.

    `polled` are the accounts (job, name) polled since the daemon's start. The others are left alone: after a stop
    of hours their first poll says more than their last one."""
    events, due = look_for_due(tx, config, now, polled)
    return events + look_at(tx, config, now, due)


def look_for_due(
    tx: Transaction, config: Config, now: datetime, polled: Collection[tuple[str, str]]
) -> tuple[tuple[Event, ...], Sequence[tuple[str, str]]]:
    """Notify of whatever becomes due with time alone for whole providers, and return the accounts to look at for it;
    see `look_between_polls`."""
    at = alert_context(tx, config, now)
    events = save(tx, _of_providers(tx, config, at, now, polled), config, now)
    return events, sorted(_with_something_due(tx, config, at, now).intersection(polled))


def look_at(
    tx: Transaction, config: Config, now: datetime, due: Iterable[tuple[str, str]]
) -> tuple[Event, ...]:
    """Notify of whatever becomes due with time alone for these accounts."""
    at, events = alert_context(tx, config, now), list[Event]()
    for key in due:
        if account := config.accounts.get(key):
            views = list(tx.readings.views(account, now).values())
            facts = Facts(
                now=now,
                account=account,
                health=tx.accounts.health(account, now),
                provider=None,
                series=views,
                alerts=tx.alerts.about(subjects_of(account, views)),
                polled=False,
                schedule=config.schedules.get(account.job),
            )
            events += save(tx, evaluated(tx, facts, config.rules, at), config, now)
    return tuple(events)


def _of_providers(
    tx: Transaction, config: Config, at: AlertContext, now: datetime, polled: Collection[tuple[str, str]]
) -> Iterator[Change]:
    """Yield the changes that time alone brings for the alerts about whole providers."""
    names = {config.accounts[key].provider for key in polled if key in config.accounts}
    # one call a provider: there may be thousands of accounts
    for alert in tx.alerts.about(map(Subject.of_provider, names)).values():
        if (rule := config.rule(alert.rule)) is not None:
            change = at.next_change(alert, rule, now)
            if change.alert != alert:
                yield change


def _with_something_due(
    tx: Transaction, config: Config, at: AlertContext, now: datetime
) -> set[tuple[str, str]]:
    """Return the accounts of which something may become due with time alone. Those whose alerts are notified or muted,
    and not due, are none of them: in an outage that is all of them, every time."""
    memory = max((rule.policy.memory for rule in config.rules), default=timedelta(0))
    kept, _ = kept_by_writer(tx, config)
    seen = Seen(at=now, mutes=at.mutes.active(now), inhibitors=at.inhibitors.version)
    subjects = {*tx.alerts.changing_with_time(now - memory), *_to_escalate(tx, config, at, now, kept.seen)}
    if kept.seen is None or (kept.seen.mutes, kept.seen.inhibitors) != (seen.mutes, seen.inhibitors):
        subjects.update(_muted_otherwise(tx, config, at, now))
    kept.seen = seen
    due: set[tuple[str, str]] = set()
    for rule in config.rules:
        if rule.policy.repeat_every is not None:
            subjects.update(tx.alerts.notified_until(now - rule.policy.repeat_every, rule.name))
        for level in rule.each_level:
            if level.longest_gap is not None:
                old = tx.readings.not_read_since(now - level.longest_gap, rule.name, level.policy.severity)
                stale = (
                    (job, name, currency)
                    for job, name, currency, last in old
                    if (stale_at := level.stale_at(config.schedules.get(job), last)) and now >= stale_at
                )
                due |= {one.account.key for one in _series_of(stale, config) if rule.match.series(one)}
    return due | {subject.account_key for subject in subjects}


def _muted_otherwise(tx: Transaction, config: Config, at: AlertContext, now: datetime) -> Iterator[Subject]:
    """Yield the subjects of the alerts that are muted now and were not, or the other way round, or by something else.

    A firing alert that explains another without any configuration still does."""
    known = list(tx.alerts.mutable())
    explained = {Mute.by_alert(MuteKind.EXPLANATION, one.key) for one in known if one.state is State.FIRING}
    for one in known:
        mute = at.mutes.find(at.attributes(one, config.rule(one.rule)), at.inhibitors, now)
        if mute is None:
            differs = one.muted is not None and one.muted not in explained
        else:  # by its words: what is inhibited may be explained by the same alert without any configuration
            differs = one.muted is None or mute.text != one.muted.text
        if differs:
            yield one.subject


def _to_escalate(
    tx: Transaction, config: Config, at: AlertContext, now: datetime, seen: Seen | None
) -> Iterator[Subject]:
    """Yield the subjects that may have to be escalated, since nobody acknowledges, and did not have to at the last
    look."""
    seen_at = seen.at if seen is not None and seen.at <= now else None
    for wait in {route.escalate_after for route in config.routes if route.escalate_after is not None}:
        for rule, subject, severity in tx.alerts.unacknowledged_since(now, wait, seen_at):
            if escalation(routes_of_alert(config, at, rule, subject, severity)[1])[0] is not None:
                yield subject


def _series_of(names: Iterable[tuple[str, str, str]], config: Config) -> Iterator[Series]:
    """The series of this job, account and currency, as far as they are still watched."""
    for job, name, currency in names:
        account = config.accounts.get((job, name))
        if account is not None and (not account.currencies or currency in account.currencies):
            yield account.series(currency)
