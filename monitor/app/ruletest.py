"""Rule tests: a story of readings through the very evaluator, state machine and store queries of the daemon, with the
clock of the test."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from difflib import SequenceMatcher

from monitor.config import Config
from monitor.config.ruletests import Expected, RuleTest
from monitor.domain.alerts import Ack, Event, acknowledge
from monitor.domain.delivery import Target
from monitor.domain.evaluation import Desk
from monitor.domain.model import Account, Balance, PollResult, State
from monitor.domain.notation import Failure, Gap, Lacking, Sample, Value
from monitor.domain.units import exact
from monitor.errors import Outcome
from monitor.poll import Watch, look_between_polls, record
from monitor.store.scratch import scratch
from monitor.store.transaction import Transaction

LOOK_EVERY = timedelta(seconds=5)
LOOKS_A_STEP = 12
"""Looks between two polls, at most: a step of an hour takes no seven hundred of them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """An event that was told, and the channels it went to."""

    at: timedelta
    event: Event
    channels: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What became of a test: what was told, and line by line how that differs from what was expected."""

    test: RuleTest
    seen: tuple[Seen, ...]
    lines: tuple[str, ...]
    passed: bool


def run(test: RuleTest, config: Config) -> Verdict:
    """Runs one test."""
    seen = tuple(_Story(test, _watch(test, config)).told())
    pairs = list(_aligned(test.expected, seen))
    return Verdict(
        test=test,
        seen=seen,
        lines=tuple(line for expected, got in pairs for line in _compared(expected, got)),
        passed=all(expected and got and not _misfits(expected, got) for expected, got in pairs),
    )


def _watch(test: RuleTest, config: Config) -> Watch:
    """The configuration's rules and routes, over the accounts of the test; its channels by name alone, for nothing is
    sent."""
    return Watch(
        rules=config.rules,
        accounts={account.key: account for account in test.readings},
        targets={name: (Target(channel=name, url_id=name),) for name in config.channels},
        routes=config.routes,
        maintenance=config.maintenance,
        inhibitions=config.inhibitions,
        schedules={job.name: job.schedule for job in config.jobs},
    )


@dataclass(frozen=True, slots=True)
class _Story:
    test: RuleTest
    watch: Watch

    def told(self) -> Iterator[Seen]:
        """Every event, in order."""
        with scratch() as tx:
            polled: set[tuple[str, str]] = set()
            for step in range(self.test.steps):
                for account, readings in self.test.readings.items():
                    result = _polled(account, readings, step, self.test.start + step * self.test.every)
                    if result is not None:
                        yield from self._seen(tx, record(tx, account, result, self.watch).told)
                        polled.add(account.key)
                yield from self._until_next(tx, step, polled)

    def _until_next(self, tx: Transaction, step: int, polled: set[tuple[str, str]]) -> Iterator[Seen]:
        begins = step * self.test.every
        yield from self._act(tx, begins, begins + self.test.every)
        pause = max(LOOK_EVERY, self.test.every / LOOKS_A_STEP)
        for look in range(max(int(self.test.every / pause), 1)):
            at = self.test.start + begins + look * pause
            yield from self._seen(tx, look_between_polls(tx, self.watch, at, polled))

    def _act(self, tx: Transaction, since: timedelta, until: timedelta) -> Iterator[Seen]:
        """What somebody does in a step happens right after its polls."""
        for action in self.test.actions:
            if not since <= action.at < until:
                continue
            now = self.test.start + action.at
            if action.lasts is not None:
                by = {"by": "test", "reason": "a rule test"}
                tx.add_silence(action.match, starts_at=now, ends_at=now + action.lasts, now=now, **by)
                continue
            desk = Desk(describe=self.watch.describe)
            for alert in tx.alerts().values():
                attributes = desk.attributes(alert, self.watch.rule(alert.rule))
                if alert.state is State.FIRING and action.match.alert(attributes):
                    tx.save_alert(acknowledge(alert, Ack(by="test", reason="a rule test", at=now)))
        yield from ()

    def _seen(self, tx: Transaction, told: tuple[Event, ...]) -> Iterator[Seen]:
        for event in told:
            went = tx.addressed(event.alert.id, event.seq)
            channels = tuple(sorted({target.channel for target in went}))
            yield Seen(at=event.at - self.test.start, event=event, channels=channels)


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
                return replace(result, outcome=outcome, detail="as the test says")
            case Lacking():
                continue
            case Value(amount):
                balances.append(Balance(currency=currency, total=amount, available=amount))
    return replace(result, balances=tuple(balances))


# What differs


def _aligned(
    expected: tuple[Expected, ...], seen: tuple[Seen, ...]
) -> Iterator[tuple[Expected | None, Seen | None]]:
    """Expected and told events side by side: those that are alike, and around them what is only on one side."""
    by_time = sorted(expected, key=lambda one: one.at)
    left = [(one.rule, one.subject, one.kind) for one in by_time]
    right = [(one.event.alert.rule, one.event.alert.subject, one.event.kind) for one in seen]
    for what, a, a_end, b, b_end in SequenceMatcher(None, left, right, autojunk=False).get_opcodes():
        if what == "equal":
            yield from zip(by_time[a:a_end], seen[b:b_end], strict=True)
        else:
            yield from ((one, None) for one in by_time[a:a_end])
            yield from ((None, one) for one in seen[b:b_end])


def _compared(expected: Expected | None, got: Seen | None) -> Iterator[str]:
    if expected is not None and got is not None and not _misfits(expected, got):
        yield f"  {_told_line(got)}"
        return
    if expected is not None:
        yield f"- {_expected_line(expected)}"
    if got is not None:
        yield f"+ {_told_line(got)}"


def _misfits(expected: Expected, got: Seen) -> bool:
    """Whether an event of the right kind came at another time, or is otherwise not what was expected."""
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


def _told_line(one: Seen) -> str:
    alert = one.event.alert
    to = f"to {', '.join(one.channels) or 'nobody'}"
    what = (
        exact(one.at),
        one.event.kind.value,
        alert.rule,
        alert.subject,
        alert.severity.word,
        to,
    )
    return "  ".join([*what, one.event.reason])
