"""The use case: a poll's result, what the rules make of it, and what is to be told, in one transaction."""

import logging
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from monitor.domain.alerts import Event, EventKind
from monitor.domain.delivery import Target, targets
from monitor.domain.evaluation import Change, Facts, Told, end, evaluate, of_account, of_provider
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
)
from monitor.domain.rules import Delta, Failing, Policy, Rule, Stale, window
from monitor.errors import Outcome
from monitor.store.transaction import Transaction

log = logging.getLogger(__name__)

_LOGGED = frozenset(10**power for power in range(6))  # how many accounts fail alike, when it is worth a line
_LEVELS = {Severity.INFO: logging.INFO, Severity.WARNING: logging.WARNING, Severity.CRITICAL: logging.ERROR}


@dataclass(frozen=True, slots=True, kw_only=True)
class Watch:
    """What is judged, and who is told: the configuration as far as polls and alerts need it."""

    rules: tuple[Rule, ...]
    accounts: Mapping[tuple[str, str], Account]
    targets: Mapping[str, tuple[Target, ...]]

    def on_provider(self, name: str) -> dict[tuple[str, str], Account]:
        """The accounts polled over one provider."""
        return {key: account for key, account in self.accounts.items() if account.provider == name}

    def wanted(self, policy: Policy) -> list[Target]:
        """Where a policy's notifications go: every URL of its channels, or of all."""
        names = self.targets if policy.notify is None else policy.notify
        return [target for name in names for target in self.targets.get(name, ())]


@dataclass(frozen=True, slots=True, kw_only=True)
class Recorded:
    """A poll after its commit: what it came to, the streaks before and after, the series, and what was told.

    `alike` counts the accounts of the provider that fail as this one does now, or did until this poll."""

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
    before = tx.health(account, now)
    health = _after(before, result)
    tx.add_poll(health, result, overdue_at)
    if result.pause is not None:
        tx.save_pause(result.pause)
    known = _none_ahead(tx, tx.views(account, now), now)
    views = [_read(view, result) for view in _all_views(account, result, known)]
    tx.save_views(views)
    read = frozenset(balance.currency for balance in result.balances)
    tx.add_snapshots([view for view in views if view.series.currency in read])
    alerts = tx.alerts(_subjects(account, views))
    suffered = before.streak.count or health.streak.count
    concerned = suffered or any(subject == of_provider(account) for _, subject in alerts)
    provider = tx.healths(watch.on_provider(account.provider)) if concerned else None
    facts = Facts(
        now=now,
        account=account,
        health=health,
        provider=provider,
        series=views,
        alerts=alerts,
        polled=True,
        read=read,
    )
    told = _save(tx, _judged(tx, facts, watch.rules), watch)
    if any(
        event.kind is EventKind.RESOLVED and event.alert.subject == of_provider(account) for event in told
    ):
        tx.count_refusals_anew(account.provider)
    return Recorded(
        account=account,
        result=result,
        before=before,
        health=health,
        alike=_failing_as(health if health.streak.count else before, provider or ()),
        views=tuple(views),
        missing=tuple(view for view in views if result.ok and view.series.currency not in read),
        told=told,
    )


def look_between_polls(
    tx: Transaction, watch: Watch, now: datetime, polled: Collection[tuple[str, str]]
) -> tuple[Event, ...]:
    """Tells what only time brings: readings grown stale, and reminders.

    `polled` are the accounts (job, name) polled since the daemon's start. The others are left alone: after a stop
    of hours their first poll says more than their last one."""
    told: list[Event] = []
    for key in sorted(_with_something_due(tx, watch, now, polled)):
        if account := watch.accounts.get(key):
            views = list(tx.views(account, now).values())
            facts = Facts(
                now=now,
                account=account,
                health=tx.health(account, now),
                provider=(),
                series=views,
                alerts=tx.alerts(_subjects(account, views)),
                polled=False,
            )
            told += _save(tx, _judged(tx, facts, watch.rules), watch)
    return tuple(told)


def reconcile(tx: Transaction, watch: Watch, now: datetime) -> tuple[Event, ...]:
    """Fits alerts and outbox to the configuration as it is now: at the start, and after a reload.

    Alerts whose rule, account or currency is gone are closed. All others go on, whatever of them was edited."""
    wanted = {rule.name: watch.wanted(rule.policy) for rule in watch.rules}
    given_up = tx.readdress([target for urls in watch.targets.values() for target in urls], wanted, now)
    if given_up:
        log.warning("notifications given up: their channel is gone", extra={"fields": {"count": given_up}})
    rules = {rule.name: rule for rule in watch.rules}
    subjects = _subjects_by_rule(tx, watch, now)
    told: list[Event] = []
    for (rule, subject), alert in sorted(tx.alerts().items()):
        if rule not in rules:
            told += _save(tx, [end(alert, None, "the rule is gone from the configuration", now)], watch)
        elif subject not in subjects[rule]:
            why = "the rule no longer looks at it"
            told += _save(tx, [end(alert, rules[rule], why, now)], watch)
    return tuple(told)


def _with_something_due(
    tx: Transaction, watch: Watch, now: datetime, polled: Collection[tuple[str, str]]
) -> set[tuple[str, str]]:
    """The accounts of which time alone may tell something. Those whose alerts are told and not due are none of them:
    in an outage that is all of them, every time."""
    due: set[tuple[str, str]] = set()
    for rule in watch.rules:
        if rule.policy.repeat_every is not None:
            for subject in tx.told_until(now - rule.policy.repeat_every, rule.name):
                due.update(_one_to_remind_of(rule, subject, watch, polled))
        if isinstance(rule, Stale) and rule.clock == "observed":
            due |= {
                series.account.key
                for series in _series_of(tx.not_read_since(now - rule.after, rule.name), watch)
                if rule.match.series(series)
            }
    return due.intersection(polled)


def _one_to_remind_of(
    rule: Rule, subject: str, watch: Watch, polled: Collection[tuple[str, str]]
) -> Iterable[tuple[str, str]]:
    """The account that an alert is about; of a provider's, the first that the rule looks at: it stands for all."""
    if "/" in subject:
        job, _, rest = subject.partition("/")
        return [(job, rest.rpartition("/")[0])]
    accounts = watch.on_provider(subject)
    return sorted(key for key in accounts if key in polled and rule.match.account(accounts[key]))[:1]


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


def _after(before: Health, result: PollResult) -> Health:
    if result.ok:
        return replace(
            before, streak=NO_STREAK, last_poll_at=result.finished_at, last_ok_at=result.finished_at
        )
    streak = before.streak.failed(result.outcome, result.detail, result.finished_at)
    return replace(before, streak=streak, last_poll_at=result.finished_at)


def _none_ahead(tx: Transaction, known: Mapping[str, SeriesView], now: datetime) -> dict[str, SeriesView]:
    """Where the wall clock was set back: what was read last, by the wrong clock, counts as read just now.

    What that clock put after now goes: it would lie between what is read from now on, as if of the same time."""
    views = {}
    for currency, view in known.items():
        if view.last is not None and view.last.observed_at > now:
            last = replace(view.last, observed_at=now - timedelta(microseconds=1))
            tx.end_history_with(view.series, last)
            view = replace(view, last=last)
        views[currency] = view
    return views


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


def _judged(tx: Transaction, facts: Facts, rules: Sequence[Rule]) -> list[Change]:
    """What the rules make of the facts. Few polls tell anything: what only messages show is loaded for those alone."""
    changes = evaluate(rules, _with_history(tx, facts, rules, trend=False))
    if not any(change.told for change in changes):
        return changes
    return evaluate(rules, _with_history(tx, facts, rules, trend=True))


def _with_history(tx: Transaction, facts: Facts, rules: Sequence[Rule], *, trend: bool) -> Facts:
    """The facts with the readings that rules need, or messages (`trend`); series no rule looks at have none."""
    series = []
    for view in facts.series:
        looking = [rule for rule in rules if not isinstance(rule, Failing) and rule.match.series(view.series)]
        if view.last is not None and looking:
            compared = facts.polled and any(isinstance(rule, Delta) for rule in looking)
            history = _history(tx, view, view.last, looking) if compared or trend else (view.last,)
            view = replace(view, history=history)
        series.append(view)
    return replace(facts, series=series)


def _history(
    tx: Transaction, view: SeriesView, last: Snapshot, rules: Sequence[Rule]
) -> tuple[Snapshot, ...]:
    since = last.observed_at - max(window(rule) for rule in rules)
    return tx.history(view.series, last.observed_at, since, TREND_LENGTH)


def _subjects(account: Account, views: Iterable[SeriesView]) -> list[str]:
    return [of_provider(account), of_account(account), *(str(view.series) for view in views)]


def _subjects_by_rule(tx: Transaction, watch: Watch, now: datetime) -> dict[str, set[str]]:
    subjects: dict[str, set[str]] = {rule.name: set() for rule in watch.rules}
    for account in watch.accounts.values():
        views = tx.views(account, now).values()
        for rule in watch.rules:
            subjects[rule.name] |= {str(v.series) for v in views if rule.match.series(v.series)}
            if isinstance(rule, Failing) and rule.match.account(account):
                subjects[rule.name] |= {of_provider(account), of_account(account)}
    return subjects


def _save(tx: Transaction, changes: Iterable[Change], watch: Watch) -> tuple[Event, ...]:
    told: list[Event] = []
    for change in changes:
        for item in change.told:
            tx.add_event(item.event, item.report, _where(tx, item, watch))
            told.append(item.event)
        tx.save_alert(change.alert)
    return tuple(told)


def _where(tx: Transaction, told: Told, watch: Watch) -> list[Target]:
    if told.event.kind is EventKind.RESOLVED and not told.policy.send_resolved:
        return []
    wanted = watch.wanted(told.policy)
    if told.event.kind is EventKind.FIRED:
        return wanted
    return targets(told.event.kind, wanted, tx.told_to(told.event.alert.id))


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
        log.info("polls succeed again", extra={"fields": {**where, "failed": before.count}})
    for view in recorded.missing:
        if view.missing.count == 1:
            log.warning("the answer lacks a currency", extra={"fields": {"series": str(view.series)}})


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
