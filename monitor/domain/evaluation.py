"""What one poll, or the mere passing of time, means for the alerts: rules judged, alerts stepped, events told."""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from monitor.domain.alerts import Alert, Event, apply_verdict, close, tell
from monitor.domain.matching import Attributes
from monitor.domain.messages import Report, report
from monitor.domain.model import Account, Health, SeriesView, Snapshot, State
from monitor.domain.mutes import NO_INHIBITORS, NO_MUTES, AlertKey, Inhibitors, Mutes, inhibited_by
from monitor.domain.routing import Route, escalation, routes_of
from monitor.domain.rules import (
    Failing,
    Policy,
    Rule,
    Stale,
    Unknown,
    Verdict,
    covered_by_outage,
    judge,
    judge_account,
    judge_provider,
    kind,
    may_begin,
)
from monitor.domain.schedule import Schedule
from monitor.errors import Outcome

MANY = 1000
"""A provider with so many accounts is judged no more often than OFTEN while its outage lasts."""
OFTEN = timedelta(seconds=1)


def of_account(account: Account) -> str:
    """The subject of an alert about all of an account: `clients/CLIENT_001/*`."""
    return f"{account}/*"


def of_provider(account: Account) -> str:
    """The subject of an alert about all accounts of a provider: the provider's name."""
    return account.provider


@dataclass(frozen=True, slots=True, kw_only=True)
class OutgoingEvent:
    """An event, its facts, the policy and the routes that say where it goes, and what they went by."""

    event: Event
    report: Report
    policy: Policy
    routes: tuple[Route, ...]
    attributes: Attributes


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """What became of one alert, what is told of it, and what kept it quiet before.

    `came_and_went`: it has just ceased to fire, muted all the while, so that nobody is ever told of it."""

    alert: Alert
    told: tuple[OutgoingEvent, ...] = ()
    muted_before: str = ""
    came_and_went: Alert | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertContext:
    """What decides whether and where an alert is told, besides its rule.

    `describe` gives what is known of a subject by its name: its own names, and its labels. `inhibitors` are the alerts
    that fire anywhere, where others may be inhibited by them."""

    mutes: Mutes = NO_MUTES
    routes: tuple[Route, ...] = ()
    describe: Callable[[str], Attributes] = lambda subject: {}
    rules: Mapping[str, Rule] = field(default_factory=dict)
    inhibitors: Inhibitors = NO_INHIBITORS

    def attributes(self, alert: Alert, rule: Rule | None) -> Attributes:
        """What of an alert can be matched."""
        known = {"subject": alert.subject, "rule": alert.rule, "severity": alert.severity.word}
        return {**self.describe(alert.subject), **known, **({"type": kind(rule)} if rule else {})}

    def tell(
        self,
        alert: Alert,
        rule: Rule,
        now: datetime,
        *,
        history: Sequence[Snapshot] = (),
        mute: str = "",
        judged: Mapping[AlertKey, Alert] = {},
    ) -> Change:
        """What is to be told of an alert as it stands now. `judged` are alerts that have just changed; `mute`: what
        keeps this one quiet whatever else does."""
        attributes = self.attributes(alert, rule)
        routes = routes_of(self.routes, rule.policy, attributes)
        mute = mute or self.mutes.reason(attributes, self.inhibitors, now, self._sources(judged))
        after, events = tell(alert, rule.policy, now, mute=mute, escalate_after=escalation(routes)[0])
        return Change(
            alert=after,
            muted_before=alert.muted,
            came_and_went=alert if mute and alert.ended_at == now and not alert.announced else None,
            told=tuple(
                OutgoingEvent(
                    event=event,
                    report=report(event, rule, self._labels(attributes), history, self._names(attributes)),
                    policy=rule.policy,
                    routes=routes,
                    attributes=attributes,
                )
                for event in events
            ),
        )

    def end(self, alert: Alert, rule: Rule | None, reason: str, now: datetime) -> Change:
        """The end of an alert whose rule (then None) or subject is gone from the configuration."""
        over, events = close(alert, reason, now)
        attributes, policy = self.attributes(alert, rule), rule.policy if rule else Policy()
        return Change(
            alert=over,
            told=tuple(
                OutgoingEvent(
                    event=event,
                    report=report(event, rule, self._labels(attributes), names=self._names(attributes)),
                    policy=policy,
                    routes=routes_of(self.routes, policy, attributes),
                    attributes=attributes,
                )
                for event in events
            ),
        )

    def _sources(self, judged: Mapping[AlertKey, Alert]) -> dict[AlertKey, Attributes | None]:
        if not self.mutes.inhibitions:
            return {}
        return {key: self.source(alert) for key, alert in judged.items()}

    def source(self, alert: Alert) -> Attributes | None:
        """Return by what an alert may inhibit others; None where it inhibits none."""
        rule = self.rules.get(alert.rule)
        return self.attributes(alert, rule) if rule is not None and alert.state is State.FIRING else None

    @staticmethod
    def _names(attributes: Attributes) -> tuple[tuple[str, str], ...]:
        own = ("account", "currency", "job", "provider")
        return tuple((name, attributes[name]) for name in own if name in attributes)

    @staticmethod
    def _labels(attributes: Attributes) -> tuple[tuple[str, str], ...]:
        own = {"subject", "rule", "severity", "type", "job", "provider", "account", "currency"}
        return tuple((name, value) for name, value in attributes.items() if name not in own)


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """All that the rules may look at, after a poll of one account or, where `polled` is False, between two.

    `read` names the currencies that the poll read. `provider` holds every account of the account's provider;
    None where nothing can have changed about them. `schedule` is the job's; None: any time is as good for a reading."""

    now: datetime
    account: Account
    health: Health
    provider: Collection[Health] | None
    series: Sequence[SeriesView]
    alerts: Mapping[AlertKey, Alert]
    polled: bool
    read: frozenset[str] = frozenset()
    schedule: Schedule | None = None

    def alert(self, rule: Rule, subject: str) -> Alert:
        """How the alert stood before."""
        return self.alerts.get((rule.name, subject)) or Alert(rule=rule.name, subject=subject)


def is_covered(
    rules: Sequence[Rule],
    account: Account,
    outcome: Outcome,
    alerts: Mapping[AlertKey, Alert],
    provider: Collection[Health],
) -> bool:
    """Return whether a poll that ends so is one of an outage that is being alerted: `provider` holds the accounts of
    the same provider. A refusal of the account is its own, unless all the others are refused too."""
    for rule in rules:
        outage = alerts.get((rule.name, of_provider(account)))
        if not isinstance(rule, Failing) or outage is None or outage.state is not State.FIRING:
            continue
        if not rule.match.account(account):
            continue
        if not outcome.concerns_account:
            return True
        others = [one.streak for one in _others(rule, account, provider)]
        if others and all(streak.count and streak.outcome.concerns_account for streak in others):
            return True
    return False


def _others(rule: Failing, account: Account, provider: Collection[Health]) -> Iterator[Health]:
    return (one for one in provider if one.account.key != account.key and rule.match.account(one.account))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Judged:
    """An alert after its verdict, before anything is told of it."""

    rule: Rule
    before: Alert
    after: Alert
    view: SeriesView | None = None

    @property
    def begins_to_fire(self) -> bool:
        """Return whether it fires by this verdict, be that told now or later."""
        return self.after.state is State.FIRING and self.before.state is not State.FIRING


def evaluate(rules: Sequence[Rule], facts: Facts, desk: AlertContext | None = None) -> list[Change]:
    """Judges every rule over one account, then tells what differs; what did not change is left out.

    All are judged before anything is told: what explains another may fire with the same poll."""
    desk = desk or AlertContext()
    all_judged = [one for rule in rules for one in _judged(rule, facts)]
    alerts = {**facts.alerts, **{one.after.key: one.after for one in all_judged}}
    changes = []
    for one in all_judged:
        if not (one.before.is_over and one.after.is_over):
            mute = _explained(one, rules, facts, alerts)
            history = one.view.history if one.view else ()
            changes.append(
                desk.tell(one.after, one.rule, facts.now, history=history, mute=mute, judged=alerts)
            )
    return [change for change in changes if change.alert != facts.alerts.get(change.alert.key)]


def _judged(rule: Rule, facts: Facts) -> Iterator[_Judged]:
    if isinstance(rule, Failing):
        yield from _judged_failing(rule, facts)
    else:
        yield from _judged_series(rule, facts)


def _judged_failing(rule: Failing, facts: Facts) -> Iterator[_Judged]:
    account, health = facts.account, facts.health
    if rule.match.account(account):
        if facts.provider is not None:
            before = facts.alert(rule, of_provider(account))
            matched: Sequence[Health] = ()
            verdict: Verdict = Unknown("as before")
            if _may_change(rule, before, facts.provider, facts):
                matched = [health for health in facts.provider if rule.match.account(health.account)]
                level = before.level if before.state is State.FIRING else None
                verdict = judge_provider(rule, matched, before.since, level)
            outage = _after(rule, before, verdict, facts)
            if outage.begins_to_fire:
                covered = {one.account.key: one for one in covered_by_outage(rule, matched)}
                health = covered.get(account.key, health)
            yield outage
        own = judge_account(rule, health) if facts.polled else Unknown("not polled")
        yield _after(rule, facts.alert(rule, of_account(account)), own, facts)
    yield from _judged_series(rule, facts)


def _may_change(rule: Failing, outage: Alert, provider: Collection[Health], facts: Facts) -> bool:
    """Return whether a poll can change anything about its provider's alert, besides how many accounts it names.

    To judge a provider is to look at all its accounts. Of many, that is too much for each poll of an outage: while the
    alert fires and another account still fails by it, once a second is enough."""
    match outage.state:
        case State.INACTIVE:
            return may_begin(rule, facts.health.streak, provider)
        case State.FIRING:
            if len(provider) < MANY or outage.breached_at is None or facts.now - outage.breached_at >= OFTEN:
                return True
            others = _others(rule, facts.account, provider)
            return not any(one.streak.count and not one.streak.outcome.concerns_account for one in others)
        case _:
            return True


def _judged_series(rule: Rule, facts: Facts) -> Iterator[_Judged]:
    for view in facts.series:
        if not rule.match.series(view.series):
            continue
        before = facts.alert(rule, str(view.series))
        verdict: Verdict = Unknown("not polled")
        if _can_judge(rule, facts):
            firing = before.severity if before.state is State.FIRING else None
            read = view.series.currency in facts.read
            verdict = judge(rule, view, read=read, firing=firing, now=facts.now, schedule=facts.schedule)
        yield _after(rule, before, verdict, facts, view)


def _can_judge(rule: Rule, facts: Facts) -> bool:
    """Whether what has just happened says something of a series: time alone only that its readings grow stale, a
    failed poll nothing of what an answer holds."""
    if isinstance(rule, Stale):
        return True
    return facts.polled and not (isinstance(rule, Failing) and facts.health.streak.count)


def _after(
    rule: Rule, before: Alert, verdict: Verdict, facts: Facts, view: SeriesView | None = None
) -> _Judged:
    return _Judged(
        rule=rule, before=before, after=apply_verdict(before, verdict, rule.policy, facts.now), view=view
    )


def _explained(one: _Judged, rules: Sequence[Rule], facts: Facts, alerts: Mapping[AlertKey, Alert]) -> str:
    """Return what makes an alert needless: its provider's failing alert for an account's own, any failing alert, one to
    come as well, for a stale one."""
    if isinstance(one.rule, Failing):
        if one.after.subject != of_account(facts.account):
            return ""
        sources = [(one.rule.name, of_provider(facts.account))]
    elif isinstance(one.rule, Stale) and one.view is not None:
        sources = list(_explain_stale(rules, facts, one.view))
    else:
        sources = []
    for key in sources:
        if key in alerts and alerts[key].state is State.FIRING:
            return inhibited_by(key)
    if isinstance(one.rule, Stale) and not one.after.announced and _waits_for_failing(rules, facts):
        return "its polls still fail after its provider's outage, not for long enough yet"
    return ""


def _waits_for_failing(rules: Sequence[Rule], facts: Facts) -> bool:
    """Return whether an account is refused for long enough, but not since its provider's outage: its own failing alert
    is on its way, and says more than a stale one."""
    streak = facts.health.streak
    return streak.outcome.concerns_account and any(
        isinstance(rule, Failing)
        and rule.match.account(facts.account)
        and streak.own < rule.polls <= streak.alike
        for rule in rules
    )


def _explain_stale(rules: Sequence[Rule], facts: Facts, view: SeriesView) -> Iterator[AlertKey]:
    """The failing alerts that say why a series is not read, if they fire."""
    account = facts.account
    for rule in rules:
        if isinstance(rule, Failing):
            if facts.health.streak.count > 0:
                yield rule.name, of_account(account)
                if rule.match.account(account):
                    yield rule.name, of_provider(account)
            if view.missing.count > 0:
                yield rule.name, str(view.series)
