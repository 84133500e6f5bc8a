"""What one poll, or the passing of time, means for the alerts: verdicts of rules, alerts after them, events."""

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
    """An event, its rule, the routes that say where it goes, and what they went by."""

    event: Event
    rule: Rule | None
    """None where the configuration no longer has it."""
    routes: tuple[Route, ...]
    attributes: Attributes

    @property
    def policy(self) -> Policy:
        """Return the rule's policy; the default one where it is gone."""
        return self.rule.policy if self.rule else Policy()

    def report(self, history: Sequence[Reading] = ()) -> Report:
        """Return the facts of the event. `history` ends with the newest reading of the series that it is about."""
        return report(self.event, self.rule, self.attributes, history)


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """What became of one alert, the events to notify of, and what kept it quiet before.

    `view` is the series that the alert is about, where it is about one. `came_and_went`: it has just ceased to fire,
    muted all the while, so that nobody is ever notified of it."""

    alert: Alert
    events: tuple[OutgoingEvent, ...] = ()
    view: SeriesView | None = None
    muted_before: Mute | None = None
    came_and_went: Alert | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertContext:
    """What decides, besides its rule, whether and where an alert is notified.

    `describe` gives what is known of a subject by its name: its own names, and its labels. `inhibitors` are the alerts
    that fire anywhere, where others may be inhibited by them."""

    mutes: Mutes = NO_MUTES
    routes: tuple[Route, ...] = ()
    describe: Callable[[Subject], Attributes] = lambda subject: {}
    rules: Mapping[str, Rule] = field(default_factory=dict)
    inhibitors: Inhibitors = NO_INHIBITORS

    def attributes(self, alert: Alert, rule: Rule | None) -> Attributes:
        """Return what of an alert can be matched."""
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
        judged: Mapping[AlertKey, Alert] = {},
    ) -> Change:
        """Return the alert after its notification, and the events.

        `judged` are alerts that have just changed; `mute` is what keeps this one quiet whatever else does."""
        attributes = self.attributes(alert, rule)
        routes = routes_of(self.routes, rule.policy, attributes)
        mute = mute or self.mutes.find(attributes, self.inhibitors, now, self._sources(judged))
        after, events = next_event(alert, rule.policy, now, mute=mute, escalate_after=escalation(routes)[0])
        return Change(
            alert=after,
            muted_before=alert.muted,
            came_and_went=alert
            if mute is not None and alert.ended_at == now and not alert.announced
            else None,
            events=tuple(
                OutgoingEvent(event=event, rule=rule, routes=routes, attributes=attributes)
                for event in events
            ),
            view=view,
        )

    def end(self, alert: Alert, rule: Rule | None, reason: str, now: datetime) -> Change:
        """Return the end of an alert whose rule (then None) or subject is gone from the configuration."""
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

    def _sources(self, judged: Mapping[AlertKey, Alert]) -> dict[AlertKey, Attributes | None]:
        if not self.mutes.inhibitions:
            return {}
        return {key: self.source(alert) for key, alert in judged.items()}

    def source(self, alert: Alert) -> Attributes | None:
        """Return by what an alert may inhibit others; None where it inhibits none."""
        rule = self.rules.get(alert.rule)
        return self.attributes(alert, rule) if rule is not None and alert.state is State.FIRING else None


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

    def alert(self, rule: Rule, subject: Subject) -> Alert:
        """Return the alert of a rule about a subject, as it was before."""
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
        outage = alerts.get((rule.name, Subject.of_provider(account.provider)))
        firing = outage is not None and outage.state is State.FIRING
        if firing and rule.covers(account, outcome, provider):
            return True
    return False


@dataclass(frozen=True, slots=True, kw_only=True)
class _AfterVerdict:
    """An alert before and after its verdict; nothing is notified yet."""

    rule: Rule
    before: Alert
    after: Alert
    view: SeriesView | None = None

    @property
    def begins_to_fire(self) -> bool:
        """Return whether it begins to fire by this verdict, be that notified now or later."""
        return self.after.state is State.FIRING and self.before.state is not State.FIRING


def evaluate(rules: Sequence[Rule], facts: Facts, context: AlertContext | None = None) -> list[Change]:
    """Return what every rule's verdict over one account changes.

    All verdicts come before the first event: what explains another alert may fire with the same poll."""
    context = context or AlertContext()
    verdicts: list[_AfterVerdict] = []
    for rule in rules:
        if rule.judges_account(facts.account):
            verdicts += _account_verdicts(rule, facts)
        verdicts += _series_verdicts(rule, facts)
    alerts = {**facts.alerts, **{one.after.key: one.after for one in verdicts}}
    changes = []
    for one in verdicts:
        if not (one.before.is_over and one.after.is_over):
            mute = _explained(one, rules, facts, alerts)
            changes.append(
                context.next_change(one.after, one.rule, facts.now, view=one.view, mute=mute, judged=alerts)
            )
    return [change for change in changes if change.alert != facts.alerts.get(change.alert.key)]


def _account_verdicts(rule: Rule, facts: Facts) -> Iterator[_AfterVerdict]:
    """Judge the account's provider, as far as the poll can change anything about it, and the account: of its failures
    an outage that begins with this poll explains some."""
    account, health = facts.account, facts.health
    if facts.provider is not None:
        before = facts.alert(rule, Subject.of_provider(account.provider))
        matched: Sequence[Health] = ()
        verdict: Verdict = Unknown("as before")
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
    """Return whether what has just happened says something of a series: time alone only that its readings grow stale,
    a failed poll nothing of what an answer holds."""
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
    """Return what makes an alert needless: for an account's own its provider's; for one about a series that was not
    read for a while any that says why, or will in a moment."""
    unread = one.view if one.rule.reads is Reads.TIME else None
    sources: Iterable[AlertKey] = ()
    if one.after.subject == Subject.of_account(facts.account):
        sources = [(one.rule.name, Subject.of_provider(facts.account.provider))]
    elif unread is not None:
        sources = _explain_unread(rules, facts, unread)
    for key in sources:
        if key in alerts and alerts[key].state is State.FIRING:
            return Mute.by_alert(MuteKind.EXPLANATION, key)
    if (
        unread is not None
        and not one.after.announced
        and any(rule.is_to_fire(facts.health) for rule in rules)
    ):
        text = "its polls still fail after its provider's outage, not for long enough yet"
        return Mute(kind=MuteKind.OUTAGE, text=text)
    return None


def _explain_unread(rules: Sequence[Rule], facts: Facts, view: SeriesView) -> Iterator[AlertKey]:
    """Yield the alerts that say why a series is not read, if they fire."""
    account = facts.account
    for rule in rules:
        if rule.reads is Reads.ANSWERS:
            if facts.health.streak.count > 0:
                yield rule.name, Subject.of_account(account)
                if rule.judges_account(account):
                    yield rule.name, Subject.of_provider(account.provider)
            if view.missing.count > 0:
                yield rule.name, Subject.of_series(view.series)
