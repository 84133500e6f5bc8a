"""The use case: a poll's result, what the rules make of it, and what is to be told, in one transaction."""

import logging
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import partial

from monitor.domain.alerts import Alert, Event, EventKind
from monitor.domain.coverage import in_common
from monitor.domain.delivery import Addressed, Target, address
from monitor.domain.evaluation import (
    AlertContext,
    Change,
    Facts,
    OutgoingEvent,
    evaluate,
    is_covered,
    of_account,
    of_provider,
)
from monitor.domain.matching import Attributes
from monitor.domain.messages import TREND_LENGTH
from monitor.domain.model import (
    NO_STREAK,
    Account,
    Health,
    PollResult,
    Series,
    SeriesView,
    Severity,
    Snapshot,
    State,
)
from monitor.domain.mutes import Inhibition, Inhibitors, Maintenance, Mutes, Silence, inhibited_by
from monitor.domain.routing import Route, escalation, routes_of
from monitor.domain.rules import Reads, Rule
from monitor.domain.schedule import Schedule
from monitor.errors import Outcome
from monitor.store.transaction import Transaction

log = logging.getLogger(__name__)

_LOGGED = frozenset(10**power for power in range(6))  # how many accounts fail alike, when it is worth a line
_LEVELS = {Severity.INFO: logging.INFO, Severity.WARNING: logging.WARNING, Severity.CRITICAL: logging.ERROR}


@dataclass(frozen=True, slots=True, kw_only=True)
class Watch:
    """What is judged, and who is told: the configuration as far as polls and alerts need it.

    `targets` are the recipients of each channel; `former` are pairs of the name that an
    older version had for one and the name now. `schedules` are the jobs', by name."""

    rules: tuple[Rule, ...]
    accounts: Mapping[tuple[str, str], Account]
    targets: Mapping[str, tuple[Target, ...]]
    routes: tuple[Route, ...] = ()
    maintenance: tuple[Maintenance, ...] = ()
    inhibitions: tuple[Inhibition, ...] = ()
    former: tuple[tuple[Target, Target], ...] = ()
    schedules: Mapping[str, Schedule] = field(default_factory=dict)
    _providers: Mapping[str, Mapping[tuple[str, str], Account]] = field(init=False, repr=False, compare=False)
    _in_common: dict[str, dict[str, str]] = field(init=False, repr=False, compare=False, default_factory=dict)

    def __post_init__(self) -> None:
        """Sort the accounts by provider: an outage asks for all of one with every poll."""
        providers: dict[str, dict[tuple[str, str], Account]] = {}
        for key, account in self.accounts.items():
            providers.setdefault(account.provider, {})[key] = account
        object.__setattr__(self, "_providers", providers)

    def on_provider(self, name: str) -> Mapping[tuple[str, str], Account]:
        """The accounts polled over one provider."""
        return self._providers.get(name, {})

    def rule(self, name: str) -> Rule | None:
        """The rule of this name, if there is one."""
        return next((rule for rule in self.rules if rule.name == name), None)

    def describe(self, subject: str) -> dict[str, str]:
        """What can be matched of a subject: a series, an account, or a provider, of which it is what all its accounts
        have in common."""
        job, _, rest = subject.partition("/")
        name, _, currency = rest.rpartition("/")
        account = self.accounts.get((job, name))
        if account is None:
            return self._of_provider(subject)
        return account.attributes if currency == "*" else account.series(currency).attributes

    def _of_provider(self, name: str) -> dict[str, str]:
        if name not in self._in_common:
            self._in_common[name] = in_common(list(self.on_provider(name).values()))
        return self._in_common[name]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Seen:
    """What the last look between polls was at: silences and windows that muted, and the inhibitors' version."""

    at: datetime
    mutes: tuple[frozenset[int], frozenset[str]]
    inhibitors: int


@dataclass(slots=True, kw_only=True)
class _Kept:
    """What need not be found anew with every poll and every look, however many alerts fire.

    `seen` None: alerts may be muted otherwise than is known of them, or have to be escalated, since any time."""

    mutes: Mutes
    inhibitors: Inhibitors
    seen: _Seen | None = None


def alert_context(tx: Transaction, watch: Watch, now: datetime) -> AlertContext:
    """What decides at this instant whether and where alerts are told."""
    kept, changed = _kept(tx, watch)
    silences = tx.alerts.silences(now)
    if kept.mutes.silences is not silences:
        kept.mutes = _mutes(watch, silences)
    at = AlertContext(
        mutes=kept.mutes,
        routes=watch.routes,
        describe=watch.describe,
        rules={rule.name: rule for rule in watch.rules},
        inhibitors=kept.inhibitors,
    )
    if watch.inhibitions:
        for (rule, subject), severity in changed:
            state = State.INACTIVE if severity is None else State.FIRING
            alert = Alert(rule=rule, subject=subject, severity=severity or Severity.INFO, state=state)
            kept.inhibitors.put(alert.key, at.source(alert))
    return at


def _kept(tx: Transaction, watch: Watch) -> tuple[_Kept, Iterable[tuple[tuple[str, str], Severity | None]]]:
    return tx.alerts.follow(
        watch, lambda: _Kept(mutes=_mutes(watch), inhibitors=Inhibitors(watch.inhibitions))
    )


def _mutes(watch: Watch, silences: tuple[Silence, ...] = ()) -> Mutes:
    return Mutes(silences=silences, maintenance=watch.maintenance, inhibitions=watch.inhibitions)


@dataclass(frozen=True, slots=True, kw_only=True)
class Recorded:
    """A poll after its commit: what it came to, the streaks before and after, the series, and what was told.

    `alike` counts the accounts of the provider that fail as this one has begun to, or did until this poll."""

    account: Account
    result: PollResult
    before: Health
    health: Health
    alike: int = 0
    views: tuple[SeriesView, ...] = ()
    missing: tuple[SeriesView, ...] = ()
    told: tuple[Event, ...] = ()


def record(
    tx: Transaction, account: Account, result: PollResult, watch: Watch, overdue_at: datetime | None = None
) -> Recorded:
    """Keeps a poll's result, judges the account's rules over it, and puts what is to be told into the outbox.

    From `overdue_at` on the account's next poll counts as overdue, unless it has come."""
    now = result.finished_at
    result = _expected_of(account, result)
    before = tx.accounts.health(account, now)
    if result.pause is not None:
        tx.hosts.save_pause(result.pause)
    known = tx.readings.views_by_this_clock(account, now)
    views = [_read(view, result) for view in _all_views(account, result, known)]
    tx.readings.save_views(views)
    read = frozenset(balance.currency for balance in result.balances)
    tx.readings.add([view for view in views if view.series.currency in read])
    alerts = tx.alerts.about(_subjects(account, views))
    concerned = (
        before.streak.count or not result.ok or any(subject == of_provider(account) for _, subject in alerts)
    )
    accounts = watch.on_provider(account.provider) if concerned else {}
    covered = is_covered(watch.rules, account, result.outcome, alerts, tx.accounts.healths(accounts))
    health = _after(before, result, covered=covered)
    tx.accounts.add_poll(health, result, overdue_at)
    provider = tx.accounts.healths(accounts) if concerned else None
    facts = Facts(
        now=now,
        account=account,
        health=health,
        provider=provider,
        series=views,
        alerts=alerts,
        polled=True,
        read=read,
        schedule=watch.schedules.get(account.job),
    )
    changes = _judged(tx, facts, watch.rules, alert_context(tx, watch, now))
    told = _save(tx, changes, watch, now)
    is_news = health.streak.outcome is not before.streak.outcome
    alike = _failing_as(health if health.streak.count else before, provider or ()) if is_news else 0
    for rule in _outages_begun(changes, facts, watch):
        matched = [one for one in provider or () if rule.judges_account(one.account)]
        tx.accounts.save_own_failures(rule.covered_by_outage(matched))
    return Recorded(
        account=account,
        result=result,
        before=before,
        health=health,
        alike=alike,
        views=tuple(views),
        missing=tuple(view for view in views if result.ok and view.series.currency not in read),
        told=told,
    )


def _outages_begun(changes: Iterable[Change], facts: Facts, watch: Watch) -> Iterator[Rule]:
    """The rules of which the alert about the provider has begun to fire, be that told now or later."""
    for change in changes:
        before, after = facts.alerts.get(change.alert.key), change.alert
        fired = before is not None and before.state is State.FIRING
        if after.subject == of_provider(facts.account) and after.state is State.FIRING and not fired:
            rule = watch.rule(after.rule)
            if rule is not None:
                yield rule


def look_between_polls(
    tx: Transaction, watch: Watch, now: datetime, polled: Collection[tuple[str, str]]
) -> tuple[Event, ...]:
    """Tells what only time brings: readings grown stale, and reminders.

    `polled` are the accounts (job, name) polled since the daemon's start. The others are left alone: after a stop
    of hours their first poll says more than their last one."""
    told, due = look_for_due(tx, watch, now, polled)
    return told + look_at(tx, watch, now, due)


def look_for_due(
    tx: Transaction, watch: Watch, now: datetime, polled: Collection[tuple[str, str]]
) -> tuple[tuple[Event, ...], Sequence[tuple[str, str]]]:
    """Tell what only time brings of whole providers, and return the accounts to look at for it; see
    `look_between_polls`."""
    at = alert_context(tx, watch, now)
    told = _save(tx, _of_providers(tx, watch, at, now, polled), watch, now)
    return told, sorted(_with_something_due(tx, watch, at, now).intersection(polled))


def look_at(
    tx: Transaction, watch: Watch, now: datetime, due: Iterable[tuple[str, str]]
) -> tuple[Event, ...]:
    """Tell what only time brings of these accounts."""
    at, told = alert_context(tx, watch, now), list[Event]()
    for key in due:
        if account := watch.accounts.get(key):
            views = list(tx.readings.views(account, now).values())
            facts = Facts(
                now=now,
                account=account,
                health=tx.accounts.health(account, now),
                provider=None,
                series=views,
                alerts=tx.alerts.about(_subjects(account, views)),
                polled=False,
                schedule=watch.schedules.get(account.job),
            )
            told += _save(tx, _judged(tx, facts, watch.rules, at), watch, now)
    return tuple(told)


def _of_providers(
    tx: Transaction, watch: Watch, at: AlertContext, now: datetime, polled: Collection[tuple[str, str]]
) -> Iterator[Change]:
    """What time brings for the alerts about whole providers."""
    names = {watch.accounts[key].provider for key in polled if key in watch.accounts}
    for alert in tx.alerts.about(names).values():
        if (rule := watch.rule(alert.rule)) is not None:
            change = at.tell(alert, rule, now)
            if change.alert != alert:
                yield change


def reconcile(tx: Transaction, watch: Watch, now: datetime) -> tuple[Event, ...]:
    """Fits alerts and outbox to the configuration as it is now: at the start, and after a reload.

    Alerts whose rule, account or currency is gone are closed. All others go on, whatever of them was edited."""
    at = alert_context(tx, watch, now)
    every = [target for urls in watch.targets.values() for target in urls]
    tx.outbox.rename_targets(watch.former)
    tx.outbox.follow_recipients(every)
    given_up = tx.outbox.reroute(every, partial(_wanted, watch, at), now)
    if given_up:
        log.warning("notifications dropped: their channel was removed", extra={"fields": {"count": given_up}})
    rules = {rule.name: rule for rule in watch.rules}
    subjects = _subjects_by_rule(tx, watch, now)
    told: list[Event] = []
    for (rule, subject), alert in sorted(tx.alerts.all().items()):
        if rule not in rules:
            told += _save(
                tx, [at.end(alert, None, "the rule is gone from the configuration", now)], watch, now
            )
        elif subject not in subjects[rule]:
            why = "the rule no longer looks at it"
            told += _save(tx, [at.end(alert, rules[rule], why, now)], watch, now)
    return tuple(told)


def _wanted(watch: Watch, at: AlertContext, rule: str, subject: str, severity: Severity) -> list[Target]:
    """Where an alert would be told by the configuration as it is now."""
    attributes, routes = _routes(watch, at, rule, subject, severity)
    told = address(EventKind.FIRED, routes, attributes, watch.targets, ()) if routes else []
    return [one.target for one in told]


def _routes(
    watch: Watch, at: AlertContext, rule: str, subject: str, severity: Severity
) -> tuple[Attributes, tuple[Route, ...]]:
    """What of an alert can be matched, and its routes; none where its rule is gone."""
    known = watch.rule(rule)
    attributes = at.attributes(Alert(rule=rule, subject=subject, severity=severity), known)
    return attributes, routes_of(watch.routes, known.policy, attributes) if known else ()


def _with_something_due(
    tx: Transaction, watch: Watch, at: AlertContext, now: datetime
) -> set[tuple[str, str]]:
    """The accounts of which time alone may tell something. Those whose alerts are told, or muted, and not due are none
    of them: in an outage that is all of them, every time."""
    memory = max((rule.policy.memory for rule in watch.rules), default=timedelta(0))
    kept, _ = _kept(tx, watch)
    seen = _Seen(at=now, mutes=at.mutes.active(now), inhibitors=at.inhibitors.version)
    subjects = {*tx.alerts.unsettled(now - memory), *_to_escalate(tx, watch, at, now, kept.seen)}
    if kept.seen is None or (kept.seen.mutes, kept.seen.inhibitors) != (seen.mutes, seen.inhibitors):
        subjects.update(_muted_otherwise(tx, watch, at, now))
    kept.seen = seen
    due: set[tuple[str, str]] = set()
    for rule in watch.rules:
        if rule.policy.repeat_every is not None:
            subjects.update(tx.alerts.notified_until(now - rule.policy.repeat_every, rule.name))
        for level in rule.each_level:
            if level.longest_gap is not None:
                old = tx.readings.not_read_since(now - level.longest_gap, rule.name, level.policy.severity)
                stale = (
                    (job, name, currency)
                    for job, name, currency, last in old
                    if (stale_at := level.stale_at(watch.schedules.get(job), last)) and now >= stale_at
                )
                due |= {one.account.key for one in _series_of(stale, watch) if rule.match.series(one)}
    return due | {_account_of(subject) for subject in subjects}


def _muted_otherwise(tx: Transaction, watch: Watch, at: AlertContext, now: datetime) -> Iterator[str]:
    """The subjects of the alerts that something else mutes now than is known of them, or nothing, or something at
    last. What a firing alert explains without any configuration it still does."""
    known = list(tx.alerts.mutable())
    explained = {inhibited_by((one.rule, one.subject)) for one in known if one.state is State.FIRING}
    for one in known:
        reason = at.mutes.reason(at.attributes(one, watch.rule(one.rule)), at.inhibitors, now)
        if reason != one.muted and (reason or one.muted not in explained):
            yield one.subject


def _to_escalate(
    tx: Transaction, watch: Watch, at: AlertContext, now: datetime, seen: _Seen | None
) -> Iterator[str]:
    """The subjects of which somebody else may have to be told, since nobody acknowledges, and was not at the last
    look."""
    seen_at = seen.at if seen is not None and seen.at <= now else None
    for wait in {route.escalate_after for route in watch.routes if route.escalate_after is not None}:
        for rule, subject, severity in tx.alerts.unacknowledged_since(now, wait, seen_at):
            if escalation(_routes(watch, at, rule, subject, severity)[1])[0] is not None:
                yield subject


def _account_of(subject: str) -> tuple[str, str]:
    """The account that an alert is about; none there is for a provider's."""
    job, _, rest = subject.partition("/")
    return job, rest.rpartition("/")[0]


def _series_of(names: Iterable[tuple[str, str, str]], watch: Watch) -> Iterator[Series]:
    """The series of this job, account and currency, as far as they are still watched."""
    for job, name, currency in names:
        account = watch.accounts.get((job, name))
        if account is not None and (not account.currencies or currency in account.currencies):
            yield account.series(currency)


def _failing_as(one: Health, provider: Iterable[Health]) -> int:
    return sum(other.streak.count > 0 and other.streak.outcome is one.streak.outcome for other in provider)


def _expected_of(account: Account, result: PollResult) -> PollResult:
    """The result without currencies that a reload took away while the poll was under way."""
    if not account.currencies:
        return result
    balances = tuple(balance for balance in result.balances if balance.currency in account.currencies)
    return replace(result, balances=balances)


def _after(before: Health, result: PollResult, *, covered: bool) -> Health:
    if result.ok:
        return replace(
            before, streak=NO_STREAK, last_poll_at=result.finished_at, last_ok_at=result.finished_at
        )
    streak = before.streak.failed(result.outcome, result.detail, result.finished_at, covered=covered)
    return replace(before, streak=streak, last_poll_at=result.finished_at)


def _all_views(account: Account, result: PollResult, known: Mapping[str, SeriesView]) -> list[SeriesView]:
    new = {
        balance.currency: SeriesView(
            series=account.series(balance.currency), watched_since=result.finished_at
        )
        for balance in result.balances
    }
    return list({**new, **known}.values())


def _read(view: SeriesView, result: PollResult) -> SeriesView:
    """The series after the poll: a new reading, one answer more that lacked it, or as it was."""
    if not result.ok:
        return view
    for balance in result.balances:
        if balance.currency == view.series.currency:
            return replace(view, last=Snapshot.of(balance, result.finished_at), missing=NO_STREAK)
    lacked = view.missing.failed(Outcome.OK, "the answer lacks this currency", result.finished_at)
    return replace(view, missing=lacked)


def _judged(tx: Transaction, facts: Facts, rules: Sequence[Rule], at: AlertContext) -> list[Change]:
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


def _subjects(account: Account, views: Iterable[SeriesView]) -> list[str]:
    return [of_provider(account), of_account(account), *(str(view.series) for view in views)]


def _subjects_by_rule(tx: Transaction, watch: Watch, now: datetime) -> dict[str, set[str]]:
    subjects: dict[str, set[str]] = {rule.name: set() for rule in watch.rules}
    for account in watch.accounts.values():
        views = tx.readings.views(account, now).values()
        for rule in watch.rules:
            subjects[rule.name] |= {str(v.series) for v in views if rule.match.series(v.series)}
            if rule.judges_account(account):
                subjects[rule.name] |= {of_provider(account), of_account(account)}
    return subjects


def _save(tx: Transaction, changes: Iterable[Change], watch: Watch, at: datetime) -> tuple[Event, ...]:
    told: list[Event] = []
    for change in changes:
        alert = change.alert
        for item in change.told:
            tx.alerts.add_event(item.event, item.report, _addressed(tx, item, watch))
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


def _addressed(tx: Transaction, told: OutgoingEvent, watch: Watch) -> list[Addressed]:
    if told.event.kind is EventKind.RESOLVED and not told.policy.send_resolved:
        return []
    notified_targets = tx.outbox.notified_targets(told.event.alert.id) if told.event.seq > 1 else []
    return address(told.event.kind, told.routes, told.attributes, watch.targets, notified_targets)


def log_poll(recorded: Recorded) -> None:
    """Logs what changed with a poll: the first failure, another kind of it, the recovery, a currency lost.

    What fails alike at one provider is one cause: the first account is logged, then the tenth, the hundredth, and
    the recovery of the last."""
    before, after, account = recorded.before.streak, recorded.health.streak, recorded.account
    where = {"job": account.job, "account": account.name}
    if after.count and after.outcome is not before.outcome:
        if recorded.alike in _LOGGED:
            others = {"failing": recorded.alike} if recorded.alike > 1 else {}
            fields = {**where, "outcome": after.outcome, "detail": after.detail, **others}
            log.warning("poll failed", extra={"fields": fields})
    elif before.count and not after.count and not recorded.alike:
        log.info("polls recovered", extra={"fields": {**where, "failed": before.count}})
    for view in recorded.missing:
        if view.missing.count == 1:
            log.warning("currency missing from the response", extra={"fields": {"series": str(view.series)}})


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
