"""The run of a rule test: its readings through the daemon's own evaluation, state machine and store queries, on the
test's clock."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from difflib import SequenceMatcher

from monitor.alerting.between_polls import check_time_based
from monitor.alerting.recording import record
from monitor.config import Config
from monitor.domain.alerts import Ack, Alert, Event, EventKind, acknowledge, due_times
from monitor.domain.delivery import Target
from monitor.domain.evaluation import AlertContext
from monitor.domain.model import Account, Balance, PollResult, SeriesView, State
from monitor.domain.rules import Rule
from monitor.domain.time import exact
from monitor.errors import Outcome
from monitor.ruletests.file import Expected, RuleTest
from monitor.ruletests.notation import Failure, Gap, Lacking, Sample, Value
from monitor.store.scratch import scratch
from monitor.store.transaction import Transaction

_MOMENT = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class ObservedEvent:
    """An event that occurred, and the channels it was notified on. `at` counts from the test's start."""

    at: timedelta
    event: Event
    channels: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """The result of a test: the events that occurred, and line by line how they differ from the expected ones."""

    test: RuleTest
    seen: tuple[ObservedEvent, ...]
    lines: tuple[str, ...]
    passed: bool


def run(test: RuleTest, config: Config) -> Verdict:
    """Run one test."""
    # From just before the start, so that what becomes due at the start itself is not skipped.
    seen = tuple(_Run(test, _of_test(test, config), checked=test.start - _MOMENT).events())
    pairs = list(_aligned(test.expected, seen))
    return Verdict(
        test=test,
        seen=seen,
        lines=tuple(line for expected, got in pairs for line in _compared(expected, got)),
        passed=all(expected and got and not _differ(expected, got) for expected, got in pairs),
    )


def _of_test(test: RuleTest, config: Config) -> Config:
    """Return the configuration with the accounts of the test alone, and its channels opened by name: nothing is
    sent."""
    jobs = [
        replace(job, accounts=tuple(account for account in test.readings if account.job == job.name))
        for job in config.jobs
    ]
    channels = {
        name: replace(channel, targets=(Target(channel=name, url_id=name),))
        for name, channel in config.channels.items()
    }
    return replace(config, jobs=tuple(jobs), channels=channels)


@dataclass(slots=True)
class _Run:
    """A test under way. Its clock stops at polls, at actions, and where time alone may change something.

    Up to the instant `checked`, whatever becomes due with time alone has been evaluated. `news`: a poll has brought
    events since. Then it is evaluated again, because an alert that worsened may have another route, whose
    `escalate_after` is already over."""

    test: RuleTest
    config: Config
    checked: datetime
    news: bool = False
    views: dict[str, SeriesView] = field(default_factory=dict)
    polled: set[tuple[str, str]] = field(default_factory=set)

    def events(self) -> Iterator[ObservedEvent]:
        """Yield every event, in order."""
        with scratch() as tx:
            for step in range(self.test.steps):
                now = self.test.start + step * self.test.every
                for account, readings in self.test.readings.items():
                    result = _polled(account, readings, step, now)
                    if result is not None:
                        recorded = record(tx, account, result, self.config)
                        self.views |= {str(view.series): view for view in recorded.views}
                        self.polled.add(account.key)
                        self.news |= bool(recorded.events)
                        yield from self._observed(tx, recorded.events)
                yield from self._pass_time(tx, now, now + self.test.every)

    def _pass_time(self, tx: Transaction, now: datetime, until: datetime) -> Iterator[ObservedEvent]:
        """Yield the events of a step after its polls, from their own instant until the next ones."""
        while now < until:
            self._act(tx, now)
            alerts = tx.alerts.all().values()
            if (
                self.news
                or any(map(_waits, alerts))
                or any(at <= now for at in self._due_times(alerts, until))
            ):
                self.news = False
                # Several times: one event may make another due at the same instant.
                while events := check_time_based(tx, self.config, now, self.polled):
                    yield from self._observed(tx, events)
                alerts = tx.alerts.all().values()
            self.checked = now
            now = min(self._due_times(alerts, until), default=until)

    def _due_times(self, alerts: Collection[Alert], until: datetime) -> list[datetime]:
        """Return every instant after the last check at which something may become due."""
        return [at for at in self._all_times(alerts, until) if self.checked < at < until]

    def _all_times(self, alerts: Collection[Alert], until: datetime) -> Iterator[datetime]:
        for action in self.test.actions:
            yield self.test.start + action.at
            if action.lasts is not None:
                yield self.test.start + action.at + action.lasts
        for maintenance in self.config.maintenance if alerts else ():
            yield from maintenance.window.edges(self.checked, until)
        waits = [route.escalate_after for route in self.config.routes if route.escalate_after is not None]
        for alert in alerts:
            if (rule := self.config.rule(alert.rule)) is not None:
                for escalate_after in waits or (None,):
                    yield from due_times(alert, rule.policy, escalate_after)
        for rule in self.config.rules:
            if any(level.longest_gap is not None for level in rule.each_level):
                yield from self._stale_times(rule)

    def _stale_times(self, rule: Rule) -> Iterator[datetime]:
        for view in self.views.values():
            if rule.match.series(view.series):
                last = view.last.observed_at if view.last else view.watched_since
                schedule = self.config.schedules.get(view.series.account.job)
                times = (level.stale_at(schedule, last) for level in rule.each_level)
                yield from (at for at in times if at is not None)

    def _act(self, tx: Transaction, now: datetime) -> None:
        """Apply the actions of an instant; at an instant with polls, right after these."""
        for action in self.test.actions:
            if self.test.start + action.at != now:
                continue
            if action.lasts is not None:
                by = {"by": "test", "reason": "a rule test"}
                tx.alerts.add_silence(action.match, starts_at=now, ends_at=now + action.lasts, now=now, **by)
                continue
            context = AlertContext(describe=self.config.describe)
            for alert in tx.alerts.all().values():
                attributes = context.attributes(alert, self.config.rule(alert.rule))
                if alert.state is State.FIRING and action.match.alert(attributes):
                    tx.alerts.save(acknowledge(alert, Ack(by="test", reason="a rule test", at=now)))

    def _observed(self, tx: Transaction, events: tuple[Event, ...]) -> Iterator[ObservedEvent]:
        for event in events:
            rule = self.config.rule(event.alert.rule)
            # The daemon records such an end as well, but does not notify it.
            if event.kind is EventKind.RESOLVED and rule is not None and not rule.policy.send_resolved:
                continue
            targets = tx.outbox.addressed(event.alert.id, event.seq)
            channels = tuple(sorted({target.channel for target in targets}))
            yield ObservedEvent(at=event.at - self.test.start, event=event, channels=channels)


def _waits(alert: Alert) -> bool:
    """Return True if something other than time may bring an event: the end of a mute, or of an explaining alert."""
    return alert.muted is not None or (alert.state is State.FIRING) is not alert.announced


def _polled(
    account: Account, readings: Mapping[str, tuple[Sample, ...]], step: int, at: datetime
) -> PollResult | None:
    result = PollResult(outcome=Outcome.OK, started_at=at, finished_at=at, attempts=1)
    balances = []
    for currency, samples in readings.items():
        match samples[step] if step < len(samples) else Gap():
            case Gap():
                return None
            case Failure(outcome):
                return replace(result, outcome=outcome, detail="set by the test")
            case Lacking():
                continue
            case Value(amount):
                balances.append(Balance(currency=currency, total=amount, available=amount))
    return replace(result, balances=tuple(balances))


# The differences


def _aligned(
    expected: tuple[Expected, ...], seen: tuple[ObservedEvent, ...]
) -> Iterator[tuple[Expected | None, ObservedEvent | None]]:
    """Pair expected and observed events of the same rule, subject and kind; the others get None as their partner."""
    by_time = sorted(expected, key=lambda one: one.at)
    left = [(one.rule, one.subject, one.kind) for one in by_time]
    right = [(one.event.alert.rule, one.event.alert.subject, one.event.kind) for one in seen]
    for what, a, a_end, b, b_end in SequenceMatcher(None, left, right, autojunk=False).get_opcodes():
        if what == "equal":
            yield from zip(by_time[a:a_end], seen[b:b_end], strict=True)
        else:
            yield from ((one, None) for one in by_time[a:a_end])
            yield from ((None, one) for one in seen[b:b_end])


def _compared(expected: Expected | None, got: ObservedEvent | None) -> Iterator[str]:
    if expected is not None and got is not None and not _differ(expected, got):
        yield f"  {_observed_line(got)}"
        return
    if expected is not None:
        yield f"- {_expected_line(expected)}"
    if got is not None:
        yield f"+ {_observed_line(got)}"


def _differ(expected: Expected, got: ObservedEvent) -> bool:
    """Return True if an event of the right kind differs from the expected one in time, severity, reason or channels."""
    alert = got.event.alert
    return (
        expected.at != got.at
        or expected.severity not in (None, alert.severity)
        or (expected.reason is not None and expected.reason not in got.event.reason)
        or (expected.channels is not None and sorted(expected.channels) != sorted(got.channels))
    )


def _expected_line(one: Expected) -> str:
    parts = [exact(one.at), one.kind.value, one.rule, one.subject]
    if one.severity is not None:
        parts.append(one.severity.word)
    if one.channels is not None:
        parts.append(f"to {', '.join(one.channels) or 'nobody'}")
    if one.reason is not None:
        parts.append(f"with {one.reason!r}")
    return "  ".join(parts)


def _observed_line(one: ObservedEvent) -> str:
    alert, to = one.event.alert, f"to {', '.join(one.channels) or 'nobody'}"
    parts = [exact(one.at), one.event.kind.value, alert.rule, alert.subject, alert.severity.word, to]
    return "  ".join([*parts, one.event.reason])
