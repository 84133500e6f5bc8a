"""The configuration as alerting needs it, and what of the store is known beside it from one transaction to the next."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from monitor.domain.alerts import Alert
from monitor.domain.coverage import in_common
from monitor.domain.delivery import Target
from monitor.domain.evaluation import (
    AlertContext,
)
from monitor.domain.matching import Attributes
from monitor.domain.model import (
    Account,
    Severity,
    State,
    Subject,
)
from monitor.domain.mutes import AlertKey, Inhibition, Inhibitors, Maintenance, Mutes, Silence
from monitor.domain.routing import Route, routes_of
from monitor.domain.rules import Rule
from monitor.domain.schedule import Schedule
from monitor.store.transaction import Transaction


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

    def describe(self, subject: Subject) -> dict[str, str]:
        """Return what can be matched of a subject: of a provider what all its accounts have in common; nothing of an
        account that is gone."""
        account = self.accounts.get(subject.account_key)
        if account is None:
            return self._of_provider(subject) if subject.is_provider else {}
        currency = subject.currency
        return account.attributes if currency is None else account.series(currency).attributes

    def _of_provider(self, name: str) -> dict[str, str]:
        if name not in self._in_common:
            self._in_common[name] = in_common(list(self.on_provider(name).values()))
        return self._in_common[name]


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What the last look between polls was at: silences and windows that muted, and the inhibitors' version."""

    at: datetime
    mutes: tuple[frozenset[int], frozenset[str]]
    inhibitors: int


@dataclass(slots=True, kw_only=True)
class Kept:
    """What need not be found anew with every poll and every look, however many alerts fire.

    `seen` None: alerts may be muted otherwise than is known of them, or have to be escalated, since any time."""

    mutes: Mutes
    inhibitors: Inhibitors
    seen: Seen | None = None


def alert_context(tx: Transaction, watch: Watch, now: datetime) -> AlertContext:
    """What decides at this instant whether and where alerts are told."""
    kept, changed = kept_by_writer(tx, watch)
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


def kept_by_writer(tx: Transaction, watch: Watch) -> tuple[Kept, Iterable[tuple[AlertKey, Severity | None]]]:
    return tx.alerts.follow(
        watch, lambda: Kept(mutes=_mutes(watch), inhibitors=Inhibitors(watch.inhibitions))
    )


def _mutes(watch: Watch, silences: tuple[Silence, ...] = ()) -> Mutes:
    return Mutes(silences=silences, maintenance=watch.maintenance, inhibitions=watch.inhibitions)


def routes_of_alert(
    watch: Watch, at: AlertContext, rule: str, subject: Subject, severity: Severity
) -> tuple[Attributes, tuple[Route, ...]]:
    """What of an alert can be matched, and its routes; none where its rule is gone."""
    known = watch.rule(rule)
    attributes = at.attributes(Alert(rule=rule, subject=subject, severity=severity), known)
    return attributes, routes_of(watch.routes, known.policy, attributes) if known else ()
