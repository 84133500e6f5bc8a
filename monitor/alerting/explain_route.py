"""Explain where an alert would be sent, and why: the daemon's decisions, without an alert."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from monitor.config import Channel, Config
from monitor.domain.alerts import Alert, EventKind
from monitor.domain.delivery import Addressed, Target, address
from monitor.domain.evaluation import AlertContext
from monitor.domain.matching import Attributes
from monitor.domain.model import Account, Severity, State, Subject
from monitor.domain.mutes import Inhibitors, Mutes
from monitor.domain.routing import Considered, Route, consider, escalation, routes_of
from monitor.domain.rules import Rule
from monitor.domain.time import compact, moment
from monitor.store.read.state import Known, read


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryPath:
    """One recipient, with the end (UTC) of its channel's current quiet hours, and its fallback."""

    to: Addressed
    quiet_until: datetime | None
    channel: Channel

    def line(self, *, urgent: bool) -> str:
        """Return it as text. `urgent`: quiet hours do not hold the alert back."""
        group, wait = self.to.group.replace("\0", ", ") or "everything else", self.to.group_wait
        parts = [f"{self.to.target}, {_together(group, wait)}"]
        if self.quiet_until is not None:
            parts.append(
                "quiet hours: "
                + ("critical, so not held back" if urgent else f"at {moment(self.quiet_until)}")
            )
        if self.channel.fallback is not None:
            parts.append(f"if that fails for {compact(self.channel.fallback_after)}: {self.channel.fallback}")
        return "; ".join(parts)


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """Where an alert of one rule, subject and severity would be sent now, and why."""

    rule: Rule
    attributes: Attributes
    considered: tuple[Considered, ...]
    unseen: int
    paths: tuple[DeliveryPath, ...]
    escalate_after: timedelta | None
    escalate_to: tuple[Target, ...]
    muted: str

    @property
    def subject(self) -> str:
        """Return the subject of the alert."""
        return self.attributes["subject"]

    @property
    def severity(self) -> str:
        """Return the severity of the alert as a word."""
        return self.attributes["severity"]

    def lines(self) -> list[str]:
        """Return it as lines of text, the first of them a headline."""
        urgent = self.severity == Severity.CRITICAL.word
        later = "one route" if self.unseen == 1 else f"{self.unseen} routes"
        return [
            f"{self.subject}: {self.rule.name} ({self.rule.kind}), {self.severity}",
            *(f"  routes[{one.route.number}] {one.why(self.attributes)}" for one in self.considered),
            *([f"  {later} after it not considered"] if self.unseen else []),
            *self._in_place_of_routes(),
            *([f"  notified: {one.line(urgent=urgent)}" for one in self.paths] or ["  notified: no channel"]),
            *self._escalated(),
            *([f"  muted now: {self.muted}"] if self.muted else []),
        ]

    def _in_place_of_routes(self) -> list[str]:
        lines, notify = [], self.rule.policy.notify
        if not any(one.fits for one in self.considered):
            lines.append(f"  {'no route matches' if self.considered else 'no routes'}: every channel")
        if notify is not None:
            lines.append(f"  the rule's own notify instead: {', '.join(notify) or 'no channel'}")
        return lines

    def _escalated(self) -> list[str]:
        if self.escalate_after is None:
            return []
        to = ", ".join(map(str, self.escalate_to))
        return [f"  not acknowledged for {compact(self.escalate_after)}: also {to}"]


def explain(
    config: Config, series: str, rule: str | None, severity: Severity | None, now: datetime
) -> list[Explanation]:
    """Explain where alerts about a series, an account or a provider would be sent.

    `rule` and `severity` select alerts; None selects all. Silences and inhibiting alerts are read from the store.
    `config` has the targets of its channels.

    Raises ValueError for an unknown series or rule, and for a severity that no such alert can have."""
    subject = _subject(config, series)
    rules = _rules(config, subject, rule)
    known = read(config.store.path)
    explained = [
        _explained(config, known, Alert(rule=one.name, subject=subject, severity=at), one, now)
        for one in rules
        for at in sorted(one.severities, reverse=True)
        if severity in (None, at)
    ]
    if not explained and severity is not None:
        which = f"rule {rule} has no alert" if rule else f"no rule has an alert about {subject}"
        there = ", ".join(at.word for at in sorted({at for one in rules for at in one.severities}))
        raise ValueError(f"{which} with severity {severity.word}; there are {there}")
    return explained


def _explained(config: Config, known: Known | None, alert: Alert, rule: Rule, now: datetime) -> Explanation:
    context = AlertContext(describe=config.describe, rules=config.rules_by_name)
    attributes = context.attributes(alert, rule)
    routes = routes_of(config.routes, rule.policy, attributes)
    considered = tuple(consider(config.routes, attributes))
    after, escalate_to = escalation(routes)
    return Explanation(
        rule=rule,
        attributes=attributes,
        considered=considered,
        unseen=len(config.routes) - len(considered),
        paths=tuple(_paths(config, routes, attributes, now)),
        escalate_after=after,
        escalate_to=tuple(target for name in escalate_to for target in config.targets.get(name, ())),
        muted=_muted(config, known, context, attributes, now),
    )


def _paths(
    config: Config, routes: Sequence[Route], attributes: Attributes, now: datetime
) -> Iterable[DeliveryPath]:
    for to in address(EventKind.FIRED, routes, attributes, config.targets, ()):
        channel = config.channels[to.target.channel]
        quiet = channel.quiet_hours
        yield DeliveryPath(to=to, channel=channel, quiet_until=None if quiet is None else quiet.until(now))


def _muted(
    config: Config, known: Known | None, context: AlertContext, attributes: Attributes, now: datetime
) -> str:
    silences = tuple(one.silence for one in known.silences) if known else ()
    mutes = Mutes(silences=silences, maintenance=config.maintenance, inhibitions=config.inhibitions)
    firing = [one for one in known.alerts if one.state == State.FIRING] if known else []
    alerts = (Alert(rule=one.rule, subject=one.subject, severity=Severity(one.severity)) for one in firing)
    sources = (context.attributes(alert, config.rule(alert.rule)) for alert in alerts)
    mute = mutes.find(attributes, Inhibitors(config.inhibitions, sources), now)
    return "" if mute is None else mute.text


# What can be explained


def _subject(config: Config, series: str) -> Subject:
    """Return the subject of a name: a series, an account (`/*` may be left out) or a provider."""
    for one in config.accounts.values():
        if str(one) == series:
            return Subject.of_account(one)
    subject = Subject(series)
    if (account := config.accounts.get(subject.account_key)) is not None:
        currency = subject.currency
        if account.currencies and currency is not None and currency not in account.currencies:
            raise ValueError(f"{account} has no {currency!r}; it has {', '.join(account.currencies)}")
        return subject
    if config.on_provider(subject):
        return subject
    known = sorted({_example(account) for account in config.accounts.values()})[:3]
    raise ValueError(
        f"unknown series {series!r}; expected a series (job/account/currency), an account or a provider, "
        f"such as {', '.join(known)}"
    )


def _example(account: Account) -> str:
    return str(account.series(account.currencies[0])) if account.currencies else Subject.of_account(account)


def _rules(config: Config, subject: Subject, name: str | None) -> list[Rule]:
    if name is not None and config.rule(name) is None:
        raise ValueError(f"no rule {name!r}; there are {', '.join(rule.name for rule in config.rules)}")
    found = [rule for rule in config.rules if _applies(rule, subject, config)]
    if not found:
        raise ValueError(f"no rule applies to {subject}")
    if name is None:
        return found
    if name not in [rule.name for rule in found]:
        those = ", ".join(rule.name for rule in found)
        raise ValueError(f"rule {name} does not apply to {subject}; these do: {those}")
    return [rule for rule in found if rule.name == name]


def _applies(rule: Rule, subject: Subject, config: Config) -> bool:
    account, currency = config.accounts.get(subject.account_key), subject.currency
    if account is not None and currency is not None:
        return rule.match.series(account.series(currency))
    accounts = [account] if account else list(config.on_provider(subject).values())
    return any(rule.judges_account(one) for one in accounts)


def _together(group: str, wait: timedelta) -> str:
    return f"in one message with {group} of the next {compact(wait)}" if wait else "at once"
