"""The check between polls, for whatever becomes due with time alone: stale readings, reminders, escalations, ends of
mutes."""

from collections.abc import Collection, Iterable, Iterator, Sequence
from datetime import datetime, timedelta

from monitor.alerting.changes import evaluated, save, subjects_of
from monitor.alerting.context import WatchState, alert_cache, alert_context, routes_of_alert
from monitor.config import Config
from monitor.domain.alerts import Event
from monitor.domain.evaluation import AlertContext, Change, Facts
from monitor.domain.model import Series, State, Subject
from monitor.domain.mutes import Mute, MuteKind
from monitor.domain.routing import escalation
from monitor.store.transaction import Transaction


def check_time_based(
    tx: Transaction, config: Config, now: datetime, polled: Collection[tuple[str, str]]
) -> tuple[Event, ...]:
    """Evaluate whatever becomes due with time alone, put its notifications into the outbox, and return the events.

    `polled` are the accounts (job, name) polled since the daemon's start. The others are not checked: after a stop of
    hours their last poll is outdated, and the next one decides."""
    events, due = check_providers(tx, config, now, polled)
    return events + check_accounts(tx, config, now, due)


def check_providers(
    tx: Transaction, config: Config, now: datetime, polled: Collection[tuple[str, str]]
) -> tuple[tuple[Event, ...], Sequence[tuple[str, str]]]:
    """Do the part of `check_time_based` for whole providers; return its events, and the accounts left to check."""
    at = alert_context(tx, config, now)
    events = save(tx, _of_providers(tx, config, at, now, polled), config, now)
    return events, sorted(_with_something_due(tx, config, at, now).intersection(polled))


def check_accounts(
    tx: Transaction, config: Config, now: datetime, due: Iterable[tuple[str, str]]
) -> tuple[Event, ...]:
    """Do the part of `check_time_based` for these accounts, and return its events."""
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
    """Yield the changes of alerts about whole providers."""
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
    """Return the accounts for which something may be due.

    It leaves out those whose alerts are notified or muted and not due: during an outage that is every account of the
    provider, at every check."""
    memory = max((rule.policy.memory for rule in config.rules), default=timedelta(0))
    cache, _ = alert_cache(tx, config)
    last, present = cache.last_check, WatchState(now, at.mutes.active(now), at.inhibitors.version)
    subjects = {*tx.alerts.changing_with_time(now - memory), *_to_escalate(tx, config, at, now, last)}
    # comparing every mute is slow with thousands of alerts, and only needed if one of them may differ
    if last is None or (last.mutes, last.inhibitors) != (present.mutes, present.inhibitors):
        subjects.update(_with_other_mute(tx, config, at, now))
    cache.last_check = present
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


def _with_other_mute(tx: Transaction, config: Config, at: AlertContext, now: datetime) -> Iterator[Subject]:
    """Yield the subjects of the alerts whose mute differs from the one before.

    An explanation without configuration stays as long as its source fires."""
    known = list(tx.alerts.mutable())
    explained = {Mute.by_alert(MuteKind.EXPLANATION, one.key) for one in known if one.state is State.FIRING}
    for one in known:
        mute = at.mutes.find(at.attributes(one, config.rule(one.rule)), at.inhibitors, now)
        if mute is None:
            differs = one.muted is not None and one.muted not in explained
        else:  # by its text: an inhibition and an explanation by the same alert are the same mute to people
            differs = one.muted is None or mute.text != one.muted.text
        if differs:
            yield one.subject


def _to_escalate(
    tx: Transaction, config: Config, at: AlertContext, now: datetime, last: WatchState | None
) -> Iterator[Subject]:
    """Yield the subjects that may have to be escalated now, and did not have to at the last check."""
    last_at = last.at if last is not None and last.at <= now else None  # None also if the clock was set back
    for wait in {route.escalate_after for route in config.routes if route.escalate_after is not None}:
        for rule, subject, severity in tx.alerts.unacknowledged_since(now, wait, last_at):
            if escalation(routes_of_alert(config, at, rule, subject, severity)[1])[0] is not None:
                yield subject


def _series_of(names: Iterable[tuple[str, str, str]], config: Config) -> Iterator[Series]:
    """Yield the series of these jobs, accounts and currencies, as far as they are still configured."""
    for job, name, currency in names:
        account = config.accounts.get((job, name))
        if account is not None and (not account.currencies or currency in account.currencies):
            yield account.series(currency)
