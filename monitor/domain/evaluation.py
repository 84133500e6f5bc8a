"""Evaluation of the rules after a poll or between polls: their verdicts, the alerts after them, and the events."""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from monitor.domain.alerts import Alert, Event, apply_verdict, close, next_event
from monitor.domain.matching import Attributes
from monitor.domain.messages import Report, report
from monitor.domain.model import Account, Health, Reading, SeriesView, State, Subject
from monitor.domain.mutes import NO_INHIBITORS, NO_MUTES, AlertKey, Inhibitors, Mute, MuteKind, Mutes
from monitor.domain.routing import Route, escalation, routes_of
from monitor.domain.rules import Policy, Reads, Rule, Unknown, Verdict
from monitor.domain.schedule import Schedule
from monitor.errors import Outcome


@dataclass(frozen=True, slots=True, kw_only=True)
class OutgoingEvent:
    """An event with its rule, its routes, and the attributes by which the routes matched."""

    event: Event
    rule: Rule | None
    """None if it was removed from the configuration."""
    routes: tuple[Route, ...]
    attributes: Attributes

    @property
    def policy(self) -> Policy:
        """Return the rule's policy; the default one if the rule was removed."""
        return self.rule.policy if self.rule else Policy()

    def report(self, history: Sequence[Reading] = ()) -> Report:
        """Return the facts of the event. `history` ends with the newest reading of its series."""
        return report(self.event, self.rule, self.attributes, history)


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """An alert after a step, the events to notify, and the mute before the step.

    `view` is the alert's series, if it is about one. `ended_unnotified` is the alert before the step if it has just
    stopped firing and was muted all the time, so that it is never notified."""

    alert: Alert
    events: tuple[OutgoingEvent, ...] = ()
    view: SeriesView | None = None
    muted_before: Mute | None = None
    ended_unnotified: Alert | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertContext:
    """Everything besides its rule that decides whether and where an alert is notified.

    `describe` returns a subject's names and labels. `inhibitors` are the firing alerts that may inhibit others."""

    mutes: Mutes = NO_MUTES
    routes: tuple[Route, ...] = ()
    describe: Callable[[Subject], Attributes] = lambda subject: {}
    rules: Mapping[str, Rule] = field(default_factory=dict)
    inhibitors: Inhibitors = NO_INHIBITORS

    def attributes(self, alert: Alert, rule: Rule | None) -> Attributes:
        """Return the attributes of an alert that a `match` can name."""
        known = {"subject": alert.subject, "rule": alert.rule, "severity": alert.severity.word}
        return {**self.describe(alert.subject), **known, **({"type": rule.kind} if rule else {})}

    def next_change(
        self,
        alert: Alert,
        rule: Rule,
        now: datetime,
        *,
        view: SeriesView | None = None,
        mute: Mute | None = None,
        updated: Mapping[AlertKey, Alert] = {},
    ) -> Change:
        """Return the alert after its next event, if there is one, and that event.

        `updated` are alerts that are newer than those in `inhibitors`. `mute` takes precedence over any other mute."""
        attributes = self.attributes(alert, rule)
        routes = routes_of(self.routes, rule.policy, attributes)
        sources = {key: self.source(one) for key, one in updated.items()} if self.mutes.inhibitions else {}
        mute = mute or self.mutes.find(attributes, self.inhibitors, now, sources)
        after, events = next_event(alert, rule.policy, now, mute=mute, escalate_after=escalation(routes)[0])
        return Change(
            alert=after,
            muted_before=alert.muted,
            ended_unnotified=alert
            if mute is not None and alert.ended_at == now and not alert.announced
            else None,
            events=tuple(
                OutgoingEvent(event=event, rule=rule, routes=routes, attributes=attributes)
                for event in events
            ),
            view=view,
        )

    def end(self, alert: Alert, rule: Rule | None, reason: str, now: datetime) -> Change:
        """Return the end of an alert whose rule (then None) or subject was removed from the configuration."""
        over, events = close(alert, reason, now)
        attributes = self.attributes(alert, rule)
        routes = routes_of(self.routes, rule.policy if rule else Policy(), attributes)
        return Change(
            alert=over,
            events=tuple(
                OutgoingEvent(event=event, rule=rule, routes=routes, attributes=attributes)
                for event in events
            ),
        )

    def source(self, alert: Alert) -> Attributes | None:
        """Return the attributes by which an alert may inhibit others; None if it inhibits none."""
        rule = self.rules.get(alert.rule)
        return self.attributes(alert, rule) if rule is not None and alert.state is State.FIRING else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """The input of the rules after a poll of one account or, if `polled` is False, between two polls.

    `read` names the currencies that the poll read. `provider` holds every account of the account's provider; None if
    none of them can have changed. `schedule` is the job's; None: readings are expected at any time."""

    now: datetime
    account: Account
    health: Health
    provider: Collection[Health] | None
    series: Sequence[SeriesView]
    alerts: Mapping[AlertKey, Alert]
    polled: bool
    read: frozenset[str] = frozenset()
    schedule: Schedule | None = None

    def alert(self, rule: Rule, subject: Subject) -> Alert:
        """Return the alert of a rule about a subject before this evaluation."""
        return self.alerts.get((rule.name, subject)) or Alert(rule=rule.name, subject=subject)


def is_covered(
    rules: Sequence[Rule],
    account: Account,
    outcome: Outcome,
    alerts: Mapping[AlertKey, Alert],
    provider: Collection[Health],
) -> bool:
    """Return whether a poll with this outcome belongs to an outage whose alert fires.

    `provider` holds the accounts of the same provider. A refusal of the account is its own failure, unless all the
    others are refused too."""
    for rule in rules:
        outage = alerts.get((rule.name, Subject.of_provider(account.provider)))
        firing = outage is not None and outage.state is State.FIRING
        if firing and rule.covers(account, outcome, provider):
            return True
    return False


@dataclass(frozen=True, slots=True, kw_only=True)
class _AfterVerdict:
    """An alert before and after its verdict, and before its next event."""

    rule: Rule
    before: Alert
    after: Alert
    view: SeriesView | None = None

    @property
    def begins_to_fire(self) -> bool:
        """Return whether it starts firing by this verdict, no matter whether that is notified now or later."""
        return self.after.state is State.FIRING and self.before.state is not State.FIRING


def evaluate(rules: Sequence[Rule], facts: Facts, context: AlertContext | None = None) -> list[Change]:
    """Return the changes of all alerts about one account, its series and its provider.

    All verdicts come before the first event, because an alert that explains another may start firing with the same
    poll."""
    context = context or AlertContext()
    verdicts: list[_AfterVerdict] = []
    for rule in rules:
        if rule.judges_account(facts.account):
            verdicts += _account_verdicts(rule, facts)
        verdicts += _series_verdicts(rule, facts)
    alerts = {**facts.alerts, **{one.after.key: one.after for one in verdicts}}
    changes = []
    for one in verdicts:
        if not (one.before.is_over and one.after.is_over):  # otherwise there is nothing to store or notify
            mute = _explained(one, rules, facts, alerts)
            changes.append(
                context.next_change(one.after, one.rule, facts.now, view=one.view, mute=mute, updated=alerts)
            )
    return [change for change in changes if change.alert != facts.alerts.get(change.alert.key)]


def _account_verdicts(rule: Rule, facts: Facts) -> Iterator[_AfterVerdict]:
    """Yield the alerts about the account's provider and about the account, after their verdicts.

    The provider is judged only if this poll can change its verdict. An outage that begins with this poll explains some
    of the account's own failures."""
    account, health = facts.account, facts.health
    if facts.provider is not None:
        before = facts.alert(rule, Subject.of_provider(account.provider))
        matched: Sequence[Health] = ()
        verdict: Verdict = Unknown("unchanged")
        if rule.outage_may_change(
            health, facts.provider, state=before.state, breached_at=before.breached_at, now=facts.now
        ):
            matched = [one for one in facts.provider if rule.judges_account(one.account)]
            level = before.level if before.state is State.FIRING else None
            verdict = rule.judge_provider(matched, before.since, level)
        outage = _after(rule, before, verdict, facts)
        if outage.begins_to_fire:
            covered = {one.account.key: one for one in rule.covered_by_outage(matched)}
            health = covered.get(account.key, health)
        yield outage
    own = rule.judge_account(health) if facts.polled else Unknown("not polled")
    yield _after(rule, facts.alert(rule, Subject.of_account(account)), own, facts)


def _series_verdicts(rule: Rule, facts: Facts) -> Iterator[_AfterVerdict]:
    for view in facts.series:
        if not rule.match.series(view.series):
            continue
        before = facts.alert(rule, Subject.of_series(view.series))
        verdict: Verdict = Unknown("not polled")
        if _can_judge(rule, facts):
            firing = before.severity if before.state is State.FIRING else None
            read = view.series.currency in facts.read
            verdict = rule.judge(view, read=read, firing=firing, now=facts.now, schedule=facts.schedule)
        yield _after(rule, before, verdict, facts, view)


def _can_judge(rule: Rule, facts: Facts) -> bool:
    """Return whether the rule can judge a series now.

    Between polls only rules on time can, and after a failed poll no rule on the content of responses can."""
    if rule.reads is Reads.TIME:
        return True
    return facts.polled and not (rule.reads is Reads.ANSWERS and facts.health.streak.count)


def _after(
    rule: Rule, before: Alert, verdict: Verdict, facts: Facts, view: SeriesView | None = None
) -> _AfterVerdict:
    return _AfterVerdict(
        rule=rule, before=before, after=apply_verdict(before, verdict, rule.policy, facts.now), view=view
    )


def _explained(
    one: _AfterVerdict, rules: Sequence[Rule], facts: Facts, alerts: Mapping[AlertKey, Alert]
) -> Mute | None:
    """Return the mute of an alert that another alert explains, if there is one.

    The alert of the provider explains the one of the account. An alert about a series that was not read is explained by
    every alert that gives the reason, and muted while such an alert is about to fire."""
    unread = one.view if one.rule.reads is Reads.TIME else None
    sources: Iterable[AlertKey] = ()
    if one.after.subject == Subject.of_account(facts.account):
        sources = [(one.rule.name, Subject.of_provider(facts.account.provider))]
    elif unread is not None:
        sources = _explain_unread(rules, facts, unread)
    for key in sources:
        if key in alerts and alerts[key].state is State.FIRING:
            return Mute.by_alert(MuteKind.EXPLANATION, key)
    if unread is not None and not one.after.announced and any(rule.will_fire(facts.health) for rule in rules):
        text = "its polls still fail after its provider's outage, but not for long enough to fire"
        return Mute(kind=MuteKind.OUTAGE, text=text)
    return None


def _explain_unread(rules: Sequence[Rule], facts: Facts, view: SeriesView) -> Iterator[AlertKey]:
    """Yield the alerts that give the reason why a series is not read, if they fire."""
    account = facts.account
    for rule in rules:
        if rule.reads is Reads.ANSWERS:
            if facts.health.streak.count > 0:
                yield rule.name, Subject.of_account(account)
                if rule.judges_account(account):
                    yield rule.name, Subject.of_provider(account.provider)
            if view.missing.count > 0:
                yield rule.name, Subject.of_series(view.series)
