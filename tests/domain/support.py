"""Stories for one alert, and a small world of accounts for `evaluate`: all pure, with a clock of its own."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from monitor.domain.alerts import Ack, Alert, Event, EventKind, acknowledge, step
from monitor.domain.evaluation import AlertContext, Change, Facts, evaluate, is_covered
from monitor.domain.messages import Report
from monitor.domain.model import (
    NO_STREAK,
    Account,
    Health,
    Reading,
    Series,
    SeriesView,
    Severity,
    State,
    Streak,
    Subject,
)
from monitor.domain.mutes import NO_MUTES, AlertKey, Inhibitors, Mute, MuteKind, Mutes
from monitor.domain.routing import Route
from monitor.domain.rules import (
    Breached,
    Flapping,
    Ok,
    Policy,
    Rule,
    Unknown,
    Verdict,
)
from monitor.errors import Outcome

from ..support import configured

START = datetime(2026, 2, 1, 14, 30, tzinfo=UTC)
QUIET = Mute(kind=MuteKind.SILENCE, source="1", text="somebody wants quiet")
MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)

ACCOUNT = Account(provider="nami-main", job="nami-spot", name="spot", labels=(("team", "treasury"),))
USDT = ACCOUNT.series("USDT")

# Stories: one character a reading, a minute apart

VERDICTS: Mapping[str, Verdict] = {
    ".": Ok("is fine"),
    "x": Breached("is broken", "not broken"),
    "X": Breached("is more broken", "not broken", 1),
    "w": Breached("is broken", "not broken", severity=Severity.WARNING),
    "c": Breached("is badly broken", "not broken", severity=Severity.CRITICAL),
    "?": Unknown("who knows"),
}
LETTERS: Mapping[EventKind, str] = {
    EventKind.FIRED: "F",
    EventKind.REMINDER: "r",
    EventKind.WORSENED: "W",
    EventKind.EASED: "e",
    EventKind.ESCALATED: "E",
    EventKind.FLAPPING: "~",
    EventKind.RESOLVED: "R",
    EventKind.CLOSED: "C",
    EventKind.SUMMARY: "s",
}

Restart = Callable[[Alert], Alert]


def minutes(count: float) -> timedelta:
    return count * MINUTE


def policy(
    hold: float = 0,
    keep: float = 0,
    repeat: float | None = None,
    severity: Severity = Severity.WARNING,
    cooldown: float = 0,
    flaps: tuple[int, float] | None = None,
) -> Policy:
    """Return a policy, spans in minutes; without `repeat` no reminders. `flaps`: so many changes in so long."""
    return Policy(
        severity=severity,
        for_=minutes(hold),
        keep_firing_for=minutes(keep),
        cooldown=minutes(cooldown),
        flapping=None if flaps is None else Flapping(changes=flaps[0], within=minutes(flaps[1])),
        repeat_every=None if repeat is None else minutes(repeat),
    )


def new_alert() -> Alert:
    return Alert(rule="low", subject=Subject("nami-spot/spot/USDT"))


def play(
    story: str,
    by: Policy,
    *,
    quiet: str = "",
    acks: str = "",
    escalate: float | None = None,
    alert: Alert | None = None,
    start: datetime = START,
    restart: Restart = lambda alert: alert,
) -> tuple[Alert, list[tuple[Event, ...]]]:
    """Play a story for one alert; return the alert and the events of each reading.

    `quiet` marks with `#` the readings at which the alert is muted, `acks` with `a` those after which somebody
    acknowledges it. `escalate`: after so many minutes."""
    alert = alert or new_alert()
    events_of_each = []
    after = None if escalate is None else minutes(escalate)
    marks = zip(story, *(row.ljust(len(story))[: len(story)] for row in (quiet, acks)), strict=True)
    for number, (reading, mark, ack) in enumerate(marks):
        mute, now = QUIET if mark == "#" else None, start + number * MINUTE
        alert, events = step(restart(alert), VERDICTS[reading], by, now, mute=mute, escalate_after=after)
        if ack == "a":
            alert = acknowledge(alert, Ack(by="ann", reason="on it", at=now))
        events_of_each.append(events)
    return alert, events_of_each


def notified(
    story: str, by: Policy, *, quiet: str = "", acks: str = "", escalate: float | None = None
) -> str:
    """Return the events of each reading of a story, a character each, or a dot for none."""
    _, events = play(story, by, quiet=quiet, acks=acks, escalate=escalate)
    return written(events)


def written(events_of_each: Iterable[tuple[Event, ...]]) -> str:
    return "".join("".join(LETTERS[event.kind] for event in events) or "." for events in events_of_each)


def firing(*, severity: Severity = Severity.WARNING, level: int = 0, announced: bool = True) -> Alert:
    """Return an alert that has been firing since START, notified then if `announced`."""
    by = policy(severity=severity)
    alert, _ = step(
        new_alert(),
        Breached("is broken", "not broken", level),
        by,
        START,
        mute=None if announced else QUIET,
    )
    return alert


# Readings and series


def reading(
    available: str,
    at: datetime = START,
    *,
    total: str | None = None,
    locked: str | None = None,
    updated_at: datetime | None = None,
) -> Reading:
    return Reading(
        observed_at=at,
        total=Decimal(total or available),
        available=Decimal(available),
        locked=None if locked is None else Decimal(locked),
        updated_at=updated_at,
    )


def readings(story: Mapping[float, str], start: datetime = START) -> tuple[Reading, ...]:
    """Return readings by the minute, counted from `start`."""
    return tuple(reading(available, start + minutes(at)) for at, available in story.items())


def view(
    *history: Reading, series: Series = USDT, watched_since: datetime = START, missing: Streak = NO_STREAK
) -> SeriesView:
    return SeriesView(
        series=series,
        watched_since=watched_since,
        last=history[-1] if history else None,
        missing=missing,
        history=history,
    )


def streak(*outcomes: Outcome, start: datetime = START) -> Streak:
    """Return a streak of failed polls, a minute apart."""
    result = NO_STREAK
    for number, outcome in enumerate(outcomes):
        result = result.failed(outcome, f"what {outcome} looks like", start + number * MINUTE)
    return result


def health(
    *outcomes: Outcome, name: str = "spot", ok_at: datetime | None = None, start: datetime = START
) -> Health:
    """Return the health of an account whose last polls failed so, a minute apart, from `start` on."""
    return Health(
        account=replace(ACCOUNT, name=name),
        streak=streak(*outcomes, start=start),
        last_ok_at=ok_at,
        last_poll_at=start + max(len(outcomes) - 1, 0) * MINUTE,
    )


# A world of accounts, as the polls find it and the store keeps it


@dataclass(slots=True)
class World:
    """The state after each poll, without a store: polls go in, events come out."""

    rules: list[Rule]
    now: datetime = START
    healths: dict[tuple[str, str], Health] = field(default_factory=dict)
    views: dict[str, SeriesView] = field(default_factory=dict)
    alerts: dict[AlertKey, Alert] = field(default_factory=dict)
    events: list[Event] = field(default_factory=list)
    reports: list[Report] = field(default_factory=list)
    mutes: Mutes = NO_MUTES
    routes: tuple[Route, ...] = ()

    def poll(
        self, account: Account, balances: Mapping[str, str] | Outcome, after: timedelta = MINUTE
    ) -> list[Event]:
        """Poll an account a minute after the last poll: balances by currency, or the kind of failure."""
        self.now += after
        before = self.healths.get(account.key, Health(account=account))
        if isinstance(balances, Outcome):
            others = [
                h
                for h in self.healths.values()
                if h.account.provider == account.provider and h.account != account
            ]
            covered = is_covered(self.rules, account, balances, self.alerts, others)
            failed = before.streak.failed(balances, f"what {balances} looks like", self.now, covered=covered)
            after_it = replace(before, streak=failed, last_poll_at=self.now)
            read: frozenset[str] = frozenset()
        else:
            after_it = replace(before, streak=NO_STREAK, last_poll_at=self.now, last_ok_at=self.now)
            read = frozenset(balances)
            self._read(account, balances)
        self.healths[account.key] = after_it
        fired = {key for key, alert in self.alerts.items() if alert.state is State.FIRING}
        events = self._apply(self.changes(account, polled=True, read=read))
        for rule in self.rules:
            key = rule.name, Subject.of_provider(account.provider)
            if key not in fired and self.alert(*key).state is State.FIRING:
                known = [h for h in self.healths.values() if h.account.provider == account.provider]
                matched = [one for one in known if rule.judges_account(one.account)]
                self.healths.update((one.account.key, one) for one in rule.covered_by_outage(matched))
        return events

    def tick(self, account: Account, after: timedelta = MINUTE) -> list[Event]:
        """Let time pass without a poll."""
        self.now += after
        events = self._apply(self._of_provider(account))
        return events + self._apply(self.changes(account, polled=False))

    @property
    def context(self) -> AlertContext:
        """Return the context that decides whether and where alerts are notified."""
        config = configured(*self.rules, accounts=[known.account for known in self.healths.values()])
        context = AlertContext(
            mutes=self.mutes,
            routes=self.routes,
            describe=config.describe,
            rules=config.rules_by_name,
            inhibitors=Inhibitors(self.mutes.inhibitions),
        )
        for key, alert in self.alerts.items():
            context.inhibitors.put(key, context.source(alert))
        return context

    def changes(self, account: Account, *, polled: bool, read: frozenset[str] = frozenset()) -> list[Change]:
        """Return the changes that the rules cause now, without applying them."""
        on_provider = [h for h in self.healths.values() if h.account.provider == account.provider]
        facts = Facts(
            now=self.now,
            account=account,
            health=self.healths[account.key],
            provider=on_provider if polled else None,
            series=[one for one in self.views.values() if one.series.account == account],
            alerts=self.alerts,
            polled=polled,
            read=read,
        )
        return evaluate(self.rules, facts, self.context)

    def _of_provider(self, account: Account) -> list[Change]:
        rules = {rule.name: rule for rule in self.rules}
        return [
            self.context.next_change(alert, rules[rule], self.now)
            for (rule, subject), alert in self.alerts.items()
            if subject == Subject.of_provider(account.provider) and rule in rules
        ]

    def alert(self, rule: str, subject: str) -> Alert:
        about = Subject(subject)
        return self.alerts.get((rule, about)) or Alert(rule=rule, subject=about)

    def notified(self, rule: str, subject: str) -> str:
        """Return the events of one alert, a character each."""
        return "".join(
            LETTERS[event.kind]
            for event in self.events
            if (event.alert.rule, event.alert.subject) == (rule, subject)
        )

    def _read(self, account: Account, balances: Mapping[str, str]) -> None:
        for currency in {*balances, *account.currencies}:
            series = account.series(currency)
            self.views.setdefault(str(series), SeriesView(series=series, watched_since=self.now))
        for name, known in self.views.items():
            if known.series.account != account:
                continue
            currency = known.series.currency
            if currency in balances:
                last = reading(balances[currency], self.now)
                self.views[name] = replace(
                    known, last=last, missing=NO_STREAK, history=(*known.history, last)
                )
            else:
                lacked = known.missing.failed(Outcome.OK, "the response lacks this currency", self.now)
                self.views[name] = replace(known, missing=lacked)

    def _apply(self, changes: Iterable[Change]) -> list[Event]:
        events = []
        for change in changes:
            key = change.alert.rule, change.alert.subject
            self.alerts[key] = change.alert
            events += [item.event for item in change.events]
            history = change.view.history if change.view else ()
            self.reports += [item.report(history) for item in change.events]
        self.events += events
        return events


def clients(count: int, provider: str = "wdcf-main") -> list[Account]:
    """Return accounts of one provider, each with a balance in VND."""
    return [
        Account(provider=provider, job="clients", name=f"CLIENT_{number:03}", currencies=("VND",))
        for number in range(1, count + 1)
    ]


def kinds(events: Iterable[Event]) -> str:
    return "".join(LETTERS[event.kind] for event in events)


# Events, as the store keeps them


def a_report(kind: EventKind = EventKind.FIRED, seq: int = 1, **other: object) -> Report:
    """Return a report of a threshold rule that was breached at START and fired a minute later."""
    facts: dict[str, object] = {
        "kind": kind.value,
        "rule": "usdt-low",
        "rule_type": "threshold",
        "severity": "critical",
        "subject": "nami-spot/spot/USDT",
        "incident": "ABCDEFGHJK",
        "seq": seq,
        "at": (START + MINUTE).isoformat(),
        "since": START.isoformat(),
        "reason": "available 900.10 < 1000",
        "expected": "at least 1000",
        "labels": [("team", "treasury")],
        "field": "available",
        "value": "900.10",
        "before": "1100.00",
        "before_at": START.isoformat(),
        "trend": ["1100.00", "900.10"],
    }
    return Report.from_json({**facts, **other})
