"""What one poll, or the mere passing of time, means for the alerts: rules judged, alerts stepped, events told."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from monitor.domain.alerts import Alert, Event, close, step
from monitor.domain.messages import Report, report
from monitor.domain.model import Account, Health, Series, SeriesView, State
from monitor.domain.rules import (
    Failing,
    Policy,
    Rule,
    Stale,
    Unknown,
    Verdict,
    judge,
    judge_account,
    judge_provider,
)

AlertKey = tuple[str, str]
"""A rule's name and a subject's."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """All that the rules may look at, after a poll of one account or, where `polled` is False, between two.

    `read` names the currencies that the poll read. `provider` holds every account of the account's provider;
    None where this poll can have changed nothing about them."""

    now: datetime
    account: Account
    health: Health
    provider: Sequence[Health] | None
    series: Sequence[SeriesView]
    alerts: Mapping[AlertKey, Alert]
    polled: bool
    read: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """An event, its facts, and the policy that says where it goes."""

    event: Event
    report: Report
    policy: Policy


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """What became of one alert, and what is told of it."""

    alert: Alert
    told: tuple[Told, ...] = ()


def of_account(account: Account) -> str:
    """The subject of an alert about all of an account: `clients/CLIENT_001/*`."""
    return f"{account}/*"


def of_provider(account: Account) -> str:
    """The subject of an alert about all accounts of a provider: the provider's name."""
    return account.provider


def evaluate(rules: Sequence[Rule], facts: Facts) -> list[Change]:
    """Judges every rule over one account and steps its alerts; what did not change is left out.

    The failing rules come first: while one of them fires for the account, its stale alerts stay quiet."""
    changes = [change for rule in rules if isinstance(rule, Failing) for change in _failing(rule, facts)]
    alerts = {**facts.alerts, **{_key(change.alert): change.alert for change in changes}}
    explained = _explained_by_failing(rules, facts, alerts)
    for rule in rules:
        if not isinstance(rule, Failing):
            changes += _over_series(rule, facts, explained)
    return [change for change in changes if change.alert != _before(facts, _key(change.alert))]


def end(alert: Alert, rule: Rule | None, reason: str, now: datetime) -> Change:
    """The end of an alert whose rule (then None) or subject is gone from the configuration."""
    over, events = close(alert, reason, now)
    policy = rule.policy if rule else Policy()
    return Change(
        alert=over, told=tuple(Told(event=one, report=report(one, rule), policy=policy) for one in events)
    )


def _failing(rule: Failing, facts: Facts) -> Iterator[Change]:
    """The provider first: while its alert fires, an account's own is quiet."""
    account, whole_fires = facts.account, False
    if facts.provider is not None and rule.match.account(account):
        matched = [health for health in facts.provider if rule.match.account(health.account)]
        before = _before(facts, (rule.name, of_provider(account)))
        verdict = judge_provider(rule, matched, before.since) if facts.polled else Unknown("not polled")
        whole = _stepped(rule, before.subject, verdict, facts, labels=())
        whole_fires = whole.alert.state is State.FIRING
        yield whole
    if rule.match.account(account):
        verdict = judge_account(rule, facts.health) if facts.polled else Unknown("not polled")
        yield _stepped(rule, of_account(account), verdict, facts, inhibited=whole_fires)
    if facts.health.streak.count == 0:
        yield from _over_series(rule, facts, frozenset())


def _over_series(rule: Rule, facts: Facts, explained: frozenset[Series]) -> Iterator[Change]:
    for view in facts.series:
        if not rule.match.series(view.series):
            continue
        subject = str(view.series)
        read = view.series.currency in facts.read
        firing = _before(facts, (rule.name, subject)).state is State.FIRING
        verdict: Verdict = Unknown("not polled")
        if facts.polled or isinstance(rule, Stale):
            verdict = judge(rule, view, read=read, firing=firing, now=facts.now)
        quiet = isinstance(rule, Stale) and view.series in explained
        yield _stepped(rule, subject, verdict, facts, view=view, inhibited=quiet)


def _explained_by_failing(
    rules: Sequence[Rule], facts: Facts, alerts: Mapping[AlertKey, Alert]
) -> frozenset[Series]:
    """The series without a reading of which a firing `failing` alert already says why."""

    def fires(rule: Rule, subject: str) -> bool:
        alert = alerts.get((rule.name, subject))
        return alert is not None and alert.state is State.FIRING

    account = facts.account
    failing = [rule for rule in rules if isinstance(rule, Failing)]
    whole = facts.health.streak.count > 0 and any(
        fires(rule, of_account(account))
        or (fires(rule, of_provider(account)) and rule.match.account(account))
        for rule in failing
    )
    return frozenset(
        view.series
        for view in facts.series
        if whole or (view.missing.count > 0 and any(fires(rule, str(view.series)) for rule in failing))
    )


def _stepped(
    rule: Rule,
    subject: str,
    verdict: Verdict,
    facts: Facts,
    *,
    view: SeriesView | None = None,
    labels: tuple[tuple[str, str], ...] | None = None,
    inhibited: bool = False,
) -> Change:
    before = _before(facts, (rule.name, subject))
    after, events = step(before, verdict, rule.policy, facts.now, inhibited=inhibited)
    shown = facts.account.labels if labels is None else labels
    return Change(alert=after, told=tuple(_told(event, rule, shown, view) for event in events))


def _told(
    event: Event, rule: Rule, labels: tuple[tuple[str, str], ...] = (), view: SeriesView | None = None
) -> Told:
    facts = report(event, rule, labels, view.history if view else ())
    return Told(event=event, report=facts, policy=rule.policy)


def _before(facts: Facts, key: AlertKey) -> Alert:
    return facts.alerts.get(key) or Alert(rule=key[0], subject=key[1])


def _key(alert: Alert) -> AlertKey:
    return alert.rule, alert.subject
