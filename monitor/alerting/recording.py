"""The use case: store the result of a poll, evaluate the rules, and queue the notifications, in one transaction."""

import logging
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from monitor.alerting.changes import evaluated, save, subjects_of
from monitor.alerting.context import alert_context
from monitor.config import Config
from monitor.domain.alerts import Event
from monitor.domain.evaluation import (
    Change,
    Facts,
    is_covered,
)
from monitor.domain.model import (
    NO_STREAK,
    Account,
    Health,
    PollResult,
    Reading,
    SeriesView,
    State,
    Subject,
)
from monitor.domain.rules import Rule
from monitor.errors import Outcome
from monitor.store.transaction import Transaction

log = logging.getLogger(__name__)

_LOGGED = frozenset(
    10**power for power in range(6)
)  # the numbers of accounts failing with one outcome that are logged


@dataclass(frozen=True, slots=True, kw_only=True)
class Recorded:
    """A recorded poll: its result, the account's health before and after it, the series, and the events.

    `failing_so` counts the accounts of the provider with the outcome with which this account started, or stopped,
    failing. It is 0 if neither is the case."""

    account: Account
    result: PollResult
    before: Health
    health: Health
    failing_so: int = 0
    views: tuple[SeriesView, ...] = ()
    missing: tuple[SeriesView, ...] = ()
    events: tuple[Event, ...] = ()


def record(
    tx: Transaction, account: Account, result: PollResult, config: Config, overdue_at: datetime | None = None
) -> Recorded:
    """Store a poll's result, evaluate the rules, and put the notifications into the outbox.

    The account's next poll counts as overdue from `overdue_at` (UTC) on."""
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
    alerts = tx.alerts.about(subjects_of(account, views))
    concerned = (
        before.streak.count
        or not result.ok
        or any(subject == Subject.of_provider(account.provider) for _, subject in alerts)
    )
    accounts = config.on_provider(account.provider) if concerned else {}
    covered = is_covered(config.rules, account, result.outcome, alerts, tx.accounts.healths(accounts))
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
        schedule=config.schedules.get(account.job),
    )
    changes = evaluated(tx, facts, config.rules, alert_context(tx, config, now))
    events = save(tx, changes, config, now)
    is_news = health.streak.outcome is not before.streak.outcome
    failing_so = 0
    if is_news:  # counted only then: in an outage each poll would count thousands of accounts
        outcome = health.streak.outcome if health.streak.count else before.streak.outcome
        failing_so = sum(one.streak.count > 0 and one.streak.outcome is outcome for one in provider or ())
    for rule in _outages_begun(changes, facts, config):
        matched = [one for one in provider or () if rule.judges_account(one.account)]
        tx.accounts.save_own_failures(rule.covered_by_outage(matched))
    return Recorded(
        account=account,
        result=result,
        before=before,
        health=health,
        failing_so=failing_so,
        views=tuple(views),
        missing=tuple(view for view in views if result.ok and view.series.currency not in read),
        events=events,
    )


def _outages_begun(changes: Iterable[Change], facts: Facts, config: Config) -> Iterator[Rule]:
    """Yield the rules whose alert about the provider has just started firing, even if it is notified later."""
    for change in changes:
        before, after = facts.alerts.get(change.alert.key), change.alert
        fired = before is not None and before.state is State.FIRING
        if (
            after.subject == Subject.of_provider(facts.account.provider)
            and after.state is State.FIRING
            and not fired
        ):
            rule = config.rule(after.rule)
            if rule is not None:
                yield rule


def _expected_of(account: Account, result: PollResult) -> PollResult:
    """Return the result without currencies that a reload removed while the poll was in progress."""
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
    """Return the series after the poll: with a new reading, with one more response without it, or unchanged."""
    if not result.ok:
        return view
    for balance in result.balances:
        if balance.currency == view.series.currency:
            return replace(view, last=Reading.of(balance, result.finished_at), missing=NO_STREAK)
    lacked = view.missing.failed(Outcome.OK, "the response lacks this currency", result.finished_at)
    return replace(view, missing=lacked)


def log_poll(recorded: Recorded) -> None:
    """Log what changed with a poll: the first failure, another outcome, the recovery, a missing currency.

    Failures of one provider with the same outcome have one cause. So the first account is logged, then the tenth, the
    hundredth and so on, and the recovery of the last one."""
    before, after, account = recorded.before.streak, recorded.health.streak, recorded.account
    where = {"job": account.job, "account": account.name}
    if after.count and after.outcome is not before.outcome:
        if recorded.failing_so in _LOGGED:
            others = {"failing": recorded.failing_so} if recorded.failing_so > 1 else {}
            fields = {**where, "outcome": after.outcome, "detail": after.detail, **others}
            log.warning("poll failed", extra={"fields": fields})
    elif before.count and not after.count and not recorded.failing_so:
        log.info("polls recovered", extra={"fields": {**where, "failed": before.count}})
    for view in recorded.missing:
        if view.missing.count == 1:
            log.warning("currency missing from the response", extra={"fields": {"series": str(view.series)}})
